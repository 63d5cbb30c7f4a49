/*
 * expiry.h - which signatures are due, in order of time; coarse, so that it costs next to nothing.
 *
 * One entry stands for a segment: consecutive names (or NSEC3 records) of a version that were
 * signed together, from `first` to `last`; some 64 to 256 in the background, one for an update. The
 * entry's time is when the earliest of them needs attention. Whoever takes an entry looks at each
 * signature's own expiration, signs what is due, writes new entries and removes the old one.
 * Entries of a version that is no longer there are removed when they come up. Floor: store.
 */
#ifndef AVOW_STORE_EXPIRY_H
#define AVOW_STORE_EXPIRY_H

#include "avow/store/snapshot.h"
#include "avow/wire/name.h"

enum expiry_kind { EXPIRY_NODES = 1, EXPIRY_NSEC3 = 2 };

struct expiry {
    uint32_t at; /* seconds since 1970 (till 2106) */
    uint32_t version;
    enum expiry_kind kind;
    uint32_t sequence; /* makes the key unique; chosen by change_put_expiry */
    /* First and last key without the version: a name key, or a hash of 20 octets. */
    uint16_t first_length, last_length;
    uint8_t first[NAME_KEY_MAX_OCTETS], last[NAME_KEY_MAX_OCTETS];
};

/* The earliest entry whose key is behind `after` (NULL: the earliest of all). Stop when
 * expiry->at is later than now. */
MUST_CHECK enum found_record expiry_walk(struct snapshot *snapshot, const struct expiry *after,
                                         struct expiry *expiry);

/* An entry for names, or for NSEC3 hashes. */
void expiry_of_names(struct expiry *expiry, uint32_t at, uint32_t version, const struct name *first,
                     const struct name *last);
void expiry_of_hashes(struct expiry *expiry, uint32_t at, uint32_t version, const uint8_t *first,
                      const uint8_t *last);

/* The record, both ways. RESULT_CORRUPT when malformed. */
enum { EXPIRY_KEY_OCTETS = 13 };
MUST_CHECK enum result expiry_open(const uint8_t *key, size_t key_length, struct reader payload,
                                   struct expiry *expiry);
void expiry_key(const struct expiry *expiry, uint8_t key[EXPIRY_KEY_OCTETS]);
void expiry_compose(const struct expiry *expiry, struct buffer *value);

#endif
