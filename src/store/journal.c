/* journal.c - what changed from one serial of a zone to the next. */
#include "avow/store/journal.h"

#include "avow/store/key.h"

enum result journal_open(struct reader *payload, struct journal_entry *entry)
{
    uint8_t form = reader_u8(payload);

    entry->to = reader_u32(payload);
    entry->origin = reader_u8(payload);
    entry->time = reader_u64(payload);
    entry->pieces = reader_u16(payload);
    entry->octets = reader_u64(payload);
    if (payload->failed || form != JOURNAL_FORM || entry->origin >= JOURNAL_ORIGINS ||
        entry->pieces == 0)
        return RESULT_CORRUPT;
    return RESULT_OK;
}

void journal_compose(const struct journal_entry *entry, struct buffer *value)
{
    buffer_u8(value, JOURNAL_FORM);
    buffer_u32(value, entry->to);
    buffer_u8(value, (uint8_t)entry->origin);
    buffer_u64(value, entry->time);
    buffer_u16(value, entry->pieces);
    buffer_u64(value, entry->octets);
}

static enum found_record get_piece(struct snapshot *snapshot, const struct journal_entry *entry,
                                   uint16_t piece, struct reader *payload)
{
    struct store_key key;

    store_key_journal(&key, entry->version, entry->from, piece);
    struct store_record record = store_key_record(&key);
    return snapshot_get(snapshot, TABLE_JOURNAL, &record, payload);
}

enum found_record journal_get(struct snapshot *snapshot, uint32_t version, uint32_t from,
                              struct journal_entry *entry)
{
    struct reader payload;

    *entry = (struct journal_entry){.version = version, .from = from};
    enum found_record found = get_piece(snapshot, entry, 0, &payload);
    if (found == RECORD_THERE && journal_open(&payload, entry))
        return RECORD_CORRUPT;
    return found;
}

enum found_record journal_piece(struct snapshot *snapshot, const struct journal_entry *entry,
                                uint16_t piece, struct reader *rows)
{
    struct journal_entry head;
    bool there = piece < entry->pieces && get_piece(snapshot, entry, piece, rows) == RECORD_THERE &&
                 (piece > 0 || (journal_open(rows, &head) == RESULT_OK && head.to == entry->to &&
                                head.pieces == entry->pieces && head.octets == entry->octets));

    if (!there)
        *rows = (struct reader){.start = (const uint8_t *)"", .failed = true};
    return there ? RECORD_THERE : RECORD_CORRUPT;
}

bool journal_next(struct reader *rows, struct journal_rrset *rrset)
{
    if (reader_left(rows) == 0)
        return false;
    uint8_t act = reader_u8(rows);
    name_read_plain(rows, &rrset->owner);
    rrset->act = act == JOURNAL_REMOVED ? JOURNAL_REMOVED : JOURNAL_ADDED;
    rrset->type = reader_u16(rows);
    rrset->ttl = reader_u32(rows);
    rrset->rdata.count = reader_u16(rows);
    rrset->rdata.length = reader_u32(rows);
    rrset->rdata.octets = reader_take(rows, rrset->rdata.length);
    if (act > JOURNAL_ADDED || rrset->rdata.count == 0 || !rrset->rdata.octets ||
        !rdata_run_valid(&rrset->rdata))
        reader_fail(rows);
    return !rows->failed;
}

void journal_add(struct buffer *rows, const struct journal_rrset *rrset)
{
    if (rrset->rdata.count == 0)
        return;
    buffer_u8(rows, (uint8_t)rrset->act);
    buffer_add(rows, rrset->owner.octets, rrset->owner.length);
    buffer_u16(rows, rrset->type);
    buffer_u32(rows, rrset->ttl);
    buffer_u16(rows, rrset->rdata.count);
    buffer_u32(rows, rrset->rdata.length);
    buffer_add(rows, rrset->rdata.octets, rrset->rdata.length);
}
