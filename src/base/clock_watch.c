/* clock_watch.c - two clocks compared. */
#include "avow/base/clock_watch.h"

int64_t clock_watch_look(struct clock_watch *watch, uint64_t wall, uint64_t monotonic_ms)
{
    struct clock_watch before = *watch;

    *watch = (struct clock_watch){.looked = true, .wall = wall, .monotonic_ms = monotonic_ms};
    if (!before.looked)
        return 0;
    int64_t set =
        (int64_t)(wall - before.wall) - (int64_t)((monotonic_ms - before.monotonic_ms) / 1000);
    return set >= CLOCK_WATCH_LEAST || set <= -CLOCK_WATCH_LEAST ? set : 0;
}
