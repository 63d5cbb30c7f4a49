/*
 * gather.h - records of a zone file, brought together by owner in canonical order.
 *
 * Records come in any order and are kept packed, about 20 octets more than their RDATA each; then
 * they are sorted once, and walked owner by owner. Owners are kept as keys (wire/name.h), so their
 * letter case is lost, which DNS does not mind (RFC 4343).
 *
 * Floor: zonefile.
 */
#ifndef AVOW_ZONEFILE_GATHER_H
#define AVOW_ZONEFILE_GATHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "avow/base/result.h"
#include "avow/wire/name.h"
#include "avow/wire/record_walk.h"

struct gather_chunk;

struct gather_place {
    uint64_t prefix;       /* first octets of the key below the apex: most comparisons end here */
    const uint8_t *record; /* packed, in a chunk */
};

struct gather {
    size_t apex_key_length;
    struct gather_chunk *chunks; /* the newest first */
    struct gather_place *places;
    size_t count;
    size_t capacity;
    int sorted; /* records came in order so far, or gather_sort was called */
    size_t next;
};

/* One record, unpacked. Pointers lead into the gather. */
struct gathered {
    const uint8_t *key;
    size_t key_length;
    uint16_t type;
    uint32_t ttl;
    uint32_t file; /* number of the file it came from */
    uint32_t line;
    const uint8_t *rdata;
    uint16_t rdata_length;
};

/* Begin; `apex` is the name that every owner is at or below. RESULT_FULL never happens for a valid
 * name; a zeroed struct gather is a closed one. */
void gather_open(struct gather *gather, const struct name *apex);

/* Take a record in. `record->key` is not used: the owner is given. RESULT_SYSTEM without memory. */
MUST_CHECK enum result gather_add(struct gather *gather, const struct name *owner,
                                  const struct gathered *record);

/* The same for a key that is at hand, such as an NSEC3 hash. */
MUST_CHECK enum result gather_add_key(struct gather *gather, const uint8_t *key, size_t key_length,
                                      const struct gathered *record);

/* Bring everything into order: by owner, then type, then as they came. RESULT_SYSTEM. */
MUST_CHECK enum result gather_sort(struct gather *gather);

/* Once sorted: leave out all records of the types that `leaves_out` says; returns how many. */
size_t gather_leave_out(struct gather *gather, bool (*leaves_out)(uint16_t type));

/* The next record in order; FOUND_NOT at the end. */
enum found gather_next(struct gather *gather, struct gathered *record);

/* Look at the next record without stepping over it. */
enum found gather_peek(const struct gather *gather, struct gathered *record);

/* Once sorted: all records, for who walks them by gather->next. They live as long as the gather. */
struct record_walk gather_walk(struct gather *gather);

/* Once sorted: whether some record's key begins with these octets, a whole number of labels below
 * the apex: whether the name or something below it is there. */
int gather_has_prefix(const struct gather *gather, const uint8_t *prefix, size_t length);

void gather_close(struct gather *gather);

#endif
