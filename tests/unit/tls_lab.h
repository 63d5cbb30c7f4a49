/* tls_lab.h - certificates made on the spot, and the client's end of a TLS connection. */
#ifndef TESTS_UNIT_TLS_LAB_H
#define TESTS_UNIT_TLS_LAB_H

#include "support.h"

#include <string.h>

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include "avow/tls/stream.h"

enum { LAB_DAY = 24 * 60 * 60, LAB_PEM_OCTETS = 8192 };

struct lab_party {
    EVP_PKEY *key;
    X509 *certificate;
};

static inline void lab_extend(X509 *certificate, int kind, const char *text)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, kind, (char *)(uintptr_t)text);

    ck_assert_ptr_nonnull(extension);
    ck_assert_int_eq(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

/* A certificate of `days` (negative: it has ended) for names as in "DNS:a.test,DNS:b.test"; signed
 * by itself when there is no `signer`. */
static inline struct lab_party lab_party_make(const char *names, int days,
                                              const struct lab_party *signer)
{
    struct lab_party party = {.key = EVP_EC_gen("P-256"), .certificate = X509_new()};
    const unsigned char *const name = (const unsigned char *)(signer ? "party" : "authority");
    X509 *made = party.certificate;

    ck_assert(party.key && made);
    ck_assert_int_eq(X509_set_version(made, X509_VERSION_3), 1);
    ck_assert_int_eq(ASN1_INTEGER_set(X509_get_serialNumber(made), signer ? 2 : 1), 1);
    ck_assert_ptr_nonnull(X509_gmtime_adj(X509_getm_notBefore(made), -1000 * (long)LAB_DAY));
    ck_assert_ptr_nonnull(X509_gmtime_adj(X509_getm_notAfter(made), (long)days * LAB_DAY));
    ck_assert_int_eq(X509_set_pubkey(made, party.key), 1);
    ck_assert_int_eq(X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_ASC,
                                                name, -1, -1, 0),
                     1);
    X509 *issuer = signer ? signer->certificate : made;
    ck_assert_int_eq(X509_set_issuer_name(made, X509_get_subject_name(issuer)), 1);
    if (!signer)
        lab_extend(made, NID_basic_constraints, "critical,CA:TRUE");
    if (names)
        lab_extend(made, NID_subject_alt_name, names);
    ck_assert_int_gt(X509_sign(made, signer ? signer->key : party.key, EVP_sha256()), 0);
    return party;
}

static inline void lab_party_free(struct lab_party *party)
{
    EVP_PKEY_free(party->key);
    X509_free(party->certificate);
}

/* ---- PEM ------------------------------------------------------------------------------------- */

struct lab_pem {
    uint8_t octets[LAB_PEM_OCTETS];
    size_t length;
};

static inline void lab_pem_take(struct lab_pem *pem, BIO *bio)
{
    int length = BIO_read(bio, pem->octets, sizeof pem->octets);

    ck_assert_int_gt(length, 0);
    pem->length = (size_t)length;
    BIO_free(bio);
}

static inline void lab_certificate_pem(struct lab_pem *pem, const struct lab_party *party)
{
    BIO *bio = BIO_new(BIO_s_mem());

    ck_assert_int_eq(PEM_write_bio_X509(bio, party->certificate), 1);
    lab_pem_take(pem, bio);
}

/* Under a password when there is one. */
static inline void lab_key_pem(struct lab_pem *pem, const struct lab_party *party,
                               const char *password)
{
    BIO *bio = BIO_new(BIO_s_mem());

    ck_assert_int_eq(
        PEM_write_bio_PKCS8PrivateKey(bio, party->key, password ? EVP_aes_128_cbc() : NULL,
                                      password, password ? (int)strlen(password) : 0, NULL, NULL),
        1);
    lab_pem_take(pem, bio);
}

static inline void lab_pem_join(struct lab_pem *pem, const void *more, size_t length)
{
    ck_assert_uint_le(pem->length + length, sizeof pem->octets);
    memcpy(pem->octets + pem->length, more, length);
    pem->length += length;
}

/* The server's side of a configuration, pointing into the texts. */
static inline struct config_tls lab_tls(struct lab_pem *certificate, struct lab_pem *key,
                                        struct lab_pem *authorities)
{
    struct config_tls tls = {.certificate = certificate->octets,
                             .certificate_length = certificate->length,
                             .key = key->octets,
                             .key_length = key->length};

    if (authorities) {
        tls.client_ca = authorities->octets;
        tls.client_ca_length = authorities->length;
    }
    return tls;
}

#endif
