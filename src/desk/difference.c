/* difference.c - what changed since the peer's serial, from the journal (RFC 1995). */
#include <string.h>

#include "transferring.h"

/* RFC 1995 section 4: the SOA that is served, the differences, that SOA again. Each difference is
 * the old SOA, what went, the new SOA, what came. Entries of the journal have just that form. */
static const enum phase entries_script[] = {PHASE_SOA, PHASE_ENTRIES, PHASE_SOA, PHASE_END};
static const enum phase condensed_script[] = {PHASE_SOA,   PHASE_OLD_SOA, PHASE_REMOVED, PHASE_SOA,
                                              PHASE_ADDED, PHASE_SOA,     PHASE_END};

/* Of the journal, read for an answer by datagram: an address alone may be allowed to ask, and
 * anybody can write that into a datagram. What comes of more than this hardly ever fits. */
enum { DATAGRAM_LINE_OCTETS = 64 * 1024 };

/* RFC 1982 section 3.2. The pair that has no order is not newer. */
static bool serial_is_newer(uint32_t a, uint32_t b)
{
    return a != b && a - b < UINT32_C(1) << 31;
}

/* Entries from the peer's serial to the one that is served. */
struct line {
    uint32_t entries;
    uint64_t octets;
};

static uint64_t longest_line(const struct transfer *transfer, const struct zone *zone)
{
    uint64_t whole = whole_octets(zone);

    if (transfer->request.udp)
        return DATAGRAM_LINE_OCTETS;
    return whole < transfer->condensed ? transfer->condensed : whole;
}

/* Follow the line until it is there or too long: for a stream, larger than the zone. */
static enum difference find_line(struct transfer *transfer, const struct zone *zone,
                                 struct line *line)
{
    uint64_t most = longest_line(transfer, zone);
    uint32_t serial = transfer->request.serial;

    *line = (struct line){.entries = 0};
    while (serial != zone->serial) {
        struct journal_entry entry;
        if (line->entries >= zone->journal_entries || line->octets > most)
            return DIFFERENCE_NONE;
        enum found_record found =
            journal_get(transfer->snapshot, transfer->version, serial, &entry);
        if (found != RECORD_THERE)
            return found == RECORD_ABSENT ? DIFFERENCE_NONE : DIFFERENCE_DAMAGED;
        line->entries++;
        line->octets += entry.octets;
        serial = entry.to;
    }
    return transfer->request.udp && line->octets > most ? DIFFERENCE_NONE : DIFFERENCE_THERE;
}

/* The next row of a piece, its owner as the packer and the delta want it. */
static bool next_row(const struct transfer *transfer, struct reader *rows,
                     struct journal_rrset *rrset)
{
    if (!journal_next(rows, rrset))
        return false;
    name_lower(&rrset->owner);
    if (!name_is_within(&rrset->owner, &transfer->request.zone))
        reader_fail(rows);
    return !rows->failed;
}

/* ---- condensing ------------------------------------------------------------------------------ */

static enum result keep_old_soa(struct transfer *transfer, const struct journal_rrset *rrset)
{
    struct soa *soa = &transfer->old_soa;

    if (rrset->act != JOURNAL_REMOVED || soa->octets > 0)
        return RESULT_OK; /* one in between */
    if (rrset->rdata.length > sizeof soa->run || rrset->rdata.length == 0)
        return RESULT_CORRUPT;
    soa->ttl = rrset->ttl;
    soa->octets = (uint16_t)rrset->rdata.length;
    memcpy(soa->run, rrset->rdata.octets, rrset->rdata.length);
    return RESULT_OK;
}

static enum result condense_row(struct transfer *transfer, const struct journal_rrset *rrset)
{
    struct reader rdata;

    if (rrset->type == TYPE_SOA)
        return keep_old_soa(transfer, rrset);
    for (struct reader run = rdata_run_reader(&rrset->rdata); rdata_next(&run, &rdata);) {
        const struct delta_record record = {.owner = &rrset->owner,
                                            .type = rrset->type,
                                            .length = (uint16_t)reader_left(&rdata),
                                            .ttl = rrset->ttl,
                                            .rdata = rdata.at};
        enum result result = delta_note(&transfer->delta, rrset->act, &record);
        if (result)
            return result;
    }
    return RESULT_OK;
}

static enum result condense_entry(struct transfer *transfer, const struct journal_entry *entry)
{
    for (uint16_t piece = 0; piece < entry->pieces; piece++) {
        struct journal_rrset rrset;
        struct reader rows;
        if (journal_piece(transfer->snapshot, entry, piece, &rows) != RECORD_THERE)
            return RESULT_CORRUPT;
        while (next_row(transfer, &rows, &rrset)) {
            enum result result = condense_row(transfer, &rrset);
            if (result)
                return result;
        }
        if (reader_finish(&rows))
            return RESULT_CORRUPT;
    }
    return RESULT_OK;
}

/* RESULT_FULL: too many small records. */
static enum result condense(struct transfer *transfer)
{
    struct journal_entry entry;
    enum result result = RESULT_OK;

    for (uint32_t serial = transfer->from; serial != transfer->serial && !result;
         serial = entry.to) {
        if (journal_get(transfer->snapshot, transfer->version, serial, &entry) != RECORD_THERE)
            return RESULT_CORRUPT;
        result = condense_entry(transfer, &entry);
    }
    if (result == RESULT_OK && transfer->old_soa.octets == 0)
        result = RESULT_CORRUPT;
    return result;
}

enum difference difference_begin(struct transfer *transfer, const struct zone *zone)
{
    struct line line;
    uint32_t serial = transfer->request.serial;

    if (serial == zone->serial || serial_is_newer(serial, zone->serial))
        return DIFFERENCE_CURRENT;
    enum difference difference = find_line(transfer, zone, &line);
    if (difference != DIFFERENCE_THERE)
        return difference;
    transfer->from = serial;
    transfer->script = entries_script;
    if (line.entries == 1 || line.octets > transfer->condensed)
        return line.octets > whole_octets(zone) ? DIFFERENCE_NONE : DIFFERENCE_THERE;
    enum result result = condense(transfer);
    if (result == RESULT_OK && transfer->delta.live_octets > whole_octets(zone))
        result = RESULT_REFUSED;
    if (result == RESULT_OK) {
        transfer->script = condensed_script;
        return DIFFERENCE_THERE;
    }
    /* What is noted so far is of no use to anybody. */
    delta_close(&transfer->delta);
    if (result == RESULT_SYSTEM || delta_open(&transfer->delta, TRANSFER_DELTA_OCTETS))
        return DIFFERENCE_NO_MEMORY;
    return result == RESULT_FULL      ? DIFFERENCE_THERE
           : result == RESULT_REFUSED ? DIFFERENCE_NONE
                                      : DIFFERENCE_DAMAGED;
}

/* ---- one by one ------------------------------------------------------------------------------ */

static enum flow put_piece(struct transfer *transfer, const struct journal_entry *entry)
{
    struct journal_rrset rrset;
    struct reader rows;

    if (journal_piece(transfer->snapshot, entry, transfer->piece, &rows) != RECORD_THERE)
        return transfer_damaged(transfer);
    while (next_row(transfer, &rows, &rrset)) {
        struct reader run = rdata_run_reader(&rrset.rdata);
        packer_owner(&transfer->packer, &rrset.owner);
        transfer_put(transfer, rrset.type, rrset.ttl, &run);
    }
    return reader_finish(&rows) ? transfer_damaged(transfer) : FLOW_ON;
}

/* The next piece. Entries do not change; one that is gone ends the stream. */
enum flow difference_entries(struct transfer *transfer)
{
    struct journal_entry entry;

    if (transfer->from == transfer->serial)
        return FLOW_END;
    if (!transfer->renewed) {
        enum flow flow = transfer_renew(transfer);
        if (flow != FLOW_ON)
            return flow;
        transfer->renewed = true;
    }
    enum found_record found =
        journal_get(transfer->snapshot, transfer->version, transfer->from, &entry);
    if (found == RECORD_CORRUPT)
        return transfer_damaged(transfer);
    if (found == RECORD_ABSENT || transfer->piece >= entry.pieces)
        return FLOW_FAILED;
    enum flow flow = put_piece(transfer, &entry);
    if (++transfer->piece == entry.pieces) {
        transfer->from = entry.to;
        transfer->piece = 0;
    }
    return flow;
}
