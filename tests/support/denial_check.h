/*
 * denial_check.h - do these NSEC or NSEC3 records prove what an answer claims?
 *
 * A validator's view, written from the RFCs alone and without any code of src/dnssec, so that both
 * can only agree by being right. Signatures are somebody else's business. A wrong record is
 * ignored, as a validator does. Source: RFC 4035 section 5.4, RFC 5155 section 8, RFC 6840
 * section 4.
 */
#ifndef TESTS_SUPPORT_DENIAL_CHECK_H
#define TESTS_SUPPORT_DENIAL_CHECK_H

#include "avow/wire/name.h"

/* One NSEC or NSEC3 record of the authority section. */
struct denial_record {
    struct name owner;
    uint16_t type;
    const uint8_t *rdata;
    size_t length;
};

struct denial_evidence {
    const struct denial_record *records;
    size_t count;
    struct name apex;
};

enum denial_proof {
    DENIAL_NOTHING,         /* what came proves nothing about the name and type */
    DENIAL_NXDOMAIN,        /* neither the name nor a wildcard for it exists */
    DENIAL_NODATA,          /* the name exists (or is an empty non-terminal) without the type */
    DENIAL_WILDCARD_NODATA, /* a wildcard matches, without the type */
    DENIAL_OPTED_OUT        /* only that there is no signed delegation (RFC 5155 section 8.6) */
};

struct denial {
    enum denial_proof proof;
    bool opt_out; /* a span with the opt-out flag was needed: insecure, not authenticated */
};

/* What the records prove about a name and a type. */
struct denial denial_check(const struct denial_evidence *evidence, const struct name *name,
                           uint16_t type);

/* Whether they prove that no closer match than a wildcard with `labels` labels (the RRSIG's Labels
 * field) answers `name` (RFC 4035 section 5.3.4, RFC 5155 section 8.8). */
bool denial_check_expansion(const struct denial_evidence *evidence, const struct name *name,
                            unsigned labels);

/* Whether they prove that the delegation at `cut` is not signed (RFC 4035 section 5.2, RFC 5155
 * section 8.9). */
bool denial_check_unsigned_cut(const struct denial_evidence *evidence, const struct name *cut);

const char *denial_proof_text(enum denial_proof proof);

#endif
