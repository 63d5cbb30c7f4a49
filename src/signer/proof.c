/* proof.c - a key proves itself when it is loaded. */
#include "proof.h"

#include <stdio.h>
#include <string.h>

#include "avow/base/random.h"
#include "avow/dnssec/verify.h"

/* What is signed begins like an RRSIG that covers type 0 (RFC 4034 section 3.1.8.1), which there is
 * not: this signature is good for nothing else. */
enum { NONCE_HEAD = 18, NONCE_OCTETS = NONCE_HEAD + 32 };

static enum result sign_nonce(struct pkcs11_session *session, const struct pkcs11_key *pair,
                              struct digest_context *digests, const uint8_t *nonce,
                              uint8_t *signature)
{
    const struct algorithm *algorithm = algorithm_find(pair->scheme.algorithm);
    struct pkcs11_octets input = {.octets = nonce, .length = NONCE_OCTETS};
    uint8_t hash[DIGEST_MAX_OCTETS];

    if (pair->scheme.input == PKCS11_INPUT_DIGEST) {
        if (!algorithm ||
            digest_make(digests, algorithm->digest, nonce, NONCE_OCTETS, hash) != RESULT_OK)
            return RESULT_SYSTEM;
        input = (struct pkcs11_octets){.octets = hash, .length = digest_octets(algorithm->digest)};
    }
    return pkcs11_sign(session, pair, pair->private_handle, input, signature);
}

/* The failure in the words of the floor below, which names the token. */
static enum result disown(struct pkcs11_session *session, const struct pkcs11_key *pair,
                          enum verdict verdict)
{
    char text[256];

    session->failure.trouble = PKCS11_TROUBLE_SETUP;
    session->failure.code = 0;
    (void)snprintf(session->failure.text, sizeof session->failure.text,
                   "token \"%s\" (slot 0x%lx): key %s, %s, signs what its own public key does not "
                   "verify: %s",
                   session->token.label, session->token.slot,
                   pkcs11_key_name_text(&pair->name, text, sizeof text),
                   pkcs11_algorithm_name(pair->scheme.algorithm), verdict_sentence(verdict));
    return RESULT_TOKEN;
}

enum result proof_make(struct pkcs11_session *session, const struct pkcs11_key *pair,
                       const struct dnskey *dnskey, struct digest_context *digests)
{
    uint8_t nonce[NONCE_OCTETS] = {0}, signature[PKCS11_SIGNATURE_OCTETS];
    struct verifier verifier;
    struct reader message = reader_over(nonce, sizeof nonce);

    if (random_fill(nonce + NONCE_HEAD, sizeof nonce - NONCE_HEAD))
        return RESULT_SYSTEM;
    enum result result = sign_nonce(session, pair, digests, nonce, signature);
    if (result)
        return result;
    result = verifier_open(&verifier, dnskey);
    if (result == RESULT_FORMAT)
        return disown(session, pair, VERDICT_WRONG_KEY);
    if (result)
        return result;
    enum verdict verdict =
        verifier_check_message(&verifier, digests, &message, signature, pair->signature_octets);
    verifier_close(&verifier);
    return verdict == VERDICT_VALID ? RESULT_OK : disown(session, pair, verdict);
}
