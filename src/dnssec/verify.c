/* verify.c - a signature against a DNSKEY. */
#include "avow/dnssec/verify.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <string.h>

#include "ecdsa_table.h"

enum {
    CHECKS_FOR_TABLE = 1024,                           /* what the table costs, in verifications */
    COORDINATE_MAX = 48,                               /* P-384 */
    DER_MAX_OCTETS = 2 + 2 * (2 + 1 + COORDINATE_MAX), /* below 128: one length octet */
    RSA_CHECK_MIN_OCTETS = 512 / 8,                    /* RFC 5702 section 2.1 */
    RSA_CHECK_MAX_OCTETS = 4096 / 8
};

static const char *const sentences[] = {
#define VERDICT_SENTENCE(name, sentence) sentence,
    VERDICTS(VERDICT_SENTENCE)
#undef VERDICT_SENTENCE
};

const char *verdict_sentence(enum verdict verdict)
{
    return (unsigned)verdict < COUNT(sentences) ? sentences[verdict] : "an unknown verdict";
}

/* ---- keys ---------------------------------------------------------------------------------- */

/* A public key of the named kind from its numbers; NULL when OpenSSL refuses them. */
static EVP_PKEY *key_from_parameters(const char *kind, OSSL_PARAM *parameters)
{
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, kind, NULL);

    if (context && EVP_PKEY_fromdata_init(context) == 1 &&
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(context);
    return key;
}

static EVP_PKEY *key_ecdsa(const struct dnskey *key)
{
    uint8_t point[1 + 2 * COORDINATE_MAX] = {0x04}; /* uncompressed, SEC 1 section 2.3.3 */
    char group[] = "P-256";

    if (key->algorithm == ALGORITHM_ECDSAP384SHA384)
        memcpy(group, "P-384", sizeof group);
    memcpy(point + 1, key->public_key, key->length);
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, 1u + key->length),
        OSSL_PARAM_construct_end(),
    };
    return key_from_parameters("EC", parameters);
}

static EVP_PKEY *key_rsa(const struct dnskey *key)
{
    struct dnskey_rsa rsa;
    EVP_PKEY *result = NULL;
    OSSL_PARAM *parameters = NULL;

    if (dnskey_get_rsa(key, &rsa) || rsa.modulus_length < RSA_CHECK_MIN_OCTETS ||
        rsa.modulus_length > RSA_CHECK_MAX_OCTETS)
        return NULL;

    BIGNUM *n = BN_bin2bn(rsa.modulus, rsa.modulus_length, NULL);
    BIGNUM *e = BN_bin2bn(rsa.exponent, rsa.exponent_length, NULL);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    if (n && e && build && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) == 1)
        parameters = OSSL_PARAM_BLD_to_param(build);
    if (parameters)
        result = key_from_parameters("RSA", parameters);
    OSSL_PARAM_free(parameters);
    OSSL_PARAM_BLD_free(build);
    BN_free(e);
    BN_free(n);
    return result;
}

static EVP_PKEY *key_make(const struct dnskey *key, const struct algorithm *algorithm)
{
    switch (algorithm->family) {
    case ALGORITHM_FAMILY_RSA:
        return key_rsa(key);
    case ALGORITHM_FAMILY_ECDSA:
        return key_ecdsa(key);
    case ALGORITHM_FAMILY_EDWARDS:
        return EVP_PKEY_new_raw_public_key_ex(
            NULL, algorithm->number == ALGORITHM_ED25519 ? "ED25519" : "ED448", NULL,
            key->public_key, key->length);
    }
    return NULL;
}

/* The digest is named to RSA, which puts its DigestInfo before it; to ECDSA it makes no
 * difference but for the length that is checked. */
static enum result prepare(struct verifier *verifier)
{
    const struct algorithm *algorithm = verifier->algorithm;

    if (algorithm->family == ALGORITHM_FAMILY_EDWARDS) {
        verifier->whole = EVP_MD_CTX_new();
        return verifier->whole ? RESULT_OK : RESULT_SYSTEM;
    }

    const char *name = algorithm->digest == DIGEST_SHA256   ? "SHA2-256"
                       : algorithm->digest == DIGEST_SHA384 ? "SHA2-384"
                                                            : "SHA2-512";
    EVP_MD *method = EVP_MD_fetch(NULL, name, NULL);
    verifier->prepared = EVP_PKEY_CTX_new_from_pkey(NULL, verifier->key, NULL);
    enum result result = RESULT_OK;
    if (!method || !verifier->prepared || EVP_PKEY_verify_init(verifier->prepared) != 1 ||
        (algorithm->family == ALGORITHM_FAMILY_RSA &&
         EVP_PKEY_CTX_set_rsa_padding(verifier->prepared, RSA_PKCS1_PADDING) != 1) ||
        EVP_PKEY_CTX_set_signature_md(verifier->prepared, method) != 1)
        result = RESULT_SYSTEM;
    EVP_MD_free(method);
    return result;
}

enum result verifier_open(struct verifier *verifier, const struct dnskey *key)
{
    enum result result = RESULT_FORMAT;

    *verifier = (struct verifier){
        .key_tag = dnskey_tag(key), .flags = key->flags, .checks = CHECKS_FOR_TABLE};
    verifier->algorithm = algorithm_find(key->algorithm);
    if (!verifier->algorithm || key->protocol != DNSKEY_PROTOCOL)
        goto failed;
    if (verifier->algorithm->public_key_octets &&
        verifier->algorithm->public_key_octets != key->length)
        goto failed;
    verifier->signature_octets = dnskey_signature_octets(key);
    verifier->key = key_make(key, verifier->algorithm);
    if (!verifier->key)
        goto failed;
    result = prepare(verifier);
    if (result)
        goto failed;
    return RESULT_OK;

failed:
    ERR_clear_error();
    verifier_close(verifier);
    return result;
}

void verifier_close(struct verifier *verifier)
{
    ecdsa_table_free(verifier->table);
    EVP_MD_CTX_free(verifier->whole);
    EVP_PKEY_CTX_free(verifier->prepared);
    EVP_PKEY_free(verifier->key);
    *verifier = (struct verifier){.key = NULL};
}

bool verifier_wants_table(const struct verifier *verifier)
{
    return verifier->key && verifier->checks == 0 && !verifier->table &&
           verifier->algorithm->number == ALGORITHM_ECDSAP256SHA256;
}

void verifier_make_table(struct verifier *verifier)
{
    verifier_drop_table(verifier);
    verifier->table = ecdsa_table_make(verifier->key);
    ERR_clear_error();
}

void verifier_drop_table(struct verifier *verifier)
{
    ecdsa_table_free(verifier->table);
    verifier->table = NULL;
    verifier->checks = CHECKS_FOR_TABLE; /* it is not tried again soon */
}

/* ---- signatures ---------------------------------------------------------------------------- */

/* INTEGER: no leading zero octets but one where the first bit would make it negative. */
static void write_integer(struct writer *der, const uint8_t *octets, size_t length)
{
    while (length > 1 && octets[0] == 0) {
        octets++;
        length--;
    }
    bool negative = octets[0] & 0x80;
    writer_u8(der, 0x02);
    writer_u8(der, (uint8_t)(length + negative));
    if (negative)
        writer_u8(der, 0);
    writer_add(der, octets, length);
}

/* r||s (RFC 6605 section 4) as the SEQUENCE of two INTEGERs that OpenSSL wants. */
static size_t ecdsa_der(const uint8_t *signature, size_t length, uint8_t der[DER_MAX_OCTETS])
{
    struct writer writer = writer_over(der, DER_MAX_OCTETS);

    writer_u8(&writer, 0x30);
    writer_u8(&writer, 0);
    write_integer(&writer, signature, length / 2);
    write_integer(&writer, signature + length / 2, length / 2);
    if (writer.failed)
        return 0;
    der[1] = (uint8_t)(writer.length - 2);
    return writer.length;
}

static int check_ecdsa(struct verifier *verifier, const uint8_t *hash, size_t length,
                       const uint8_t *signature)
{
    uint8_t der[DER_MAX_OCTETS];

    int outcome =
        verifier->table ? ecdsa_table_verify(verifier->table, hash, signature, length) : -1;
    if (outcome >= 0)
        return outcome;
    ERR_clear_error();
    size_t der_length = ecdsa_der(signature, verifier->signature_octets, der);
    return EVP_PKEY_verify(verifier->prepared, der, der_length, hash, length);
}

static int check_whole(struct verifier *verifier, const uint8_t *octets, size_t length,
                       const uint8_t *signature)
{
    if (EVP_MD_CTX_reset(verifier->whole) != 1 ||
        EVP_DigestVerifyInit(verifier->whole, NULL, NULL, NULL, verifier->key) != 1)
        return -1;
    return EVP_DigestVerify(verifier->whole, signature, verifier->signature_octets, octets, length);
}

enum verdict verifier_check_octets(struct verifier *verifier, const uint8_t *octets, size_t length,
                                   const uint8_t *signature, size_t signature_length)
{
    int outcome = -1;

    if (!verifier->key)
        return VERDICT_NO_MEANS;
    if (signature_length != verifier->signature_octets)
        return VERDICT_BAD_FORM;
    if (verifier->algorithm->digest != DIGEST_NONE &&
        length != digest_octets(verifier->algorithm->digest))
        return VERDICT_BAD_FORM;

    verifier->checks -= verifier->checks > 0;
    switch (verifier->algorithm->family) {
    case ALGORITHM_FAMILY_RSA:
        outcome = EVP_PKEY_verify(verifier->prepared, signature, signature_length, octets, length);
        break;
    case ALGORITHM_FAMILY_ECDSA:
        outcome = check_ecdsa(verifier, octets, length, signature);
        break;
    case ALGORITHM_FAMILY_EDWARDS:
        outcome = check_whole(verifier, octets, length, signature);
        break;
    }
    if (outcome == 1)
        return VERDICT_VALID;
    ERR_clear_error();
    return VERDICT_BAD_SIGNATURE;
}

enum verdict verifier_check_message(struct verifier *verifier, struct digest_context *digests,
                                    const struct reader *message, const uint8_t *signature,
                                    size_t signature_length)
{
    uint8_t hash[DIGEST_MAX_OCTETS];
    size_t length = reader_left(message);

    if (!verifier->key)
        return VERDICT_NO_MEANS;
    enum digest digest = verifier->algorithm->digest;
    if (digest == DIGEST_NONE)
        return verifier_check_octets(verifier, message->at, length, signature, signature_length);
    if (digest_make(digests, digest, message->at, length, hash))
        return VERDICT_NO_MEANS;
    return verifier_check_octets(verifier, hash, digest_octets(digest), signature,
                                 signature_length);
}

/* ---- RRsets -------------------------------------------------------------------------------- */

/* What can be told without any mathematics (RFC 4035 section 5.3.1). */
static enum verdict check_fields(const struct verifier *verifier,
                                 const struct verify_request *request)
{
    const struct rrsig_fields *fields = &request->rrsig->fields;
    const struct name *owner = request->rrset->owner;
    uint32_t now = rrsig_stamp(request->now);

    if (fields->covered != request->rrset->type)
        return VERDICT_WRONG_TYPE;
    if (!name_equal(&fields->signer, request->apex) || !name_is_within(owner, request->apex))
        return VERDICT_WRONG_SIGNER;
    if (fields->labels > rrsig_labels(owner) || fields->labels < fields->signer.labels)
        return VERDICT_WRONG_LABELS;
    if (fields->algorithm != verifier->algorithm->number || fields->key_tag != verifier->key_tag ||
        !(verifier->flags & DNSKEY_FLAG_ZONE))
        return VERDICT_WRONG_KEY;
    if (rrsig_stamp_compare(fields->inception, now) > 0)
        return VERDICT_NOT_YET;
    if (rrsig_stamp_compare(now, fields->expiration) > 0)
        return VERDICT_EXPIRED;
    return VERDICT_VALID;
}

enum verdict verifier_check_rrset(struct verifier *verifier, struct digest_context *digests,
                                  const struct verify_request *request)
{
    if (!verifier->key)
        return VERDICT_NO_MEANS;
    enum verdict verdict = check_fields(verifier, request);
    if (verdict != VERDICT_VALID)
        return verdict;

    buffer_clear(&digests->octets);
    enum result result =
        rrsig_octets_to_sign(&request->rrsig->fields, request->rrset, &digests->octets);
    if (result)
        return result == RESULT_FORMAT ? VERDICT_BAD_FORM : VERDICT_NO_MEANS;
    struct reader message = reader_over(digests->octets.octets, digests->octets.length);
    return verifier_check_message(verifier, digests, &message, request->rrsig->signature,
                                  request->rrsig->signature_length);
}

enum verdict verify_rrset(const struct dnskey *key, const struct verify_request *request)
{
    struct digest_context digests = {.work = NULL};
    struct verifier verifier = {.key = NULL};
    enum verdict verdict = VERDICT_NO_MEANS;

    enum result result = verifier_open(&verifier, key);
    if (result == RESULT_FORMAT)
        verdict = VERDICT_WRONG_KEY;
    else if (result == RESULT_OK && digest_context_open(&digests) == RESULT_OK)
        verdict = verifier_check_rrset(&verifier, &digests, request);
    digest_context_close(&digests);
    verifier_close(&verifier);
    return verdict;
}
