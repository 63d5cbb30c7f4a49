/* codec.c - base16, base32hex and base64 (RFC 4648). */
#include "avow/wire/codec.h"

#include <endian.h>
#include <string.h>

/* An alphabet whose characters carry `bits` bits each. */
struct alphabet {
    unsigned bits;
    const char *characters;
};

/* Upper case: what BIND, Knot and the examples of the RFCs print. */
static const struct alphabet base16 = {4, "0123456789ABCDEF"};
static const struct alphabet base32hex = {5, "0123456789ABCDEFGHIJKLMNOPQRSTUV"};
static const struct alphabet base64 = {
    6, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"};

/* Characters without padding; `text` has room for (length * 8 + bits - 1) / bits. */
static size_t encode(const struct alphabet *alphabet, char *text, const uint8_t *octets,
                     size_t length)
{
    uint32_t held = 0;
    unsigned bits = 0, mask = (1U << alphabet->bits) - 1;
    char *at = text;

    for (size_t i = 0; i < length; i++) {
        held = held << 8 | octets[i];
        bits += 8;
        while (bits >= alphabet->bits) {
            bits -= alphabet->bits;
            *at++ = alphabet->characters[held >> bits & mask];
        }
    }
    if (bits)
        *at++ = alphabet->characters[held << (alphabet->bits - bits) & mask];
    return (size_t)(at - text);
}

static void write_text(const struct alphabet *alphabet, struct buffer *text, const uint8_t *octets,
                       size_t length)
{
    size_t most = (length * 8 + alphabet->bits - 1) / alphabet->bits;
    uint8_t *place = buffer_claim(text, most);

    if (place)
        (void)encode(alphabet, (char *)place, octets, length);
}

void base16_write(struct buffer *text, const uint8_t *octets, size_t length)
{
    write_text(&base16, text, octets, length);
}

void base32hex_write(struct buffer *text, const uint8_t *octets, size_t length)
{
    write_text(&base32hex, text, octets, length);
}

void base64_write(struct buffer *text, const uint8_t *octets, size_t length)
{
    write_text(&base64, text, octets, length);
    buffer_add(text, "==", (3 - length % 3) % 3);
}

/* Five octets are eight digits, made all at once: there is one such name for each NSEC3 record of a
 * transfer. */
static void put_digits(uint8_t *place, const uint8_t octets[5])
{
    const uint64_t each = 0x0101010101010101;
    uint64_t bits = (uint64_t)octets[0] << 32 | (uint64_t)octets[1] << 24 |
                    (uint64_t)octets[2] << 16 | (uint64_t)octets[3] << 8 | octets[4];

    /* Halves, quarters, eighths, each at the end of its own lane. */
    bits = (bits & 0xfffff00000) << 12 | (bits & 0xfffff);
    bits = (bits & 0x000ffc00000ffc00) << 6 | (bits & 0x000003ff000003ff);
    bits = (bits & 0x03e003e003e003e0) << 3 | (bits & 0x001f001f001f001f);
    uint64_t letters = (bits + each * (0x80 - 10)) >> 7 & each;
    bits += each * '0' + letters * ('a' - 10 - '0');
    bits = htobe64(bits);
    memcpy(place, &bits, sizeof bits);
}

void base32hex_hash(char label[32], const uint8_t hash[20])
{
    for (unsigned i = 0; i < 4; i++)
        put_digits((uint8_t *)label + (size_t)8 * i, hash + (size_t)5 * i);
}

static int value_16(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int value_32hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'V')
        return c - 'A' + 10;
    return c >= 'a' && c <= 'v' ? c - 'a' + 10 : -1;
}

static int value_64(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+')
        return 62;
    return c == '/' ? 63 : -1;
}

/* The last character may carry fewer than `bits` bits, the rest zero; a character more than needed
 * is a wrong length. */
static enum result decode(int (*value)(char c), unsigned bits_each, const char *text, size_t length,
                          struct writer *octets)
{
    uint32_t held = 0;
    unsigned bits = 0;

    for (size_t i = 0; i < length; i++) {
        int digit = value(text[i]);
        if (digit < 0)
            return RESULT_FORMAT;
        held = held << bits_each | (uint32_t)digit;
        bits += bits_each;
        if (bits >= 8) {
            bits -= 8;
            writer_u8(octets, (uint8_t)(held >> bits));
        }
    }
    if (bits >= bits_each || (held & ((1U << bits) - 1)))
        return RESULT_FORMAT;
    return writer_check(octets);
}

enum result base16_read(const char *text, size_t length, struct writer *octets)
{
    return decode(value_16, base16.bits, text, length, octets);
}

enum result base32hex_read(const char *text, size_t length, struct writer *octets)
{
    return decode(value_32hex, base32hex.bits, text, length, octets);
}

enum result base64_read(const char *text, size_t length, struct writer *octets)
{
    size_t padding = 0;

    if (length % 4)
        return RESULT_FORMAT;
    while (padding < 2 && padding < length && text[length - 1 - padding] == '=')
        padding++;
    return decode(value_64, base64.bits, text, length - padding, octets);
}
