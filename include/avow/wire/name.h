/*
 * name.h - domain names in wire form.
 *
 * A struct name is 1 to 255 octets: labels of 1 to 63 octets, each after its length, then the
 * root label (RFC 1035 section 3.1). It never holds a compression pointer. Letters keep the case
 * they came in; comparisons ignore the case of ASCII letters and of nothing else (RFC 4343).
 *
 * Floor: wire. Pure: no allocation, no clock, no log, no shared state.
 */
#ifndef AVOW_WIRE_NAME_H
#define AVOW_WIRE_NAME_H

#include "avow/base/result.h"
#include "avow/wire/reader.h"
#include "avow/wire/writer.h"

enum {
    NAME_MAX_OCTETS = 255,
    NAME_MAX_LABELS = 127,
    NAME_MAX_LABEL_OCTETS = 63,
    /* Each pointer of an honest name leads to one label more, or to the root. */
    NAME_MAX_POINTERS = NAME_MAX_LABELS,
    /* Longest presentation form: every octet escaped as \DDD, dots, a NUL. */
    NAME_MAX_TEXT = 1024
};

struct name {
    uint8_t length; /* octets in use, root label included: 1 to 255 */
    uint8_t labels; /* labels, root label not counted: 0 to 127 */
    uint8_t octets[NAME_MAX_OCTETS];
};

/* The root. */
void name_root(struct name *name);

/* Copy the used octets only: the struct is large. */
void name_copy(struct name *to, const struct name *from);

/*
 * Read a name that may be compressed.
 *
 * message  Whole message, standing at the first octet of the name. Left behind the name as it is
 *          written there: behind its first pointer, not behind what the pointer leads to.
 * name     Caller's storage, written here; the root name when reading fails.
 *
 * A pointer must lead to before the place where the current run of labels began. Each jump
 * therefore goes backwards, and reading ends. A chain of more than NAME_MAX_POINTERS is refused, so
 * that many names that share a chain of bare pointers cost no more than their length.
 *
 * Fails    `message`, when the name leaves the message, is longer than 255 octets, has a label
 *          type other than 00 and 11, points forwards or through too many pointers.
 * Source   RFC 1035 sections 2.3.4, 3.1, 4.1.4; RFC 9267 section 2 (what goes wrong here).
 */
void name_read(struct reader *message, struct name *name);

/* Read a name in which a compression pointer is an error: stored and canonical forms. */
void name_read_plain(struct reader *octets, struct name *name);

/* Write a name without compression. */
void name_write(struct writer *writer, const struct name *name);

/*
 * Turn what a person wrote into a name.
 *
 * text     `length` octets, escapes \X and \DDD allowed; relative unless it ends in a dot. "@" is
 *          not special here.
 * origin   Appended to a relative name; NULL when only absolute names are welcome.
 * name     Caller's storage, not that of `origin`; unspecified unless RESULT_OK.
 *
 * Returns  RESULT_OK; RESULT_FORMAT for a bad escape, an empty label, a label over 63 octets or a
 *          relative name without origin; RESULT_FULL when the whole exceeds 255 octets.
 * Source   RFC 1035 section 5.1; RFC 4343 section 2.1.
 */
MUST_CHECK enum result name_from_text(const char *text, size_t length, const struct name *origin,
                                      struct name *name);

/* The same for a NUL-terminated absolute name; the final dot may be left out. */
MUST_CHECK enum result name_from_string(const char *text, struct name *name);

/*
 * Absolute presentation form, ended by a dot and a NUL; escapes what a master file needs escaped
 * (RFC 1035 section 5.1; octets outside 0x21-0x7e as \DDD). Returns `text`, which has
 * NAME_MAX_TEXT octets.
 */
char *name_to_text(const struct name *name, char text[NAME_MAX_TEXT]);

/* Same octets but for the case of ASCII letters? */
bool name_equal(const struct name *a, const struct name *b);

/* Negative, zero or positive: canonical order of RFC 4034 section 6.1. */
int name_compare(const struct name *a, const struct name *b);

/* Whether `name` is `ancestor` or below it. */
bool name_is_within(const struct name *name, const struct name *ancestor);

/* Labels, counted from the root, that both names share. */
unsigned name_common_labels(const struct name *a, const struct name *b);

/* The last `labels` labels of `name` (the ancestor with that many labels). labels <= name->labels.
 */
void name_suffix(const struct name *name, unsigned labels, struct name *suffix);

/* Lower-case ASCII letters in place (canonical form, RFC 4034 section 6.2). */
void name_lower(struct name *name);

/* Whether the leftmost label is a lone asterisk. */
bool name_is_wildcard(const struct name *name);

/* `*.` before `parent`. RESULT_FULL when that is longer than 255 octets. */
MUST_CHECK enum result name_wildcard_of(const struct name *parent, struct name *wildcard);

/*
 * Replace the suffix `from` (which `name` must be below) by `to`: DNAME substitution.
 * RESULT_FULL when the new name is longer than 255 octets (RFC 6672 section 2.2: YXDOMAIN);
 * RESULT_FORMAT when `name` is not within `from`. `result` may be `name` or `to`.
 */
MUST_CHECK enum result name_replace_suffix(const struct name *name, const struct name *from,
                                           const struct name *to, struct name *result);

/* The octet in lower case, ASCII letters only. */
static inline uint8_t octet_lower(uint8_t octet)
{
    return octet >= 'A' && octet <= 'Z' ? (uint8_t)(octet + ('a' - 'A')) : octet;
}

/* ---- names as ordered keys -------------------------------------------------------------------
 *
 * A name as a string of octets whose memcmp order is the canonical order of RFC 4034 section 6.1:
 * labels from the root downwards, lower-cased, each ended by 00, with octets 00 and 01 written as
 * 01 01 and 01 02. An ancestor's key is a prefix of its descendants' keys. At most 504 octets + a
 * prefix of the caller's.
 */
enum { NAME_KEY_MAX_OCTETS = 506 };

/* Append the key of `name` to `writer`; fails the writer when it does not fit. */
void name_key_write(struct writer *writer, const struct name *name);

/* Turn a key back into a (lower-cased) name. RESULT_FORMAT for what name_key_write never writes. */
MUST_CHECK enum result name_key_read(const uint8_t *key, size_t length, struct name *name);

#endif
