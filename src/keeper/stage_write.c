/* stage_write.c - a stage, signed, into the store. */
#include "stage_write.h"

#include <stdlib.h>
#include <string.h>

#include "avow/change/journal.h"
#include "avow/dnssec/nsec3.h"
#include "avow/store/chain.h"
#include "avow/store/lookup.h"
#include "avow/wire/type.h"
#include "denial.h"
#include "internal.h"
#include "place.h"
#include "stage_rows.h"

enum {
    EXPIRY_STEP = 3600,    /* seconds: expirations of one step share entries of the index */
    JOURNAL_CLEARED = 4096 /* records of a journal that are removed at once */
};

/* One write. */
struct writing {
    struct stage *stage;
    struct keeper_zone *zone;
    struct change *change;
    struct zone *row;
    struct stage_rows rows;
    struct node_rrset *parts; /* of the node at hand */
    size_t capacity;
    struct expiry expiry;
};

/* ---- counts -----------------------------------------------------------------------------------
 */

/* Take one RRset into the zone's counts, or out of them. */
static void count_rrset(struct zone *row, uint16_t flags, uint16_t type, uint16_t records,
                        bool has_signatures, int sign)
{
    uint64_t one = (uint64_t)(int64_t)sign;

    if (!type_is_made_by_signer(type) && type != TYPE_DNSKEY)
        row->records += one * records;
    if (!(row->flags & ZONE_SIGNED) || !place_signs(flags, type))
        return;
    if (type == TYPE_NSEC) {
        row->denials += one;
        row->denials_signed += has_signatures ? one : 0;
    } else {
        row->rrsets += one;
        row->rrsets_signed += has_signatures ? one : 0;
    }
}

/* ---- the expiry index -------------------------------------------------------------------------
 */

/*
 * Signatures that changes make are many and come one by one, where the background's come in
 * segments. So that the index does not grow with each, they share entries: by time, rounded up (a
 * fraction of what is left then), and by where the name begins. Whoever takes the entry looks at
 * each signature's own expiration.
 */
static uint32_t round_up(const struct keeper_zone *zone, uint32_t expiration)
{
    uint32_t refresh = zone->config->policy->signature_refresh, step = EXPIRY_STEP;

    if (step > refresh / 8)
        step = refresh / 8 ? refresh / 8 : 1;
    uint32_t at = expiration - refresh;
    return at + (step - at % step) % step;
}

/* Names below the apex whose label there begins with the same octet. */
static void segment_of(const struct keeper_zone *zone, const struct name *name, struct name *first,
                       struct name *last)
{
    struct name top;

    name_copy(first, name);
    name_copy(last, name);
    if (name->labels == zone->name.labels)
        return;
    name_suffix(name, zone->name.labels + 1U, &top);
    uint8_t octet = top.octets[1];
    if (octet < '!' || octet >= 'z' || zone->name.length > NAME_MAX_OCTETS - 2)
        return; /* rare: it stands for itself */
    first->octets[0] = last->octets[0] = 1;
    first->octets[1] = octet;
    last->octets[1] = (uint8_t)(octet + 1);
    memcpy(first->octets + 2, zone->name.octets, zone->name.length);
    memcpy(last->octets + 2, zone->name.octets, zone->name.length);
    first->length = last->length = (uint8_t)(zone->name.length + 2);
    first->labels = last->labels = (uint8_t)(zone->name.labels + 1);
}

static void note_expiry(struct writing *writing, const struct name *name, uint32_t expiration)
{
    struct name first, last;

    segment_of(writing->zone, name, &first, &last);
    expiry_of_names(&writing->expiry, round_up(writing->zone, expiration), writing->row->version,
                    &first, &last);
    change_put_expiry(writing->change, &writing->expiry);
}

static void note_link_expiry(struct writing *writing, const struct staged_link *link)
{
    uint8_t first[NODE_HASH_OCTETS] = {link->hash[0]}, last[NODE_HASH_OCTETS];

    memset(last, 0xff, sizeof last);
    last[0] = link->hash[0];
    expiry_of_hashes(&writing->expiry, round_up(writing->zone, link->expiration),
                     writing->row->version, first, last);
    change_put_expiry(writing->change, &writing->expiry);
}

/* ---- nodes ------------------------------------------------------------------------------------
 */

static struct rdata_run run_of(const struct buffer *octets, uint16_t count)
{
    return (struct rdata_run){
        .octets = octets->octets, .length = (uint32_t)octets->length, .count = count};
}

static struct stage_side side_of(const struct node_rrset *rrset)
{
    return (struct stage_side){
        .ttl = rrset->ttl, .rdata = rrset->rdata, .signatures = rrset->signatures};
}

/* The RRset as it will be; false when it will not be there. `view`: as it is now, NULL when not. */
static bool make_rrset(struct writing *writing, const struct staged_name *name,
                       const struct staged_rrset *staged, const struct rrset_view *view,
                       struct node_rrset *rrset)
{
    bool differs = staged && (view ? staged_differs(staged) : staged->count != 0);

    if (staged ? staged->touched && staged->count == 0 : !view)
        return false;
    if (view)
        *rrset = node_rrset_of(view);
    else
        *rrset = (struct node_rrset){.type = staged->type};
    if (differs) {
        rrset->apart = false;
        rrset->ttl = staged->ttl;
        rrset->rdata = staged_rdata(staged);
        rrset->signatures = (struct rdata_run){.octets = (const uint8_t *)""};
    }
    if (!(writing->row->flags & ZONE_SIGNED) || !place_signs(name->flags, rrset->type)) {
        rrset->signatures = (struct rdata_run){.octets = (const uint8_t *)""};
        rrset->signature_room = 0;
    } else {
        if (staged && staged->signature_count)
            rrset->signatures = run_of(&staged->signatures, staged->signature_count);
        rrset->signature_room = keyring_room(writing->zone, rrset->type);
        if (rrset->signature_room < rrset->signatures.length)
            rrset->signature_room = rrset->signatures.length;
    }
    return true;
}

/* Whether what lies apart is needed: its data, or its signatures, will be others. */
static bool is_touched(const struct staged_name *name, const struct staged_rrset *staged,
                       const struct rrset_view *view)
{
    return (staged && (staged->touched || staged->signature_count)) ||
           place_signs(name->flags, view->type) != place_signs(name->stored_flags, view->type);
}

static bool grow_parts(struct writing *writing, size_t count)
{
    if (writing->parts && count <= writing->capacity)
        return true;
    size_t capacity = count + 16;
    struct node_rrset *parts = reallocarray(writing->parts, capacity, sizeof *parts);
    if (!parts)
        return false;
    writing->parts = parts;
    writing->capacity = capacity;
    return true;
}

/* One RRset, as it is now and as it will be: into the parts, the journal and the counts. */
static enum result take_rrset(struct writing *writing, const struct staged_name *name,
                              const struct node_view *node, struct rrset_view *view,
                              const struct staged_rrset *staged, struct node_parts *parts)
{
    struct stage_side before = {.ttl = 0}, after = {.ttl = 0};
    bool touched = !view || is_touched(name, staged, view);

    if (view && view->apart && touched && node_fetch(node, view))
        return RESULT_CORRUPT;
    if (view) {
        struct node_rrset old = node_rrset_of(view);
        before = side_of(&old);
        count_rrset(writing->row, name->stored_flags, view->type, view->rdata.count,
                    view->signatures.count != 0 || (view->apart && !touched), -1);
    }
    struct node_rrset *rrset = &parts->rrsets[parts->count];
    bool there = name->there && make_rrset(writing, name, staged, view, rrset);
    if (there) {
        after = side_of(rrset);
        parts->count++;
        count_rrset(writing->row, name->flags, rrset->type, rrset->rdata.count,
                    rrset->signatures.count != 0 || (rrset->apart && !touched), 1);
        if (staged && staged->signature_count)
            note_expiry(writing, &name->name, staged->expiration);
    }
    if (touched)
        stage_rows_note(&writing->rows, &name->name, view ? view->type : staged->type, &before,
                        &after);
    return RESULT_OK;
}

/* Merge what the store has now with what is staged, type by type. */
static enum result merge(struct writing *writing, const struct staged_name *name,
                         const struct node_view *node, struct node_parts *parts)
{
    struct reader rows = node ? node->rows : reader_over(NULL, 0);
    struct rrset_view view;
    bool has_view = node && node_next(&rows, &view);
    enum result result = RESULT_OK;
    size_t i = 0;

    while (!result && (has_view || i < name->count)) {
        while (i < name->count && !name->rrsets[i].touched &&
               (!has_view || name->rrsets[i].type < view.type))
            i++; /* read from the store, and gone from it since: it cannot be */
        const struct staged_rrset *next = i < name->count ? &name->rrsets[i] : NULL;
        if (!has_view && !next)
            break;
        if (has_view && (!next || view.type <= next->type)) {
            result = take_rrset(writing, name, node, &view, staged_any(name, view.type), parts);
            i += next && next->type == view.type;
            has_view = node_next(&rows, &view);
        } else {
            result = take_rrset(writing, name, node, NULL, next, parts);
            i++;
        }
    }
    return result;
}

static bool is_written(const struct staged_name *name)
{
    if (name->there != name->stored ||
        (name->there && (name->flags != name->stored_flags || name->above != name->stored_above)))
        return true;
    for (size_t i = 0; i < name->count; i++) {
        if (staged_differs(&name->rrsets[i]) || name->rrsets[i].signature_count)
            return true;
    }
    return false;
}

static enum result write_name(struct writing *writing, const struct staged_name *name)
{
    struct change *change = writing->change;
    struct node_view node;
    enum found_record found =
        lookup_node(change_view(change), writing->row->version, &name->name, &node);

    if (found == RECORD_CORRUPT || (found == RECORD_THERE) != name->stored)
        return RESULT_CORRUPT;
    if (!grow_parts(writing, (found == RECORD_THERE ? node.count : 0U) + name->count))
        return RESULT_SYSTEM;
    struct node_parts parts = {
        .rrsets = writing->parts, .flags = name->flags, .above = name->above};
    memcpy(parts.hash, name->hash, NODE_HASH_OCTETS);
    memcpy(parts.wildcard_hash, name->wildcard_hash, NODE_HASH_OCTETS);
    enum result result = merge(writing, name, found == RECORD_THERE ? &node : NULL, &parts);
    if (result)
        return result;
    writing->row->names += place_is_seen(name->there, name->flags);
    writing->row->names -= place_is_seen(name->stored, name->stored_flags);
    if (name->there)
        change_put_node(change, writing->row->version, &name->name, &parts);
    else
        change_delete_node(change, writing->row->version, &name->name);
    return RESULT_OK;
}

/* ---- the NSEC3 chain --------------------------------------------------------------------------
 */

static enum result write_link(struct writing *writing, const struct staged_link *link)
{
    uint32_t version = writing->row->version;
    struct stage_side before = {.ttl = 0}, after = {.ttl = 0};
    struct chain_nsec3 stored;
    struct name owner;

    if (nsec3_owner(link->hash, &writing->zone->name, &owner))
        return RESULT_CORRUPT;
    name_lower(&owner);
    if (link->stored) {
        if (chain_nsec3(change_view(writing->change), version, link->hash, &stored) != CHAIN_MATCH)
            return RESULT_CORRUPT;
        struct node_rrset old = node_rrset_of(&stored.rrset);
        before = side_of(&old);
        writing->row->denials--;
        writing->row->denials_signed -= stored.rrset.signatures.count != 0;
    }
    if (!link->there) {
        stage_rows_note(&writing->rows, &owner, TYPE_NSEC3, &before, &after);
        change_delete_nsec3(writing->change, version, link->hash);
        return RESULT_OK;
    }
    struct node_rrset rrset = {.type = TYPE_NSEC3,
                               .ttl = link->composed ? writing->stage->denial_ttl : before.ttl,
                               .rdata = link->composed ? run_of(&link->run, 1) : before.rdata,
                               .signatures = run_of(&link->signatures, link->signature_count),
                               .signature_room = keyring_room(writing->zone, TYPE_NSEC3)};
    writing->row->denials++;
    writing->row->denials_signed += link->signature_count != 0;
    after = side_of(&rrset);
    stage_rows_note(&writing->rows, &owner, TYPE_NSEC3, &before, &after);
    if (link->signature_count)
        note_link_expiry(writing, link);
    /* The octets may lie in a page that moves: the put composes before it writes. */
    change_put_nsec3(writing->change, version, link->hash, &rrset);
    return RESULT_OK;
}

static bool link_is_written(const struct staged_link *link)
{
    return link->stored != link->there ||
           (link->there && (link->composed || link->signature_count));
}

/* ---- all --------------------------------------------------------------------------------------
 */

static enum result write_all(struct writing *writing)
{
    const struct stage *stage = writing->stage;
    enum result result = RESULT_OK;

    for (struct staged_name *name = stage_first(stage); name && !result; name = staged_next(name)) {
        if (is_written(name))
            result = write_name(writing, name);
    }
    for (struct staged_link *link = denial_first(stage); link && !result;
         link = denial_next(link)) {
        if (link_is_written(link))
            result = write_link(writing, link);
    }
    return result ? result : writing->change->failed;
}

static enum result write_journal(struct writing *writing, uint32_t serial,
                                 enum journal_origin origin)
{
    const struct config_zone *config = writing->zone->config;
    struct zone *row = writing->row;
    struct journal_bounds bounds = {.octets = config->journal_size,
                                    .entries = config->journal_depth};
    struct journal_entry entry = {.version = row->version,
                                  .from = row->serial,
                                  .to = serial,
                                  .origin = origin,
                                  .time = writing->zone->keeper->now};

    if (writing->rows.off || bounds.entries == 0) {
        if (row->journal_entries)
            change_clear_journal(writing->change, row, JOURNAL_CLEARED);
        return RESULT_OK;
    }
    enum result result = stage_rows_join(&writing->rows);
    if (!result)
        change_put_journal(writing->change, row, &entry, &writing->rows.parts[0], &bounds);
    return result;
}

enum result stage_write(struct stage *stage, struct change *change, struct zone *row,
                        uint32_t serial, enum journal_origin origin)
{
    struct writing writing = {.stage = stage, .zone = stage->zone, .change = change, .row = row};

    /* Nobody can have had a zone that was not fully signed. */
    writing.rows.off = row->flags & ZONE_SIGNED && !(row->flags & ZONE_FULLY_SIGNED);
    enum result result = write_all(&writing);
    if (!result)
        result = write_journal(&writing, serial, origin);
    row->denial_ttl = stage->denial_ttl;
    if (stage->late_denial)
        row->policy_fingerprint = 0; /* not signed as it should be: a new version follows */
    if (!zone_is_complete(row))
        row->flags &= (uint16_t)~ZONE_FULLY_SIGNED;
    free(writing.parts);
    stage_rows_free(&writing.rows);
    return result;
}
