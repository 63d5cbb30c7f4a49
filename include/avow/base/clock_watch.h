/*
 * clock_watch.h - whether somebody has set the wall clock.
 *
 * Deadlines are kept by the monotonic clock, which nobody can set; signatures, serials and TSIG
 * need the time of day. How far the two have moved apart between two looks is by how much the time
 * of day was set, or by how long the machine slept. A clock that is merely steered moves both.
 *
 * Floor: base. Pure: the time is handed in.
 */
#ifndef AVOW_BASE_CLOCK_WATCH_H
#define AVOW_BASE_CLOCK_WATCH_H

#include <stdbool.h>
#include <stdint.h>

/* Seconds: less is how coarse the clock is that is handed in. */
enum { CLOCK_WATCH_LEAST = 2 };

/* Zeroed: not looked at yet. */
struct clock_watch {
    bool looked;
    uint64_t wall; /* seconds, at the last look */
    uint64_t monotonic_ms;
};

/* By how many seconds the wall clock was set since the last look: forward above 0, back below; 0 at
 * the first look, and for less than CLOCK_WATCH_LEAST. */
int64_t clock_watch_look(struct clock_watch *watch, uint64_t wall, uint64_t monotonic_ms);

#endif
