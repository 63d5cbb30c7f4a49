/* zones.c - the row of each zone. */
#include "avow/store/zones.h"

#include <string.h>

#include "avow/store/key.h"

static void read_numbers(struct reader *payload, struct zone *zone)
{
    zone->version = reader_u32(payload);
    zone->loading = reader_u32(payload);
    zone->serial = reader_u32(payload);
    zone->highest_serial = reader_u32(payload);
    zone->denial_ttl = reader_u32(payload);
    zone->flags = reader_u16(payload);
    zone->iterations = reader_u16(payload);
    zone->policy_fingerprint = reader_u64(payload);
    zone->names = reader_u64(payload);
    zone->records = reader_u64(payload);
    zone->rrsets = reader_u64(payload);
    zone->rrsets_signed = reader_u64(payload);
    zone->denials = reader_u64(payload);
    zone->denials_signed = reader_u64(payload);
    zone->file_size = reader_u64(payload);
    zone->file_time = reader_u64(payload);
    zone->file_hash = reader_u64(payload);
    zone->loaded_at = reader_u64(payload);
    zone->loaded_serial = reader_u32(payload);
    zone->changed_at = reader_u64(payload);
    zone->signed_at = reader_u64(payload);
    zone->last_change = reader_u64(payload);
    zone->journal_oldest = reader_u32(payload);
    zone->journal_entries = reader_u32(payload);
    zone->journal_octets = reader_u64(payload);
    zone->digest.low = reader_u64(payload);
    zone->digest.high = reader_u64(payload);
    zone->digest.records = reader_u64(payload);
}

enum result zone_open(struct reader payload, struct zone *zone)
{
    *zone = (struct zone){.version = 0};
    name_read_plain(&payload, &zone->apex);
    read_numbers(&payload, zone);
    zone->salt_length = reader_u8(&payload);
    const uint8_t *salt = reader_take(&payload, zone->salt_length);
    bool retired = reader_left(&payload) > 0;
    if (retired)
        zone->retired_at = reader_u64(&payload);
    if (reader_finish(&payload) || retired != (zone->retired_at != 0))
        return RESULT_CORRUPT;
    memcpy(zone->salt, salt, zone->salt_length);
    return RESULT_OK;
}

void zone_compose(const struct zone *zone, struct buffer *value)
{
    buffer_add(value, zone->apex.octets, zone->apex.length);
    buffer_u32(value, zone->version);
    buffer_u32(value, zone->loading);
    buffer_u32(value, zone->serial);
    buffer_u32(value, zone->highest_serial);
    buffer_u32(value, zone->denial_ttl);
    buffer_u16(value, zone->flags);
    buffer_u16(value, zone->iterations);
    buffer_u64(value, zone->policy_fingerprint);
    buffer_u64(value, zone->names);
    buffer_u64(value, zone->records);
    buffer_u64(value, zone->rrsets);
    buffer_u64(value, zone->rrsets_signed);
    buffer_u64(value, zone->denials);
    buffer_u64(value, zone->denials_signed);
    buffer_u64(value, zone->file_size);
    buffer_u64(value, zone->file_time);
    buffer_u64(value, zone->file_hash);
    buffer_u64(value, zone->loaded_at);
    buffer_u32(value, zone->loaded_serial);
    buffer_u64(value, zone->changed_at);
    buffer_u64(value, zone->signed_at);
    buffer_u64(value, zone->last_change);
    buffer_u32(value, zone->journal_oldest);
    buffer_u32(value, zone->journal_entries);
    buffer_u64(value, zone->journal_octets);
    buffer_u64(value, zone->digest.low);
    buffer_u64(value, zone->digest.high);
    buffer_u64(value, zone->digest.records);
    buffer_u8(value, zone->salt_length);
    buffer_add(value, zone->salt, zone->salt_length);
    if (zone->retired_at)
        buffer_u64(value, zone->retired_at);
}

enum found_record zone_get(struct snapshot *snapshot, const struct name *apex, struct zone *zone)
{
    struct store_key key;
    struct reader payload;

    store_key_zone(&key, apex);
    struct store_record record = store_key_record(&key);
    enum found_record found = snapshot_get(snapshot, TABLE_ZONES, &record, &payload);
    if (found == RECORD_THERE && (zone_open(payload, zone) || !name_equal(&zone->apex, apex)))
        return RECORD_CORRUPT;
    return found;
}

/* A damaged row still tells its apex by its key, so that a walk can go on behind it. */
static enum found_record open_walked(struct snapshot *snapshot, const struct store_record *record,
                                     struct zone *zone)
{
    struct reader payload;

    if (record_open(snapshot->store, TABLE_ZONES, record, &payload) == RESULT_OK &&
        zone_open(payload, zone) == RESULT_OK)
        return RECORD_THERE;
    *zone = (struct zone){.version = 0};
    if (record->key_length < 1 ||
        name_key_read(record->key + 1, record->key_length - 1, &zone->apex))
        name_root(&zone->apex);
    return RECORD_CORRUPT;
}

enum found_record zone_walk(struct snapshot *snapshot, const struct name *after, struct zone *zone)
{
    struct store_key key = {.length = 1, .octets = {0}};

    if (after)
        store_key_zone(&key, after);
    struct store_record record = store_key_record(&key);
    enum found_record found = snapshot_move(snapshot, TABLE_ZONES, MOVE_AT_OR_AFTER, &record);
    if (found == RECORD_THERE && after &&
        store_key_equal(record.key, record.key_length, key.octets, key.length))
        found = snapshot_move(snapshot, TABLE_ZONES, MOVE_NEXT, &record);
    return found == RECORD_THERE ? open_walked(snapshot, &record, zone) : found;
}

enum found_record zone_next(struct snapshot *snapshot, struct zone *zone)
{
    struct store_record record = {.key = NULL};
    enum found_record found = snapshot_move(snapshot, TABLE_ZONES, MOVE_NEXT, &record);

    return found == RECORD_THERE ? open_walked(snapshot, &record, zone) : found;
}
