/*
 * canonical.h - RRsets as they are signed.
 *
 * Owner and the names of RFC 4034 section 6.2 (as corrected by RFC 6840 section 5.1) lower-cased,
 * wildcards unexpanded, the original TTL, records in the order of section 6.3. The run of a struct
 * rrset is in that order already (rrset.h), so nothing is sorted here. Floor: dnssec. Pure.
 */
#ifndef AVOW_DNSSEC_CANONICAL_H
#define AVOW_DNSSEC_CANONICAL_H

#include "avow/base/buffer.h"
#include "avow/wire/rrset.h"

/* Labels of an owner as signatures count them: root and a leading asterisk left out (RFC 4034
 * section 3.1.3). */
uint8_t canonical_labels(const struct name *owner);

/* How an RRset is looked at by a signature. */
struct canonical_view {
    uint32_t original_ttl; /* instead of the RRset's */
    uint8_t labels; /* RRSIG Labels field; fewer than the owner has: a wildcard's expansion */
};

/*
 * Append the canonical form of a whole RRset: for each record owner, type, class, original TTL,
 * RDATA length, RDATA (RFC 4034 section 3.1.8.1).
 *
 * When view->labels is less than the owner has (a leading asterisk not counted), the owner is
 * written as `*.` and that many last labels (RFC 4035 section 5.3.2).
 *
 * Returns  RESULT_OK; RESULT_FORMAT when the run is malformed or labels is more than the owner
 *          has; RESULT_SYSTEM without memory. After a failure `octets` may hold part of it.
 */
MUST_CHECK enum result canonical_rrset(const struct rrset *rrset, const struct canonical_view *view,
                                       struct buffer *octets);

/* Append one record, with its own TTL and a wildcard unexpanded; `rrset` gives all but its RDATA.
 * The same results. */
MUST_CHECK enum result canonical_record(const struct rrset *rrset, const uint8_t *rdata,
                                        size_t length, struct buffer *octets);

#endif
