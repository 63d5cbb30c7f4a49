/*
 * field.h - the kinds of fields that RDATA is made of (private to wire).
 *
 * Each kind does three things: it checks a field while stepping over it, reads it from the tokens
 * of a master file, and prints it. Types with a shape of their own (LOC, APL, HIP, SVCB) are fields
 * as well, so that everything goes by the list in the row of the type.
 */
#ifndef WIRE_FIELD_H
#define WIRE_FIELD_H

#include "avow/base/buffer.h"
#include "avow/wire/rdata.h"
#include "type_row.h"

/* The tokens of one record while they are being used up. */
struct input {
    struct tokens *tokens;
    struct token token; /* the one at hand */
    bool held;          /* it was put back: input_next gives it once more */
    bool ended;
};

struct kind {
    /* Step over the field; fails the reader when it is not well-formed. Names are uncompressed. */
    void (*step)(struct reader *rdata);
    /* Tokens to octets; false after input_refuse. A full writer is noticed by the caller. */
    bool (*parse)(struct input *input, struct writer *rdata);
    /* A well-formed field to text; false when only the generic form can express it. */
    bool (*print)(struct reader *rdata, struct buffer *text);
};

extern const struct kind field_kinds[FIELDS];

/* ---- input.c: tokens, numbers, escapes ---- */

/* The next token; false at the end of the record. */
bool input_next(struct input *input);

/* The same, but the end of the record is an error. */
bool input_need(struct input *input);

/* Give the token at hand once more. */
void input_hold(struct input *input);

/* Say what is wrong: always false. */
bool input_refuse(struct input *input, const char *what);

/* Whether the token at hand is just this word. */
bool input_is(const struct input *input, const char *word);

/* Decimal digits only, all of the text, not above `most`. */
bool number_from_text(const char *text, size_t length, uint64_t most, uint64_t *value);

/* The next token as a number not above `most`, which is that of 8, 16 or 32 bits. */
bool input_number(struct input *input, uint32_t most, uint32_t *value);

/* Text with escapes, octet by octet (RFC 1035 section 5.1). */
struct escaped {
    const char *at;
    const char *end;
};
enum octet_kind { OCTET_NONE, OCTET_PLAIN, OCTET_ESCAPED, OCTET_BAD };

static inline struct escaped escaped_of(const struct token *token)
{
    return (struct escaped){.at = token->text, .end = token->text + token->length};
}

enum octet_kind escaped_next(struct escaped *text, uint8_t *octet);

/* Write the octets that the text stands for; false when an escape is wrong. */
bool escaped_write(struct escaped text, struct writer *octets);

/* One octet as it stands between quotes. */
void quoted_octet(struct buffer *text, uint8_t octet);

/* Octets in quotes. */
void quoted_write(struct buffer *text, const uint8_t *octets, size_t length);

/* ---- addresses (field_address.c) ---- */

bool ip4_from_text(const char *text, size_t length, uint8_t octets[4]);
bool ip6_from_text(const char *text, size_t length, uint8_t octets[16]);
void ip4_to_text(struct buffer *text, const uint8_t octets[4]);
void ip6_to_text(struct buffer *text, const uint8_t octets[16]);

/* ---- the kinds, by file ---- */

#define KIND_FUNCTIONS(kind)                                                                       \
    void kind##_step(struct reader *rdata);                                                        \
    bool kind##_parse(struct input *input, struct writer *rdata);                                  \
    bool kind##_print(struct reader *rdata, struct buffer *text);

/* field_number.c */
KIND_FUNCTIONS(u8)
KIND_FUNCTIONS(u16)
KIND_FUNCTIONS(u32)
KIND_FUNCTIONS(period)
KIND_FUNCTIONS(time_field)
KIND_FUNCTIONS(type_field)
KIND_FUNCTIONS(algorithm)
KIND_FUNCTIONS(cert_type)
KIND_FUNCTIONS(scheme)

/* field_address.c */
KIND_FUNCTIONS(name_field)
KIND_FUNCTIONS(ip4)
KIND_FUNCTIONS(ip6)
KIND_FUNCTIONS(locator)
KIND_FUNCTIONS(eui48)
KIND_FUNCTIONS(eui64)

/* field_text.c */
KIND_FUNCTIONS(string)
KIND_FUNCTIONS(string_maybe)
KIND_FUNCTIONS(strings)
KIND_FUNCTIONS(digits)
KIND_FUNCTIONS(degrees)
KIND_FUNCTIONS(tag)
KIND_FUNCTIONS(text)
KIND_FUNCTIONS(text_some)

/* field_octets.c */
KIND_FUNCTIONS(hex)
KIND_FUNCTIONS(nsap)
KIND_FUNCTIONS(base64)
KIND_FUNCTIONS(base64_maybe)
KIND_FUNCTIONS(base64_dash)
KIND_FUNCTIONS(salt)
KIND_FUNCTIONS(hash)

/* Read hex from all tokens that are left (field_octets.c). */
bool hex_rest(struct input *input, struct writer *rdata);

/* One each */
KIND_FUNCTIONS(bitmap)       /* bitmap.c */
KIND_FUNCTIONS(bitmap_maybe) /* bitmap.c */
KIND_FUNCTIONS(parameters)   /* svcb.c */
KIND_FUNCTIONS(prefixes)     /* apl.c */
KIND_FUNCTIONS(location)     /* loc.c */
KIND_FUNCTIONS(ipsec)        /* gateway.c */
KIND_FUNCTIONS(relay)        /* gateway.c */
KIND_FUNCTIONS(host)         /* hip.c */

#undef KIND_FUNCTIONS

#endif
