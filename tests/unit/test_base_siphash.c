/* test_base_siphash.c - the hash is the one that others compute, and every bit of it counts. */
#include <stdlib.h>
#include <string.h>

#include "avow/base/result.h"
#include "avow/base/siphash.h"
#include "support.h"

/* From the reference implementation: the key is 00 to 0f, the message 00, 01, 02 and so on. */
static const struct {
    size_t length;
    uint8_t hash[SIPHASH_OCTETS];
} rows[] = {
    {0, {0x31, 0x0e, 0x0e, 0xdd, 0x47, 0xdb, 0x6f, 0x72}},
    {1, {0xfd, 0x67, 0xdc, 0x93, 0xc5, 0x39, 0xf8, 0x74}},
    {7, {0x37, 0xd1, 0x01, 0x8b, 0xf5, 0x00, 0x02, 0xab}},
    {8, {0x62, 0x24, 0x93, 0x9a, 0x79, 0xf5, 0xf5, 0x93}},
    {15, {0xe5, 0x45, 0xbe, 0x49, 0x61, 0xca, 0x29, 0xa1}},
    {63, {0x72, 0x45, 0x06, 0xeb, 0x4c, 0x32, 0x8a, 0x95}},
};

static uint8_t key[SIPHASH_KEY_OCTETS], message[64];

static void count_up(void)
{
    for (unsigned i = 0; i < sizeof message; i++)
        message[i] = (uint8_t)i;
    memcpy(key, message, sizeof key);
}

START_TEST(is_what_the_reference_says)
{
    uint8_t *octets = exact_copy(message, rows[_i].length), hash[SIPHASH_OCTETS];

    siphash(key, octets, rows[_i].length, hash);
    ck_assert_mem_eq(hash, rows[_i].hash, sizeof hash);
    ck_assert(siphash_fits(key, octets, rows[_i].length, rows[_i].hash));
    free(octets);
}
END_TEST

START_TEST(every_bit_counts)
{
    uint8_t hash[SIPHASH_OCTETS];

    siphash(key, message, 20, hash);
    for (unsigned bit = 0; bit < 8 * sizeof hash; bit++) {
        hash[bit / 8] ^= (uint8_t)(1 << bit % 8);
        ck_assert_msg(!siphash_fits(key, message, 20, hash), "bit %u of the hash", bit);
        hash[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (unsigned bit = 0; bit < 8 * sizeof key; bit++) {
        key[bit / 8] ^= (uint8_t)(1 << bit % 8);
        ck_assert_msg(!siphash_fits(key, message, 20, hash), "bit %u of the key", bit);
        key[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    ck_assert(siphash_fits(key, message, 20, hash));
    ck_assert(!siphash_fits(key, message, 19, hash));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base/siphash");
    TCase *hashing = tcase_create("hashing");

    tcase_add_checked_fixture(hashing, count_up, NULL);
    tcase_add_loop_test(hashing, is_what_the_reference_says, 0, COUNT(rows));
    tcase_add_test(hashing, every_bit_counts);
    suite_add_tcase(suite, hashing);
    return run_suite(suite);
}
