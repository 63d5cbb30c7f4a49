/*
 * rrsig.h - RRSIG RDATA and the octets to sign.
 *
 * Times are the 32-bit stamps of the wire; they are compared as serial numbers (RFC 4034 section
 * 3.1.5), so that nothing ends in 2106. Floor: dnssec. Pure: the time is handed in.
 */
#ifndef AVOW_DNSSEC_RRSIG_H
#define AVOW_DNSSEC_RRSIG_H

#include <stdbool.h>

#include "avow/dnssec/algorithm.h"
#include "avow/dnssec/digest.h"
#include "avow/wire/rrset.h"

enum {
    RRSIG_FIXED_OCTETS = 18,
    RRSIG_MAX_OCTETS = RRSIG_FIXED_OCTETS + NAME_MAX_OCTETS + ALGORITHM_MAX_SIGNATURE
};

/* RRSIG RDATA without the signature (RFC 4034 section 3.1). */
struct rrsig_fields {
    uint16_t covered;
    uint8_t algorithm;
    uint8_t labels; /* of the owner, as rrsig_labels counts them */
    uint32_t original_ttl;
    uint32_t expiration; /* rrsig_stamp of a time */
    uint32_t inception;
    uint16_t key_tag;
    struct name signer; /* the zone's apex; written in lower case */
};

/* What was read. The signature points into what it was read from. */
struct rrsig {
    struct rrsig_fields fields;
    const uint8_t *signature;
    size_t signature_length; /* at least 1 */
};

/* Read RDATA, `rdata` being over exactly it. RESULT_FORMAT for a compressed or bad signer's name,
 * or no signature. Any algorithm and any covered type pass. */
MUST_CHECK enum result rrsig_read(struct reader *rdata, struct rrsig *rrsig);

/* Only the covered type, the key tag and the expiration, without reading the name: for those who
 * only look for one among many. RESULT_FORMAT when there are fewer than 18 octets. */
struct rrsig_summary {
    uint16_t covered;
    uint16_t key_tag;
    uint8_t algorithm;
    uint32_t expiration, inception;
};
MUST_CHECK enum result rrsig_read_summary(struct reader rdata, struct rrsig_summary *summary);

/* Write RDATA up to the signature; the whole of it. Fail the writer when it does not fit. */
void rrsig_write_fields(struct writer *rdata, const struct rrsig_fields *fields);
void rrsig_write(struct writer *rdata, const struct rrsig_fields *fields, const uint8_t *signature,
                 size_t length);

/* The Labels field for an owner: root and a leading asterisk not counted (section 3.1.3). */
uint8_t rrsig_labels(const struct name *owner);

/*
 * Append the octets that are signed: RRSIG RDATA without the signature, then the canonical RRset
 * (section 3.1.8.1). For EdDSA they are what the token gets.
 *
 * Returns RESULT_OK; RESULT_FORMAT when the RRset's run is malformed, empty or of another type than
 * is covered, or labels is more than the owner has; RESULT_SYSTEM without memory.
 */
MUST_CHECK enum result rrsig_octets_to_sign(const struct rrsig_fields *fields,
                                            const struct rrset *rrset, struct buffer *octets);

/*
 * Hash the octets that are signed with the algorithm's digest: what RSA and ECDSA keys sign.
 * `hash` has room for DIGEST_MAX_OCTETS; `*length` receives how many were written. For RSA the
 * DigestInfo prefix is the caller's (rrsig_digest_info).
 *
 * Returns as above, and RESULT_REFUSED for an algorithm that is unknown or signs without a digest.
 */
MUST_CHECK enum result rrsig_digest_to_sign(struct digest_context *digests,
                                            const struct rrsig_fields *fields,
                                            const struct rrset *rrset, uint8_t *hash,
                                            size_t *length);

/* The DER prefix that PKCS #1 v1.5 puts before a digest (RFC 5702 section 3), for tokens that are
 * given CKM_RSA_PKCS. NULL and 0 for other digests than SHA-256 and SHA-512. */
const uint8_t *rrsig_digest_info(enum digest digest, size_t *length);

/* ---- times -------------------------------------------------------------------------------- */

/* Seconds since 1970 as they stand on the wire. */
static inline uint32_t rrsig_stamp(uint64_t seconds)
{
    return (uint32_t)seconds;
}

/* Serial number order (RFC 1982 section 3.2): negative, zero or positive as a is before, equal to
 * or after b. Stamps that are exactly 2^31 apart have no order: positive both ways round. */
int rrsig_stamp_compare(uint32_t a, uint32_t b);

/* The time nearest to `now` (seconds since 1970) that the stamp can mean. */
uint64_t rrsig_stamp_time(uint32_t stamp, uint64_t now);

/* Whether inception <= now <= expiration (RFC 4035 section 5.3.1). */
bool rrsig_is_current(const struct rrsig_fields *fields, uint64_t now);

#endif
