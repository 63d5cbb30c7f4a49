/* diff.c - what differs between a zone as composed and the version that is served. */
#include "diff.h"

#include <stdlib.h>
#include <string.h>

#include "avow/store/chain.h"
#include "avow/store/lookup.h"
#include "avow/wire/type.h"
#include "slice.h"

/* ---- nodes ------------------------------------------------------------------------------------
 */

static enum result count_one(struct diff *diff)
{
    return ++diff->count > diff->limit ? RESULT_FULL : RESULT_OK;
}

/* A name that is stored and no longer composed. */
static enum result remove_node(struct diff *diff, const struct node_view *node)
{
    diff->removed++;
    slice_add_delete(&diff->operations, SLICE_DELETE_NODE, node->key + RECORD_PREFIX_OCTETS,
                     node->key_length - RECORD_PREFIX_OCTETS);
    return count_one(diff);
}

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

/* Whether an RRset is stored just as it was composed; then it keeps its signatures. */
static enum result same_rrset(struct diff *diff, const struct node_view *node,
                              struct node_rrset *rrset, bool *same)
{
    struct rrset_view stored;

    *same = false;
    switch (node_find(node, rrset->type, &stored)) {
    case RECORD_CORRUPT:
        return RESULT_CORRUPT;
    case RECORD_ABSENT:
        return RESULT_OK;
    case RECORD_THERE:
        break;
    }
    *same = stored.ttl == rrset->ttl && stored.rdata.count == rrset->rdata.count &&
            stored.rdata.length == rrset->rdata.length &&
            memcmp(stored.rdata.octets, rrset->rdata.octets, stored.rdata.length) == 0;
    if (*same && rrset->signature_room && stored.signatures.count) {
        rrset->signatures = stored.signatures;
        if (rrset->type == TYPE_NSEC)
            diff->denials_signed++;
        else
            diff->rrsets_signed++;
    }
    return RESULT_OK;
}

static bool same_hashes(const struct node_view *node, const struct node_parts *parts)
{
    if (node->flags & NODE_HAS_HASH && memcmp(node->hash, parts->hash, NODE_HASH_OCTETS) != 0)
        return false;
    return !(node->flags & NODE_HAS_WILDCARD_HASH) ||
           memcmp(node->wildcard_hash, parts->wildcard_hash, NODE_HASH_OCTETS) == 0;
}

/* The name is stored already: is it the same? */
static enum result compare_node(struct diff *diff, const struct node_view *node, const uint8_t *key,
                                size_t key_length, struct node_parts *parts)
{
    bool same = node->flags == parts->flags && node->above == parts->above &&
                node->count == parts->count && same_hashes(node, parts);

    for (size_t i = 0; i < parts->count; i++) {
        bool same_set;
        enum result result = same_rrset(diff, node, &parts->rrsets[i], &same_set);
        if (result)
            return result;
        same &= same_set;
    }
    if (same)
        return RESULT_OK;
    diff->changed++;
    slice_add_delete(&diff->operations, SLICE_DELETE_NODE, key, key_length);
    enum result result = slice_add_node(&diff->operations, key, key_length, parts, &diff->scratch);
    return result ? result : count_one(diff);
}

static int compare_keys(const uint8_t *a, size_t a_length, const uint8_t *b, size_t b_length)
{
    int order = memcmp(a, b, a_length < b_length ? a_length : b_length);
    if (order)
        return order;
    return a_length < b_length ? -1 : a_length > b_length;
}

static enum result take_node(void *context, const uint8_t *key, size_t key_length,
                             struct node_parts *parts)
{
    struct diff *diff = context;
    struct node_view node;

    if (diff->cancelled && atomic_load_explicit(diff->cancelled, memory_order_relaxed))
        return RESULT_REFUSED;
    if (!diff->started && !diff->ended) {
        /* The walk begins at the apex, which is composed first. */
        enum result result = name_key_read(key, key_length, &diff->at);
        if (result)
            return result;
    }
    enum found_record found;
    while ((found = next_stored(diff, &node)) == RECORD_THERE) {
        int order = compare_keys(node.key + RECORD_PREFIX_OCTETS,
                                 node.key_length - RECORD_PREFIX_OCTETS, key, key_length);
        if (order > 0)
            break;
        enum result result = order == 0 ? compare_node(diff, &node, key, key_length, parts)
                                        : remove_node(diff, &node);
        if (!result)
            result = pass(diff, &node);
        if (result || order == 0)
            return result;
    }
    if (found == RECORD_CORRUPT)
        return RESULT_CORRUPT;
    diff->added++;
    enum result result = slice_add_node(&diff->operations, key, key_length, parts, &diff->scratch);
    return result ? result : count_one(diff);
}

/* ---- the NSEC3 chain --------------------------------------------------------------------------
 */

/* Nodes that are left behind the last composed one go. */
static enum result end_nodes(struct diff *diff)
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

/* The stored NSEC3 behind the one that was passed last. */
static enum found_record next_nsec3(struct diff *diff, struct chain_nsec3 *nsec3)
{
    if (diff->chain_ended)
        return RECORD_ABSENT;
    enum found_record found = chain_nsec3_walk(diff->snapshot, diff->version,
                                               diff->chain_started ? diff->hash : NULL, nsec3);
    diff->chain_ended = found == RECORD_ABSENT;
    return found;
}

static void pass_nsec3(struct diff *diff, const struct chain_nsec3 *nsec3)
{
    diff->chain_started = true;
    memcpy(diff->hash, nsec3->hash, NODE_HASH_OCTETS);
}

static enum result remove_nsec3(struct diff *diff, const struct chain_nsec3 *nsec3)
{
    slice_add_delete(&diff->operations, SLICE_DELETE_NSEC3, nsec3->hash, NODE_HASH_OCTETS);
    pass_nsec3(diff, nsec3);
    return count_one(diff);
}

static bool same_nsec3(struct diff *diff, const struct chain_nsec3 *nsec3,
                       const struct node_rrset *rrset)
{
    const struct rrset_view *stored = &nsec3->rrset;

    if (stored->ttl != rrset->ttl || stored->rdata.length != rrset->rdata.length ||
        memcmp(stored->rdata.octets, rrset->rdata.octets, stored->rdata.length) != 0)
        return false;
    if (stored->signatures.count)
        diff->denials_signed++;
    return true;
}

static enum result take_nsec3(void *context, const uint8_t hash[NSEC3_HASH_OCTETS],
                              const struct node_rrset *rrset)
{
    struct diff *diff = context;
    struct chain_nsec3 nsec3;
    enum found_record found;

    while ((found = next_nsec3(diff, &nsec3)) == RECORD_THERE) {
        int order = memcmp(nsec3.hash, hash, NODE_HASH_OCTETS);
        if (order > 0)
            break;
        if (order == 0) {
            bool same = same_nsec3(diff, &nsec3, rrset);
            pass_nsec3(diff, &nsec3);
            if (same)
                return RESULT_OK;
            found = RECORD_ABSENT;
            break;
        }
        enum result result = remove_nsec3(diff, &nsec3);
        if (result)
            return result;
    }
    if (found == RECORD_CORRUPT)
        return RESULT_CORRUPT;
    enum result result = slice_add_nsec3(&diff->operations, hash, rrset, &diff->scratch);
    return result ? result : count_one(diff);
}

/* ---- public -----------------------------------------------------------------------------------
 */

struct compose_sink diff_sink(struct diff *diff)
{
    return (struct compose_sink){.node = take_node, .nsec3 = take_nsec3, .context = diff};
}

enum result diff_finish(struct diff *diff)
{
    struct chain_nsec3 nsec3;
    enum found_record found;
    enum result result = end_nodes(diff);

    while (!result && (found = next_nsec3(diff, &nsec3)) != RECORD_ABSENT)
        result = found == RECORD_CORRUPT ? RESULT_CORRUPT : remove_nsec3(diff, &nsec3);
    return result ? result : buffer_check(&diff->operations);
}

void diff_free(struct diff *diff)
{
    buffer_free(&diff->operations);
    buffer_free(&diff->scratch);
    *diff = (struct diff){.version = 0};
}
