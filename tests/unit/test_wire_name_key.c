/* test_wire_name_key.c - keys have the order of names, and lead back to them. */
#include "support.h"

#include <stdlib.h>

#include "avow/wire/name.h"
#include "names.h"

static size_t key_of(const struct name *name, uint8_t key[NAME_KEY_MAX_OCTETS])
{
    struct writer writer = writer_over(key, NAME_KEY_MAX_OCTETS);
    name_key_write(&writer, name);
    ck_assert_int_eq(writer_check(&writer), RESULT_OK);
    return writer.length;
}

static int compare_keys(const uint8_t *a, size_t a_length, const uint8_t *b, size_t b_length)
{
    int order = memcmp(a, b, a_length < b_length ? a_length : b_length);
    return order ? order : (a_length > b_length) - (a_length < b_length);
}

static const struct {
    const char *what, *name;
    size_t length;
    const char *key;
} rows[] = {
    {"the root", ".", 0, ""},
    {"one label", "example.", 8, "example\0"},
    {"labels reversed and lower-cased", "wWw.EXAMPLE.", 12, "example\0www\0"},
    {"zero", "\\000.", 3, "\1\1\0"},
    {"one", "\\001.", 3, "\1\2\0"},
    {"two is as it is", "\\002.", 2, "\2\0"},
    {"a label with a zero in it", "a\\000b.", 5, "a\1\1b\0"},
    {"the two labels that this is not", "b.a.", 4, "a\0b\0"},
    {"a zero at the end of a long label", "abcdefghijk\\000.example.", 22,
     "example\0abcdefghijk\1\1\0"},
    {"labels of one octet", "1.0.ip6.arpa.", 13,
     "arpa\0ip6\0"
     "0\0"
     "1\0"},
};

START_TEST(writes_a_key)
{
    struct name name = name_of(rows[_i].name), again;
    uint8_t key[NAME_KEY_MAX_OCTETS];
    size_t length = key_of(&name, key);

    ck_assert_msg(length == rows[_i].length, "%s: length %zu", rows[_i].what, length);
    ck_assert_msg(memcmp(key, rows[_i].key, length) == 0, "%s", rows[_i].what);
    ck_assert_int_eq(name_key_read(key, length, &again), RESULT_OK);
    ck_assert_msg(name_equal(&name, &again) && again.labels == name.labels, "%s", rows[_i].what);
}
END_TEST

START_TEST(fits_exactly_or_fails)
{
    struct name name = name_of(rows[_i].name);

    for (size_t limit = 0; limit < 64; limit++) {
        uint8_t *octets = exact_copy((char[64]){0}, limit + 1);
        struct writer writer = writer_over(octets, limit + 1);
        writer_u8(&writer, 'x'); /* what stands before is left alone */
        name_key_write(&writer, &name);
        ck_assert_msg(writer.failed == (limit < rows[_i].length), "%s: %zu", rows[_i].what, limit);
        if (!writer.failed)
            ck_assert_mem_eq(octets + 1, rows[_i].key, rows[_i].length);
        ck_assert_uint_eq(octets[0], 'x');
        free(octets);
    }
}
END_TEST

/* A name of 255 octets, each of them `octet`. */
static void longest_name(struct name *name, uint8_t octet)
{
    uint8_t octets[300];
    struct reader reader = reader_over(octets, labels_put(octets, 3, 63, 61));

    for (size_t at = 0; octets[at]; at += octets[at] + 1U)
        memset(octets + at + 1, octet, octets[at]);
    name_read_plain(&reader, name);
    ck_assert(!reader.failed);
}

START_TEST(takes_the_longest_names)
{
    static const uint8_t octets[] = {0, 1, 2, 'a', 'Z', 0xff};
    uint8_t key[NAME_KEY_MAX_OCTETS];

    for (size_t i = 0; i < COUNT(octets); i++) {
        struct name name, again;
        longest_name(&name, octets[i]);
        size_t length = key_of(&name, key);
        ck_assert_uint_eq(length, octets[i] < 2 ? 504 : 254);
        ck_assert_int_eq(name_key_read(key, length, &again), RESULT_OK);
        ck_assert_uint_eq(again.length, 255);
        ck_assert(name_equal(&name, &again));
    }
}
END_TEST

START_TEST(takes_127_labels)
{
    uint8_t octets[300], key[NAME_KEY_MAX_OCTETS];
    struct reader reader = reader_over(octets, labels_put(octets, 127, 1, 0));
    struct name name, again;

    name_read_plain(&reader, &name);
    size_t length = key_of(&name, key);
    ck_assert_uint_eq(length, 254);
    ck_assert_int_eq(name_key_read(key, length, &again), RESULT_OK);
    ck_assert(name_equal(&name, &again));
    ck_assert_uint_eq(again.labels, 127);
}
END_TEST

static int sign(int number)
{
    return (number > 0) - (number < 0);
}

START_TEST(has_the_order_of_names)
{
    uint64_t state = 7;
    unsigned equal = 0, within = 0;

    for (unsigned i = 0; i < 200000; i++) {
        struct name a, b;
        uint8_t a_key[NAME_KEY_MAX_OCTETS], b_key[NAME_KEY_MAX_OCTETS];
        random_name(&state, &a);
        random_name(&state, &b);
        size_t a_length = key_of(&a, a_key), b_length = key_of(&b, b_key);
        int order = compare_keys(a_key, a_length, b_key, b_length);
        ck_assert_int_eq(sign(order), sign(name_compare(&a, &b)));
        ck_assert_int_eq(order == 0, name_equal(&a, &b));
        bool prefix = b_length <= a_length && memcmp(a_key, b_key, b_length) == 0;
        ck_assert_int_eq(prefix, name_is_within(&a, &b));
        equal += order == 0;
        within += prefix && order != 0;
    }
    ck_assert_uint_gt(equal, 1000); /* the names were close enough to try it */
    ck_assert_uint_gt(within, 1000);
}
END_TEST

START_TEST(leads_back)
{
    uint64_t state = 3;

    for (unsigned i = 0; i < 50000; i++) {
        struct name name, again;
        uint8_t key[NAME_KEY_MAX_OCTETS];
        random_name(&state, &name);
        uint8_t *exact = exact_copy(key, key_of(&name, key));
        size_t length = key_of(&name, key);
        memcpy(exact, key, length);
        ck_assert_int_eq(name_key_read(exact, length, &again), RESULT_OK);
        name_lower(&name);
        ck_assert_uint_eq(again.length, name.length);
        ck_assert_uint_eq(again.labels, name.labels);
        ck_assert_mem_eq(again.octets, name.octets, name.length);
        free(exact);
    }
}
END_TEST

static const struct {
    const char *what;
    size_t length;
    const char *key;
} bad[] = {
    {"no end of the label", 1, "a"},
    {"an empty label", 1, "\0"},
    {"an empty second label", 3, "a\0\0"},
    {"upper case", 2, "A\0"},
    {"an escape cut off", 1, "\1"},
    {"an escape that ends the label", 2, "\1\0"},
    {"an escape of nothing", 3, "\1\3\0"},
    {"an escaped letter", 3, "\1b\0"},
    {"a label of 64 octets", 65,
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\0"},
};

START_TEST(refuses_what_is_no_key)
{
    uint8_t *key = exact_copy(bad[_i].key, bad[_i].length);
    struct name name;

    ck_assert_msg(name_key_read(key, bad[_i].length, &name) == RESULT_FORMAT, "%s", bad[_i].what);
    free(key);
}
END_TEST

START_TEST(refuses_keys_of_names_too_long)
{
    uint8_t key[512];
    struct name name;

    memset(key, 'a', sizeof key);
    key[63] = key[127] = key[191] = 0;
    for (unsigned last = 1; last <= 63; last++) {
        key[192 + last] = 0;
        ck_assert_int_eq(name_key_read(key, 193 + last, &name),
                         192 + last + 2 <= 255 ? RESULT_OK : RESULT_FORMAT);
        key[192 + last] = 'a';
    }
    for (unsigned i = 0; i < sizeof key; i++)
        key[i] = i % 2 ? 0 : 'a';
    ck_assert_int_eq(name_key_read(key, 254, &name), RESULT_OK);
    ck_assert_int_eq(name_key_read(key, 256, &name), RESULT_FORMAT);
    ck_assert_int_eq(name_key_read(key, 512, &name), RESULT_FORMAT);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("wire/name_key");
    TCase *key = tcase_create("key");

    tcase_add_loop_test(key, writes_a_key, 0, COUNT(rows));
    tcase_add_loop_test(key, fits_exactly_or_fails, 0, COUNT(rows));
    tcase_add_test(key, takes_the_longest_names);
    tcase_add_test(key, takes_127_labels);
    tcase_add_test(key, has_the_order_of_names);
    tcase_add_test(key, leads_back);
    tcase_add_loop_test(key, refuses_what_is_no_key, 0, COUNT(bad));
    tcase_add_test(key, refuses_keys_of_names_too_long);
    suite_add_tcase(suite, key);
    return run_suite(suite);
}
