/* rdata.c - RDATA checked, compared and made canonical by the row of its type. */
#include "avow/wire/rdata.h"

#include <string.h>

#include "field.h"

/* Whether there are fields to go by; otherwise the RDATA are just octets. */
static bool has_fields(const struct type_row *row)
{
    return row && row->fields[0] != FIELD_END;
}

/* One field from a message, names without compression. */
static void copy_field(enum field field, const struct type_row *row, struct reader *rdata,
                       struct writer *plain)
{
    if (field == FIELD_NAME && (row->flags & ROW_COMPRESSED)) {
        struct name name;
        name_read(rdata, &name);
        name_write(plain, &name);
        return;
    }
    const uint8_t *start = rdata->at;
    field_kinds[field].step(rdata);
    if (!rdata->failed)
        writer_add(plain, start, (size_t)(rdata->at - start));
}

enum result rdata_read(uint16_t type, struct reader *rdata, struct writer *plain)
{
    const struct type_row *row = type_row(type);
    size_t mark = plain->length;

    if (plain->failed)
        return RESULT_FULL;
    if (has_fields(row)) {
        for (size_t i = 0; row->fields[i] != FIELD_END && !rdata->failed; i++)
            copy_field(row->fields[i], row, rdata, plain);
    } else {
        size_t length = reader_left(rdata);
        writer_add(plain, reader_take(rdata, length), length);
    }
    if (reader_finish(rdata) == RESULT_OK && plain->failed)
        return RESULT_FULL;
    size_t length = plain->length - mark;
    if (reader_finish(rdata) || length > RDATA_MAX_OCTETS ||
        (row && row->rule && row->rule(plain->octets + mark, length))) {
        writer_rewind(plain, mark);
        return RESULT_FORMAT;
    }
    return RESULT_OK;
}

enum result rdata_check(uint16_t type, const uint8_t *octets, size_t length)
{
    const struct type_row *row = type_row(type);

    if (length > RDATA_MAX_OCTETS)
        return RESULT_FORMAT;
    if (!has_fields(row))
        return RESULT_OK;
    struct reader rdata = reader_over(octets, length);
    for (size_t i = 0; row->fields[i] != FIELD_END && !rdata.failed; i++)
        field_kinds[row->fields[i]].step(&rdata);
    if (reader_finish(&rdata) || (row->rule && row->rule(octets, length)))
        return RESULT_FORMAT;
    return RESULT_OK;
}

bool rdata_has_canonical_names(uint16_t type)
{
    const struct type_row *row = type_row(type);

    return row && (row->flags & ROW_LOWERED);
}

/* Where the names of well-formed RDATA are: no row has more than two. */
struct span {
    size_t from;
    size_t to;
};
enum { SPANS = 2 };

static size_t name_spans(uint16_t type, const uint8_t *octets, size_t length,
                         struct span spans[SPANS])
{
    const struct type_row *row = type_row(type);
    struct reader rdata = reader_over(octets, length);
    size_t count = 0;

    for (size_t i = 0; row->fields[i] != FIELD_END && !rdata.failed; i++) {
        size_t from = (size_t)(rdata.at - rdata.start);
        field_kinds[row->fields[i]].step(&rdata);
        if (row->fields[i] == FIELD_NAME && count < SPANS && !rdata.failed)
            spans[count++] = (struct span){from, (size_t)(rdata.at - rdata.start)};
    }
    return count;
}

static int compare_octets(const uint8_t *a, const uint8_t *b, size_t length)
{
    return length ? memcmp(a, b, length) : 0;
}

/* Lengths of labels are below 64 and so are no letters: a name is lowered octet by octet. */
static int compare_lowered(const uint8_t *a, const uint8_t *b, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        int difference = octet_lower(a[i]) - octet_lower(b[i]);
        if (difference)
            return difference;
    }
    return 0;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

int rdata_compare(uint16_t type, const uint8_t *a, size_t a_length, const uint8_t *b,
                  size_t b_length)
{
    size_t common = smaller(a_length, b_length), at = 0;
    int order = 0;

    /* Names begin at the same places in both, up to the first octet that differs: those of one
     * are enough. */
    if (rdata_has_canonical_names(type)) {
        struct span spans[SPANS];
        size_t count = name_spans(type, a, a_length, spans);
        for (size_t i = 0; i < count && order == 0 && at < common; i++) {
            size_t from = smaller(spans[i].from, common), to = smaller(spans[i].to, common);
            order = compare_octets(a + at, b + at, from - at);
            if (order == 0)
                order = compare_lowered(a + from, b + from, to - from);
            at = to;
        }
    }
    if (order == 0)
        order = compare_octets(a + at, b + at, common - at);
    if (order == 0)
        order = (a_length > b_length) - (a_length < b_length);
    return order;
}

void rdata_write_canonical(struct writer *writer, uint16_t type, const uint8_t *octets,
                           size_t length)
{
    struct span spans[SPANS];
    uint8_t *place = writer_claim(writer, length);

    if (!place || length == 0)
        return;
    memcpy(place, octets, length);
    if (!rdata_has_canonical_names(type))
        return;
    size_t count = name_spans(type, octets, length, spans);
    for (size_t i = 0; i < count; i++)
        for (size_t at = spans[i].from; at < spans[i].to; at++)
            place[at] = octet_lower(place[at]);
}

bool rdata_target(uint16_t type, const uint8_t *octets, size_t length, struct name *target)
{
    const struct type_row *row = type_row(type);

    if (!row || !(row->flags & ROW_TARGET))
        return false;
    struct reader rdata = reader_over(octets, length);
    for (size_t i = 0; row->fields[i] != FIELD_NAME; i++)
        field_kinds[row->fields[i]].step(&rdata);
    name_read_plain(&rdata, target);
    return !rdata.failed;
}
