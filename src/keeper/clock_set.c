/* clock_set.c - what follows when somebody sets the clock. */
#include "internal.h"

enum {
    LOOK_AGAIN_MS = 120000, /* by then nothing is held any more that was signed before */
    HURRIED_MS = 600000     /* so long signatures are not held for company */
};

/* Signatures that begin in the future are of no use: the walk makes them anew. */
static void look_through_all(struct keeper *keeper)
{
    for (struct keeper_zone *zone = keeper->zones; zone; zone = zone->next) {
        if (keeper_zone_is_signed(zone))
            schedule_again(zone, false);
    }
}

/* What has run out comes up in the expiry index now; what is asked for is never served expired, and
 * goes before all of that. */
static void went_forward(struct keeper *keeper, uint64_t seconds)
{
    log_warning("the clock went forward by %llu s: signatures that have run out are made anew",
                (unsigned long long)seconds);
    keeper->last_expiry_ms = 0;
}

/* Serials only count on from what is served (soa.h), and all that waits does so by another clock.
 */
static void went_back(struct keeper *keeper, uint64_t seconds)
{
    bool ahead = keeper->now + INCEPTION_OFFSET < keeper->furthest;

    log_warning("the clock went back by %llu s: %s", (unsigned long long)seconds,
                ahead ? "signatures that begin in the future are made anew"
                      : "no signature begins in the future");
    if (!ahead)
        return;
    keeper->furthest = keeper->now;
    keeper->look_again_ms = keeper->now_ms + LOOK_AGAIN_MS;
    look_through_all(keeper);
}

void clock_set_look(struct keeper *keeper)
{
    int64_t set = clock_watch_look(&keeper->clock_watch, keeper->now, keeper->now_ms);

    if (set) {
        metric_add(keeper->metrics, METRIC_CLOCK_JUMPS, 1);
        keeper->clock_set = set;
        keeper->clock_set_at = keeper->now;
        keeper->hurry_until_ms = keeper->now_ms + HURRIED_MS;
    }
    if (set > 0)
        went_forward(keeper, (uint64_t)set);
    else if (set < 0)
        went_back(keeper, (uint64_t)-set);
    if (keeper->now > keeper->furthest)
        keeper->furthest = keeper->now;
    if (keeper->look_again_ms && keeper->now_ms >= keeper->look_again_ms) {
        keeper->look_again_ms = 0;
        look_through_all(keeper);
    }
}
