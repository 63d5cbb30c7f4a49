/* version.c - a zone's versions: new ones in slices, old ones dropped in slices. */
#include "avow/change/version.h"

#include <lmdb.h>
#include <stdlib.h>
#include <string.h>

#include "avow/store/meta.h"
#include "avow/store/walk.h"

#include "put.h"

/* The tables whose keys begin with a version. */
static const enum store_table versioned[] = {TABLE_NODES, TABLE_RRSETS, TABLE_NSEC3, TABLE_JOURNAL};

enum result version_new(struct change *change, uint32_t *version)
{
    struct store_key key = {.length = sizeof META_VERSIONS - 1};
    uint32_t last = 0;

    if (change->failed)
        return change->failed;
    memcpy(key.octets, META_VERSIONS, key.length);
    if (meta_last_version(&change->view, &last) == RECORD_CORRUPT)
        return RESULT_CORRUPT;
    if (last == UINT32_MAX)
        return RESULT_FULL;
    buffer_u32(put_begin(change), last + 1);
    put_record(change, TABLE_META, &key, 0);
    *version = last + 1;
    return change->failed;
}

static void version_prefix(uint32_t version, struct store_key *key)
{
    struct writer writer = writer_over(key->octets, sizeof key->octets);

    writer_u32(&writer, version);
    key->length = (uint16_t)writer.length;
}

void version_append(struct change *change, uint32_t version, enum store_table table,
                    const uint8_t *key, size_t key_length, struct reader payload)
{
    struct store_key whole;

    version_prefix(version, &whole);
    if (change->failed)
        return;
    if (key_length > RECORD_MAX_KEY_OCTETS - (size_t)whole.length) {
        put_refused(change, RESULT_FORMAT);
        return;
    }
    memcpy(whole.octets + whole.length, key, key_length);
    whole.length = (uint16_t)(whole.length + key_length);
    buffer_add(put_begin(change), payload.at, reader_left(&payload));
    put_record(change, table, &whole, MDB_APPEND);
}

void version_append_node(struct change *change, uint32_t version, const struct name *name,
                         struct node_parts *parts)
{
    struct store_key key;

    if (change->failed)
        return;
    store_key_node(&key, version, name);
    put_parts(change, &key, parts, MDB_APPEND);
}

void version_append_nsec3(struct change *change, uint32_t version,
                          const uint8_t hash[NODE_HASH_OCTETS], const struct node_rrset *rrset)
{
    struct store_key key;

    store_key_nsec3(&key, version, hash);
    if (node_compose_rrset(rrset, put_begin(change)))
        put_refused(change, RESULT_SYSTEM);
    put_record(change, TABLE_NSEC3, &key, MDB_APPEND);
}

/* Remove the version's first record of a table. MDB_NOTFOUND when there is none. The cursor is
 * placed anew each time: no walk goes over what is being removed. */
static int drop_first(MDB_cursor *cursor, uint32_t version)
{
    struct store_key prefix;
    MDB_val value;

    version_prefix(version, &prefix);
    MDB_val key = {.mv_size = prefix.length, .mv_data = prefix.octets};
    int error = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    if (error)
        return error;
    if (store_key_version(key.mv_data, key.mv_size) != version)
        return MDB_NOTFOUND;
    return mdb_cursor_del(cursor, 0);
}

int put_drop(struct change *change, enum store_table table, uint32_t version, size_t *limit)
{
    MDB_cursor *cursor;
    int error = mdb_cursor_open(change->view.transaction, change->store->tables[table], &cursor);

    if (error)
        return error;
    change->touched = true;
    while (*limit > 0 && !error) {
        error = drop_first(cursor, version);
        *limit -= !error;
    }
    mdb_cursor_close(cursor);
    return error;
}

enum result version_drop(struct change *change, uint32_t version, size_t limit, bool *done)
{
    *done = false;
    for (unsigned i = 0; i < COUNT(versioned); i++) {
        if (change->failed)
            return change->failed;
        int error = put_drop(change, versioned[i], version, &limit);
        if (error && error != MDB_NOTFOUND) {
            put_failed(change, error);
            return change->failed;
        }
        if (!error)
            return RESULT_OK; /* the limit was reached before the end */
    }
    *done = true;
    return RESULT_OK;
}

/* The first version above `after` that the table knows. What only looks like one is passed over: to
 * drop a damaged record of a version that is served would hide that it is missing. */
static enum found_record next_version(struct snapshot *snapshot, enum store_table table,
                                      uint32_t after, uint32_t *version)
{
    struct store_key prefix;
    struct store_record record;

    do {
        if (after == UINT32_MAX)
            return RECORD_ABSENT;
        version_prefix(after + 1, &prefix);
        record = store_key_record(&prefix);
        enum found_record found = snapshot_move(snapshot, table, MOVE_AT_OR_AFTER, &record);
        if (found != RECORD_THERE)
            return found;
        *version = store_key_version(record.key, record.key_length);
        if (*version <= after)
            return RECORD_CORRUPT; /* a damaged key led astray */
        after = *version;
    } while (walk_home(snapshot, table, &record));
    return RECORD_THERE;
}

static enum found_record next_of_all(struct snapshot *snapshot, uint32_t after, uint32_t *version)
{
    enum found_record all = RECORD_ABSENT;

    for (unsigned i = 0; i < COUNT(versioned); i++) {
        uint32_t one;
        enum found_record found = next_version(snapshot, versioned[i], after, &one);
        if (found == RECORD_CORRUPT)
            return found;
        if (found == RECORD_THERE && (all == RECORD_ABSENT || one < *version)) {
            *version = one;
            all = RECORD_THERE;
        }
    }
    return all;
}

/* The versions that rows name, in ascending order. A damaged row might name any: RECORD_CORRUPT. */
struct owned {
    uint32_t *versions;
    size_t count, capacity;
};

static bool owned_add(struct owned *owned, uint32_t version)
{
    if (version == 0)
        return true;
    if (owned->count == owned->capacity) {
        size_t capacity = owned->capacity ? 2 * owned->capacity : 256;
        uint32_t *versions = reallocarray(owned->versions, capacity, sizeof *versions);
        if (!versions)
            return false;
        owned->versions = versions;
        owned->capacity = capacity;
    }
    owned->versions[owned->count++] = version;
    return true;
}

static int compare_versions(const void *left, const void *right)
{
    const uint32_t *a = left, *b = right;
    return (*a > *b) - (*a < *b);
}

static enum found_record collect_owned(struct snapshot *snapshot, struct owned *owned)
{
    struct zone zone;
    struct name after;
    enum found_record found = zone_walk(snapshot, NULL, &zone);

    while (found == RECORD_THERE) {
        if (!owned_add(owned, zone.version) || !owned_add(owned, zone.loading))
            return RECORD_CORRUPT;
        name_copy(&after, &zone.apex);
        found = zone_walk(snapshot, &after, &zone);
    }
    if (owned->count)
        qsort(owned->versions, owned->count, sizeof *owned->versions, compare_versions);
    return found;
}

enum found_record version_leftover(struct snapshot *snapshot, uint32_t after, uint32_t *version)
{
    struct owned owned = {.count = 0};
    enum found_record found = collect_owned(snapshot, &owned);

    if (found == RECORD_ABSENT)
        found = next_of_all(snapshot, after, version);
    while (found == RECORD_THERE && owned.count &&
           bsearch(version, owned.versions, owned.count, sizeof *version, compare_versions))
        found = next_of_all(snapshot, *version, version);
    free(owned.versions);
    return found;
}
