/*
 * change_node.c - nodes, their RRsets and signatures, and the NSEC3 chain.
 *
 * What a page of a write transaction holds may move with the next put. So whatever is to be kept
 * of a node is copied before anything is written.
 */
#include <lmdb.h>
#include <string.h>

#include "avow/change/change.h"

#include "put.h"

/* The runs of an RRset, moved to a copy at `at`. Returns what lies behind it. */
static uint8_t *copy_runs(struct node_rrset *rrset, uint8_t *at)
{
    if (rrset->rdata.octets) {
        memcpy(at, rrset->rdata.octets, rrset->rdata.length);
        rrset->rdata.octets = at;
        at += rrset->rdata.length;
    }
    if (rrset->signatures.octets) {
        memcpy(at, rrset->signatures.octets, rrset->signatures.length);
        rrset->signatures.octets = at;
        at += rrset->signatures.length;
    }
    return at;
}

/* A copy of the parts' RRsets and all they point to, in the change's buffers. */
static bool copy_parts(struct change *change, const struct node_parts *from, struct node_parts *to)
{
    size_t octets = 0;

    buffer_clear(&change->parts);
    buffer_clear(&change->rows);
    for (size_t i = 0; i < from->count; i++)
        octets += (size_t)from->rrsets[i].rdata.length + from->rrsets[i].signatures.length;
    uint8_t *at = buffer_claim(&change->parts, octets ? octets : 1);
    struct node_rrset *rows =
        (struct node_rrset *)(void *)buffer_claim(&change->rows, (from->count + 1) * sizeof *rows);
    if (!at || !rows) {
        put_refused(change, RESULT_SYSTEM);
        return false;
    }
    *to = *from;
    to->rrsets = rows;
    for (size_t i = 0; i < from->count; i++) {
        rows[i] = from->rrsets[i];
        at = copy_runs(&rows[i], at);
    }
    return true;
}

/* A node of the store, copied, as parts. What is apart stays apart. */
static enum found_record load_parts(struct change *change, const struct store_key *key,
                                    struct node_parts *parts)
{
    struct store_record record = store_key_record(key);
    struct reader payload;
    struct node_view view;
    enum found_record found = snapshot_get(&change->view, TABLE_NODES, &record, &payload);

    if (found != RECORD_THERE)
        return found;
    buffer_clear(&change->parts);
    buffer_clear(&change->rows);
    size_t length = reader_left(&payload);
    buffer_add(&change->parts, payload.at, length);
    if (change->parts.failed || node_open(reader_over(change->parts.octets, length), &view))
        return RECORD_CORRUPT;
    *parts = (struct node_parts){.flags = view.flags, .above = view.above};
    if (view.hash)
        memcpy(parts->hash, view.hash, NODE_HASH_OCTETS);
    if (view.wildcard_hash)
        memcpy(parts->wildcard_hash, view.wildcard_hash, NODE_HASH_OCTETS);
    /* One row more than there are, for what may be added. */
    struct node_rrset *rows = (struct node_rrset *)(void *)buffer_claim(
        &change->rows, (view.count + (size_t)1) * sizeof *rows);
    if (!rows)
        return RECORD_CORRUPT;
    struct rrset_view rrset;
    for (struct reader r = view.rows; node_next(&r, &rrset);)
        rows[parts->count++] = node_rrset_of(&rrset);
    parts->rrsets = rows;
    return RECORD_THERE;
}

void put_parts(struct change *change, const struct store_key *key, struct node_parts *parts,
               unsigned flags)
{
    node_divide(parts);
    for (size_t i = 0; i < parts->count; i++) {
        const struct node_rrset *rrset = &parts->rrsets[i];
        struct store_key apart;
        if (!rrset->apart || !rrset->rdata.octets)
            continue;
        if (node_compose_rrset(rrset, put_begin(change)))
            put_refused(change, RESULT_SYSTEM);
        store_key_rrset(&apart, key->octets, key->length, rrset->type);
        put_record(change, TABLE_RRSETS, &apart, 0);
    }
    enum result result = node_compose(parts, put_begin(change));
    if (result)
        put_refused(change, result);
    put_record(change, TABLE_NODES, key, flags);
}

static void delete_apart(struct change *change, const struct store_key *key, uint16_t type)
{
    struct store_key apart;

    store_key_rrset(&apart, key->octets, key->length, type);
    put_nothing(change, TABLE_RRSETS, &apart);
}

/* Whether the new node takes the RRset over where it is (node_next gave it without its RDATA). */
static bool stays_apart(const struct node_parts *parts, uint16_t type)
{
    for (size_t i = 0; parts && i < parts->count; i++)
        if (parts->rrsets[i].type == type)
            return parts->rrsets[i].apart && !parts->rrsets[i].rdata.octets;
    return false;
}

/* Remove what the node that is there keeps apart. One that is damaged cannot tell: what it kept is
 * then found as left over by the check, and goes with its version. */
static void forget_apart(struct change *change, const struct store_key *key,
                         const struct node_parts *stays)
{
    struct store_record record = store_key_record(key);
    struct reader payload;
    struct node_view view;
    struct rrset_view rrset;
    struct buffer *types = put_begin(change);

    if (snapshot_get(&change->view, TABLE_NODES, &record, &payload) != RECORD_THERE ||
        node_open(payload, &view))
        return;
    /* Collected first: the view is void after the first removal. */
    for (struct reader rows = view.rows; node_next(&rows, &rrset);)
        if (rrset.apart && !stays_apart(stays, rrset.type))
            buffer_u16(types, rrset.type);
    if (buffer_check(types))
        put_refused(change, RESULT_SYSTEM);
    for (struct reader rest = reader_over(types->octets, types->length); reader_left(&rest) > 0;)
        delete_apart(change, key, reader_u16(&rest));
}

void change_put_node(struct change *change, uint32_t version, const struct name *name,
                     struct node_parts *parts)
{
    struct store_key key;
    struct node_parts copy;

    if (change->failed || !copy_parts(change, parts, &copy))
        return;
    store_key_node(&key, version, name);
    forget_apart(change, &key, &copy);
    put_parts(change, &key, &copy, 0);
}

void change_delete_node(struct change *change, uint32_t version, const struct name *name)
{
    struct store_key key;

    if (change->failed)
        return;
    store_key_node(&key, version, name);
    forget_apart(change, &key, NULL);
    put_nothing(change, TABLE_NODES, &key);
}

/* ---- one RRset of a node --------------------------------------------------------------------- */

/* Where the type is, or would be. */
static size_t row_index(const struct node_parts *parts, uint16_t type)
{
    size_t i = 0;

    while (i < parts->count && parts->rrsets[i].type < type)
        i++;
    return i;
}

static bool has_row(const struct node_parts *parts, size_t i, uint16_t type)
{
    return i < parts->count && parts->rrsets[i].type == type;
}

/* Load a node for an edit; damage fails the change, so that nothing is built on it. */
static enum found_record edit_begin(struct change *change, uint32_t version,
                                    const struct name *name, struct store_key *key,
                                    struct node_parts *parts)
{
    if (change->failed)
        return RECORD_CORRUPT;
    store_key_node(key, version, name);
    enum found_record found = load_parts(change, key, parts);
    if (found == RECORD_CORRUPT)
        put_refused(change, RESULT_CORRUPT);
    return found;
}

/* New signatures for a sealed RRset of its own: what is apart, or an NSEC3 record. */
static enum found_record sign_record(struct change *change, enum store_table table,
                                     const struct store_key *key,
                                     const struct rdata_run *signatures)
{
    struct store_record record = store_key_record(key);
    struct reader payload;
    struct rrset_view view;
    enum found_record found = snapshot_get(&change->view, table, &record, &payload);

    if (found == RECORD_ABSENT)
        return found;
    if (found == RECORD_CORRUPT || node_open_rrset(payload, &view)) {
        put_refused(change, RESULT_CORRUPT);
        return RECORD_CORRUPT;
    }
    struct node_rrset rrset = node_rrset_of(&view);
    rrset.signatures = *signatures;
    if (node_compose_rrset(&rrset, put_begin(change)))
        put_refused(change, RESULT_SYSTEM);
    put_record(change, table, key, 0);
    return RECORD_THERE;
}

enum found_record change_put_signatures(struct change *change, uint32_t version,
                                        const struct name *name, uint16_t type,
                                        const struct rdata_run *signatures)
{
    struct store_key key, apart;
    struct node_parts parts;
    enum found_record found = edit_begin(change, version, name, &key, &parts);

    if (found != RECORD_THERE)
        return found;
    size_t i = row_index(&parts, type);
    if (!has_row(&parts, i, type))
        return RECORD_ABSENT;
    if (parts.rrsets[i].apart) {
        store_key_rrset(&apart, key.octets, key.length, type);
        found = sign_record(change, TABLE_RRSETS, &apart, signatures);
        if (found == RECORD_ABSENT)
            put_refused(change, RESULT_CORRUPT); /* the node says it is there */
        return found == RECORD_ABSENT ? RECORD_CORRUPT : found;
    }
    parts.rrsets[i].signatures = *signatures;
    put_parts(change, &key, &parts, 0);
    return RECORD_THERE;
}

enum found_record change_put_rrset(struct change *change, uint32_t version, const struct name *name,
                                   const struct node_rrset *rrset)
{
    struct store_key key;
    struct node_parts parts, copy;
    enum found_record found = edit_begin(change, version, name, &key, &parts);

    if (found != RECORD_THERE)
        return found;
    size_t i = row_index(&parts, rrset->type);
    if (has_row(&parts, i, rrset->type)) {
        /* What comes now may be small enough to lie in the node. */
        if (parts.rrsets[i].apart)
            delete_apart(change, &key, rrset->type);
    } else {
        memmove(&parts.rrsets[i + 1], &parts.rrsets[i], (parts.count - i) * sizeof *parts.rrsets);
        parts.count++;
    }
    parts.rrsets[i] = *rrset;
    parts.rrsets[i].apart = false;
    copy = parts;
    put_parts(change, &key, &copy, 0);
    return change->failed ? RECORD_CORRUPT : RECORD_THERE;
}

enum found_record change_delete_rrset(struct change *change, uint32_t version,
                                      const struct name *name, uint16_t type)
{
    struct store_key key;
    struct node_parts parts;
    enum found_record found = edit_begin(change, version, name, &key, &parts);

    if (found != RECORD_THERE)
        return found;
    size_t i = row_index(&parts, type);
    if (!has_row(&parts, i, type))
        return RECORD_ABSENT;
    if (parts.rrsets[i].apart)
        delete_apart(change, &key, type);
    parts.count--;
    memmove(&parts.rrsets[i], &parts.rrsets[i + 1], (parts.count - i) * sizeof *parts.rrsets);
    put_parts(change, &key, &parts, 0);
    return RECORD_THERE;
}

/* ---- the NSEC3 chain ------------------------------------------------------------------------- */

void change_put_nsec3(struct change *change, uint32_t version, const uint8_t hash[NODE_HASH_OCTETS],
                      const struct node_rrset *rrset)
{
    struct store_key key;

    store_key_nsec3(&key, version, hash);
    if (node_compose_rrset(rrset, put_begin(change)))
        put_refused(change, RESULT_SYSTEM);
    put_record(change, TABLE_NSEC3, &key, 0);
}

enum found_record change_put_nsec3_signatures(struct change *change, uint32_t version,
                                              const uint8_t hash[NODE_HASH_OCTETS],
                                              const struct rdata_run *signatures)
{
    struct store_key key;

    if (change->failed)
        return RECORD_CORRUPT;
    store_key_nsec3(&key, version, hash);
    return sign_record(change, TABLE_NSEC3, &key, signatures);
}

void change_delete_nsec3(struct change *change, uint32_t version,
                         const uint8_t hash[NODE_HASH_OCTETS])
{
    struct store_key key;

    store_key_nsec3(&key, version, hash);
    put_nothing(change, TABLE_NSEC3, &key);
}
