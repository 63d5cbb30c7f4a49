/*
 * algorithm.h - DNSSEC algorithms: numbers, names, forms of keys and signatures.
 *
 * Floor: dnssec. Pure: constant tables. Source: RFC 5702 (8, 10), RFC 6605 (13, 14), RFC 8080
 * (15, 16); the numbers of DS digests: RFC 4509 (2), RFC 6605 section 2 (4).
 */
#ifndef AVOW_DNSSEC_ALGORITHM_H
#define AVOW_DNSSEC_ALGORITHM_H

#include <stddef.h>
#include <stdint.h>

#include "avow/dnssec/digest.h"

enum {
    ALGORITHM_RSASHA256 = 8,
    ALGORITHM_RSASHA512 = 10,
    ALGORITHM_ECDSAP256SHA256 = 13,
    ALGORITHM_ECDSAP384SHA384 = 14,
    ALGORITHM_ED25519 = 15,
    ALGORITHM_ED448 = 16
};

/* Which mathematics, and so which form the public key has (see dnskey.h). */
enum algorithm_family {
    ALGORITHM_FAMILY_RSA,    /* PKCS #1 v1.5 */
    ALGORITHM_FAMILY_ECDSA,  /* signature r||s, public key x||y */
    ALGORITHM_FAMILY_EDWARDS /* signs the message itself */
};

enum { ALGORITHM_MAX_SIGNATURE = 512 }; /* RSA with 4096 bits */

struct algorithm {
    uint8_t number;
    enum algorithm_family family;
    /* What the message is hashed with before it is signed; DIGEST_NONE: the key signs the whole
     * message, which must be passed to it as it is. */
    enum digest digest;
    uint16_t public_key_octets; /* of the DNSKEY's public key field; 0: varies (RSA) */
    uint16_t signature_octets;  /* 0: as many as the modulus has (RSA) */
    uint16_t default_bits;      /* size of a key that is generated when nothing else is said */
    const char *name;           /* as in the configuration: "ecdsap256sha256" */
    const char *mnemonic;       /* as in the registry: "ECDSAP256SHA256" */
};

/* The row of a number; NULL when avow does not implement it. */
const struct algorithm *algorithm_find(uint8_t number);

/* The row of a name (either letter case, `length` octets, no NUL needed); NULL when unknown. */
const struct algorithm *algorithm_from_name(const char *name, size_t length);

#endif
