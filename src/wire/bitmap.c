/* bitmap.c - type bitmaps of NSEC, NSEC3 and CSYNC (RFC 4034 section 4.1.2). */
#include "field.h"

enum { WINDOWS = 256, WINDOW_OCTETS = 32 };

/*
 * Windows ascend; each has 1 to 32 octets, of which the last is not zero: "blocks with no types
 * present MUST NOT be included" and "trailing zero octets in the bitmap MUST be omitted". So a set
 * of types has one encoding, and what is printed is read back octet for octet.
 */
void bitmap_maybe_step(struct reader *rdata)
{
    int last = -1;

    while (reader_left(rdata) > 0) {
        int window = reader_u8(rdata);
        size_t length = reader_u8(rdata);
        const uint8_t *octets = reader_take(rdata, length);
        if (!octets || window <= last || length == 0 || length > WINDOW_OCTETS ||
            octets[length - 1] == 0)
            reader_fail(rdata);
        last = window;
    }
}

/* A set of all possible types, written window by window. */
struct type_set {
    uint8_t octets[WINDOWS][WINDOW_OCTETS];
    uint8_t length[WINDOWS]; /* octets up to the last that is not zero */
};

static void set_add(struct type_set *set, uint16_t type)
{
    unsigned window = type >> 8, octet = (type & 0xff) / 8;

    set->octets[window][octet] |= (uint8_t)(0x80 >> (type & 7));
    if (set->length[window] < octet + 1)
        set->length[window] = (uint8_t)(octet + 1);
}

static void set_write(const struct type_set *set, struct writer *rdata)
{
    for (unsigned window = 0; window < WINDOWS; window++) {
        if (set->length[window] == 0)
            continue;
        writer_u8(rdata, (uint8_t)window);
        writer_u8(rdata, set->length[window]);
        writer_add(rdata, set->octets[window], set->length[window]);
    }
}

bool bitmap_maybe_parse(struct input *input, struct writer *rdata)
{
    struct type_set set = {.length = {0}};
    uint16_t type;

    while (input_next(input)) {
        if (type_from_text(input->token.text, input->token.length, &type))
            return input_refuse(input, "record types are wanted: mnemonics, or TYPE and a number");
        set_add(&set, type);
    }
    set_write(&set, rdata);
    return true;
}

bool bitmap_maybe_print(struct reader *rdata, struct buffer *text)
{
    char name[TYPE_MAX_TEXT];
    const char *space = "";

    while (reader_left(rdata) > 0) {
        unsigned window = reader_u8(rdata);
        unsigned bits = 8u * reader_u8(rdata);
        const uint8_t *octets = reader_take(rdata, bits / 8);
        for (unsigned bit = 0; octets && bit < bits; bit++) {
            if (!(octets[bit / 8] & (0x80 >> (bit & 7))))
                continue;
            buffer_text(text, space);
            buffer_text(text, type_to_text((uint16_t)(window << 8 | bit), name));
            space = " ";
        }
    }
    return true;
}

/* NSEC says at least that it exists itself. */
void bitmap_step(struct reader *rdata)
{
    if (reader_left(rdata) == 0)
        reader_fail(rdata);
    bitmap_maybe_step(rdata);
}

bool bitmap_parse(struct input *input, struct writer *rdata)
{
    if (!input_need(input))
        return false;
    input_hold(input);
    return bitmap_maybe_parse(input, rdata);
}

bool bitmap_print(struct reader *rdata, struct buffer *text)
{
    return bitmap_maybe_print(rdata, text);
}
