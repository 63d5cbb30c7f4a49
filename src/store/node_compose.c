/* node_compose.c - a name's record from its parts. */
#include <string.h>

#include "avow/store/node.h"

#include "row.h"

static uint32_t room_of(const struct node_rrset *rrset)
{
    return rrset->signature_room > rrset->signatures.length ? rrset->signature_room
                                                            : rrset->signatures.length;
}

static size_t row_size(const struct node_rrset *rrset)
{
    return ROW_NARROW_OCTETS + (size_t)rrset->rdata.length + room_of(rrset);
}

static void put_row(const struct node_rrset *rrset, struct buffer *value)
{
    uint32_t room = room_of(rrset);
    bool wide = rrset->rdata.length > UINT16_MAX || room > UINT16_MAX ||
                rrset->signatures.count > UINT8_MAX;

    buffer_u16(value, rrset->type);
    buffer_u8(value, wide ? ROW_WIDE : ROW_NARROW);
    buffer_u32(value, rrset->ttl);
    buffer_u16(value, rrset->rdata.count);
    if (wide) {
        buffer_u32(value, rrset->rdata.length);
        buffer_u16(value, rrset->signatures.count);
        buffer_u32(value, room);
        buffer_u32(value, rrset->signatures.length);
    } else {
        buffer_u16(value, (uint16_t)rrset->rdata.length);
        buffer_u8(value, (uint8_t)rrset->signatures.count);
        buffer_u16(value, (uint16_t)room);
        buffer_u16(value, (uint16_t)rrset->signatures.length);
    }
    buffer_add(value, rrset->rdata.octets, rrset->rdata.length);
    buffer_add(value, rrset->signatures.octets, rrset->signatures.length);
    uint8_t *rest = buffer_claim(value, room - rrset->signatures.length);
    if (rest)
        memset(rest, 0, room - rrset->signatures.length);
}

static void put_apart(const struct node_rrset *rrset, struct buffer *value)
{
    buffer_u16(value, rrset->type);
    buffer_u8(value, ROW_APART);
    buffer_u32(value, rrset->ttl);
}

static size_t head_size(const struct node_parts *parts)
{
    size_t size = NODE_HEAD_OCTETS + RECORD_SEAL_OCTETS;

    if (parts->flags & NODE_HAS_HASH)
        size += NODE_HASH_OCTETS;
    if (parts->flags & NODE_HAS_WILDCARD_HASH)
        size += NODE_HASH_OCTETS;
    return size;
}

void node_divide(struct node_parts *parts)
{
    size_t size = head_size(parts);

    for (size_t i = 0; i < parts->count; i++) {
        struct node_rrset *rrset = &parts->rrsets[i];
        rrset->apart = rrset->apart && !rrset->rdata.octets; /* fetched: decided anew */
        size += rrset->apart ? ROW_HEAD_OCTETS : row_size(rrset);
    }
    /* The large ones first, by halves of the limit: a node with very many types costs a few passes
     * over them and no more. */
    for (size_t large = NODE_MAX_OCTETS / 2; size > NODE_MAX_OCTETS && large > ROW_NARROW_OCTETS;
         large /= 2) {
        for (size_t i = 0; i < parts->count && size > NODE_MAX_OCTETS; i++) {
            struct node_rrset *rrset = &parts->rrsets[i];
            if (rrset->apart || row_size(rrset) <= large)
                continue;
            rrset->apart = true;
            size -= row_size(rrset) - ROW_HEAD_OCTETS;
        }
    }
}

enum result node_compose(const struct node_parts *parts, struct buffer *value)
{
    int32_t last = -1;

    if (parts->count > UINT16_MAX || !(parts->flags & NODE_BELOW) != (parts->above == 0))
        return RESULT_FORMAT;
    buffer_u16(value, parts->flags);
    buffer_u8(value, parts->above);
    buffer_u16(value, (uint16_t)parts->count);
    if (parts->flags & NODE_HAS_HASH)
        buffer_add(value, parts->hash, NODE_HASH_OCTETS);
    if (parts->flags & NODE_HAS_WILDCARD_HASH)
        buffer_add(value, parts->wildcard_hash, NODE_HASH_OCTETS);
    for (size_t i = 0; i < parts->count; i++) {
        const struct node_rrset *rrset = &parts->rrsets[i];
        if (rrset->type <= last)
            return RESULT_FORMAT;
        last = rrset->type;
        if (rrset->apart)
            put_apart(rrset, value);
        else
            put_row(rrset, value);
    }
    return buffer_check(value);
}

enum result node_compose_rrset(const struct node_rrset *rrset, struct buffer *value)
{
    put_row(rrset, value);
    return buffer_check(value);
}

struct node_rrset node_rrset_of(const struct rrset_view *view)
{
    return (struct node_rrset){
        .rdata = view->rdata,
        .signatures = view->signatures,
        .ttl = view->ttl,
        .signature_room = view->signature_room,
        .type = view->type,
        .apart = view->apart,
    };
}

void node_signatures_add(struct buffer *run, const uint8_t *rrsig, uint16_t length)
{
    buffer_u16(run, length);
    buffer_add(run, rrsig, length);
}
