/* log.c - one line per event, by one write. */
#include "avow/base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

/* The one exception to "no state outside a room's struct": every function of a process may log. */
static struct {
    const char *room;
    atomic_int level;
    int descriptor;
} out = {.room = "avow", .level = LOG_LEVEL_INFO, .descriptor = STDERR_FILENO};

static const struct {
    const char *word;
    int priority;
} levels[] = {
    [LOG_LEVEL_ERROR] = {"error", LOG_ERR},
    [LOG_LEVEL_WARNING] = {"warning", LOG_WARNING},
    [LOG_LEVEL_INFO] = {"info", LOG_INFO},
    [LOG_LEVEL_DEBUG] = {"debug", LOG_DEBUG},
};

void log_open(const char *room, enum log_level level, int descriptor)
{
    out.room = room;
    out.descriptor = descriptor;
    atomic_store(&out.level, (int)level);
    if (descriptor < 0)
        openlog("avowd", LOG_PID | LOG_NDELAY, LOG_DAEMON);
}

void log_set_level(enum log_level level)
{
    atomic_store(&out.level, (int)level);
}

bool log_wants(enum log_level level)
{
    return (int)level <= atomic_load_explicit(&out.level, memory_order_relaxed);
}

/* A line must stay one line, and a terminal must stay as it is, whatever a name contains. */
static void replace_control(char *line, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = '?';
    }
}

static size_t put_time(char *line, size_t size)
{
    struct timespec now;
    struct tm parts;

    if (clock_gettime(CLOCK_REALTIME, &now) || !gmtime_r(&now.tv_sec, &parts))
        return 0;
    size_t length = strftime(line, size, "%Y-%m-%dT%H:%M:%S", &parts);
    int more = snprintf(line + length, size - length, ".%03ldZ ", now.tv_nsec / 1000000);
    return length + (more > 0 ? (size_t)more : 0);
}

static void write_line(enum log_level level, const char *format, va_list arguments)
    PRINTF_LIKE(2, 0);

static void write_line(enum log_level level, const char *format, va_list arguments)
{
    char line[LOG_LINE_OCTETS];
    size_t length = out.descriptor < 0 ? 0 : put_time(line, sizeof line);

    int head =
        snprintf(line + length, sizeof line - length, "%s: %s: ", levels[level].word, out.room);
    if (head > 0)
        length += (size_t)head;
    int body = vsnprintf(line + length, sizeof line - length, format, arguments);
    if (body > 0)
        length += (size_t)body;
    if (length > sizeof line - 2)
        length = sizeof line - 2; /* cut, with room for the end of the line */
    replace_control(line, length);

    if (out.descriptor < 0) {
        line[length] = '\0';
        syslog(levels[level].priority, "%s", line);
        return;
    }
    line[length] = '\n';
    /* A log that cannot be written has no one to tell. */
    ssize_t written = write(out.descriptor, line, length + 1);
    (void)written;
}

#define LOG_AT(level)                                                                              \
    va_list arguments;                                                                             \
    if (log_wants(level)) {                                                                        \
        va_start(arguments, format);                                                               \
        write_line(level, format, arguments);                                                      \
        va_end(arguments);                                                                         \
    }

void log_error(const char *format, ...)
{
    LOG_AT(LOG_LEVEL_ERROR)
}

void log_warning(const char *format, ...)
{
    LOG_AT(LOG_LEVEL_WARNING)
}

void log_info(const char *format, ...)
{
    LOG_AT(LOG_LEVEL_INFO)
}

void log_debug(const char *format, ...)
{
    LOG_AT(LOG_LEVEL_DEBUG)
}

static bool is_over(const struct log_budget *budget, uint64_t now_ms)
{
    return now_ms - budget->window_start >= 60000;
}

bool log_has_room(const struct log_budget *budget, uint32_t per_minute, uint64_t now_ms)
{
    return (is_over(budget, now_ms) ? 0 : budget->spent) < per_minute;
}

void log_limited(struct log_budget *budget, uint32_t per_minute, uint64_t now_ms,
                 const char *format, ...)
{
    if (is_over(budget, now_ms)) {
        if (budget->suppressed)
            log_warning("%u similar lines were held back", budget->suppressed);
        *budget = (struct log_budget){.window_start = now_ms};
    }
    if (budget->spent >= per_minute) {
        budget->suppressed++;
        return;
    }
    budget->spent++;
    LOG_AT(LOG_LEVEL_WARNING)
}
