/* slice.c - what a loader's thread made, on its way to the store. */
#include "slice.h"

#include <string.h>

#include "avow/change/version.h"

static void add(struct buffer *slice, enum store_table table, const uint8_t *key, size_t key_length,
                const struct buffer *payload)
{
    buffer_u8(slice, (uint8_t)table);
    buffer_u16(slice, (uint16_t)key_length);
    buffer_u32(slice, (uint32_t)payload->length);
    buffer_add(slice, key, key_length);
    buffer_add(slice, payload->octets, payload->length);
}

static enum result add_apart(struct buffer *slice, const uint8_t *key, size_t key_length,
                             const struct node_rrset *rrset, struct buffer *scratch)
{
    uint8_t whole[NAME_KEY_MAX_OCTETS + 2];

    memcpy(whole, key, key_length);
    whole[key_length] = (uint8_t)(rrset->type >> 8);
    whole[key_length + 1] = (uint8_t)rrset->type;
    buffer_clear(scratch);
    enum result result = node_compose_rrset(rrset, scratch);
    if (!result)
        add(slice, TABLE_RRSETS, whole, key_length + 2, scratch);
    return result;
}

enum result slice_add_node(struct buffer *slice, const uint8_t *key, size_t key_length,
                           struct node_parts *parts, struct buffer *scratch)
{
    node_divide(parts);
    buffer_clear(scratch);
    enum result result = node_compose(parts, scratch);
    if (result)
        return result;
    add(slice, TABLE_NODES, key, key_length, scratch);
    for (size_t i = 0; !result && i < parts->count; i++) {
        if (parts->rrsets[i].apart)
            result = add_apart(slice, key, key_length, &parts->rrsets[i], scratch);
    }
    return result ? result : buffer_check(slice);
}

enum result slice_add_nsec3(struct buffer *slice, const uint8_t hash[NODE_HASH_OCTETS],
                            const struct node_rrset *rrset, struct buffer *scratch)
{
    buffer_clear(scratch);
    enum result result = node_compose_rrset(rrset, scratch);
    if (!result)
        add(slice, TABLE_NSEC3, hash, NODE_HASH_OCTETS, scratch);
    return result ? result : buffer_check(slice);
}

bool slice_next(struct reader *slice, struct slice_record *record)
{
    if (reader_left(slice) == 0)
        return false;
    record->table = (enum store_table)reader_u8(slice);
    record->key_length = reader_u16(slice);
    uint32_t length = reader_u32(slice);
    record->key = reader_take(slice, record->key_length);
    record->payload = reader_part(slice, length);
    return !slice->failed;
}

enum result slice_write(struct change *change, uint32_t version, const struct buffer *slice)
{
    struct reader reader = reader_over(slice->octets, slice->length);
    struct slice_record record;

    while (slice_next(&reader, &record))
        version_append(change, version, record.table, record.key, record.key_length,
                       record.payload);
    return reader_finish(&reader);
}
