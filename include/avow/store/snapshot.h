/*
 * snapshot.h - one consistent view of the store, renewed per batch, never held over a wait.
 *
 * One per thread. Between renew and rest everything read through it is of one commit, and pointers
 * into the map stay good. At rest it costs nothing and holds nothing. Floor: store.
 */
#ifndef AVOW_STORE_SNAPSHOT_H
#define AVOW_STORE_SNAPSHOT_H

#include "avow/store/pages.h"
#include "avow/store/record.h"

struct MDB_txn;
struct MDB_cursor;

/* A zeroed snapshot is a closed one. */
/* Where a walk is, and goes next, in LMDB's pages; all of it a hint. */
struct snapshot_ahead {
    const uint8_t *leaf, *next, *branch; /* NULL: not known */
    unsigned child;                      /* of the branch, the leaf */
    unsigned table;
    uint64_t id; /* of the snapshot in which this holds */
};

struct snapshot {
    const struct store *store;
    const struct pages *pages; /* NULL: LMDB's own locks (writer's process) or nobody writes */
    struct MDB_txn *transaction;
    struct MDB_cursor *cursors[STORE_TABLES]; /* opened on first use */
    uint64_t id;               /* transaction id; as of the last renewal while at rest */
    uint64_t ticket;           /* with which it was renewed */
    uint64_t zones_generation; /* published with it (the id without pages): when it moves, the
                                * zone table is built anew */
    unsigned renewed;          /* bit per table: the cursor belongs to this renewal */
    unsigned slot;
    bool resting;
    bool spoiled;   /* LMDB met a damaged page: the transaction must really be renewed */
    bool of_change; /* the view of a running change: not to be renewed or closed by its user */
    struct snapshot_ahead ahead;
};

enum renewal {
    RENEWAL_READY, /* go on */
    RENEWAL_LATER, /* the keeper is between two states for longer than usual: answer nothing now */
    RENEWAL_BROKEN /* the store cannot be read: log, and let the room be restarted */
};

/*
 * Open a snapshot, at rest.
 *
 * pages  For STORE_READER beside a keeper, with this thread's own slot; NULL (slot 0) in the
 *        writer's process, offline, and in tests without a writer.
 *
 * Returns RESULT_OK or RESULT_SYSTEM.
 */
MUST_CHECK enum result snapshot_open(struct snapshot *snapshot, const struct store *store,
                                     const struct pages *pages, unsigned slot);

/* The newest commit. Waits a few milliseconds at most (only while a commit is being flushed, and
 * only after being idle). Calling it on a snapshot that is in use renews that one. */
MUST_CHECK enum renewal snapshot_renew(struct snapshot *snapshot);

/* Let go of it: everything read through it is void. */
void snapshot_rest(struct snapshot *snapshot);

/* Takes any state. */
void snapshot_close(struct snapshot *snapshot);

/* ---- for store and change: records by key -------------------------------------------------- */

/* The record with exactly this key (record->key and key_length are the input); RECORD_THERE fills
 * the rest and `payload`, seal checked. */
MUST_CHECK enum found_record snapshot_get(struct snapshot *snapshot, enum store_table table,
                                          struct store_record *record, struct reader *payload);

/* Where a walk may stand. */
enum snapshot_move { MOVE_AT_OR_AFTER, MOVE_NEXT, MOVE_PREVIOUS, MOVE_LAST };

/*
 * Move the thread's cursor of a table; `record` receives where it stands, unchecked (record_open
 * checks). For MOVE_AT_OR_AFTER record->key is the input. RECORD_ABSENT at either end.
 */
MUST_CHECK enum found_record snapshot_move(struct snapshot *snapshot, enum store_table table,
                                           enum snapshot_move move, struct store_record *record);

#endif
