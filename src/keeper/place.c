/* place.c - what kind of place a name is. */
#include "place.h"

#include <string.h>

#include "avow/dnssec/nsec3.h"
#include "avow/store/lookup.h"
#include "avow/wire/type.h"
#include "internal.h"
#include "overlay.h"

enum { HIDDEN_LIMIT = 50000 /* names that one stage may hide or bring to light */ };

bool place_signs(uint16_t flags, uint16_t type)
{
    if (flags & NODE_BELOW)
        return false;
    return !(flags & NODE_CUT) || type == TYPE_DS || type == TYPE_NSEC;
}

/* Put a type at its place. */
static size_t add_type(uint16_t *types, size_t count, uint16_t type)
{
    size_t at = count;

    while (at > 0 && types[at - 1] > type) {
        types[at] = types[at - 1];
        at--;
    }
    types[at] = type;
    return count + 1;
}

size_t place_bitmap(uint16_t flags, bool nsec, uint16_t *types, size_t count)
{
    bool has_signature = nsec;
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        if (flags & NODE_CUT && types[i] != TYPE_NS && types[i] != TYPE_DS)
            continue;
        has_signature |= place_signs(flags, types[i]);
        types[kept++] = types[i];
    }
    if (has_signature)
        kept = add_type(types, kept, TYPE_RRSIG);
    return nsec ? add_type(types, kept, TYPE_NSEC) : kept;
}

/* ---- the names that are left to be settled ----------------------------------------------------
 */

static void mark(struct stage *stage, struct staged_name *name)
{
    if (!name || name->marked)
        return;
    name->marked = true;
    name->next_dirty = stage->dirty;
    stage->dirty = name;
}

static void mark_parent(struct stage *stage, const struct staged_name *name)
{
    struct name parent;

    if (staged_is_apex(stage, name))
        return;
    name_suffix(&name->name, name->name.labels - 1U, &parent);
    mark(stage, stage_name(stage, &parent));
}

/* The stored names below one: what hides them has come or gone. */
static void mark_stored_below(struct stage *stage, const struct staged_name *above)
{
    struct name at, owner;

    name_copy(&at, &above->name);
    while (!stage->failed) {
        struct node_view node;
        enum found_record found =
            lookup_walk(stage->view, stage->zone->row.version, WALK_BEHIND, &at, &node);
        if (found == RECORD_ABSENT)
            return;
        if (found == RECORD_CORRUPT || node_name(&node, &owner)) {
            stage_fail(stage, RESULT_CORRUPT);
            return;
        }
        if (!name_is_within(&owner, &above->name))
            return;
        struct staged_name *name = stage_name(stage, &owner);
        stage->hidden += name && !name->marked;
        if (stage->hidden > HIDDEN_LIMIT)
            stage_fail(stage, RESULT_FULL);
        mark(stage, name);
        name_copy(&at, &owner);
    }
}

static void mark_below(struct stage *stage, const struct staged_name *above)
{
    mark_stored_below(stage, above);
    for (struct staged_name *name = staged_next(above);
         name &&
         overlay_is_within(name->item.key, name->item.length, above->item.key, above->item.length);
         name = staged_next(name))
        mark(stage, name);
}

/* ---- one name ---------------------------------------------------------------------------------
 */

/* What an ancestor hides, by the data that it will have. */
static uint16_t hides(struct stage *stage, const struct name *ancestor)
{
    bool apex = ancestor->labels == stage->zone->name.labels, cut = false, dname = false;
    const struct staged_name *staged = stage_find(stage, ancestor);
    struct node_view node;

    if (staged) {
        cut = staged_find(staged, TYPE_NS);
        dname = staged_find(staged, TYPE_DNAME);
    } else {
        enum found_record found =
            lookup_node(stage->view, stage->zone->row.version, ancestor, &node);
        if (found == RECORD_CORRUPT)
            stage_fail(stage, RESULT_CORRUPT);
        cut = found == RECORD_THERE && node_has(&node, TYPE_NS);
        dname = found == RECORD_THERE && node_has(&node, TYPE_DNAME);
    }
    if (cut && !apex)
        return NODE_BELOW_CUT;
    return dname ? NODE_BELOW_DNAME : 0;
}

/* The topmost cut or DNAME above a name; the labels of its owner go into `above`. */
static uint16_t find_hiding(struct stage *stage, const struct name *name, uint8_t *above)
{
    struct name ancestor;

    for (unsigned labels = stage->zone->name.labels; labels < name->labels; labels++) {
        name_suffix(name, labels, &ancestor);
        uint16_t flag = hides(stage, &ancestor);
        if (flag) {
            *above = (uint8_t)labels;
            return flag;
        }
    }
    *above = 0;
    return 0;
}

static bool has_wildcard_child(struct stage *stage, const struct staged_name *name)
{
    uint8_t key[NAME_KEY_MAX_OCTETS + 2];

    memcpy(key, name->item.key, name->item.length);
    key[name->item.length] = '*';
    key[name->item.length + 1] = 0;
    return overlay_has_within(stage, key, name->item.length + 2, OVERLAY_AT);
}

static uint16_t seen_flags(struct stage *stage, const struct staged_name *name, bool has_data,
                           bool has_children)
{
    uint16_t flags = staged_is_apex(stage, name) ? NODE_APEX : 0;

    if (!has_data)
        flags |= NODE_EMPTY;
    if (!flags && staged_find(name, TYPE_NS))
        return flags | NODE_CUT;
    if (staged_find(name, TYPE_DNAME))
        return flags | NODE_DNAME;
    if (has_children) {
        flags |= NODE_HAS_CHILDREN;
        if (has_wildcard_child(stage, name))
            flags |= NODE_HAS_WILDCARD_CHILD;
    }
    return flags;
}

static void add_hashes(const struct stage *stage, struct staged_name *name)
{
    const struct zone *row = &stage->zone->row;
    struct nsec3_parameters nsec3 = {
        .algorithm = NSEC3_SHA1, .iterations = row->iterations, .salt_length = row->salt_length};
    struct name wildcard;

    if (!(row->flags & ZONE_NSEC3))
        return;
    memcpy(nsec3.salt, row->salt, row->salt_length);
    if (!(name->stored_flags & NODE_HAS_HASH))
        nsec3_hash(&nsec3, &name->name, name->hash);
    name->flags |= NODE_HAS_HASH;
    if (!(name->flags & (NODE_HAS_CHILDREN | NODE_APEX)) ||
        name_wildcard_of(&name->name, &wildcard))
        return;
    if (!(name->stored_flags & NODE_HAS_WILDCARD_HASH))
        nsec3_hash(&nsec3, &wildcard, name->wildcard_hash);
    name->flags |= NODE_HAS_WILDCARD_HASH;
}

/* The one place where it is decided. */
static void decide(struct stage *stage, struct staged_name *name)
{
    bool has_data = staged_has_data(name), has_children = false;
    uint16_t hidden = find_hiding(stage, &name->name, &name->above);

    if (hidden) {
        name->there = has_data;
        name->flags = hidden;
        return;
    }
    if (!staged_find(name, TYPE_DNAME) &&
        (staged_is_apex(stage, name) || !staged_find(name, TYPE_NS)))
        has_children = overlay_has_within(stage, name->item.key, name->item.length, OVERLAY_BEHIND);
    name->there = has_data || has_children;
    name->flags = seen_flags(stage, name, has_data, has_children);
    if (name->there)
        add_hashes(stage, name);
}

static void settle(struct stage *stage, struct staged_name *name)
{
    const uint16_t boundary = NODE_CUT | NODE_DNAME;

    decide(stage, name);
    uint16_t before = name->stored ? name->stored_flags & boundary : 0;
    uint16_t now = name->there ? name->flags & boundary : 0;
    if (before != now)
        mark_below(stage, name);
    if (place_is_seen(name->stored, name->stored_flags) != place_is_seen(name->there, name->flags))
        mark_parent(stage, name);
}

/* Whether what place a name is may depend on what has changed. */
static bool changes_place(const struct staged_name *name)
{
    return staged_had_data(name) != staged_has_data(name) ||
           staged_had(name, TYPE_NS) != (staged_find(name, TYPE_NS) != NULL) ||
           staged_had(name, TYPE_DNAME) != (staged_find(name, TYPE_DNAME) != NULL);
}

void place_settle(struct stage *stage)
{
    for (struct staged_name *name = stage_first(stage); name; name = staged_next(name)) {
        if (changes_place(name))
            mark(stage, name);
    }
    while (stage->dirty && !stage->failed) {
        struct staged_name *name = stage->dirty;
        stage->dirty = name->next_dirty;
        settle(stage, name);
    }
}
