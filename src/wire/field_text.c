/* field_text.c - character-strings (RFC 1035 section 3.3) and text without a length. */
#include "field.h"

/* One character-string: its octets, or NULL when it is cut short. */
static const uint8_t *take_string(struct reader *rdata, size_t *length)
{
    *length = reader_u8(rdata);
    return reader_take(rdata, *length);
}

void string_step(struct reader *rdata)
{
    size_t length;

    (void)take_string(rdata, &length);
}

/* The token at hand as a character-string. */
static bool write_string(struct input *input, struct writer *rdata)
{
    size_t mark = rdata->length;

    writer_u8(rdata, 0);
    if (!escaped_write(escaped_of(&input->token), rdata))
        return input_refuse(input, "a backslash is followed by three digits up to 255 or by "
                                   "another character");
    if (rdata->failed)
        return true;
    size_t length = rdata->length - mark - 1;
    if (length > UINT8_MAX)
        return input_refuse(input, "a string is longer than 255 octets: write it as several");
    rdata->octets[mark] = (uint8_t)length;
    return true;
}

bool string_parse(struct input *input, struct writer *rdata)
{
    return input_need(input) && write_string(input, rdata);
}

bool string_print(struct reader *rdata, struct buffer *text)
{
    size_t length;
    const uint8_t *octets = take_string(rdata, &length);

    if (octets)
        quoted_write(text, octets, length);
    return octets;
}

void string_maybe_step(struct reader *rdata)
{
    if (reader_left(rdata) > 0)
        string_step(rdata);
}

bool string_maybe_parse(struct input *input, struct writer *rdata)
{
    return !input_next(input) || write_string(input, rdata);
}

bool string_maybe_print(struct reader *rdata, struct buffer *text)
{
    return reader_left(rdata) == 0 || string_print(rdata, text);
}

void strings_step(struct reader *rdata)
{
    do
        string_step(rdata);
    while (reader_left(rdata) > 0);
}

bool strings_parse(struct input *input, struct writer *rdata)
{
    if (!string_parse(input, rdata))
        return false;
    while (input_next(input))
        if (!write_string(input, rdata))
            return false;
    return true;
}

bool strings_print(struct reader *rdata, struct buffer *text)
{
    if (!string_print(rdata, text))
        return false;
    while (reader_left(rdata) > 0) {
        buffer_u8(text, ' ');
        if (!string_print(rdata, text))
            return false;
    }
    return true;
}

/* ---- strings of which not every octet is welcome ---- */

static bool is_digit(uint8_t octet)
{
    return octet >= '0' && octet <= '9';
}

/* The 4 digits of a country and network, then more (RFC 1183 section 3.1). */
static bool are_digits(const uint8_t *octets, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!is_digit(octets[i]))
            return false;
    return length >= 4;
}

/* [+-]digits[.digits] (RFC 1712 section 3). */
static bool are_degrees(const uint8_t *octets, size_t length)
{
    size_t i = length > 0 && (octets[0] == '-' || octets[0] == '+');
    size_t digits = 0, points = 0;

    for (; i < length; i++) {
        digits += is_digit(octets[i]);
        points += octets[i] == '.';
        if (!is_digit(octets[i]) && octets[i] != '.')
            return false;
    }
    return digits > 0 && points <= 1;
}

/* Letters and digits (RFC 8659 section 4.1). */
static bool is_tag(const uint8_t *octets, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        uint8_t lower = octet_lower(octets[i]);
        if (!is_digit(lower) && (lower < 'a' || lower > 'z'))
            return false;
    }
    return length > 0;
}

static void step_if(struct reader *rdata, bool (*good)(const uint8_t *octets, size_t length))
{
    size_t length;
    const uint8_t *octets = take_string(rdata, &length);

    if (octets && !good(octets, length))
        reader_fail(rdata);
}

static bool parse_if(struct input *input, struct writer *rdata,
                     bool (*good)(const uint8_t *octets, size_t length), const char *what)
{
    size_t mark = rdata->length;

    if (!string_parse(input, rdata))
        return false;
    return rdata->failed || good(rdata->octets + mark + 1, rdata->octets[mark]) ||
           input_refuse(input, what);
}

void digits_step(struct reader *rdata)
{
    step_if(rdata, are_digits);
}

bool digits_parse(struct input *input, struct writer *rdata)
{
    return parse_if(input, rdata, are_digits, "four or more digits are wanted");
}

bool digits_print(struct reader *rdata, struct buffer *text)
{
    return string_print(rdata, text);
}

void degrees_step(struct reader *rdata)
{
    step_if(rdata, are_degrees);
}

bool degrees_parse(struct input *input, struct writer *rdata)
{
    return parse_if(input, rdata, are_degrees, "a decimal number is wanted, such as -32.6882");
}

bool degrees_print(struct reader *rdata, struct buffer *text)
{
    return string_print(rdata, text);
}

void tag_step(struct reader *rdata)
{
    step_if(rdata, is_tag);
}

bool tag_parse(struct input *input, struct writer *rdata)
{
    return parse_if(input, rdata, is_tag, "a CAA tag is made of letters and digits");
}

bool tag_print(struct reader *rdata, struct buffer *text)
{
    size_t length;
    const uint8_t *octets = take_string(rdata, &length);

    if (octets)
        buffer_add(text, octets, length);
    return octets;
}

/* ---- text that fills the rest ---- */

void text_step(struct reader *rdata)
{
    (void)reader_take(rdata, reader_left(rdata));
}

bool text_parse(struct input *input, struct writer *rdata)
{
    if (!input_need(input))
        return false;
    return escaped_write(escaped_of(&input->token), rdata) ||
           input_refuse(input, "a backslash is followed by three digits up to 255 or by another "
                               "character");
}

bool text_print(struct reader *rdata, struct buffer *text)
{
    size_t length = reader_left(rdata);
    const uint8_t *octets = reader_take(rdata, length);

    if (octets)
        quoted_write(text, octets, length);
    return octets;
}

void text_some_step(struct reader *rdata)
{
    if (reader_left(rdata) == 0)
        reader_fail(rdata);
    text_step(rdata);
}

bool text_some_parse(struct input *input, struct writer *rdata)
{
    size_t mark = rdata->length;

    if (!text_parse(input, rdata))
        return false;
    return rdata->failed || rdata->length > mark || input_refuse(input, "the text is empty");
}

bool text_some_print(struct reader *rdata, struct buffer *text)
{
    return text_print(rdata, text);
}
