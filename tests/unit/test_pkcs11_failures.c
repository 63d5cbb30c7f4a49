/* test_pkcs11_failures.c - what goes wrong is said in words that name token, key and code. */
#include "support.h"

#include <time.h>

#include "token_lab.h"

/* A key pair with attributes of the test's own, made past the floor. */
static void make_raw(struct lab *lab, const struct pkcs11_key_name *name, bool extractable)
{
    static const uint8_t p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
    CK_FUNCTION_LIST *call = lab->module.functions;
    CK_MECHANISM mechanism = {.mechanism = CKM_EC_KEY_PAIR_GEN};
    CK_BBOOL yes = CK_TRUE, leave = extractable;
    CK_OBJECT_HANDLE handles[2];
    CK_ATTRIBUTE public[] = {{CKA_TOKEN, &yes, sizeof(yes)},
                             {CKA_ID, (void *)name->id, name->id_length},
                             {CKA_EC_PARAMS, (void *)p256, sizeof(p256)}};
    CK_ATTRIBUTE private[] = {
        {CKA_TOKEN, &yes, sizeof(yes)},     {CKA_PRIVATE, &yes, sizeof(yes)},
        {CKA_SENSITIVE, &yes, sizeof(yes)}, {CKA_EXTRACTABLE, &leave, sizeof(leave)},
        {CKA_SIGN, &yes, sizeof(yes)},      {CKA_ID, (void *)name->id, name->id_length}};

    ck_assert_uint_eq(call->C_GenerateKeyPair(lab->session.handle, &mechanism, public,
                                              COUNT(public), private, COUNT(private), &handles[0],
                                              &handles[1]),
                      CKR_OK);
}

static const struct {
    const char *what;
    unsigned made;
    bool extractable;
    uint8_t wanted;
    const char *complaint;
} unfit[] = {
    {"another type", 1, false, 8, "is of another type than RSASHA256"},
    {"another curve", 1, false, 14, "lies on another curve than that of ECDSAP384SHA384"},
    {"one that can leave", 1, true, 13, "can be extracted"},
    {"two of that name", 2, false, 13, "there are two private keys"},
};

START_TEST(refuses_a_key)
{
    struct lab lab = {.folder = NULL};
    struct pkcs11_key_name name = key_name("");
    struct pkcs11_key key;
    enum found found;
    char text[256];

    lab_softhsm(&lab, "avow");
    lab_ready(&lab);
    for (unsigned i = 0; i < unfit[_i].made; i++)
        make_raw(&lab, &name, unfit[_i].extractable);
    ck_assert_int_eq(pkcs11_key_find(&key, &lab.session,
                                     pkcs11_mechanisms_for(&lab.mechanisms, unfit[_i].wanted),
                                     &name, &found),
                     RESULT_TOKEN);
    ck_assert_int_eq(found, FOUND_NOT);
    ck_assert_int_eq(lab.session.failure.trouble, PKCS11_TROUBLE_SETUP);
    ck_assert_msg(strstr(lab.session.failure.text, unfit[_i].complaint) != NULL, "%s",
                  lab.session.failure.text);
    ck_assert_ptr_nonnull(strstr(lab.session.failure.text, "token \"avow\" (slot 0x"));
    ck_assert_ptr_nonnull(
        strstr(lab.session.failure.text, pkcs11_key_name_text(&name, text, sizeof(text))));
    lab_end(&lab);
}
END_TEST

START_TEST(tries_a_wrong_pin_once)
{
    struct lab lab = {.folder = NULL};

    lab_softhsm(&lab, "avow");
    lab_fault(&lab);
    lab_load(&lab);
    lab_open(&lab);
    ck_assert_int_eq(lab_login(&lab, "87654321"), RESULT_TOKEN);
    ck_assert_int_eq(lab.session.failure.trouble, PKCS11_TROUBLE_PIN);
    ck_assert_uint_eq(lab.session.failure.code, CKR_PIN_INCORRECT);
    ck_assert_ptr_nonnull(strstr(lab.session.failure.text, "token \"avow\" (slot 0x"));
    ck_assert_ptr_nonnull(strstr(lab.session.failure.text, "CKR_PIN_INCORRECT (0xa0)"));
    ck_assert_ptr_nonnull(strstr(lab.session.failure.text, "tried once"));
    ck_assert_ptr_null(strstr(lab.session.failure.text, "87654321"));
    ck_assert_uint_eq(lab_calls(&lab, "C_Login"), 1);

    /* The right one once; a second session of the process then needs none. */
    MUST(&lab, lab_login(&lab, "1234"));
    MUST(&lab, lab_login(&lab, "1234"));
    ck_assert_uint_eq(lab_calls(&lab, "C_Login"), 2);
    lab_end(&lab);
}
END_TEST

START_TEST(says_which_tokens_are_there)
{
    struct lab lab = {.folder = NULL};

    lab_softhsm(&lab, "avow");
    lab_softhsm(&lab, "other");
    lab_load(&lab);
    ck_assert_int_eq(lab_find(&lab, "pkcs11:token=missing"), RESULT_TOKEN);
    ck_assert_int_eq(lab.failure.trouble, PKCS11_TROUBLE_GONE);
    ck_assert_ptr_nonnull(strstr(lab.failure.text, "no token matches \"pkcs11:token=missing\""));
    ck_assert_ptr_nonnull(strstr(lab.failure.text, "\"avow\" (slot-id "));
    ck_assert_ptr_nonnull(strstr(lab.failure.text, "\"other\" (slot-id "));
    ck_assert_ptr_nonnull(strstr(lab.failure.text, lab.place.module));
    OK(&lab, lab_find(&lab, "pkcs11:token=other"));
    ck_assert_str_eq(lab.token.label, "other");
    lab_end(&lab);
}
END_TEST

START_TEST(wants_one_token_only)
{
    struct lab lab = {.folder = NULL};
    char uri[256];

    lab_softhsm(&lab, "avow");
    lab_softhsm(&lab, "avow");
    lab_load(&lab);
    ck_assert_int_eq(lab_find(&lab, "pkcs11:token=avow"), RESULT_TOKEN);
    ck_assert_int_eq(lab.failure.trouble, PKCS11_TROUBLE_SETUP);
    ck_assert_ptr_nonnull(strstr(lab.failure.text, "more than one token matches"));
    ck_assert_ptr_nonnull(strstr(lab.failure.text, "serial="));

    /* What the message proposes tells them apart. */
    const char *slot = strstr(lab.failure.text, "slot-id ");
    ck_assert_ptr_nonnull(slot);
    snprintf(uri, sizeof(uri), "pkcs11:token=avow;slot-id=%lu", strtoul(slot + 8, NULL, 10));
    OK(&lab, lab_find(&lab, uri));
    snprintf(uri, sizeof(uri), "pkcs11:serial=%s", lab.token.serial);
    OK(&lab, lab_find(&lab, uri));
    lab_end(&lab);
}
END_TEST

static const struct {
    const char *order;
    unsigned long code;
    enum pkcs11_trouble trouble;
} faults[] = {
    {"error C_Sign CKR_DEVICE_ERROR\n", CKR_DEVICE_ERROR, PKCS11_TROUBLE_GONE},
    {"error C_SignInit CKR_KEY_HANDLE_INVALID\n", CKR_KEY_HANDLE_INVALID, PKCS11_TROUBLE_GONE},
    {"error C_Sign 0x21\n", CKR_DATA_LEN_RANGE, PKCS11_TROUBLE_OPERATION},
    {"error C_SignInit CKR_MECHANISM_INVALID\n", CKR_MECHANISM_INVALID, PKCS11_TROUBLE_OPERATION},
    {"removed\n", CKR_DEVICE_REMOVED, PKCS11_TROUBLE_GONE},
};

START_TEST(says_what_failed)
{
    struct lab lab = {.folder = NULL};
    uint8_t message[MESSAGE_OCTETS] = {0}, signature[PKCS11_SIGNATURE_OCTETS];
    struct pkcs11_key key;
    char text[256];

    lab_softhsm(&lab, "avow");
    lab_fault(&lab);
    lab_ready(&lab);
    lab_make_key(&lab, &key, 13, 0);
    token_write(lab.control, faults[_i].order, 0600);
    ck_assert_int_eq(sign(&lab, &key, key.private_handle, message, signature), RESULT_TOKEN);
    ck_assert_uint_eq(lab.session.failure.code, faults[_i].code);
    ck_assert_int_eq(lab.session.failure.trouble, faults[_i].trouble);
    ck_assert_ptr_nonnull(strstr(lab.session.failure.text, "token \"avow\" (slot 0x"));
    ck_assert_ptr_nonnull(strstr(lab.session.failure.text, pkcs11_code_name(faults[_i].code)));
    ck_assert_ptr_nonnull(
        strstr(lab.session.failure.text, pkcs11_key_name_text(&key.name, text, sizeof(text))));

    /* The session outlives what was not the token's end. */
    token_write(lab.control, "", 0600);
    enum result result = sign(&lab, &key, key.private_handle, message, signature);
    if (strcmp(faults[_i].order, "removed\n") == 0)
        ck_assert_uint_eq(lab.session.failure.code, CKR_SESSION_HANDLE_INVALID);
    else
        ck_assert_msg(result == RESULT_OK && judge(&key, message, signature), "%s",
                      lab.session.failure.text);
    lab_end(&lab);
}
END_TEST

START_TEST(fails_and_lies_on_order)
{
    struct lab lab = {.folder = NULL};
    uint8_t message[MESSAGE_OCTETS] = {0}, signature[PKCS11_SIGNATURE_OCTETS];
    struct pkcs11_key key;
    unsigned wrong = 0, failed = 0;

    lab_softhsm(&lab, "avow");
    lab_fault(&lab);
    lab_ready(&lab);
    lab_make_key(&lab, &key, 13, 0);
    token_write(lab.control, "wrong 3\n", 0600);
    for (int i = 0; i < 9; i++) {
        MUST(&lab, sign(&lab, &key, key.private_handle, message, signature));
        wrong += !judge(&key, message, signature);
    }
    ck_assert_uint_eq(wrong, 3);
    token_write(lab.control, "error C_Sign CKR_DEVICE_MEMORY 4\n# a remark\n", 0600);
    for (int i = 0; i < 12; i++)
        failed += sign(&lab, &key, key.private_handle, message, signature) != RESULT_OK;
    ck_assert_uint_eq(failed, 3);
    token_write(lab.control, "removed\n", 0600);
    ck_assert_int_eq(lab_find(&lab, "pkcs11:token=avow"), RESULT_TOKEN);
    ck_assert_ptr_nonnull(strstr(lab.failure.text, "no tokens"));
    token_write(lab.control, "pin-incorrect\n", 0600);
    pkcs11_session_close(&lab.session);
    lab_open(&lab);
    ck_assert_int_eq(lab_login(&lab, "1234"), RESULT_TOKEN);
    ck_assert_int_eq(lab.session.failure.trouble, PKCS11_TROUBLE_PIN);
    token_write(lab.control, "slow 60\n", 0600);
    MUST(&lab, lab_login(&lab, "1234"));
    struct pkcs11_key_name name = key.name; /* handles ended with the last session before */
    enum found found;
    MUST(&lab, pkcs11_key_find(&key, &lab.session, &key.scheme, &name, &found));
    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    MUST(&lab, sign(&lab, &key, key.private_handle, message, signature));
    clock_gettime(CLOCK_MONOTONIC, &after);
    ck_assert_int_ge(
        (after.tv_sec - before.tv_sec) * 1000000 + (after.tv_nsec - before.tv_nsec) / 1000, 60000);
    lab_end(&lab);
}
END_TEST

static const struct {
    uint8_t algorithm;
    uint32_t bits;
    unsigned octets, first,
        second; /* given by the token; where the halves must begin, 0: refused */
} shorts[] = {
    {13, 0, 64, 0, 32},    {13, 0, 62, 1, 33},   {13, 0, 2, 31, 63}, {13, 0, 63, 0, 0},
    {13, 0, 66, 0, 0},     {13, 0, 0, 0, 0},     {15, 0, 63, 0, 0},  {15, 0, 62, 0, 0},
    {8, 1024, 126, 2, 65}, {8, 1024, 130, 0, 0},
};

/* Some tokens drop leading zeros; a length that makes no sense is no signature. */
START_TEST(widens_what_is_short)
{
    struct lab lab = {.folder = NULL};
    uint8_t message[MESSAGE_OCTETS] = {0}, signature[PKCS11_SIGNATURE_OCTETS];
    struct pkcs11_key key;
    char order[32];
    unsigned first = shorts[_i].first, half = shorts[_i].octets / 2;

    lab_softhsm(&lab, "avow");
    lab_fault(&lab);
    lab_ready(&lab);
    lab_make_key(&lab, &key, shorts[_i].algorithm, shorts[_i].bits);
    snprintf(order, sizeof(order), "length %u\n", shorts[_i].octets);
    token_write(lab.control, order, 0600);
    memset(signature, 0xff, sizeof(signature));
    enum result result = sign(&lab, &key, key.private_handle, message, signature);
    if (shorts[_i].second == 0) {
        ck_assert_int_eq(result, RESULT_TOKEN);
        ck_assert_int_eq(lab.session.failure.trouble, PKCS11_TROUBLE_OPERATION);
        ck_assert_msg(strstr(lab.session.failure.text, "a signature of") != NULL, "%s",
                      lab.session.failure.text);
        lab_end(&lab);
    }
    MUST(&lab, result);
    for (unsigned i = 0; i < key.signature_octets; i++) {
        bool one = i >= first && i < first + half;
        bool two = i >= shorts[_i].second && i < shorts[_i].second + half;
        ck_assert_uint_eq(signature[i], one ? 0x11 : two ? 0x22 : 0);
    }
    ck_assert_uint_eq(signature[key.signature_octets], 0xff);
    lab_end(&lab);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pkcs11/failures");
    TCase *all = tcase_create("all");

    tcase_set_timeout(all, 60);
    tcase_add_loop_test(all, refuses_a_key, 0, COUNT(unfit));
    tcase_add_test(all, tries_a_wrong_pin_once);
    tcase_add_test(all, says_which_tokens_are_there);
    tcase_add_test(all, wants_one_token_only);
    tcase_add_loop_test(all, says_what_failed, 0, COUNT(faults));
    tcase_add_test(all, fails_and_lies_on_order);
    tcase_add_loop_test(all, widens_what_is_short, 0, COUNT(shorts));
    suite_add_tcase(suite, all);
    return run_suite(suite);
}
