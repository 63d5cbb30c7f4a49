/* keys.c - the row of each DNSSEC key. */
#include "avow/store/keys.h"

#include <lmdb.h>
#include <string.h>

#include "avow/store/key.h"

static void read_numbers(struct reader *payload, struct key_row *key)
{
    key->number = reader_u32(payload);
    key->predecessor = reader_u32(payload);
    key->successor = reader_u32(payload);
    key->role = reader_u8(payload);
    key->state = reader_u8(payload);
    key->goal = reader_u8(payload);
    key->algorithm = reader_u8(payload);
    key->flags = reader_u16(payload);
    key->tag = reader_u16(payload);
    key->bits = reader_u16(payload);
    for (unsigned i = 0; i < KEY_RECORDS; i++) {
        key->records[i].stage = reader_u8(payload);
        key->records[i].since = reader_u64(payload);
        key->records[i].ttl = reader_u32(payload);
    }
    key->created = reader_u64(payload);
    key->published = reader_u64(payload);
    key->active = reader_u64(payload);
    key->retired = reader_u64(payload);
    key->removed = reader_u64(payload);
    key->ds_seen = reader_u64(payload);
    key->ds_gone = reader_u64(payload);
    key->fully_signed = reader_u64(payload);
}

/* Octets into a field of the row that has room for `limit`. Fails the reader when they are more. */
static size_t read_field(struct reader *payload, size_t length, void *field, size_t limit)
{
    if (length > limit)
        reader_fail(payload);
    const uint8_t *octets = reader_take(payload, length);
    if (!octets)
        return 0;
    memcpy(field, octets, length);
    return length;
}

static bool key_is_sane(const struct key_row *key)
{
    for (unsigned i = 0; i < KEY_RECORDS; i++)
        if ((unsigned)key->records[i].stage >= KEY_STAGES)
            return false;
    return key->role >= KEY_ZSK && key->role <= KEY_CSK && (unsigned)key->state < KEY_STATES &&
           (unsigned)key->goal <= KEY_TO_OMNIPRESENT &&
           strnlen(key->keystore, sizeof key->keystore) < sizeof key->keystore;
}

enum result key_open(struct reader payload, struct key_row *key)
{
    *key = (struct key_row){.number = 0};
    name_read_plain(&payload, &key->zone);
    read_numbers(&payload, key);
    read_field(&payload, reader_u8(&payload), key->keystore, KEY_MAX_KEYSTORE);
    key->id_length = (uint8_t)read_field(&payload, reader_u8(&payload), key->id, KEY_MAX_ID);
    key->dnskey_length =
        (uint16_t)read_field(&payload, reader_u16(&payload), key->dnskey, KEY_MAX_DNSKEY);
    return reader_finish(&payload) || !key_is_sane(key) ? RESULT_CORRUPT : RESULT_OK;
}

void key_compose(const struct key_row *key, struct buffer *value)
{
    size_t keystore = strnlen(key->keystore, KEY_MAX_KEYSTORE);
    const uint64_t times[] = {key->created, key->published, key->active,  key->retired,
                              key->removed, key->ds_seen,   key->ds_gone, key->fully_signed};

    buffer_add(value, key->zone.octets, key->zone.length);
    buffer_u32(value, key->number);
    buffer_u32(value, key->predecessor);
    buffer_u32(value, key->successor);
    buffer_u8(value, (uint8_t)key->role);
    buffer_u8(value, (uint8_t)key->state);
    buffer_u8(value, (uint8_t)key->goal);
    buffer_u8(value, key->algorithm);
    buffer_u16(value, key->flags);
    buffer_u16(value, key->tag);
    buffer_u16(value, key->bits);
    for (unsigned i = 0; i < KEY_RECORDS; i++) {
        buffer_u8(value, (uint8_t)key->records[i].stage);
        buffer_u64(value, key->records[i].since);
        buffer_u32(value, key->records[i].ttl);
    }
    for (unsigned i = 0; i < COUNT(times); i++)
        buffer_u64(value, times[i]);
    buffer_u8(value, (uint8_t)keystore);
    buffer_add(value, key->keystore, keystore);
    buffer_u8(value, key->id_length);
    buffer_add(value, key->id, key->id_length);
    buffer_u16(value, key->dnskey_length);
    buffer_add(value, key->dnskey, key->dnskey_length);
}

enum found_record key_get(struct snapshot *snapshot, const struct name *zone, uint32_t number,
                          struct key_row *key)
{
    struct store_key name;
    struct reader payload;

    store_key_key(&name, zone, number);
    struct store_record record = store_key_record(&name);
    enum found_record found = snapshot_get(snapshot, TABLE_KEYS, &record, &payload);
    if (found == RECORD_THERE && key_open(payload, key))
        return RECORD_CORRUPT;
    return found;
}

enum found_record key_walk(struct snapshot *snapshot, const struct name *zone, uint32_t after,
                           struct key_row *key)
{
    struct store_key first;
    struct reader payload;

    if (after == UINT32_MAX)
        return RECORD_ABSENT;
    store_key_key(&first, zone, after + 1);
    struct store_record record = store_key_record(&first);
    enum found_record found = snapshot_move(snapshot, TABLE_KEYS, MOVE_AT_OR_AFTER, &record);
    if (found != RECORD_THERE)
        return found;
    if (record.key_length != first.length ||
        memcmp(record.key, first.octets, first.length - sizeof(uint32_t)) != 0)
        return RECORD_ABSENT; /* another zone's */
    if (record_open(snapshot->store, TABLE_KEYS, &record, &payload) || key_open(payload, key))
        return RECORD_CORRUPT;
    return RECORD_THERE;
}

enum found_record key_check(struct snapshot *snapshot)
{
    static const uint8_t least = 0;
    struct store_record record = {.key = &least, .key_length = 1};
    struct reader payload;
    MDB_stat status;
    size_t count = 0;

    enum found_record found = snapshot_move(snapshot, TABLE_KEYS, MOVE_AT_OR_AFTER, &record);
    for (; found == RECORD_THERE; count++) {
        if (record_open(snapshot->store, TABLE_KEYS, &record, &payload))
            return RECORD_CORRUPT;
        found = snapshot_move(snapshot, TABLE_KEYS, MOVE_NEXT, &record);
    }
    if (found == RECORD_CORRUPT ||
        mdb_stat(snapshot->transaction, snapshot->store->tables[TABLE_KEYS], &status) ||
        status.ms_entries != count)
        return RECORD_CORRUPT;
    return count ? RECORD_THERE : RECORD_ABSENT;
}
