/*
 * lookup.c - what kind of place a name is.
 *
 * The rows of a version are in canonical order, and every name that is not occluded has one, empty
 * non-terminals too. So when a name has no row, its closest encloser C has one, C sorts before
 * the name, and whatever lies between the two is below C: the row just before the name shares
 * exactly C's labels with it. In the same way that row is at or below a cut when the name is.
 */
#include "avow/store/lookup.h"

#include <string.h>

#include "avow/store/key.h"
#include "avow/store/walk.h"

#include "place.h"

/* Labels of a node's key, or of what two of them share: each label ends in an octet 00, and no
 * other octet is 00. */
static unsigned shared_labels(const uint8_t *a, size_t a_length, const uint8_t *b, size_t b_length)
{
    size_t length = a_length < b_length ? a_length : b_length;
    unsigned labels = 0;

    for (size_t i = RECORD_PREFIX_OCTETS; i < length && a[i] == b[i]; i++)
        labels += a[i] == 0;
    return labels;
}

/* Octets of the key of the ancestor that has so many labels; 0 when there are not so many. */
static size_t ancestor_length(const uint8_t *key, size_t length, unsigned labels)
{
    size_t i = RECORD_PREFIX_OCTETS;

    for (; i < length && labels > 0; i++)
        labels -= key[i] == 0;
    return labels == 0 ? i : 0;
}

enum result place_open(struct snapshot *snapshot, const struct store_record *record,
                       struct node_view *node)
{
    struct reader payload;

    if (record_open(snapshot->store, TABLE_NODES, record, &payload) || node_open(payload, node))
        return RESULT_CORRUPT;
    node->snapshot = snapshot;
    node->key = record->key;
    node->key_length = (uint16_t)record->key_length;
    return RESULT_OK;
}

/* `key` must live as long as the view is used for RRsets that are kept apart: it is replaced by
 * the one in the map, which the cursor has. */
enum found_record place_get(struct snapshot *snapshot, const uint8_t *key, size_t length,
                            struct node_view *node)
{
    struct store_record record = {.key = key, .key_length = length};
    enum found_record found = snapshot_move(snapshot, TABLE_NODES, MOVE_AT_OR_AFTER, &record);

    if (found == RECORD_THERE && !store_key_equal(record.key, record.key_length, key, length))
        return RECORD_ABSENT;
    if (found != RECORD_THERE)
        return found;
    return place_open(snapshot, &record, node) ? RECORD_CORRUPT : RECORD_THERE;
}

/* A node that another one says must be there. */
static enum result get_certain(struct snapshot *snapshot, const uint8_t *key, size_t length,
                               struct node_view *node)
{
    return length && place_get(snapshot, key, length, node) == RECORD_THERE ? RESULT_OK
                                                                            : RESULT_CORRUPT;
}

/* Labels of the topmost cut or DNAME owner that the node is or is below; 0 when there is none. */
static unsigned boundary_of(const struct node_view *node)
{
    if (node->flags & NODE_BELOW)
        return node->above;
    if (node->flags & (NODE_CUT | NODE_DNAME))
        return shared_labels(node->key, node->key_length, node->key, node->key_length);
    return 0;
}

/* The name is below the boundary that `near` is at or below. */
static enum place place_below(struct snapshot *snapshot, const struct node_view *near,
                              unsigned labels, struct lookup *lookup)
{
    size_t length = ancestor_length(near->key, near->key_length, labels);

    lookup->encloser_labels = labels;
    if (length == near->key_length)
        lookup->node = *near;
    else if (get_certain(snapshot, near->key, length, &lookup->node))
        return PLACE_CORRUPT;
    if (lookup->node.flags & NODE_BELOW)
        return PLACE_CORRUPT; /* then it would not be the topmost */
    return lookup->node.flags & NODE_CUT     ? PLACE_CUT_ABOVE
           : lookup->node.flags & NODE_DNAME ? PLACE_DNAME_ABOVE
                                             : PLACE_CORRUPT;
}

static enum place place_found(struct snapshot *snapshot, const struct store_record *record,
                              struct lookup *lookup)
{
    struct node_view node;

    if (place_open(snapshot, record, &node))
        return PLACE_CORRUPT;
    if (node.flags & NODE_BELOW)
        return place_below(snapshot, &node, node.above, lookup);
    lookup->node = lookup->encloser = node;
    lookup->encloser_labels = shared_labels(node.key, node.key_length, node.key, node.key_length);
    return node.count == 0 ? PLACE_EMPTY : PLACE_EXACT;
}

/* The closest encloser, and `*.` before it (RFC 4592 section 3.3.1). */
static enum place place_missing(struct snapshot *snapshot, const struct store_key *key,
                                const struct node_view *before, struct lookup *lookup)
{
    unsigned labels = shared_labels(key->octets, key->length, before->key, before->key_length);
    size_t length = ancestor_length(key->octets, key->length, labels);
    struct store_key wildcard;

    lookup->encloser_labels = labels;
    if (length == before->key_length)
        lookup->encloser = *before;
    else if (get_certain(snapshot, key->octets, length, &lookup->encloser))
        return PLACE_CORRUPT;
    if (!(lookup->encloser.flags & NODE_HAS_WILDCARD_CHILD))
        return PLACE_ABSENT;

    memcpy(wildcard.octets, key->octets, length);
    memcpy(wildcard.octets + length, "*", 2); /* with the 00 that ends the label */
    return get_certain(snapshot, wildcard.octets, length + 2, &lookup->node) ? PLACE_CORRUPT
                                                                             : PLACE_WILDCARD;
}

/*
 * The row before the name. A bit that flipped in a key, here or on a page above, could hide the
 * name: so the row behind must really be behind, and both rows must have good seals.
 */
static enum result find_before(struct snapshot *snapshot, const struct store_key *key,
                               const struct store_record *behind, struct node_view *before)
{
    struct store_record record = *behind;
    struct reader payload;

    if (behind->key &&
        (store_key_compare(behind->key, behind->key_length, key->octets, key->length) <= 0 ||
         record_open(snapshot->store, TABLE_NODES, behind, &payload)))
        return RESULT_CORRUPT;
    if (snapshot_move(snapshot, TABLE_NODES, behind->key ? MOVE_PREVIOUS : MOVE_LAST, &record) !=
        RECORD_THERE)
        return RESULT_CORRUPT;
    if (store_key_compare(record.key, record.key_length, key->octets, key->length) >= 0 ||
        record.key_length < RECORD_PREFIX_OCTETS ||
        memcmp(record.key, key->octets, RECORD_PREFIX_OCTETS) != 0)
        return RESULT_CORRUPT; /* not even the apex is before it: there is no such version */
    return place_open(snapshot, &record, before);
}

static enum place find_place(struct snapshot *snapshot, const struct store_key *key,
                             struct lookup *lookup)
{
    struct store_record record = store_key_record(key);
    struct node_view before;
    enum found_record found = snapshot_move(snapshot, TABLE_NODES, MOVE_AT_OR_AFTER, &record);

    if (found == RECORD_CORRUPT)
        return PLACE_CORRUPT;
    if (found == RECORD_THERE &&
        store_key_equal(record.key, record.key_length, key->octets, key->length))
        return place_found(snapshot, &record, lookup);
    if (found == RECORD_ABSENT)
        record = (struct store_record){.key = NULL};
    if (find_before(snapshot, key, &record, &before))
        return PLACE_CORRUPT;
    unsigned boundary = boundary_of(&before);
    if (boundary &&
        shared_labels(key->octets, key->length, before.key, before.key_length) >= boundary)
        return place_below(snapshot, &before, boundary, lookup);
    return place_missing(snapshot, key, &before, lookup);
}

void lookup_name(struct snapshot *snapshot, uint32_t version, const struct name *name,
                 struct lookup *lookup)
{
    struct store_key key;

    lookup->node.snapshot = lookup->encloser.snapshot = NULL;
    lookup->encloser_labels = 0;
    store_key_node(&key, version, name);
    lookup->place = find_place(snapshot, &key, lookup);
}

enum found_record lookup_node(struct snapshot *snapshot, uint32_t version, const struct name *name,
                              struct node_view *node)
{
    struct store_key key;

    store_key_node(&key, version, name);
    return place_get(snapshot, key.octets, key.length, node);
}

enum found_record lookup_walk(struct snapshot *snapshot, uint32_t version, enum walk walk,
                              const struct name *from, struct node_view *node)
{
    struct store_record record = {.key = NULL};
    struct store_key key;
    enum found_record found;

    if (walk == WALK_NEXT) {
        found = walk_next(snapshot, TABLE_NODES, version, &record);
    } else {
        store_key_node(&key, version, from);
        found = walk_start(snapshot, TABLE_NODES, &key, walk == WALK_BEHIND ? WALK_PAST : WALK_AT,
                           &record);
    }
    if (found != RECORD_THERE)
        return found;
    return place_open(snapshot, &record, node) ? RECORD_CORRUPT : RECORD_THERE;
}
