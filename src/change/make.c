/* make.c - the first two records of a new store. */
#include <lmdb.h>
#include <string.h>

#include "avow/change/change.h"
#include "avow/store/meta.h"

static int put_plain(MDB_txn *transaction, unsigned table, const char *key, const void *octets,
                     size_t length)
{
    MDB_val name = {.mv_size = strlen(key), .mv_data = (void *)(uintptr_t)key};
    MDB_val value = {.mv_size = length, .mv_data = (void *)(uintptr_t)octets};

    return mdb_put(transaction, table, &name, &value, 0);
}

enum result change_make_store(struct store *store, struct MDB_txn *transaction,
                              const uint8_t seed[HASH_SEED_OCTETS])
{
    const uint8_t format[4] = {0, 0, 0, STORE_FORMAT};
    unsigned table = store->tables[TABLE_META];
    int error = put_plain(transaction, table, META_FORMAT, format, sizeof format);

    if (!error)
        error = put_plain(transaction, table, META_SEED, seed, HASH_SEED_OCTETS);
    if (error == MDB_MAP_FULL)
        return RESULT_FULL;
    return error ? RESULT_SYSTEM : RESULT_OK;
}
