/*
 * clock.h - the only reader of clocks. Everyone else is handed the time.
 *
 * Floor: base.
 */
#ifndef AVOW_BASE_CLOCK_H
#define AVOW_BASE_CLOCK_H

#include <stdint.h>

/* Seconds since 1970, for signatures and serials. */
uint64_t clock_wall_seconds(void);

/* Milliseconds since some moment, never going back, for deadlines. */
uint64_t clock_monotonic_ms(void);

/* Nanoseconds since the same moment, for measurements. */
uint64_t clock_monotonic_ns(void);

/* Nanoseconds of a processor that this thread has used. */
uint64_t clock_thread_ns(void);

#endif
