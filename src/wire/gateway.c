/* gateway.c - the gateways of IPSECKEY (RFC 4025) and the relays of AMTRELAY (RFC 8777). */
#include "field.h"

/* Both registries agree on these. */
enum { GATEWAY_NONE, GATEWAY_IP4, GATEWAY_IP6, GATEWAY_NAME, GATEWAYS };

static void gateway_step(struct reader *rdata, unsigned kind)
{
    if (kind == GATEWAY_IP4)
        ip4_step(rdata);
    else if (kind == GATEWAY_IP6)
        ip6_step(rdata);
    else if (kind == GATEWAY_NAME)
        name_field_step(rdata);
}

static bool gateway_parse(struct input *input, struct writer *rdata, unsigned kind)
{
    switch (kind) {
    case GATEWAY_IP4:
        return ip4_parse(input, rdata);
    case GATEWAY_IP6:
        return ip6_parse(input, rdata);
    case GATEWAY_NAME:
        return name_field_parse(input, rdata);
    default:
        return input_need(input) &&
               (input_is(input, ".") || input_refuse(input, "without a gateway, write a dot"));
    }
}

static bool gateway_print(struct reader *rdata, struct buffer *text, unsigned kind)
{
    switch (kind) {
    case GATEWAY_IP4:
        return ip4_print(rdata, text);
    case GATEWAY_IP6:
        return ip6_print(rdata, text);
    case GATEWAY_NAME:
        return name_field_print(rdata, text);
    default:
        buffer_u8(text, '.');
        return true;
    }
}

static const char unknown_kind[] = "a gateway is of type 0 (none), 1 (IPv4), 2 (IPv6) or 3 (name)";

/* ---- IPSECKEY: type, algorithm, gateway ---- */

void ipsec_step(struct reader *rdata)
{
    unsigned kind = reader_u8(rdata);

    (void)reader_u8(rdata);
    /* Where the key begins cannot be known behind a gateway of an unknown type. */
    if (kind >= GATEWAYS)
        reader_fail(rdata);
    gateway_step(rdata, kind);
}

bool ipsec_parse(struct input *input, struct writer *rdata)
{
    uint32_t kind, algorithm;

    if (!input_number(input, UINT8_MAX, &kind))
        return false;
    if (kind >= GATEWAYS)
        return input_refuse(input, unknown_kind);
    if (!input_number(input, UINT8_MAX, &algorithm))
        return false;
    writer_u8(rdata, (uint8_t)kind);
    writer_u8(rdata, (uint8_t)algorithm);
    return gateway_parse(input, rdata, kind);
}

bool ipsec_print(struct reader *rdata, struct buffer *text)
{
    unsigned kind = reader_u8(rdata), algorithm = reader_u8(rdata);

    buffer_format(text, "%u %u ", kind, algorithm);
    return gateway_print(rdata, text, kind);
}

/* ---- AMTRELAY: discovery bit and type in one octet, relay ---- */

enum { RELAY_DISCOVERY = 0x80 };

void relay_step(struct reader *rdata)
{
    unsigned kind = reader_u8(rdata) & ~(unsigned)RELAY_DISCOVERY;

    /* A type to come may have any relay (RFC 8777 section 4.2.4). */
    if (kind >= GATEWAYS)
        (void)reader_take(rdata, reader_left(rdata));
    else
        gateway_step(rdata, kind);
}

bool relay_parse(struct input *input, struct writer *rdata)
{
    uint32_t discovery, kind;

    if (!input_number(input, UINT8_MAX, &discovery))
        return false;
    if (discovery > 1)
        return input_refuse(input, "the discovery bit is 0 or 1");
    if (!input_number(input, UINT8_MAX, &kind))
        return false;
    if (kind >= GATEWAYS)
        return input_refuse(input, unknown_kind);
    writer_u8(rdata, (uint8_t)(kind | (discovery ? RELAY_DISCOVERY : 0)));
    return gateway_parse(input, rdata, kind);
}

bool relay_print(struct reader *rdata, struct buffer *text)
{
    unsigned octet = reader_u8(rdata), kind = octet & ~(unsigned)RELAY_DISCOVERY;

    if (kind >= GATEWAYS)
        return false;
    buffer_format(text, "%u %u ", octet >> 7, kind);
    return gateway_print(rdata, text, kind);
}
