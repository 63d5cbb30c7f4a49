/* snapshot.c - one consistent view of the store, and reading records by key. */
#include "avow/store/snapshot.h"

#include <lmdb.h>

#include "ahead.h"
#include "guard.h"

enum { RENEWAL_TRIES = 64 };

/* The record that a walk or a look-up found. */
static void set_record(struct store_record *record, const MDB_val *key, const MDB_val *value)
{
    *record = (struct store_record){
        .key = key->mv_data,
        .key_length = key->mv_size,
        .value = value->mv_data,
        .value_length = value->mv_size,
    };
}

static MDB_val key_of(const struct store_record *record)
{
    return (MDB_val){.mv_size = record->key_length, .mv_data = (void *)(uintptr_t)record->key};
}

enum result snapshot_open(struct snapshot *snapshot, const struct store *store,
                          const struct pages *pages, unsigned slot)
{
    *snapshot = (struct snapshot){.store = store, .pages = pages, .slot = slot, .resting = true};

    if (!store->environment || (pages && slot >= PAGES_SLOTS))
        return RESULT_SYSTEM;
    return RESULT_OK;
}

static enum renewal renew_once(struct snapshot *snapshot)
{
    struct guard guard = {
        .environment = snapshot->store->environment,
        .transaction = snapshot->transaction,
        .pages = snapshot->pages,
        .slot = snapshot->slot,
        .ticket = snapshot->spoiled ? 0 : snapshot->ticket,
        .id = snapshot->id,
    };
    bool renewed;
    enum renewal renewal = guard_renew(&guard, &renewed);

    snapshot->transaction = guard.transaction;
    snapshot->ticket = guard.ticket;
    snapshot->id = guard.id;
    snapshot->resting = renewal != RENEWAL_READY;
    if (renewed) {
        snapshot->renewed = 0;
        snapshot->spoiled = false;
    }
    return renewal;
}

static uint64_t published_generation(const struct snapshot *snapshot)
{
    return snapshot->pages ? atomic_load(&snapshot->pages->published->zones_generation)
                           : snapshot->id;
}

/*
 * The keeper publishes a commit, then the generation that it made. The same generation before and
 * after thus means a snapshot in which the versions that this generation serves are whole.
 */
enum renewal snapshot_renew(struct snapshot *snapshot)
{
    enum renewal renewal = RENEWAL_LATER;

    for (unsigned tries = 0; tries < RENEWAL_TRIES; tries++) {
        uint64_t before = published_generation(snapshot);
        renewal = renew_once(snapshot);
        if (renewal != RENEWAL_READY)
            return renewal;
        snapshot->zones_generation = published_generation(snapshot);
        if (!snapshot->pages || snapshot->zones_generation == before)
            return RENEWAL_READY;
    }
    snapshot_rest(snapshot);
    return RENEWAL_LATER;
}

void snapshot_rest(struct snapshot *snapshot)
{
    if (snapshot->resting || snapshot->of_change)
        return;
    snapshot->resting = true;
    /* Beside a keeper the slot is all that holds anything: the transaction can be taken up again as
     * long as nothing is published. */
    if (snapshot->pages)
        atomic_store(&snapshot->pages->readers[0]->slots[snapshot->slot].ticket, 0);
    else if (snapshot->transaction)
        mdb_txn_reset(snapshot->transaction);
}

void snapshot_close(struct snapshot *snapshot)
{
    if (snapshot->store)
        snapshot_rest(snapshot);
    for (unsigned i = 0; i < STORE_TABLES; i++)
        if (snapshot->cursors[i])
            mdb_cursor_close(snapshot->cursors[i]);
    if (snapshot->transaction)
        mdb_txn_abort(snapshot->transaction);
    *snapshot = (struct snapshot){.store = NULL};
}

static enum found_record found(struct snapshot *snapshot, int error)
{
    if (error == MDB_SUCCESS)
        return RECORD_THERE;
    if (error == MDB_NOTFOUND)
        return RECORD_ABSENT;
    snapshot->spoiled = true;
    return RECORD_CORRUPT;
}

enum found_record snapshot_get(struct snapshot *snapshot, enum store_table table,
                               struct store_record *record, struct reader *payload)
{
    MDB_val key = key_of(record), value;
    int error = mdb_get(snapshot->transaction, snapshot->store->tables[table], &key, &value);

    if (error)
        return found(snapshot, error);
    record->value = value.mv_data;
    record->value_length = value.mv_size;
    return record_open(snapshot->store, table, record, payload) ? RECORD_CORRUPT : RECORD_THERE;
}

/* The table's cursor in the current transaction; NULL when it cannot be had. */
static MDB_cursor *cursor_of(struct snapshot *snapshot, enum store_table table)
{
    unsigned bit = 1U << table;
    MDB_cursor **cursor = &snapshot->cursors[table];

    if (!*cursor) {
        if (mdb_cursor_open(snapshot->transaction, snapshot->store->tables[table], cursor)) {
            *cursor = NULL;
            return NULL;
        }
    } else if (!(snapshot->renewed & bit) && mdb_cursor_renew(snapshot->transaction, *cursor)) {
        return NULL;
    }
    snapshot->renewed |= bit;
    return *cursor;
}

enum found_record snapshot_move(struct snapshot *snapshot, enum store_table table,
                                enum snapshot_move move, struct store_record *record)
{
    static const MDB_cursor_op operations[] = {
        [MOVE_AT_OR_AFTER] = MDB_SET_RANGE,
        [MOVE_NEXT] = MDB_NEXT,
        [MOVE_PREVIOUS] = MDB_PREV,
        [MOVE_LAST] = MDB_LAST,
    };
    MDB_val key = key_of(record), value;
    MDB_cursor *cursor = cursor_of(snapshot, table);

    if (!cursor)
        return found(snapshot, MDB_BAD_TXN);
    int error = mdb_cursor_get(cursor, &key, &value, operations[move]);
    if (error == MDB_SUCCESS) {
        set_record(record, &key, &value);
        if (move == MOVE_NEXT)
            ahead_fetch(snapshot, table, record);
    }
    return found(snapshot, error);
}
