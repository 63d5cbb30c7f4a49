/* test_keeper_load_check.c - what a load is held for, to the last name and second. */
#include <stdio.h>

#include "../../src/keeper/load_check.h"
#include "zone_lab.h"

/* ---- judging ----------------------------------------------------------------------------------
 */

/* A zone in good order, and what a row changes of it. */
static struct load_look fine(void)
{
    struct load_look look = {.served = true, .names = 1000, .names_served = 1000};
    struct load_apex apex = {
        .there = true,
        .soa = {.serial = 10, .refresh = 7200, .retry = 1800, .expire = 1209600, .minimum = 600},
        .servers = 2,
        .longest_ttl = 3600};

    apex.primary = name_of("ns.example.");
    look.before = look.after = apex;
    look.servers_kept = 2;
    return look;
}

static const struct deletion {
    uint64_t served, gone;
    uint32_t largest, free;
    bool held;
} deletions[] = {
    {1000, 0, 30, 20, false}, {1000, 300, 30, 20, false}, {1000, 301, 30, 20, true},
    {10, 10, 30, 20, false},  {20, 20, 30, 20, false},    {21, 21, 30, 20, true},
    {70, 21, 30, 20, false},  {69, 21, 30, 20, true},     {1000, 1000, 100, 0, false},
    {1000, 1, 0, 0, true},    {1000, 1, 0, 1, false},     {UINT64_C(1) << 40, 1, 0, 0, true},
    {100, 50, 50, 0, false},  {100, 51, 50, 0, true},
};

START_TEST(deletion)
{
    const struct deletion *row = &deletions[_i];
    struct load_bounds bounds = {.largest_deletion = row->largest, .free_deletions = row->free};
    struct load_look look = fine();
    char text[HOLD_TEXT];

    look.names_served = row->served;
    look.gone = row->gone;
    ck_assert_int_eq(load_judge(&look, &bounds, text), row->held ? HOLD_DELETION : HOLD_NONE);
    ck_assert_int_eq(*text != '\0', row->held);
    look.served = false; /* nothing to lose */
    ck_assert_int_eq(load_judge(&look, &bounds, text), HOLD_NONE);
}
END_TEST

static void no_server_stays(struct load_look *look)
{
    look->servers_kept = 0;
}
static void none_before(struct load_look *look)
{
    look->before.servers = look->servers_kept = 0;
}
static void one_server_goes(struct load_look *look)
{
    look->servers_kept = look->after.servers = 1;
}
static void primary(struct load_look *look)
{
    look->after.primary = name_of("other.");
}
static void primary_and_servers(struct load_look *look)
{
    primary(look);
    look->after.servers = 3;
}
static void older(struct load_look *look)
{
    look->after.soa.serial = 9;
}
static void same(struct load_look *look)
{
    look->after.soa.serial = 10;
}
static void wraps(struct load_look *look)
{
    look->after.soa.serial = 10U + 0x7fffffffU;
}
static void short_expire(struct load_look *look)
{
    look->after.soa.expire = 8999;
}
static void least_expire(struct load_look *look)
{
    look->after.soa.expire = 9000;
}
static void long_expire(struct load_look *look)
{
    look->after.soa.expire = 365 * 86400 + 1;
}
static void always_short(struct load_look *look)
{
    look->before.soa.expire = 1;
    look->after.soa.expire = 2;
}
static void overflow(struct load_look *look)
{
    look->after.soa.retry = UINT32_MAX;
}
static void long_minimum(struct load_look *look)
{
    look->after.soa.minimum = 7 * 86400 + 1;
}
static void most_minimum(struct load_look *look)
{
    look->after.soa.minimum = 7 * 86400;
}
static void long_ttl(struct load_look *look)
{
    look->after.longest_ttl = 30 * 86400 + 1;
}
static void most_ttl(struct load_look *look)
{
    look->after.longest_ttl = 30 * 86400;
}
static void always_long(struct load_look *look)
{
    look->before.longest_ttl = look->after.longest_ttl = UINT32_MAX;
}
static void no_soa(struct load_look *look)
{
    look->after = (struct load_apex){.there = false};
    look->servers_kept = 0;
}

static const struct apex_row {
    void (*change)(struct load_look *look);
    const char *said; /* NULL: let through */
} apexes[] = {
    {no_server_stays, "none of its 2 name servers"},
    {none_before, NULL},
    {one_server_goes, NULL},
    {primary, NULL},
    {primary_and_servers, "from ns.example. to other."},
    {older, "serial 9 is before that of the file loaded last, 10"},
    {same, NULL},
    {wraps, NULL},
    {short_expire, "EXPIRE"},
    {least_expire, NULL},
    {long_expire, "EXPIRE"},
    {always_short, NULL},
    {overflow, "EXPIRE"},
    {long_minimum, "MINIMUM"},
    {most_minimum, NULL},
    {long_ttl, "longest TTL"},
    {most_ttl, NULL},
    {always_long, NULL},
    {no_soa, NULL}, /* the rules say what is wrong with it */
};

START_TEST(apex)
{
    const struct apex_row *row = &apexes[_i];
    struct load_bounds bounds = {
        .largest_deletion = 100, .apex = true, .has_serial = true, .serial = 10};
    struct load_look look = fine();
    char text[HOLD_TEXT];

    row->change(&look);
    ck_assert_msg(load_judge(&look, &bounds, text) == (row->said ? HOLD_APEX : HOLD_NONE),
                  "row %d: %s", _i, text);
    ck_assert_msg(!row->said || strstr(text, row->said), "row %d: %s", _i, text);
    bounds.apex = false;
    ck_assert_int_eq(load_judge(&look, &bounds, text), HOLD_NONE);
}
END_TEST

START_TEST(serials_that_do_not_count)
{
    struct load_bounds bounds = {.largest_deletion = 100, .apex = true, .serial = 10};
    struct load_look look = fine();
    char text[HOLD_TEXT];

    older(&look);
    ck_assert_int_eq(load_judge(&look, &bounds, text), HOLD_NONE);
}
END_TEST

START_TEST(all_reasons_are_told)
{
    static const char *const said[] = {"600 of its 1000 names",
                                       "; none of its 2 name servers",
                                       "; the file's serial 9 ",
                                       "; EXPIRE",
                                       "; MINIMUM",
                                       "; its longest TTL"};
    struct load_bounds bounds = {
        .largest_deletion = 30, .apex = true, .has_serial = true, .serial = 10};
    struct load_look look = fine();
    char text[HOLD_TEXT];

    look.gone = 600;
    no_server_stays(&look);
    older(&look);
    short_expire(&look);
    long_minimum(&look);
    long_ttl(&look);
    ck_assert_int_eq(load_judge(&look, &bounds, text), HOLD_DELETION);
    for (size_t i = 0; i < COUNT(said); i++)
        ck_assert_msg(strstr(text, said[i]), "%s: %s", said[i], text);
}
END_TEST

START_TEST(reasons_have_an_end)
{
    char text[HOLD_TEXT] = "";

    for (unsigned i = 0; i < HOLD_TEXT; i++)
        load_add_reason(text, "%s", "a reason");
    ck_assert_uint_eq(strlen(text), HOLD_TEXT - 1);
}
END_TEST

/* ---- looking ----------------------------------------------------------------------------------
 */

static struct test_store test;
static struct gather gather;
static uint32_t version;

static void setup(void)
{
    struct name name = name_of("example.");

    test_store_open(&test);
    version = lab_zone(&test.store, "example.", 0);
    ck_assert_int_eq(snapshot_renew(&test.snapshot), RENEWAL_READY);
    gather_open(&gather, &name);
}

static void teardown(void)
{
    gather_close(&gather);
    test_store_close(&test);
}

static void add(const char *owner, uint16_t type, uint32_t ttl, const void *rdata, size_t length)
{
    struct name name = name_of(owner);

    ck_assert_int_eq(
        gather_add(&gather, &name,
                   &(struct gathered){
                       .type = type, .ttl = ttl, .rdata = rdata, .rdata_length = (uint16_t)length}),
        RESULT_OK);
}

/* lab_zone has the apex, big, ftp and www; its server is the root. */
static struct load_look look_at(const struct order *touched)
{
    static const uint8_t soa[] = {1, 'm', 0, 0, 0, 0, 0, 7, [19] = 9, [23] = 5};
    struct name name = name_of("example.");
    struct load_look look;

    add("example.", TYPE_SOA, 60, soa, sizeof soa);
    ck_assert_int_eq(gather_sort(&gather), RESULT_OK);
    ck_assert_int_eq(load_look(&look, &gather, &name, &test.snapshot, version, touched), RESULT_OK);
    ck_assert_uint_eq(gather.next, 0);
    return look;
}

START_TEST(names_beside_each_other)
{
    add("example.", TYPE_NS, 60, "\1n", 3);
    add("EXAMPLE.", TYPE_NS, 60, "", 1);
    add("a.example.", TYPE_A, 70, "abcd", 4);
    add("a.example.", TYPE_TXT, 80, "\1x", 2);
    add("WWW.example.", TYPE_A, 60, "abcd", 4);
    add("z.www.example.", TYPE_A, 60, "abcd", 4);
    struct load_look look = look_at(NULL);
    char text[NAME_MAX_TEXT];

    ck_assert(look.served && look.after.there && look.before.there);
    ck_assert_uint_eq(look.names_served, 4);
    ck_assert_uint_eq(look.names, 4);
    ck_assert_uint_eq(look.gone, 2); /* big, ftp */
    ck_assert_uint_eq(look.fresh, 2);
    ck_assert_uint_eq(look.before.servers, 1);
    ck_assert_uint_eq(look.after.servers, 2);
    ck_assert_uint_eq(look.servers_kept, 1);
    ck_assert_uint_eq(look.before.longest_ttl, 300);
    ck_assert_uint_eq(look.after.longest_ttl, 80);
    ck_assert_uint_eq(look.after.soa.serial, 7);
    ck_assert_uint_eq(look.before.soa.serial, 1);
    ck_assert_str_eq(name_to_text(&look.after.primary, text), "m.");
}
END_TEST

START_TEST(what_a_merge_leaves_does_not_go)
{
    struct order touched = {.count = 0};
    uint8_t key[64];
    struct writer writer = writer_over(key, sizeof key);
    struct name name = name_of("big.example.");

    name_key_write(&writer, &name);
    writer_u16(&writer, TYPE_TXT);
    struct order_item item = {.key = key, .length = writer.length};
    order_insert(&touched, &item);
    struct load_look look = look_at(&touched);
    ck_assert_uint_eq(look.gone, 2); /* ftp and www */
}
END_TEST

START_TEST(what_is_damaged_holds_nothing)
{
    struct name name = name_of("example.");
    struct load_look look;

    ck_assert_int_eq(load_look(&look, &gather, &name, &test.snapshot, version + 1, NULL),
                     RESULT_OK);
    ck_assert(!look.served);
    ck_assert_int_eq(load_look(&look, &gather, &name, NULL, 0, NULL), RESULT_OK);
    ck_assert(!look.served);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("keeper_load_check");
    TCase *judging = tcase_create("judging"), *looking = tcase_create("looking");

    tcase_add_loop_test(judging, deletion, 0, COUNT(deletions));
    tcase_add_loop_test(judging, apex, 0, COUNT(apexes));
    tcase_add_test(judging, serials_that_do_not_count);
    tcase_add_test(judging, all_reasons_are_told);
    tcase_add_test(judging, reasons_have_an_end);
    suite_add_tcase(suite, judging);
    tcase_add_checked_fixture(looking, setup, teardown);
    tcase_add_test(looking, names_beside_each_other);
    tcase_add_test(looking, what_a_merge_leaves_does_not_go);
    tcase_add_test(looking, what_is_damaged_holds_nothing);
    suite_add_tcase(suite, looking);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
