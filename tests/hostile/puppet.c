/*
 * puppet.c - a front or a desk that was taken over: whoever holds its strings sends what he likes
 * on its channels, and hears what comes back.
 *
 * Linked into avowd before the rooms, it takes the place of the one whose strings lie in the
 * state's folder, a SOCK_SEQPACKET socket "strings.ROOM", and confines itself as that room does. A
 * packet there begins with the room at the other end of the channel (ROOMS: the supervisor), the
 * channel's index, and how many descriptors go beside it; then come the octets of a frame.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "avow/base/log.h"
#include "avow/config/config.h"
#include "avow/desk/desk.h"
#include "avow/front/front.h"
#include "avow/room/room.h"

enum { STRING_HEADER = 3, CHANNELS = 16 };

int __real_front_main(struct room *room);
int __wrap_front_main(struct room *room);
int __real_desk_main(struct room *room);
int __wrap_desk_main(struct room *room);

struct puppet {
    struct room *room;
    int strings;
    struct {
        enum room_kind room;
        uint16_t index;
        int descriptor;
        ev_io readable;
    } channels[CHANNELS];
    unsigned count;
    ev_io pulled;
    uint8_t octets[STRING_HEADER + 2 * FRAME_MAX_OCTETS]; /* also what is too long to be a frame */
};

static int channel_to(const struct puppet *puppet, unsigned room, unsigned index)
{
    for (unsigned i = 0; i < puppet->count; i++) {
        if (puppet->channels[i].room == room && puppet->channels[i].index == index)
            return puppet->channels[i].descriptor;
    }
    return room == ROOMS ? ROOM_SUPERVISOR_DESCRIPTOR : -1;
}

/* A frame with so many descriptors beside it: our standard error, which is of use to nobody. */
static void send_frame(int descriptor, const uint8_t *octets, size_t length, unsigned beside)
{
    int given[FRAME_MAX_DESCRIPTORS] = {STDERR_FILENO, STDERR_FILENO};
    union {
        struct cmsghdr header;
        char octets[CMSG_SPACE(sizeof given)];
    } control = {.header = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
    struct iovec out = {(void *)octets, length};
    struct msghdr letter = {.msg_iov = &out, .msg_iovlen = 1};

    if (beside) {
        control.header.cmsg_len = CMSG_LEN(beside * sizeof *given);
        letter.msg_control = &control;
        letter.msg_controllen = CMSG_SPACE(beside * sizeof *given);
        memcpy(CMSG_DATA(&control.header), given, beside * sizeof *given);
    }
    struct pollfd room = {.fd = descriptor, .events = POLLOUT};
    ssize_t sent;
    while ((sent = sendmsg(descriptor, &letter, MSG_NOSIGNAL)) < 0 && errno == EAGAIN)
        (void)poll(&room, 1, -1);
    if (sent < 0)
        log_warning("a letter of the test does not go out: %s", strerror(errno));
}

static void on_pulled(struct ev_loop *loop, ev_io *watcher, int happened)
{
    struct puppet *puppet = watcher->data;
    ssize_t length = recv(puppet->strings, puppet->octets, sizeof puppet->octets, 0);
    (void)happened;

    if (length < STRING_HEADER) {
        ev_io_stop(loop, watcher);
        return;
    }
    int descriptor = channel_to(puppet, puppet->octets[0], puppet->octets[1]);
    unsigned beside = puppet->octets[2];
    if (descriptor >= 0 && beside <= FRAME_MAX_DESCRIPTORS)
        send_frame(descriptor, puppet->octets + STRING_HEADER, (size_t)length - STRING_HEADER,
                   beside);
}

static void on_heard(struct ev_loop *loop, ev_io *watcher, int happened)
{
    struct puppet *puppet = watcher->data;
    uint8_t *octets = puppet->octets;
    ssize_t length =
        recv(watcher->fd, octets + STRING_HEADER, sizeof puppet->octets - STRING_HEADER, 0);
    (void)happened;

    if (length <= 0) {
        ev_io_stop(loop, watcher);
        return;
    }
    for (unsigned i = 0; i < puppet->count; i++) {
        if (puppet->channels[i].descriptor != watcher->fd)
            continue;
        octets[0] = (uint8_t)puppet->channels[i].room;
        octets[1] = (uint8_t)puppet->channels[i].index;
        octets[2] = 0;
    }
    (void)send(puppet->strings, octets, STRING_HEADER + (size_t)length, MSG_NOSIGNAL);
}

static void on_peer(void *context, enum room_kind kind, uint16_t index, int descriptor)
{
    struct puppet *puppet = context;

    if (puppet->count == CHANNELS) {
        close(descriptor);
        return;
    }
    unsigned place = puppet->count++;
    ev_io *readable = &puppet->channels[place].readable;
    puppet->channels[place].room = kind;
    puppet->channels[place].index = index;
    puppet->channels[place].descriptor = descriptor;
    ev_io_init(readable, on_heard, descriptor, EV_READ);
    readable->data = puppet;
    ev_io_start(puppet->room->loop, readable);
}

/* -1: there are none. */
static int find_strings(const struct room *room)
{
    struct sockaddr_un there = {.sun_family = AF_UNIX};
    int length = snprintf(there.sun_path, sizeof there.sun_path, "%s/strings.%s",
                          room->config->server.state, room_name(room->kind));
    int strings = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    if (strings >= 0 && length > 0 && (size_t)length < sizeof there.sun_path &&
        connect(strings, (struct sockaddr *)&there, sizeof there) == 0)
        return strings;
    if (strings >= 0)
        close(strings);
    return -1;
}

static int dance(struct room *room, int strings)
{
    static const struct room_events events = {.peer = on_peer};
    struct puppet *puppet = calloc(1, sizeof *puppet);

    if (!puppet)
        return room_fail(room, "out of memory");
    puppet->room = room;
    puppet->strings = strings;
    if (room_confine(room))
        return room_fail(room, "it could not be confined");
    ev_io_init(&puppet->pulled, on_pulled, puppet->strings, EV_READ);
    puppet->pulled.data = puppet;
    ev_io_start(room->loop, &puppet->pulled);
    int code = room_run(room, &events, puppet);
    free(puppet);
    return code;
}

int __wrap_front_main(struct room *room)
{
    int strings = find_strings(room);
    return strings < 0 ? __real_front_main(room) : dance(room, strings);
}

int __wrap_desk_main(struct room *room)
{
    int strings = find_strings(room);
    return strings < 0 ? __real_desk_main(room) : dance(room, strings);
}
