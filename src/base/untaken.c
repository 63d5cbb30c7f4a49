/* untaken.c - what of a TCP connection its client does not take. */
#include "avow/base/untaken.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

size_t untaken_octets(int descriptor)
{
    struct tcp_info info = {.tcpi_notsent_bytes = 0}; /* also where the kernel knows less */
    socklen_t length = sizeof info;

    return getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &length) ? 0
                                                                         : info.tcpi_notsent_bytes;
}

void untaken_forget(int descriptor)
{
    const struct linger at_once = {.l_onoff = 1};

    (void)setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}
