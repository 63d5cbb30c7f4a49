/* test_base_hash.c - hashes depend on the key, on every octet, and on where pieces end. */
#include "support.h"

#include <string.h>

#include "avow/base/hash.h"
#include "avow/base/random.h"

static const uint8_t seed[HASH_SEED_OCTETS] = "0123456789abcdef0123456789abcde";

START_TEST(is_the_same_for_the_same_seed)
{
    struct hash_key a, b;

    hash_key_from_seed(&a, seed);
    hash_key_from_seed(&b, seed);
    ck_assert_mem_eq(a.secret, b.secret, sizeof a.secret);
    ck_assert(hash_octets(&a, "octets", 6) == hash_octets(&b, "octets", 6));
}
END_TEST

START_TEST(depends_on_every_octet_of_the_seed)
{
    struct hash_key key, other;

    hash_key_from_seed(&key, seed);
    for (unsigned i = 0; i < HASH_SEED_OCTETS; i++) {
        uint8_t changed[HASH_SEED_OCTETS];
        memcpy(changed, seed, sizeof changed);
        changed[i] ^= 1;
        hash_key_from_seed(&other, changed);
        ck_assert_msg(hash_octets(&key, "octets", 6) != hash_octets(&other, "octets", 6),
                      "octet %u", i);
        ck_assert_msg(hash_octets(&key, NULL, 0) != hash_octets(&other, NULL, 0), "octet %u", i);
    }
}
END_TEST

/* XXH3 has ways of its own for inputs up to 16, 128 and 240 octets, and for longer ones. */
static const size_t lengths[] = {1, 3, 4, 8, 9, 16, 17, 128, 129, 240, 241, 1024, 1900};

START_TEST(notices_every_flipped_bit)
{
    uint8_t octets[2048];
    struct hash_key key;
    size_t length = lengths[_i];

    hash_key_from_seed(&key, seed);
    for (size_t i = 0; i < length; i++)
        octets[i] = (uint8_t)(i * 31);
    uint64_t hash = hash_octets(&key, octets, length);
    for (size_t bit = 0; bit < length * 8; bit++) {
        octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
        ck_assert_msg(hash_octets(&key, octets, length) != hash, "%zu octets, bit %zu", length,
                      bit);
        octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    ck_assert_msg(hash_octets(&key, octets, length + 1) != hash, "one octet more");
    ck_assert_msg(hash_octets(&key, octets, length - 1) != hash, "one octet less");
}
END_TEST

START_TEST(binds_two_pieces)
{
    struct hash_key key;

    hash_key_from_seed(&key, seed);
    uint64_t hash = hash_pair(&key, "abc", 3, "def", 3);
    ck_assert(hash == hash_pair(&key, "abc", 3, "def", 3));
    ck_assert(hash != hash_pair(&key, "ab", 2, "cdef", 4));
    ck_assert(hash != hash_pair(&key, "abcd", 4, "ef", 2));
    ck_assert(hash != hash_pair(&key, "def", 3, "abc", 3));
    ck_assert(hash != hash_pair(&key, "abcdef", 6, "", 0));
    ck_assert(hash != hash_pair(&key, "", 0, "abcdef", 6));
    ck_assert(hash != hash_octets(&key, "abcdef", 6));
}
END_TEST

START_TEST(makes_keys_that_differ)
{
    struct hash_key a, b;

    ck_assert_int_eq(hash_key_random(&a), RESULT_OK);
    ck_assert_int_eq(hash_key_random(&b), RESULT_OK);
    ck_assert_mem_ne(a.secret, b.secret, sizeof a.secret);
    ck_assert(hash_octets(&a, "octets", 6) != hash_octets(&b, "octets", 6));
}
END_TEST

START_TEST(fills_exactly_what_is_asked)
{
    uint8_t octets[600] = {0}, zeroes[600] = {0};

    ck_assert_int_eq(random_fill(octets, 0), RESULT_OK);
    ck_assert_mem_eq(octets, zeroes, sizeof octets);
    ck_assert_int_eq(random_fill(octets, 500), RESULT_OK); /* more than one call may give */
    ck_assert_mem_ne(octets, zeroes, 16);
    ck_assert_mem_ne(octets + 484, zeroes, 16);
    ck_assert_mem_eq(octets + 500, zeroes, 100);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base/hash");
    TCase *hash = tcase_create("hash");

    tcase_add_test(hash, is_the_same_for_the_same_seed);
    tcase_add_test(hash, depends_on_every_octet_of_the_seed);
    tcase_add_loop_test(hash, notices_every_flipped_bit, 0, COUNT(lengths));
    tcase_add_test(hash, binds_two_pieces);
    tcase_add_test(hash, makes_keys_that_differ);
    tcase_add_test(hash, fills_exactly_what_is_asked);
    suite_add_tcase(suite, hash);
    return run_suite(suite);
}
