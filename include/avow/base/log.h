/*
 * log.h - one line per event: time, level, room, and what happened in words.
 *
 * The destination is set once, when a process starts, before it has threads. Lines are at most
 * LOG_LINE_OCTETS long and are written by one system call, so lines of several rooms never mix.
 * Never log what a stranger can trigger without a rate: use log_limited for that.
 *
 * Floor: base.
 */
#ifndef AVOW_BASE_LOG_H
#define AVOW_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "avow/base/result.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

enum { LOG_LINE_OCTETS = 2048 };

/*
 * Say where lines go and who writes them.
 *
 * room        Word that begins each line, such as "keeper"; kept by reference.
 * level       Lines above it are dropped.
 * descriptor  Open for writing; the process keeps owning it. -1: syslog(3).
 */
void log_open(const char *room, enum log_level level, int descriptor);

/* Change the level of a running process. */
void log_set_level(enum log_level level);

/* Whether a line of this level would be written: to spare the work of making it. */
bool log_wants(enum log_level level);

void log_error(const char *format, ...) PRINTF_LIKE(1, 2);
void log_warning(const char *format, ...) PRINTF_LIKE(1, 2);
void log_info(const char *format, ...) PRINTF_LIKE(1, 2);
void log_debug(const char *format, ...) PRINTF_LIKE(1, 2);

/* A budget for lines that strangers can cause. Zeroed: nothing spent. One per kind and thread. */
struct log_budget {
    uint64_t window_start; /* milliseconds of clock_monotonic_ms */
    uint32_t spent;
    uint32_t suppressed;
};

/*
 * Log a warning, at most `per_minute` of them a minute; what was held back is counted and said
 * with the next line that goes out. `now_ms` is the caller's monotonic time.
 */
void log_limited(struct log_budget *budget, uint32_t per_minute, uint64_t now_ms,
                 const char *format, ...) PRINTF_LIKE(4, 5);

/* Whether the next such line would go out: to spare the work of making it. */
bool log_has_room(const struct log_budget *budget, uint32_t per_minute, uint64_t now_ms);

#endif
