/*
 * slice.h - what a loader's thread made, on its way to the store.
 *
 * A slice is a buffer of records of one version, in the order in which they are to be written. Keys
 * are without the version.
 */
#ifndef KEEPER_SLICE_H
#define KEEPER_SLICE_H

#include "avow/base/buffer.h"
#include "avow/change/change.h"

struct slice_record {
    enum store_table table; /* nodes, RRsets kept apart, NSEC3 */
    const uint8_t *key;     /* name key, name key + type, or hash */
    size_t key_length;
    struct reader payload;
};

/* Add a whole node, the RRsets that are kept apart after it. `scratch` is the caller's to reuse. */
MUST_CHECK enum result slice_add_node(struct buffer *slice, const uint8_t *key, size_t key_length,
                                      struct node_parts *parts, struct buffer *scratch);
MUST_CHECK enum result slice_add_nsec3(struct buffer *slice, const uint8_t hash[NODE_HASH_OCTETS],
                                       const struct node_rrset *rrset, struct buffer *scratch);

/* The next record; false at the end. */
bool slice_next(struct reader *slice, struct slice_record *record);

/* Write a slice in a change. RESULT_FORMAT when it is malformed: the keeper's own fault. */
MUST_CHECK enum result slice_write(struct change *change, uint32_t version,
                                   const struct buffer *slice);

#endif
