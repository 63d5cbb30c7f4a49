/* hip.c - host identities (RFC 8005): identity tag, public key, rendezvous servers. */
#include "avow/wire/codec.h"
#include "field.h"

void host_step(struct reader *rdata)
{
    size_t tag_length = reader_u8(rdata);

    (void)reader_u8(rdata);
    size_t key_length = reader_u16(rdata);
    if (tag_length == 0 || key_length == 0)
        reader_fail(rdata);
    (void)reader_take(rdata, tag_length);
    (void)reader_take(rdata, key_length);
    while (reader_left(rdata) > 0)
        name_field_step(rdata);
}

/* The next token, decoded; its length, 0 when it is wrong. */
static size_t parse_code(struct input *input, struct writer *rdata,
                         enum result (*read)(const char *text, size_t length,
                                             struct writer *octets))
{
    size_t mark = rdata->length;

    if (!input_need(input) || read(input->token.text, input->token.length, rdata))
        return 0;
    return rdata->length - mark;
}

bool host_parse(struct input *input, struct writer *rdata)
{
    uint32_t algorithm;
    size_t mark = rdata->length;

    if (!input_number(input, UINT8_MAX, &algorithm))
        return false;
    writer_u32(rdata, 0);
    size_t tag_length = parse_code(input, rdata, base16_read);
    if (!rdata->failed && (tag_length == 0 || tag_length > UINT8_MAX))
        return input_refuse(input, "a host identity tag of 1 to 255 octets in hex is wanted");
    size_t key_length = parse_code(input, rdata, base64_read);
    if (!rdata->failed && (key_length == 0 || key_length > UINT16_MAX))
        return input_refuse(input, "a public key in base64, in one piece, is wanted");
    if (rdata->failed)
        return true;
    rdata->octets[mark] = (uint8_t)tag_length;
    rdata->octets[mark + 1] = (uint8_t)algorithm;
    rdata->octets[mark + 2] = (uint8_t)(key_length >> 8);
    rdata->octets[mark + 3] = (uint8_t)key_length;
    while (input_next(input)) {
        input_hold(input);
        if (!name_field_parse(input, rdata))
            return false;
    }
    return true;
}

bool host_print(struct reader *rdata, struct buffer *text)
{
    size_t tag_length = reader_u8(rdata);
    unsigned algorithm = reader_u8(rdata);
    size_t key_length = reader_u16(rdata);
    const uint8_t *tag = reader_take(rdata, tag_length);
    const uint8_t *key = reader_take(rdata, key_length);

    if (!tag || !key)
        return false;
    buffer_format(text, "%u ", algorithm);
    base16_write(text, tag, tag_length);
    buffer_u8(text, ' ');
    base64_write(text, key, key_length);
    while (reader_left(rdata) > 0) {
        buffer_u8(text, ' ');
        if (!name_field_print(rdata, text))
            return false;
    }
    return true;
}
