/* diff.c - what differs between a zone as composed and the version that is served. */
#include "diff.h"

#include <string.h>

#include "avow/store/key.h"
#include "avow/store/lookup.h"
#include "avow/wire/type.h"
#include "edits.h"

/* ---- edits ------------------------------------------------------------------------------------
 */

static const struct rdata_run none = {.octets = (const uint8_t *)""};

static enum result add_edit(struct diff *diff, const struct name *owner, uint16_t type,
                            uint32_t ttl, const struct rdata_run *rdata)
{
    struct edit edit = {.type = type, .ttl = ttl, .rdata = *rdata};

    name_copy(&edit.owner, owner);
    edits_add(&diff->edits, &edit);
    return ++diff->count > diff->limit ? RESULT_FULL : buffer_check(&diff->edits);
}

/* A name that is stored and no longer composed. */
static enum result remove_node(struct diff *diff, const struct node_view *node)
{
    struct rrset_view rrset;
    struct name owner;
    enum result result = node_name(node, &owner);

    diff->removed += !(node->flags & NODE_EMPTY);
    for (struct reader rows = node->rows; !result && node_next(&rows, &rrset);) {
        if (rrset.type != TYPE_NSEC)
            result = add_edit(diff, &owner, rrset.type, 0, &none);
    }
    return result;
}

static enum result add_node(struct diff *diff, const struct name *owner,
                            const struct node_parts *parts)
{
    enum result result = RESULT_OK;

    diff->added += parts->count != 0;
    for (size_t i = 0; i < parts->count && !result; i++)
        result = add_edit(diff, owner, parts->rrsets[i].type, parts->rrsets[i].ttl,
                          &parts->rrsets[i].rdata);
    return result;
}

/* ---- comparing --------------------------------------------------------------------------------
 */

/* The stored node behind diff->at. */
static enum found_record next_stored(struct diff *diff, struct node_view *node)
{
    if (diff->ended)
        return RECORD_ABSENT;
    enum found_record found = lookup_walk(diff->snapshot, diff->version,
                                          diff->started ? WALK_BEHIND : WALK_FROM, &diff->at, node);
    diff->ended = found == RECORD_ABSENT;
    return found;
}

static enum result pass(struct diff *diff, const struct node_view *node)
{
    diff->started = true;
    return node_name(node, &diff->at);
}

/* Whether an RRset is stored just as it was composed. */
static enum result same_rrset(const struct node_view *node, const struct node_rrset *rrset,
                              bool *same)
{
    struct rrset_view stored;
    enum found_record found = node_find(node, rrset->type, &stored);

    *same = found == RECORD_THERE && stored.ttl == rrset->ttl &&
            stored.rdata.count == rrset->rdata.count &&
            stored.rdata.length == rrset->rdata.length &&
            memcmp(stored.rdata.octets, rrset->rdata.octets, stored.rdata.length) == 0;
    return found == RECORD_CORRUPT ? RESULT_CORRUPT : RESULT_OK;
}

static bool is_composed(const struct node_parts *parts, uint16_t type)
{
    for (size_t i = 0; i < parts->count; i++) {
        if (parts->rrsets[i].type == type)
            return true;
    }
    return false;
}

/* The name is stored already: is it the same? */
static enum result compare_node(struct diff *diff, const struct node_view *node,
                                const struct name *owner, const struct node_parts *parts)
{
    uint64_t before = diff->count;
    struct rrset_view stored;
    enum result result = RESULT_OK;

    for (size_t i = 0; i < parts->count && !result; i++) {
        const struct node_rrset *rrset = &parts->rrsets[i];
        bool same;
        result = same_rrset(node, rrset, &same);
        if (!result && !same)
            result = add_edit(diff, owner, rrset->type, rrset->ttl, &rrset->rdata);
    }
    for (struct reader rows = node->rows; !result && node_next(&rows, &stored);) {
        bool made = stored.type == TYPE_NSEC ||
                    (stored.type == TYPE_ZONEMD && diff->no_digest && node->flags & NODE_APEX);
        if (!made && !is_composed(parts, stored.type))
            result = add_edit(diff, owner, stored.type, 0, &none);
    }
    diff->changed += diff->count != before;
    return result;
}

static enum result take_node(void *context, const uint8_t *key, size_t key_length,
                             struct node_parts *parts)
{
    struct diff *diff = context;
    struct node_view node;
    struct name owner;
    enum found_record found;

    if (diff->cancelled && atomic_load_explicit(diff->cancelled, memory_order_relaxed))
        return RESULT_REFUSED;
    enum result result = name_key_read(key, key_length, &owner);
    if (!result && !diff->started && !diff->ended)
        name_copy(&diff->at, &owner); /* the walk begins at the apex, which is composed first */
    while (!result && (found = next_stored(diff, &node)) != RECORD_ABSENT) {
        if (found == RECORD_CORRUPT)
            return RESULT_CORRUPT;
        int order = store_key_compare(node.key + RECORD_PREFIX_OCTETS,
                                      node.key_length - RECORD_PREFIX_OCTETS, key, key_length);
        if (order > 0)
            break;
        result = order == 0 ? compare_node(diff, &node, &owner, parts) : remove_node(diff, &node);
        if (!result)
            result = pass(diff, &node);
        if (result || order == 0)
            return result;
    }
    return result ? result : add_node(diff, &owner, parts);
}

/* ---- public -----------------------------------------------------------------------------------
 */

struct compose_sink diff_sink(struct diff *diff)
{
    return (struct compose_sink){.node = take_node, .context = diff};
}

enum result diff_finish(struct diff *diff)
{
    struct node_view node;
    enum found_record found;

    while ((found = next_stored(diff, &node)) == RECORD_THERE) {
        enum result result = remove_node(diff, &node);
        if (!result)
            result = pass(diff, &node);
        if (result)
            return result;
    }
    return found == RECORD_CORRUPT ? RESULT_CORRUPT : RESULT_OK;
}

void diff_free(struct diff *diff)
{
    buffer_free(&diff->edits);
    *diff = (struct diff){.version = 0};
}
