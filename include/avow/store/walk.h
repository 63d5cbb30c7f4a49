/*
 * walk.h - the records of a version one after the other, to its true end.
 *
 * A walk ends where another version's records begin. A bit that flips in the version of a key makes
 * a record look like that, or leads the search for a key astray: then the walk is RECORD_CORRUPT,
 * not at its end. A record of a neighbouring version that is damaged itself does not spoil the
 * walk. Floor: store.
 */
#ifndef AVOW_STORE_WALK_H
#define AVOW_STORE_WALK_H

#include "avow/store/key.h"
#include "avow/store/snapshot.h"

/*
 * Stand at the first record of the key's version that is at the key or behind it, or, with
 * WALK_PAST, behind it. `record` is unchecked (record_open checks).
 *
 * Returns RECORD_ABSENT at the end of the version; RECORD_CORRUPT when it cannot be told whether
 * records were missed. walk_next leads on from there, too.
 */
enum walk_start { WALK_AT, WALK_PAST };
MUST_CHECK enum found_record walk_start(struct snapshot *snapshot, enum store_table table,
                                        const struct store_key *key, enum walk_start start,
                                        struct store_record *record);

/* The record behind the one where the table's cursor stands. Results as above. */
MUST_CHECK enum found_record walk_next(struct snapshot *snapshot, enum store_table table,
                                       uint32_t version, struct store_record *record);

/*
 * The table's cursor stands, in a walk, at a record that does not have the walk's version. Is it
 * another version's? Leaves the cursor where it was.
 *
 * on  MOVE_NEXT, or MOVE_PREVIOUS in a walk that goes backwards.
 *
 * Returns RECORD_ABSENT when it is: the version has ended. RECORD_CORRUPT: it is damaged, and of
 * the walk's version for all that is known; or it should have come earlier.
 */
MUST_CHECK enum found_record walk_end(struct snapshot *snapshot, enum store_table table,
                                      uint32_t version, const struct store_record *record,
                                      enum snapshot_move on);

/* The table's cursor stands at this record, and stays there. When its seal is bad, and would be
 * good with the version of a neighbour before its key: that version, else 0. */
uint32_t walk_home(struct snapshot *snapshot, enum store_table table,
                   const struct store_record *record);

/* A search for the first record of a version has led to this one. Whether it only lies there for
 * its damage, and belongs to another version: the first is behind it. */
bool walk_is_passed(struct snapshot *snapshot, enum store_table table, uint32_t version,
                    const struct store_record *record);

#endif
