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

static uint16_t u16_at(const uint8_t *octets)
{
    return (uint16_t)(octets[0] << 8 | octets[1]);
}

/* The numbers of a row's body, in its narrow or its wide form. */
struct body {
    size_t length, room, used;
    uint16_t count, signatures;
};

static struct body take_narrow(struct reader *row)
{
    const uint8_t *octets = reader_take(row, ROW_NARROW_OCTETS - ROW_HEAD_OCTETS);

    if (!octets)
        return (struct body){.count = 0};
    return (struct body){.count = u16_at(octets),
                         .length = u16_at(octets + 2),
                         .signatures = octets[4],
                         .room = u16_at(octets + 5),
                         .used = u16_at(octets + 7)};
}

static struct body take_wide(struct reader *row)
{
    struct body body = {.count = reader_u16(row)};

    body.length = reader_u32(row);
    body.signatures = reader_u16(row);
    body.room = reader_u32(row);
    body.used = reader_u32(row);
    return body;
}

static void take_body(struct reader *row, bool wide, struct rrset_view *rrset)
{
    struct body body = wide ? take_wide(row) : take_narrow(row);

    take_run(row, body.length, body.count, &rrset->rdata);
    struct reader reserved = reader_part(row, body.room);
    take_run(&reserved, body.used, body.signatures, &rrset->signatures);
    if (reserved.failed)
        reader_fail(row);
    rrset->signature_room = (uint32_t)body.room;
}

/* One row; fails the reader when it does not fit. Its runs are not looked into. */
static void take_row(struct reader *rows, struct rrset_view *rrset)
{
    const uint8_t *head = reader_take(rows, ROW_HEAD_OCTETS);

    *rrset = (struct rrset_view){.apart = false};
    if (!head)
        return;
    rrset->type = u16_at(head);
    rrset->ttl = (uint32_t)u16_at(head + 3) << 16 | u16_at(head + 5);
    if (head[2] == ROW_APART)
        rrset->apart = true;
    else if (head[2] == ROW_NARROW || head[2] == ROW_WIDE)
        take_body(rows, head[2] == ROW_WIDE, rrset);
    else
        reader_fail(rows);
}

static bool run_is_valid(const struct rdata_run *run)
{
    struct reader records = rdata_run_reader(run);

    if (run->count == 1) /* as most have: nothing to walk */
        return run->length >= 2 && run->length - 2U == u16_at(run->octets);
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
