/*
 * test_pkcs11.c - real tokens: keys of every algorithm are made, sign, are verified by OpenSSL, and
 * stay where they are.
 */
#include "support.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include "token_lab.h"

/* The value of a private key must not come out, by any handle. */
static void check_shut(struct lab *lab, unsigned long handle)
{
    static const CK_ATTRIBUTE_TYPE secrets[] = {CKA_VALUE, CKA_PRIVATE_EXPONENT, CKA_PRIME_1};
    CK_FUNCTION_LIST *call = lab->module.functions;

    for (size_t i = 0; i < COUNT(secrets); i++) {
        uint8_t octets[1024];
        CK_ATTRIBUTE attribute = {secrets[i], octets, sizeof(octets)};
        CK_RV code = call->C_GetAttributeValue(lab->session.handle, handle, &attribute, 1);
        ck_assert_msg(code == CKR_ATTRIBUTE_SENSITIVE || code == CKR_ATTRIBUTE_TYPE_INVALID, "%s",
                      pkcs11_code_name(code));
    }
    CK_BBOOL yes = CK_TRUE;
    CK_ATTRIBUTE loose = {CKA_EXTRACTABLE, &yes, sizeof(yes)};
    ck_assert_uint_ne(call->C_SetAttributeValue(lab->session.handle, handle, &loose, 1), CKR_OK);
}

static const struct {
    uint8_t algorithm;
    uint32_t bits;
    size_t public_octets, signature_octets;
} keys[] = {
    {8, 2048, 1 + 3 + 256, 256},
    {8, 1024, 1 + 3 + 128, 128},
    {10, 2048, 1 + 3 + 256, 256},
    {13, 0, 64, 64},
    {14, 0, 96, 96},
    {15, 0, 32, 64},
    {16, 0, 57, 114},
};

START_TEST(makes_and_signs)
{
    struct lab lab = {.folder = NULL};
    struct pkcs11_key key, again;
    enum found found;

    lab_softhsm(&lab, "avow");
    lab_ready(&lab);
    lab_make_key(&lab, &key, keys[_i].algorithm, keys[_i].bits);
    ck_assert_uint_eq(key.public_octets, keys[_i].public_octets);
    ck_assert_uint_eq(key.signature_octets, keys[_i].signature_octets);
    ck_assert(key.protection.local && key.protection.sensitive);
    ck_assert(key.protection.always_sensitive && key.protection.never_extractable);
    check_signs(&lab, &key, key.private_handle);
    check_shut(&lab, key.private_handle);

    unsigned long copy = pkcs11_key_session_copy(&key, &lab.session);
    ck_assert_uint_ne(copy, key.private_handle);
    check_signs(&lab, &key, copy);
    check_shut(&lab, copy);

    /* Found again by its name, with the copy still there, with and without the label. */
    MUST(&lab, pkcs11_key_find(&again, &lab.session, &key.scheme, &key.name, &found));
    ck_assert_int_eq(found, FOUND_YES);
    ck_assert_uint_eq(again.private_handle, key.private_handle);
    key.name.label[0] = '\0';
    MUST(&lab, pkcs11_key_find(&again, &lab.session, &key.scheme, &key.name, &found));
    ck_assert_str_eq(again.name.label, "example.com. zsk");
    ck_assert_uint_eq(again.public_octets, key.public_octets);
    ck_assert_mem_eq(again.public_key, key.public_key, key.public_octets);
    lab_end(&lab);
}
END_TEST

/* Tokens that do not hash get a DigestInfo made here (RFC 8017 section 9.2). */
START_TEST(signs_a_digest_with_rsa)
{
    static const uint8_t algorithms[] = {8, 10};
    struct lab lab = {.folder = NULL};
    struct pkcs11_key key;

    lab_softhsm(&lab, "avow");
    lab_ready(&lab);
    for (size_t i = 0; i < COUNT(algorithms); i++) {
        lab_make_key(&lab, &key, algorithms[i], 1024);
        ck_assert_int_eq(key.scheme.input, PKCS11_INPUT_MESSAGE);
        key.scheme.input = PKCS11_INPUT_DIGEST;
        key.scheme.sign_mechanism = CKM_RSA_PKCS;
        key.scheme.digest_octets = algorithms[i] == 8 ? 32 : 64;
        check_signs(&lab, &key, key.private_handle);
    }
    lab_end(&lab);
}
END_TEST

/* Short numbers are padded in front: 2000 signatures meet a leading zero about 8 times per half. */
START_TEST(signs_at_full_length)
{
    struct lab lab = {.folder = NULL};
    uint8_t message[MESSAGE_OCTETS] = {0}, signature[PKCS11_SIGNATURE_OCTETS];
    struct pkcs11_key key;
    unsigned zeros = 0;

    lab_softhsm(&lab, "avow");
    lab_ready(&lab);
    lab_make_key(&lab, &key, 13, 0);
    for (int i = 0; i < 2000; i++) {
        message[i % MESSAGE_OCTETS]++;
        MUST(&lab, sign(&lab, &key, key.private_handle, message, signature));
        if (signature[0] != 0 && signature[32] != 0)
            continue;
        zeros++;
        ck_assert(judge(&key, message, signature));
    }
    ck_assert_uint_gt(zeros, 0);
    lab_end(&lab);
}
END_TEST

START_TEST(destroys_and_lists)
{
    struct lab lab = {.folder = NULL};
    struct pkcs11_key key;
    enum found found;

    lab_softhsm(&lab, "avow");
    lab_ready(&lab);
    lab_make_key(&lab, &key, 13, 0);
    struct pkcs11_key_name name = key.name;
    struct pkcs11_key second;
    ck_assert_int_eq(pkcs11_key_generate(&second, &lab.session, &key.scheme, &name, 0),
                     RESULT_TOKEN);
    ck_assert_ptr_nonnull(strstr(lab.session.failure.text, "already"));
    MUST(&lab, pkcs11_key_destroy(&key, &lab.session));
    MUST(&lab, pkcs11_key_find(&key, &lab.session, &key.scheme, &name, &found));
    ck_assert_int_eq(found, FOUND_NOT);
    lab_end(&lab);
}
END_TEST

struct listing {
    unsigned count, stop_after;
};

static bool count_key(void *context, const struct pkcs11_key_name *name)
{
    struct listing *listing = context;

    ck_assert_uint_eq(name->id_length, 20);
    ck_assert_str_eq(name->label, "example.com. zsk");
    return ++listing->count != listing->stop_after;
}

START_TEST(lists_keys)
{
    struct lab lab = {.folder = NULL};
    struct listing all = {.count = 0}, two = {.stop_after = 2};
    struct pkcs11_key key;

    lab_softhsm(&lab, "avow");
    lab_ready(&lab);
    for (int i = 0; i < 3; i++)
        lab_make_key(&lab, &key, 15, 0);
    pkcs11_key_session_copy(&key, &lab.session);
    MUST(&lab, pkcs11_key_each(&lab.session, count_key, &all));
    ck_assert_uint_eq(all.count, 3);
    MUST(&lab, pkcs11_key_each(&lab.session, count_key, &two));
    ck_assert_uint_eq(two.count, 2);
    lab_end(&lab);
}
END_TEST

/* Without a login the keys cannot be seen; that must not look like "there is no such key" later. */
START_TEST(opens_read_only_to_sign)
{
    struct lab lab = {.folder = NULL};
    struct pkcs11_session reader;
    struct pkcs11_key key, other;

    lab_softhsm(&lab, "avow");
    lab_ready(&lab);
    lab_make_key(&lab, &key, 13, 0);
    MUST(&lab, pkcs11_session_open(&reader, &lab.module, &lab.token, PKCS11_READ_ONLY));
    struct pkcs11_session writer = lab.session;
    lab.session = reader;
    MUST(&lab, lab_login(&lab, "1234"));
    check_signs(&lab, &key, pkcs11_key_session_copy(&key, &lab.session));
    struct pkcs11_key_name name = key_name("more");
    ck_assert_int_eq(pkcs11_key_generate(&other, &lab.session, &key.scheme, &name, 0),
                     RESULT_TOKEN);
    ck_assert_uint_eq(lab.session.failure.code, CKR_SESSION_READ_ONLY);
    pkcs11_session_close(&writer);
    lab_end(&lab);
}
END_TEST

/* Two ports that nothing uses at this moment. */
static unsigned free_port(void)
{
    for (unsigned port = 20000 + (unsigned)getpid() % 20000; port < 60000; port += 7) {
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(0x7f000001)}};
        unsigned bound = 0;
        for (unsigned i = 0; i < 2; i++) {
            int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
            address.sin_port = htons((uint16_t)(port + i));
            bound += bind(probe, (struct sockaddr *)&address, sizeof(address)) == 0;
            close(probe);
        }
        if (bound == 2)
            return port;
    }
    ck_abort_msg("no free port");
    return 0;
}

/* One folder for all software TPMs, kept by the parent process: it stops those that a test which
 * failed has left running. */
static char *tpm_folder;

static void stop_tpm(const char *folder)
{
    struct token_place nowhere;
    char words[PATH_MAX + 8];

    snprintf(words, sizeof(words), "stop %s", folder);
    ck_assert_int_eq(token_script(&nowhere, words), 0);
}

static void tpms_begin(void)
{
    tpm_folder = folder_make();
}

/* A very different module: a TPM in software, without Edwards curves and without copies. Only one
 * key for each, since without a resource manager it has room for no more that are loaded. */
static const struct {
    uint8_t algorithm;
    uint32_t bits;
} tpm_keys[] = {{13, 0}, {14, 0}, {8, 2048}, {10, 2048}};

static void tpms_end(void)
{
    char folder[PATH_MAX];

    for (size_t i = 0; i < COUNT(tpm_keys); i++) {
        snprintf(folder, sizeof(folder), "%s/%zu", tpm_folder, i);
        stop_tpm(folder);
    }
    folder_remove(tpm_folder);
}

START_TEST(signs_with_a_tpm)
{
    struct lab lab = {.folder = NULL};
    struct pkcs11_key key, again;
    enum found found;
    char words[PATH_MAX];

    ck_assert(asprintf(&lab.folder, "%s/%d", tpm_folder, _i) > 0);
    ck_assert_int_eq(mkdir(lab.folder, 0700), 0);
    snprintf(words, sizeof(words), "tpm2 %s avow 1234 %u", lab.folder, free_port());
    int code = token_script(&lab.place, words);
    if (code == TOKEN_MISSING)
        lab_missing(&lab, "swtpm with tpm2-pkcs11");
    ck_assert_int_eq(code, 0);
    lab_ready(&lab);
    ck_assert_ptr_null(pkcs11_mechanisms_for(&lab.mechanisms, 15));
    lab_make_key(&lab, &key, tpm_keys[_i].algorithm, tpm_keys[_i].bits);
    ck_assert(key.protection.always_sensitive && key.protection.never_extractable);
    for (int i = 0; i < 5; i++)
        check_signs(&lab, &key, pkcs11_key_session_copy(&key, &lab.session));
    MUST(&lab, pkcs11_key_find(&again, &lab.session, &key.scheme, &key.name, &found));
    ck_assert_int_eq(found, FOUND_YES);
    ck_assert_mem_eq(again.public_key, key.public_key, key.public_octets);
    pkcs11_session_close(&lab.session);
    pkcs11_module_unload(&lab.module);
    stop_tpm(lab.folder);
    lab_end(&lab);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pkcs11");
    TCase *soft = tcase_create("SoftHSM"), *tpm = tcase_create("a TPM");

    tcase_set_timeout(soft, 60);
    tcase_add_loop_test(soft, makes_and_signs, 0, COUNT(keys));
    tcase_add_test(soft, signs_a_digest_with_rsa);
    tcase_add_test(soft, signs_at_full_length);
    tcase_add_test(soft, destroys_and_lists);
    tcase_add_test(soft, lists_keys);
    tcase_add_test(soft, opens_read_only_to_sign);
    tcase_set_timeout(tpm, 120);
    tcase_add_unchecked_fixture(tpm, tpms_begin, tpms_end);
    tcase_add_loop_test(tpm, signs_with_a_tpm, 0, COUNT(tpm_keys));
    suite_add_tcase(suite, soft);
    suite_add_tcase(suite, tpm);
    return run_suite(suite);
}
