/* clock.c - reading the clocks. */
#include "avow/base/clock.h"

#include <time.h>

/* clock_gettime fails only for a clock that does not exist; these do on every Linux. */
static struct timespec read_clock(clockid_t clock)
{
    struct timespec now = {0};
    (void)clock_gettime(clock, &now);
    return now;
}

uint64_t clock_wall_seconds(void)
{
    return (uint64_t)read_clock(CLOCK_REALTIME).tv_sec;
}

static uint64_t read_ns(clockid_t clock)
{
    struct timespec now = read_clock(clock);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t clock_monotonic_ns(void)
{
    return read_ns(CLOCK_MONOTONIC);
}

uint64_t clock_thread_ns(void)
{
    return read_ns(CLOCK_THREAD_CPUTIME_ID);
}

uint64_t clock_monotonic_ms(void)
{
    return clock_monotonic_ns() / 1000000;
}
