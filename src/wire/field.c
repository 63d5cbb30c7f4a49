/* field.c - the table of field kinds. */
#include "field.h"

static void options_step(struct reader *rdata)
{
    while (reader_left(rdata) > 0) {
        (void)reader_u16(rdata);
        (void)reader_take(rdata, reader_u16(rdata));
    }
}

static void octets_step(struct reader *rdata)
{
    (void)reader_take(rdata, reader_left(rdata));
}

#define KIND(kind)                                                                                 \
    {                                                                                              \
        kind##_step, kind##_parse, kind##_print                                                    \
    }

const struct kind field_kinds[FIELDS] = {
    [FIELD_NAME] = KIND(name_field),
    [FIELD_U8] = KIND(u8),
    [FIELD_U16] = KIND(u16),
    [FIELD_U32] = KIND(u32),
    [FIELD_PERIOD] = KIND(period),
    [FIELD_TIME] = KIND(time_field),
    [FIELD_TYPE] = KIND(type_field),
    [FIELD_ALGORITHM] = KIND(algorithm),
    [FIELD_CERT_TYPE] = KIND(cert_type),
    [FIELD_SCHEME] = KIND(scheme),
    [FIELD_IP4] = KIND(ip4),
    [FIELD_IP6] = KIND(ip6),
    [FIELD_LOCATOR] = KIND(locator),
    [FIELD_EUI48] = KIND(eui48),
    [FIELD_EUI64] = KIND(eui64),
    [FIELD_STRING] = KIND(string),
    [FIELD_STRING_MAYBE] = KIND(string_maybe),
    [FIELD_STRINGS] = KIND(strings),
    [FIELD_DIGITS] = KIND(digits),
    [FIELD_DEGREES] = KIND(degrees),
    [FIELD_TAG] = KIND(tag),
    [FIELD_TEXT] = KIND(text),
    [FIELD_TEXT_SOME] = KIND(text_some),
    [FIELD_HEX] = KIND(hex),
    [FIELD_NSAP] = KIND(nsap),
    [FIELD_BASE64] = KIND(base64),
    [FIELD_BASE64_MAYBE] = KIND(base64_maybe),
    [FIELD_BASE64_DASH] = KIND(base64_dash),
    [FIELD_SALT] = KIND(salt),
    [FIELD_HASH] = KIND(hash),
    [FIELD_BITMAP] = KIND(bitmap),
    [FIELD_BITMAP_MAYBE] = KIND(bitmap_maybe),
    [FIELD_PARAMETERS] = KIND(parameters),
    [FIELD_PREFIXES] = KIND(prefixes),
    [FIELD_LOCATION] = KIND(location),
    [FIELD_IPSEC_GATEWAY] = KIND(ipsec),
    [FIELD_RELAY] = KIND(relay),
    [FIELD_HOST_IDENTITY] = KIND(host),
    /* Of types that are written in the generic form alone. */
    [FIELD_OPTIONS] = {options_step, NULL, NULL},
    [FIELD_OCTETS] = {octets_step, NULL, NULL},
};
