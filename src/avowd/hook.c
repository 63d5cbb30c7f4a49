/* hook.c - the program that may refuse a load: run apart, for a bounded time, on a cleaned ground.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "avow/base/log.h"
#include "avowd.h"

enum {
    EXIT_NOT_EXECUTED = 127,
    HOOK_ARGUMENTS = 256,
    HOOK_VARIABLES = 12,
    VARIABLE_OCTETS = NAME_MAX_TEXT + 32,
    HOOK_DESCRIPTORS = 256
};

static const rlim_t hook_memory = (rlim_t)8 << 30, hook_file = (rlim_t)1 << 30; /* octets */

/* ---- the answer ------------------------------------------------------------------------------
 */

static void answer(struct avowd *avowd, uint32_t request, enum hook_outcome outcome,
                   const char *text)
{
    struct supervised *keeper = &avowd->rooms[ROOM_KEEPER];
    struct message message = {
        .kind = MESSAGE_HOOKED,
        .hooked = {.request = request, .outcome = (uint8_t)outcome, .text = text}};

    if (keeper->channel && channel_send(keeper->channel, &message))
        log_warning("the keeper was not told how its hook ended");
}

/* What the program said, on one line: it goes to the log and to terminals. */
static void tidy(char *text)
{
    size_t kept = 0;

    for (const char *at = text; *at; at++) {
        bool plain = (unsigned char)*at >= ' ' && (unsigned char)*at != 0x7f;
        if (plain)
            text[kept++] = *at;
        else if (kept && text[kept - 1] != ' ')
            text[kept++] = ' ';
    }
    while (kept && text[kept - 1] == ' ')
        kept--;
    text[kept] = '\0';
}

static void say_end(struct avowd *avowd, int status)
{
    struct hooking *hook = &avowd->hook;
    char why[96], name[NAME_MAX_TEXT], text[sizeof why + HOOK_TEXT + 2];
    bool ended = WIFEXITED(status) && WEXITSTATUS(status) != EXIT_NOT_EXECUTED && !hook->late;
    enum hook_outcome outcome = !ended                ? HOOK_FAILED
                                : WEXITSTATUS(status) ? HOOK_REFUSED
                                                      : HOOK_ACCEPTED;

    if (hook->late)
        (void)snprintf(why, sizeof why, "it was killed at its deadline");
    else if (WIFSIGNALED(status))
        (void)snprintf(why, sizeof why, "it died of signal %d", WTERMSIG(status));
    else if (!ended)
        (void)snprintf(why, sizeof why, "it could not be executed");
    else
        (void)snprintf(why, sizeof why, "it ended with code %d", WEXITSTATUS(status));
    tidy(hook->text);
    if (outcome == HOOK_ACCEPTED)
        (void)snprintf(text, sizeof text, "%s", hook->text);
    else
        (void)snprintf(text, sizeof text, "%s%s%s", why, *hook->text ? ": " : "", hook->text);
    log_info("the hook of %s: %s%s%s", name_to_text(&hook->zone, name), why,
             *hook->text ? ": " : "", hook->text);
    if (hook->asked)
        answer(avowd, hook->request, outcome, text);
}

/* ---- while it runs ---------------------------------------------------------------------------
 */

/* What is beyond the room for it is read all the same: a full pipe would stop the program. False
 * once its output is closed. */
static bool take_output(struct hooking *hook)
{
    char octets[4096];
    ssize_t length = read(hook->output, octets, sizeof octets);

    for (ssize_t i = 0; i < length && hook->length + 1 < sizeof hook->text; i++)
        hook->text[hook->length++] = (char)(octets[i] ? octets[i] : ' ');
    hook->text[hook->length] = '\0';
    return length > 0 || (length < 0 && (errno == EAGAIN || errno == EINTR));
}

static void on_output(struct ev_loop *loop, ev_io *watcher, int happened)
{
    struct avowd *avowd = watcher->data;
    (void)happened;

    if (!take_output(&avowd->hook))
        ev_io_stop(loop, watcher); /* the program may run on without it */
}

/* The program and all that it has started. */
static void end_group(const struct hooking *hook)
{
    if (kill(-hook->pid, SIGKILL) && errno == ESRCH)
        (void)kill(hook->pid, SIGKILL); /* it has not come so far as to lead a group */
}

static void on_deadline(struct ev_loop *loop, ev_timer *watcher, int happened)
{
    struct avowd *avowd = watcher->data;
    (void)loop, (void)happened;

    avowd->hook.late = true;
    end_group(&avowd->hook);
}

static void on_child(struct ev_loop *loop, ev_child *watcher, int happened)
{
    struct avowd *avowd = watcher->data;
    struct hooking *hook = &avowd->hook;
    (void)happened;

    (void)kill(-hook->pid, SIGKILL); /* what it has left behind */
    ev_child_stop(loop, watcher);
    ev_io_stop(loop, &hook->readable);
    ev_timer_stop(loop, &hook->deadline);
    (void)take_output(hook);
    close(hook->output);
    say_end(avowd, watcher->rstatus);
    hook->pid = 0;
}

/* ---- its beginning ---------------------------------------------------------------------------
 */

/* Everything that the program gets, made before the fork. */
struct beginning {
    char *arguments[HOOK_ARGUMENTS + 2];
    char *environment[HOOK_VARIABLES + 1];
    char variables[HOOK_VARIABLES][VARIABLE_OCTETS];
    size_t variable_count;
    struct confine_order order;
    rlim_t seconds;
};

static void PRINTF_LIKE(2, 3) set(struct beginning *beginning, const char *format, ...)
{
    char *variable = beginning->variables[beginning->variable_count];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(variable, VARIABLE_OCTETS, format, arguments);
    va_end(arguments);
    beginning->environment[beginning->variable_count++] = variable;
}

static void fill_environment(struct beginning *beginning, const struct message_hook *ask)
{
    char name[NAME_MAX_TEXT];

    set(beginning, "PATH=/usr/local/bin:/usr/bin:/bin");
    set(beginning, "LC_ALL=C.UTF-8");
    set(beginning, "AVOW_ZONE=%s", name_to_text(&ask->zone, name));
    set(beginning, "AVOW_SERIAL=%lu", (unsigned long)ask->serial);
    if (ask->served)
        set(beginning, "AVOW_SERVED_SERIAL=%lu", (unsigned long)ask->served_serial);
    set(beginning, "AVOW_NAMES=%llu", (unsigned long long)ask->names);
    set(beginning, "AVOW_NAMES_SERVED=%llu", (unsigned long long)ask->names_served);
    set(beginning, "AVOW_NAMES_GONE=%llu", (unsigned long long)ask->names_gone);
    set(beginning, "AVOW_NAMES_NEW=%llu", (unsigned long long)ask->names_new);
}

/* As root it must be somebody else: returns what is wrong, or NULL. */
static const char *choose_user(const struct avowd *avowd, const struct config_hook *hook,
                               struct confine_order *order)
{
    const char *user = hook->user ? hook->user : avowd->boot.server.user;

    order->user = (uid_t)-1;
    if (geteuid() != 0)
        return NULL;
    if (!user)
        return "it needs a user: set hook.user, or server.user";
    const struct passwd *entry = getpwnam(user);
    if (!entry)
        return "there is no such user as hook.user, or server.user, says";
    order->user = entry->pw_uid;
    order->group = entry->pw_gid;
    return NULL;
}

static const char *prepare(const struct avowd *avowd, const struct config_hook *hook,
                           const struct message_hook *ask, struct beginning *beginning)
{
    if (hook->argument_count > HOOK_ARGUMENTS)
        return "it has too many arguments";
    beginning->arguments[0] = hook->program;
    for (size_t i = 0; i < hook->argument_count; i++)
        beginning->arguments[i + 1] = hook->arguments[i];
    fill_environment(beginning, ask);
    beginning->seconds = hook->deadline;
    beginning->order = (struct confine_order){.descriptors = HOOK_DESCRIPTORS,
                                              .forbidden = avowd->boot.server.state};
    return choose_user(avowd, hook, &beginning->order);
}

static bool limit(int resource, rlim_t most)
{
    struct rlimit now;

    if (getrlimit(resource, &now))
        return false;
    if (now.rlim_max != RLIM_INFINITY && now.rlim_max < most)
        most = now.rlim_max;
    now.rlim_cur = now.rlim_max = most;
    return setrlimit(resource, &now) == 0;
}

/* In the child, which has one thread, as its parent has. */
static void become(struct beginning *beginning, int zone, int output)
{
    (void)setsid();
    (void)umask(077);
    (void)signal(SIGPIPE, SIG_DFL);
    if (chdir("/") || confine_program(&beginning->order) ||
        !limit(RLIMIT_CPU, beginning->seconds + 1) || !limit(RLIMIT_FSIZE, hook_file) ||
        !limit(RLIMIT_AS, hook_memory) || prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0))
        _exit(EXIT_NOT_EXECUTED);
    /* All three are above 2: main.c saw to it that something is there. */
    if (dup2(zone, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 ||
        dup2(output, STDERR_FILENO) < 0)
        _exit(EXIT_NOT_EXECUTED);
    (void)syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0);
    execve(beginning->arguments[0], beginning->arguments, beginning->environment);
    _exit(EXIT_NOT_EXECUTED);
}

static const char *start(struct avowd *avowd, struct beginning *beginning, int zone)
{
    struct hooking *hook = &avowd->hook;
    int ends[2];

    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK))
        return strerror(errno);
    /* The program's end waits as others do. */
    (void)fcntl(ends[1], F_SETFL, 0);
    hook->pid = fork();
    if (hook->pid == 0)
        become(beginning, zone, ends[1]);
    close(ends[1]);
    if (hook->pid < 0) {
        hook->pid = 0;
        close(ends[0]);
        return strerror(errno);
    }
    hook->output = ends[0];
    hook->length = 0;
    hook->text[0] = '\0';
    hook->late = false;
    hook->asked = true;
    ev_child_set(&hook->child, hook->pid, 0);
    ev_child_start(avowd->loop, &hook->child);
    ev_io_set(&hook->readable, hook->output, EV_READ);
    ev_io_start(avowd->loop, &hook->readable);
    ev_timer_set(&hook->deadline, (double)beginning->seconds, 0.0);
    ev_timer_start(avowd->loop, &hook->deadline);
    return NULL;
}

static bool is_plain(int descriptor)
{
    struct stat status;

    return descriptor >= 0 && fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
}

/* ---- public ----------------------------------------------------------------------------------
 */

void hook_init(struct avowd *avowd)
{
    struct hooking *hook = &avowd->hook;

    ev_child_init(&hook->child, on_child, 0, 0);
    ev_init(&hook->readable, on_output);
    ev_timer_init(&hook->deadline, on_deadline, 0.0, 0.0);
    hook->child.data = hook->readable.data = hook->deadline.data = avowd;
}

void hook_ask(struct avowd *avowd, const struct message_hook *ask, int descriptor)
{
    const struct config_zone *zone = config_zone_find(&avowd->config, &ask->zone);
    struct beginning beginning = {.variable_count = 0};
    const char *wrong = NULL;

    if (avowd->hook.pid)
        wrong = "another hook has not ended yet";
    else if (!zone || !zone->hook.program)
        wrong = "the configuration names no hook for the zone any more";
    else if (!is_plain(descriptor) || avowd->stopping)
        wrong = "it cannot be run now";
    else
        wrong = prepare(avowd, &zone->hook, ask, &beginning);
    if (!wrong) {
        avowd->hook.request = ask->request;
        name_copy(&avowd->hook.zone, &ask->zone);
        wrong = start(avowd, &beginning, descriptor);
    }
    if (wrong)
        answer(avowd, ask->request, HOOK_FAILED, wrong);
    if (descriptor >= 0)
        close(descriptor);
}

void hook_end(struct avowd *avowd)
{
    avowd->hook.asked = false;
    if (avowd->hook.pid)
        end_group(&avowd->hook);
}
