/* journal.c - writing the journal of a zone, and keeping it within its bounds. */
#include "avow/change/journal.h"

#include <lmdb.h>
#include <string.h>

#include "check.h"
#include "put.h"

/*
 * Four pieces of 992 octets, with seals, keys and LMDB's own fields, fill a page of 4096; what is
 * larger than half a page gets pages of its own. Entries of 400 to 2600 octets so take 1.2 to 1.35
 * of their size in the file; in one piece each they took 1.5 to 1.75. From some 16 KiB on whole
 * pages lose nothing, and cost less to write.
 */
enum {
    PIECE_OCTETS = 64 << 10,
    SMALL_ENTRY_OCTETS = 16 << 10,
    SMALL_PIECE_OCTETS = 992,
    CLEAR_RECORDS = 4096 /* how many a change may remove because a line ended */
};

/* How many octets of rows a piece may have. */
static size_t piece_limit(size_t entry_octets, size_t number)
{
    size_t limit = entry_octets <= SMALL_ENTRY_OCTETS ? SMALL_PIECE_OCTETS : PIECE_OCTETS;

    return number == 0 ? limit - JOURNAL_HEAD_OCTETS : limit;
}

/* The next rows that make a piece: as many as the limit allows, one at least. False at the end, or
 * when a row is malformed (then the reader failed). */
static bool take_piece(struct reader *rows, size_t limit, struct reader *piece)
{
    const uint8_t *start = rows->at, *end = start;
    struct journal_rrset rrset;
    struct reader ahead = *rows;

    while (journal_next(&ahead, &rrset)) {
        if (end != start && (size_t)(ahead.at - start) > limit)
            break;
        end = ahead.at;
    }
    if (ahead.failed)
        reader_fail(rows);
    *piece = reader_part(rows, (size_t)(end - start));
    return end != start && !rows->failed;
}

/* How many pieces the rows make; 0 when they are malformed. */
static size_t count_pieces(const struct buffer *rows)
{
    struct reader reader = reader_over(rows->octets, rows->length), piece;
    size_t count = 0;

    while (take_piece(&reader, piece_limit(rows->length, count), &piece))
        count++;
    return reader.failed ? 0 : count;
}

/* End the line, and remove what is there. Whether nothing is left of it. */
static bool end_line(struct change *change, struct zone *row, size_t limit)
{
    row->journal_oldest = 0;
    row->journal_entries = 0;
    row->journal_octets = 0;
    if (change->failed)
        return false;
    int error = put_drop(change, TABLE_JOURNAL, row->version, &limit);
    if (error && error != MDB_NOTFOUND)
        put_failed(change, error);
    return error == MDB_NOTFOUND;
}

void change_clear_journal(struct change *change, struct zone *row, size_t limit)
{
    (void)end_line(change, row, limit);
}

/* Remove the entry at which the line begins; false when it is damaged or not what the row says. */
static bool evict_oldest(struct change *change, struct zone *row)
{
    struct journal_entry oldest;
    struct store_key key;

    if (journal_get(&change->view, row->version, row->journal_oldest, &oldest) != RECORD_THERE ||
        oldest.octets > row->journal_octets)
        return false;
    for (uint32_t piece = 0; piece < oldest.pieces; piece++) {
        store_key_journal(&key, oldest.version, oldest.from, (uint16_t)piece);
        put_nothing(change, TABLE_JOURNAL, &key);
    }
    row->journal_entries--;
    row->journal_octets -= oldest.octets;
    row->journal_oldest = row->journal_entries ? oldest.to : 0;
    return row->journal_entries > 0 || row->journal_octets == 0;
}

/*
 * Whether the line can go on with this entry. Its beginning must be there: a row that kept its
 * count from another version shows here. Nothing may lead from where the entry begins: serials that
 * went all the way round would make a line that crosses itself.
 */
static bool line_goes_on(struct change *change, const struct zone *row,
                         const struct journal_entry *entry)
{
    struct journal_entry other;

    return row->journal_entries > 0 &&
           journal_get(&change->view, row->version, row->journal_oldest, &other) == RECORD_THERE &&
           journal_get(&change->view, row->version, entry->from, &other) == RECORD_ABSENT;
}

static bool is_full(const struct zone *row, const struct journal_entry *entry,
                    const struct journal_bounds *bounds)
{
    return row->journal_entries >= bounds->entries ||
           row->journal_octets > bounds->octets - entry->octets;
}

/*
 * Bring the line to where the entry can be added. A line is begun only when nothing is left of what
 * was before: so there are never entries beside a line. What is damaged ends the line, not the
 * change. False when that did not come about.
 */
static bool make_room(struct change *change, struct zone *row, const struct journal_entry *entry,
                      const struct journal_bounds *bounds)
{
    if (!line_goes_on(change, row, entry))
        return end_line(change, row, CLEAR_RECORDS);
    while (row->journal_entries > 0 && is_full(row, entry, bounds))
        if (!evict_oldest(change, row))
            return end_line(change, row, CLEAR_RECORDS);
    return true;
}

static void put_pieces(struct change *change, const struct journal_entry *entry,
                       const struct buffer *rows)
{
    struct reader reader = reader_over(rows->octets, rows->length), piece;
    struct store_key key;

    for (uint16_t number = 0; take_piece(&reader, piece_limit(rows->length, number), &piece);
         number++) {
        struct buffer *value = put_begin(change);
        if (number == 0)
            journal_compose(entry, value);
        buffer_add(value, piece.at, reader_left(&piece));
        store_key_journal(&key, entry->version, entry->from, number);
        put_record(change, TABLE_JOURNAL, &key, MDB_APPEND);
    }
}

void change_put_journal(struct change *change, struct zone *row, struct journal_entry *entry,
                        const struct buffer *rows, const struct journal_bounds *bounds)
{
    size_t pieces = count_pieces(rows);

    if (buffer_check(rows))
        put_refused(change, RESULT_SYSTEM);
    else if (pieces == 0)
        put_refused(change, RESULT_FORMAT);
    if (change->failed)
        return;
    entry->version = row->version;
    entry->pieces = (uint16_t)pieces;
    entry->octets = rows->length;
    if (pieces > UINT16_MAX || entry->octets > bounds->octets || bounds->entries == 0 ||
        entry->from == entry->to) {
        change_clear_journal(change, row, CLEAR_RECORDS);
        return;
    }
    if (!make_room(change, row, entry, bounds))
        return;
    put_pieces(change, entry, rows);
    if (row->journal_entries == 0)
        row->journal_oldest = entry->from;
    row->journal_entries++;
    row->journal_octets += entry->octets;
}

/* ---- damage ------------------------------------------------------------------------------------
 */

/* The serial from which the entry behind another leads on, by the order of keys. */
static bool find_behind(struct snapshot *view, uint32_t version, uint32_t from, uint32_t *behind)
{
    struct store_key key;

    if (from == UINT32_MAX)
        return false;
    store_key_journal(&key, version, from + 1, 0);
    struct store_record record = store_key_record(&key);
    if (snapshot_move(view, TABLE_JOURNAL, MOVE_AT_OR_AFTER, &record) != RECORD_THERE ||
        record.key_length != JOURNAL_KEY_OCTETS ||
        store_key_version(record.key, record.key_length) != version)
        return false;
    struct reader reader = reader_over(record.key, record.key_length);
    (void)reader_u32(&reader);
    *behind = reader_u32(&reader);
    return true;
}

/* A step along a line that may be damaged; its octets are 0 where it is. False: there is no way. */
static bool step(struct snapshot *view, uint32_t version, uint32_t *at, uint64_t *octets)
{
    struct journal_entry entry;

    *octets = 0;
    if (journal_get(view, version, *at, &entry) != RECORD_THERE)
        return find_behind(view, version, *at, at);
    if (!check_journal_entry(view, &entry))
        *octets = entry.octets;
    *at = entry.to;
    return true;
}

/* What of a line still leads to what is served. False when nobody can tell. */
static bool find_rest(struct snapshot *view, const struct zone *row, struct zone *rest)
{
    uint32_t at = row->journal_oldest;
    uint64_t octets;

    rest->journal_octets = 0;
    for (uint32_t left = row->journal_entries; left-- > 0; rest->journal_octets += octets) {
        if (!step(view, row->version, &at, &octets))
            return false;
        if (octets)
            continue;
        rest->journal_oldest = at;
        rest->journal_entries = left;
        rest->journal_octets = 0;
    }
    return at == row->serial && rest->journal_entries > 0;
}

static void drop_entry(struct change *change, uint32_t version, uint32_t from)
{
    struct store_key first, key;

    store_key_journal(&first, version, from, 0);
    struct store_record record = store_key_record(&first);
    /* Not for ever, if the table has lost its order. */
    for (uint32_t left = UINT16_MAX + 1; left > 0 && !change->failed; left--) {
        if (snapshot_move(&change->view, TABLE_JOURNAL, MOVE_AT_OR_AFTER, &record) !=
                RECORD_THERE ||
            record.key_length != JOURNAL_KEY_OCTETS ||
            memcmp(record.key, first.octets, JOURNAL_KEY_OCTETS - 2) != 0)
            return;
        key.length = JOURNAL_KEY_OCTETS;
        memcpy(key.octets, record.key, JOURNAL_KEY_OCTETS);
        put_nothing(change, TABLE_JOURNAL, &key);
        record = store_key_record(&first);
    }
}

bool change_mend_journal(struct change *change, struct zone *row)
{
    struct zone rest = *row;
    uint32_t at = row->journal_oldest;
    uint64_t octets;

    if (change->failed || check_journal_is_whole(&change->view, row))
        return false;
    if (!find_rest(&change->view, row, &rest) || rest.journal_entries == row->journal_entries) {
        (void)end_line(change, row, CLEAR_RECORDS);
        return true;
    }
    for (uint32_t left = row->journal_entries; left > rest.journal_entries; left--) {
        uint32_t from = at;
        if (!step(&change->view, row->version, &at, &octets))
            break; /* as was seen, there is a way */
        drop_entry(change, row->version, from);
    }
    *row = rest;
    return true;
}
