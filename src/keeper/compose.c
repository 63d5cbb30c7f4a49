/* compose.c - gathered records to whole nodes, in canonical order. */
#include "compose.h"

#include <stdlib.h>
#include <string.h>

#include "avow/dnssec/nsec.h"
#include "avow/wire/type.h"
#include "avow/zonefile/owner.h"
#include "place.h"
#include "soa.h"

/* What one walk needs. Buffers are reused from owner to owner. */
struct walk {
    struct compose *compose;
    struct gather *gather;
    struct gather hashes; /* key: NSEC3 hash; RDATA: the types of its bitmap, 16 bits each */
    size_t apex_length;   /* of the apex's key */

    struct owner_sets owner; /* at hand */
    struct node_rrset *rrsets;
    size_t capacity; /* of rrsets */

    uint8_t before[NAME_KEY_MAX_OCTETS]; /* key of the owner before */
    size_t before_length;
    uint8_t top[NAME_KEY_MAX_OCTETS]; /* key of the cut or DNAME that hides what is below */
    size_t top_length;                /* 0: none */
    uint16_t top_flag;                /* NODE_BELOW_CUT or NODE_BELOW_DNAME */
    uint8_t top_labels;
    struct buffer nsec; /* run of the NSEC record at hand */
};

/* The owner at hand. */
struct place {
    const uint8_t *key;
    size_t length;
    struct name name;
    bool below; /* hidden by walk.top */
};

static bool has_prefix(const uint8_t *key, size_t length, const uint8_t *prefix,
                       size_t prefix_length)
{
    return length >= prefix_length && memcmp(key, prefix, prefix_length) == 0;
}

/* ---- the apex ------------------------------------------------------------------------------- */

/* Our DNSKEYs, together with those that the zone has itself. */
static enum result add_dnskeys(struct walk *walk)
{
    const struct compose_signing *signing = walk->compose->signing;
    struct zone_set *own = owner_sets_find(&walk->owner, TYPE_DNSKEY);

    if (!own)
        return owner_sets_insert(&walk->owner,
                                 &(struct zone_set){.type = TYPE_DNSKEY,
                                                    .ttl = signing->dnskey_ttl,
                                                    .ttl_highest = signing->dnskey_ttl,
                                                    .rdata = signing->dnskeys});
    struct reader run = rdata_run_reader(&signing->dnskeys), rdata;
    struct buffer *buffer = &walk->owner.runs[own - walk->owner.sets];
    while (rdata_next(&run, &rdata)) {
        bool added;
        enum result result = rdata_run_insert(buffer, &own->rdata.count, TYPE_DNSKEY, rdata.at,
                                              reader_left(&rdata), &added);
        if (result)
            return result;
    }
    own->rdata.octets = buffer->octets;
    own->rdata.length = (uint32_t)buffer->length;
    return RESULT_OK;
}

static enum result add_nsec3param(struct walk *walk)
{
    uint8_t octets[2 + 8 + NSEC3_MAX_SALT];
    struct writer writer = writer_over(octets, sizeof octets);

    size_t mark = writer_open_length(&writer);
    nsec3param_write(&writer, &walk->compose->signing->nsec3);
    writer_close_length(&writer, mark);
    struct zone_set set = {
        .type = TYPE_NSEC3PARAM, /* TTL 0: nobody but secondaries asks for it */
        .rdata = {.octets = octets, .length = (uint32_t)writer.length, .count = 1}};
    return owner_sets_insert(&walk->owner, &set);
}

/* The SOA says how long a denial may be remembered (RFC 9077 section 3). */
static enum result read_soa(struct walk *walk)
{
    struct compose *compose = walk->compose;
    struct zone_set *set = owner_sets_find(&walk->owner, TYPE_SOA);
    struct soa soa;

    if (!set)
        return RESULT_OK; /* the rules say so */
    uint8_t *rdata = walk->owner.runs[set - walk->owner.sets].octets + 2;
    size_t length = set->rdata.length - 2;
    if (soa_read(rdata, length, &soa))
        return RESULT_FORMAT;
    uint32_t said = soa.serial;
    if (compose->serial)
        soa.serial = compose->serial(compose->serial_context, soa.serial);
    struct zone_set *digest = owner_sets_find(&walk->owner, TYPE_ZONEMD);
    /* With another serial it would be wrong (RFC 8976 section 2.2.1). What a difference makes of
     * the serial is up to its round. */
    if (digest && (compose->no_digest || (!compose->plain && soa.serial != said)))
        digest->dropped = true;
    soa_set_serial(rdata, length, soa.serial);
    compose->totals.serial = soa.serial;
    compose->totals.denial_ttl = soa.minimum < set->ttl ? soa.minimum : set->ttl;
    return RESULT_OK;
}

static enum result complete_apex(struct walk *walk)
{
    enum result result = read_soa(walk);
    if (result || walk->compose->signing->denial == COMPOSE_UNSIGNED)
        return result;
    result = add_dnskeys(walk);
    if (!result && walk->compose->signing->denial == COMPOSE_NSEC3)
        result = add_nsec3param(walk);
    return result;
}

/* ---- what kind of place --------------------------------------------------------------------- */

static bool has_children(const struct walk *walk, const struct place *place)
{
    struct gathered next;
    return gather_peek(walk->gather, &next) == FOUND_YES &&
           has_prefix(next.key, next.key_length, place->key, place->length);
}

static bool has_wildcard_child(const struct walk *walk, const struct place *place)
{
    uint8_t key[NAME_KEY_MAX_OCTETS + 2];

    memcpy(key, place->key, place->length);
    key[place->length] = '*';
    key[place->length + 1] = 0;
    return gather_has_prefix(walk->gather, key, place->length + 2);
}

/* Flags of a place that is not hidden, and the memory of what it hides. */
static uint16_t place_flags(struct walk *walk, const struct place *place)
{
    uint16_t flags = place->length == walk->apex_length ? NODE_APEX : 0;

    if (walk->owner.count == 0)
        flags |= NODE_EMPTY;
    if (!flags && owner_sets_find(&walk->owner, TYPE_NS))
        flags |= NODE_CUT;
    else if (owner_sets_find(&walk->owner, TYPE_DNAME))
        flags |= NODE_DNAME;
    if (flags & (NODE_CUT | NODE_DNAME)) {
        memcpy(walk->top, place->key, place->length);
        walk->top_length = place->length;
        walk->top_labels = place->name.labels;
        walk->top_flag = flags & NODE_CUT ? NODE_BELOW_CUT : NODE_BELOW_DNAME;
    } else if (has_children(walk, place)) {
        flags |= NODE_HAS_CHILDREN;
        if (has_wildcard_child(walk, place))
            flags |= NODE_HAS_WILDCARD_CHILD;
    }
    return flags;
}

/* ---- signatures and denial ------------------------------------------------------------------ */

/* The types of the owner, for a bitmap; `types` has room for PLACE_EXTRA_TYPES more than it has. */
static size_t bitmap_types(struct walk *walk, uint16_t flags, bool nsec, uint16_t *types)
{
    size_t count = 0;

    for (size_t i = 0; i < walk->owner.count; i++) {
        if (!walk->owner.sets[i].dropped)
            types[count++] = walk->owner.sets[i].type;
    }
    return place_bitmap(flags, nsec, types, count);
}

/* The next owner that has an NSEC record: the next one that nothing hides. */
static enum result next_nsec_owner(struct walk *walk, const struct place *place, uint16_t flags,
                                   struct name *next)
{
    size_t before = walk->gather->next;
    struct gathered record;
    enum found found = gather_peek(walk->gather, &record);

    while (flags & (NODE_CUT | NODE_DNAME) && found == FOUND_YES &&
           has_prefix(record.key, record.key_length, place->key, place->length)) {
        walk->gather->next++;
        found = gather_peek(walk->gather, &record);
    }
    walk->gather->next = before;
    if (found == FOUND_YES)
        return name_key_read(record.key, record.key_length, next);
    name_copy(next, walk->compose->apex);
    name_lower(next);
    return RESULT_OK;
}

static enum result add_nsec(struct walk *walk, const struct place *place, uint16_t flags)
{
    uint16_t *types = malloc((walk->owner.count + PLACE_EXTRA_TYPES) * sizeof *types);
    uint8_t *rdata = malloc(NAME_MAX_OCTETS + NSEC_MAX_BITMAP);
    struct name next;
    enum result result =
        types && rdata ? next_nsec_owner(walk, place, flags, &next) : RESULT_SYSTEM;

    if (!result) {
        struct writer writer = writer_over(rdata, NAME_MAX_OCTETS + NSEC_MAX_BITMAP);
        nsec_write(&writer, &next, types, bitmap_types(walk, flags, true, types));
        buffer_clear(&walk->nsec);
        buffer_u16(&walk->nsec, (uint16_t)writer.length);
        buffer_add(&walk->nsec, rdata, writer.length);
        result = writer.failed ? RESULT_FULL : buffer_check(&walk->nsec);
    }
    if (!result)
        result = owner_sets_insert(
            &walk->owner, &(struct zone_set){.type = TYPE_NSEC,
                                             .ttl = walk->compose->totals.denial_ttl,
                                             .rdata = {.octets = walk->nsec.octets,
                                                       .length = (uint32_t)walk->nsec.length,
                                                       .count = 1}});
    free(types);
    free(rdata);
    return result;
}

/* Remember a name for the NSEC3 chain, with its types (RFC 5155 section 7.1). */
static enum result remember_hash(struct walk *walk, struct node_parts *parts, uint16_t flags)
{
    const struct compose_signing *signing = walk->compose->signing;
    bool opt_out = signing->nsec3.flags & NSEC3_FLAG_OPT_OUT;

    if (opt_out && flags & NODE_CUT && !owner_sets_find(&walk->owner, TYPE_DS))
        return RESULT_OK;
    uint16_t few[32], *types = few;
    if (walk->owner.count + PLACE_EXTRA_TYPES > COUNT(few))
        types = malloc((walk->owner.count + PLACE_EXTRA_TYPES) * sizeof *types);
    if (!types)
        return RESULT_SYSTEM;
    size_t count = bitmap_types(walk, flags, false, types);
    enum result result =
        gather_add_key(&walk->hashes, parts->hash, NSEC3_HASH_OCTETS,
                       &(struct gathered){.rdata = (const uint8_t *)types,
                                          .rdata_length = (uint16_t)(count * sizeof *types)});
    if (types != few)
        free(types);
    return result;
}

static void add_hashes(const struct walk *walk, const struct place *place, struct node_parts *parts)
{
    const struct nsec3_parameters *nsec3 = &walk->compose->signing->nsec3;
    struct name wildcard;

    nsec3_hash(nsec3, &place->name, parts->hash);
    parts->flags |= NODE_HAS_HASH;
    if (parts->flags & (NODE_HAS_CHILDREN | NODE_APEX) &&
        name_wildcard_of(&place->name, &wildcard) == RESULT_OK) {
        nsec3_hash(nsec3, &wildcard, parts->wildcard_hash);
        parts->flags |= NODE_HAS_WILDCARD_HASH;
    }
}

/* ---- handing out ---------------------------------------------------------------------------- */

static enum result grow_rrsets(struct walk *walk)
{
    if (walk->owner.count <= walk->capacity)
        return RESULT_OK;
    struct node_rrset *rrsets = reallocarray(walk->rrsets, walk->owner.capacity, sizeof *rrsets);
    if (!rrsets)
        return RESULT_SYSTEM;
    walk->rrsets = rrsets;
    walk->capacity = walk->owner.capacity;
    return RESULT_OK;
}

static void fill_rrsets(struct walk *walk, struct node_parts *parts)
{
    const struct compose_signing *signing = walk->compose->signing;

    parts->rrsets = walk->rrsets;
    for (size_t i = 0; i < walk->owner.count; i++) {
        const struct zone_set *set = &walk->owner.sets[i];
        if (set->dropped)
            continue;
        struct node_rrset *rrset = &walk->rrsets[parts->count++];
        *rrset = (struct node_rrset){.type = set->type, .ttl = set->ttl, .rdata = set->rdata};
        if (signing->denial == COMPOSE_UNSIGNED || !place_signs(parts->flags, set->type))
            continue;
        rrset->signature_room = set->type == TYPE_DNSKEY && parts->flags & NODE_APEX
                                    ? signing->key_room
                                    : signing->zone_room;
        if (set->type == TYPE_NSEC)
            walk->compose->totals.denials++;
        else
            walk->compose->totals.rrsets++;
    }
}

static enum result emit(struct walk *walk, const struct place *place, uint16_t flags)
{
    struct compose *compose = walk->compose;
    enum compose_denial denial = compose->plain ? COMPOSE_UNSIGNED : compose->signing->denial;
    struct node_parts parts = {.flags = flags};
    enum result result = RESULT_OK;

    if (place->below) {
        parts.flags = walk->top_flag;
        parts.above = walk->top_labels;
    } else {
        compose->totals.names++;
        if (denial == COMPOSE_NSEC && !(flags & NODE_EMPTY))
            result = add_nsec(walk, place, flags);
        if (!result && denial == COMPOSE_NSEC3) {
            add_hashes(walk, place, &parts);
            result = remember_hash(walk, &parts, flags);
        }
    }
    if (!result)
        result = grow_rrsets(walk);
    if (result)
        return result;
    fill_rrsets(walk, &parts);
    return compose->sink.node(compose->sink.context, place->key, place->length, &parts);
}

/* Names that have nothing themselves but something below them (RFC 4592 section 2.2.2): every
 * label boundary of this key that lies behind what it shares with the key before. */
static enum result emit_empty(struct walk *walk, const struct place *place)
{
    size_t shared = 0, at = 0;

    while (at < place->length && at < walk->before_length && place->key[at] == walk->before[at]) {
        if (place->key[at++] == 0)
            shared = at;
    }
    for (at = shared; at + 1 < place->length; at++) { /* the root has no octets */
        if (place->key[at] != 0)
            continue;
        struct place empty = {.key = place->key, .length = at + 1};
        enum result result = name_key_read(empty.key, empty.length, &empty.name);
        owner_sets_clear(&walk->owner);
        if (!result)
            result = emit(walk, &empty, place_flags(walk, &empty));
        if (result)
            return result;
    }
    return RESULT_OK;
}

static bool is_hidden(struct walk *walk, const struct place *place)
{
    if (walk->top_length && !has_prefix(place->key, place->length, walk->top, walk->top_length))
        walk->top_length = 0;
    return walk->top_length != 0;
}

/* Everything that the records say about one owner. */
static enum result collect_owner(struct walk *walk, struct place *place)
{
    enum result result = owner_sets_collect(&walk->owner, walk->gather);

    for (size_t i = 0; i < walk->owner.count; i++)
        walk->compose->totals.records += walk->owner.sets[i].rdata.count;
    return result ? result : name_key_read(place->key, place->length, &place->name);
}

static enum result take_owner(struct walk *walk, struct place *place)
{
    place->below = is_hidden(walk, place);
    enum result result = place->below ? RESULT_OK : emit_empty(walk, place);
    if (!result)
        result = collect_owner(walk, place);
    if (result)
        return result;
    struct zone_owner owner = {
        .name = &place->name, .sets = walk->owner.sets, .count = walk->owner.count};
    result = zone_rules_owner(walk->compose->rules, &owner);
    if (!result && place->length == walk->apex_length)
        result = complete_apex(walk);
    if (!result)
        result = emit(walk, place, place->below ? 0 : place_flags(walk, place));
    memcpy(walk->before, place->key, place->length);
    walk->before_length = place->length;
    return result;
}

static enum result hand_out_chain(struct walk *walk)
{
    struct compose *compose = walk->compose;
    struct gathered record, next, first;
    uint8_t rdata[2 + 8 + NSEC3_MAX_SALT + NSEC3_HASH_OCTETS + NSEC_MAX_BITMAP];
    enum result result = gather_sort(&walk->hashes);

    if (result || gather_peek(&walk->hashes, &first) == FOUND_NOT)
        return result;
    while (!result && gather_next(&walk->hashes, &record) == FOUND_YES) {
        if (gather_peek(&walk->hashes, &next) == FOUND_NOT)
            next = first;
        struct writer writer = writer_over(rdata, sizeof rdata);
        size_t mark = writer_open_length(&writer);
        nsec3_write(&writer, &compose->signing->nsec3, next.key,
                    (const uint16_t *)(const void *)record.rdata, record.rdata_length / 2);
        writer_close_length(&writer, mark);
        struct node_rrset rrset = {
            .type = TYPE_NSEC3,
            .ttl = compose->totals.denial_ttl,
            .rdata = {.octets = rdata, .length = (uint32_t)writer.length, .count = 1},
            .signature_room = compose->signing->zone_room};
        compose->totals.denials++;
        result = writer.failed ? RESULT_FULL
                               : compose->sink.nsec3(compose->sink.context, record.key, &rrset);
    }
    return result;
}

static enum result walk_owners(struct walk *walk)
{
    struct gathered record;
    enum result result = RESULT_OK;

    walk->gather->next = 0;
    while (!result && gather_peek(walk->gather, &record) == FOUND_YES) {
        struct place place = {.key = record.key, .length = record.key_length};
        result = take_owner(walk, &place);
    }
    /* The rules have more to say at the end, but only when the walk got there. */
    return result ? result : zone_rules_finish(walk->compose->rules);
}

enum result compose_zone(struct compose *compose, struct gather *gather)
{
    struct walk walk = {.compose = compose, .gather = gather};
    uint8_t key[NAME_KEY_MAX_OCTETS];
    struct writer writer = writer_over(key, sizeof key);

    compose->totals = (struct compose_totals){.names = 0};
    name_key_write(&writer, compose->apex);
    walk.apex_length = writer.length;
    memcpy(walk.before, key, writer.length);
    walk.before_length = writer.length;
    walk.hashes = (struct gather){.sorted = 1};

    enum result result = walk_owners(&walk);
    if (!result)
        result = hand_out_chain(&walk);

    owner_sets_free(&walk.owner);
    buffer_free(&walk.nsec);
    free(walk.rrsets);
    gather_close(&walk.hashes);
    return result;
}
