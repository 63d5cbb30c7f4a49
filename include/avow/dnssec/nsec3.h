/*
 * nsec3.h - owner hashes and NSEC3 RDATA.
 *
 * Hash algorithm 1, SHA-1, is the only one there is (RFC 5155 section 11). Floor: dnssec. Pure.
 * Source: RFC 5155; RFC 9276 (zero iterations, no salt).
 */
#ifndef AVOW_DNSSEC_NSEC3_H
#define AVOW_DNSSEC_NSEC3_H

#include <stdbool.h>

#include "avow/wire/name.h"

enum {
    NSEC3_SHA1 = 1,
    NSEC3_HASH_OCTETS = 20,
    NSEC3_LABEL_OCTETS = 32, /* the hash in base32hex */
    NSEC3_FLAG_OPT_OUT = 0x01,
    NSEC3_MAX_SALT = 255,
    /* What we make, load and answer with; validators treat more as insecure from 100 or so down
     * (RFC 9276 section 3.2), and each costs every negative answer another SHA-1. */
    NSEC3_MAX_ITERATIONS = 50
};

/* As in NSEC3PARAM. Zeroed but for `algorithm`, it is what RFC 9276 recommends. */
struct nsec3_parameters {
    uint8_t algorithm; /* NSEC3_SHA1 */
    uint8_t flags;     /* of the NSEC3 records made with it: 0 or NSEC3_FLAG_OPT_OUT; in an
                          NSEC3PARAM record always 0 when written (RFC 5155 section 4.1.2) */
    uint16_t iterations;
    uint8_t salt_length;
    uint8_t salt[NSEC3_MAX_SALT];
};

/* ---- hashes ------------------------------------------------------------------------------- */

/*
 * The hash of a name: H(H(name | salt) | salt) ..., the name lower-cased (RFC 5155 section 5).
 *
 * Needs no context: there is nothing to open and nothing that can fail, on any thread. One SHA-1 of
 * a name of up to 55 octets is one block. `parameters->algorithm` must be NSEC3_SHA1.
 */
void nsec3_hash(const struct nsec3_parameters *parameters, const struct name *name,
                uint8_t hash[NSEC3_HASH_OCTETS]);

/* The same for the wire octets of a name in any case, such as the tail of a struct name.
 * length <= NAME_MAX_OCTETS. */
void nsec3_hash_octets(const struct nsec3_parameters *parameters, const uint8_t *octets,
                       size_t length, uint8_t hash[NSEC3_HASH_OCTETS]);

/* The owner of the NSEC3 record of a hash: its base32hex label before the zone's apex.
 * RESULT_FULL when that exceeds 255 octets. */
MUST_CHECK enum result nsec3_owner(const uint8_t hash[NSEC3_HASH_OCTETS], const struct name *apex,
                                   struct name *owner);

/* The hash in the first label of an NSEC3 record's owner (either case). RESULT_FORMAT. */
MUST_CHECK enum result nsec3_owner_hash(const struct name *owner, uint8_t hash[NSEC3_HASH_OCTETS]);

/* Whether `hash` lies strictly between the owner's hash and the next one; the last record of the
 * chain wraps around; the only one covers all but its owner. */
bool nsec3_covers(const uint8_t owner[NSEC3_HASH_OCTETS], const uint8_t next[NSEC3_HASH_OCTETS],
                  const uint8_t hash[NSEC3_HASH_OCTETS]);

/* ---- records ------------------------------------------------------------------------------ */

/* NSEC3 RDATA that was read; everything points into it. */
struct nsec3 {
    uint8_t algorithm;
    uint8_t flags;
    uint16_t iterations;
    uint8_t salt_length;
    const uint8_t *salt;
    const uint8_t *next; /* NSEC3_HASH_OCTETS octets */
    const uint8_t *bitmap;
    size_t bitmap_length;
};

/* Write NSEC3 RDATA with `types` in ascending order; an empty list for an empty non-terminal. */
void nsec3_write(struct writer *rdata, const struct nsec3_parameters *parameters,
                 const uint8_t next[NSEC3_HASH_OCTETS], const uint16_t *types, size_t count);

/* Read it, the bitmap checked. RESULT_FORMAT; also when the hash is not of 20 octets. */
MUST_CHECK enum result nsec3_read(struct reader *rdata, struct nsec3 *nsec3);

/* Whether an NSEC3 was made with these parameters (flags aside). */
bool nsec3_is_of(const struct nsec3 *nsec3, const struct nsec3_parameters *parameters);

/* NSEC3PARAM RDATA, flags written as 0. Reading keeps the flags that are there. */
void nsec3param_write(struct writer *rdata, const struct nsec3_parameters *parameters);
MUST_CHECK enum result nsec3param_read(struct reader *rdata, struct nsec3_parameters *parameters);

#endif
