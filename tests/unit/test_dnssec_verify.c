/* test_dnssec_verify.c - signatures of the RFCs, of peers and of our own, whole and damaged. */
#include "support.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "avow/dnssec/verify.h"
#include "avow/wire/type.h"
#include "records.h"

/* ---- examples of the RFCs ------------------------------------------------------------------ */

static const struct {
    const char *what, *key, *record, *signature;
    uint64_t now;
} examples[] = {
    {"RFC 5702 section 6.1",
     "example.net. 3600 IN DNSKEY 256 3 8 AwEAAcFcGsaxxdgiuuGmCkVImy4h99CqT7jwY3pexPGcnUFtR2Fh36Bpo"
     "ncwtkZ4cAgtvd4Qs8PkxUdp6p/DlUmObdk=",
     "www.example.net. 3600 IN A 192.0.2.91",
     "www.example.net. 3600 IN RRSIG A 8 3 3600 20300101000000 20000101000000 9033 example.net. "
     "kRCOH6u7l0QGy9qpC9l1sLncJcOKFLJ7GhiUOibu4teYp5VE9RncriShZNz85mwlMgNEacFYK/lPtPiVYP4bwg==",
     1283000000},
    {"RFC 5702 section 6.2",
     "example.net. 3600 IN DNSKEY 256 3 10 AwEAAdHoNTOW+et86KuJOWRDp1pndvwb6Y83nSVXXyLA3DLroROUkN6X"
     "0O6pnWnjJQujX/AyhqFDxj13tOnD9u/1kTg7cV6rklMrZDtJCQ5PCl/D7QNPsgVsMu1J2Q8gpMpztNFLpPBz1bWXjDta"
     "R7ZQBlZ3PFY12ZTSncorffcGmhOL",
     "www.example.net. 3600 IN A 192.0.2.91",
     "www.example.net. 3600 IN RRSIG A 10 3 3600 20300101000000 20000101000000 3740 example.net. "
     "tsb4wnjRUDnB1BUi+t6TMTXThjVnG+eCkWqjvvjhzQL1d0YRoOe0CbxrVDYd0xDtsuJRaeUw1ep94PzEWzr0iGYgZBWm"
     "/zpq+9fOuagYJRfDqfReKBzMweOLDiNa8iP5g9vMhpuv6OPlvpXwm9Sa9ZXIbNl1MBGk0fthPgxdDLw=",
     1283000000},
    {"RFC 6605 section 6.1",
     "example.net. 3600 IN DNSKEY 257 3 13 GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYb"
     "cB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==",
     "www.example.net. 3600 IN A 192.0.2.1",
     "www.example.net. 3600 IN RRSIG A 13 3 3600 20100909100439 20100812100439 55648 example.net. "
     "qx6wLYqmh+l9oCKTN6qIc+bw6ya+KJ8oMz0YP107epXAyGmt+3SNruPFKG7tZoLBLlUzGGus7ZwmwWep666VCw==",
     1283000000},
    {"RFC 6605 section 6.2",
     "example.net. 3600 IN DNSKEY 257 3 14 xKYaNhWdGOfJ+nPrL8/arkwf2EY3MDJ+SErKivBVSum1w/egsXvSADtN"
     "Jhyem5RCOpgQ6K8X1DRSEkrbYQ+OB+v8/uX45NBwY8rp65F6Glur8I/mlVNgF6W/qTI37m40",
     "www.example.net. 3600 IN A 192.0.2.1",
     "www.example.net. 3600 IN RRSIG A 14 3 3600 20100909102025 20100812102025 10771 example.net. "
     "/L5hDKIvGDyI1fcARX3z65qrmPsVz73QD1Mr5CEqOiLP95hxQouuroGCeZOvzFaxsT8Glr74hbavRKayJNuydCuzWTSS"
     "Pdz7wnqXL5bdcJzusdnI0RSMROxxwGipWcJm",
     1283000000},
    /* The signatures that RFC 8080 prints have a wrong Labels field; these are of erratum 4935. */
    {"RFC 8080 section 6.1",
     "example.com. 3600 IN DNSKEY 257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=",
     "example.com. 3600 IN MX 10 mail.example.com.",
     "example.com. 3600 IN RRSIG MX 15 2 3600 1440021600 1438207200 3613 example.com. "
     "oL9krJun7xfBOIWcGHi7mag5/hdZrKWw15jPGrHpjQeRAvTdszaPD+QLs3fx8A4M3e23mRZ9VrbpMngwcrqNAg==",
     1439000000},
    {"RFC 8080 section 6.1, second",
     "example.com. 3600 IN DNSKEY 257 3 15 zPnZ/QwEe7S8C5SPz2OfS5RR40ATk2/rYnE9xHIEijs=",
     "Example.COM. 300 IN MX 10 Mail.Example.com.",
     "example.com. 3600 IN RRSIG MX 15 2 3600 1440021600 1438207200 35217 example.com. "
     "zXQ0bkYgQTEFyfLyi9QoiY6D8ZdYo4wyUhVioYZXFdT410QPRITQSqJSnzQoSm5poJ7gD7AQR0O7KuI5k2pcBg==",
     1439000000},
    {"RFC 8080 section 6.2",
     "example.com. 3600 IN DNSKEY 257 3 16 3kgROaDjrh0H2iuixWBrc8g2EpBBLCdGzHmn+G2MpTPhpj/OiBVHHSfP"
     "odx1FYYUcJKm1MDpJtIA",
     "example.com. 3600 IN MX 10 mail.example.com.",
     "example.com. 3600 IN RRSIG MX 16 2 3600 1440021600 1438207200 9713 example.com. "
     "3cPAHkmlnxcDHMyg7vFC34l0blBhuG1qpwLmjInI8w1CMB29FkEAIJUA0amxWndkmnBZ6SKiwZSAxGILn/NBtOXft0+G"
     "j7FSvOKxE/07+4RQvE581N3Aj/JtIyaiYVdnYtyMWbSNyGEY2213WKsJlwEA",
     1439000000},
};

/* The key, the signature and the request of a row, as the code under test sees them. */
struct example {
    struct records key, record, signature;
    struct dnskey dnskey;
    struct rrsig rrsig;
    struct rrset rrset;
    struct verify_request request;
};

static void first_rdata(const struct records *records, struct reader *rdata)
{
    struct rrset rrset = records_rrset(&records->sets[0]);
    struct reader run = rdata_run_reader(&rrset.rdata);

    ck_assert(rdata_next(&run, rdata));
}

static void example_open(struct example *example, int row)
{
    struct reader rdata;

    memset(example, 0, sizeof(*example));
    records_add_line(&example->key, examples[row].key);
    records_add_line(&example->record, examples[row].record);
    records_add_line(&example->signature, examples[row].signature);
    first_rdata(&example->key, &rdata);
    ck_assert(dnskey_read(&rdata, &example->dnskey) == RESULT_OK);
    first_rdata(&example->signature, &rdata);
    ck_assert(rrsig_read(&rdata, &example->rrsig) == RESULT_OK);
    example->rrset = records_rrset(&example->record.sets[0]);
    example->request = (struct verify_request){.rrset = &example->rrset,
                                               .rrsig = &example->rrsig,
                                               .apex = &example->key.sets[0].owner,
                                               .now = examples[row].now};
}

static void example_close(struct example *example)
{
    records_free(&example->key);
    records_free(&example->record);
    records_free(&example->signature);
}

START_TEST(verifies_the_examples)
{
    struct example example;

    example_open(&example, _i);
    enum verdict verdict = verify_rrset(&example.dnskey, &example.request);
    ck_assert_msg(verdict == VERDICT_VALID, "%s: %s", examples[_i].what, verdict_sentence(verdict));
    example_close(&example);
}
END_TEST

/* Every octet of the RDATA of key, record and signature matters. */
START_TEST(one_flipped_bit_is_noticed)
{
    struct example example;
    struct records *parts[3];

    example_open(&example, _i);
    example_close(&example);
    for (unsigned part = 0; part < COUNT(parts); part++) {
        example_open(&example, _i);
        parts[0] = &example.key, parts[1] = &example.record, parts[2] = &example.signature;
        size_t length = parts[part]->sets[0].run.length;
        example_close(&example);
        for (size_t at = 2; at < length; at++) {
            struct reader rdata;
            example_open(&example, _i);
            parts[0] = &example.key, parts[1] = &example.record, parts[2] = &example.signature;
            parts[part]->sets[0].run.octets[at] ^= (uint8_t)(1u << at % 5); /* no letter's case */
            first_rdata(&example.key, &rdata);
            enum result key = dnskey_read(&rdata, &example.dnskey);
            first_rdata(&example.signature, &rdata);
            enum result rrsig = rrsig_read(&rdata, &example.rrsig);
            ck_assert_msg(key || rrsig ||
                              verify_rrset(&example.dnskey, &example.request) != VERDICT_VALID,
                          "%s: part %u, octet %zu", examples[_i].what, part, at);
            example_close(&example);
        }
    }
}
END_TEST

START_TEST(says_what_is_wrong)
{
    struct example example;
    struct name other = name_of("example.org"), below = name_of("a.www.example.net");

    example_open(&example, 2);
    struct verify_request good = example.request;
    struct rrsig_fields fields = example.rrsig.fields;

    example.rrset.type = TYPE_AAAA;
    ck_assert(verify_rrset(&example.dnskey, &example.request) == VERDICT_WRONG_TYPE);
    example.rrset.type = TYPE_A;

    example.request.apex = &other;
    ck_assert(verify_rrset(&example.dnskey, &example.request) == VERDICT_WRONG_SIGNER);
    example.request = good;
    example.rrset.owner = &other;
    ck_assert(verify_rrset(&example.dnskey, &example.request) == VERDICT_WRONG_SIGNER);
    example.rrset.owner = &example.record.sets[0].owner;

    example.rrsig.fields.labels = 4;
    ck_assert(verify_rrset(&example.dnskey, &example.request) == VERDICT_WRONG_LABELS);
    example.rrsig.fields.labels = 1; /* a wildcard above the zone */
    ck_assert(verify_rrset(&example.dnskey, &example.request) == VERDICT_WRONG_LABELS);
    example.rrsig.fields = fields;

    example.dnskey.flags ^= DNSKEY_FLAG_SEP; /* another tag */
    ck_assert(verify_rrset(&example.dnskey, &example.request) == VERDICT_WRONG_KEY);
    example.dnskey.flags = DNSKEY_FLAG_SEP; /* no zone key */
    example.rrsig.fields.key_tag = dnskey_tag(&example.dnskey);
    ck_assert(verify_rrset(&example.dnskey, &example.request) == VERDICT_WRONG_KEY);
    example.dnskey.flags = 257;
    example.rrsig.fields = fields;

    example.request.now = fields.inception - 1;
    ck_assert(verify_rrset(&example.dnskey, &example.request) == VERDICT_NOT_YET);
    example.request.now = fields.inception;
    ck_assert(verify_rrset(&example.dnskey, &example.request) == VERDICT_VALID);
    example.request.now = fields.expiration;
    ck_assert(verify_rrset(&example.dnskey, &example.request) == VERDICT_VALID);
    example.request.now = fields.expiration + 1u;
    ck_assert(verify_rrset(&example.dnskey, &example.request) == VERDICT_EXPIRED);
    example.request = good;

    example.rrsig.signature_length--;
    ck_assert(verify_rrset(&example.dnskey, &example.request) == VERDICT_BAD_FORM);
    example.rrsig.signature_length++;
    example.rrset.owner = &below; /* as if a wildcard had been expanded */
    ck_assert(verify_rrset(&example.dnskey, &example.request) == VERDICT_BAD_SIGNATURE);
    example_close(&example);
}
END_TEST

/* ---- zones that peers signed --------------------------------------------------------------- */

static const struct {
    const char *file;
    unsigned least; /* signatures that it must hold, lest an empty file passes */
} zones[] = {
    {"bind-13-nsec", 40}, {"bind-13-nsec3", 40}, {"bind-13-optout", 40}, {"ldns-13-nsec3", 40},
    {"bind-8-nsec3", 20}, {"ldns-10-nsec", 20},  {"bind-14-nsec", 20},   {"bind-15-nsec3", 20},
    {"ldns-15-nsec", 20}, {"bind-16-nsec", 20},
};

struct keyring {
    struct verifier verifiers[2];
    unsigned count;
    struct digest_context digests;
};

static void keyring_open(struct keyring *ring, const struct records *zone, const struct name *apex)
{
    const struct records_set *set = records_find(zone, apex, TYPE_DNSKEY);
    struct dnskey key;
    struct reader rdata;

    ck_assert_ptr_nonnull(set);
    struct rrset rrset = records_rrset(set);
    struct reader run = rdata_run_reader(&rrset.rdata);
    *ring = (struct keyring){.count = 0};
    ck_assert(digest_context_open(&ring->digests) == RESULT_OK);
    while (rdata_next(&run, &rdata)) {
        ck_assert_uint_lt(ring->count, COUNT(ring->verifiers));
        ck_assert(dnskey_read(&rdata, &key) == RESULT_OK);
        ck_assert_ptr_null(dnskey_fault(&key));
        ck_assert(verifier_open(&ring->verifiers[ring->count++], &key) == RESULT_OK);
    }
}

static void keyring_close(struct keyring *ring)
{
    for (unsigned i = 0; i < ring->count; i++)
        verifier_close(&ring->verifiers[i]);
    digest_context_close(&ring->digests);
}

static enum verdict check_with(struct keyring *ring, const struct verify_request *request)
{
    for (unsigned i = 0; i < ring->count; i++)
        if (ring->verifiers[i].key_tag == request->rrsig->fields.key_tag)
            return verifier_check_rrset(&ring->verifiers[i], &ring->digests, request);
    return VERDICT_WRONG_KEY;
}

START_TEST(verifies_what_peers_signed)
{
    struct records zone = {0};
    struct name apex = name_of("example.com.");
    struct keyring ring;
    char path[128];
    unsigned valid = 0;

    snprintf(path, sizeof(path), "tests/unit/fixtures/dnssec/%s.zone", zones[_i].file);
    records_add_file(&zone, path);
    keyring_open(&ring, &zone, &apex);
    for (size_t i = 0; i < zone.count; i++) {
        if (zone.sets[i].type != TYPE_RRSIG)
            continue;
        struct rrset signatures = records_rrset(&zone.sets[i]);
        struct reader run = rdata_run_reader(&signatures.rdata), rdata;
        while (rdata_next(&run, &rdata)) {
            struct rrsig rrsig;
            ck_assert(rrsig_read(&rdata, &rrsig) == RESULT_OK);
            const struct records_set *set =
                records_find(&zone, &zone.sets[i].owner, rrsig.fields.covered);
            ck_assert_ptr_nonnull(set);
            struct rrset rrset = records_rrset(set);
            struct verify_request request = {&rrset, &rrsig, &apex, 1800000000};
            char text[NAME_MAX_TEXT];
            enum verdict verdict = check_with(&ring, &request);
            ck_assert_msg(verdict == VERDICT_VALID, "%s: %s type %u: %s", zones[_i].file,
                          name_to_text(rrset.owner, text), rrset.type, verdict_sentence(verdict));
            valid++;

            uint8_t damaged[ALGORITHM_MAX_SIGNATURE];
            memcpy(damaged, rrsig.signature, rrsig.signature_length);
            damaged[valid % rrsig.signature_length] ^= 0x10;
            rrsig.signature = damaged;
            ck_assert(check_with(&ring, &request) == VERDICT_BAD_SIGNATURE);
        }
    }
    ck_assert_msg(valid >= zones[_i].least, "%s: only %u signatures", zones[_i].file, valid);
    keyring_close(&ring);
    records_free(&zone);
}
END_TEST

/* ---- signatures of our own, made the way a token makes them -------------------------------- */

static EVP_PKEY *generate(uint8_t algorithm)
{
    switch (algorithm) {
    case ALGORITHM_ECDSAP256SHA256:
        return EVP_EC_gen("P-256");
    case ALGORITHM_ECDSAP384SHA384:
        return EVP_EC_gen("P-384");
    case ALGORITHM_ED25519:
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    case ALGORITHM_ED448:
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED448");
    default:
        return EVP_RSA_gen(1024);
    }
}

static void show_rsa(EVP_PKEY *pair, struct dnskey *key)
{
    uint8_t e[16], n[128];
    BIGNUM *number = NULL;
    struct dnskey_rsa rsa = {.exponent = e, .modulus = n, .modulus_length = sizeof(n)};

    ck_assert_int_eq(EVP_PKEY_get_bn_param(pair, OSSL_PKEY_PARAM_RSA_E, &number), 1);
    rsa.exponent_length = (uint16_t)BN_bn2bin(number, e);
    ck_assert_int_eq(EVP_PKEY_get_bn_param(pair, OSSL_PKEY_PARAM_RSA_N, &number), 1);
    ck_assert_int_eq(BN_bn2binpad(number, n, sizeof(n)), sizeof(n));
    BN_free(number);
    ck_assert(dnskey_set_rsa(key, &rsa) == RESULT_OK);
}

/* The public key by way of what PKCS #11 shows. */
static struct dnskey show(EVP_PKEY *pair, const struct algorithm *algorithm)
{
    struct dnskey key = {.flags = 256, .protocol = 3, .algorithm = algorithm->number};
    uint8_t point[128] = {0x04};
    size_t length = 0;

    if (algorithm->family == ALGORITHM_FAMILY_RSA) {
        show_rsa(pair, &key);
    } else if (algorithm->family == ALGORITHM_FAMILY_ECDSA) {
        ck_assert_int_eq(EVP_PKEY_get_octet_string_param(pair, OSSL_PKEY_PARAM_PUB_KEY, point + 2,
                                                         sizeof(point) - 2, &length),
                         1);
        point[1] = (uint8_t)length;
        ck_assert(dnskey_set_point(&key, key.algorithm, point, length + 2) == RESULT_OK);
    } else {
        length = sizeof(point);
        ck_assert_int_eq(EVP_PKEY_get_raw_public_key(pair, point, &length), 1);
        ck_assert(dnskey_set_point(&key, key.algorithm, point, length) == RESULT_OK);
    }
    ck_assert_ptr_null(dnskey_fault(&key));
    return key;
}

/* CKM_RSA_PKCS: DigestInfo and digest, padded and signed as they are. */
static size_t sign_rsa(EVP_PKEY *pair, enum digest digest, const uint8_t *hash, uint8_t *signature)
{
    uint8_t info[128];
    size_t prefix_length, length = ALGORITHM_MAX_SIGNATURE;
    const uint8_t *prefix = rrsig_digest_info(digest, &prefix_length);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(pair, NULL);

    memcpy(info, prefix, prefix_length);
    memcpy(info + prefix_length, hash, digest_octets(digest));
    ck_assert_int_eq(EVP_PKEY_sign_init(context), 1);
    ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING), 1);
    ck_assert_int_eq(
        EVP_PKEY_sign(context, signature, &length, info, prefix_length + digest_octets(digest)), 1);
    EVP_PKEY_CTX_free(context);
    return length;
}

/* CKM_ECDSA: r||s. */
static size_t sign_ecdsa(EVP_PKEY *pair, const struct algorithm *algorithm, const uint8_t *hash,
                         uint8_t *signature)
{
    uint8_t der[160];
    const uint8_t *at = der;
    size_t length = sizeof(der);
    int half = algorithm->signature_octets / 2;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(pair, NULL);

    ck_assert_int_eq(EVP_PKEY_sign_init(context), 1);
    ck_assert_int_eq(EVP_PKEY_sign(context, der, &length, hash, digest_octets(algorithm->digest)),
                     1);
    EVP_PKEY_CTX_free(context);
    ECDSA_SIG *pairs = d2i_ECDSA_SIG(NULL, &at, (long)length);
    ck_assert_ptr_nonnull(pairs);
    ck_assert_int_eq(BN_bn2binpad(ECDSA_SIG_get0_r(pairs), signature, half), half);
    ck_assert_int_eq(BN_bn2binpad(ECDSA_SIG_get0_s(pairs), signature + half, half), half);
    ECDSA_SIG_free(pairs);
    return algorithm->signature_octets;
}

static size_t sign_edwards(EVP_PKEY *pair, const struct buffer *message, uint8_t *signature)
{
    size_t length = ALGORITHM_MAX_SIGNATURE;
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    ck_assert_int_eq(EVP_DigestSignInit(context, NULL, NULL, NULL, pair), 1);
    ck_assert_int_eq(EVP_DigestSign(context, signature, &length, message->octets, message->length),
                     1);
    EVP_MD_CTX_free(context);
    return length;
}

static size_t sign(EVP_PKEY *pair, const struct rrsig_fields *fields, const struct rrset *rrset,
                   uint8_t *signature)
{
    const struct algorithm *algorithm = algorithm_find(fields->algorithm);
    struct digest_context digests;
    struct buffer message = {0};
    uint8_t hash[DIGEST_MAX_OCTETS];
    size_t length, hash_length;

    ck_assert(digest_context_open(&digests) == RESULT_OK);
    if (algorithm->family == ALGORITHM_FAMILY_EDWARDS) {
        ck_assert(rrsig_octets_to_sign(fields, rrset, &message) == RESULT_OK);
        length = sign_edwards(pair, &message, signature);
        buffer_free(&message);
    } else {
        ck_assert(rrsig_digest_to_sign(&digests, fields, rrset, hash, &hash_length) == RESULT_OK);
        length = algorithm->family == ALGORITHM_FAMILY_RSA
                     ? sign_rsa(pair, algorithm->digest, hash, signature)
                     : sign_ecdsa(pair, algorithm, hash, signature);
    }
    digest_context_close(&digests);
    return length;
}

static const uint8_t algorithms[] = {8, 10, 13, 14, 15, 16};

START_TEST(verifies_what_we_lay_out)
{
    static const uint8_t txt[] = {0, 4, 3, 'o', 'n', 'e', 0, 4, 3, 't', 'w', 'o'};
    const struct algorithm *algorithm = algorithm_find(algorithms[_i]);
    EVP_PKEY *pair = generate(algorithm->number);
    struct dnskey key = show(pair, algorithm);
    struct name apex = name_of("Example."), wildcard = name_of("*.Example."),
                expanded = name_of("a.b.example.");
    struct rrset rrset = {&wildcard, TYPE_TXT, CLASS_IN, 60, {txt, sizeof(txt), 2}};
    struct rrsig rrsig = {.fields = {.covered = TYPE_TXT,
                                     .algorithm = algorithm->number,
                                     .labels = rrsig_labels(&wildcard),
                                     .original_ttl = 60,
                                     .expiration = 2000,
                                     .inception = 1000,
                                     .key_tag = dnskey_tag(&key),
                                     .signer = apex}};
    struct verify_request request = {&rrset, &rrsig, &apex, 1500};
    struct digest_context digests;
    struct verifier verifier;

    ck_assert(digest_context_open(&digests) == RESULT_OK);
    ck_assert(verifier_open(&verifier, &key) == RESULT_OK);
    for (int round = 0; round < 40; round++) { /* r and s with leading zeros come by in time */
        uint8_t signature[ALGORITHM_MAX_SIGNATURE];
        rrsig.fields.original_ttl = (uint32_t)round;
        rrsig.signature = signature;
        rrsig.signature_length = sign(pair, &rrsig.fields, &rrset, signature);
        ck_assert_uint_eq(rrsig.signature_length, dnskey_signature_octets(&key));
        ck_assert(verifier_check_rrset(&verifier, &digests, &request) == VERDICT_VALID);
        rrset.owner = &expanded; /* as a wildcard's answer carries it */
        ck_assert(verifier_check_rrset(&verifier, &digests, &request) == VERDICT_VALID);
        rrset.owner = &wildcard;
        signature[round] ^= 1; /* and the verifier lives on after a failure */
        ck_assert(verifier_check_rrset(&verifier, &digests, &request) == VERDICT_BAD_SIGNATURE);
        if (round == 20) {
            verifier_make_table(&verifier);
            ck_assert_int_eq(verifier.table != NULL,
                             algorithm->number == ALGORITHM_ECDSAP256SHA256);
        }
    }
    verifier_close(&verifier);
    digest_context_close(&digests);
    EVP_PKEY_free(pair);
}
END_TEST

static void put_number(uint8_t *place, const BIGNUM *number, size_t octets)
{
    ck_assert_int_eq(BN_bn2binpad(number, place, (int)octets), (int)octets);
}

struct bench {
    struct verifier plain, quick;
    uint8_t hash[DIGEST_MAX_OCTETS], signature[ALGORITHM_MAX_SIGNATURE];
    size_t octets; /* of a number, and of the hash */
};

static enum verdict both(struct bench *bench)
{
    enum verdict verdict = verifier_check_octets(&bench->plain, bench->hash, bench->octets,
                                                 bench->signature, 2 * bench->octets);
    ck_assert_int_eq(verifier_check_octets(&bench->quick, bench->hash, bench->octets,
                                           bench->signature, 2 * bench->octets),
                     verdict);
    return verdict;
}

/* Each number of the signature in turn is replaced by one at an end of what is allowed. */
static void try_ends(struct bench *bench, const BIGNUM *order)
{
    uint8_t kept[ALGORITHM_MAX_SIGNATURE];
    BIGNUM *number = BN_new();

    memcpy(kept, bench->signature, sizeof kept);
    for (unsigned place = 0; place < 2; place++) {
        uint8_t *octets = bench->signature + place * bench->octets;
        memset(octets, 0, bench->octets);
        ck_assert(both(bench) == VERDICT_BAD_SIGNATURE);
        memset(octets, 0xff, bench->octets);
        ck_assert(both(bench) == VERDICT_BAD_SIGNATURE);
        for (int past = -1; past <= 1; past++) {
            ck_assert_ptr_nonnull(BN_copy(number, order));
            ck_assert_int_eq(
                past < 0 ? BN_sub_word(number, 1) : BN_add_word(number, (BN_ULONG)past), 1);
            put_number(octets, number, bench->octets);
            ck_assert(both(bench) == VERDICT_BAD_SIGNATURE);
        }
        memcpy(bench->signature, kept, sizeof kept);
    }
    /* r and n - s are a signature as well. */
    BN_bin2bn(kept + bench->octets, (int)bench->octets, number);
    ck_assert_int_eq(BN_sub(number, order, number), 1);
    put_number(bench->signature + bench->octets, number, bench->octets);
    ck_assert(both(bench) == VERDICT_VALID);
    memcpy(bench->signature, kept, sizeof kept);
    BN_free(number);
}

static void try_hashes(struct bench *bench)
{
    uint8_t kept[DIGEST_MAX_OCTETS];

    memcpy(kept, bench->hash, sizeof kept);
    memset(bench->hash, 0, bench->octets);
    ck_assert(both(bench) == VERDICT_BAD_SIGNATURE);
    memset(bench->hash, 0xff, bench->octets);
    ck_assert(both(bench) == VERDICT_BAD_SIGNATURE);
    memcpy(bench->hash, kept, sizeof kept);
    for (size_t bit = 0; bit < 8 * bench->octets; bit += 11) {
        bench->hash[bit / 8] ^= (uint8_t)(1U << bit % 8);
        ck_assert(both(bench) == VERDICT_BAD_SIGNATURE);
        memcpy(bench->hash, kept, sizeof kept);
    }
}

/* With the hash 0 the generator has no part in the point, and with s = r the point is the key's
 * own: a signature that needs no private key. With the hash r d both parts are the same point, with
 * -r d their sum is the point at infinity. */
static void try_points(struct bench *bench, EVP_PKEY *pair, const struct dnskey *key,
                       const BIGNUM *order)
{
    BIGNUM *number = NULL, *r = BN_new();
    BN_CTX *work = BN_CTX_new();

    ck_assert_int_eq(EVP_PKEY_get_bn_param(pair, OSSL_PKEY_PARAM_PRIV_KEY, &number), 1);
    ck_assert_ptr_nonnull(BN_bin2bn(bench->signature, (int)bench->octets, r));
    ck_assert_int_eq(BN_mod_mul(number, number, r, order, work), 1);
    put_number(bench->hash, number, bench->octets);
    ck_assert(both(bench) == VERDICT_BAD_SIGNATURE);
    ck_assert_int_eq(BN_sub(number, order, number), 1);
    put_number(bench->hash, number, bench->octets);
    ck_assert(both(bench) == VERDICT_BAD_SIGNATURE);
    memset(bench->hash, 0, bench->octets);
    for (unsigned place = 0; place < 2; place++)
        memcpy(bench->signature + place * bench->octets, key->public_key, bench->octets);
    ck_assert(both(bench) == VERDICT_VALID);
    BN_CTX_free(work);
    BN_free(number);
    BN_free(r);
}

/* Of a point whose x is not below the order, r is what is left of x: one number in 2^32, so a key
 * is made to fit. Q = r^-1 (s R - h G), here with s = 1 and h = 0: no private key is known. */
START_TEST(a_point_beyond_the_order)
{
    const struct algorithm *algorithm = algorithm_find(ALGORITHM_ECDSAP256SHA256);
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    const BIGNUM *order = EC_GROUP_get0_order(group);
    EC_POINT *place = EC_POINT_new(group);
    BIGNUM *x = BN_dup(order), *r = BN_new();
    BN_CTX *work = BN_CTX_new();
    uint8_t octets[1 + 64];
    struct dnskey key = {.flags = 256, .protocol = 3, .algorithm = algorithm->number, .length = 64};
    struct bench bench = {.octets = 32};

    while (BN_is_zero(r) || EC_POINT_set_compressed_coordinates(group, place, x, 0, work) != 1) {
        ck_assert_int_eq(BN_add_word(x, 1), 1);
        ck_assert_int_eq(BN_sub(r, x, order), 1);
    }
    put_number(bench.signature, r, 32);
    bench.signature[63] = 1;
    ck_assert_ptr_nonnull(BN_mod_inverse(r, r, order, work));
    ck_assert_int_eq(EC_POINT_mul(group, place, NULL, place, r, work), 1);
    ck_assert_uint_eq(EC_POINT_point2oct(group, place, POINT_CONVERSION_UNCOMPRESSED, octets,
                                         sizeof octets, work),
                      sizeof octets);
    memcpy(key.public_key, octets + 1, 64);
    ck_assert(verifier_open(&bench.plain, &key) == RESULT_OK);
    ck_assert(verifier_open(&bench.quick, &key) == RESULT_OK);
    verifier_make_table(&bench.quick);
    ck_assert_ptr_nonnull(bench.quick.table);
    ck_assert(both(&bench) == VERDICT_VALID);
    put_number(bench.signature, x, 32); /* what is not below the order is no r */
    ck_assert(both(&bench) == VERDICT_BAD_SIGNATURE);
    verifier_close(&bench.plain);
    verifier_close(&bench.quick);
    BN_CTX_free(work);
    BN_free(r);
    BN_free(x);
    EC_POINT_free(place);
    EC_GROUP_free(group);
}
END_TEST

START_TEST(a_table_judges_as_openssl_does)
{
    static const uint8_t nonce[] = "some octets that nobody chose";
    const struct algorithm *algorithm = algorithm_find(ALGORITHM_ECDSAP256SHA256);
    EVP_PKEY *pair = generate(algorithm->number);
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    struct dnskey key = show(pair, algorithm);
    struct bench bench = {.octets = digest_octets(algorithm->digest)};
    struct digest_context digests;

    ck_assert(digest_context_open(&digests) == RESULT_OK);
    ck_assert(digest_make(&digests, algorithm->digest, nonce, sizeof nonce, bench.hash) ==
              RESULT_OK);
    ck_assert(verifier_open(&bench.plain, &key) == RESULT_OK);
    ck_assert(verifier_open(&bench.quick, &key) == RESULT_OK);
    verifier_make_table(&bench.quick);
    ck_assert_ptr_nonnull(bench.quick.table);
    for (int round = 0; round < 8; round++) {
        (void)sign_ecdsa(pair, algorithm, bench.hash, bench.signature);
        ck_assert(both(&bench) == VERDICT_VALID);
        try_ends(&bench, EC_GROUP_get0_order(group));
        try_hashes(&bench);
    }
    try_points(&bench, pair, &key, EC_GROUP_get0_order(group));
    verifier_close(&bench.plain);
    verifier_close(&bench.quick);
    digest_context_close(&digests);
    EC_GROUP_free(group);
    EVP_PKEY_free(pair);
}
END_TEST

START_TEST(a_table_is_wanted_by_who_verifies_often)
{
    EVP_PKEY *pair = generate(algorithms[_i]);
    struct dnskey key = show(pair, algorithm_find(algorithms[_i]));
    uint8_t octets[ALGORITHM_MAX_SIGNATURE] = {1};
    struct verifier verifier;

    ck_assert(verifier_open(&verifier, &key) == RESULT_OK);
    size_t hash = digest_octets(verifier.algorithm->digest);
    for (int i = 0; i < 1024; i++) {
        ck_assert(!verifier_wants_table(&verifier));
        ck_assert(verifier_check_octets(&verifier, octets, hash, octets,
                                        verifier.signature_octets) == VERDICT_BAD_SIGNATURE);
    }
    ck_assert_int_eq(verifier_wants_table(&verifier), algorithms[_i] == ALGORITHM_ECDSAP256SHA256);
    for (int i = 0; i < 2; i++) { /* another one takes its place */
        verifier_make_table(&verifier);
        ck_assert(!verifier_wants_table(&verifier));
    }
    verifier_drop_table(&verifier);
    ck_assert_ptr_null(verifier.table);
    ck_assert(!verifier_wants_table(&verifier));
    verifier_close(&verifier);
    EVP_PKEY_free(pair);
}
END_TEST

START_TEST(a_key_proves_itself_with_any_message)
{
    static const uint8_t nonce[] = "some octets that nobody chose";
    EVP_PKEY *pair = generate(ALGORITHM_ED25519);
    struct dnskey key = show(pair, algorithm_find(ALGORITHM_ED25519));
    struct buffer message = {0};
    uint8_t signature[ALGORITHM_MAX_SIGNATURE];
    struct digest_context digests;
    struct verifier verifier;

    buffer_add(&message, nonce, sizeof(nonce));
    size_t length = sign_edwards(pair, &message, signature);
    struct reader reader = reader_over(nonce, sizeof(nonce));
    struct reader shorter = reader_over(nonce, sizeof(nonce) - 1);
    ck_assert(digest_context_open(&digests) == RESULT_OK);
    ck_assert(verifier_open(&verifier, &key) == RESULT_OK);
    ck_assert(verifier_check_message(&verifier, &digests, &reader, signature, length) ==
              VERDICT_VALID);
    ck_assert(verifier_check_message(&verifier, &digests, &shorter, signature, length) ==
              VERDICT_BAD_SIGNATURE);
    verifier_close(&verifier);
    digest_context_close(&digests);
    buffer_free(&message);
    EVP_PKEY_free(pair);
}
END_TEST

START_TEST(refuses_keys_that_are_none)
{
    static const struct {
        uint8_t protocol, algorithm;
        uint16_t length;
    } rows[] = {{3, 13, 64} /* not on the curve */,
                {3, 13, 63},
                {3, 14, 96},
                {3, 15, 31},
                {3, 8, 30},
                {3, 5, 64},
                {2, 15, 32},
                {3, 8, 0}};
    struct dnskey key = {.flags = 256,
                         .protocol = rows[_i].protocol,
                         .algorithm = rows[_i].algorithm,
                         .length = rows[_i].length};
    struct verifier verifier;

    memset(key.public_key, 1, key.length);
    ck_assert(verifier_open(&verifier, &key) == RESULT_FORMAT);
    uint8_t octet = 0;
    ck_assert(verifier_check_octets(&verifier, &octet, 1, &octet, 1) == VERDICT_NO_MEANS);
    ck_assert(!verifier_wants_table(&verifier));
    verifier_close(&verifier); /* takes any state */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dnssec/verify");
    TCase *rfc = tcase_create("rfc"), *peers = tcase_create("peers"), *own = tcase_create("own");

    tcase_set_timeout(rfc, 60);
    tcase_set_timeout(own, 60);
    tcase_add_loop_test(rfc, verifies_the_examples, 0, COUNT(examples));
    tcase_add_loop_test(rfc, one_flipped_bit_is_noticed, 0, COUNT(examples));
    tcase_add_test(rfc, says_what_is_wrong);
    tcase_add_loop_test(peers, verifies_what_peers_signed, 0, COUNT(zones));
    tcase_add_loop_test(own, verifies_what_we_lay_out, 0, COUNT(algorithms));
    tcase_add_test(own, a_table_judges_as_openssl_does);
    tcase_add_test(own, a_point_beyond_the_order);
    tcase_add_loop_test(own, a_table_is_wanted_by_who_verifies_often, 0, COUNT(algorithms));
    tcase_add_test(own, a_key_proves_itself_with_any_message);
    tcase_add_loop_test(own, refuses_keys_that_are_none, 0, 8);
    suite_add_tcase(suite, rfc);
    suite_add_tcase(suite, peers);
    suite_add_tcase(suite, own);
    return run_suite(suite);
}
