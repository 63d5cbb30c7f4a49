/* field_address.c - names, IP addresses, locators and EUI addresses as fields. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "field.h"

void name_field_step(struct reader *rdata)
{
    struct name name;

    name_read_plain(rdata, &name);
}

bool name_field_parse(struct input *input, struct writer *rdata)
{
    struct name name;

    if (!input_need(input))
        return false;
    const struct token *token = &input->token;
    if (token->length == 1 && token->text[0] == '@' && !token->quoted) {
        if (!input->tokens->origin)
            return input_refuse(input, "@ stands for the origin, and there is none");
        name_write(rdata, input->tokens->origin);
        return true;
    }
    enum result result = name_from_text(token->text, token->length, input->tokens->origin, &name);
    if (result == RESULT_FULL)
        return input_refuse(input, "a name is longer than 255 octets");
    if (result)
        return input_refuse(input, input->tokens->origin
                                       ? "not a domain name: an empty label, one of more than 63 "
                                         "octets, or a wrong escape"
                                       : "not an absolute domain name");
    name_write(rdata, &name);
    return true;
}

bool name_field_print(struct reader *rdata, struct buffer *text)
{
    struct name name;
    char written[NAME_MAX_TEXT];

    name_read_plain(rdata, &name);
    buffer_text(text, name_to_text(&name, written));
    return true;
}

/* ---- IPv4 ---- */

bool ip4_from_text(const char *text, size_t length, uint8_t octets[4])
{
    const char *end = text + length;

    for (unsigned i = 0; i < 4; i++) {
        unsigned value = 0, digits = 0;
        while (text < end && *text >= '0' && *text <= '9' && digits < 4) {
            value = value * 10 + (unsigned)(*text++ - '0');
            digits++;
        }
        /* 010 is 8 to some and 10 to others: refused. */
        if (digits == 0 || value > 255 || (digits > 1 && text[-(int)digits] == '0'))
            return false;
        octets[i] = (uint8_t)value;
        if (i < 3 && (text == end || *text++ != '.'))
            return false;
    }
    return text == end;
}

void ip4_to_text(struct buffer *text, const uint8_t octets[4])
{
    char written[16];
    int length = snprintf(written, sizeof(written), "%u.%u.%u.%u", octets[0], octets[1], octets[2],
                          octets[3]);
    buffer_add(text, written, (size_t)length);
}

void ip4_step(struct reader *rdata)
{
    (void)reader_take(rdata, 4);
}

bool ip4_parse(struct input *input, struct writer *rdata)
{
    uint8_t octets[4];

    if (!input_need(input))
        return false;
    if (!ip4_from_text(input->token.text, input->token.length, octets))
        return input_refuse(input, "an IPv4 address is wanted, such as 192.0.2.1");
    writer_add(rdata, octets, sizeof(octets));
    return true;
}

bool ip4_print(struct reader *rdata, struct buffer *text)
{
    const uint8_t *octets = reader_take(rdata, 4);

    if (octets)
        ip4_to_text(text, octets);
    return octets;
}

/* ---- IPv6 ---- */

bool ip6_from_text(const char *text, size_t length, uint8_t octets[16])
{
    char copy[INET6_ADDRSTRLEN];

    if (length >= sizeof(copy) || memchr(text, '\0', length))
        return false;
    memcpy(copy, text, length);
    copy[length] = '\0';
    return inet_pton(AF_INET6, copy, octets) == 1;
}

void ip6_to_text(struct buffer *text, const uint8_t octets[16])
{
    char written[INET6_ADDRSTRLEN];

    if (inet_ntop(AF_INET6, octets, written, sizeof(written)))
        buffer_text(text, written);
}

void ip6_step(struct reader *rdata)
{
    (void)reader_take(rdata, 16);
}

bool ip6_parse(struct input *input, struct writer *rdata)
{
    uint8_t octets[16];

    if (!input_need(input))
        return false;
    if (!ip6_from_text(input->token.text, input->token.length, octets))
        return input_refuse(input, "an IPv6 address is wanted, such as 2001:db8::1");
    writer_add(rdata, octets, sizeof(octets));
    return true;
}

bool ip6_print(struct reader *rdata, struct buffer *text)
{
    const uint8_t *octets = reader_take(rdata, 16);

    if (octets)
        ip6_to_text(text, octets);
    return octets;
}

/* ---- octets or groups of hex between separators ---- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Four groups of one to four digits (RFC 6742 section 2.1.2). */
static bool locator_from_text(const char *text, size_t length, uint8_t octets[8])
{
    const char *end = text + length;

    for (unsigned i = 0; i < 4; i++) {
        unsigned value = 0, digits = 0;
        while (text < end && digits < 4 && hex_digit(*text) >= 0) {
            value = value << 4 | (unsigned)hex_digit(*text++);
            digits++;
        }
        if (digits == 0)
            return false;
        octets[2 * i] = (uint8_t)(value >> 8);
        octets[2 * i + 1] = (uint8_t)value;
        if (i < 3 && (text == end || *text++ != ':'))
            return false;
    }
    return text == end;
}

void locator_step(struct reader *rdata)
{
    (void)reader_take(rdata, 8);
}

bool locator_parse(struct input *input, struct writer *rdata)
{
    uint8_t octets[8];

    if (!input_need(input))
        return false;
    if (!locator_from_text(input->token.text, input->token.length, octets))
        return input_refuse(input, "four groups of hex are wanted, such as 2001:db8:0:1");
    writer_add(rdata, octets, sizeof(octets));
    return true;
}

bool locator_print(struct reader *rdata, struct buffer *text)
{
    for (unsigned i = 0; i < 4; i++)
        buffer_format(text, i ? ":%x" : "%x", reader_u16(rdata));
    return true;
}

/* Pairs of digits with hyphens between them (RFC 7043 sections 3.2 and 4.2). */
static bool parse_pairs(struct input *input, struct writer *rdata, size_t octets)
{
    if (!input_need(input))
        return false;
    const char *text = input->token.text;
    bool good = input->token.length == octets * 3 - 1;
    for (size_t i = 0; good && i < octets; i++) {
        int high = hex_digit(text[3 * i]), low = hex_digit(text[3 * i + 1]);
        good = high >= 0 && low >= 0 && (i + 1 == octets || text[3 * i + 2] == '-');
        if (good)
            writer_u8(rdata, (uint8_t)(high << 4 | low));
    }
    return good ||
           input_refuse(input, octets == 6 ? "an EUI-48 is wanted: 00-00-5e-00-53-2a"
                                           : "an EUI-64 is wanted: 00-00-5e-ef-10-00-00-2a");
}

static bool print_pairs(struct reader *rdata, struct buffer *text, size_t octets)
{
    for (size_t i = 0; i < octets; i++)
        buffer_format(text, i ? "-%02x" : "%02x", reader_u8(rdata));
    return true;
}

void eui48_step(struct reader *rdata)
{
    (void)reader_take(rdata, 6);
}

bool eui48_parse(struct input *input, struct writer *rdata)
{
    return parse_pairs(input, rdata, 6);
}

bool eui48_print(struct reader *rdata, struct buffer *text)
{
    return print_pairs(rdata, text, 6);
}

void eui64_step(struct reader *rdata)
{
    (void)reader_take(rdata, 8);
}

bool eui64_parse(struct input *input, struct writer *rdata)
{
    return parse_pairs(input, rdata, 8);
}

bool eui64_print(struct reader *rdata, struct buffer *text)
{
    return print_pairs(rdata, text, 8);
}
