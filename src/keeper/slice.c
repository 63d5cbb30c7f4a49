/* slice.c - what a loader's thread made, on its way to the store. */
#include "slice.h"

#include <string.h>

#include "avow/change/version.h"

static void add(struct buffer *slice, const struct slice_operation *operation)
{
    buffer_u8(slice, (uint8_t)operation->act);
    buffer_u8(slice, (uint8_t)operation->table);
    buffer_u16(slice, (uint16_t)operation->key_length);
    buffer_u32(slice, (uint32_t)reader_left(&operation->payload));
    buffer_add(slice, operation->key, operation->key_length);
    buffer_add(slice, operation->payload.at, reader_left(&operation->payload));
}

static void add_put(struct buffer *slice, enum store_table table, const uint8_t *key,
                    size_t key_length, const struct buffer *payload)
{
    struct slice_operation operation = {.act = SLICE_PUT,
                                        .table = table,
                                        .key = key,
                                        .key_length = key_length,
                                        .payload = reader_over(payload->octets, payload->length)};
    add(slice, &operation);
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
        add_put(slice, TABLE_RRSETS, whole, key_length + 2, scratch);
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
    add_put(slice, TABLE_NODES, key, key_length, scratch);
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
        add_put(slice, TABLE_NSEC3, hash, NODE_HASH_OCTETS, scratch);
    return result ? result : buffer_check(slice);
}

void slice_add_delete(struct buffer *slice, enum slice_act act, const uint8_t *key,
                      size_t key_length)
{
    struct slice_operation operation = {
        .act = act, .key = key, .key_length = key_length, .payload = reader_over(NULL, 0)};
    add(slice, &operation);
}

bool slice_next(struct reader *slice, struct slice_operation *operation)
{
    if (reader_left(slice) == 0)
        return false;
    operation->act = (enum slice_act)reader_u8(slice);
    operation->table = (enum store_table)reader_u8(slice);
    operation->key_length = reader_u16(slice);
    uint32_t length = reader_u32(slice);
    operation->key = reader_take(slice, operation->key_length);
    operation->payload = reader_part(slice, length);
    return !slice->failed;
}

static enum result carry_out(struct change *change, uint32_t version,
                             const struct slice_operation *operation)
{
    struct name name;

    switch (operation->act) {
    case SLICE_PUT:
        version_append(change, version, operation->table, operation->key, operation->key_length,
                       operation->payload);
        return RESULT_OK;
    case SLICE_DELETE_NSEC3:
        change_delete_nsec3(change, version, operation->key);
        return RESULT_OK;
    case SLICE_DELETE_NODE:
        break;
    }
    enum result result = name_key_read(operation->key, operation->key_length, &name);
    if (!result)
        change_delete_node(change, version, &name);
    return result;
}

enum result slice_write(struct change *change, uint32_t version, const struct buffer *slice)
{
    struct reader reader = reader_over(slice->octets, slice->length);
    struct slice_operation operation;
    enum result result = RESULT_OK;

    while (!result && slice_next(&reader, &operation))
        result = carry_out(change, version, &operation);
    return result ? result : reader_finish(&reader);
}
