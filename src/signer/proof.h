/*
 * proof.h - a key proves itself when it is loaded.
 *
 * A token may hold a private key that does not belong to the public key beside it, or a module may
 * sign wrongly. What the DNSKEY promises is therefore tried before anything is published.
 */
#ifndef SIGNER_PROOF_H
#define SIGNER_PROOF_H

#include "avow/dnssec/digest.h"
#include "avow/dnssec/dnskey.h"
#include "avow/pkcs11/object.h"
#include "avow/pkcs11/session.h"

/*
 * Sign a nonce with the key pair, verify with the DNSKEY.
 *
 * Returns  RESULT_OK; RESULT_TOKEN when the token failed, or signed what the DNSKEY does not
 * verify: session->failure says which; RESULT_SYSTEM without memory or random numbers.
 */
MUST_CHECK enum result proof_make(struct pkcs11_session *session, const struct pkcs11_key *pair,
                                  const struct dnskey *dnskey, struct digest_context *digests);

#endif
