/*
 * ds.h - DS and CDS from a DNSKEY.
 *
 * Floor: dnssec. Pure. Source: RFC 4034 section 5; RFC 4509 (SHA-256); RFC 6605 section 2
 * (SHA-384); RFC 7344 section 3.1 (CDS: the same RDATA).
 */
#ifndef AVOW_DNSSEC_DS_H
#define AVOW_DNSSEC_DS_H

#include "avow/dnssec/digest.h"
#include "avow/dnssec/dnskey.h"
#include "avow/wire/name.h"

enum { DS_SHA1 = 1, DS_SHA256 = 2, DS_SHA384 = 4 };

enum { DS_MAX_DIGEST = 48, DS_MAX_OCTETS = 4 + DS_MAX_DIGEST };

struct ds {
    uint16_t key_tag;
    uint8_t algorithm;
    uint8_t digest_type;
    uint8_t length; /* octets of digest in use */
    uint8_t digest[DS_MAX_DIGEST];
};

/* Read RDATA. RESULT_FORMAT: too short, or a digest of the wrong length for a known type or of
 * more than DS_MAX_DIGEST octets for another. */
MUST_CHECK enum result ds_read(struct reader *rdata, struct ds *ds);
void ds_write(struct writer *rdata, const struct ds *ds);

/*
 * The DS that a parent should publish for `key` at `owner`.
 *
 * Returns RESULT_OK; RESULT_REFUSED for a digest type other than DS_SHA256 and DS_SHA384 (SHA-1
 * must not be used for new ones, RFC 8624 section 3.3); RESULT_SYSTEM when OpenSSL fails.
 */
MUST_CHECK enum result ds_from_dnskey(struct digest_context *digests, const struct name *owner,
                                      const struct dnskey *key, uint8_t digest_type, struct ds *ds);

/* Whether `ds` stands for `key` at `owner`; SHA-1 is understood here. RESULT_OK with *matches set;
 * RESULT_REFUSED for an unknown digest type; RESULT_SYSTEM when OpenSSL fails. */
MUST_CHECK enum result ds_matches(struct digest_context *digests, const struct name *owner,
                                  const struct dnskey *key, const struct ds *ds, bool *matches);

/* CDS RDATA that asks the parent to remove the DS: 0 0 0 00 (RFC 8078 section 4). */
void ds_write_delete(struct writer *rdata);

#endif
