/* test_tsig_keyring.c - algorithms by name, and keys by name. */
#include <stdio.h>

#include "tsig_lab.h"

static const struct {
    const char *text;
    enum result result;
    enum tsig_algorithm algorithm;
} texts[] = {
    {"hmac-sha1", RESULT_OK, TSIG_HMAC_SHA1},
    {"hmac-sha224", RESULT_OK, TSIG_HMAC_SHA224},
    {"hmac-sha256", RESULT_OK, TSIG_HMAC_SHA256},
    {"hmac-sha384", RESULT_OK, TSIG_HMAC_SHA384},
    {"hmac-sha512", RESULT_OK, TSIG_HMAC_SHA512},
    {"hmac-sha512.", RESULT_OK, TSIG_HMAC_SHA512},
    {"HMAC-Sha256.", RESULT_OK, TSIG_HMAC_SHA256},
    {"hmac-sha256-128", RESULT_FORMAT, 0},
    {"hmac-sha256..", RESULT_FORMAT, 0},
    {"hmac-sha25", RESULT_FORMAT, 0},
    {"hmac-md5", RESULT_FORMAT, 0},
    {"hmac-md5.sig-alg.reg.int.", RESULT_FORMAT, 0},
    {"gss-tsig", RESULT_FORMAT, 0},
    {"sha256", RESULT_FORMAT, 0},
    {".", RESULT_FORMAT, 0},
    {"", RESULT_FORMAT, 0},
};

START_TEST(knows_algorithms_by_name)
{
    enum tsig_algorithm algorithm = TSIG_ALGORITHMS;

    ck_assert_msg(tsig_algorithm_from_text(texts[_i].text, &algorithm) == texts[_i].result, "%s",
                  texts[_i].text);
    ck_assert_int_eq(algorithm, texts[_i].result ? TSIG_ALGORITHMS : texts[_i].algorithm);
}
END_TEST

START_TEST(tells_names_and_sizes)
{
    static const size_t sizes[] = {20, 28, 32, 48, 64};

    for (int i = 0; i < TSIG_ALGORITHMS; i++) {
        enum tsig_algorithm algorithm = (enum tsig_algorithm)i, again;
        ck_assert_uint_eq(tsig_mac_octets(algorithm), sizes[i]);
        ck_assert_int_eq(tsig_algorithm_from_text(tsig_algorithm_to_text(algorithm), &again),
                         RESULT_OK);
        ck_assert_int_eq(again, algorithm);
    }
    ck_assert_uint_eq(tsig_mac_octets(TSIG_ALGORITHMS), 0);
    ck_assert_ptr_nonnull(tsig_algorithm_to_text(TSIG_ALGORITHMS));
}
END_TEST

START_TEST(finds_keys_in_any_case)
{
    struct tsig_keyring keyring;
    struct name stranger = name_of("sha256-key.tsig.invalid.example."), root;

    lab_keyring_open(&keyring);
    for (int i = 0; i < TSIG_ALGORITHMS; i++) {
        struct name name = name_of(vector_keys[i].name);
        const struct tsig_key *key = lab_key(&keyring, (enum tsig_algorithm)i);
        name_lower(&name);
        ck_assert_ptr_eq(tsig_keyring_find(&keyring, &name), key);
        ck_assert_ptr_null(key->secret);
    }
    name_root(&root);
    ck_assert_ptr_null(tsig_keyring_find(&keyring, &stranger));
    ck_assert_ptr_null(tsig_keyring_find(&keyring, &root));
    tsig_keyring_close(&keyring);
    ck_assert_ptr_null(tsig_keyring_find(&keyring, &stranger));
    tsig_keyring_close(&keyring);
}
END_TEST

START_TEST(many_keys_are_each_found)
{
    enum { MANY = 300 };
    static struct tsig_key keys[MANY];
    struct tsig_keyring keyring;

    for (int i = 0; i < MANY; i++) {
        char text[32];
        (void)snprintf(text, sizeof text, "k%d.example.", (i * 7919) % MANY);
        keys[i] = (struct tsig_key){.name = name_of(text),
                                    .algorithm = TSIG_HMAC_SHA256,
                                    .secret = (const uint8_t *)"secret",
                                    .secret_length = 6,
                                    .context = &keys[i]};
    }
    ck_assert_int_eq(tsig_keyring_open(&keyring, keys, MANY), RESULT_OK);
    for (int i = 0; i < MANY; i++) {
        const struct tsig_key *key = tsig_keyring_find(&keyring, &keys[i].name);
        ck_assert_ptr_nonnull(key);
        ck_assert_ptr_eq(key->context, &keys[i]);
    }
    tsig_keyring_close(&keyring);
}
END_TEST

static const struct {
    const char *what;
    const char *first, *second;
    enum tsig_algorithm algorithm;
    size_t secret_length;
    enum result result;
} refused[] = {
    {"two keys", "a.example.", "b.example.", TSIG_HMAC_SHA1, 6, RESULT_OK},
    {"one name twice", "a.example.", "a.example.", TSIG_HMAC_SHA1, 6, RESULT_REFUSED},
    {"in another case", "a.example.", "A.Example.", TSIG_HMAC_SHA1, 6, RESULT_REFUSED},
    {"an empty secret", "a.example.", "b.example.", TSIG_HMAC_SHA1, 0, RESULT_REFUSED},
    {"no algorithm", "a.example.", "b.example.", TSIG_ALGORITHMS, 6, RESULT_REFUSED},
};

START_TEST(refuses_what_is_no_set_of_keys)
{
    struct tsig_key keys[] = {
        {.name = name_of(refused[_i].first),
         .algorithm = TSIG_HMAC_SHA256,
         .secret = (const uint8_t *)"secret",
         .secret_length = 6},
        {.name = name_of(refused[_i].second),
         .algorithm = refused[_i].algorithm,
         .secret = (const uint8_t *)"secret",
         .secret_length = refused[_i].secret_length},
    };
    struct tsig_keyring keyring;

    ck_assert_msg(tsig_keyring_open(&keyring, keys, COUNT(keys)) == refused[_i].result, "%s",
                  refused[_i].what);
    ck_assert_uint_eq(keyring.count, refused[_i].result ? 0 : 2);
    tsig_keyring_close(&keyring);
    ck_assert_uint_eq(keyring.count, 0);
}
END_TEST

START_TEST(no_keys_are_a_keyring_too)
{
    struct tsig_keyring keyring;
    struct tsig_session session;
    size_t plain;

    ck_assert_int_eq(tsig_keyring_open(&keyring, NULL, 0), RESULT_OK);
    ck_assert_ptr_nonnull(keyring.method); /* OpenSSL is ready for the next one */
    struct lab_message message = lab_copy(&vector_requests[0].request);
    ck_assert_int_eq(lab_check(&keyring, &message, VECTORS_NOW, &session, &plain), TSIG_BADKEY);
    tsig_keyring_close(&keyring);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tsig/keyring");
    TCase *algorithms = tcase_create("algorithms"), *keys = tcase_create("keys");

    tcase_add_loop_test(algorithms, knows_algorithms_by_name, 0, COUNT(texts));
    tcase_add_test(algorithms, tells_names_and_sizes);
    tcase_add_test(keys, finds_keys_in_any_case);
    tcase_add_test(keys, many_keys_are_each_found);
    tcase_add_loop_test(keys, refuses_what_is_no_set_of_keys, 0, COUNT(refused));
    tcase_add_test(keys, no_keys_are_a_keyring_too);
    suite_add_tcase(suite, algorithms);
    suite_add_tcase(suite, keys);
    return run_suite(suite);
}
