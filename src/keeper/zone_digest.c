/* zone_digest.c - the ZONEMD digest of a zone as it will be. */
#include "zone_digest.h"

#include <stdlib.h>
#include <string.h>

#include "avow/dnssec/nsec3.h"
#include "avow/dnssec/zonemd.h"
#include "avow/store/chain.h"
#include "avow/store/key.h"
#include "avow/store/lookup.h"
#include "avow/wire/rdata.h"
#include "avow/wire/type.h"

/* An RRset of the owner at hand. */
struct part {
    uint16_t type;
    uint32_t ttl;
    struct rdata_run rdata, signatures;
};

struct signature {
    uint32_t ttl;
    const uint8_t *rdata;
    size_t length;
};

struct digest_walk {
    const struct zone_digest *zone;
    struct zonemd_sum sum;
    struct part *parts;
    size_t count, capacity;
    struct signature *signatures;
    size_t signature_count, signature_capacity;
    bool apex; /* the owner at hand is */
    struct node_view node;
    enum found_record found; /* of the node at hand */
    struct chain_nsec3 link;
    enum found_record linked;
    uint8_t link_key[NAME_KEY_MAX_OCTETS]; /* of the NSEC3 record's owner */
    size_t link_key_length;
    struct name link_owner;
};

/* ---- an owner ---------------------------------------------------------------------------------
 */

/* Room for one more; NULL without memory. */
static void *grow(void *array, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return array;
    void *more = reallocarray(array, *capacity ? *capacity * 2 : 16, size);
    if (more)
        *capacity = *capacity ? *capacity * 2 : 16;
    return more;
}

static enum result add_part(struct digest_walk *walk, const struct part *part)
{
    struct part *parts = grow(walk->parts, walk->count, &walk->capacity, sizeof *parts);

    if (!parts)
        return RESULT_SYSTEM;
    walk->parts = parts;
    parts[walk->count++] = *part;
    return RESULT_OK;
}

static enum result note_signatures(struct digest_walk *walk, const struct part *part)
{
    struct reader run = rdata_run_reader(&part->signatures), rdata;

    while (rdata_next(&run, &rdata)) {
        struct signature *signatures = grow(walk->signatures, walk->signature_count,
                                            &walk->signature_capacity, sizeof *signatures);
        if (!signatures)
            return RESULT_SYSTEM;
        walk->signatures = signatures;
        signatures[walk->signature_count++] =
            (struct signature){.ttl = part->ttl, .rdata = rdata.at, .length = reader_left(&rdata)};
    }
    return reader_finish(&run);
}

static int compare_signatures(const void *left, const void *right)
{
    const struct signature *a = left, *b = right;

    return rdata_compare(TYPE_RRSIG, a->rdata, a->length, b->rdata, b->length);
}

/* The signatures of all RRsets of the owner are one RRset in the order of the zone. */
static enum result add_signatures(struct digest_walk *walk, const struct name *owner)
{
    struct rrset rrset = {.owner = owner, .type = TYPE_RRSIG, .class_ = CLASS_IN};
    enum result result = RESULT_OK;

    if (walk->signature_count > 1)
        qsort(walk->signatures, walk->signature_count, sizeof *walk->signatures,
              compare_signatures);
    for (size_t i = 0; i < walk->signature_count && !result; i++) {
        const struct signature *signature = &walk->signatures[i];
        rrset.ttl = signature->ttl;
        result = zonemd_add(&walk->sum, &rrset, signature->rdata, signature->length);
    }
    walk->signature_count = 0;
    return result;
}

static enum result add_records(struct digest_walk *walk, const struct name *owner,
                               const struct part *part)
{
    struct rrset rrset = {.owner = owner, .type = part->type, .class_ = CLASS_IN, .ttl = part->ttl};
    struct reader run = rdata_run_reader(&part->rdata), rdata;
    enum result result = RESULT_OK;

    while (!result && rdata_next(&run, &rdata)) {
        if (!walk->apex || !zonemd_leaves_out(part->type, rdata.at, reader_left(&rdata)))
            result = zonemd_add(&walk->sum, &rrset, rdata.at, reader_left(&rdata));
    }
    return result ? result : reader_finish(&run);
}

/* All that was collected of an owner. */
static enum result add_owner(struct digest_walk *walk, const struct name *owner)
{
    enum result result = RESULT_OK;
    bool behind = false; /* the place of the signatures */

    for (size_t i = 0; i < walk->count && !result; i++) {
        if (!walk->apex || walk->parts[i].type != TYPE_ZONEMD)
            result = note_signatures(walk, &walk->parts[i]);
    }
    for (size_t i = 0; i < walk->count && !result; i++) {
        if (!behind && walk->parts[i].type > TYPE_RRSIG) {
            behind = true;
            result = add_signatures(walk, owner);
        }
        if (!result)
            result = add_records(walk, owner, &walk->parts[i]);
    }
    walk->count = 0;
    return result ? result : add_signatures(walk, owner);
}

/* ---- names ------------------------------------------------------------------------------------
 */

static enum result collect_stored(struct digest_walk *walk)
{
    struct rrset_view view;
    enum result result = RESULT_OK;

    for (struct reader rows = walk->node.rows; !result && node_next(&rows, &view);) {
        result = node_fetch(&walk->node, &view);
        if (!result)
            result = add_part(walk, &(struct part){.type = view.type,
                                                   .ttl = view.ttl,
                                                   .rdata = view.rdata,
                                                   .signatures = view.signatures});
    }
    return result;
}

static enum result collect_staged(struct digest_walk *walk, const struct staged_name *name)
{
    enum result result = RESULT_OK;

    for (size_t i = 0; i < name->count && !result; i++) {
        const struct staged_rrset *staged = &name->rrsets[i];
        struct rrset_view view;
        if (!staged->count)
            continue;
        struct part part = {
            .type = staged->type, .ttl = staged->ttl, .rdata = staged_rdata(staged)};
        if (staged->signature_count)
            part.signatures = (struct rdata_run){.octets = staged->signatures.octets,
                                                 .length = (uint32_t)staged->signatures.length,
                                                 .count = staged->signature_count};
        else if (!staged_differs(staged) &&
                 node_find(&walk->node, staged->type, &view) == RECORD_THERE)
            part.signatures = view.signatures;
        result = add_part(walk, &part);
    }
    return result;
}

static enum result take_node(struct digest_walk *walk)
{
    const struct zone_digest *zone = walk->zone;
    const struct staged_name *staged =
        zone->stage ? stage_find_key(zone->stage, walk->node.key + RECORD_PREFIX_OCTETS,
                                     walk->node.key_length - RECORD_PREFIX_OCTETS)
                    : NULL;
    struct name owner;

    walk->apex = walk->node.flags & NODE_APEX;
    enum result result = node_name(&walk->node, &owner);
    if (!result)
        result = staged ? collect_staged(walk, staged) : collect_stored(walk);
    if (!result)
        result = add_owner(walk, &owner);
    walk->found = lookup_walk(zone->snapshot, zone->version, WALK_NEXT, zone->apex, &walk->node);
    return result;
}

/* ---- the chain of NSEC3 -----------------------------------------------------------------------
 */

static enum result open_link(struct digest_walk *walk, const uint8_t *after)
{
    const struct zone_digest *zone = walk->zone;
    struct writer writer = writer_over(walk->link_key, sizeof walk->link_key);

    walk->linked = chain_nsec3_walk(zone->snapshot, zone->version, after, &walk->link);
    if (walk->linked != RECORD_THERE)
        return RESULT_OK;
    enum result result = nsec3_owner(walk->link.hash, zone->apex, &walk->link_owner);
    name_key_write(&writer, &walk->link_owner);
    walk->link_key_length = writer.length;
    return result;
}

static enum result take_link(struct digest_walk *walk)
{
    const struct zone_digest *zone = walk->zone;
    struct part part = {.type = TYPE_NSEC3,
                        .ttl = walk->link.rrset.ttl,
                        .rdata = walk->link.rrset.rdata,
                        .signatures = walk->link.rrset.signatures};
    uint8_t hash[NODE_HASH_OCTETS];

    memcpy(hash, walk->link.hash, sizeof hash);
    const struct staged_link *staged =
        zone->stage ? (const struct staged_link *)(const void *)order_find(&zone->stage->links,
                                                                           hash, sizeof hash)
                    : NULL;
    if (staged && staged->composed) {
        part.ttl = zone->stage->denial_ttl;
        part.rdata = (struct rdata_run){
            .octets = staged->run.octets, .length = (uint32_t)staged->run.length, .count = 1};
    }
    if (staged && staged->signature_count)
        part.signatures = (struct rdata_run){.octets = staged->signatures.octets,
                                             .length = (uint32_t)staged->signatures.length,
                                             .count = staged->signature_count};
    walk->apex = false;
    enum result result = add_part(walk, &part);
    if (!result)
        result = add_owner(walk, &walk->link_owner);
    return result ? result : open_link(walk, hash);
}

/* ---- the whole --------------------------------------------------------------------------------
 */

/* Whether the name at hand comes before the NSEC3 record at hand. */
static bool node_is_next(const struct digest_walk *walk)
{
    if (walk->found != RECORD_THERE || walk->linked != RECORD_THERE)
        return walk->found == RECORD_THERE;
    return store_key_compare(walk->node.key + RECORD_PREFIX_OCTETS,
                             walk->node.key_length - RECORD_PREFIX_OCTETS, walk->link_key,
                             walk->link_key_length) <= 0;
}

static enum result walk_all(struct digest_walk *walk)
{
    const struct zone_digest *zone = walk->zone;
    enum result result = open_link(walk, NULL);

    walk->found = lookup_walk(zone->snapshot, zone->version, WALK_FROM, zone->apex, &walk->node);
    while (!result && (walk->found == RECORD_THERE || walk->linked == RECORD_THERE)) {
        if (zone->cancelled && atomic_load_explicit(zone->cancelled, memory_order_relaxed))
            return RESULT_REFUSED;
        result = node_is_next(walk) ? take_node(walk) : take_link(walk);
    }
    bool corrupt = walk->found == RECORD_CORRUPT || walk->linked == RECORD_CORRUPT;
    return !result && corrupt ? RESULT_CORRUPT : result;
}

enum result zone_digest_make(const struct zone_digest *zone, uint8_t hash[DIGEST_MAX_OCTETS])
{
    struct digest_walk walk = {.zone = zone};
    enum result result = zonemd_open(&walk.sum, 1U << zone->digest);

    if (!result)
        result = walk_all(&walk);
    if (!result)
        result = zonemd_finish(&walk.sum, zone->digest, hash);
    zonemd_close(&walk.sum);
    free(walk.parts);
    free(walk.signatures);
    return result;
}
