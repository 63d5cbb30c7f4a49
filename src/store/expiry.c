/* expiry.c - which signatures are due, in order of time. */
#include "avow/store/expiry.h"

#include <string.h>

#include "avow/store/key.h"
#include "avow/store/node.h"

enum result expiry_open(const uint8_t *key, size_t key_length, struct reader payload,
                        struct expiry *expiry)
{
    struct reader fields = reader_over(key, key_length);

    *expiry = (struct expiry){.at = reader_u32(&fields)};
    expiry->version = reader_u32(&fields);
    expiry->kind = reader_u8(&fields);
    expiry->sequence = reader_u32(&fields);
    expiry->first_length = reader_u16(&payload);
    expiry->last_length = reader_u16(&payload);
    const uint8_t *first = reader_take(&payload, expiry->first_length);
    const uint8_t *last = reader_take(&payload, expiry->last_length);
    bool hashes = expiry->kind == EXPIRY_NSEC3;
    if (reader_finish(&fields) || reader_finish(&payload) ||
        (!hashes && expiry->kind != EXPIRY_NODES) || expiry->first_length > sizeof expiry->first ||
        expiry->last_length > sizeof expiry->last ||
        (hashes &&
         (expiry->first_length != NODE_HASH_OCTETS || expiry->last_length != NODE_HASH_OCTETS)))
        return RESULT_CORRUPT;
    memcpy(expiry->first, first, expiry->first_length);
    memcpy(expiry->last, last, expiry->last_length);
    return RESULT_OK;
}

void expiry_key(const struct expiry *expiry, uint8_t key[EXPIRY_KEY_OCTETS])
{
    struct writer writer = writer_over(key, EXPIRY_KEY_OCTETS);

    writer_u32(&writer, expiry->at);
    writer_u32(&writer, expiry->version);
    writer_u8(&writer, (uint8_t)expiry->kind);
    writer_u32(&writer, expiry->sequence);
}

void expiry_compose(const struct expiry *expiry, struct buffer *value)
{
    buffer_u16(value, expiry->first_length);
    buffer_u16(value, expiry->last_length);
    buffer_add(value, expiry->first, expiry->first_length);
    buffer_add(value, expiry->last, expiry->last_length);
}

/* Open where the cursor stands. A damaged entry keeps the fields of its key, so that a walk can go
 * on behind it. */
static enum found_record open_walked(struct snapshot *snapshot, const struct store_record *record,
                                     struct expiry *expiry)
{
    struct reader payload;

    if (record_open(snapshot->store, TABLE_EXPIRY, record, &payload) == RESULT_OK &&
        expiry_open(record->key, record->key_length, payload, expiry) == RESULT_OK)
        return RECORD_THERE;
    struct reader fields = reader_over(record->key, record->key_length);
    *expiry = (struct expiry){.at = reader_u32(&fields)};
    expiry->version = reader_u32(&fields);
    expiry->kind = reader_u8(&fields);
    expiry->sequence = reader_u32(&fields);
    return RECORD_CORRUPT;
}

enum found_record expiry_walk(struct snapshot *snapshot, const struct expiry *after,
                              struct expiry *expiry)
{
    uint8_t key[EXPIRY_KEY_OCTETS] = {0};
    struct store_record record = {.key = key, .key_length = after ? sizeof key : 1};

    if (after)
        expiry_key(after, key);
    enum found_record found = snapshot_move(snapshot, TABLE_EXPIRY, MOVE_AT_OR_AFTER, &record);
    if (found == RECORD_THERE && after &&
        store_key_equal(record.key, record.key_length, key, sizeof key))
        found = snapshot_move(snapshot, TABLE_EXPIRY, MOVE_NEXT, &record);
    return found == RECORD_THERE ? open_walked(snapshot, &record, expiry) : found;
}

static uint16_t write_name(uint8_t *octets, const struct name *name)
{
    struct writer writer = writer_over(octets, NAME_KEY_MAX_OCTETS);

    name_key_write(&writer, name);
    return (uint16_t)writer.length;
}

void expiry_of_names(struct expiry *expiry, uint32_t at, uint32_t version, const struct name *first,
                     const struct name *last)
{
    *expiry = (struct expiry){.at = at, .version = version, .kind = EXPIRY_NODES};
    expiry->first_length = write_name(expiry->first, first);
    expiry->last_length = write_name(expiry->last, last);
}

void expiry_of_hashes(struct expiry *expiry, uint32_t at, uint32_t version, const uint8_t *first,
                      const uint8_t *last)
{
    *expiry = (struct expiry){.at = at, .version = version, .kind = EXPIRY_NSEC3};
    expiry->first_length = expiry->last_length = NODE_HASH_OCTETS;
    memcpy(expiry->first, first, NODE_HASH_OCTETS);
    memcpy(expiry->last, last, NODE_HASH_OCTETS);
}
