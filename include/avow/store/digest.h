/*
 * digest.h - the digest of a version: which records it has, in 24 octets.
 *
 * A seal says that a record is whole, not that it is still there, or that it is the newest one
 * under its key: a page that the disk gives back as it was last week has good seals. So the zone's
 * row holds the sum, modulo 2^128, of a keyed hash of every record of its version (table, key and
 * seal), and their number. A sum follows a change by what came and what went, in any order, and
 * costs nothing that grows with the zone; unlike an exclusive or, it is changed by a record that is
 * there twice. Two sets of records of one sum cannot be aimed at without the store's seed; damage
 * hits one by chance as seldom as it hits a seal. (M. Clarke et al., Incremental Multiset Hash
 * Functions, 2003: MSet-Add-Hash.) Like the seals it guards against faults of disks and memory,
 * not against somebody who may write the store and can read its seed.
 * Floor: store.
 */
#ifndef AVOW_STORE_DIGEST_H
#define AVOW_STORE_DIGEST_H

#include "avow/store/record.h"

/* Zeroed: of no records. Also a difference, of what came and what went. */
struct version_digest {
    uint64_t low, high; /* the sum */
    uint64_t records;
};

/* The tables whose records the digest of their version covers. */
static inline bool digest_covers(enum store_table table)
{
    return table == TABLE_NODES || table == TABLE_RRSETS || table == TABLE_NSEC3;
}

static inline bool digest_equal(const struct version_digest *a, const struct version_digest *b)
{
    return a->low == b->low && a->high == b->high && a->records == b->records;
}

static inline void digest_add(struct version_digest *to, const struct version_digest *what)
{
    to->low += what->low;
    to->high += what->high + (to->low < what->low);
    to->records += what->records;
}

static inline void digest_subtract(struct version_digest *from, const struct version_digest *what)
{
    uint64_t before = from->low;

    from->low -= what->low;
    from->high -= what->high + (before < what->low);
    from->records -= what->records;
}

/* The digest of one record, by its key and the seal that it has, good or bad. */
struct version_digest digest_of_record(const struct store *store, enum store_table table,
                                       const struct store_record *record);

#endif
