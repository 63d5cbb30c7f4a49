/*
 * rooms.c - a front, a desk and a veil that were taken over, trying what they must be unable to do.
 *
 * Each act runs twice, in a process of its own: unconfined, where it must succeed (or it would
 * prove nothing), and after the room's own confinement, where it must be denied: by an error or by
 * death. What the room needs must go on working.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "acts.h"
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

/* ---- running -------------------------------------------------------------------------------- */

static void wait_for_signals(void)
{
    (void)signal(SIGUSR1, SIG_IGN);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    for (;;)
        pause();
}

/* A file of a page's length. */
static bool lay_file(const struct spoils *s, char *path, size_t size, const char *name)
{
    (void)snprintf(path, size, "%s/%s", s->folder, name);
    int made = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (made < 0 || ftruncate(made, 4096))
        return false;
    return close(made) == 0;
}

static bool lay_out(struct spoils *s)
{
    socklen_t length = sizeof s->listener;
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    *s = (struct spoils){.folder = "/tmp/avow-hostile-XXXXXX", .victim_memory = &hostile_secret};
    if (!mkdtemp(s->folder))
        return false;
    if (!lay_file(s, s->store, sizeof s->store, "store") ||
        !lay_file(s, s->key, sizeof s->key, "key") || !lay_file(s, s->pin, sizeof s->pin, "pin") ||
        !lay_file(s, s->lock, sizeof s->lock, "lock") ||
        !lay_file(s, s->token, sizeof s->token, "token"))
        return false;
    s->store_fd = open(s->store, O_RDONLY | O_CLOEXEC);
    s->folder_fd = open(s->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    s->tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    s->udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    s->listener_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
        return false;
    s->channel = ends[0];
    s->far_end = ends[1];
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
    static const char *const left[] = {"store", "key",     "pin",    "lock",      "token",
                                       "new",   "renamed", "linked", "symlinked", "fifo"};
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
    int open_ones[] = {s->store_fd,    s->folder_fd, s->tcp,    s->udp,
                       s->listener_fd, s->channel,   s->far_end};
    for (size_t i = 0; i < COUNT(open_ones); i++)
        close(open_ones[i]);
}

/* In a child: become the room, if so wanted, and do it. */
static void perform(struct spoils *spoils, act *what, enum room_kind room, bool confined)
{
    struct confine_order order = {.room = room, .user = (uid_t)-1};
    struct confinement confinement = {0};

    tzset();
    if (confined && (confine(&order, &confinement) || confinement.missing))
        _exit(CODE_BROKEN);
    _exit(what(spoils) == 0 ? CODE_SUCCEEDED : CODE_DENIED);
}

enum ending { ENDING_SUCCEEDED, ENDING_ERROR, ENDING_KILLED, ENDING_BROKEN };

static enum ending run(act *what, enum room_kind room, bool confined)
{
    struct spoils spoils;
    int status = 0;

    if (!lay_out(&spoils))
        return ENDING_BROKEN;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        perform(&spoils, what, room, confined);
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

struct tally {
    unsigned tried, succeeded, needed, broken;
};

static void try_act(enum room_kind room, const struct attempt *attempt, struct tally *tally)
{
    enum ending free_ending = run(attempt->act, room, false);
    enum ending ending = run(attempt->act, room, true);

    tally->tried++;
    tally->succeeded += ending == ENDING_SUCCEEDED;
    if (free_ending != ENDING_SUCCEEDED && !attempt->may_fail) {
        printf("FAILED  %s: does not even work unconfined (%d)\n", attempt->what, free_ending);
        tally->broken++;
    } else if (ending == ENDING_SUCCEEDED) {
        printf("FAILED  %s: the %s can do it\n", attempt->what, room_name(room));
    } else if (ending == ENDING_BROKEN) {
        printf("FAILED  %s: the test broke\n", attempt->what);
        tally->broken++;
    } else {
        printf("denied  %s (%s)%s\n", attempt->what, ending == ENDING_KILLED ? "killed" : "error",
               free_ending == ENDING_SUCCEEDED ? "" : "; not to be had here even unconfined");
    }
}

static void try_need(enum room_kind room, const struct need *need, struct tally *tally)
{
    enum ending ending = run(need->act, room, true);

    tally->needed++;
    tally->broken += ending != ENDING_SUCCEEDED;
    printf("%s %s (%d)\n", ending == ENDING_SUCCEEDED ? "works  " : "FAILED ", need->what, ending);
}

/* Whether all went as it should. */
static bool try_room(enum room_kind room)
{
    struct tally tally = {0};

    printf("---- a hostile %s\n", room_name(room));
    for (size_t i = 0; i < attempt_count; i++) {
        if (!(attempts[i].needed_by & 1U << room))
            try_act(room, &attempts[i], &tally);
    }
    for (size_t i = 0; i < need_count; i++) {
        if (needs[i].rooms & 1U << room)
            try_need(room, &needs[i], &tally);
    }
    printf("hostile %s: %u forbidden acts tried, %u succeeded; %u needs, %u broken\n",
           room_name(room), tally.tried, tally.succeeded, tally.needed, tally.broken);
    return tally.succeeded == 0 && tally.broken == 0;
}

int main(void)
{
    if (SANITIZED) {
        printf("a sanitizer's own needs are allowed in this build: nothing to show\n");
        return EXIT_SUCCESS;
    }
    bool front = try_room(ROOM_FRONT), desk = try_room(ROOM_DESK), veil = try_room(ROOM_VEIL);
    return front && desk && veil ? EXIT_SUCCESS : EXIT_FAILURE;
}
