/*
 * delta.h - a set of records that went and came, in which what came and went cancels.
 *
 * A record is its owner, type, TTL and RDATA, octet for octet; names in lower case. What is left
 * after any number of steps is the difference between the first state and the last. Bounded.
 */
#ifndef DESK_DELTA_H
#define DESK_DELTA_H

#include "avow/base/hash.h"
#include "avow/store/journal.h"

enum { DELTA_FILTER_WORDS = 512 };

/* A zeroed delta is none. */
struct delta {
    struct hash_key key;                 /* who chooses names does not choose collisions */
    struct buffer entries;               /* one after the other */
    uint32_t *buckets;                   /* offset of the first entry + 1; owned */
    uint32_t bucket_count;               /* a power of two, or 0 */
    uint32_t entry_count;                /* cancelled ones included */
    uint32_t live[2];                    /* by enum journal_act */
    size_t live_octets;                  /* of entries that are not cancelled */
    size_t limit;                        /* octets of memory */
    uint64_t filter[DELTA_FILTER_WORDS]; /* owners that are in it, by hash */
};

/* One record. */
struct delta_record {
    const struct name *owner; /* in lower case */
    uint16_t type;
    uint16_t length; /* of the RDATA */
    uint32_t ttl;
    const uint8_t *rdata;
};

/* `limit` is how much memory it may use. RESULT_SYSTEM without randomness. */
MUST_CHECK enum result delta_open(struct delta *delta, size_t limit);

/* Takes any state. */
void delta_close(struct delta *delta);

/*
 * A record went or came. RESULT_FULL beyond the limit; RESULT_SYSTEM without memory;
 * RESULT_CORRUPT when it went that had gone, or came that had come.
 */
MUST_CHECK enum result delta_note(struct delta *delta, enum journal_act act,
                                  const struct delta_record *record);

static inline bool delta_is_empty(const struct delta *delta)
{
    return delta->live[JOURNAL_REMOVED] + delta->live[JOURNAL_ADDED] == 0;
}

/* Whether it holds, or may hold, records of that owner. Cheap. */
bool delta_touches(const struct delta *delta, const struct name *owner);

/* Whether the record is in it as one that came. */
bool delta_added(const struct delta *delta, const struct delta_record *record);

/* An entry as it is walked: the record with its own owner. */
struct delta_entry {
    struct name owner;
    uint16_t type;
    uint32_t ttl;
    struct reader run; /* of the one RDATA */
};

/* The next that went or came, from `*at`, which begins as 0 and is moved on; false at the end. What
 * `entry` points to lives until the next note. */
bool delta_next(const struct delta *delta, enum journal_act act, size_t *at,
                struct delta_entry *entry);

#endif
