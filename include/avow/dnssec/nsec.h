/*
 * nsec.h - NSEC RDATA and type bitmaps.
 *
 * Bitmaps are the same in NSEC, NSEC3 and CSYNC. Floor: dnssec. Pure.
 * Source: RFC 4034 section 4, RFC 3845.
 */
#ifndef AVOW_DNSSEC_NSEC_H
#define AVOW_DNSSEC_NSEC_H

#include <stdbool.h>

#include "avow/wire/name.h"

enum { NSEC_MAX_BITMAP = 256 * (2 + 32) };

/* ---- bitmaps ------------------------------------------------------------------------------ */

/* Write the bitmap of `count` types in ascending order (equal neighbours are taken once). An empty
 * list is an empty bitmap. Fails the writer when it does not fit or the order is wrong. */
void nsec_bitmap_write(struct writer *writer, const uint16_t *types, size_t count);

/* Whether a bitmap is well-formed: windows ascending, lengths 1 to 32, no trailing zero octets. */
MUST_CHECK enum result nsec_bitmap_check(const uint8_t *bitmap, size_t length);

/* Whether a type is in it. A malformed bitmap is read as far as it goes, never beyond. */
bool nsec_bitmap_has(const uint8_t *bitmap, size_t length, uint16_t type);

/* The smallest type above `after` that is in it (after = -1: the first); -1 when there is none. */
int32_t nsec_bitmap_next(const uint8_t *bitmap, size_t length, int32_t after);

/* ---- NSEC --------------------------------------------------------------------------------- */

struct nsec {
    struct name next;
    const uint8_t *bitmap; /* inside what was read */
    size_t bitmap_length;
};

/* Write NSEC RDATA: the next name with its case as given (RFC 6840 section 5.1), then the types. */
void nsec_write(struct writer *rdata, const struct name *next, const uint16_t *types, size_t count);

/* Read it, the bitmap checked. RESULT_FORMAT. */
MUST_CHECK enum result nsec_read(struct reader *rdata, struct nsec *nsec);

/* Whether `name` lies strictly between owner and next in canonical order. The last NSEC of a zone,
 * whose next is the apex, covers every name of the zone that follows its owner; so does the only
 * one of a zone that has but one name. */
bool nsec_covers(const struct name *owner, const struct name *next, const struct name *name);

#endif
