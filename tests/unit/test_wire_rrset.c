/* test_wire_rrset.c - runs of RDATA: in order, each once, nothing lost. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "avow/wire/rdata.h"
#include "avow/wire/rrset.h"

static struct rdata_run run_of(const struct buffer *buffer, uint16_t count)
{
    return (struct rdata_run){buffer->octets, (uint32_t)buffer->length, count};
}

static bool insert(struct buffer *run, uint16_t *count, uint16_t type, const void *rdata,
                   size_t length)
{
    bool added = false;
    uint8_t *copy = exact_copy(rdata, length);

    ck_assert_int_eq(rdata_run_insert(run, count, type, copy, length, &added), RESULT_OK);
    free(copy);
    struct rdata_run made = run_of(run, *count);
    ck_assert(rdata_run_valid(&made));
    return added;
}

/* All orders of four records, one of them empty, give the same run. */
START_TEST(inserts_in_order)
{
    static const char *const records[] = {"", "a", "ab", "b"};
    static const uint8_t wanted[] = {0, 0, 0, 1, 'a', 0, 2, 'a', 'b', 0, 1, 'b'};
    unsigned order[4] = {(unsigned)_i % 4, (unsigned)_i / 4 % 4, (unsigned)_i / 16 % 4,
                         (unsigned)_i / 64};
    struct buffer run = {0};
    uint16_t count = 0;

    for (size_t i = 0; i < 4; i++)
        insert(&run, &count, 62347, records[order[i]], strlen(records[order[i]]));
    for (size_t i = 0; i < 4; i++)
        insert(&run, &count, 62347, records[i], strlen(records[i]));
    ck_assert_uint_eq(count, 4);
    ck_assert_uint_eq(run.length, sizeof(wanted));
    ck_assert_mem_eq(run.octets, wanted, sizeof(wanted));
    buffer_free(&run);
}
END_TEST

/* Names that differ in case alone are one record; the first one's case stays. */
START_TEST(folds_duplicates)
{
    struct buffer run = {0};
    uint16_t count = 0;

    ck_assert(insert(&run, &count, TYPE_NS, "\1A", 3));
    ck_assert(!insert(&run, &count, TYPE_NS, "\1a", 3));
    ck_assert(insert(&run, &count, TYPE_NS, "\1b", 3));
    ck_assert(!insert(&run, &count, TYPE_NS, "\1B", 3));
    ck_assert(!insert(&run, &count, TYPE_NS, "\1a", 3));
    ck_assert_uint_eq(count, 2);
    ck_assert_mem_eq(run.octets, "\0\3\1A\0\0\3\1b", 10);
    ck_assert(insert(&run, &count, TYPE_TXT, "\1B", 2));
    buffer_free(&run);
}
END_TEST

START_TEST(removes)
{
    struct buffer run = {0};
    uint16_t count = 0;
    bool removed = true;

    rdata_run_remove(&run, &count, TYPE_NS, (const uint8_t *)"\1a", 3, &removed);
    ck_assert(!removed);
    for (char c = 'a'; c <= 'e'; c++)
        insert(&run, &count, TYPE_NS, (char[]){1, c, 0}, 3);
    static const struct {
        char which;
        bool there;
    } steps[] = {{'C', true}, {'c', false}, {'a', true},  {'e', true}, {'f', false},
                 {'B', true}, {'d', true},  {'d', false}, {'A', false}};
    for (size_t i = 0; i < COUNT(steps); i++) {
        uint16_t before = count;
        rdata_run_remove(&run, &count, TYPE_NS, (uint8_t[]){1, (uint8_t)steps[i].which, 0}, 3,
                         &removed);
        ck_assert_msg(removed == steps[i].there, "step %zu", i);
        ck_assert_uint_eq(count, before - removed);
        struct rdata_run left = run_of(&run, count);
        ck_assert(rdata_run_valid(&left));
    }
    ck_assert_uint_eq(count, 0);
    ck_assert_uint_eq(run.length, 0);
    buffer_free(&run);
}
END_TEST

START_TEST(says_what_is_valid)
{
    static const struct {
        const char *octets;
        uint32_t length;
        uint16_t count;
        bool valid;
    } rows[] = {{"", 0, 0, true},           {"\0\0", 2, 1, true},   {"\0\1a", 3, 1, true},
                {"\0\1a\0\1b", 6, 2, true}, {"\0\1a", 3, 2, false}, {"\0\1a\0\1b", 6, 1, false},
                {"\0\1", 2, 1, false},      {"\0", 1, 0, false},    {"\0\1a\0", 4, 1, false},
                {"\0\2a", 3, 0, false},     {"", 0, 1, false}};

    for (size_t i = 0; i < COUNT(rows); i++) {
        uint8_t *copy = exact_copy(rows[i].octets, rows[i].length);
        struct rdata_run run = {copy, rows[i].length, rows[i].count};
        ck_assert_msg(rdata_run_valid(&run) == rows[i].valid, "row %zu", i);
        free(copy);
    }
}
END_TEST

START_TEST(compares_runs)
{
    static const uint8_t one[] = "\0\3\1A\0\0\3\1b", other[] = "\0\3\1a\0\0\3\1B",
                         third[] = "\0\3\1a\0\0\3\1c";
    struct rdata_run a = {one, 10, 2}, b = {other, 10, 2}, c = {third, 10, 2}, d = {one, 5, 1};

    ck_assert(rdata_run_equal(TYPE_NS, &a, &a));
    ck_assert(rdata_run_equal(TYPE_NS, &a, &b));
    ck_assert(!rdata_run_equal(TYPE_NSEC, &a, &b));
    ck_assert(!rdata_run_equal(TYPE_NS, &a, &c));
    ck_assert(!rdata_run_equal(TYPE_NS, &a, &d));
    ck_assert(!rdata_run_equal(TYPE_NS, &d, &a));
    struct rdata_run none = {NULL, 0, 0};
    ck_assert(rdata_run_equal(TYPE_NS, &none, &none));
    ck_assert(!rdata_run_equal(TYPE_NS, &none, &d));
}
END_TEST

/* The count is 16 bits: one more than fits is refused, and the run stays as it was. */
START_TEST(is_full_at_65535)
{
    struct buffer run = {0};
    uint16_t count = 0;
    bool added;

    for (unsigned i = 0; i < UINT16_MAX; i++) {
        uint8_t record[] = {(uint8_t)(i >> 8), (uint8_t)i};
        buffer_u16(&run, sizeof(record));
        buffer_add(&run, record, sizeof(record));
        count++;
    }
    size_t length = run.length;
    ck_assert_int_eq(rdata_run_insert(&run, &count, 62347, (const uint8_t *)"\377\377", 2, &added),
                     RESULT_FULL);
    ck_assert(!added && run.length == length && count == UINT16_MAX);
    ck_assert_int_eq(rdata_run_insert(&run, &count, 62347, (const uint8_t *)"\0\7", 2, &added),
                     RESULT_OK);
    ck_assert(!added);
    buffer_free(&run);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("wire/rrset");
    TCase *runs = tcase_create("runs");

    tcase_add_loop_test(runs, inserts_in_order, 0, 256);
    tcase_add_test(runs, folds_duplicates);
    tcase_add_test(runs, removes);
    tcase_add_test(runs, says_what_is_valid);
    tcase_add_test(runs, compares_runs);
    tcase_add_test(runs, is_full_at_65535);
    suite_add_tcase(suite, runs);
    return run_suite(suite);
}
