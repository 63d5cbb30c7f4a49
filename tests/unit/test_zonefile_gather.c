/* test_zonefile_gather.c - records brought into order: as a plain sort would, and stable. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "avow/wire/type.h"
#include "avow/zonefile/gather.h"
#include "avow/zonefile/judge.h"
#include "avow/zonefile/owner.h"
#include "support.h"

enum { MANY = 20000 };

struct entry {
    uint8_t key[NAME_KEY_MAX_OCTETS];
    size_t length;
    uint16_t type;
    uint32_t line; /* in the order in which they came */
};

static int compare(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    int order = memcmp(a->key, b->key, a->length < b->length ? a->length : b->length);

    if (order)
        return order;
    if (a->length != b->length)
        return a->length < b->length ? -1 : 1;
    if (a->type != b->type)
        return a->type < b->type ? -1 : 1;
    return a->line < b->line ? -1 : 1;
}

static struct name apex_name(void)
{
    struct name apex;

    ck_assert_int_eq(name_from_string("example.", &apex), RESULT_OK);
    return apex;
}

static struct name random_name(void)
{
    static const char *const labels[] = {"a",        "A",          "b", "ab",
                                         "abcdefgh", "abcdefghi",  "*", "\\000",
                                         "\\001",    "\\001\\001", "z", "-"};
    char text[256] = "example.";
    struct name name;

    for (unsigned depth = (unsigned)random() % 4; depth > 0; depth--) {
        char longer[sizeof text];
        int length = snprintf(longer, sizeof longer, "%s.%s",
                              labels[(size_t)random() % COUNT(labels)], text);
        ck_assert_int_lt(length, (int)sizeof text);
        memcpy(text, longer, sizeof text);
    }
    ck_assert_int_eq(name_from_string(text, &name), RESULT_OK);
    return name;
}

static void add(struct gather *gather, const struct name *owner, uint16_t type, uint32_t line)
{
    ck_assert_int_eq(gather_add(gather, owner,
                                &(struct gathered){.type = type,
                                                   .line = line,
                                                   .ttl = line + 1,
                                                   .file = 3,
                                                   .rdata = (const uint8_t *)&line,
                                                   .rdata_length = sizeof line}),
                     RESULT_OK);
}

START_TEST(sorts_as_a_plain_sort_does)
{
    static const uint16_t types[] = {TYPE_A, TYPE_TXT, TYPE_NS};
    struct entry *entries = calloc(MANY, sizeof *entries);
    struct gather gather;
    struct gathered record;
    struct name apex = apex_name();

    srandom((unsigned)_i + 1);
    ck_assert_ptr_nonnull(entries);
    gather_open(&gather, &apex);
    size_t count = _i == 0 ? 1 : _i == 1 ? 2 : _i == 2 ? 3 : MANY;
    for (uint32_t i = 0; i < count; i++) {
        struct name owner = random_name();
        struct writer writer = writer_over(entries[i].key, sizeof entries[i].key);
        name_key_write(&writer, &owner);
        entries[i].length = writer.length;
        entries[i].type = types[(size_t)random() % COUNT(types)];
        entries[i].line = i;
        add(&gather, &owner, entries[i].type, i);
    }
    ck_assert_int_eq(gather_sort(&gather), RESULT_OK);
    qsort(entries, count, sizeof *entries, compare);
    for (uint32_t i = 0; i < count; i++) {
        ck_assert_int_eq(gather_next(&gather, &record), FOUND_YES);
        ck_assert_uint_eq(record.line, entries[i].line);
        ck_assert_uint_eq(record.type, entries[i].type);
        ck_assert_uint_eq(record.ttl, entries[i].line + 1);
        ck_assert_uint_eq(record.file, 3);
        ck_assert_uint_eq(record.key_length, entries[i].length);
        ck_assert_mem_eq(record.key, entries[i].key, record.key_length);
        ck_assert_uint_eq(record.rdata_length, sizeof(uint32_t));
        ck_assert_mem_eq(record.rdata, &entries[i].line, sizeof(uint32_t));
    }
    ck_assert_int_eq(gather_next(&gather, &record), FOUND_NOT);
    gather_close(&gather);
    free(entries);
}
END_TEST

START_TEST(finds_prefixes)
{
    static const struct {
        const char *name;
        int there;
    } cases[] = {{"example.", 1},       {"b.example.", 1},  {"a.b.example.", 1},
                 {"c.b.example.", 0},   {"ab.example.", 0}, {"\\000b.example.", 0},
                 {"*.w.example.", 1},   {"w.example.", 1},  {"*.example.", 0},
                 {"x.a.b.example.", 0}, {"zz.example.", 0}};
    static const char *const owners[] = {"example.", "a.b.example.", "*.w.example.", "z.example."};
    struct gather gather;
    struct name apex = apex_name(), name;

    gather_open(&gather, &apex);
    for (uint32_t i = 0; i < COUNT(owners); i++) {
        ck_assert_int_eq(name_from_string(owners[COUNT(owners) - 1 - i], &name), RESULT_OK);
        add(&gather, &name, TYPE_A, i);
    }
    ck_assert_int_eq(gather_sort(&gather), RESULT_OK);
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t key[NAME_KEY_MAX_OCTETS];
        struct writer writer = writer_over(key, sizeof key);
        ck_assert_int_eq(name_from_string(cases[i].name, &name), RESULT_OK);
        name_key_write(&writer, &name);
        ck_assert_msg(gather_has_prefix(&gather, key, writer.length) == cases[i].there, "%s",
                      cases[i].name);
    }
    gather_close(&gather);
}
END_TEST

START_TEST(nothing_is_in_order)
{
    struct gather gather;
    struct gathered record;
    struct name apex = apex_name();

    gather_open(&gather, &apex);
    ck_assert_int_eq(gather_sort(&gather), RESULT_OK);
    ck_assert_int_eq(gather_peek(&gather, &record), FOUND_NOT);
    ck_assert_int_eq(gather_has_prefix(&gather, (const uint8_t *)"a", 2), 0);
    gather_close(&gather);
    gather_close(&gather);
}
END_TEST

/* Sets of an owner: by type, duplicates folded, the lowest TTL of each. */
START_TEST(owners_are_brought_together)
{
    struct gather gather;
    struct owner_sets sets = {.count = 0};
    struct name apex = apex_name();
    const struct {
        uint16_t type;
        uint32_t ttl;
        const char *rdata;
    } records[] = {{TYPE_TXT, 9, "\1b"},
                   {TYPE_A, 7, "aaaa"},
                   {TYPE_TXT, 5, "\1a"},
                   {TYPE_TXT, 8, "\1b"},
                   {TYPE_A, 7, "aaab"}};

    gather_open(&gather, &apex);
    for (size_t i = 0; i < COUNT(records); i++) {
        struct gathered record = {.type = records[i].type,
                                  .ttl = records[i].ttl,
                                  .rdata = (const uint8_t *)records[i].rdata,
                                  .rdata_length = (uint16_t)strlen(records[i].rdata)};
        ck_assert_int_eq(gather_add(&gather, &apex, &record), RESULT_OK);
    }
    ck_assert_int_eq(gather_sort(&gather), RESULT_OK);
    ck_assert_int_eq(owner_sets_collect(&sets, &gather), RESULT_OK);
    ck_assert_uint_eq(sets.count, 2);
    ck_assert_uint_eq(sets.sets[0].type, TYPE_A);
    ck_assert_uint_eq(sets.sets[0].rdata.count, 2);
    ck_assert_uint_eq(sets.sets[1].rdata.count, 2); /* the second b is the first */
    ck_assert_uint_eq(sets.sets[1].ttl, 5);
    ck_assert_uint_eq(sets.sets[1].ttl_highest, 9);
    ck_assert_mem_eq(sets.sets[1].rdata.octets, "\0\2\1a\0\2\1b", 8);

    struct zone_set between = {.type = TYPE_MX, .rdata = {(const uint8_t *)"\0\1x", 3, 1}};
    ck_assert_int_eq(owner_sets_insert(&sets, &between), RESULT_OK);
    ck_assert_uint_eq(sets.count, 3);
    ck_assert_uint_eq(sets.sets[1].type, TYPE_MX);
    ck_assert_mem_eq(owner_sets_find(&sets, TYPE_TXT)->rdata.octets, "\0\2\1a\0\2\1b", 8);
    ck_assert_ptr_null(owner_sets_find(&sets, TYPE_NS));
    ck_assert_int_eq(owner_sets_collect(&sets, &gather), RESULT_OK);
    ck_assert_uint_eq(sets.count, 0);
    owner_sets_free(&sets);
    gather_close(&gather);
}
END_TEST

/* From the first record, wherever the gather stood, and again. */
START_TEST(all_owners_are_judged)
{
    struct gather gather;
    struct name apex = apex_name(), below;
    struct complaints complaints = {.limit = 10};
    const struct zone_rules_options options = {.zone = &apex, .complaints = &complaints};
    struct gathered record = {
        .type = TYPE_NS, .ttl = 5, .rdata = (const uint8_t *)"", .rdata_length = 1};
    uint64_t names;

    ck_assert_int_eq(name_from_string("a.example.", &below), RESULT_OK);
    gather_open(&gather, &apex);
    ck_assert_int_eq(gather_add(&gather, &below, &record), RESULT_OK);
    ck_assert_int_eq(gather_add(&gather, &apex, &record), RESULT_OK);
    ck_assert_int_eq(gather_sort(&gather), RESULT_OK);
    for (unsigned i = 1; i <= 2; i++) {
        gather.next = 1;
        ck_assert_int_eq(zone_judge(&gather, &options, &names), RESULT_FORMAT);
        ck_assert_uint_eq(names, 2);
        ck_assert_uint_eq(complaints.errors, i); /* the apex has NS, and no SOA */
        ck_assert_uint_eq(gather.next, 0);
    }
    gather_close(&gather);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("zonefile/gather");
    TCase *tests = tcase_create("gather");

    tcase_add_loop_test(tests, sorts_as_a_plain_sort_does, 0, 6);
    tcase_add_test(tests, finds_prefixes);
    tcase_add_test(tests, nothing_is_in_order);
    tcase_add_test(tests, owners_are_brought_together);
    tcase_add_test(tests, all_owners_are_judged);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
