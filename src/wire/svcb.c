/* svcb.c - the list of SvcParams of SVCB and HTTPS records (RFC 9460). */
#include "svcb.h"

#include <string.h>

/* ---- the rules of the list ---- */

/* What is remembered from one parameter to the next. */
struct list_check {
    int32_t last;            /* key before this one, -1: none */
    struct reader mandatory; /* keys that have to come yet */
    bool alpn;
};

/* Strictly ascending (section 2.2), no key that is reserved, each mandatory key is there (section
 * 8), no-default-alpn only with alpn (section 7.1.1), values as their keys want them. */
static bool list_take(struct list_check *check, uint16_t key, struct reader value)
{
    if (value.failed || key <= check->last || key == SVCB_INVALID || !svcb_key(key)->fits(value))
        return false;
    check->last = key;
    if (key == SVCB_MANDATORY)
        check->mandatory = value;
    else if (key == SVCB_ALPN)
        check->alpn = true;
    else if (key == SVCB_NO_DEFAULT_ALPN && !check->alpn)
        return false;
    /* Both lists ascend: a mandatory key that is passed over is never taken off. */
    struct reader others = check->mandatory;
    if (reader_left(&others) > 0 && reader_u16(&others) == key)
        check->mandatory = others;
    return true;
}

void parameters_step(struct reader *rdata)
{
    struct list_check check = {.last = -1, .mandatory = reader_over(NULL, 0)};

    while (reader_left(rdata) > 0) {
        uint16_t key = reader_u16(rdata);
        struct reader value = reader_part(rdata, reader_u16(rdata));
        if (rdata->failed || !list_take(&check, key, value))
            reader_fail(rdata);
    }
    if (reader_left(&check.mandatory) > 0)
        reader_fail(rdata);
}

/* ---- in ---- */

static void reverse(uint8_t *from, uint8_t *to)
{
    while (from < to) {
        uint8_t octet = *--to;
        *to = *from;
        *from++ = octet;
    }
}

/* Move the parameter that was written last to its place among those from `start` on: people may
 * write them in any order. False when its key is there already. */
static bool sort_parameter(uint8_t *start, uint8_t *last, uint8_t *end)
{
    uint8_t *at = start;

    while (at < last) {
        int order = memcmp(at, last, 2);
        if (order == 0)
            return false;
        if (order > 0)
            break;
        at += 4 + (size_t)(at[2] << 8 | at[3]);
    }
    /* Three times reversed, two neighbours have changed places without other memory. */
    reverse(at, last);
    reverse(last, end);
    reverse(at, end);
    return true;
}

static bool refuse_form(struct input *input)
{
    return input_refuse(input, "a service parameter is wanted, such as alpn=h2,h3 or "
                               "key65280=text");
}

/*
 * What stands behind the equals sign. A value in quotes comes within the token (`alpn="h2,h3"` as
 * it was written) or as the next token, if the lexer ended the first at the quotes; nothing else
 * in this list stands in quotes.
 */
static bool take_value(struct input *input, const char *equals, struct escaped *value)
{
    static const char nothing[] = "";

    *value = (struct escaped){.at = nothing, .end = nothing};
    if (!equals)
        return true;
    const char *at = equals + 1, *end = input->token.text + input->token.length;
    if (at < end && *at == '"') {
        if (end - at < 2 || end[-1] != '"')
            return false;
        *value = (struct escaped){.at = at + 1, .end = end - 1};
    } else if (at < end) {
        *value = (struct escaped){.at = at, .end = end};
    } else if (input_next(input)) {
        if (input->token.quoted)
            *value = escaped_of(&input->token);
        else
            input_hold(input);
    }
    return true;
}

static bool write_value(struct input *input, uint16_t key, const struct svcb_key *syntax,
                        struct escaped value, struct writer *rdata)
{
    size_t mark = rdata->length;
    bool good = syntax->parse(value, rdata);

    if (rdata->failed)
        return true;
    size_t length = rdata->length - mark;
    return (good && length <= UINT16_MAX &&
            svcb_key(key)->fits(reader_over(rdata->octets + mark, length))) ||
           input_refuse(input, svcb_key(key)->wants);
}

static bool parse_parameter(struct input *input, size_t start, struct writer *rdata)
{
    const struct token *token = &input->token;
    const char *equals = memchr(token->text, '=', token->length);
    size_t name_length = equals ? (size_t)(equals - token->text) : token->length;
    const struct svcb_key *syntax;
    struct escaped value;
    uint16_t key;

    if (token->quoted || !svcb_key_from_text(token->text, name_length, &key, &syntax) ||
        key == SVCB_INVALID || !take_value(input, equals, &value))
        return refuse_form(input);
    size_t mark = rdata->length;
    writer_u16(rdata, key);
    size_t length_mark = writer_open_length(rdata);
    if (!write_value(input, key, syntax, value, rdata))
        return false;
    writer_close_length(rdata, length_mark);
    if (rdata->failed)
        return true;
    return sort_parameter(rdata->octets + start, rdata->octets + mark,
                          rdata->octets + rdata->length) ||
           input_refuse(input, "a service parameter is there twice");
}

bool parameters_parse(struct input *input, struct writer *rdata)
{
    size_t start = rdata->length;

    while (input_next(input))
        if (!parse_parameter(input, start, rdata))
            return false;
    if (rdata->failed)
        return true;
    struct reader written = reader_over(rdata->octets + start, rdata->length - start);
    parameters_step(&written);
    return !written.failed ||
           input_refuse(input, "a parameter that `mandatory` names is missing, or "
                               "no-default-alpn stands without alpn");
}

/* ---- out ---- */

bool parameters_print(struct reader *rdata, struct buffer *text)
{
    const char *space = "";

    while (reader_left(rdata) > 0) {
        uint16_t key = reader_u16(rdata);
        struct reader value = reader_part(rdata, reader_u16(rdata));
        buffer_text(text, space);
        svcb_key_to_text(text, key);
        svcb_key(key)->print(value, text);
        space = " ";
    }
    return true;
}
