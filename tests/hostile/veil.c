/* veil.c - what the veil needs. */
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include "acts.h"
#include "avow/base/result.h"
#include "avow/ipc/identity.h"

/* The plain side of a connection: octets go through, and the kernel tells its number. */
static int need_plain_side(struct spoils *s)
{
    uint64_t number;
    char octets[4];
    int ends[2];
    (void)s;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) ||
        identity_socket(ends[1], &number))
        return -1;
    if (send(ends[0], "ping", 4, MSG_NOSIGNAL) != 4 || recv(ends[1], octets, 4, 0) != 4)
        return -1;
    return shutdown(ends[0], SHUT_WR);
}

static const struct need needs[] = {
    {"start threads", need_threads},        {"accept connections", need_accept},
    {"run an event loop", need_loop},       {"write the log", need_log},
    {"take random octets", need_chance},    {"hand over a connection", need_hand_over},
    {"make a plain side", need_plain_side},
};

const struct inmate inmate = {
    .room = ROOM_VEIL, .needs = needs, .need_count = COUNT(needs), .allowed = "make a socket pair"};
