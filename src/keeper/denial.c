/* denial.c - the chain that denies, kept around what a stage changes. */
#include "denial.h"

#include <stdlib.h>
#include <string.h>

#include "avow/dnssec/nsec.h"
#include "avow/dnssec/nsec3.h"
#include "avow/store/chain.h"
#include "avow/wire/type.h"
#include "internal.h"
#include "overlay.h"
#include "place.h"

enum {
    WHOLE_CHAIN = 50000, /* records of a chain that are composed anew at once */
    STEPS = 1 << 20      /* of a walk over what goes: beyond it the store contradicts itself */
};

/* ---- the types of a name, as they are and as they will be -------------------------------------
 */

/* Of one side of the change: which types, and what place it is. */
struct side {
    bool listed; /* the name has a record in the chain */
    uint16_t *types;
    size_t count;
};

static void collect_types(const struct staged_name *name, bool stored, uint16_t *types,
                          size_t *count)
{
    *count = 0;
    for (size_t i = 0; i < name->count; i++) {
        const struct staged_rrset *rrset = &name->rrsets[i];
        if (rrset->type != TYPE_NSEC && (stored ? rrset->stored.count : rrset->count))
            types[(*count)++] = rrset->type;
    }
}

/* Whether a name that is seen has a record in the chain: opt-out leaves insecure delegations out,
 * NSEC empty non-terminals. */
static bool is_listed(const struct zone *row, uint16_t flags, bool has_ds)
{
    if (row->flags & ZONE_NSEC3)
        return !(row->flags & ZONE_OPT_OUT && flags & NODE_CUT && !has_ds);
    return !(flags & NODE_EMPTY);
}

/* Both sides of a name. False: the stage has failed. `room`: of name->count + PLACE_EXTRA_TYPES
 * types for each. */
static void read_sides(const struct stage *stage, const struct staged_name *name,
                       struct side *before, struct side *after)
{
    const struct zone *row = &stage->zone->row;
    bool nsec = !(row->flags & ZONE_NSEC3);

    before->listed = place_is_seen(name->stored, name->stored_flags) &&
                     is_listed(row, name->stored_flags, staged_had(name, TYPE_DS));
    after->listed = place_is_seen(name->there, name->flags) &&
                    is_listed(row, name->flags, staged_find(name, TYPE_DS) != NULL);
    collect_types(name, true, before->types, &before->count);
    collect_types(name, false, after->types, &after->count);
    before->count = place_bitmap(name->stored_flags, nsec, before->types, before->count);
    after->count = place_bitmap(name->flags, nsec, after->types, after->count);
}

static bool same_types(const struct side *before, const struct side *after)
{
    return before->count == after->count &&
           memcmp(before->types, after->types, after->count * sizeof *after->types) == 0;
}

/* ---- NSEC3: links -----------------------------------------------------------------------------
 */

struct staged_link *denial_first(const struct stage *stage)
{
    return (struct staged_link *)(void *)stage->links.first[0];
}

struct staged_link *denial_next(const struct staged_link *link)
{
    return (struct staged_link *)(void *)order_next(&link->item);
}

static struct staged_link *find_link(const struct stage *stage, const uint8_t *hash)
{
    return (struct staged_link *)(void *)order_find(&stage->links, hash, NODE_HASH_OCTETS);
}

static enum chain read_chain(struct stage *stage, const uint8_t *hash, struct chain_nsec3 *nsec3)
{
    enum chain chain = chain_nsec3(stage->view, stage->zone->row.version, hash, nsec3);

    if (chain == CHAIN_CORRUPT)
        stage_fail(stage, RESULT_CORRUPT);
    return chain;
}

struct staged_link *denial_link(struct stage *stage, const uint8_t hash[NODE_HASH_OCTETS])
{
    struct staged_link *link = find_link(stage, hash);
    struct chain_nsec3 nsec3;

    if (link || stage->failed)
        return link;
    enum chain chain = read_chain(stage, hash, &nsec3);
    if (chain == CHAIN_CORRUPT)
        return NULL;
    link = calloc(1, sizeof *link);
    if (!link) {
        stage_fail(stage, RESULT_SYSTEM);
        return NULL;
    }
    memcpy(link->hash, hash, NODE_HASH_OCTETS);
    link->item.key = link->hash;
    link->item.length = NODE_HASH_OCTETS;
    link->stored = link->there = chain == CHAIN_MATCH;
    stage->octets += sizeof *link;
    order_insert(&stage->links, &link->item);
    return link;
}

/* ---- NSEC3: neighbours ------------------------------------------------------------------------
 */

/* The hash just before another one, in a circle. */
static void step_back(uint8_t hash[NODE_HASH_OCTETS])
{
    for (unsigned i = NODE_HASH_OCTETS; i-- > 0;) {
        if (hash[i]-- != 0)
            return;
    }
}

/* Whether `a` comes before `b` on the way onwards round the circle from `from`; `from` itself comes
 * last. */
static bool comes_first(const uint8_t *from, const uint8_t *a, const uint8_t *b)
{
    bool a_behind = memcmp(a, from, NODE_HASH_OCTETS) > 0;
    bool b_behind = memcmp(b, from, NODE_HASH_OCTETS) > 0;

    return a_behind != b_behind ? a_behind : memcmp(a, b, NODE_HASH_OCTETS) < 0;
}

/* The stored link behind a hash that will stay, round the circle. */
static bool stored_behind(struct stage *stage, const uint8_t *hash, uint8_t *behind)
{
    struct keeper_zone *zone = stage->zone;
    const uint8_t *from = hash;
    struct chain_nsec3 nsec3;

    for (unsigned i = 0, rounds = 0; i < STEPS && rounds < 2; i++) {
        enum found_record found = chain_nsec3_walk(stage->view, zone->row.version, from, &nsec3);
        if (found == RECORD_CORRUPT)
            stage_fail(stage, RESULT_CORRUPT);
        if (stage->failed)
            return false;
        from = NULL; /* from the start again */
        if (found == RECORD_ABSENT) {
            rounds++;
            continue;
        }
        memcpy(behind, nsec3.hash, NODE_HASH_OCTETS);
        from = behind;
        const struct staged_link *link = find_link(stage, behind);
        if (!link || link->there)
            return true;
    }
    return false;
}

/* The touched link before another one, round the circle: that one itself when it is alone. */
static struct staged_link *staged_before(const struct stage *stage, const struct staged_link *link)
{
    struct order_item *item = order_before(&stage->links, link->hash, NODE_HASH_OCTETS);

    return (struct staged_link *)(void *)(item ? item : order_last(&stage->links));
}

static struct staged_link *staged_behind(const struct stage *stage, const struct staged_link *from)
{
    struct staged_link *link = denial_next(from);
    bool wrapped = false;

    for (size_t i = 0; i <= stage->links.count; i++) {
        if (link && link->there && link != from)
            return link;
        if (!link && wrapped)
            return NULL;
        wrapped |= !link;
        link = link ? denial_next(link) : denial_first(stage);
    }
    return NULL;
}

/* The link before one that comes or goes is another one now. If that one comes or goes as well, it
 * sees to its own neighbour: of many that go together each looks at the next alone. */
static void mark_before(struct stage *stage, const struct staged_link *link)
{
    const struct staged_link *staged = staged_before(stage, link);
    uint8_t before[NODE_HASH_OCTETS];
    struct chain_nsec3 nsec3;

    memcpy(before, link->hash, sizeof before);
    step_back(before);
    if (read_chain(stage, before, &nsec3) == CHAIN_CORRUPT)
        return;
    memcpy(before, nsec3.hash, sizeof before);
    /* Which is nearer: from the stored one onwards, does the other come before the link? */
    if (comes_first(before, staged->hash, link->hash))
        memcpy(before, staged->hash, sizeof before);
    struct staged_link *neighbour = denial_link(stage, before);
    if (neighbour && neighbour->stored == neighbour->there)
        neighbour->dirty = true;
}

/* The hash that follows in the chain as it will be: the link's own when it is the only one. */
static void find_next(struct stage *stage, const struct staged_link *link, uint8_t *next)
{
    bool found = stored_behind(stage, link->hash, next);
    const struct staged_link *staged = staged_behind(stage, link);

    if (!found)
        memcpy(next, link->hash, NODE_HASH_OCTETS);
    if (staged && comes_first(link->hash, staged->hash, next))
        memcpy(next, staged->hash, NODE_HASH_OCTETS);
}

/* ---- NSEC3: records ---------------------------------------------------------------------------
 */

/* The types that the stored record lists. */
static void read_types(struct stage *stage, struct staged_link *link,
                       const struct chain_nsec3 *chain)
{
    struct reader run = rdata_run_reader(&chain->rrset.rdata), rdata;
    struct nsec3 nsec3;

    if (!rdata_next(&run, &rdata) || nsec3_read(&rdata, &nsec3)) {
        stage_fail(stage, RESULT_CORRUPT);
        return;
    }
    for (unsigned pass = 0; pass < 2 && !stage->failed; pass++) {
        link->type_count = 0;
        for (int32_t type = -1;
             (type = nsec_bitmap_next(nsec3.bitmap, nsec3.bitmap_length, type)) >= 0;
             link->type_count++) {
            if (link->types)
                link->types[link->type_count] = (uint16_t)type;
        }
        if (!link->types)
            link->types = calloc(link->type_count + 1, sizeof *link->types);
        if (!link->types)
            stage_fail(stage, RESULT_SYSTEM);
    }
}

static void write_record(struct stage *stage, struct staged_link *link, const uint8_t *next)
{
    const struct zone *row = &stage->zone->row;
    struct nsec3_parameters nsec3 = {.algorithm = NSEC3_SHA1,
                                     .iterations = row->iterations,
                                     .flags = row->flags & ZONE_OPT_OUT ? NSEC3_FLAG_OPT_OUT : 0,
                                     .salt_length = row->salt_length};
    uint8_t rdata[2 + 8 + NSEC3_MAX_SALT + NSEC3_HASH_OCTETS + NSEC_MAX_BITMAP];
    struct writer writer = writer_over(rdata, sizeof rdata);

    memcpy(nsec3.salt, row->salt, row->salt_length);
    size_t mark = writer_open_length(&writer);
    nsec3_write(&writer, &nsec3, next, link->types, link->type_count);
    writer_close_length(&writer, mark);
    buffer_clear(&link->run);
    buffer_add(&link->run, rdata, writer.length);
    if (writer.failed)
        stage_fail(stage, RESULT_FULL);
    if (buffer_check(&link->run))
        stage_fail(stage, RESULT_SYSTEM);
}

static void compose_link(struct stage *stage, struct staged_link *link)
{
    uint8_t next[NODE_HASH_OCTETS];
    struct chain_nsec3 stored = {.rrset = {.rdata = {.octets = (const uint8_t *)""}}};

    find_next(stage, link, next);
    if (stage->failed)
        return;
    if (link->stored && read_chain(stage, link->hash, &stored) != CHAIN_MATCH) {
        stage_fail(stage, RESULT_CORRUPT);
        return;
    }
    if (!link->retyped)
        read_types(stage, link, &stored);
    if (!stage->failed)
        write_record(stage, link, next);
    link->composed = !link->stored || stored.rrset.ttl != stage->denial_ttl ||
                     stored.rrset.rdata.length != link->run.length ||
                     memcmp(stored.rrset.rdata.octets, link->run.octets, link->run.length) != 0;
}

/* A name whose record in the chain comes, goes or lists other types. */
static void change_link(struct stage *stage, const struct staged_name *name,
                        const struct side *before, const struct side *after)
{
    struct staged_link *link = denial_link(stage, name->hash);

    if (!link)
        return;
    if (link->stored != before->listed) {
        stage_fail(stage, RESULT_CORRUPT); /* the node and the chain contradict each other */
        return;
    }
    link->there = after->listed;
    link->dirty = true;
    if (!after->listed)
        return;
    free(link->types);
    link->types = calloc(after->count + 1, sizeof *link->types);
    if (!link->types) {
        stage_fail(stage, RESULT_SYSTEM);
        return;
    }
    memcpy(link->types, after->types, after->count * sizeof *link->types);
    link->type_count = after->count;
    link->retyped = true;
}

static void mark_whole_chain(struct stage *stage)
{
    struct keeper_zone *zone = stage->zone;
    uint8_t at[NODE_HASH_OCTETS];
    const uint8_t *from = NULL;
    struct chain_nsec3 nsec3;

    while (!stage->failed &&
           chain_nsec3_walk(stage->view, zone->row.version, from, &nsec3) == RECORD_THERE) {
        memcpy(at, nsec3.hash, sizeof at);
        from = at;
        struct staged_link *link = denial_link(stage, at);
        if (link)
            link->dirty = true;
    }
}

static void settle_links(struct stage *stage)
{
    if (stage->denial_ttl != stage->zone->row.denial_ttl)
        mark_whole_chain(stage);
    for (struct staged_link *link = denial_first(stage); link && !stage->failed;
         link = denial_next(link)) {
        if (link->stored != link->there)
            mark_before(stage, link);
    }
    for (struct staged_link *link = denial_first(stage); link && !stage->failed;
         link = denial_next(link)) {
        if (link->dirty && link->there)
            compose_link(stage, link);
    }
}

/* ---- NSEC -------------------------------------------------------------------------------------
 */

/* The name before in the chain as it will be. */
static void mark_name_before(struct stage *stage, const struct staged_name *name)
{
    struct overlay_name before;
    struct name owner;

    if (overlay_previous(stage, name->item.key, name->item.length, &before) != RECORD_THERE)
        return; /* the apex has none */
    if (before.staged && before.staged->unlisted)
        return; /* it has seen to what comes before it */
    if (name_key_read(before.key, before.length, &owner)) {
        stage_fail(stage, RESULT_CORRUPT);
        return;
    }
    if (before.flags & NODE_BELOW)
        name_suffix(&owner, before.above, &owner); /* what hides it comes before all of that */
    struct staged_name *staged = stage_name(stage, &owner);
    if (staged)
        staged->denial_dirty = true;
}

/* The next name that has an NSEC record: what lies below a cut or DNAME is passed over. */
static void find_next_name(struct stage *stage, const struct staged_name *name, struct name *next)
{
    uint8_t key[NAME_KEY_MAX_OCTETS];
    struct overlay_name behind;
    bool hides = name->flags & (NODE_CUT | NODE_DNAME);

    memcpy(key, name->item.key, name->item.length);
    if (hides && name->item.length) /* 01 comes right behind everything that begins with 00 */
        key[name->item.length - 1] = 1;
    enum found_record found =
        overlay_next(stage, key, name->item.length, hides ? OVERLAY_AT : OVERLAY_BEHIND, &behind);
    if (found == RECORD_THERE && name_key_read(behind.key, behind.length, next)) {
        stage_fail(stage, RESULT_CORRUPT);
    } else if (found == RECORD_ABSENT) {
        name_copy(next, &stage->zone->name);
        name_lower(next);
    }
}

static void compose_nsec(struct stage *stage, struct staged_name *name, const struct side *after)
{
    uint8_t rdata[2 + NAME_MAX_OCTETS + NSEC_MAX_BITMAP];
    struct writer writer = writer_over(rdata, sizeof rdata);
    struct rdata_run run = {.octets = rdata};
    struct name next;

    if (after->listed) {
        find_next_name(stage, name, &next);
        if (stage->failed)
            return;
        size_t mark = writer_open_length(&writer);
        nsec_write(&writer, &next, after->types, after->count);
        writer_close_length(&writer, mark);
        if (writer.failed)
            stage_fail(stage, RESULT_FULL);
        run.length = (uint32_t)writer.length;
        run.count = 1;
    }
    if (after->listed || staged_find(name, TYPE_NSEC))
        staged_replace(stage, name, TYPE_NSEC, stage->denial_ttl, &run);
}

static void mark_all_names(struct stage *stage)
{
    struct overlay_name at;
    struct name owner;
    enum found_record found = overlay_next(stage, (const uint8_t *)"", 0, OVERLAY_AT, &at);

    for (; found == RECORD_THERE && !stage->failed;
         found = overlay_next(stage, at.key, at.length, OVERLAY_BEHIND, &at)) {
        if (at.flags & NODE_BELOW)
            continue;
        if (name_key_read(at.key, at.length, &owner))
            stage_fail(stage, RESULT_CORRUPT);
        struct staged_name *name = stage_name(stage, &owner);
        if (name)
            name->denial_dirty = true;
    }
}

/* ---- both -------------------------------------------------------------------------------------
 */

enum pass { PASS_MARK, PASS_COMPOSE };

static void look_at(struct stage *stage, struct staged_name *name, enum pass pass,
                    const struct side *before, const struct side *after)
{
    bool nsec3 = stage->zone->row.flags & ZONE_NSEC3;

    if (pass == PASS_COMPOSE) {
        if (name->denial_dirty)
            compose_nsec(stage, name, after);
        return;
    }
    if (before->listed == after->listed && (!after->listed || same_types(before, after)))
        return;
    if (nsec3) {
        change_link(stage, name, before, after);
        return;
    }
    name->denial_dirty = true;
    name->unlisted = !after->listed;
    if (before->listed != after->listed)
        mark_name_before(stage, name);
}

static void pass_over(struct stage *stage, enum pass pass)
{
    struct buffer room = {.length = 0};

    for (struct staged_name *name = stage_first(stage); name && !stage->failed;
         name = staged_next(name)) {
        size_t most = name->count + PLACE_EXTRA_TYPES;
        struct side before, after;
        buffer_clear(&room);
        before.types = (uint16_t *)(void *)buffer_claim(&room, 2 * most * sizeof *before.types);
        if (!before.types) {
            stage_fail(stage, RESULT_SYSTEM);
            break;
        }
        after.types = before.types + most;
        read_sides(stage, name, &before, &after);
        look_at(stage, name, pass, &before, &after);
    }
    buffer_free(&room);
}

/* What the SOA will say of denials (RFC 9077 section 3); the whole chain follows it. */
static void read_denial_ttl(struct stage *stage)
{
    const struct staged_name *apex = stage_find(stage, &stage->zone->name);
    const struct staged_rrset *soa = apex ? staged_find(apex, TYPE_SOA) : NULL;
    const struct zone *row = &stage->zone->row;

    if (!soa || !soa->touched)
        return;
    struct rdata_run run = staged_rdata(soa);
    struct reader minimum = reader_over(run.octets + run.length - 4, 4);
    uint32_t ttl = reader_u32(&minimum);
    ttl = ttl < soa->ttl ? ttl : soa->ttl;
    if (row->denials > WHOLE_CHAIN)
        stage->late_denial = ttl != row->denial_ttl;
    else
        stage->denial_ttl = ttl;
}

void denial_settle(struct stage *stage)
{
    const struct zone *row = &stage->zone->row;

    read_denial_ttl(stage);
    if (!(row->flags & ZONE_SIGNED) || stage->failed)
        return;
    if (!(row->flags & ZONE_NSEC3) && stage->denial_ttl != row->denial_ttl)
        mark_all_names(stage);
    pass_over(stage, PASS_MARK);
    if (row->flags & ZONE_NSEC3)
        settle_links(stage);
    else
        pass_over(stage, PASS_COMPOSE);
}
