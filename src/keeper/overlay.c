/* overlay.c - the names of a zone as they will be: the store with a stage over it. */
#include "overlay.h"

#include "avow/store/key.h"
#include "internal.h"

/* Where the store's cursor stands: a node of the zone's version, if it has data as it will be. */
struct stored {
    struct staged_name *staged;
    const uint8_t *key;
    size_t length;
    uint16_t flags;
    uint8_t above;
    bool has_data;
};

static enum found_record read_stored(struct stage *stage, const struct store_record *record,
                                     struct stored *stored)
{
    struct snapshot *view = stage->view;
    struct reader payload;
    struct node_view node;

    if (store_key_version(record->key, record->key_length) != stage->zone->row.version)
        return RECORD_ABSENT;
    if (record_open(view->store, TABLE_NODES, record, &payload) || node_open(payload, &node))
        return RECORD_CORRUPT;
    stored->key = record->key + RECORD_PREFIX_OCTETS;
    stored->length = record->key_length - RECORD_PREFIX_OCTETS;
    stored->staged = stage_find_key(stage, stored->key, stored->length);
    stored->flags = stored->staged ? stored->staged->flags : node.flags;
    stored->above = stored->staged ? stored->staged->above : node.above;
    stored->has_data =
        stored->staged ? staged_has_data(stored->staged) : !(node.flags & NODE_EMPTY);
    return RECORD_THERE;
}

static void version_key(const struct stage *stage, const uint8_t *key, size_t length,
                        struct store_key *whole)
{
    struct writer writer = writer_over(whole->octets, sizeof whole->octets);

    writer_u32(&writer, stage->zone->row.version);
    writer_add(&writer, key, length);
    whole->length = (uint16_t)writer.length;
}

/* From where the cursor stands: on in the same direction to a name with data; on the way back, also
 * to one that loses its NSEC record. */
static enum found_record seek_data(struct stage *stage, enum snapshot_move direction,
                                   struct store_record *record, struct stored *stored)
{
    struct snapshot *view = stage->view;

    for (;;) {
        enum found_record found = read_stored(stage, record, stored);
        if (found != RECORD_THERE || stored->has_data ||
            (direction == MOVE_PREVIOUS && stored->staged && stored->staged->unlisted))
            return found;
        found = snapshot_move(view, TABLE_NODES, direction, record);
        if (found != RECORD_THERE)
            return found;
    }
}

/* The first stored record at, or behind, a key. */
static enum found_record seek_stored(struct stage *stage, const uint8_t *key, size_t length,
                                     enum overlay_start start, struct store_record *record)
{
    struct snapshot *view = stage->view;
    struct store_key whole;

    version_key(stage, key, length, &whole);
    *record = store_key_record(&whole);
    enum found_record found = snapshot_move(view, TABLE_NODES, MOVE_AT_OR_AFTER, record);
    if (found == RECORD_THERE && start == OVERLAY_BEHIND &&
        store_key_equal(record->key, record->key_length, whole.octets, whole.length))
        found = snapshot_move(view, TABLE_NODES, MOVE_NEXT, record);
    return found;
}

static enum found_record next_stored(struct stage *stage, const uint8_t *key, size_t length,
                                     enum overlay_start start, struct stored *stored)
{
    struct store_record record;
    enum found_record found = seek_stored(stage, key, length, start, &record);

    return found == RECORD_THERE ? seek_data(stage, MOVE_NEXT, &record, stored) : found;
}

static enum found_record previous_stored(struct stage *stage, const uint8_t *key, size_t length,
                                         struct stored *stored)
{
    struct snapshot *view = stage->view;
    struct store_key whole;

    version_key(stage, key, length, &whole);
    struct store_record record = store_key_record(&whole);
    enum found_record found = snapshot_move(view, TABLE_NODES, MOVE_AT_OR_AFTER, &record);
    if (found == RECORD_CORRUPT)
        return found;
    found = snapshot_move(view, TABLE_NODES, found == RECORD_THERE ? MOVE_PREVIOUS : MOVE_LAST,
                          &record);
    return found == RECORD_THERE ? seek_data(stage, MOVE_PREVIOUS, &record, stored) : found;
}

/* The first touched name at, or behind, a key. */
static struct staged_name *seek_staged(const struct stage *stage, const uint8_t *key, size_t length,
                                       enum overlay_start start)
{
    struct staged_name *name = (struct staged_name *)(void *)order_from(&stage->names, key, length);

    if (name && start == OVERLAY_BEHIND &&
        store_key_equal(name->item.key, name->item.length, key, length))
        name = staged_next(name);
    return name;
}

static struct staged_name *next_staged(const struct stage *stage, const uint8_t *key, size_t length,
                                       enum overlay_start start)
{
    struct staged_name *name = seek_staged(stage, key, length, start);

    while (name && !staged_has_data(name))
        name = staged_next(name);
    return name;
}

static struct staged_name *previous_staged(const struct stage *stage, const uint8_t *key,
                                           size_t length)
{
    struct staged_name *name =
        (struct staged_name *)(void *)order_before(&stage->names, key, length);

    while (name && !staged_has_data(name) && !name->unlisted)
        name = (struct staged_name *)(void *)order_before(&stage->names, name->item.key,
                                                          name->item.length);
    return name;
}

static void take_stored(const struct stored *stored, struct overlay_name *name)
{
    name->staged = stored->staged;
    name->flags = stored->flags;
    name->above = stored->above;
    name->length = (uint16_t)stored->length;
    memcpy(name->key, stored->key, stored->length);
}

static void take_staged(struct staged_name *staged, struct overlay_name *name)
{
    name->staged = staged;
    name->flags = staged->flags;
    name->above = staged->above;
    name->length = (uint16_t)staged->item.length;
    memcpy(name->key, staged->item.key, staged->item.length);
}

/* Of the two, the one that lies nearer; `sign` is 1 when the smaller key does. */
static enum found_record choose(struct stage *stage, enum found_record found,
                                const struct stored *stored, struct staged_name *staged, int sign,
                                struct overlay_name *name)
{
    if (found == RECORD_CORRUPT) {
        stage_fail(stage, RESULT_CORRUPT);
        return found;
    }
    if (found != RECORD_THERE && !staged)
        return RECORD_ABSENT;
    if (found != RECORD_THERE ||
        (staged && sign * store_key_compare(staged->item.key, staged->item.length, stored->key,
                                            stored->length) <
                       0))
        take_staged(staged, name);
    else
        take_stored(stored, name);
    return RECORD_THERE;
}

enum found_record overlay_next(struct stage *stage, const uint8_t *key, size_t length,
                               enum overlay_start start, struct overlay_name *name)
{
    struct stored stored;
    enum found_record found = next_stored(stage, key, length, start, &stored);

    return choose(stage, found, &stored, next_staged(stage, key, length, start), 1, name);
}

enum found_record overlay_previous(struct stage *stage, const uint8_t *key, size_t length,
                                   struct overlay_name *name)
{
    struct stored stored;
    enum found_record found = previous_stored(stage, key, length, &stored);

    return choose(stage, found, &stored, previous_staged(stage, key, length), -1, name);
}

static bool stored_has_within(struct stage *stage, const uint8_t *key, size_t length,
                              enum overlay_start start)
{
    struct snapshot *view = stage->view;
    struct store_record record;
    struct stored stored;
    enum found_record found = seek_stored(stage, key, length, start, &record);

    while (found == RECORD_THERE) {
        found = read_stored(stage, &record, &stored);
        if (found != RECORD_THERE || !overlay_is_within(stored.key, stored.length, key, length))
            break;
        if (stored.has_data)
            return true;
        found = snapshot_move(view, TABLE_NODES, MOVE_NEXT, &record);
    }
    if (found == RECORD_CORRUPT)
        stage_fail(stage, RESULT_CORRUPT);
    return false;
}

bool overlay_has_within(struct stage *stage, const uint8_t *key, size_t length,
                        enum overlay_start start)
{
    struct staged_name *name = seek_staged(stage, key, length, start);

    for (; name && overlay_is_within(name->item.key, name->item.length, key, length);
         name = staged_next(name)) {
        if (staged_has_data(name))
            return true;
    }
    return stored_has_within(stage, key, length, start);
}
