/* logging.c - where lines go: standard error, a file, or syslog, for the rooms as well. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

#include "avow/base/log.h"
#include "avowd.h"

/* A room's line is "TIME LEVEL: ROOM: ..."; syslog has a time of its own. */
static void pass_on(char *line)
{
    static const struct {
        const char *word;
        int priority;
    } levels[] = {{"error: ", LOG_ERR},
                  {"warning: ", LOG_WARNING},
                  {"info: ", LOG_INFO},
                  {"debug: ", LOG_DEBUG}};
    const char *rest = strchr(line, ' ');
    int priority = LOG_INFO;

    rest = rest ? rest + 1 : line;
    for (size_t i = 0; i < COUNT(levels); i++) {
        if (strncmp(rest, levels[i].word, strlen(levels[i].word)) == 0)
            priority = levels[i].priority;
    }
    syslog(priority, "%s", rest);
}

static void on_lines(struct ev_loop *loop, ev_io *watcher, int happened)
{
    char line[LOG_LINE_OCTETS + 1];
    (void)loop, (void)happened;

    for (int i = 0; i < 256; i++) {
        ssize_t length = recv(watcher->fd, line, sizeof line - 1, MSG_DONTWAIT);
        if (length <= 0)
            return;
        line[length] = '\0';
        line[strcspn(line, "\n")] = '\0';
        pass_on(line);
    }
}

/* Rooms cannot reach syslog once confined: they write to this pair, and we pass it on. A line that
 * finds it full is lost rather than waited for. */
static enum result open_pair(struct avowd *avowd)
{
    int ends[2];

    if (avowd->logging.our_end >= 0)
        return RESULT_OK;
    if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends)) {
        log_error("no socket pair for the log: %s", strerror(errno));
        return RESULT_SYSTEM;
    }
    avowd->logging.our_end = ends[0];
    avowd->logging.rooms_end = ends[1];
    ev_io_init(&avowd->logging.lines, on_lines, ends[0], EV_READ);
    ev_io_start(avowd->loop, &avowd->logging.lines);
    return RESULT_OK;
}

static int open_file(const struct config_server *server, const struct ground *ground)
{
    int descriptor =
        open(server->log_file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);

    if (descriptor < 0) {
        log_error("server.log: %s cannot be opened: %s", server->log_file, strerror(errno));
        return -1;
    }
    if (ground->user != (uid_t)-1 && fchown(descriptor, ground->user, ground->group))
        log_warning("server.log: %s keeps its owner: %s", server->log_file, strerror(errno));
    return descriptor;
}

static void use(struct avowd *avowd, int descriptor, enum log_level level)
{
    int old = avowd->logging.descriptor;

    avowd->logging.descriptor = descriptor;
    log_open("avowd", level, descriptor);
    if (old > STDERR_FILENO && old != descriptor)
        close(old);
}

static enum result turn_to(struct avowd *avowd, const struct config_server *server)
{
    int descriptor = -1;

    switch (server->log_target) {
    case CONFIG_LOG_STDERR:
        descriptor = STDERR_FILENO;
        break;
    case CONFIG_LOG_FILE:
        descriptor = open_file(server, &avowd->ground);
        if (descriptor < 0)
            return RESULT_SYSTEM;
        break;
    case CONFIG_LOG_SYSLOG:
        if (open_pair(avowd))
            return RESULT_SYSTEM;
        break;
    }
    use(avowd, descriptor, server->log_level);
    return RESULT_OK;
}

enum result logging_open(struct avowd *avowd, const struct config_server *server)
{
    avowd->logging = (struct logging){.descriptor = STDERR_FILENO, .rooms_end = -1, .our_end = -1};
    return turn_to(avowd, server);
}

enum result logging_reopen(struct avowd *avowd, const struct config_server *server)
{
    enum result result = turn_to(avowd, server);

    for (unsigned i = 0; i < ROOMS && !result; i++)
        brief_log(avowd, &avowd->rooms[i]);
    return result;
}

int logging_descriptor(const struct avowd *avowd)
{
    return avowd->logging.descriptor >= 0 ? avowd->logging.descriptor : avowd->logging.rooms_end;
}

void logging_close(struct avowd *avowd)
{
    struct logging *logging = &avowd->logging;

    if (logging->our_end >= 0) {
        on_lines(avowd->loop, &logging->lines, EV_READ); /* what the rooms said last */
        ev_io_stop(avowd->loop, &logging->lines);
        close(logging->our_end);
        close(logging->rooms_end);
    }
    if (logging->descriptor > STDERR_FILENO)
        close(logging->descriptor);
    *logging = (struct logging){.descriptor = STDERR_FILENO, .rooms_end = -1, .our_end = -1};
}
