/* rdata_text.c - RDATA as people write it, both ways; RFC 3597 for the unknown. */
#include "avow/wire/codec.h"
#include "field.h"

/* Whether the type is written in its own syntax. */
static bool has_syntax(const struct type_row *row)
{
    return row && row->fields[0] != FIELD_END && !(row->flags & ROW_GENERIC);
}

/* What follows `\#`: a length, and as many octets (RFC 3597 section 5). */
static bool parse_generic(uint16_t type, struct input *input, struct writer *rdata)
{
    size_t mark = rdata->length;
    uint32_t length;

    if (!input_number(input, UINT16_MAX, &length) || !hex_rest(input, rdata))
        return false;
    if (rdata->failed)
        return true;
    if (rdata->length - mark != length)
        return input_refuse(input, "the length after \\# is not that of the octets");
    if (rdata_check(type, rdata->octets + mark, length))
        return input_refuse(input, "these octets are not well-formed for the type of the record");
    return true;
}

static bool parse_fields(const struct type_row *row, struct input *input, struct writer *rdata)
{
    size_t mark = rdata->length;

    for (size_t i = 0; row->fields[i] != FIELD_END; i++)
        if (!field_kinds[row->fields[i]].parse(input, rdata))
            return false;
    if (input_next(input))
        return input_refuse(input, "there is more in the record than its type takes");
    if (rdata->failed)
        return true;
    if (rdata->length - mark > RDATA_MAX_OCTETS)
        return input_refuse(input, "the record is longer than 65535 octets");
    const char *broken = row->rule ? row->rule(rdata->octets + mark, rdata->length - mark) : NULL;
    return !broken || input_refuse(input, broken);
}

static bool parse(uint16_t type, struct input *input, struct writer *rdata)
{
    const struct type_row *row = type_row(type);

    if (input_next(input)) {
        if (input_is(input, "\\#"))
            return parse_generic(type, input, rdata);
        input_hold(input);
    }
    if (!has_syntax(row))
        return input_refuse(input, "a record of this type is written as \\# LENGTH HEX (RFC 3597)");
    return parse_fields(row, input, rdata);
}

enum result rdata_from_tokens(uint16_t type, struct tokens *tokens, struct writer *rdata)
{
    struct input input = {.tokens = tokens};
    size_t mark = rdata->length;

    if (rdata->failed)
        return RESULT_FULL;
    bool good = parse(type, &input, rdata);
    if (rdata->failed)
        return RESULT_FULL;
    if (good)
        return RESULT_OK;
    writer_rewind(rdata, mark);
    return RESULT_FORMAT;
}

static void print_generic(const uint8_t *octets, size_t length, struct buffer *text)
{
    buffer_format(text, "\\# %zu", length);
    if (length == 0)
        return;
    buffer_u8(text, ' ');
    base16_write(text, octets, length);
}

static bool print_fields(const struct type_row *row, struct reader *rdata, struct buffer *text)
{
    for (size_t i = 0; row->fields[i] != FIELD_END; i++) {
        size_t before = text->length;
        if (i > 0)
            buffer_u8(text, ' ');
        size_t mark = text->length;
        if (!field_kinds[row->fields[i]].print(rdata, text))
            return false;
        /* A field that may be empty, and is, leaves no space behind. */
        if (text->length == mark)
            text->length = before;
    }
    return true;
}

void rdata_to_text(uint16_t type, const uint8_t *octets, size_t length, struct buffer *text)
{
    const struct type_row *row = type_row(type);
    struct reader rdata = reader_over(octets, length);
    size_t mark = text->length;

    if (has_syntax(row) && rdata_check(type, octets, length) == RESULT_OK &&
        print_fields(row, &rdata, text))
        return;
    text->length = mark;
    print_generic(octets, length, text);
}
