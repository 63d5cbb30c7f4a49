/*
 * whole.c - the whole zone as it was at one serial, while it changes.
 *
 * The walk goes through the names, then through the chain of NSEC3. It sends what it meets; what
 * was changed since the first message is known from the journal. A change of what the walk is past
 * does not concern it. Of what still lies before it, a record that came is passed over when the
 * walk meets it, and one that went is sent at the end: the order of records means nothing (RFC 5936
 * section 2.2). The apex goes first, and so does the SOA, whose changes thus never concern the
 * walk.
 */
#include <string.h>

#include "avow/store/key.h"
#include "avow/wire/codec.h"

#include "transferring.h"

enum {
    HASH_LABEL_OCTETS = 32,
    /* Of the journal, read in one turn: what takes a few milliseconds. */
    CATCH_UP_OCTETS = 4 << 20
};

static const enum phase whole_script[] = {PHASE_NODES, PHASE_CHAIN, PHASE_UNDO, PHASE_SOA,
                                          PHASE_END};

/* ---- what changed in the meantime ------------------------------------------------------------ */

static bool is_of_chain(uint16_t type, const struct reader *rdata)
{
    struct reader covered = *rdata;

    return type == TYPE_NSEC3 || (type == TYPE_RRSIG && reader_u16(&covered) == TYPE_NSEC3);
}

/* Whether the walk of the names is past the owner. */
static bool names_are_past(const struct transfer *transfer, const struct name *owner)
{
    uint8_t key[NAME_KEY_MAX_OCTETS];
    struct writer writer = writer_over(key, sizeof key);

    if (*transfer->script > PHASE_NODES)
        return true;
    name_key_write(&writer, owner);
    return store_key_compare(key, writer.length, transfer->key, transfer->key_octets) <= 0;
}

/* Whether the walk of the chain is past the hash in the owner's first label. */
static enum result chain_is_past(const struct transfer *transfer, const struct name *owner,
                                 bool *past)
{
    uint8_t hash[NODE_HASH_OCTETS];
    struct writer writer = writer_over(hash, sizeof hash);

    if (owner->octets[0] != HASH_LABEL_OCTETS ||
        base32hex_read((const char *)owner->octets + 1, HASH_LABEL_OCTETS, &writer) ||
        writer.length != sizeof hash)
        return RESULT_CORRUPT;
    *past = *transfer->script > PHASE_CHAIN ||
            (transfer->in_chain && memcmp(hash, transfer->hash, sizeof hash) <= 0);
    return RESULT_OK;
}

static enum result note_record(struct transfer *transfer, const struct journal_rrset *rrset,
                               const struct reader *rdata)
{
    const struct delta_record record = {.owner = &rrset->owner,
                                        .type = rrset->type,
                                        .length = (uint16_t)reader_left(rdata),
                                        .ttl = rrset->ttl,
                                        .rdata = rdata->at};
    bool past;

    if (!is_of_chain(rrset->type, rdata))
        past = names_are_past(transfer, &rrset->owner);
    else if (chain_is_past(transfer, &rrset->owner, &past))
        return RESULT_CORRUPT;
    return past ? RESULT_OK : delta_note(&transfer->delta, rrset->act, &record);
}

static enum result note_piece(struct transfer *transfer, struct reader *rows)
{
    struct journal_rrset rrset;
    struct reader rdata;

    while (journal_next(rows, &rrset)) {
        name_lower(&rrset.owner);
        if (!name_is_within(&rrset.owner, &transfer->request.zone))
            return RESULT_CORRUPT;
        for (struct reader run = rdata_run_reader(&rrset.rdata); rdata_next(&run, &rdata);) {
            enum result result = note_record(transfer, &rrset, &rdata);
            if (result)
                return result;
        }
    }
    return reader_finish(rows) ? RESULT_CORRUPT : RESULT_OK;
}

static enum flow note_entry(struct transfer *transfer, const struct journal_entry *entry)
{
    for (uint16_t piece = 0; piece < entry->pieces; piece++) {
        struct reader rows;
        if (journal_piece(transfer->snapshot, entry, piece, &rows) != RECORD_THERE)
            return transfer_damaged(transfer);
        enum result result = note_piece(transfer, &rows);
        if (result)
            return result == RESULT_CORRUPT ? transfer_damaged(transfer) : FLOW_FAILED;
    }
    return FLOW_ON;
}

/* Follow the journal to the serial that is served now. */
static enum flow follow(struct transfer *transfer, const struct zone *zone)
{
    uint64_t octets = 0;

    for (uint32_t entries = 0; transfer->seen != zone->serial; entries++) {
        struct journal_entry entry;
        if (octets > CATCH_UP_OCTETS)
            return FLOW_LATER;
        if (entries >= zone->journal_entries)
            return FLOW_FAILED; /* a line that does not lead there */
        enum found_record found =
            journal_get(transfer->snapshot, transfer->version, transfer->seen, &entry);
        if (found == RECORD_CORRUPT)
            return transfer_damaged(transfer);
        if (found == RECORD_ABSENT || note_entry(transfer, &entry) != FLOW_ON)
            return FLOW_FAILED;
        transfer->seen = entry.to;
        octets += entry.octets;
    }
    return FLOW_ON;
}

enum flow whole_catch_up(struct transfer *transfer)
{
    struct zone zone;

    if (transfer->renewed)
        return FLOW_ON;
    enum flow flow = transfer_renew(transfer);
    if (flow != FLOW_ON)
        return flow;
    enum found_record found = zone_get(transfer->snapshot, &transfer->request.zone, &zone);
    if (found == RECORD_CORRUPT)
        return transfer_damaged(transfer);
    if (found == RECORD_ABSENT || zone.version != transfer->version ||
        transfer_zone_state(&zone) != TRANSFER_BEGUN)
        return FLOW_FAILED;
    flow = follow(transfer, &zone);
    transfer->renewed = flow == FLOW_ON;
    return flow;
}

/* ---- the walk -------------------------------------------------------------------------------- */

/* Put those records of a run that were there when the stream began. */
static void put_old(struct transfer *transfer, const struct name *owner, uint16_t type,
                    uint32_t ttl, struct reader all)
{
    struct reader rdata;

    for (const uint8_t *at = all.at; rdata_next(&all, &rdata); at = all.at) {
        const struct delta_record record = {.owner = owner,
                                            .type = type,
                                            .length = (uint16_t)reader_left(&rdata),
                                            .ttl = ttl,
                                            .rdata = rdata.at};
        if (delta_added(&transfer->delta, &record))
            continue;
        struct reader one = reader_over(at, (size_t)(all.at - at));
        transfer_put(transfer, type, ttl, &one);
    }
}

/* Put an RRset of the packer's owner. `changed` is that owner when something of it may have changed
 * since the stream began, else NULL. */
static void put_rrset(struct transfer *transfer, const struct name *changed,
                      const struct rrset_view *rrset)
{
    struct reader records = rdata_run_reader(&rrset->rdata);
    struct reader signatures = rdata_run_reader(&rrset->signatures);

    if (changed) {
        put_old(transfer, changed, rrset->type, rrset->ttl, records);
        put_old(transfer, changed, TYPE_RRSIG, rrset->ttl, signatures);
        return;
    }
    transfer_put(transfer, rrset->type, rrset->ttl, &records);
    if (rrset->signatures.count > 0)
        transfer_put(transfer, TYPE_RRSIG, rrset->ttl, &signatures);
}

/* The packer's owner in `owner`, when something of it may have changed; else NULL. */
static const struct name *changed_owner(const struct transfer *transfer, struct name *owner)
{
    if (delta_is_empty(&transfer->delta))
        return NULL;
    packer_owner_name(&transfer->packer, owner);
    return delta_touches(&transfer->delta, owner) ? owner : NULL;
}

static enum flow put_node(struct transfer *transfer, const struct node_view *node)
{
    LEFT_UNSET struct name owner;
    struct rrset_view rrset;

    if (packer_owner_key(&transfer->packer, node->key + RECORD_PREFIX_OCTETS,
                         (size_t)node->key_length - RECORD_PREFIX_OCTETS))
        return transfer_damaged(transfer);
    const struct name *changed = changed_owner(transfer, &owner);
    for (struct reader rows = node->rows; node_next(&rows, &rrset);) {
        if (rrset.apart && node_fetch(node, &rrset))
            return transfer_damaged(transfer);
        put_rrset(transfer, changed, &rrset);
    }
    return FLOW_ON;
}

/* Note where the walk stands: the node's key is good until the snapshot rests. */
static void keep_place(struct transfer *transfer, const struct node_view *node)
{
    packer_owner_name(&transfer->packer, &transfer->name);
    transfer->key_octets = (uint16_t)(node->key_length - RECORD_PREFIX_OCTETS);
    memcpy(transfer->key, node->key + RECORD_PREFIX_OCTETS, transfer->key_octets);
}

enum flow whole_nodes(struct transfer *transfer)
{
    enum flow flow = whole_catch_up(transfer);
    enum walk walk = WALK_BEHIND;
    struct node_view node;

    while (flow == FLOW_ON && !transfer->full) {
        enum found_record found =
            lookup_walk(transfer->snapshot, transfer->version, walk, &transfer->name, &node);
        if (found != RECORD_THERE)
            return found == RECORD_ABSENT ? FLOW_END : transfer_damaged(transfer);
        walk = WALK_NEXT;
        flow = put_node(transfer, &node);
        if (transfer->full && flow == FLOW_ON)
            keep_place(transfer, &node);
    }
    return flow;
}

static enum flow put_nsec3(struct transfer *transfer, const struct chain_nsec3 *nsec3)
{
    LEFT_UNSET struct name owner;
    uint8_t label[1 + HASH_LABEL_OCTETS] = {HASH_LABEL_OCTETS};

    base32hex_hash((char *)label + 1, nsec3->hash); /* RFC 5155 section 3 */
    if (packer_owner_label(&transfer->packer, label))
        return transfer_damaged(transfer);
    put_rrset(transfer, changed_owner(transfer, &owner), &nsec3->rrset);
    return FLOW_ON;
}

enum flow whole_chain(struct transfer *transfer)
{
    enum flow flow = whole_catch_up(transfer);
    struct chain_nsec3 nsec3;

    if (flow != FLOW_ON)
        return flow;
    enum found_record found = chain_nsec3_walk(transfer->snapshot, transfer->version,
                                               transfer->in_chain ? transfer->hash : NULL, &nsec3);
    while (found == RECORD_THERE) {
        flow = put_nsec3(transfer, &nsec3);
        if (transfer->full || flow != FLOW_ON) {
            transfer->in_chain = true;
            memcpy(transfer->hash, nsec3.hash, sizeof transfer->hash);
            return flow;
        }
        found = chain_nsec3_next(transfer->snapshot, transfer->version, &nsec3);
    }
    return found == RECORD_ABSENT ? FLOW_END : transfer_damaged(transfer);
}

/* ---- the beginning --------------------------------------------------------------------------- */

enum flow whole_begin(struct transfer *transfer, const struct node_view *apex)
{
    const struct soa *soa = &transfer->soa;
    struct reader run = reader_over(soa->run, soa->octets);
    struct rrset_view rrset;

    packer_reset(&transfer->packer, &transfer->request.zone);
    transfer->full = true; /* there is no message yet: all of it waits */
    transfer->script = whole_script;
    keep_place(transfer, apex);
    transfer_put(transfer, TYPE_SOA, soa->ttl, &run);
    for (struct reader rows = apex->rows; node_next(&rows, &rrset);) {
        if (node_fetch(apex, &rrset))
            return transfer_damaged(transfer);
        if (rrset.type == TYPE_SOA)
            rrset.rdata = (struct rdata_run){.count = 0};
        put_rrset(transfer, NULL, &rrset);
    }
    return FLOW_ON;
}

/*
 * A guess, good to a factor of two or so, of what the stream would have: a record of 40 octets, a
 * signature with its fixed fields and signer 100 and the apex, an NSEC3 record with its owner 80.
 */
uint64_t whole_octets(const struct zone *zone)
{
    uint64_t octets = 40 * zone->records, signature = 100U + zone->apex.length;

    if (zone->flags & ZONE_SIGNED)
        octets += signature * zone->rrsets + (80 + signature) * zone->denials;
    return octets;
}
