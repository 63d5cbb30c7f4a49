/* stage_rows.c - what a stage changes, as rows of the journal. */
#include "stage_rows.h"

#include <string.h>

#include "avow/store/journal.h"
#include "avow/wire/rdata.h"
#include "avow/wire/type.h"

/* Records of one side that go into the journal. */
struct pick {
    struct buffer run;
    uint16_t count;
};

static void pick(struct pick *pick, const struct reader *rdata)
{
    size_t length = reader_left(rdata);

    buffer_u16(&pick->run, (uint16_t)length);
    buffer_add(&pick->run, rdata->at, length);
    pick->count++;
}

static bool same_octets(const struct reader *a, const struct reader *b)
{
    return reader_left(a) == reader_left(b) && memcmp(a->at, b->at, reader_left(a)) == 0;
}

static bool run_has(const struct rdata_run *run, const struct reader *rdata)
{
    struct reader other;

    for (struct reader rest = rdata_run_reader(run); rdata_next(&rest, &other);) {
        if (same_octets(&other, rdata))
            return true;
    }
    return false;
}

/* Those of `run` that the other run has not. */
static void pick_missing(struct pick *picked, const struct rdata_run *run,
                         const struct rdata_run *other)
{
    struct reader rdata;

    for (struct reader rest = rdata_run_reader(run); rdata_next(&rest, &rdata);) {
        if (!run_has(other, &rdata))
            pick(picked, &rdata);
    }
}

/* Two runs in canonical order, in step. Records that differ in letter case alone are others, too:
 * whoever applies the entry shall have the zone octet for octet. */
static void pick_apart(uint16_t type, const struct rdata_run *before, const struct rdata_run *after,
                       struct pick *gone, struct pick *come)
{
    struct reader left = rdata_run_reader(before), right = rdata_run_reader(after);
    struct reader a = left, b = right;
    bool has_a = rdata_next(&left, &a), has_b = rdata_next(&right, &b);

    while (has_a || has_b) {
        int order = !has_a   ? 1
                    : !has_b ? -1
                             : rdata_compare(type, a.at, reader_left(&a), b.at, reader_left(&b));
        bool same = order == 0 && same_octets(&a, &b);
        if (order <= 0 && !same)
            pick(gone, &a);
        if (order >= 0 && !same)
            pick(come, &b);
        if (order <= 0)
            has_a = rdata_next(&left, &a);
        if (order >= 0)
            has_b = rdata_next(&right, &b);
    }
}

static void add_row(struct stage_rows *rows, enum stage_part part, struct journal_rrset *rrset,
                    const struct pick *picked)
{
    if (picked->count == 0)
        return;
    rrset->act = part == PART_OLD_SOA || part == PART_REMOVED ? JOURNAL_REMOVED : JOURNAL_ADDED;
    rrset->rdata = (struct rdata_run){.octets = picked->run.octets,
                                      .length = (uint32_t)picked->run.length,
                                      .count = picked->count};
    rows->parts[part].failed |= picked->run.failed;
    journal_add(&rows->parts[part], rrset);
}

static const struct rdata_run nothing = {.octets = (const uint8_t *)""};

/* Both runs of one type: with another TTL everything goes and everything comes. */
static void note_runs(struct stage_rows *rows, const struct name *owner, uint16_t type,
                      const struct stage_side *before, const struct stage_side *after)
{
    struct journal_rrset rrset = {.type = type};
    struct pick gone = {.count = 0}, come = {.count = 0};
    bool soa = type == TYPE_SOA;

    name_copy(&rrset.owner, owner);
    if (before->rdata.count && after->rdata.count && before->ttl == after->ttl) {
        if (type == TYPE_RRSIG) {
            pick_missing(&gone, &before->rdata, &after->rdata);
            pick_missing(&come, &after->rdata, &before->rdata);
        } else {
            pick_apart(type, &before->rdata, &after->rdata, &gone, &come);
        }
    } else {
        pick_missing(&gone, &before->rdata, &nothing);
        pick_missing(&come, &after->rdata, &nothing);
    }
    rrset.ttl = before->ttl;
    add_row(rows, soa ? PART_OLD_SOA : PART_REMOVED, &rrset, &gone);
    rrset.ttl = after->ttl;
    add_row(rows, soa ? PART_NEW_SOA : PART_ADDED, &rrset, &come);
    buffer_free(&gone.run);
    buffer_free(&come.run);
}

static struct stage_side signatures_of(const struct stage_side *side)
{
    return (struct stage_side){.ttl = side->ttl, .rdata = side->signatures};
}

void stage_rows_note(struct stage_rows *rows, const struct name *owner, uint16_t type,
                     const struct stage_side *before, const struct stage_side *after)
{
    if (rows->off)
        return;
    struct stage_side old = signatures_of(before), new = signatures_of(after);
    note_runs(rows, owner, type, before, after);
    note_runs(rows, owner, TYPE_RRSIG, &old, &new);
}

enum result stage_rows_join(struct stage_rows *rows)
{
    struct buffer *first = &rows->parts[0];

    for (unsigned i = 1; i < STAGE_PARTS; i++) {
        if (buffer_check(&rows->parts[i]))
            return RESULT_SYSTEM;
        buffer_add(first, rows->parts[i].octets, rows->parts[i].length);
    }
    return buffer_check(first);
}

void stage_rows_free(struct stage_rows *rows)
{
    for (unsigned i = 0; i < STAGE_PARTS; i++)
        buffer_free(&rows->parts[i]);
}
