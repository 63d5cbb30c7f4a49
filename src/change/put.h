/* put.h - records into the running transaction; the first failure is kept in the change. */
#ifndef AVOW_SRC_CHANGE_PUT_H
#define AVOW_SRC_CHANGE_PUT_H

#include <lmdb.h>

#include "avow/change/change.h"
#include "avow/store/key.h"

/* Keep the first failure. */
void put_failed(struct change *change, int error);
void put_refused(struct change *change, enum result result);

/* Empty the scratch buffer and return it, for a payload. */
struct buffer *put_begin(struct change *change);

/* Seal what is in the scratch buffer and put it under the key. `flags` of mdb_put; with
 * MDB_APPEND a key that is out of order is put at its place. */
void put_record(struct change *change, enum store_table table, const struct store_key *key,
                unsigned flags);

/* What put_record and put_nothing do for tables that a digest covers (put_counted.c); an error of
 * LMDB, MDB_NOTFOUND where there is nothing to be removed. */
MUST_CHECK int put_counted(struct change *change, enum store_table table, MDB_val *key,
                           MDB_val *value, unsigned flags);
MUST_CHECK int put_counted_nothing(struct change *change, enum store_table table, MDB_val *key);

/* Remove a record, if it is there. */
void put_nothing(struct change *change, enum store_table table, const struct store_key *key);

/* Remove the version's records from a table, at most `*limit`, which becomes less by as many.
 * MDB_NOTFOUND when none is left, 0 when some may be. Lies in version.c. */
MUST_CHECK int put_drop(struct change *change, enum store_table table, uint32_t version,
                        size_t *limit);

/* Note which commit this is. Behind everything else. */
void put_commit(struct change *change);

/* Write a node and what it keeps apart; nothing of it was there before. */
void put_parts(struct change *change, const struct store_key *key, struct node_parts *parts,
               unsigned flags);

#endif
