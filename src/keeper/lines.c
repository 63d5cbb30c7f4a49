/* lines.c - what a change does to a zone, as text. */
#include "lines.h"

#include <string.h>

#include "avow/store/lookup.h"
#include "avow/wire/type.h"
#include "edits.h"
#include "recall.h"

static const struct rdata_run none = {.octets = (const uint8_t *)""};

void lines_open(struct lines *lines, struct snapshot *snapshot, const struct name *zone)
{
    *lines = (struct lines){.snapshot = snapshot, .zone = zone};
    zone_printer_init(&lines->printer, PRINT_PLAIN);
}

void lines_close(struct lines *lines)
{
    buffer_free(&lines->text);
}

/* ---- one RRset --------------------------------------------------------------------------------
 */

static bool run_has(const struct rdata_run *run, const struct reader *rdata)
{
    struct reader other;

    for (struct reader rest = rdata_run_reader(run); rdata_next(&rest, &other);) {
        if (reader_left(&other) == reader_left(rdata) &&
            memcmp(other.at, rdata->at, reader_left(rdata)) == 0)
            return true;
    }
    return false;
}

static enum result is_passed_over(struct lines *lines, uint16_t type, const struct reader *rdata,
                                  bool *passed)
{
    *passed = false;
    return type == TYPE_DNSKEY ? recall_is_own_key(lines->snapshot, lines->zone, rdata, passed)
                               : RESULT_OK;
}

/* The records of one side that the other has not. */
static enum result print_side(struct lines *lines, char sign, struct rrset *rrset,
                              const struct rdata_run *other)
{
    struct reader rdata;

    for (struct reader rest = rdata_run_reader(&rrset->rdata); rdata_next(&rest, &rdata);) {
        bool passed;
        if (run_has(other, &rdata))
            continue;
        enum result result = is_passed_over(lines, rrset->type, &rdata, &passed);
        if (result)
            return result;
        if (passed)
            continue;
        buffer_u8(&lines->text, (uint8_t)sign);
        zone_print_record(&lines->printer, rrset, rdata.at, reader_left(&rdata), &lines->text);
        *(sign == '-' ? &lines->removed : &lines->added) += 1;
    }
    return buffer_check(&lines->text);
}

enum result lines_rrset(struct lines *lines, const struct name *owner, uint16_t type,
                        const struct lines_side *before, const struct lines_side *after)
{
    bool same_ttl = before->rdata.count && after->rdata.count && before->ttl == after->ttl;
    struct rrset rrset = {.owner = owner, .type = type, .class_ = CLASS_IN};

    if (type_is_made_by_signer(type))
        return RESULT_OK;
    rrset.ttl = before->ttl;
    rrset.rdata = before->rdata;
    enum result result = print_side(lines, '-', &rrset, same_ttl ? &after->rdata : &none);
    rrset.ttl = after->ttl;
    rrset.rdata = after->rdata;
    return result ? result : print_side(lines, '+', &rrset, same_ttl ? &before->rdata : &none);
}

/* ---- edits ------------------------------------------------------------------------------------
 */

static enum result stored_side(struct lines *lines, uint32_t version, const struct edit *edit,
                               struct lines_side *side)
{
    struct node_view node;
    struct rrset_view view;

    *side = (struct lines_side){.rdata = none};
    enum found_record found = lookup_node(lines->snapshot, version, &edit->owner, &node);
    if (found == RECORD_THERE)
        found = node_find(&node, edit->type, &view);
    if (found == RECORD_THERE)
        *side = (struct lines_side){.ttl = view.ttl, .rdata = view.rdata};
    return found == RECORD_CORRUPT ? RESULT_CORRUPT : RESULT_OK;
}

/* The SOA is compared as if it had the served serial; it gets the file's when that is after it. */
static enum result print_soa(struct lines *lines, const struct lines_side *stored,
                             const struct edit *edit, uint32_t serial)
{
    uint8_t octets[2 + 2 * NAME_MAX_OCTETS + 20];
    struct lines_side after = {.ttl = edit->ttl, .rdata = edit->rdata};
    struct soa soa;

    if (after.rdata.count != 1 || after.rdata.length > sizeof octets ||
        soa_read(after.rdata.octets + 2, after.rdata.length - 2, &soa))
        return RESULT_CORRUPT;
    memcpy(octets, after.rdata.octets, after.rdata.length);
    if (serial_is_after(serial, soa.serial))
        soa_set_serial(octets + 2, after.rdata.length - 2, serial);
    after.rdata.octets = octets;
    return lines_rrset(lines, &edit->owner, TYPE_SOA, stored, &after);
}

static enum result print_edit(struct lines *lines, uint32_t version, const struct edit *edit,
                              uint32_t serial)
{
    struct lines_side before, after = {.ttl = edit->ttl, .rdata = edit->rdata};
    enum result result = stored_side(lines, version, edit, &before);

    if (result)
        return result;
    if (edit->type == TYPE_SOA && edit->rdata.count)
        return print_soa(lines, &before, edit, serial);
    return lines_rrset(lines, &edit->owner, edit->type, &before, &after);
}

/* No edit is about the SOA: its serial alone may still be another. */
static enum result print_serial(struct lines *lines, uint32_t version, uint32_t serial)
{
    struct edit edit = {.type = TYPE_SOA};
    struct lines_side stored;

    name_copy(&edit.owner, lines->zone);
    enum result result = stored_side(lines, version, &edit, &stored);
    edit.ttl = stored.ttl;
    edit.rdata = stored.rdata;
    return result ? result : print_soa(lines, &stored, &edit, serial);
}

enum result lines_edits(struct lines *lines, uint32_t version, const struct buffer *edits,
                        uint32_t serial)
{
    struct reader reader = reader_over(edits->octets, edits->length);
    enum result result = RESULT_OK;
    bool soa = false;
    struct edit edit;

    while (!result && edits_next(&reader, &edit)) {
        soa |= edit.type == TYPE_SOA;
        result = print_edit(lines, version, &edit, serial);
    }
    if (!result)
        result = reader_finish(&reader);
    return result || soa ? result : print_serial(lines, version, serial);
}
