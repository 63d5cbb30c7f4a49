/*
 * owner.h - all RRsets of one owner, brought together from gathered records.
 *
 * Duplicates are folded and records put in canonical order; TTLs are noted. The memory is reused
 * from owner to owner. Floor: zonefile.
 */
#ifndef AVOW_ZONEFILE_OWNER_H
#define AVOW_ZONEFILE_OWNER_H

#include "avow/base/buffer.h"
#include "avow/zonefile/gather.h"
#include "avow/zonefile/rules.h"

/* Zeroed: empty. */
struct owner_sets {
    struct zone_set *sets; /* ascending types */
    struct buffer *runs;   /* RDATA of each set */
    size_t count;
    size_t capacity;
};

/*
 * Collect the records of the owner at which the sorted gather stands, and step over them.
 *
 * Returns RESULT_OK; RESULT_SYSTEM without memory; RESULT_FULL for an RRset of more than 65535
 * records.
 */
MUST_CHECK enum result owner_sets_collect(struct owner_sets *owner, struct gather *gather);

/* None. */
void owner_sets_clear(struct owner_sets *owner);

/* The set of a type that the rules have not dropped; NULL when there is none. */
struct zone_set *owner_sets_find(const struct owner_sets *owner, uint16_t type);

/* Insert a set of the caller's at its place; its RDATA is copied. RESULT_SYSTEM. */
MUST_CHECK enum result owner_sets_insert(struct owner_sets *owner, const struct zone_set *set);

void owner_sets_free(struct owner_sets *owner);

#endif
