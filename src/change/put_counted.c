/*
 * put_counted.c - records that a digest covers: what goes is taken off it, what comes is added.
 *
 * The cursor that looks for what is there is the one that writes: one descent, as without a digest.
 */
#include <lmdb.h>

#include "avow/change/change.h"

#include "put.h"

/* What a change has done to the records of a version. */
struct digest_change {
    uint32_t version;
    struct version_digest difference;
};

static struct digest_change *digest_changes(const struct change *change, size_t *count)
{
    *count = change->digests.length / sizeof(struct digest_change);
    return (struct digest_change *)(void *)change->digests.octets;
}

/* Changes of many versions touch one after the other: the last is the likely one. */
static struct digest_change *find(const struct change *change, uint32_t version)
{
    size_t count;
    struct digest_change *list = digest_changes(change, &count);

    for (size_t i = count; i-- > 0;)
        if (list[i].version == version)
            return &list[i];
    return NULL;
}

static struct digest_change *find_or_add(struct change *change, uint32_t version)
{
    struct digest_change *found = find(change, version);

    if (!found) {
        found = (struct digest_change *)(void *)buffer_claim(&change->digests, sizeof *found);
        if (found)
            *found = (struct digest_change){.version = version};
        else
            put_refused(change, RESULT_SYSTEM);
    }
    return found;
}

/* Whether the walk has looked at the record, or would have. */
static bool is_passed(const struct store_scan *scan, enum store_table table,
                      const struct store_record *record)
{
    if (!scan || !scan->version ||
        scan->version != store_key_version(record->key, record->key_length))
        return false;
    if (table != scan->table)
        return table < scan->table;
    return scan->key.length && store_key_compare(record->key, record->key_length, scan->key.octets,
                                                 scan->key.length) <= 0;
}

static void count(struct change *change, enum store_table table, const MDB_val *key,
                  const MDB_val *value,
                  void (*into)(struct version_digest *, const struct version_digest *))
{
    struct store_record record = {.key = key->mv_data,
                                  .key_length = key->mv_size,
                                  .value = value->mv_data,
                                  .value_length = value->mv_size};
    struct digest_change *of =
        find_or_add(change, store_key_version(record.key, record.key_length));

    if (!of)
        return;
    struct version_digest one = digest_of_record(change->store, table, &record);
    into(&of->difference, &one);
    if (is_passed(change->scan, table, &record))
        into(&change->scanned, &one);
}

/* Stand at the record of the key. LMDB frees the cursor with the transaction. */
static int find_record(struct change *change, enum store_table table, MDB_val *key, MDB_val *value)
{
    MDB_cursor **cursor = &change->cursors[table];
    int error = 0;

    if (!*cursor)
        error = mdb_cursor_open(change->view.transaction, change->store->tables[table], cursor);
    return error ? error : mdb_cursor_get(*cursor, key, value, MDB_SET);
}

static int put_over(struct change *change, enum store_table table, MDB_val *key, MDB_val *value)
{
    MDB_val before;
    int error = find_record(change, table, key, &before);

    if (error == MDB_NOTFOUND)
        return mdb_put(change->view.transaction, change->store->tables[table], key, value, 0);
    if (error)
        return error;
    count(change, table, key, &before, digest_subtract);
    return mdb_cursor_put(change->cursors[table], key, value, MDB_CURRENT);
}

int put_counted(struct change *change, enum store_table table, MDB_val *key, MDB_val *value,
                unsigned flags)
{
    MDB_val new = *value;
    int error = flags & MDB_APPEND ? mdb_put(change->view.transaction, change->store->tables[table],
                                             key, value, flags)
                                   : put_over(change, table, key, value);

    if (!error)
        count(change, table, key, &new, digest_add);
    return error;
}

int put_counted_nothing(struct change *change, enum store_table table, MDB_val *key)
{
    MDB_val before;
    int error = find_record(change, table, key, &before);

    if (error)
        return error;
    count(change, table, key, &before, digest_subtract);
    return mdb_cursor_del(change->cursors[table], 0);
}

void change_take_digest(struct change *change, uint32_t version, struct version_digest *digest)
{
    struct digest_change *of = find(change, version);

    if (!of)
        return;
    digest_add(digest, &of->difference);
    of->difference = (struct version_digest){.low = 0};
}
