/*
 * mechanism.h - what a token can do, by DNSSEC algorithm number, and how it is asked to sign.
 *
 * Known here: 8 RSASHA256, 10 RSASHA512, 13 ECDSAP256SHA256, 14 ECDSAP384SHA384, 15 ED25519,
 * 16 ED448. Floor: pkcs11.
 */
#ifndef AVOW_PKCS11_MECHANISM_H
#define AVOW_PKCS11_MECHANISM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "avow/base/result.h"
#include "avow/pkcs11/location.h"
#include "avow/pkcs11/module.h"

/* What pkcs11_sign is given. */
enum pkcs11_input {
    PKCS11_INPUT_DIGEST, /* the digest of the octets to sign, hashed by the caller */
    PKCS11_INPUT_MESSAGE /* the octets to sign, whole */
};

/* How one algorithm is done on one token. */
struct pkcs11_scheme {
    uint8_t algorithm;       /* 0: the token cannot sign with it */
    enum pkcs11_input input; /* what to hand to pkcs11_sign */
    uint16_t digest_octets;  /* 32, 48 or 64 for a digest; 0 for a message */
    bool generates;          /* the token can make key pairs for it */
    uint32_t
        smallest_bits; /* RSA: sizes that the token takes and DNSSEC allows; else the one size */
    uint32_t largest_bits;
    unsigned long sign_mechanism; /* CKM_ numbers */
    unsigned long generate_mechanism;
};

enum { PKCS11_ALGORITHMS = 17 };

/* By algorithm number; entries that the token cannot do have algorithm 0. */
struct pkcs11_mechanisms {
    struct pkcs11_scheme scheme[PKCS11_ALGORITHMS];
};

/*
 * Ask the token what it can do. RESULT_OK, or RESULT_TOKEN with `failure` filled.
 * Source   PKCS#11 2.40 section 5.5 (C_GetMechanismList, C_GetMechanismInfo); 3.0 for EdDSA.
 */
MUST_CHECK enum result pkcs11_mechanisms_read(struct pkcs11_mechanisms *mechanisms,
                                              const struct pkcs11_module *module,
                                              const struct pkcs11_token *token,
                                              struct pkcs11_failure *failure);

/* The scheme for an algorithm; NULL when the token cannot sign with it. */
const struct pkcs11_scheme *pkcs11_mechanisms_for(const struct pkcs11_mechanisms *mechanisms,
                                                  uint8_t algorithm);

/* The mnemonic, "ECDSAP256SHA256"; "algorithm ?" for what is not known here. Never NULL. */
const char *pkcs11_algorithm_name(uint8_t algorithm);

#endif
