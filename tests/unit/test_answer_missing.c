/* test_answer_missing.c - signatures that are not there, and records that contradict each other:
 * what is asked for, and what is never denied. */
#include <stdlib.h>
#include <string.h>

#include "avow/answer/cache.h"
#include "avow/change/change.h"
#include "avow/dnssec/nsec3.h"
#include "avow/store/lookup.h"
#include "support.h"
#include "world.h"

#include "response.h"

static const char zone_text[] = "$TTL 300\n"
                                "@ SOA ns h 1 2 3 4 60\n"
                                "@ NS ns\n"
                                "ns A 192.0.2.1\n"
                                "www A 192.0.2.2\n"
                                "*.w A 192.0.2.3\n"
                                "alias CNAME x.w\n";

static struct world world;
static struct answerer answerer;
static struct response response;
static struct outcome outcome;
static struct query query;
static uint8_t out[65535];

static void open_world(enum world_denial denial, enum world_signing signing)
{
    world_open(&world, 16 << 20);
    world_load(&world, &(struct world_zone){.apex = "example.",
                                            .text = zone_text,
                                            .length = strlen(zone_text),
                                            .denial = denial,
                                            .signing = signing});
    world_ready(&world, &answerer);
    ck_assert_int_eq(answer_cache_make(&answerer.cache, 1 << 20), RESULT_OK);
}

static void close_world(void)
{
    answer_cache_free(answerer.cache);
    world_close(&world);
}

static void ask_at(const char *name, bool dnssec_ok, enum answer_patience patience, uint64_t now)
{
    struct world_question question = {
        .type = TYPE_A, .class_ = CLASS_IN, .edns = true, .dnssec_ok = dnssec_ok, .payload = 1232};
    const struct answer_facts facts = {.now = now, .patience = patience};
    uint8_t octets[512];

    ck_assert_int_eq(name_from_string(name, &question.name), RESULT_OK);
    size_t length = world_query(&question, octets, sizeof octets);
    ck_assert_int_eq(query_read(octets, length, &query), ANSWER_SEND);
    answer_query(&answerer, &query, &facts, out, sizeof out, &outcome);
    if (outcome.verdict == ANSWER_SEND)
        ck_assert_ptr_null(response_read(out, outcome.length, &response));
}

static void ask(const char *name, bool dnssec_ok, enum answer_patience patience)
{
    ask_at(name, dnssec_ok, patience, WORLD_NOW);
}

static const struct {
    const char *name;
    enum world_denial denial;
    unsigned rrsets, nsec3s; /* how many signatures the answer needs */
} wants[] = {
    {"www.example.", WORLD_NSEC3, 1, 0},       {"example.", WORLD_NSEC3, 1, 1},
    {"nobody.example.", WORLD_NSEC3, 1, 2},    {"nobody.example.", WORLD_NSEC, 3, 0},
    {"www.example.", WORLD_NSEC, 1, 0},        {"x.w.example.", WORLD_NSEC3, 1, 1},
    {"nobody.www.example.", WORLD_NSEC, 2, 0}, {"alias.example.", WORLD_NSEC3, 2, 1},
};

/* All at once, so that the front asks once. */
static void check_wants(unsigned row, enum world_signing signing)
{
    unsigned rrsets = 0;

    open_world(wants[row].denial, signing);
    ask(wants[row].name, true, ANSWER_MAY_WAIT);
    ck_assert_msg(outcome.verdict == ANSWER_WANTED, "%s is answered", wants[row].name);
    for (unsigned i = 0; i < outcome.wanted_count; i++) {
        const struct answer_wanted *wanted = &outcome.wanted[i];
        rrsets += wanted->kind == ANSWER_WANTED_RRSET;
        ck_assert_uint_eq(wanted->version, 1);
        struct node_view node;
        ck_assert_int_eq(lookup_node(&world.snapshot, 1, &wanted->owner, &node), RECORD_THERE);
        ck_assert(wanted->kind == ANSWER_WANTED_NSEC3 || node_has(&node, wanted->type));
    }
    ck_assert_msg(rrsets == wants[row].rrsets && outcome.wanted_count - rrsets == wants[row].nsec3s,
                  "%s: %u RRsets and %u NSEC3", wants[row].name, rrsets,
                  outcome.wanted_count - rrsets);

    ask(wants[row].name, true, ANSWER_NAMES);
    ck_assert_int_eq(outcome.verdict,
                     strstr(wants[row].name, "nobody") ? ANSWER_DROP : ANSWER_WANTED);
    ck_assert(!outcome.corrupt);

    ask(wants[row].name, true, ANSWER_NOW);
    ck_assert_int_eq(outcome.verdict, ANSWER_SEND);
    ck_assert_uint_eq(response.rcode, RCODE_SERVFAIL);
    ck_assert_uint_eq(response.extended_error, EDE_RRSIGS_MISSING);
    ck_assert_uint_eq(response.count, 0);
    ck_assert(!outcome.corrupt);

    /* Without DO nothing is missing, and what was left out is not kept. */
    for (unsigned i = 0; i < 3; i++) {
        ask(wants[row].name, false, ANSWER_MAY_WAIT);
        ck_assert_int_eq(outcome.verdict, ANSWER_SEND);
        ck_assert_uint_ne(response.rcode, RCODE_SERVFAIL);
    }
    ask(wants[row].name, true, ANSWER_MAY_WAIT); /* and that is no answer for who wants them */
    ck_assert_int_eq(outcome.verdict, ANSWER_WANTED);
    close_world();
}

START_TEST(asks_for_what_was_never_signed)
{
    check_wants((unsigned)_i, WORLD_NOT_YET);
}
END_TEST

START_TEST(asks_for_what_has_ended)
{
    check_wants((unsigned)_i, WORLD_OUT_OF_DATE);
}
END_TEST

/* A finished answer, or a part of one, ends with the first of its signatures. */
START_TEST(what_is_kept_ends_in_time)
{
    static const char *const names[] = {"www.example.", "nobody.example.", "example."};
    const uint64_t end = WORLD_NOW + 14 * WORLD_DAY; /* of all signatures: see world.c */

    open_world(WORLD_NSEC3, WORLD_SIGNED);
    for (unsigned i = 0; i < COUNT(names); i++) {
        for (unsigned times = 0; times < 4; times++)
            ask_at(names[i], true, ANSWER_MAY_WAIT, end);
        ck_assert_int_eq(outcome.verdict, ANSWER_SEND);
        ck_assert(outcome.from_cache);
        ask_at(names[i], true, ANSWER_MAY_WAIT, end + 1);
        ck_assert_msg(outcome.verdict == ANSWER_WANTED, "%s is answered", names[i]);
    }
    ask_at("www.example.", true, ANSWER_MAY_WAIT, end - 15 * WORLD_DAY);
    ck_assert_int_eq(outcome.verdict, ANSWER_SEND);
    close_world();
}
END_TEST

/* The clock was set back: a finished answer, or a part of one, is not used before its signatures
 * begin. */
START_TEST(what_is_kept_begins_in_time)
{
    static const char *const names[] = {"www.example.", "nobody.example.", "example."};
    const uint64_t begin = WORLD_NOW - WORLD_DAY; /* of all signatures: see world.c */

    open_world(WORLD_NSEC3, WORLD_SIGNED);
    for (unsigned i = 0; i < COUNT(names); i++) {
        for (unsigned times = 0; times < 4; times++)
            ask_at(names[i], true, ANSWER_MAY_WAIT, begin);
        ck_assert(outcome.from_cache);
        ask_at(names[i], true, ANSWER_MAY_WAIT, begin - 1);
        ck_assert_msg(outcome.verdict == ANSWER_WANTED, "%s is answered", names[i]);
    }
    /* The beginning of the denial of another name, too. */
    ask_at("another.example.", true, ANSWER_MAY_WAIT, begin - 1);
    ck_assert_int_eq(outcome.verdict, ANSWER_WANTED);
    ck_assert(outcome.wanted[0].kind == ANSWER_WANTED_RRSET && outcome.wanted[0].type == TYPE_SOA);
    close_world();
}
END_TEST

/* ---- contradictions ------------------------------------------------------------------------- */

static void show_the_change(void)
{
    ck_assert_int_eq(snapshot_renew(&world.snapshot), RENEWAL_READY);
    ck_assert_int_eq(zone_table_refresh(&world.zones, &world.snapshot), RESULT_OK);
}

static void delete_node(const char *text)
{
    struct change change;
    struct name name;

    ck_assert_int_eq(name_from_string(text, &name), RESULT_OK);
    ck_assert_int_eq(change_begin(&change, &world.store), RESULT_OK);
    change_delete_node(&change, 1, &name);
    ck_assert_int_eq(change_commit(&change, NULL), RESULT_OK);
    show_the_change();
}

static void delete_nsec3(const char *text)
{
    const struct nsec3_parameters parameters = {.algorithm = NSEC3_SHA1};
    uint8_t hash[NSEC3_HASH_OCTETS];
    struct change change;
    struct name name;

    ck_assert_int_eq(name_from_string(text, &name), RESULT_OK);
    nsec3_hash(&parameters, &name, hash);
    ck_assert_int_eq(change_begin(&change, &world.store), RESULT_OK);
    change_delete_nsec3(&change, 1, hash);
    ck_assert_int_eq(change_commit(&change, NULL), RESULT_OK);
    show_the_change();
}

static void check_not_denied(const char *name)
{
    for (unsigned dnssec_ok = 0; dnssec_ok < 2; dnssec_ok++) {
        ask(name, dnssec_ok, ANSWER_MAY_WAIT);
        ck_assert_int_eq(outcome.verdict, ANSWER_SEND);
        ck_assert_msg(response.rcode == RCODE_SERVFAIL, "%s: %s", name,
                      rcode_to_text(response.rcode));
        ck_assert(outcome.corrupt);
        ck_assert_int_eq(outcome.kind, ANSWER_FAILURE);
        ck_assert_uint_eq(response.extended_error, EDE_INVALID_DATA);
    }
}

/* The node is gone, but the chain says that the name exists: nothing may be denied. */
START_TEST(a_lost_name_is_not_denied)
{
    enum world_denial denial = _i ? WORLD_NSEC : WORLD_NSEC3;

    open_world(denial, WORLD_SIGNED);
    for (unsigned i = 0; i < 4; i++)
        ask("www.example.", true, ANSWER_MAY_WAIT);
    ck_assert_uint_eq(response.rcode, RCODE_NOERROR);
    delete_node("www.example.");
    if (denial == WORLD_NSEC3) {
        check_not_denied("www.example.");
    } else {
        /* With NSEC its own record went with it, and the one before does not reach over it. */
        check_not_denied("www.example.");
        check_not_denied("wwww.example.");
    }
    close_world();
}
END_TEST

/* An NSEC3 record is gone: the one before it does not reach so far. */
START_TEST(a_gap_in_the_chain_denies_nothing)
{
    open_world(WORLD_NSEC3, WORLD_SIGNED);
    ask("nobody.example.", true, ANSWER_MAY_WAIT);
    ck_assert_uint_eq(response.rcode, RCODE_NXDOMAIN);
    delete_nsec3("example."); /* of the closest encloser */
    check_not_denied("nobody.example.");
    check_not_denied("other.example.");
    check_not_denied("example.");
    ask("www.example.", true, ANSWER_MAY_WAIT);
    ck_assert_uint_eq(response.rcode, RCODE_NOERROR);
    close_world();
}
END_TEST

/* Types: the node lost an RRset that the chain has in its bitmap. */
START_TEST(a_lost_type_is_not_denied)
{
    struct change change;
    struct name name;

    open_world(_i ? WORLD_NSEC : WORLD_NSEC3, WORLD_SIGNED);
    ck_assert_int_eq(name_from_string("ns.example.", &name), RESULT_OK);
    ck_assert_int_eq(change_begin(&change, &world.store), RESULT_OK);
    ck_assert_int_eq(change_delete_rrset(&change, 1, &name, TYPE_A), RECORD_THERE);
    ck_assert_int_eq(change_commit(&change, NULL), RESULT_OK);
    show_the_change();
    check_not_denied("ns.example.");
    close_world();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("answer/missing");
    TCase *missing = tcase_create("missing"), *damage = tcase_create("contradictions");

    tcase_add_loop_test(missing, asks_for_what_was_never_signed, 0, COUNT(wants));
    tcase_add_loop_test(missing, asks_for_what_has_ended, 0, COUNT(wants));
    tcase_add_test(missing, what_is_kept_ends_in_time);
    tcase_add_test(missing, what_is_kept_begins_in_time);
    suite_add_tcase(suite, missing);
    tcase_add_loop_test(damage, a_lost_name_is_not_denied, 0, 2);
    tcase_add_test(damage, a_gap_in_the_chain_denies_nothing);
    tcase_add_loop_test(damage, a_lost_type_is_not_denied, 0, 2);
    suite_add_tcase(suite, damage);
    return run_suite(suite);
}
