/* chain.c - the NSEC3 or NSEC record that matches or covers, its span checked. */
#include "avow/store/chain.h"

#include <string.h>

#include "avow/store/key.h"
#include "avow/store/walk.h"
#include "avow/wire/type.h"

#include "place.h"

enum { NSEC_STEPS = 256, NSEC3_OPT_OUT = 1 };

/* ---- NSEC3 ----------------------------------------------------------------------------------- */

/* The fields of NSEC3 RDATA that a proof depends on (RFC 5155 section 3.2). */
static enum result read_nsec3(struct chain_nsec3 *out)
{
    struct reader run = rdata_run_reader(&out->rrset.rdata), rdata;

    if (out->rrset.type != TYPE_NSEC3 || out->rrset.rdata.count != 1 || !rdata_next(&run, &rdata))
        return RESULT_CORRUPT;
    reader_u8(&rdata); /* hash algorithm */
    out->opt_out = reader_u8(&rdata) & NSEC3_OPT_OUT;
    reader_u16(&rdata); /* iterations */
    reader_take(&rdata, reader_u8(&rdata));
    if (reader_u8(&rdata) != NODE_HASH_OCTETS)
        return RESULT_CORRUPT;
    out->next = reader_take(&rdata, NODE_HASH_OCTETS);
    return out->next ? RESULT_OK : RESULT_CORRUPT;
}

enum result chain_nsec3_open(const struct store_record *record, const struct store *store,
                             struct chain_nsec3 *out)
{
    struct reader payload;

    if (record->key_length != RECORD_PREFIX_OCTETS + NODE_HASH_OCTETS ||
        record_open(store, TABLE_NSEC3, record, &payload) || node_open_rrset(payload, &out->rrset))
        return RESULT_CORRUPT;
    out->hash = record->key + RECORD_PREFIX_OCTETS;
    return read_nsec3(out);
}

static bool same_version(const struct store_record *record, const struct store_key *key)
{
    return record->key_length >= RECORD_PREFIX_OCTETS &&
           memcmp(record->key, key->octets, RECORD_PREFIX_OCTETS) == 0;
}

/* The last record of the version whose records are all before `key`'s version's end. */
static enum found_record move_to_last(struct snapshot *snapshot, uint32_t version,
                                      struct store_record *record)
{
    uint8_t behind[RECORD_PREFIX_OCTETS];
    struct writer writer = writer_over(behind, sizeof behind);

    if (version == UINT32_MAX)
        return snapshot_move(snapshot, TABLE_NSEC3, MOVE_LAST, record);
    writer_u32(&writer, version + 1);
    *record = (struct store_record){.key = behind, .key_length = sizeof behind};
    enum found_record found = snapshot_move(snapshot, TABLE_NSEC3, MOVE_AT_OR_AFTER, record);
    if (found == RECORD_CORRUPT)
        return found;
    return snapshot_move(snapshot, TABLE_NSEC3, found == RECORD_THERE ? MOVE_PREVIOUS : MOVE_LAST,
                         record);
}

/* Whether the span from the record's owner to its next owner holds the hash. The last record's
 * next owner is the first; a lone record's is itself (RFC 5155 section 7.1). */
static bool nsec3_covers(const struct chain_nsec3 *nsec3, const uint8_t *hash)
{
    bool behind_owner = memcmp(nsec3->hash, hash, NODE_HASH_OCTETS) < 0;
    bool before_next = memcmp(hash, nsec3->next, NODE_HASH_OCTETS) < 0;
    bool last = memcmp(nsec3->next, nsec3->hash, NODE_HASH_OCTETS) <= 0;

    return last ? behind_owner || before_next : behind_owner && before_next;
}

enum chain chain_nsec3(struct snapshot *snapshot, uint32_t version,
                       const uint8_t hash[NODE_HASH_OCTETS], struct chain_nsec3 *out)
{
    struct store_key key;

    store_key_nsec3(&key, version, hash);
    struct store_record record = store_key_record(&key);
    enum found_record found = snapshot_move(snapshot, TABLE_NSEC3, MOVE_AT_OR_AFTER, &record);
    if (found == RECORD_CORRUPT)
        return CHAIN_CORRUPT;
    if (found == RECORD_THERE &&
        store_key_equal(record.key, record.key_length, key.octets, key.length))
        return chain_nsec3_open(&record, snapshot->store, out) ? CHAIN_CORRUPT : CHAIN_MATCH;

    found = snapshot_move(snapshot, TABLE_NSEC3, found == RECORD_THERE ? MOVE_PREVIOUS : MOVE_LAST,
                          &record);
    if (found == RECORD_ABSENT || (found == RECORD_THERE && !same_version(&record, &key)))
        found = move_to_last(snapshot, version, &record); /* before the first: round the end */
    if (found != RECORD_THERE || !same_version(&record, &key) ||
        chain_nsec3_open(&record, snapshot->store, out) || !nsec3_covers(out, hash))
        return CHAIN_CORRUPT;
    return CHAIN_COVER;
}

enum found_record chain_nsec3_walk(struct snapshot *snapshot, uint32_t version,
                                   const uint8_t *after, struct chain_nsec3 *out)
{
    static const uint8_t first[NODE_HASH_OCTETS];
    struct store_key key;

    store_key_nsec3(&key, version, after ? after : first);
    struct store_record record;
    enum found_record found =
        walk_start(snapshot, TABLE_NSEC3, &key, after ? WALK_PAST : WALK_AT, &record);
    if (found != RECORD_THERE)
        return found;
    return chain_nsec3_open(&record, snapshot->store, out) ? RECORD_CORRUPT : RECORD_THERE;
}

enum found_record chain_nsec3_next(struct snapshot *snapshot, uint32_t version,
                                   struct chain_nsec3 *out)
{
    struct store_record record = {.key = NULL};
    enum found_record found = walk_next(snapshot, TABLE_NSEC3, version, &record);

    if (found != RECORD_THERE)
        return found;
    return chain_nsec3_open(&record, snapshot->store, out) ? RECORD_CORRUPT : RECORD_THERE;
}

/* ---- NSEC ------------------------------------------------------------------------------------ */

/* Whether owner < name < next, or the NSEC is the last and points at the apex. */
static bool nsec_covers(const struct chain_nsec *nsec, uint32_t version, const struct name *apex,
                        const struct store_key *name)
{
    struct reader run = rdata_run_reader(&nsec->rrset.rdata), rdata;
    struct store_key key;
    struct name next;

    if (nsec->rrset.rdata.count != 1 || !rdata_next(&run, &rdata))
        return false;
    name_read_plain(&rdata, &next);
    if (rdata.failed ||
        store_key_compare(nsec->owner.key, nsec->owner.key_length, name->octets, name->length) >= 0)
        return false;
    if (name_equal(&next, apex))
        return true;
    store_key_node(&key, version, &next);
    return store_key_compare(name->octets, name->length, key.octets, key.length) < 0;
}

/* Stand at the owner of the cut or DNAME that the node is below: one move instead of a step for
 * each name of glue. */
static enum result climb(struct snapshot *snapshot, struct node_view *node)
{
    size_t length = RECORD_PREFIX_OCTETS;
    unsigned labels = node->above;

    for (; length < node->key_length && labels > 0; length++)
        labels -= node->key[length] == 0;
    struct store_key key = {.length = (uint16_t)length};
    memcpy(key.octets, node->key, length);
    return labels == 0 && place_get(snapshot, key.octets, key.length, node) == RECORD_THERE
               ? RESULT_OK
               : RESULT_CORRUPT;
}

/* From where the cursor stands go back to the first node that has an NSEC. */
static enum result step_back(struct snapshot *snapshot, enum snapshot_move move,
                             const struct store_key *key, struct chain_nsec *out)
{
    struct store_record record = store_key_record(key);

    for (unsigned steps = 0; steps < NSEC_STEPS; steps++, move = MOVE_PREVIOUS) {
        if (snapshot_move(snapshot, TABLE_NODES, move, &record) != RECORD_THERE ||
            !same_version(&record, key) || place_open(snapshot, &record, &out->owner))
            return RESULT_CORRUPT;
        if (out->owner.flags & NODE_BELOW && climb(snapshot, &out->owner))
            return RESULT_CORRUPT;
        switch (node_find(&out->owner, TYPE_NSEC, &out->rrset)) {
        case RECORD_THERE:
            return RESULT_OK;
        case RECORD_CORRUPT:
            return RESULT_CORRUPT;
        case RECORD_ABSENT:
            break; /* an empty non-terminal */
        }
    }
    return RESULT_CORRUPT;
}

/* The NSEC of the name itself. */
static enum found_record own_nsec(struct snapshot *snapshot, const struct store_record *record,
                                  struct chain_nsec *out)
{
    if (place_open(snapshot, record, &out->owner))
        return RECORD_CORRUPT;
    if (out->owner.flags & NODE_BELOW)
        return RECORD_ABSENT;
    return node_find(&out->owner, TYPE_NSEC, &out->rrset);
}

enum chain chain_nsec(struct snapshot *snapshot, uint32_t version, const struct name *apex,
                      const struct name *name, struct chain_nsec *out)
{
    struct store_key key;

    store_key_node(&key, version, name);
    struct store_record record = store_key_record(&key);
    enum found_record found = snapshot_move(snapshot, TABLE_NODES, MOVE_AT_OR_AFTER, &record);
    if (found == RECORD_CORRUPT)
        return CHAIN_CORRUPT;
    if (found == RECORD_THERE &&
        store_key_equal(record.key, record.key_length, key.octets, key.length)) {
        enum found_record own = own_nsec(snapshot, &record, out);
        if (own != RECORD_ABSENT)
            return own == RECORD_THERE ? CHAIN_MATCH : CHAIN_CORRUPT;
    }
    if (step_back(snapshot, found == RECORD_THERE ? MOVE_PREVIOUS : MOVE_LAST, &key, out) ||
        !nsec_covers(out, version, apex, &key))
        return CHAIN_CORRUPT;
    return CHAIN_COVER;
}
