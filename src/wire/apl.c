/* apl.c - address prefix lists (RFC 3123). */
#include <string.h>

#include "field.h"

enum { FAMILY_IP4 = 1, FAMILY_IP6 = 2, NEGATED = 0x80 };

/* Octets of an address of the family; 0 when it is not known. */
static unsigned family_octets(uint16_t family)
{
    return family == FAMILY_IP4 ? 4 : family == FAMILY_IP6 ? 16 : 0;
}

void prefixes_step(struct reader *rdata)
{
    while (reader_left(rdata) > 0) {
        unsigned most = family_octets(reader_u16(rdata));
        unsigned prefix = reader_u8(rdata);
        unsigned length = reader_u8(rdata) & ~(unsigned)NEGATED;
        const uint8_t *octets = reader_take(rdata, length);
        if (!octets)
            return;
        /* Section 4: trailing zero octets are left out, whatever the family. */
        if ((length > 0 && octets[length - 1] == 0) ||
            (most > 0 && (length > most || prefix > 8 * most)))
            reader_fail(rdata);
    }
}

/* `[!]family:address/prefix` (section 5). */
static bool item_from_text(const char *text, size_t length, struct writer *rdata)
{
    const char *end = text + length;
    bool negated = text < end && *text == '!';
    uint64_t family, prefix;
    uint8_t address[16] = {0};

    text += negated;
    const char *colon = memchr(text, ':', (size_t)(end - text));
    if (!colon || !number_from_text(text, (size_t)(colon - text), FAMILY_IP6, &family))
        return false;
    const char *start = colon + 1;
    const char *slash = memchr(start, '/', (size_t)(end - start));
    unsigned octets = family_octets((uint16_t)family);
    if (!slash || octets == 0 ||
        !number_from_text(slash + 1, (size_t)(end - slash - 1), 8 * octets, &prefix))
        return false;
    if (family == FAMILY_IP4 ? !ip4_from_text(start, (size_t)(slash - start), address)
                             : !ip6_from_text(start, (size_t)(slash - start), address))
        return false;
    while (octets > 0 && address[octets - 1] == 0)
        octets--;
    writer_u16(rdata, (uint16_t)family);
    writer_u8(rdata, (uint8_t)prefix);
    writer_u8(rdata, (uint8_t)(octets | (negated ? NEGATED : 0)));
    writer_add(rdata, address, octets);
    return true;
}

bool prefixes_parse(struct input *input, struct writer *rdata)
{
    while (input_next(input))
        if (!item_from_text(input->token.text, input->token.length, rdata))
            return input_refuse(input, "a prefix is wanted, such as 1:192.0.2.0/24 or "
                                       "!2:2001:db8::/32");
    return true;
}

bool prefixes_print(struct reader *rdata, struct buffer *text)
{
    const char *space = "";

    while (reader_left(rdata) > 0) {
        uint8_t address[16] = {0};
        unsigned family = reader_u16(rdata), prefix = reader_u8(rdata), length = reader_u8(rdata);
        bool negated = length & NEGATED;
        length &= ~(unsigned)NEGATED;
        const uint8_t *octets = reader_take(rdata, length);
        if (!octets || family_octets((uint16_t)family) == 0)
            return false;
        memcpy(address, octets, length);
        buffer_format(text, "%s%s%u:", space, negated ? "!" : "", family);
        if (family == FAMILY_IP4)
            ip4_to_text(text, address);
        else
            ip6_to_text(text, address);
        buffer_format(text, "/%u", prefix);
        space = " ";
    }
    return true;
}
