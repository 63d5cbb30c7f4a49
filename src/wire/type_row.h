/*
 * type_row.h - the row of a record type: what its RDATA is made of (private to wire).
 *
 * Everything that is done with RDATA - checks, parsing, printing, canonical form - follows the list
 * of fields in the row. A type without fields is opaque (RFC 3597).
 */
#ifndef WIRE_TYPE_ROW_H
#define WIRE_TYPE_ROW_H

#include "avow/wire/type.h"

/* Kinds of fields; field.c has what each of them means. "Rest": up to the end of the RDATA. */
enum field {
    FIELD_END,
    FIELD_NAME,
    FIELD_U8,
    FIELD_U16,
    FIELD_U32,
    FIELD_PERIOD,    /* 32 bits, seconds or 1h30m */
    FIELD_TIME,      /* 32 bits, YYYYMMDDHHMMSS or seconds since 1970 */
    FIELD_TYPE,      /* 16 bits, a record type */
    FIELD_ALGORITHM, /* 8 bits, a DNSSEC algorithm */
    FIELD_CERT_TYPE, /* 16 bits */
    FIELD_SCHEME,    /* 8 bits, DSYNC */
    FIELD_IP4,
    FIELD_IP6,
    FIELD_LOCATOR, /* 64 bits, four groups of hex (RFC 6742) */
    FIELD_EUI48,
    FIELD_EUI64,
    FIELD_STRING,        /* a character-string */
    FIELD_STRING_MAYBE,  /* one, or the end */
    FIELD_STRINGS,       /* rest: one or more */
    FIELD_DIGITS,        /* a character-string of four or more digits (X25) */
    FIELD_DEGREES,       /* a character-string that is a decimal number (GPOS) */
    FIELD_TAG,           /* a character-string of letters and digits (CAA) */
    FIELD_TEXT,          /* rest: text without a length, maybe empty */
    FIELD_TEXT_SOME,     /* the same, not empty */
    FIELD_HEX,           /* rest, not empty */
    FIELD_NSAP,          /* rest, not empty, 0x and dots */
    FIELD_BASE64,        /* rest, not empty */
    FIELD_BASE64_MAYBE,  /* rest */
    FIELD_BASE64_DASH,   /* rest, "-" when empty (DOA) */
    FIELD_SALT,          /* 8-bit length and octets, "-" when empty */
    FIELD_HASH,          /* 8-bit length and octets in base32hex, not empty */
    FIELD_BITMAP,        /* rest: type bitmaps, not empty */
    FIELD_BITMAP_MAYBE,  /* rest: type bitmaps */
    FIELD_PARAMETERS,    /* rest: SvcParams */
    FIELD_PREFIXES,      /* rest: APL */
    FIELD_LOCATION,      /* rest: LOC */
    FIELD_IPSEC_GATEWAY, /* gateway type, algorithm and gateway of IPSECKEY */
    FIELD_RELAY,         /* rest: discovery bit, type and relay of AMTRELAY */
    FIELD_HOST_IDENTITY, /* rest: HIP */
    FIELD_OPTIONS,       /* rest: EDNS options */
    FIELD_OCTETS,        /* rest: anything */
    FIELDS
};

enum {
    ROW_COMPRESSED = 1, /* a receiver decompresses names in it (RFC 3597 section 4) */
    ROW_LOWERED = 2,    /* canonical form has its names in lower case (RFC 4034 section 6.2) */
    ROW_TARGET = 4,     /* its first name may be worth additional data */
    ROW_GENERIC = 8     /* known well enough to check, but written as \# (RFC 3597) only */
};

enum { ROW_FIELDS = 10 };

struct type_row {
    const char *mnemonic; /* NULL: no such row */
    /* What the fields alone cannot say: a sentence when it is broken, NULL when all is well. */
    const char *(*rule)(const uint8_t *rdata, size_t length);
    uint8_t fields[ROW_FIELDS]; /* ended by FIELD_END */
    uint8_t flags;
};

/* The row of a type; NULL when there is none. */
const struct type_row *type_row(uint16_t type);

/* Rules (type_rules.c). They are asked once the fields are known to be well-formed. */
const char *rule_ds(const uint8_t *rdata, size_t length);
const char *rule_sshfp(const uint8_t *rdata, size_t length);
const char *rule_zonemd(const uint8_t *rdata, size_t length);
const char *rule_key(const uint8_t *rdata, size_t length);
const char *rule_dhcid(const uint8_t *rdata, size_t length);

#endif
