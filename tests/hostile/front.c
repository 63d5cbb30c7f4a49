/* front.c - what the front needs. */
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "acts.h"
#include "avow/base/result.h"

static int need_read_store(struct spoils *s)
{
    char octet;
    void *page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, s->store_fd, 0);
    if (page == MAP_FAILED || pread(s->store_fd, &octet, 1, 0) != 1)
        return -1;
    return *(char *)page == octet ? 0 : -1;
}

static int need_udp(struct spoils *s)
{
    struct sockaddr_in own;
    socklen_t length = sizeof own;
    char octets[8] = "ping", got[8];
    struct iovec out = {octets, 4}, in = {got, sizeof got};
    struct mmsghdr send = {
        .msg_hdr = {.msg_name = &own, .msg_namelen = sizeof own, .msg_iov = &out, .msg_iovlen = 1}};
    struct mmsghdr receive = {.msg_hdr = {.msg_iov = &in, .msg_iovlen = 1}};

    if (getsockname(s->udp, (struct sockaddr *)&own, &length))
        return -1;
    if (sendmmsg(s->udp, &send, 1, 0) != 1)
        return -1;
    return recvmmsg(s->udp, &receive, 1, 0, NULL) == 1 ? 0 : -1;
}

static const struct need needs[] = {
    {"start threads", need_threads},     {"read the store", need_read_store},
    {"receive and send", need_udp},      {"accept connections", need_accept},
    {"run an event loop", need_loop},    {"write the log", need_log},
    {"take random octets", need_chance}, {"hand over a connection", need_hand_over},
};

const struct inmate inmate = {.room = ROOM_FRONT, .needs = needs, .need_count = COUNT(needs)};
