/* field_octets.c - octets that are written in base16, base32hex or base64. */
#include <string.h>

#include "avow/wire/codec.h"
#include "field.h"

/* ---- codes that may be cut into any number of tokens ---- */

enum { GROUP_MAX = 4 };

/* Characters wait here until there is a whole group of them to decode. */
struct groups {
    enum result (*read)(const char *text, size_t length, struct writer *octets);
    size_t size;
    char waiting[GROUP_MAX];
    size_t count;
    bool padded; /* a group with padding was the last one */
};

static bool groups_decode(struct groups *groups, const char *text, size_t length,
                          struct writer *rdata)
{
    if (length == 0)
        return true;
    if (groups->padded)
        return false;
    groups->padded = text[length - 1] == '=';
    return groups->read(text, length, rdata) == RESULT_OK || rdata->failed;
}

static bool groups_add(struct groups *groups, const char *text, size_t length, struct writer *rdata)
{
    if (groups->count > 0) {
        size_t more = groups->size - groups->count < length ? groups->size - groups->count : length;
        memcpy(groups->waiting + groups->count, text, more);
        groups->count += more;
        text += more;
        length -= more;
        if (groups->count < groups->size)
            return true;
        groups->count = 0;
        if (!groups_decode(groups, groups->waiting, groups->size, rdata))
            return false;
    }
    size_t rest = length % groups->size;
    if (!groups_decode(groups, text, length - rest, rdata))
        return false;
    if (rest > 0)
        memcpy(groups->waiting, text + length - rest, rest);
    groups->count = rest;
    return true;
}

/* All tokens that are left. */
static bool groups_rest(struct groups *groups, struct input *input, struct writer *rdata)
{
    while (input_next(input))
        if (!groups_add(groups, input->token.text, input->token.length, rdata))
            return false;
    return groups->count == 0;
}

bool hex_rest(struct input *input, struct writer *rdata)
{
    struct groups groups = {.read = base16_read, .size = 2};

    return groups_rest(&groups, input, rdata) ||
           input_refuse(input, "an even number of hex digits is wanted");
}

static bool base64_rest(struct input *input, struct writer *rdata)
{
    struct groups groups = {.read = base64_read, .size = 4};

    return groups_rest(&groups, input, rdata) || input_refuse(input, "this is not base64");
}

static void step_some(struct reader *rdata)
{
    if (reader_left(rdata) == 0)
        reader_fail(rdata);
    (void)reader_take(rdata, reader_left(rdata));
}

static bool parse_some(struct input *input, struct writer *rdata,
                       bool (*rest)(struct input *input, struct writer *rdata))
{
    size_t mark = rdata->length;

    if (!rest(input, rdata))
        return false;
    return rdata->failed || rdata->length > mark ||
           input_refuse(input, "the record ends too early");
}

static bool print_rest(struct reader *rdata, struct buffer *text,
                       void (*write)(struct buffer *text, const uint8_t *octets, size_t length))
{
    size_t length = reader_left(rdata);
    const uint8_t *octets = reader_take(rdata, length);

    if (octets)
        write(text, octets, length);
    return octets;
}

void hex_step(struct reader *rdata)
{
    step_some(rdata);
}

bool hex_parse(struct input *input, struct writer *rdata)
{
    return parse_some(input, rdata, hex_rest);
}

bool hex_print(struct reader *rdata, struct buffer *text)
{
    return print_rest(rdata, text, base16_write);
}

void base64_step(struct reader *rdata)
{
    step_some(rdata);
}

bool base64_parse(struct input *input, struct writer *rdata)
{
    return parse_some(input, rdata, base64_rest);
}

bool base64_print(struct reader *rdata, struct buffer *text)
{
    return print_rest(rdata, text, base64_write);
}

void base64_maybe_step(struct reader *rdata)
{
    (void)reader_take(rdata, reader_left(rdata));
}

bool base64_maybe_parse(struct input *input, struct writer *rdata)
{
    return base64_rest(input, rdata);
}

bool base64_maybe_print(struct reader *rdata, struct buffer *text)
{
    return base64_print(rdata, text);
}

void base64_dash_step(struct reader *rdata)
{
    base64_maybe_step(rdata);
}

bool base64_dash_parse(struct input *input, struct writer *rdata)
{
    if (!input_need(input))
        return false;
    if (input_is(input, "-"))
        return true;
    input_hold(input);
    return base64_parse(input, rdata);
}

bool base64_dash_print(struct reader *rdata, struct buffer *text)
{
    if (reader_left(rdata) > 0)
        return base64_print(rdata, text);
    buffer_u8(text, '-');
    return true;
}

/* ---- NSAP: 0x, then digits among which dots mean nothing (RFC 1706 section 7) ---- */

void nsap_step(struct reader *rdata)
{
    step_some(rdata);
}

bool nsap_parse(struct input *input, struct writer *rdata)
{
    static const char what[] = "an NSAP address is wanted, such as 0x47.0005.80";
    struct groups groups = {.read = base16_read, .size = 2};

    if (!input_need(input))
        return false;
    const char *text = input->token.text;
    size_t length = input->token.length;
    if (length < 4 || text[0] != '0' || octet_lower((uint8_t)text[1]) != 'x')
        return input_refuse(input, what);
    size_t mark = rdata->length;
    for (size_t i = 2; i < length; i++)
        if (text[i] != '.' && !groups_add(&groups, text + i, 1, rdata))
            return input_refuse(input, what);
    if (rdata->failed || (groups.count == 0 && rdata->length > mark))
        return true;
    return input_refuse(input, what);
}

bool nsap_print(struct reader *rdata, struct buffer *text)
{
    buffer_text(text, "0x");
    return hex_print(rdata, text);
}

/* ---- NSEC3: salt and hash, each after its length (RFC 5155 section 3.3) ---- */

void salt_step(struct reader *rdata)
{
    (void)reader_take(rdata, reader_u8(rdata));
}

/* The token at hand, decoded, after its length; false when it is wrong or longer than 255. */
static bool write_counted(struct input *input, struct writer *rdata,
                          enum result (*read)(const char *text, size_t length,
                                              struct writer *octets))
{
    size_t mark = rdata->length;

    writer_u8(rdata, 0);
    enum result result = read(input->token.text, input->token.length, rdata);
    if (rdata->failed)
        return true;
    size_t length = rdata->length - mark - 1;
    if (result || length == 0 || length > UINT8_MAX)
        return false;
    rdata->octets[mark] = (uint8_t)length;
    return true;
}

bool salt_parse(struct input *input, struct writer *rdata)
{
    if (!input_need(input))
        return false;
    if (input_is(input, "-")) {
        writer_u8(rdata, 0);
        return true;
    }
    return write_counted(input, rdata, base16_read) ||
           input_refuse(input, "a salt is 1 to 255 octets in hex, or - for none");
}

bool salt_print(struct reader *rdata, struct buffer *text)
{
    size_t length = reader_u8(rdata);
    const uint8_t *octets = reader_take(rdata, length);

    if (length == 0)
        buffer_u8(text, '-');
    else if (octets)
        base16_write(text, octets, length);
    return octets;
}

void hash_step(struct reader *rdata)
{
    size_t length = reader_u8(rdata);

    if (length == 0)
        reader_fail(rdata);
    (void)reader_take(rdata, length);
}

bool hash_parse(struct input *input, struct writer *rdata)
{
    if (!input_need(input))
        return false;
    return write_counted(input, rdata, base32hex_read) ||
           input_refuse(input, "a hash in base32hex is wanted");
}

bool hash_print(struct reader *rdata, struct buffer *text)
{
    size_t length = reader_u8(rdata);
    const uint8_t *octets = reader_take(rdata, length);

    if (octets)
        base32hex_write(text, octets, length);
    return octets;
}
