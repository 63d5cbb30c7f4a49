/*
 * token_lab.h - one test's own token, opened by the floor itself; and OpenSSL as judge of what it
 * signs. Include it once in a test program.
 */
#ifndef TESTS_UNIT_TOKEN_LAB_H
#define TESTS_UNIT_TOKEN_LAB_H

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <limits.h>
#include <p11-kit/pkcs11.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "avow/base/random.h"
#include "avow/pkcs11/location.h"
#include "avow/pkcs11/mechanism.h"
#include "avow/pkcs11/module.h"
#include "avow/pkcs11/object.h"
#include "avow/pkcs11/session.h"
#include "token.h"

#define SOMETIMES __attribute__((unused)) /* not by every program that includes this */

enum { MESSAGE_OCTETS = 333 };

/* A token made for one test, and the way to it. One test is one process. */
struct lab {
    char *folder;
    struct token_place place;
    char fault[PATH_MAX + 32], control[PATH_MAX], log[PATH_MAX];
    struct pkcs11_module module;
    struct pkcs11_location location;
    struct pkcs11_token token;
    struct pkcs11_mechanisms mechanisms;
    struct pkcs11_session session;
    struct pkcs11_failure failure;
};

/* A test that SoftHSM was part of ends here: it may crash in its own atexit handler. */
SOMETIMES static void lab_end(struct lab *lab)
{
    pkcs11_session_close(&lab->session);
    pkcs11_location_wipe(&lab->location);
    pkcs11_module_unload(&lab->module);
    folder_remove(lab->folder);
    _exit(EXIT_SUCCESS);
}

/* Nothing is shown by a test that could not run, so it says so. */
SOMETIMES static void lab_missing(struct lab *lab, const char *what)
{
    printf("SKIPPED: %s is not installed\n", what);
    fflush(stdout);
    folder_remove(lab->folder);
    _exit(EXIT_SUCCESS);
}

SOMETIMES static void lab_softhsm(struct lab *lab, const char *label)
{
    char words[PATH_MAX];

    if (!lab->folder)
        lab->folder = folder_make();
    snprintf(words, sizeof(words), "softhsm %s %s 1234", lab->folder, label);
    int code = token_script(&lab->place, words);
    if (code == TOKEN_MISSING)
        lab_missing(lab, "SoftHSM");
    ck_assert_int_eq(code, 0);
}

/* Put the module that fails on order before the real one. */
SOMETIMES static void lab_fault(struct lab *lab)
{
    token_fault_module(lab->fault);
    snprintf(lab->control, sizeof(lab->control), "%s/control", lab->folder);
    snprintf(lab->log, sizeof(lab->log), "%s/calls", lab->folder);
    ck_assert_int_eq(setenv("AVOW_FAULT_MODULE", lab->place.module, 1), 0);
    ck_assert_int_eq(setenv("AVOW_FAULT_CONTROL", lab->control, 1), 0);
    ck_assert_int_eq(setenv("AVOW_FAULT_LOG", lab->log, 1), 0);
    snprintf(lab->place.module, sizeof(lab->place.module), "%.500s", lab->fault);
}

/* How often a call stands in the fault module's log. */
SOMETIMES static unsigned lab_calls(struct lab *lab, const char *function)
{
    char line[128];
    unsigned calls = 0;

    FILE *file = fopen(lab->log, "re");
    while (file && fgets(line, sizeof(line), file))
        calls += strncmp(line, function, strlen(function)) == 0 && line[strlen(function)] == ' ';
    if (file)
        fclose(file);
    return calls;
}

/* What the floor says for itself, and what a session says. */
#define MUST(lab, call) ck_assert_msg((call) == RESULT_OK, "%s", (lab)->session.failure.text)
#define OK(lab, call)   ck_assert_msg((call) == RESULT_OK, "%s", (lab)->failure.text)

SOMETIMES static void lab_load(struct lab *lab)
{
    struct pkcs11_setting settings[TOKEN_SETTINGS];

    for (size_t i = 0; i < lab->place.count; i++)
        settings[i] = (struct pkcs11_setting){lab->place.names[i], lab->place.values[i]};
    OK(lab, pkcs11_module_load(&lab->module, lab->place.module, settings, lab->place.count,
                               &lab->failure));
}

SOMETIMES static enum result lab_find(struct lab *lab, const char *uri)
{
    pkcs11_location_wipe(&lab->location);
    OK(lab, pkcs11_location_parse(&lab->location, uri, &lab->failure));
    return pkcs11_location_find(&lab->location, &lab->module, &lab->token, &lab->failure);
}

SOMETIMES static enum result lab_login(struct lab *lab, const char *digits)
{
    struct pkcs11_pin pin;

    ck_assert_int_eq(pkcs11_pin_set(&pin, digits, strlen(digits)), RESULT_OK);
    enum result result = pkcs11_session_login(&lab->session, &pin);
    pkcs11_pin_wipe(&pin);
    return result;
}

SOMETIMES static void lab_open(struct lab *lab)
{
    OK(lab, lab_find(lab, "pkcs11:token=avow"));
    OK(lab, pkcs11_mechanisms_read(&lab->mechanisms, &lab->module, &lab->token, &lab->failure));
    MUST(lab, pkcs11_session_open(&lab->session, &lab->module, &lab->token, PKCS11_READ_WRITE));
}

SOMETIMES static void lab_ready(struct lab *lab)
{
    lab_load(lab);
    lab_open(lab);
    MUST(lab, lab_login(lab, "1234"));
}

SOMETIMES static struct pkcs11_key_name key_name(const char *label)
{
    struct pkcs11_key_name name = {.id_length = 20};

    ck_assert_int_eq(random_fill(name.id, name.id_length), RESULT_OK);
    snprintf(name.label, sizeof(name.label), "%s", label);
    return name;
}

SOMETIMES static void lab_make_key(struct lab *lab, struct pkcs11_key *key, uint8_t algorithm,
                                   uint32_t bits)
{
    struct pkcs11_key_name name = key_name("example.com. zsk");
    const struct pkcs11_scheme *scheme = pkcs11_mechanisms_for(&lab->mechanisms, algorithm);

    ck_assert_msg(scheme != NULL, "no %s", pkcs11_algorithm_name(algorithm));
    MUST(lab, pkcs11_key_generate(key, &lab->session, scheme, &name, bits));
}

/* The judge: OpenSSL, from the DNSKEY's form of key and signature. */

SOMETIMES static EVP_PKEY *judge_from(const char *type, OSSL_PARAM_BLD *build)
{
    OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    EVP_PKEY *judge = NULL;

    ck_assert_int_eq(EVP_PKEY_fromdata_init(context), 1);
    ck_assert_int_eq(EVP_PKEY_fromdata(context, &judge, EVP_PKEY_PUBLIC_KEY, parameters), 1);
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(parameters);
    OSSL_PARAM_BLD_free(build);
    return judge;
}

SOMETIMES static EVP_PKEY *judge_rsa(const struct pkcs11_key *key)
{
    size_t e = key->public_key[0];
    BIGNUM *exponent = BN_bin2bn(key->public_key + 1, (int)e, NULL);
    BIGNUM *modulus = BN_bin2bn(key->public_key + 1 + e, (int)(key->public_octets - 1 - e), NULL);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();

    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, modulus);
    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, exponent);
    EVP_PKEY *judge = judge_from("RSA", build);
    BN_free(exponent);
    BN_free(modulus);
    return judge;
}

SOMETIMES static EVP_PKEY *judge_ec(const struct pkcs11_key *key)
{
    uint8_t point[1 + PKCS11_PUBLIC_OCTETS] = {4};
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();

    memcpy(point + 1, key->public_key, key->public_octets);
    OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME,
                                    key->scheme.algorithm == 13 ? "P-256" : "P-384", 0);
    OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + key->public_octets);
    return judge_from("EC", build);
}

SOMETIMES static EVP_PKEY *judge_of(const struct pkcs11_key *key)
{
    switch (key->scheme.algorithm) {
    case 8:
    case 10:
        return judge_rsa(key);
    case 13:
    case 14:
        return judge_ec(key);
    }
    return EVP_PKEY_new_raw_public_key(key->scheme.algorithm == 15 ? EVP_PKEY_ED25519
                                                                   : EVP_PKEY_ED448,
                                       NULL, key->public_key, key->public_octets);
}

SOMETIMES static const EVP_MD *digest_of(uint8_t algorithm)
{
    switch (algorithm) {
    case 8:
    case 13:
        return EVP_sha256();
    case 14:
        return EVP_sha384();
    case 10:
        return EVP_sha512();
    }
    return NULL;
}

SOMETIMES static size_t der_of(const uint8_t *signature, size_t length, uint8_t **der)
{
    ECDSA_SIG *pair = ECDSA_SIG_new();

    ECDSA_SIG_set0(pair, BN_bin2bn(signature, (int)length / 2, NULL),
                   BN_bin2bn(signature + length / 2, (int)length / 2, NULL));
    *der = NULL;
    int octets = i2d_ECDSA_SIG(pair, der);
    ck_assert_int_gt(octets, 0);
    ECDSA_SIG_free(pair);
    return (size_t)octets;
}

SOMETIMES static bool judge(const struct pkcs11_key *key, const uint8_t *message,
                            const uint8_t *signature)
{
    EVP_PKEY *public = judge_of(key);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    uint8_t *der = NULL;
    size_t length = key->signature_octets;

    ck_assert_ptr_nonnull(public);
    if (key->scheme.algorithm == 13 || key->scheme.algorithm == 14)
        length = der_of(signature, key->signature_octets, &der);
    ck_assert_int_eq(
        EVP_DigestVerifyInit(context, NULL, digest_of(key->scheme.algorithm), NULL, public), 1);
    int valid = EVP_DigestVerify(context, der ? der : signature, length, message, MESSAGE_OCTETS);
    OPENSSL_free(der);
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(public);
    return valid == 1;
}

/* Sign a message with a key by one handle: what the caller of the floor does. */
SOMETIMES static enum result sign(struct lab *lab, const struct pkcs11_key *key,
                                  unsigned long handle, const uint8_t *message, uint8_t *signature)
{
    struct pkcs11_octets input = {.octets = message, .length = MESSAGE_OCTETS};
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned length;

    if (key->scheme.input == PKCS11_INPUT_DIGEST) {
        ck_assert_int_eq(EVP_Digest(message, MESSAGE_OCTETS, digest, &length,
                                    digest_of(key->scheme.algorithm), NULL),
                         1);
        input = (struct pkcs11_octets){.octets = digest, .length = length};
    }
    return pkcs11_sign(&lab->session, key, handle, input, signature);
}

SOMETIMES static void check_signs(struct lab *lab, const struct pkcs11_key *key,
                                  unsigned long handle)
{
    uint8_t message[MESSAGE_OCTETS], signature[PKCS11_SIGNATURE_OCTETS];

    ck_assert_int_eq(random_fill(message, sizeof(message)), RESULT_OK);
    MUST(lab, sign(lab, key, handle, message, signature));
    ck_assert(judge(key, message, signature));
    message[7] ^= 1;
    ck_assert(!judge(key, message, signature));
}

#endif
