/* test_answer_cache.c - an answer that was kept is the answer that would have been made, and is
 * used no longer than that. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "avow/answer/cache.h"
#include "avow/change/change.h"
#include "support.h"
#include "world.h"

#include "response.h"

enum { MANY = 8000 };

static const char zone_text[] = "$TTL 300\n"
                                "@ SOA ns.deep.er h 1 2 3 4 60\n"
                                "@ NS ns\n"
                                "ns A 192.0.2.1\n"
                                "www A 192.0.2.2\n"
                                "deep.er A 192.0.2.3\n"
                                "*.w MX 10 www\n"
                                "alias CNAME www.other.\n"
                                "cut NS ns.cut\n"
                                "ns.cut A 192.0.2.4\n";
static const char other_text[] = "$TTL 300\n@ SOA ns h 1 2 3 4 60\n@ NS ns\nwww A 192.0.2.5\n";

static struct world world;
static struct answerer answerer;
static struct answer_cache *cache;
static struct outcome outcome;
static struct query query;
static uint8_t kept[4096], made[4096];

static void load(const char *apex, const char *text, size_t length)
{
    world_load(&world, &(struct world_zone){
                           .apex = apex, .text = text, .length = length, .denial = WORLD_NSEC3});
}

static void set_up(void)
{
    world_open(&world, 64 << 20);
    load("example.", zone_text, strlen(zone_text));
    load("other.", other_text, strlen(other_text));
    world_ready(&world, &answerer);
    ck_assert_int_eq(answer_cache_make(&cache, 1 << 20), RESULT_OK);
    answerer.cache = cache;
}

static void tear_down(void)
{
    answer_cache_free(cache);
    world_close(&world);
}

static const uint8_t *cookie; /* of 24 octets, for the next answers; NULL: none */

static void ask_with(const char *name, uint16_t type, bool dnssec_ok, uint8_t out[4096])
{
    struct world_question question = {
        .type = type, .class_ = CLASS_IN, .dnssec_ok = dnssec_ok, .payload = 1232};
    const struct answer_facts facts = {.now = WORLD_NOW,
                                       .transport = ANSWER_TCP,
                                       .cookie = cookie,
                                       .cookie_length = cookie ? 24 : 0};
    uint8_t octets[512];

    ck_assert_int_eq(name_from_string(name, &question.name), RESULT_OK);
    size_t length = world_query(&question, octets, sizeof octets);
    ck_assert_int_eq(query_read(octets, length, &query), ANSWER_SEND);
    answer_query(&answerer, &query, &facts, out, 4096, &outcome);
    ck_assert_int_eq(outcome.verdict, ANSWER_SEND);
}

static bool ask(const char *name)
{
    ask_with(name, TYPE_A, true, kept);
    return outcome.from_cache;
}

/* In lower case: a name that is compressed against the question takes over its letters. */
static void words_of(const uint8_t *octets, size_t length, struct buffer *text)
{
    static struct response response;
    const char *wrong = response_read(octets, length, &response);

    ck_assert_msg(!wrong, "%s", wrong);
    response_print(&response, WORDS_ALL, text);
    for (size_t i = 0; i < text->length; i++)
        text->octets[i] = octet_lower(text->octets[i]);
}

/* The same records in the same order with and without the cache. Parts that were kept may be
 * compressed a little less. */
static void check_same(const char *name, uint16_t type, bool dnssec_ok)
{
    struct buffer with = {.octets = NULL}, without = {.octets = NULL};
    struct outcome before;

    ask_with(name, type, dnssec_ok, kept);
    before = outcome;
    words_of(kept, outcome.length, &with);
    answerer.cache = NULL;
    ask_with(name, type, dnssec_ok, made);
    answerer.cache = cache;
    words_of(made, outcome.length, &without);
    ck_assert_msg(with.length == without.length &&
                      memcmp(with.octets, without.octets, with.length) == 0,
                  "%s %u: another answer with the cache", name, type);
    ck_assert_uint_eq(before.rcode, outcome.rcode);
    ck_assert_int_eq(before.kind, outcome.kind);
    ck_assert_uint_eq(before.charge, outcome.charge);
    buffer_free(&with);
    buffer_free(&without);
}

static void check_judged(const char *name, uint16_t type)
{
    static struct response response;

    ask_with(name, type, true, kept);
    ck_assert_ptr_null(response_read(kept, outcome.length, &response));
    const char *wrong = response_judge(&world, &response);
    ck_assert_msg(!wrong, "%s %u: %s", name, type, wrong);
}

static const char *const names[] = {
    "www.example.",        "WWW.example.",         "example.",           "nobody.example.",
    "x.example.",          "nobody.www.example.",  "y.x.www.example.",   "any.w.example.",
    "ANY.w.example.",      "other.any.w.example.", "er.example.",        "a.er.example.",
    "aa.er.example.",      "aaa.deep.er.example.", "b.deep.er.example.", "ns.deep.er.example.",
    "alias.example.",      "cut.example.",         "x.cut.example.",     "xx.ns.cut.example.",
    "0123456789.example.", "www.other.",           "elsewhere.",         "h.example.",
};

START_TEST(a_kept_answer_is_the_same)
{
    static const uint16_t types[] = {TYPE_A, TYPE_MX, TYPE_DS, TYPE_SOA, TYPE_CNAME, TYPE_ANY};

    for (unsigned round = 0; round < 4; round++)
        for (unsigned i = 0; i < COUNT(names); i++)
            for (unsigned j = 0; j < COUNT(types); j++) {
                check_same(names[i], types[j], false);
                check_same(names[i], types[j], true);
                check_judged(names[i], types[j]);
            }
}
END_TEST

START_TEST(kept_at_the_second_miss)
{
    ck_assert(!ask("www.example."));
    ck_assert(!ask("www.example."));
    ck_assert(ask("www.example."));
    ck_assert(ask("wWw.EXAMPLE."));
    ck_assert_msg(memcmp(kept + 12, "\3wWw\7EXAMPLE", 12) == 0, "the question is not echoed");
    ask_with("www.example.", TYPE_A, false, kept);
    ck_assert(!outcome.from_cache);
    ask_with("www.example.", TYPE_AAAA, true, kept);
    ck_assert(!outcome.from_cache);
}
END_TEST

/* One that would not fit is made anew, and is then short. */
START_TEST(must_fit)
{
    struct world_question question = {
        .type = TYPE_A, .class_ = CLASS_IN, .dnssec_ok = true, .payload = 512};
    const struct answer_facts facts = {.now = WORLD_NOW};
    uint8_t octets[512];

    for (unsigned i = 0; i < 3; i++)
        (void)ask("nobody.example.");
    ck_assert(outcome.from_cache);
    ck_assert_uint_gt(outcome.length, 512);
    ck_assert_int_eq(name_from_string("nobody.example.", &question.name), RESULT_OK);
    size_t length = world_query(&question, octets, sizeof octets);
    ck_assert_int_eq(query_read(octets, length, &query), ANSWER_SEND);
    answer_query(&answerer, &query, &facts, kept, sizeof kept, &outcome);
    ck_assert(outcome.truncated);
    ck_assert(!outcome.from_cache);
    ck_assert_uint_le(outcome.length, 512);
}
END_TEST

/* An answer is kept without its OPT: nobody is handed the cookie of somebody else. */
START_TEST(each_client_has_its_own_cookie)
{
    static const uint8_t cookies[][24] = {{1, 2, 3}, {4, 5, 6}, {7, 8, 9}, {10, 11, 12}};
    static struct response response;

    for (unsigned i = 0; i < COUNT(cookies); i++) {
        cookie = cookies[i];
        ck_assert_int_eq(ask("nobody.example."), i >= 2);
        ck_assert_ptr_null(response_read(kept, outcome.length, &response));
        ck_assert_uint_eq(response.edns.cookie_length, 24);
        ck_assert_mem_eq(response.edns.cookie, cookies[i], 24);
    }
    cookie = NULL;
    ck_assert(ask("nobody.example."));
    ck_assert_ptr_null(response_read(kept, outcome.length, &response));
    ck_assert_uint_eq(response.edns.cookie_length, 0);
}
END_TEST

/* Beside a keeper: what it publishes costs the answers of the zone that changed, and no others. */
START_TEST(a_change_costs_one_zone_its_answers)
{
    struct page_published *published = calloc(1, sizeof *published);
    const struct pages pages = {.published = published};
    struct name name;

    ck_assert_ptr_nonnull(published);
    world.snapshot.pages = &pages;
    for (unsigned i = 0; i < 3; i++) {
        (void)ask("www.example.");
        (void)ask("www.other.");
        (void)ask("nobody.example.");
    }
    ck_assert(ask("www.example.") && ask("www.other.") && ask("nobody.example."));
    ck_assert_int_eq(name_from_string("example.", &name), RESULT_OK);
    const struct served_zone *zone = zone_table_find(&world.zones, &name);
    ck_assert_ptr_nonnull(zone);
    atomic_store(&published->last_change[zone->bucket], world.snapshot.id + 1);
    ck_assert(!ask("www.example."));
    ck_assert(!ask("nobody.example."));
    ck_assert(ask("www.other."));
    world.snapshot.pages = NULL;
    free(published);
}
END_TEST

/* Some zone came or went: an answer is good if its name is still of the same version. */
START_TEST(a_new_zone_takes_its_names)
{
    struct page_published *published = calloc(1, sizeof *published);
    const struct pages pages = {.published = published};

    ck_assert_ptr_nonnull(published);
    world.snapshot.pages = &pages;
    for (unsigned i = 0; i < 3; i++) {
        (void)ask("deep.er.example.");
        (void)ask("www.example.");
    }
    ck_assert(ask("deep.er.example."));
    world.snapshot.pages = NULL;
    load("er.example.", other_text, strlen(other_text));
    ck_assert_int_eq(snapshot_renew(&world.snapshot), RENEWAL_READY);
    ck_assert_int_eq(zone_table_refresh(&world.zones, &world.snapshot), RESULT_OK);
    world.snapshot.pages = &pages;
    ck_assert(!ask("deep.er.example."));
    ck_assert_uint_eq(outcome.rcode, RCODE_NXDOMAIN);
    ck_assert(ask("www.example."));
    world.snapshot.pages = NULL;
    free(published);
}
END_TEST

/* More questions than there is room for. */
START_TEST(forgets_and_stays_right)
{
    char name[64];
    unsigned hits = 0;

    for (unsigned round = 0; round < 3; round++)
        for (unsigned i = 0; i < MANY; i++) {
            (void)snprintf(name, sizeof name, "n%u.%s", i * 7919 % MANY,
                           i % 3 ? "w.example." : "www.example.");
            check_same(name, i % 2 ? TYPE_MX : TYPE_A, i % 5 != 0);
        }
    for (unsigned i = 0; i < 100; i++)
        for (unsigned times = 0; times < 3; times++)
            hits += ask(i % 2 ? "www.example." : "ns.example.");
    ck_assert_uint_gt(hits, 290);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("answer/cache");
    TCase *tests = tcase_create("cache");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, a_kept_answer_is_the_same);
    tcase_add_test(tests, kept_at_the_second_miss);
    tcase_add_test(tests, must_fit);
    tcase_add_test(tests, each_client_has_its_own_cookie);
    tcase_add_test(tests, a_change_costs_one_zone_its_answers);
    tcase_add_test(tests, a_new_zone_takes_its_names);
    tcase_add_test(tests, forgets_and_stays_right);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
