/*
 * run.c - a room that was taken over, trying what it must be unable to do.
 *
 * Each act runs twice, in a process of its own: unconfined, where it must succeed (or it would
 * prove nothing), and after the room's own confinement, where it must be denied: by an error or by
 * death. What the room needs must go on working.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "acts.h"
#include "avow/base/log.h"
#include "avow/ipc/message.h"
#include "avow/room/confine.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

enum { CODE_SUCCEEDED = 0, CODE_DENIED = 77, CODE_BROKEN = 78 };

/* ---- what every room needs ------------------------------------------------------------------- */

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

int need_threads(struct spoils *s)
{
    pthread_t thread;
    bool breathed = false;
    (void)s;
    if (pthread_create(&thread, NULL, breathe, &breathed))
        return -1;
    return pthread_join(thread, NULL) || !breathed ? -1 : 0;
}

int need_accept(struct spoils *s)
{
    /* Nobody connects: what counts is that asking is allowed. */
    int descriptor = accept4(s->listener_fd, NULL, NULL, SOCK_NONBLOCK);
    if (descriptor >= 0)
        close(descriptor);
    return descriptor >= 0 || errno == EAGAIN ? 0 : -1;
}

/* A connection goes to the desk as a descriptor beside a letter. */
int need_hand_over(struct spoils *s)
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

int need_loop(struct spoils *s)
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
int need_log(struct spoils *s)
{
    int ends[2];
    char line[256];
    (void)s;

    if (pipe2(ends, O_CLOEXEC))
        return -1;
    log_open("room", LOG_LEVEL_INFO, ends[1]);
    log_info("a line");
    return read(ends[0], line, sizeof line) > 0 ? 0 : -1;
}

int need_chance(struct spoils *s)
{
    char octets[16];
    (void)s;
    return getrandom(octets, sizeof octets, 0) == sizeof octets ? 0 : -1;
}

/* ---- running -------------------------------------------------------------------------------- */

static void wait_for_signals(void)
{
    (void)signal(SIGUSR1, SIG_IGN);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    for (;;)
        pause();
}

static bool lay_out(struct spoils *s)
{
    socklen_t length = sizeof s->listener;
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    *s = (struct spoils){.folder = "/tmp/avow-hostile-XXXXXX", .victim_memory = &hostile_secret};
    if (!mkdtemp(s->folder))
        return false;
    (void)snprintf(s->store, sizeof s->store, "%s/store", s->folder);
    int made = open(s->store, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (made < 0 || ftruncate(made, 4096))
        return false;
    close(made);
    s->store_fd = open(s->store, O_RDONLY | O_CLOEXEC);
    s->folder_fd = open(s->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    s->tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    s->udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    s->listener_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
        return false;
    s->channel = ends[0]; /* the other end stays open, and is never read */
    if (s->store_fd < 0 || s->folder_fd < 0 || s->tcp < 0 || s->udp < 0 || s->listener_fd < 0 ||
        bind(s->udp, (struct sockaddr *)&any, sizeof any) ||
        bind(s->listener_fd, (struct sockaddr *)&any, sizeof any) || listen(s->listener_fd, 8) ||
        getsockname(s->listener_fd, (struct sockaddr *)&s->listener, &length))
        return false;
    s->victim = fork();
    if (s->victim == 0)
        wait_for_signals();
    return s->victim > 0;
}

static void clear_up(struct spoils *s)
{
    static const char *const left[] = {"store", "new", "renamed", "linked", "symlinked", "fifo"};
    char path[96];

    (void)kill(s->victim, SIGKILL);
    (void)waitpid(s->victim, NULL, 0);
    for (size_t i = 0; i < COUNT(left); i++) {
        (void)snprintf(path, sizeof path, "%s/%s", s->folder, left[i]);
        (void)unlink(path);
    }
    (void)snprintf(path, sizeof path, "%s/made", s->folder);
    (void)rmdir(path);
    (void)rmdir(s->folder);
    int open_ones[] = {s->store_fd, s->folder_fd, s->tcp, s->udp, s->listener_fd};
    for (size_t i = 0; i < COUNT(open_ones); i++)
        close(open_ones[i]);
}

/* In a child: become the room, if so wanted, and do it. */
static void perform(struct spoils *spoils, act *what, bool confined)
{
    struct confine_order order = {.room = inmate.room, .user = (uid_t)-1};
    struct confinement confinement = {0};

    tzset();
    if (confined && (confine(&order, &confinement) || confinement.missing))
        _exit(CODE_BROKEN);
    _exit(what(spoils) == 0 ? CODE_SUCCEEDED : CODE_DENIED);
}

enum ending { ENDING_SUCCEEDED, ENDING_ERROR, ENDING_KILLED, ENDING_BROKEN };

static enum ending run(act *what, bool confined)
{
    struct spoils spoils;
    int status = 0;

    if (!lay_out(&spoils))
        return ENDING_BROKEN;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        perform(&spoils, what, confined);
    bool waited = pid > 0 && waitpid(pid, &status, 0) == pid;
    clear_up(&spoils);
    if (!waited)
        return ENDING_BROKEN;
    if (WIFSIGNALED(status))
        return WTERMSIG(status) == SIGSYS ? ENDING_KILLED : ENDING_BROKEN;
    if (WEXITSTATUS(status) == CODE_SUCCEEDED)
        return ENDING_SUCCEEDED;
    return WEXITSTATUS(status) == CODE_DENIED ? ENDING_ERROR : ENDING_BROKEN;
}

static bool test_act(size_t i)
{
    enum ending free_ending = run(attempts[i].act, false);
    enum ending ending = run(attempts[i].act, true);
    bool proves = free_ending == ENDING_SUCCEEDED || attempts[i].may_fail;
    bool denied = ending == ENDING_ERROR || ending == ENDING_KILLED;

    if (!proves)
        printf("FAILED  %s: does not even work unconfined (%d)\n", attempts[i].what, free_ending);
    else if (!denied)
        printf("FAILED  %s: %s\n", attempts[i].what,
               ending == ENDING_BROKEN ? "the test broke" : "the room can do it");
    else
        printf("denied  %s (%s)%s\n", attempts[i].what,
               ending == ENDING_KILLED ? "killed" : "error",
               free_ending == ENDING_SUCCEEDED ? "" : "; not to be had here even unconfined");
    return proves && denied;
}

static bool test_need(size_t i)
{
    enum ending ending = run(inmate.needs[i].act, true);

    printf("%s %s (%d)\n", ending == ENDING_SUCCEEDED ? "works  " : "FAILED ", inmate.needs[i].what,
           ending);
    return ending == ENDING_SUCCEEDED;
}

int main(void)
{
    unsigned passed = 0, failed = 0;

    if (SANITIZED) {
        printf("a sanitizer's own needs are allowed in this build: nothing to show\n");
        return EXIT_SUCCESS;
    }
    for (size_t i = 0; i < attempt_count; i++) {
        if (!inmate.allowed || strcmp(attempts[i].what, inmate.allowed) != 0)
            *(test_act(i) ? &passed : &failed) += 1;
    }
    for (size_t i = 0; i < inmate.need_count; i++)
        *(test_need(i) ? &passed : &failed) += 1;
    printf("hostile %s: %u passed, %u failed\n", room_name(inmate.room), passed, failed);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
