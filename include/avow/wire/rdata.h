/*
 * rdata.h - RDATA checked, compared and made canonical by the row of its type.
 *
 * A type without a row is opaque (RFC 3597). Floor: wire. Pure.
 */
#ifndef AVOW_WIRE_RDATA_H
#define AVOW_WIRE_RDATA_H

#include "avow/base/buffer.h"
#include "avow/base/result.h"
#include "avow/wire/name.h"
#include "avow/wire/type.h"

enum { RDATA_MAX_OCTETS = 65535 };

/*
 * Read RDATA from a message: decompress its names, check every field.
 *
 * rdata   Reader over exactly the RDATA, made with reader_part so that pointers work. Names may be
 *         compressed only in the types of RFC 1035 and those that RFC 3597 section 4 lists.
 * plain   Receives the uncompressed form.
 *
 * Returns RESULT_OK; RESULT_FORMAT when it is not well-formed RDATA of that type; RESULT_FULL.
 */
MUST_CHECK enum result rdata_read(uint16_t type, struct reader *rdata, struct writer *plain);

/* Whether uncompressed octets are well-formed RDATA of the type. */
MUST_CHECK enum result rdata_check(uint16_t type, const uint8_t *octets, size_t length);

/* Canonical order of two well-formed RDATA: octets with names lower-cased where RFC 4034 section
 * 6.2 (as corrected by RFC 6840 section 5.1) says so. */
int rdata_compare(uint16_t type, const uint8_t *a, size_t a_length, const uint8_t *b,
                  size_t b_length);

/* Write the canonical form. */
void rdata_write_canonical(struct writer *writer, uint16_t type, const uint8_t *octets,
                           size_t length);

/* Whether the row says that some name of this type is lower-cased in canonical form; when not,
 * the stored octets are the canonical form. */
bool rdata_has_canonical_names(uint16_t type);

/* The name at which additional data may be looked for (NS, MX, SRV, NAPTR, SVCB ...); false when
 * the type has none. Also used for CNAME, DNAME and PTR targets. It may be the root, which in SVCB
 * and HTTPS of ServiceMode stands for the owner (RFC 9460 section 2.5.2). */
bool rdata_target(uint16_t type, const uint8_t *octets, size_t length, struct name *target);

/*
 * RDATA from the tokens of a master file.
 *
 * The lexer's tokens reach the parser through this small interface, so that wire needs to know
 * nothing of files. `next` yields one token at a time and false at the end of the record; a token's
 * text need only live until the next call. `quoted` tells whether it stood in quotes, which are
 * not part of the text. Escapes are still in the text. A token that begins unquoted and has quotes
 * in it, such as alpn="h2,h3", may come as one token with its quotes or as `alpn=` and a quoted
 * one. `what` of a failure is a sentence for a person, static storage.
 */
struct token {
    const char *text;
    size_t length;
    bool quoted;
};

struct tokens {
    bool (*next)(void *context, struct token *token);
    void *context;
    const struct name *origin; /* for relative names; NULL: only absolute ones */
    const char *what;          /* set on failure */
};

/* Parse, check and write the uncompressed form. Handles `\# length hex` for every type, known ones
 * included, which then pass the same checks. RESULT_FORMAT with tokens->what; RESULT_FULL. */
MUST_CHECK enum result rdata_from_tokens(uint16_t type, struct tokens *tokens,
                                         struct writer *rdata);

/* Presentation form, without a NUL, appended to `text`; the generic form for types without a row
 * and for octets that are not well-formed. */
void rdata_to_text(uint16_t type, const uint8_t *octets, size_t length, struct buffer *text);

#endif
