/* change.c - begin, put, commit or abandon. */
#include "avow/change/change.h"

#include <errno.h>
#include <lmdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "put.h"

enum { DISK_IS_FULL_OCTETS = 4 << 20 };

static void set_problem(struct store *store, const char *what, int error)
{
    snprintf(store->problem, sizeof store->problem, "cannot %s: %s", what, mdb_strerror(error));
}

enum result change_begin(struct change *change, struct store *store)
{
    MDB_txn *transaction;

    *change = (struct change){.store = NULL};
    if (store->access != STORE_WRITER || !store->environment || store->writes_off)
        return RESULT_REFUSED;
    int error = mdb_txn_begin(store->environment, NULL, 0, &transaction);
    if (error) {
        set_problem(store, "begin a change", error);
        store->writes_off = error == MDB_PANIC;
        return RESULT_SYSTEM;
    }
    change->store = store;
    change->view = (struct snapshot){.store = store,
                                     .transaction = transaction,
                                     .id = mdb_txn_id(transaction),
                                     .of_change = true};
    return RESULT_OK;
}

struct snapshot *change_view(struct change *change)
{
    return &change->view;
}

uint64_t change_octets(const struct change *change)
{
    return change->octets;
}

static void end_change(struct change *change)
{
    buffer_free(&change->scratch);
    buffer_free(&change->parts);
    buffer_free(&change->rows);
    buffer_free(&change->digests);
    /* LMDB frees the cursors of a write transaction with it. */
    *change = (struct change){.store = NULL};
}

/* Whether the file system has nothing left: LMDB reports a short write as EIO. */
static bool disk_is_full(struct store *store)
{
    struct statvfs status;
    int descriptor;

    return mdb_env_get_fd(store->environment, &descriptor) == 0 &&
           fstatvfs(descriptor, &status) == 0 &&
           (uint64_t)status.f_bavail * status.f_frsize < DISK_IS_FULL_OCTETS;
}

static bool is_full(int error)
{
    return error == MDB_MAP_FULL || error == MDB_TXN_FULL || error == ENOSPC || error == EDQUOT;
}

/* Whether LMDB will not even read any more: so it is when a meta page could not be written. */
static bool is_given_up(const struct store *store)
{
    MDB_txn *transaction;
    int error = mdb_txn_begin(store->environment, NULL, MDB_RDONLY, &transaction);

    if (!error)
        mdb_txn_abort(transaction);
    return error == MDB_PANIC;
}

/*
 * A flush that failed says that the kernel may have dropped what it could not write; a second try
 * would succeed and prove nothing. A full disk is another matter: each change writes all its pages.
 */
static enum result commit_failed(struct store *store, int error)
{
    bool full = is_full(error) || (error == EIO && disk_is_full(store));

    set_problem(store, "write the store", error);
    store->writes_off = !full || is_given_up(store);
    return full ? RESULT_FULL : RESULT_SYSTEM;
}

/* Pages that a transaction took and freed again at the end of the file are not written: fill up, so
 * that a file shorter than its contents always means damage (store/environment.c). */
static void fill_up_file(struct store *store)
{
    MDB_envinfo info;
    MDB_stat pages;
    struct stat status;
    int descriptor;

    if (mdb_env_info(store->environment, &info) || mdb_env_stat(store->environment, &pages) ||
        mdb_env_get_fd(store->environment, &descriptor) || fstat(descriptor, &status))
        return;
    off_t needed = (off_t)((info.me_last_pgno + 1) * pages.ms_psize);
    if (status.st_size < needed && ftruncate(descriptor, needed))
        return; /* the next opening does it */
}

enum result change_commit(struct change *change, uint64_t *transaction)
{
    struct store *store = change->store;

    if (!store)
        return RESULT_REFUSED;
    if (change->touched && !store->rolled_back)
        put_commit(change);
    enum result result = change->failed;
    if (result) {
        if (change->error)
            set_problem(store, "change the store", change->error);
        else
            snprintf(store->problem, sizeof store->problem, "cannot change the store: %s",
                     result_sentence(result));
        change_abandon(change);
        return result;
    }
    uint64_t id = change->view.id;
    int error = mdb_txn_commit(change->view.transaction);
    end_change(change);
    if (error)
        return commit_failed(store, error);
    fill_up_file(store);
    if (transaction)
        *transaction = id;
    return RESULT_OK;
}

void change_abandon(struct change *change)
{
    if (!change->store)
        return;
    mdb_txn_abort(change->view.transaction);
    end_change(change);
}

/* ---- put.h ----------------------------------------------------------------------------------- */

void put_refused(struct change *change, enum result result)
{
    if (change->failed == RESULT_OK)
        change->failed = result;
}

void put_failed(struct change *change, int error)
{
    if (change->failed)
        return;
    change->error = error;
    change->failed = is_full(error)                                         ? RESULT_FULL
                     : error == MDB_CORRUPTED || error == MDB_PAGE_NOTFOUND ? RESULT_CORRUPT
                     : error == MDB_BAD_VALSIZE                             ? RESULT_FORMAT
                                                                            : RESULT_SYSTEM;
}

struct buffer *put_begin(struct change *change)
{
    buffer_clear(&change->scratch);
    return &change->scratch;
}

static int put_value(struct change *change, enum store_table table, MDB_val *key, MDB_val *value,
                     unsigned flags)
{
    if (digest_covers(table))
        return put_counted(change, table, key, value, flags);
    return mdb_put(change->view.transaction, change->store->tables[table], key, value, flags);
}

void put_record(struct change *change, enum store_table table, const struct store_key *key,
                unsigned flags)
{
    struct buffer *value = &change->scratch;

    if (change->failed)
        return;
    record_seal(change->store, table, key->octets, key->length, value);
    if (buffer_check(value)) {
        put_refused(change, RESULT_SYSTEM);
        return;
    }
    MDB_val name = {.mv_size = key->length, .mv_data = (void *)(uintptr_t)key->octets};
    MDB_val data = {.mv_size = value->length, .mv_data = value->octets};
    int error = put_value(change, table, &name, &data, flags);
    if (error == MDB_KEYEXIST && flags & MDB_APPEND)
        error = put_value(change, table, &name, &data, 0);
    if (error)
        put_failed(change, error);
    change->octets += key->length + value->length;
    change->touched = true;
}

void put_nothing(struct change *change, enum store_table table, const struct store_key *key)
{
    if (change->failed)
        return;
    MDB_val name = {.mv_size = key->length, .mv_data = (void *)(uintptr_t)key->octets};
    int error = digest_covers(table)
                    ? put_counted_nothing(change, table, &name)
                    : mdb_del(change->view.transaction, change->store->tables[table], &name, NULL);
    if (error && error != MDB_NOTFOUND)
        put_failed(change, error);
    change->octets += key->length;
    change->touched = true;
}
