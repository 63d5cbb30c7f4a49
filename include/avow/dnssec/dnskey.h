/*
 * dnskey.h - public keys and key tags.
 *
 * Also for CDNSKEY, whose RDATA has the same form (RFC 7344 section 3.2). Floor: dnssec. Pure.
 * Source: RFC 4034 section 2 and appendix B; RFC 3110 section 2 (RSA); RFC 6605 section 4 (EC:
 * x||y); RFC 8080 section 3 (EdDSA: the octets of RFC 8032).
 */
#ifndef AVOW_DNSSEC_DNSKEY_H
#define AVOW_DNSSEC_DNSKEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "avow/base/result.h"
#include "avow/wire/reader.h"
#include "avow/wire/writer.h"

enum {
    DNSKEY_FLAG_ZONE = 0x0100,
    DNSKEY_FLAG_REVOKE = 0x0080, /* RFC 5011 section 3 */
    DNSKEY_FLAG_SEP = 0x0001,
    DNSKEY_FLAGS_ZSK = DNSKEY_FLAG_ZONE,
    DNSKEY_FLAGS_KSK = DNSKEY_FLAG_ZONE | DNSKEY_FLAG_SEP
};

enum {
    DNSKEY_PROTOCOL = 3,
    /* RSA: a three-octet exponent length, exponent and modulus of up to 4096 bits each. */
    DNSKEY_MAX_PUBLIC_KEY = 3 + 512 + 512,
    DNSKEY_MAX_OCTETS = 4 + DNSKEY_MAX_PUBLIC_KEY
};

struct dnskey {
    uint16_t flags;
    uint8_t protocol;  /* DNSKEY_PROTOCOL */
    uint8_t algorithm; /* any number when it was read; see algorithm.h */
    uint16_t length;   /* octets in use */
    uint8_t public_key[DNSKEY_MAX_PUBLIC_KEY];
};

/* The two numbers of an RSA key, big-endian without leading zeroes, inside the struct dnskey. */
struct dnskey_rsa {
    const uint8_t *exponent, *modulus;
    uint16_t exponent_length, modulus_length;
};

/* Read RDATA, `rdata` being over exactly it. RESULT_FORMAT when it is too short or too long (an
 * empty public key included); what the fields mean is dnskey_fault's business. */
MUST_CHECK enum result dnskey_read(struct reader *rdata, struct dnskey *key);

/* Write RDATA, without a length before it. Fails the writer when it does not fit. */
void dnskey_write(struct writer *rdata, const struct dnskey *key);

/* What is wrong with a key that is to sign a zone, as a static sentence; NULL when nothing is:
 * protocol 3, zone flag, an algorithm that is known, a public key of its form (RSA: modulus of
 * 1024 to 4096 bits, odd, no leading zero octets, exponent odd and above 1). Whether an EC point
 * lies on its curve is seen by verifier_open. */
const char *dnskey_fault(const struct dnskey *key);

/* Key tag of RDATA (RFC 4034 appendix B; algorithm 1 of appendix B.1 is not supported). */
uint16_t dnskey_tag_of_rdata(const uint8_t *rdata, size_t length);
uint16_t dnskey_tag(const struct dnskey *key);

/* Same flags, protocol, algorithm and public key? */
bool dnskey_equal(const struct dnskey *a, const struct dnskey *b);

/*
 * Make the public key field from what a token shows. Set flags, protocol and algorithm first, or
 * afterwards: only `length` and `public_key` are written here, and `algorithm` is an argument.
 *
 * dnskey_set_point  CKA_EC_POINT of an EC or Edwards key: x||y, 04||x||y, the raw Edwards octets,
 *                   or any of them in a DER OCTET STRING (PKCS #11 v2.40 section 2.3.3 wants that,
 *                   some tokens leave it out) or, for Edwards keys, in a DER BIT STRING.
 * dnskey_set_rsa    CKA_MODULUS and CKA_PUBLIC_EXPONENT; leading zero octets are dropped.
 *
 * Returns RESULT_OK; RESULT_FORMAT when the octets are no public key of that algorithm.
 */
MUST_CHECK enum result dnskey_set_point(struct dnskey *key, uint8_t algorithm, const uint8_t *point,
                                        size_t length);
MUST_CHECK enum result dnskey_set_rsa(struct dnskey *key, const struct dnskey_rsa *numbers);

/* Take an RSA public key field apart. RESULT_FORMAT when its lengths do not add up. */
MUST_CHECK enum result dnskey_get_rsa(const struct dnskey *key, struct dnskey_rsa *numbers);

/* Octets of a signature made with this key; 0 when the algorithm is unknown or the key bad. */
size_t dnskey_signature_octets(const struct dnskey *key);

/* CDNSKEY RDATA that asks the parent to remove the DS: 0 3 0 AA== (RFC 8078 section 4). */
void dnskey_write_delete(struct writer *rdata);

#endif
