/* node.c - reading a name's record without copying it. */
#include "avow/store/node.h"

#include "avow/store/key.h"
#include "avow/store/snapshot.h"

#include "row.h"

static void take_run(struct reader *row, size_t length, uint16_t count, struct rdata_run *run)
{
    const uint8_t *octets = reader_take(row, length);

    *run = (struct rdata_run){
        .octets = octets, .length = octets ? (uint32_t)length : 0, .count = count};
}

static void take_body(struct reader *row, bool wide, struct rrset_view *rrset)
{
    uint16_t count = reader_u16(row);
    size_t length = wide ? reader_u32(row) : reader_u16(row);
    uint16_t signatures = wide ? reader_u16(row) : reader_u8(row);
    size_t room = wide ? reader_u32(row) : reader_u16(row);
    size_t used = wide ? reader_u32(row) : reader_u16(row);

    take_run(row, length, count, &rrset->rdata);
    struct reader reserved = reader_part(row, room);
    take_run(&reserved, used, signatures, &rrset->signatures);
    if (reserved.failed)
        reader_fail(row);
    rrset->signature_room = (uint32_t)room;
}

/* One row; fails the reader when it does not fit. Its runs are not looked into. */
static void take_row(struct reader *rows, struct rrset_view *rrset)
{
    *rrset = (struct rrset_view){.type = reader_u16(rows)};
    uint8_t shape = reader_u8(rows);
    rrset->ttl = reader_u32(rows);
    if (shape == ROW_APART)
        rrset->apart = true;
    else if (shape == ROW_NARROW || shape == ROW_WIDE)
        take_body(rows, shape == ROW_WIDE, rrset);
    else
        reader_fail(rows);
}

static bool run_is_valid(const struct rdata_run *run)
{
    struct reader records = rdata_run_reader(run);

    for (uint16_t i = 0; i < run->count; i++)
        reader_take(&records, reader_u16(&records));
    return reader_finish(&records) == RESULT_OK;
}

/* Whether the runs hold as many records as the row says. Asked once, when a record is opened: who
 * walks its rows afterwards need not ask again. */
static bool runs_are_valid(const struct rrset_view *rrset)
{
    return run_is_valid(&rrset->rdata) && run_is_valid(&rrset->signatures);
}

enum result node_open(struct reader payload, struct node_view *view)
{
    *view = (struct node_view){.flags = reader_u16(&payload)};
    view->above = reader_u8(&payload);
    view->count = reader_u16(&payload);
    if (view->flags & NODE_HAS_HASH)
        view->hash = reader_take(&payload, NODE_HASH_OCTETS);
    if (view->flags & NODE_HAS_WILDCARD_HASH)
        view->wildcard_hash = reader_take(&payload, NODE_HASH_OCTETS);
    view->rows = payload;

    /* What is below something must say below how many labels, and nothing else may. */
    if (!(view->flags & NODE_BELOW) != (view->above == 0))
        return RESULT_CORRUPT;
    int32_t last = -1;
    for (uint16_t i = 0; i < view->count; i++) {
        struct rrset_view rrset;
        take_row(&payload, &rrset);
        if (payload.failed || rrset.type <= last || !runs_are_valid(&rrset))
            return RESULT_CORRUPT;
        last = rrset.type;
    }
    return reader_finish(&payload) ? RESULT_CORRUPT : RESULT_OK;
}

bool node_next(struct reader *rows, struct rrset_view *rrset)
{
    if (reader_left(rows) == 0)
        return false;
    take_row(rows, rrset);
    return !rows->failed;
}

enum found_record node_find(const struct node_view *view, uint16_t type, struct rrset_view *rrset)
{
    struct rrset_view row;

    for (struct reader rows = view->rows; node_next(&rows, &row) && row.type <= type;) {
        if (row.type < type)
            continue;
        if (node_fetch(view, &row))
            return RECORD_CORRUPT;
        *rrset = row;
        return RECORD_THERE;
    }
    return RECORD_ABSENT;
}

bool node_has(const struct node_view *view, uint16_t type)
{
    struct rrset_view row;

    for (struct reader rows = view->rows; node_next(&rows, &row) && row.type <= type;)
        if (row.type == type)
            return true;
    return false;
}

enum result node_fetch(const struct node_view *view, struct rrset_view *rrset)
{
    struct store_key key;
    struct reader payload;
    struct rrset_view fetched;

    if (!rrset->apart)
        return RESULT_OK;
    if (!view->snapshot)
        return RESULT_CORRUPT;
    store_key_rrset(&key, view->key, view->key_length, rrset->type);
    struct store_record record = store_key_record(&key);
    if (snapshot_get(view->snapshot, TABLE_RRSETS, &record, &payload) != RECORD_THERE ||
        node_open_rrset(payload, &fetched) || fetched.type != rrset->type ||
        fetched.ttl != rrset->ttl)
        return RESULT_CORRUPT;
    *rrset = fetched;
    return RESULT_OK;
}

enum result node_name(const struct node_view *view, struct name *name)
{
    if (view->key_length < RECORD_PREFIX_OCTETS ||
        name_key_read(view->key + RECORD_PREFIX_OCTETS,
                      view->key_length - (size_t)RECORD_PREFIX_OCTETS, name))
        return RESULT_CORRUPT;
    return RESULT_OK;
}

size_t node_types(const struct node_view *view, uint16_t *types, size_t limit)
{
    struct rrset_view row;
    size_t count = 0;

    for (struct reader rows = view->rows; node_next(&rows, &row); count++)
        if (count < limit)
            types[count] = row.type;
    return count;
}

enum result node_open_rrset(struct reader payload, struct rrset_view *rrset)
{
    take_row(&payload, rrset);
    return reader_finish(&payload) || rrset->apart || !runs_are_valid(rrset) ? RESULT_CORRUPT
                                                                             : RESULT_OK;
}
