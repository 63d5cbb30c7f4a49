/* spawn.c - a fresh process for a room: fork, and execute ourselves, so that no memory is shared.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "avow/room/room.h"
#include "avowd.h"

extern char **environ;

enum { EXIT_NOT_EXECUTED = 127 };

/* A descriptor at its agreed number. dup2 onto itself would leave the close-on-exec flag as it is.
 */
static int place(int descriptor, int number)
{
    return descriptor == number ? fcntl(descriptor, F_SETFD, 0) : dup2(descriptor, number);
}

/* Only what may be called between fork and exec. */
static void become(char *const arguments[], char *const environment[], int end, int lock)
{
    int nothing = open("/dev/null", O_RDWR);

    /* First out of each other's way. */
    end = fcntl(end, F_DUPFD, ROOM_LOCK_DESCRIPTOR + 1);
    lock = fcntl(lock, F_DUPFD, ROOM_LOCK_DESCRIPTOR + 1);
    if (nothing < 0 || end < 0 || lock < 0 || place(nothing, STDIN_FILENO) < 0 ||
        place(nothing, STDOUT_FILENO) < 0 || place(end, ROOM_SUPERVISOR_DESCRIPTOR) < 0 ||
        place(lock, ROOM_LOCK_DESCRIPTOR) < 0)
        _exit(EXIT_NOT_EXECUTED);
    (void)syscall(SYS_close_range, ROOM_LOCK_DESCRIPTOR + 1, ~0U, 0); /* the rest closes on exec */
    execve("/proc/self/exe", arguments, environment);
    _exit(EXIT_NOT_EXECUTED);
}

pid_t spawn_room(const struct avowd *avowd, enum room_kind kind, int end)
{
    char title[32], flag[32];
    char *arguments[] = {title, flag, NULL};
    char **environment = kind == ROOM_SIGNER ? avowd->environment_signer : avowd->environment;

    (void)snprintf(title, sizeof title, "avowd: %s", room_name(kind));
    (void)snprintf(flag, sizeof flag, "--room=%s", room_name(kind));
    pid_t pid = fork();
    if (pid == 0)
        become(arguments, environment, end, avowd->ground.lock);
    return pid;
}

static bool begins_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* PKCS#11 modules are set up by the environment; the service manager's socket is not for them. */
static bool is_for_signer(const char *variable)
{
    return !begins_with(variable, "NOTIFY_SOCKET=") && !begins_with(variable, "LISTEN_") &&
           !begins_with(variable, "WATCHDOG_");
}

/* The other rooms need nothing but what a sanitizer build is told by. */
static bool is_for_all(const char *variable)
{
    return begins_with(variable, "ASAN_OPTIONS=") || begins_with(variable, "UBSAN_OPTIONS=") ||
           begins_with(variable, "LSAN_OPTIONS=") || begins_with(variable, "TSAN_OPTIONS=");
}

static char **choose(bool (*wanted)(const char *variable))
{
    size_t count = 0;

    while (environ && environ[count])
        count++;
    char **chosen = calloc(count + 1, sizeof *chosen);
    size_t kept = 0;
    for (size_t i = 0; chosen && i < count; i++) {
        if (wanted(environ[i]))
            chosen[kept++] = environ[i];
    }
    return chosen;
}

enum result spawn_environments(struct avowd *avowd)
{
    avowd->environment_signer = choose(is_for_signer);
    avowd->environment = choose(is_for_all);
    return avowd->environment_signer && avowd->environment ? RESULT_OK : RESULT_SYSTEM;
}

void spawn_free(struct avowd *avowd)
{
    free(avowd->environment_signer);
    free(avowd->environment);
    avowd->environment_signer = NULL;
    avowd->environment = NULL;
}
