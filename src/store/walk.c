/* walk.c - where a version's records begin and end, though some may be damaged. */
#include "avow/store/walk.h"

#include <string.h>

#include "avow/store/meta.h"

enum {
    NEIGHBOURS = 16,   /* damaged ones in a row, on the way to a good one */
    VERSION_LOWEST = 1 /* that is ever given out */
};

/* Whether a damaged record is whole as soon as its key begins with this version. */
static bool belongs(const struct store *store, enum store_table table, uint32_t version,
                    const struct store_record *record)
{
    struct store_key key = {.length = (uint16_t)record->key_length};
    struct writer prefix = writer_over(key.octets, RECORD_PREFIX_OCTETS);
    struct reader payload;

    if (record->key_length < RECORD_PREFIX_OCTETS || record->key_length > sizeof key.octets)
        return false;
    memcpy(key.octets, record->key, record->key_length);
    writer_u32(&prefix, version);
    const struct store_record ours = {.key = key.octets,
                                      .key_length = key.length,
                                      .value = record->value,
                                      .value_length = record->value_length};
    return record_open(store, table, &ours, &payload) == RESULT_OK;
}

/* What a table's neighbour in front of its first record, or behind its last, would have. */
static enum result version_outside(struct snapshot *snapshot, enum snapshot_move on,
                                   uint32_t *version)
{
    *version = VERSION_LOWEST;
    return on == MOVE_PREVIOUS || meta_last_version(snapshot, version) == RECORD_THERE
               ? RESULT_OK
               : RESULT_CORRUPT;
}

/* The version of the next record that is good; the cursor returns to where it was. */
static enum result version_beyond(struct snapshot *snapshot, enum store_table table,
                                  enum snapshot_move on, uint32_t *version)
{
    enum snapshot_move back = on == MOVE_NEXT ? MOVE_PREVIOUS : MOVE_NEXT;
    enum found_record found = RECORD_THERE;
    struct store_record record = {.key = NULL};
    struct reader payload;
    unsigned steps = 0;
    bool good = false;

    while (!good && steps < NEIGHBOURS &&
           (found = snapshot_move(snapshot, table, on, &record)) == RECORD_THERE) {
        steps++;
        good = record_open(snapshot->store, table, &record, &payload) == RESULT_OK;
    }
    if (good)
        *version = store_key_version(record.key, record.key_length);
    for (; steps > 0; steps--)
        if (snapshot_move(snapshot, table, back, &record) != RECORD_THERE)
            return RESULT_CORRUPT;
    if (found == RECORD_ABSENT)
        return version_outside(snapshot, on, version);
    return good ? RESULT_OK : RESULT_CORRUPT;
}

uint32_t walk_home(struct snapshot *snapshot, enum store_table table,
                   const struct store_record *record)
{
    static const enum snapshot_move sides[] = {MOVE_PREVIOUS, MOVE_NEXT};
    struct store_record one = {.key = NULL}, same = {.key = NULL};
    struct reader payload;

    if (record_open(snapshot->store, table, record, &payload) == RESULT_OK)
        return 0;
    for (unsigned i = 0; i < COUNT(sides); i++) {
        if (snapshot_move(snapshot, table, sides[i], &one) != RECORD_THERE)
            continue;
        uint32_t version = store_key_version(one.key, one.key_length);
        if (snapshot_move(snapshot, table, sides[1 - i], &same) != RECORD_THERE)
            return 0;
        if (belongs(snapshot->store, table, version, record))
            return version;
    }
    return 0;
}

/* A damaged record is another version's when it would be whole with that of its neighbour, or when
 * it lies in order between ours and that of the next good record; and would not be with ours. */
enum found_record walk_end(struct snapshot *snapshot, enum store_table table, uint32_t version,
                           const struct store_record *record, enum snapshot_move on)
{
    uint32_t seems = store_key_version(record->key, record->key_length), beyond;
    bool in_order = on == MOVE_NEXT ? seems > version : seems < version;
    struct reader payload;

    if (record_open(snapshot->store, table, record, &payload) == RESULT_OK)
        return in_order ? RECORD_ABSENT : RECORD_CORRUPT;
    if (belongs(snapshot->store, table, version, record))
        return RECORD_CORRUPT;
    if (walk_home(snapshot, table, record))
        return RECORD_ABSENT;
    if (!in_order || version_beyond(snapshot, table, on, &beyond))
        return RECORD_CORRUPT;
    return (on == MOVE_NEXT ? seems <= beyond : seems >= beyond) ? RECORD_ABSENT : RECORD_CORRUPT;
}

/* Whether what was found belongs to the version. */
static enum found_record in_version(struct snapshot *snapshot, enum store_table table,
                                    uint32_t version, const struct store_record *record)
{
    if (store_key_version(record->key, record->key_length) == version)
        return RECORD_THERE;
    return walk_end(snapshot, table, version, record, MOVE_NEXT);
}

enum found_record walk_next(struct snapshot *snapshot, enum store_table table, uint32_t version,
                            struct store_record *record)
{
    enum found_record found = snapshot_move(snapshot, table, MOVE_NEXT, record);

    return found == RECORD_THERE ? in_version(snapshot, table, version, record) : found;
}

/* The key has no record: the one before where the search ended must be before it, or a damaged key
 * has led astray. */
static enum result check_before(struct snapshot *snapshot, enum store_table table,
                                const struct store_key *key, bool at_end)
{
    uint32_t version = store_key_version(key->octets, key->length);
    struct store_record record = {.key = NULL};
    struct reader payload;
    enum found_record found =
        snapshot_move(snapshot, table, at_end ? MOVE_LAST : MOVE_PREVIOUS, &record);

    if (found == RECORD_ABSENT)
        return RESULT_OK; /* the cursor stays with the first record */
    if (found == RECORD_CORRUPT ||
        store_key_compare(record.key, record.key_length, key->octets, key->length) >= 0)
        return RESULT_CORRUPT;
    if (record_open(snapshot->store, table, &record, &payload) &&
        walk_end(snapshot, table, version, &record, MOVE_PREVIOUS) == RECORD_CORRUPT)
        return RESULT_CORRUPT;
    return at_end || snapshot_move(snapshot, table, MOVE_NEXT, &record) == RECORD_THERE
               ? RESULT_OK
               : RESULT_CORRUPT;
}

bool walk_is_passed(struct snapshot *snapshot, enum store_table table, uint32_t version,
                    const struct store_record *record)
{
    if (store_key_version(record->key, record->key_length) == version)
        return false;
    uint32_t home = walk_home(snapshot, table, record);
    return home && home != version;
}

enum found_record walk_start(struct snapshot *snapshot, enum store_table table,
                             const struct store_key *key, enum walk_start start,
                             struct store_record *record)
{
    uint32_t version = store_key_version(key->octets, key->length);
    struct reader payload;

    *record = store_key_record(key);
    enum found_record found = snapshot_move(snapshot, table, MOVE_AT_OR_AFTER, record);
    if (found == RECORD_CORRUPT)
        return found;
    int order = found == RECORD_ABSENT
                    ? 1
                    : store_key_compare(record->key, record->key_length, key->octets, key->length);
    if (order < 0)
        return RECORD_CORRUPT;
    if (order > 0 && check_before(snapshot, table, key, found == RECORD_ABSENT))
        return RECORD_CORRUPT;
    if (found == RECORD_ABSENT)
        return found;
    if (order > 0 && walk_is_passed(snapshot, table, version, record))
        return walk_next(snapshot, table, version, record);
    if (order > 0 || start == WALK_AT)
        return in_version(snapshot, table, version, record);
    if (record_open(snapshot->store, table, record, &payload))
        return RECORD_CORRUPT; /* another one's key may have become this */
    return walk_next(snapshot, table, version, record);
}
