/* test_zonefile_generate.c - ranges and templates of $GENERATE, as BIND 9.18 expands them. */
#include <stdlib.h>
#include <string.h>

#include "avow/zonefile/generate.h"
#include "support.h"

static const struct {
    const char *text;
    enum result result;
    struct generate_range range;
    uint64_t count;
} ranges[] = {
    {"0-0", RESULT_OK, {0, 0, 1}, 1},
    {"1-10", RESULT_OK, {1, 10, 1}, 10},
    {"1-10/3", RESULT_OK, {1, 10, 3}, 4},
    {"1-10/100", RESULT_OK, {1, 10, 100}, 1},
    {"0-2147483647", RESULT_OK, {0, 2147483647, 1}, 2147483648},
    {"0-2147483648", RESULT_FORMAT, {0}, 0},
    {"99999999999999999999-1", RESULT_FORMAT, {0}, 0},
    {"2-1", RESULT_FORMAT, {0}, 0},
    {"1-2/0", RESULT_FORMAT, {0}, 0},
    {"1-2/", RESULT_FORMAT, {0}, 0},
    {"1-", RESULT_FORMAT, {0}, 0},
    {"-1", RESULT_FORMAT, {0}, 0},
    {"1", RESULT_FORMAT, {0}, 0},
    {"1-2x", RESULT_FORMAT, {0}, 0},
    {"", RESULT_FORMAT, {0}, 0},
};

START_TEST(reads_a_range)
{
    struct generate_range range = {0};
    size_t length = strlen(ranges[_i].text);
    char *text = (char *)exact_copy(ranges[_i].text, length);

    ck_assert_msg(generate_range_read(text, length, &range) == ranges[_i].result, "%s",
                  ranges[_i].text);
    if (ranges[_i].result == RESULT_OK) {
        ck_assert_mem_eq(&range, &ranges[_i].range, sizeof range);
        ck_assert_uint_eq(generate_range_count(&range), ranges[_i].count);
    }
    free(text);
}
END_TEST

static const struct {
    const char *text;
    uint32_t value;
    const char *expanded; /* NULL: an error */
} templates[] = {
    {"", 1, ""},
    {"host", 1, "host"},
    {"host$", 7, "host7"},
    {"$.$", 7, "7.7"},
    {"$$", 7, "$"},
    {"$$$", 7, "$7"},
    {"\\$", 7, "\\$"},
    {"\\", 7, "\\"},
    {"\\\\$", 7, "\\\\7"},
    {"${0}", 7, "7"},
    {"${3}", 7, "10"},
    {"${+3}", 7, "10"},
    {"${-7}", 7, "0"},
    {"${-8}", 7, "-1"},
    {"${-20,4,d}", 10, "-010"},
    {"${0,3}", 7, "007"},
    {"${0,3,d}", 1234, "1234"},
    {"${0,3,o}", 8, "010"},
    {"${0,2,x}", 171, "ab"},
    {"${0,4,X}", 171, "00AB"},
    {"${0,0,n}", 18, "2.1"},
    {"${0,1,n}", 0, "0"},
    {"${0,2,n}", 0, "0."},
    {"${0,3,n}", 5, "5.0"},
    {"${0,7,N}", 171, "B.A.0.0"},
    {"a${2147483647,0,d}b", 2147483647, "a4294967294b"},
    {"${0,255,d}", 1,
     "00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
     "00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
     "00000000000000000000000000000000000000000000000000000000000000000000001"},
    {"${0,256,d}", 1, NULL},
    {"${-8,0,x}", 7, NULL},
    {"${-8,0,n}", 7, NULL},
    {"${", 7, NULL},
    {"${}", 7, NULL},
    {"${1", 7, NULL},
    {"${1,}", 7, NULL},
    {"${1,2,}", 7, NULL},
    {"${1,2,q}", 7, NULL},
    {"${1,2,d", 7, NULL},
    {"${1,2,dd}", 7, NULL},
    {"${2147483648}", 7, NULL},
};

START_TEST(expands_a_template)
{
    struct buffer out = {.octets = NULL};
    const char *what = NULL;
    size_t length = strlen(templates[_i].text);
    char *text = (char *)exact_copy(templates[_i].text, length);

    enum result result = generate_expand(text, length, templates[_i].value, &out, &what);
    if (templates[_i].expanded) {
        ck_assert_msg(result == RESULT_OK, "%s", templates[_i].text);
        buffer_u8(&out, '\0');
        ck_assert_str_eq((const char *)out.octets, templates[_i].expanded);
    } else {
        ck_assert_msg(result == RESULT_FORMAT, "%s", templates[_i].text);
        ck_assert_ptr_nonnull(what);
    }
    buffer_free(&out);
    free(text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("zonefile/generate");
    TCase *generating = tcase_create("generating");

    tcase_add_loop_test(generating, reads_a_range, 0, COUNT(ranges));
    tcase_add_loop_test(generating, expands_a_template, 0, COUNT(templates));
    suite_add_tcase(suite, generating);
    return run_suite(suite);
}
