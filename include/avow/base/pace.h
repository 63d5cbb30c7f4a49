/*
 * pace.h - whether somebody takes what is sent fast enough.
 *
 * A single octet now and then is no progress: it would keep a connection, and what waits for it,
 * for ever. Progress is to have taken all that was unsent when the wait began, or PACE_OCTETS of
 * it. Who makes progress is waited for anew; how long is the caller's to say, and gives the least
 * rate.
 *
 * Floor: base. Pure.
 */
#ifndef AVOW_BASE_PACE_H
#define AVOW_BASE_PACE_H

#include <stdbool.h>
#include <stddef.h>

enum { PACE_OCTETS = 16 * 1024 };

/* A zeroed one waits for nothing. */
struct pace {
    size_t due; /* octets still to be taken; 0: nothing is waited for */
};

/* So much is unsent, more than before. True: a wait begins. */
static inline bool pace_adds(struct pace *pace, size_t unsent)
{
    if (pace->due || unsent == 0)
        return false;
    pace->due = unsent < PACE_OCTETS ? unsent : PACE_OCTETS;
    return true;
}

/* So much was taken, and `unsent` are left. True: that is progress, and another wait begins if
 * anything is left. */
static inline bool pace_takes(struct pace *pace, size_t taken, size_t unsent)
{
    if (taken < pace->due && unsent) {
        pace->due -= taken;
        return false;
    }
    pace->due = unsent < PACE_OCTETS ? unsent : PACE_OCTETS;
    return taken != 0;
}

#endif
