/* check_journal.c - the journal's records, and that each line is what its zone's row says. */
#include "avow/store/journal.h"

#include "avow/store/key.h"

#include "check.h"

enum { PIECE_AT = 8 }; /* where a key has the piece's number */

static bool rows_are_good(struct reader *rows)
{
    struct journal_rrset rrset;
    unsigned count = 0;

    while (journal_next(rows, &rrset))
        count++;
    return count > 0 && !rows->failed;
}

enum result check_journal_piece(const struct store_record *record, struct reader payload)
{
    struct journal_entry head;

    if (record->key_length != JOURNAL_KEY_OCTETS)
        return RESULT_CORRUPT;
    bool first = record->key[PIECE_AT] == 0 && record->key[PIECE_AT + 1] == 0;
    if (first && journal_open(&payload, &head))
        return RESULT_CORRUPT;
    return rows_are_good(&payload) ? RESULT_OK : RESULT_CORRUPT;
}

const char *check_journal_entry(struct snapshot *snapshot, const struct journal_entry *entry)
{
    struct reader rows;
    uint64_t octets = 0;

    for (uint32_t piece = 0; piece < entry->pieces; piece++) {
        if (journal_piece(snapshot, entry, (uint16_t)piece, &rows) != RECORD_THERE)
            return "a piece of the entry is missing or damaged";
        octets += reader_left(&rows);
        if (!rows_are_good(&rows))
            return "a piece of the entry is malformed";
    }
    return octets == entry->octets ? NULL : "the entry does not have the size that it says";
}

/* What a walk along a zone's line finds. */
struct line {
    uint32_t at; /* serial */
    uint64_t octets, records;
    const char *trouble; /* NULL: none */
};

static void follow_entry(struct snapshot *snapshot, uint32_t version, struct line *line)
{
    struct journal_entry entry;

    line->trouble = journal_get(snapshot, version, line->at, &entry) == RECORD_THERE
                        ? check_journal_entry(snapshot, &entry)
                        : "no good entry leads on";
    if (line->trouble)
        return;
    line->octets += entry.octets;
    line->records += entry.pieces;
    line->at = entry.to;
}

static uint64_t count_records(struct snapshot *snapshot, uint32_t version)
{
    struct store_key key;
    uint64_t count = 0;

    store_key_journal(&key, version, 0, 0);
    struct store_record record = store_key_record(&key);
    enum found_record found = snapshot_move(snapshot, TABLE_JOURNAL, MOVE_AT_OR_AFTER, &record);
    for (; found == RECORD_THERE && store_key_version(record.key, record.key_length) == version;
         found = snapshot_move(snapshot, TABLE_JOURNAL, MOVE_NEXT, &record))
        count++;
    return count;
}

static struct line follow_line(struct snapshot *snapshot, const struct zone *zone, uint64_t records)
{
    struct line line = {.at = zone->journal_oldest};

    if (zone->journal_entries == 0) {
        if (zone->journal_oldest || zone->journal_octets)
            line.trouble = "the row counts octets without entries";
        return line;
    }
    for (uint32_t i = 0; i < zone->journal_entries && !line.trouble; i++)
        follow_entry(snapshot, zone->version, &line);
    if (line.trouble)
        return line;
    if (line.at != zone->serial)
        line.trouble = "the line does not end at the serial that is served";
    else if (line.octets != zone->journal_octets)
        line.trouble = "the row counts other octets";
    else if (line.records != records)
        line.trouble = "there are records beside the line";
    return line;
}

static void check_line(struct check *check, const struct zone *zone)
{
    uint64_t records = count_records(check->snapshot, zone->version);
    struct line line = follow_line(check->snapshot, zone, records);
    char text[NAME_MAX_TEXT];

    /* What an ended line left is no contradiction, but room that the next line gives back. */
    if (zone->journal_entries == 0)
        check->counts->leftovers += records;
    if (!line.trouble)
        return;
    check->counts->misplaced++;
    check_complain(check, "journal: %.200s: serial %u: %s", name_to_text(&zone->apex, text),
                   (unsigned)line.at, line.trouble);
}

bool check_journal_is_whole(struct snapshot *snapshot, const struct zone *zone)
{
    uint64_t records = count_records(snapshot, zone->version);

    return !follow_line(snapshot, zone, records).trouble && (zone->journal_entries || !records);
}

void check_journal_lines(struct check *check)
{
    struct zone zone;
    enum found_record found = zone_walk(check->snapshot, NULL, &zone);

    /* A damaged row hides its own line only; a damaged page ends the walk. */
    for (; found != RECORD_ABSENT && !check->snapshot->spoiled;
         found = zone_next(check->snapshot, &zone))
        if (found == RECORD_THERE)
            check_line(check, &zone);
}
