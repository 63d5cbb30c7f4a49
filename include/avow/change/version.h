/*
 * version.h - a zone's versions: a new one beside the old, in slices; the old dropped in slices.
 *
 * A load takes an id, appends nodes and NSEC3 records in order, committing whenever change_octets
 * is large enough, and last puts the zone's row with version = id. Until then nobody sees it.
 * Floor: change.
 */
#ifndef AVOW_CHANGE_VERSION_H
#define AVOW_CHANGE_VERSION_H

#include "avow/change/change.h"

enum { VERSION_SLICE_OCTETS = 32 << 20 /* a good size for a slice of a load */ };

/* An id that was never used before. RESULT_FULL when the 32 bits are used up. */
MUST_CHECK enum result version_new(struct change *change, uint32_t *version);

/* Append a node: as change_put_node, but for names in canonical order in a new version; pages are
 * filled. Order is not required for correctness, only for speed and size. */
void version_append_node(struct change *change, uint32_t version, const struct name *name,
                         struct node_parts *parts);

/* Append an NSEC3 record, in order of hash. */
void version_append_nsec3(struct change *change, uint32_t version,
                          const uint8_t hash[NODE_HASH_OCTETS], const struct node_rrset *rrset);

/*
 * Append a record whose payload was composed already (node_compose, node_compose_rrset), in another
 * thread perhaps. key: without the version, as in its table. A record of the same key is replaced.
 */
void version_append(struct change *change, uint32_t version, enum store_table table,
                    const uint8_t *key, size_t key_length, struct reader payload);

/*
 * Remove at most `limit` records of a version that no zone serves. `*done` becomes true when
 * nothing of it is left. Damaged records go like others.
 */
MUST_CHECK enum result version_drop(struct change *change, uint32_t version, size_t limit,
                                    bool *done);

/*
 * The first version above `after` that has records but that no zone's row names as `version` or
 * `loading`: what a load left that did not end, or a drop. At start the keeper first clears
 * `loading` of every row. RECORD_ABSENT when there is none.
 */
MUST_CHECK enum found_record version_leftover(struct snapshot *snapshot, uint32_t after,
                                              uint32_t *version);

#endif
