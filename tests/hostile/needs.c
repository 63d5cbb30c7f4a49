/* needs.c - what rooms need, which must go on working however hostile they are. */
#include "acts.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "avow/base/log.h"
#include "avow/ipc/identity.h"

static void *breathe(void *context)
{
    void *memory = malloc(3 * 1024 * 1024); /* an arena of the thread's own */

    (void)pthread_setname_np(pthread_self(),
                             "worker"); /* only a thread itself: no file is opened */
    if (memory)
        memset(memory, 1, 3 * 1024 * 1024);
    *(bool *)context = memory != NULL;
    free(memory);
    return NULL;
}

static int need_threads(struct spoils *s)
{
    pthread_t thread;
    bool breathed = false;
    (void)s;
    if (pthread_create(&thread, NULL, breathe, &breathed))
        return -1;
    return pthread_join(thread, NULL) || !breathed ? -1 : 0;
}

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

static int need_accept(struct spoils *s)
{
    /* Nobody connects: what counts is that asking is allowed. */
    int descriptor = accept4(s->listener_fd, NULL, NULL, SOCK_NONBLOCK);
    if (descriptor >= 0)
        close(descriptor);
    return descriptor >= 0 || errno == EAGAIN ? 0 : -1;
}

/* A connection goes to the desk as a descriptor beside a letter. */
static int need_hand_over(struct spoils *s)
{
    union {
        struct cmsghdr header;
        char octets[CMSG_SPACE(sizeof(int))];
    } control = {.header = {.cmsg_len = CMSG_LEN(sizeof(int)),
                            .cmsg_level = SOL_SOCKET,
                            .cmsg_type = SCM_RIGHTS}};
    char text[] = "letter";
    struct iovec out = {text, 6};
    struct msghdr letter = {.msg_iov = &out,
                            .msg_iovlen = 1,
                            .msg_control = &control,
                            .msg_controllen = sizeof control.octets};

    memcpy(CMSG_DATA(&control.header), &s->tcp, sizeof s->tcp);
    return sendmsg(s->channel, &letter, MSG_NOSIGNAL) == 6 ? 0 : -1;
}

static int need_loop(struct spoils *s)
{
    struct epoll_event event = {.events = EPOLLIN};
    struct itimerspec soon = {.it_value.tv_nsec = 1000};
    int epoll = epoll_create1(EPOLL_CLOEXEC), timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    (void)s;
    if (epoll < 0 || timer < 0 || eventfd(0, EFD_NONBLOCK) < 0 ||
        timerfd_settime(timer, 0, &soon, NULL) || epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &event))
        return -1;
    return epoll_wait(epoll, &event, 1, 1000) == 1 ? 0 : -1;
}

/* A file's name for the zone of time would be opened at the first line, had it not been before. */
static int need_log(struct spoils *s)
{
    int ends[2];
    char line[256];
    (void)s;

    if (pipe2(ends, O_CLOEXEC))
        return -1;
    log_open("front", LOG_LEVEL_INFO, ends[1]);
    log_info("a line");
    return read(ends[0], line, sizeof line) > 0 ? 0 : -1;
}

static int need_chance(struct spoils *s)
{
    char octets[16];
    (void)s;
    return getrandom(octets, sizeof octets, 0) == sizeof octets ? 0 : -1;
}

/* As NOTIFY goes out: to whoever is configured, by a socket that is bound and never connected. */
static int need_notify(struct spoils *s)
{
    struct sockaddr_in own;
    socklen_t length = sizeof own;
    char got[8];

    if (getsockname(s->udp, (struct sockaddr *)&own, &length) ||
        sendto(s->udp, "ping", 4, MSG_NOSIGNAL, (struct sockaddr *)&own, length) != 4)
        return -1;
    return recvfrom(s->udp, got, sizeof got, 0, NULL, NULL) == 4 ? 0 : -1;
}

/* A connection comes as a descriptor beside a letter, and is read and written. */
static int need_take_over(struct spoils *s)
{
    char octets[CMSG_SPACE(sizeof(int))], text[8];
    struct iovec in = {text, sizeof text};
    struct msghdr letter = {
        .msg_iov = &in, .msg_iovlen = 1, .msg_control = octets, .msg_controllen = sizeof octets};
    int taken;

    if (need_hand_over(s) || recvmsg(s->far_end, &letter, MSG_CMSG_CLOEXEC) != 6 ||
        !CMSG_FIRSTHDR(&letter))
        return -1;
    memcpy(&taken, CMSG_DATA(CMSG_FIRSTHDR(&letter)), sizeof taken);
    return close(taken);
}

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

const struct need needs[] = {
    {"start threads", need_threads, FRONT | DESK | VEIL},
    {"read the store", need_read_store, FRONT | DESK},
    {"receive and send in batches", need_udp, FRONT},
    {"send and receive NOTIFY", need_notify, DESK},
    {"accept connections", need_accept, FRONT | VEIL},
    {"hand over a connection", need_hand_over, FRONT | VEIL},
    {"take over a connection", need_take_over, DESK},
    {"run an event loop", need_loop, FRONT | DESK | VEIL},
    {"write the log", need_log, FRONT | DESK | VEIL},
    {"take random octets", need_chance, FRONT | DESK | VEIL},
    {"make a plain side", need_plain_side, VEIL},
};

const size_t need_count = COUNT(needs);
