/* store.c - opening the store: its format, its tables, the keys of its seals. */
#include "avow/store/store.h"

#include <lmdb.h>
#include <string.h>

#include "avow/base/buffer.h"
#include "avow/base/random.h"
#include "avow/wire/reader.h"

#include "ahead.h"
#include "environment.h"
#include "guard.h"
#include "avow/store/meta.h"

static const char *const table_names[STORE_TABLES] = {
    [TABLE_NODES] = "nodes",   [TABLE_RRSETS] = "rrsets", [TABLE_NSEC3] = "nsec3",
    [TABLE_ZONES] = "zones",   [TABLE_KEYS] = "keys",     [TABLE_JOURNAL] = "journal",
    [TABLE_EXPIRY] = "expiry", [TABLE_META] = "meta",
};

const char *store_table_name(enum store_table table)
{
    return (unsigned)table < STORE_TABLES ? table_names[table] : "unknown";
}

static enum result trouble(struct store *store, const char *doing, int error)
{
    enum result result = error == MDB_MAP_FULL                                  ? RESULT_FULL
                         : error == MDB_NOTFOUND                                ? RESULT_CORRUPT
                         : error == MDB_CORRUPTED || error == MDB_PAGE_NOTFOUND ? RESULT_CORRUPT
                                                                                : RESULT_SYSTEM;

    return store_problem(store, result, "cannot %s the store: %s", doing, mdb_strerror(error));
}

/* A key for each table, so that a record moved to another table does not pass. */
static void make_checksum_keys(struct store *store, const uint8_t seed[HASH_SEED_OCTETS])
{
    uint8_t own[HASH_SEED_OCTETS];

    memcpy(own, seed, sizeof own);
    for (unsigned i = 0; i < STORE_TABLES; i++) {
        own[0] = (uint8_t)(seed[0] ^ (i + 1));
        hash_key_from_seed(&store->checksum_keys[i], own);
    }
}

static enum result write_meta(struct store *store, store_maker *make, MDB_txn *transaction)
{
    uint8_t seed[HASH_SEED_OCTETS];

    if (random_fill(seed, sizeof seed))
        return store_problem(store, RESULT_SYSTEM, "the kernel gives no random octets");
    enum result result = make ? make(store, transaction, seed) : RESULT_REFUSED;
    if (result)
        return store_problem(store, result, "cannot begin the store");
    make_checksum_keys(store, seed);
    return RESULT_OK;
}

static int get_plain(MDB_txn *transaction, unsigned table, const char *key, struct reader *reader)
{
    MDB_val name = {.mv_size = strlen(key), .mv_data = (void *)(uintptr_t)key};
    MDB_val value;
    int error = mdb_get(transaction, table, &name, &value);

    if (!error)
        *reader = reader_over(value.mv_data, value.mv_size);
    return error;
}

/* Refuse what another version of this program wrote. */
static enum result read_meta(struct store *store, MDB_txn *transaction)
{
    struct reader format, seed;
    int error = get_plain(transaction, store->tables[TABLE_META], META_FORMAT, &format);

    if (error)
        return trouble(store, "read the format of", error);
    uint32_t number = reader_u32(&format);
    if (reader_finish(&format))
        return store_problem(store, RESULT_CORRUPT, "the store's format number is damaged");
    if (number != STORE_FORMAT)
        return store_problem(store, RESULT_REFUSED,
                             "the store has format %u, this program knows format %u: write a dump "
                             "with the version that made the store (`avowctl store dump`), and "
                             "load it with this one into a new store (`avowctl store load`)",
                             (unsigned)number, (unsigned)STORE_FORMAT);
    error = get_plain(transaction, store->tables[TABLE_META], META_SEED, &seed);
    if (error)
        return trouble(store, "read the seed of", error);
    const uint8_t *octets = reader_take(&seed, HASH_SEED_OCTETS);
    if (reader_finish(&seed))
        return store_problem(store, RESULT_CORRUPT, "the seed of the store's seals is damaged");
    make_checksum_keys(store, octets);
    ahead_learn(store, octets);
    return RESULT_OK;
}

static int open_tables(struct store *store, MDB_txn *transaction, unsigned flags)
{
    int error = mdb_dbi_open(transaction, NULL, 0, &store->main_table);

    for (unsigned i = 0; i < STORE_TABLES && !error; i++)
        error = mdb_dbi_open(transaction, table_names[i], flags, &store->tables[i]);
    return error;
}

/* Whether LMDB's main database holds nothing at all. */
static int look_for_tables(MDB_txn *transaction, bool *empty)
{
    MDB_dbi main_table;
    MDB_stat status;
    int error = mdb_dbi_open(transaction, NULL, 0, &main_table);

    if (!error)
        error = mdb_stat(transaction, main_table, &status);
    *empty = !error && status.ms_entries == 0;
    return error;
}

static enum result fill_new_store(struct store *store, store_maker *make, MDB_txn *transaction)
{
    int error = open_tables(store, transaction, MDB_CREATE);

    return error ? trouble(store, "make", error) : write_meta(store, make, transaction);
}

/* The meta table first: what is not ours, or of another format, must not get our tables. */
static enum result open_old_store(struct store *store, MDB_txn *transaction)
{
    int error = mdb_dbi_open(transaction, META_TABLE, 0, &store->tables[TABLE_META]);

    if (error == MDB_NOTFOUND)
        return store_problem(store, RESULT_CORRUPT, "the LMDB file is not a store of this program");
    if (error)
        return trouble(store, "open", error);
    enum result result = read_meta(store, transaction);
    if (result)
        return result;
    error = open_tables(store, transaction, 0);
    return error ? trouble(store, "open", error) : RESULT_OK;
}

static enum result enter_as_writer(struct store *store, store_maker *make)
{
    MDB_txn *transaction;
    bool empty;
    int error = mdb_txn_begin(store->environment, NULL, 0, &transaction);

    if (error)
        return trouble(store, "open", error);
    error = look_for_tables(transaction, &empty);
    enum result result = error   ? trouble(store, "open", error)
                         : empty ? fill_new_store(store, make, transaction)
                                 : open_old_store(store, transaction);
    if (result) {
        mdb_txn_abort(transaction);
        return result;
    }
    error = mdb_txn_commit(transaction);
    return error ? trouble(store, "write", error) : RESULT_OK;
}

static enum result enter_as_reader(struct store *store, const struct store_options *options)
{
    struct guard guard = {
        .environment = store->environment, .pages = options->pages, .slot = options->slot};
    bool renewed;

    if (guard_renew(&guard, &renewed) != RENEWAL_READY) {
        if (guard.transaction)
            mdb_txn_abort(guard.transaction);
        return store_problem(store, RESULT_SYSTEM, "the keeper has not published the store yet");
    }
    enum result result = open_old_store(store, guard.transaction);
    if (result) {
        mdb_txn_abort(guard.transaction);
    } else {
        int error = mdb_txn_commit(guard.transaction); /* keeps the tables open */
        if (error)
            result = trouble(store, "open", error);
    }
    guard_rest(&guard);
    return result;
}

enum result store_open(struct store *store, const struct store_options *options)
{
    *store = (struct store){.access = options->access};

    enum result result = environment_open(store, options);
    if (result == RESULT_OK)
        result = options->access == STORE_WRITER ? enter_as_writer(store, options->make)
                                                 : enter_as_reader(store, options);
    if (result)
        store_close(store); /* takes a store in any state; the problem stays */
    return result;
}

void store_close(struct store *store)
{
    environment_close(store);
    explicit_bzero(store->checksum_keys, sizeof store->checksum_keys);
}
