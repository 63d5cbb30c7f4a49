/*
 * verify.h - a signature against a DNSKEY.
 *
 * A struct verifier has one key prepared and is used many times by one thread. Floor: dnssec.
 * Pure: the time is handed in. Source: RFC 4035 section 5.3.
 */
#ifndef AVOW_DNSSEC_VERIFY_H
#define AVOW_DNSSEC_VERIFY_H

#include "avow/dnssec/digest.h"
#include "avow/dnssec/dnskey.h"
#include "avow/dnssec/rrsig.h"

struct evp_pkey_st;
struct evp_pkey_ctx_st;
struct evp_md_ctx_st;
struct ecdsa_table;

/* Zeroed: closed. */
struct verifier {
    const struct algorithm *algorithm;
    struct evp_pkey_st *key;
    struct evp_pkey_ctx_st *prepared; /* RSA, ECDSA: takes a digest */
    struct evp_md_ctx_st *whole;      /* EdDSA: takes the message */
    struct ecdsa_table *table;        /* ECDSA: once it was made */
    uint16_t key_tag;
    uint16_t flags;
    size_t signature_octets;
    uint32_t checks; /* until a table pays */
};

/* Why a signature does not hold. In the order in which it is found out. */
#define VERDICTS(V)                                                                                \
    V(VALID, "the signature is valid")                                                             \
    V(WRONG_TYPE, "the signature covers another type")                                             \
    V(WRONG_SIGNER, "the owner is outside the signer's zone, or the signer is not this zone")      \
    V(WRONG_LABELS, "the signature counts more labels than the owner has")                         \
    V(WRONG_KEY, "key tag or algorithm belong to another key, or the key may not sign a zone")     \
    V(NOT_YET, "the signature is not valid yet")                                                   \
    V(EXPIRED, "the signature has expired")                                                        \
    V(BAD_FORM, "the signature or the RRset is malformed")                                         \
    V(BAD_SIGNATURE, "the signature does not match")                                               \
    V(NO_MEANS, "the cryptographic library failed")

enum verdict {
#define VERDICT_ENUMERATOR(name, sentence) VERDICT_##name,
    VERDICTS(VERDICT_ENUMERATOR)
#undef VERDICT_ENUMERATOR
};

/* The sentence above. Never NULL. */
const char *verdict_sentence(enum verdict verdict);

/*
 * Prepare a key. Close the verifier afterwards, whatever was returned.
 *
 * Returns RESULT_OK; RESULT_FORMAT when the key is no public key of its algorithm (a wrong length,
 * a point off its curve, an RSA modulus below 512 or above 4096 bits: what others signed with short
 * keys can be checked, dnskey_fault says what may sign here); RESULT_SYSTEM when OpenSSL lacks
 * memory.
 */
MUST_CHECK enum result verifier_open(struct verifier *verifier, const struct dnskey *key);
void verifier_close(struct verifier *verifier);

/* Whether the key has been used so often that a table of its multiples pays, and has none. */
bool verifier_wants_table(const struct verifier *verifier);

/* Make the table, which takes some 25 ms and 150 KB: from then on a verification takes half as long
 * (ECDSA P-256; 60 us become 30). Where it cannot be made, all stays as it is. */
void verifier_make_table(struct verifier *verifier);

/* Give the table's memory back, if there is one: it is wanted again as late as the first time. */
void verifier_drop_table(struct verifier *verifier);

/*
 * The mathematics alone: a signature in DNSSEC's form (r||s for ECDSA) over what the algorithm
 * signs: the digest for RSA and ECDSA, the whole message for EdDSA.
 */
MUST_CHECK enum verdict verifier_check_octets(struct verifier *verifier, const uint8_t *octets,
                                              size_t length, const uint8_t *signature,
                                              size_t signature_length);

/* A signature over any message, hashed here if the algorithm wants it: for proving a key. */
MUST_CHECK enum verdict verifier_check_message(struct verifier *verifier,
                                               struct digest_context *digests,
                                               const struct reader *message,
                                               const uint8_t *signature, size_t signature_length);

/*
 * Everything of RFC 4035 section 5.3.1 and the signature itself.
 *
 * rrset   With the TTL at which it is served: any; the RRSIG's original TTL is what is checked.
 * rrsig   Read from its RDATA; the signer must be `apex`.
 * now     Seconds since 1970.
 */
struct verify_request {
    const struct rrset *rrset;
    const struct rrsig *rrsig;
    const struct name *apex;
    uint64_t now;
};
MUST_CHECK enum verdict verifier_check_rrset(struct verifier *verifier,
                                             struct digest_context *digests,
                                             const struct verify_request *request);

/* The same in one go with a key that is used once. */
MUST_CHECK enum verdict verify_rrset(const struct dnskey *key,
                                     const struct verify_request *request);

#endif
