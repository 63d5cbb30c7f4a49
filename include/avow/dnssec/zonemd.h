/*
 * zonemd.h - digests of whole zones (RFC 8976), scheme SIMPLE.
 *
 * The digest runs over every record of a zone in canonical order and form but the ZONEMD records
 * at the apex and their signatures. Whoever walks the zone hands in what it finds, in order of
 * owners and then of types (the signatures of an owner as records of type RRSIG among these).
 *
 * Floor: dnssec.
 */
#ifndef AVOW_DNSSEC_ZONEMD_H
#define AVOW_DNSSEC_ZONEMD_H

#include "avow/dnssec/digest.h"
#include "avow/wire/rrset.h"

enum { ZONEMD_SIMPLE = 1, ZONEMD_SHA384 = 1, ZONEMD_SHA512 = 2, ZONEMD_MAX_OCTETS = 6 + 64 };

/* A ZONEMD record; the digest points into the octets that were read. */
struct zonemd {
    uint32_t serial;
    uint8_t scheme;
    uint8_t algorithm; /* of the hash */
    const uint8_t *digest;
    size_t length;
};

/* RESULT_FORMAT when it is malformed. */
MUST_CHECK enum result zonemd_read(const uint8_t *rdata, size_t length, struct zonemd *zonemd);
void zonemd_write(struct writer *writer, const struct zonemd *zonemd);

/* The digest that a hash algorithm of ZONEMD is; DIGEST_NONE for one that is not known here. */
enum digest zonemd_digest(uint8_t algorithm);

/* Digests that are being made, of one zone. Zeroed: closed. */
struct zonemd_sum {
    struct evp_md_ctx_st *running[DIGESTS]; /* NULL: not asked for */
    struct buffer octets;                   /* not hashed yet */
};

/* Begin with one digest or two; `wanted` has the bits 1 << enum digest. RESULT_SYSTEM. */
MUST_CHECK enum result zonemd_open(struct zonemd_sum *sum, unsigned wanted);

/* One record more, in canonical order; `rrset` gives all but its RDATA. RESULT_FORMAT,
 * RESULT_SYSTEM. */
MUST_CHECK enum result zonemd_add(struct zonemd_sum *sum, const struct rrset *rrset,
                                  const uint8_t *rdata, size_t length);

/* All records were handed in: one of the digests, into digest_octets(digest) octets. Once each. */
MUST_CHECK enum result zonemd_finish(struct zonemd_sum *sum, enum digest digest, uint8_t *hash);

/* Takes any state. */
void zonemd_close(struct zonemd_sum *sum);

/* Whether a record at the apex is left out: ZONEMD, and RRSIG over it. */
bool zonemd_leaves_out(uint16_t type, const uint8_t *rdata, size_t length);

#endif
