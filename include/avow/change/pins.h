/*
 * pins.h - old snapshots that the keeper keeps for readers, no longer than they are used.
 *
 * The keeper's side of store/pages.h. Order: pins_open; pins_reveal, which may come later; before
 * the first change wait for pins_settled; after each commit pins_publish; now and then pins_sweep.
 * Floor: change.
 */
#ifndef AVOW_CHANGE_PINS_H
#define AVOW_CHANGE_PINS_H

#include "avow/store/pages.h"
#include "avow/store/snapshot.h"

struct pin;
struct pin_watch;

/* Zeroed: none. One thread: the one that writes. */
struct pins {
    const struct store *store;
    struct pages *pages;
    struct pin *list; /* the newest is last */
    size_t count, capacity;
    struct pin_watch *watch; /* since when each slot is behind */
    uint64_t ticket;         /* the newest */
    bool revealed;           /* readers are told of it */
};

/* Pin the newest commit under a new start number. `pages` stays the caller's. RESULT_SYSTEM on
 * failure. */
MUST_CHECK enum result pins_open(struct pins *pins, const struct store *store, struct pages *pages);

/* Publish the newest commit, so that every reader renews. Those who have read of a predecessor go
 * on doing so until then; those who come to a store of which nothing was published wait. */
void pins_reveal(struct pins *pins);

/* Whether every reader is at rest or at the newest snapshot: until it is, a keeper that has just
 * started must not write (it does not hold what its predecessor held for them). */
bool pins_settled(const struct pins *pins);

/*
 * After a commit: pin it, publish it (before pins_reveal: not yet), and release what nobody uses
 * any more. Must come before the next change begins.
 *
 * zones_changed  A zone came, went, or switched versions or denial: readers rebuild their table.
 * touched        Buckets (pages_bucket) of zones whose answers may have changed; `count` of them.
 */
MUST_CHECK enum result pins_publish(struct pins *pins, bool zones_changed, const uint16_t *touched,
                                    size_t count);

/* Release what nobody uses any more. */
void pins_sweep(struct pins *pins);

struct laggard {
    unsigned page, slot; /* which reading process, which of its threads */
    uint64_t behind_ms;  /* since when its snapshot is not the newest */
    uint64_t transaction;
};

/* The reader that has been using an old snapshot for longest; false when all are at the newest or
 * at rest. Ages count from the first call that saw the slot behind. */
bool pins_laggard(struct pins *pins, uint64_t now_ms, struct laggard *laggard);

void pins_close(struct pins *pins);

#endif
