/* test_answer_finish.c - the frame of a response: what is copied, cleared and told, and what fits.
 */
#include <stdlib.h>
#include <string.h>

#include "avow/answer/cache.h"
#include "support.h"
#include "world.h"

#include "response.h"

static const char zone_text[] = "$TTL 300\n"
                                "@ SOA ns h 1 2 3 4 60\n"
                                "@ NS ns\n"
                                "ns A 192.0.2.1\n"
                                "www A 192.0.2.2\n";

static struct world world;
static struct answerer answerer;
static struct response response;
static struct outcome outcome;
static struct query query;
static uint8_t out[65535];
static struct answer_facts facts;

static void set_up(void)
{
    world_open(&world, 16 << 20);
    world_load(&world, &(struct world_zone){.apex = "example.",
                                            .text = zone_text,
                                            .length = strlen(zone_text),
                                            .denial = WORLD_NSEC3});
    world_ready(&world, &answerer);
    facts = (struct answer_facts){.now = WORLD_NOW};
}

static void tear_down(void)
{
    world_close(&world);
}

static void ask_octets(const uint8_t *octets, size_t length)
{
    ck_assert_int_eq(query_read(octets, length, &query), ANSWER_SEND);
    memset(&outcome, 0xa5, sizeof outcome);
    answer_query(&answerer, &query, &facts, out, sizeof out, &outcome);
    ck_assert_int_eq(outcome.verdict, ANSWER_SEND);
    ck_assert_uint_eq(outcome.from_cache, 0);
    const char *wrong = response_read(out, outcome.length, &response);
    ck_assert_msg(!wrong, "%s", wrong);
}

static size_t make_query(const char *name, uint16_t type, bool dnssec_ok, uint8_t octets[512])
{
    struct world_question question = {
        .type = type, .class_ = CLASS_IN, .dnssec_ok = dnssec_ok, .payload = 1232};

    ck_assert_int_eq(name_from_string(name, &question.name), RESULT_OK);
    return world_query(&question, octets, 512);
}

static void ask(const char *name, uint16_t type, bool dnssec_ok)
{
    uint8_t octets[512];

    ask_octets(octets, make_query(name, type, dnssec_ok, octets));
}

/* Flags: of the query, of the answer. */
static const struct {
    const char *what;
    uint16_t asked, answered;
} flags[] = {
    {"nothing set", 0, FLAG_QR | FLAG_AA},
    {"RD is copied", FLAG_RD, FLAG_QR | FLAG_AA | FLAG_RD},
    {"CD is copied", FLAG_CD, FLAG_QR | FLAG_AA | FLAG_CD},
    {"AD, Z, RA, TC and AA are not", FLAG_AD | FLAG_Z | FLAG_RA | FLAG_TC | FLAG_AA,
     FLAG_QR | FLAG_AA},
    {"an RCODE is of no interest", 5, FLAG_QR | FLAG_AA},
};

START_TEST(copies_flags)
{
    uint8_t octets[512];
    size_t length = make_query("WwW.example.", TYPE_A, false, octets);

    octets[2] = (uint8_t)(flags[_i].asked >> 8);
    octets[3] = (uint8_t)flags[_i].asked;
    ask_octets(octets, length);
    ck_assert_msg(response.header.flags == flags[_i].answered, "%s: %04x", flags[_i].what,
                  response.header.flags);
    ck_assert_uint_eq(response.header.id, 0x1234);
    ck_assert(!response.opt);
    ck_assert_msg(memcmp(out + 12, octets + 12, length - 12) == 0, "the question is not echoed");
}
END_TEST

START_TEST(an_unknown_opcode_has_no_body)
{
    static const uint8_t octets[] = {1, 2, 0x79, 0x10, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 1};

    ask_octets(octets, sizeof octets);
    ck_assert_uint_eq(outcome.length, 12);
    ck_assert_uint_eq(response.header.flags, FLAG_QR | 0x7800 | FLAG_RD | FLAG_CD | RCODE_NOTIMP);
    ck_assert_int_eq(outcome.kind, ANSWER_ERROR);
}
END_TEST

START_TEST(a_later_version_is_told_ours)
{
    uint8_t octets[512];
    size_t length = make_query("www.example.", TYPE_A, true, octets);

    octets[length - 5] = 1;
    ask_octets(octets, length);
    ck_assert_uint_eq(response.rcode, RCODE_BADVERS);
    ck_assert_uint_eq(outcome.rcode, RCODE_BADVERS);
    ck_assert_uint_eq(response.edns.version, 0);
    ck_assert_uint_eq(response.count, 0);
}
END_TEST

START_TEST(tells_who_it_is)
{
    static const uint8_t nsid[] = {'m', 'e'};
    uint8_t octets[512];
    size_t length = make_query("www.example.", TYPE_A, true, octets);

    octets[length - 1] = 4;
    memcpy(octets + length, "\0\3\0", 4);
    answerer.nsid = nsid;
    answerer.nsid_length = sizeof nsid;
    ask_octets(octets, length + 4);
    ck_assert_uint_eq(outcome.opt_length, 11 + 4 + 2);
    ck_assert_mem_eq(out + outcome.opt_at + 11, "\0\3\0\2me", 6);

    ask("www.example.", TYPE_A, true); /* not asked for */
    ck_assert_uint_eq(outcome.opt_length, 11);
}
END_TEST

START_TEST(hands_the_cookie_back)
{
    uint8_t cookie[16] = {1, 2, 3};

    facts.cookie = cookie;
    facts.cookie_length = sizeof cookie;
    ask("www.example.", TYPE_A, true);
    ck_assert_uint_eq(response.edns.cookie_length, sizeof cookie);
    ck_assert_mem_eq(response.edns.cookie, cookie, sizeof cookie);

    facts.bad_cookie = true;
    ask("www.example.", TYPE_A, true);
    ck_assert_uint_eq(response.rcode, RCODE_BADCOOKIE);
    ck_assert_uint_eq(response.count, 0);
    ck_assert_uint_eq(response.edns.cookie_length, sizeof cookie);
}
END_TEST

/* RFC 7873 section 5.4; where cookies are off, such a message asks for nothing. */
START_TEST(a_cookie_alone_can_be_asked_for)
{
    static const uint8_t octets[] = {1, 2, 0, 0, 0,  0, 0,  0, 0, 0, 0, 1, 0, 0, 41, 4, 208, 0,
                                     0, 0, 0, 0, 12, 0, 10, 0, 8, 1, 2, 3, 4, 5, 6,  7, 8};
    uint8_t cookie[24] = {1, 2, 3, 4, 5, 6, 7, 8, 9};

    facts.cookie = cookie;
    facts.cookie_length = sizeof cookie;
    ask_octets(octets, sizeof octets);
    ck_assert_uint_eq(response.rcode, RCODE_NOERROR);
    ck_assert_uint_eq(response.count, 0);
    ck_assert_mem_eq(response.edns.cookie, cookie, sizeof cookie);

    facts.bad_cookie = true;
    ask_octets(octets, sizeof octets);
    ck_assert_uint_eq(response.rcode, RCODE_BADCOOKIE);

    facts = (struct answer_facts){.now = WORLD_NOW};
    ask_octets(octets, sizeof octets);
    ck_assert_uint_eq(response.rcode, RCODE_FORMERR);
}
END_TEST

START_TEST(shortens_to_the_question)
{
    ask("nobody.example.", TYPE_A, true);
    ck_assert_uint_gt(outcome.length, 500);
    size_t length = answer_shorten(out, &outcome);
    ck_assert_uint_eq(length, outcome.length);
    ck_assert_ptr_null(response_read(out, length, &response));
    ck_assert_uint_eq(response.count, 0);
    ck_assert(response.opt);
    ck_assert(response.header.flags & FLAG_TC);
    ck_assert_uint_eq(response.rcode, RCODE_NXDOMAIN);
    ck_assert_uint_eq(length, 12 + 16 + 4 + 11);
}
END_TEST

START_TEST(refuses_on_demand)
{
    uint8_t octets[512];
    size_t length = make_query("www.example.", TYPE_A, true, octets);

    ck_assert_int_eq(query_read(octets, length, &query), ANSWER_SEND);
    answer_refuse(&answerer, &query, &facts, RCODE_SERVFAIL, EDE_NOT_READY, out, sizeof out,
                  &outcome);
    ck_assert_ptr_null(response_read(out, outcome.length, &response));
    ck_assert_uint_eq(response.rcode, RCODE_SERVFAIL);
    ck_assert_uint_eq(response.extended_error, EDE_NOT_READY);
    ck_assert_int_eq(outcome.kind, ANSWER_FAILURE);
}
END_TEST

/* Whatever the size, no octet behind it is written, and what comes is whole or says that it is not.
 */
START_TEST(keeps_to_every_size)
{
    uint8_t octets[512];

    for (unsigned size = 512; size <= 1232; size++) {
        size_t length = make_query("nobody.example.", TYPE_A, true, octets);
        octets[length - 8] = (uint8_t)(size >> 8);
        octets[length - 7] = (uint8_t)size;
        memset(out, 0xa5, sizeof out);
        ask_octets(octets, length);
        ck_assert_uint_le(outcome.length, size);
        for (size_t i = size; i < 1400; i++)
            ck_assert_msg(out[i] == 0xa5, "size %u: octet %zu was written", size, i);
        bool whole = response.count == 8 || response.count == 6 || response.count == 4;
        ck_assert_msg(whole == !(response.header.flags & FLAG_TC), "size %u: %u records", size,
                      response.count);
    }
}
END_TEST

/* RFC 8499: those who ask for random names below one zone are charged as one. */
START_TEST(charges_what_answers_share)
{
    ask("a.example.", TYPE_A, false);
    uint64_t first = outcome.charge;
    ask("b.c.example.", TYPE_A, false);
    ck_assert_uint_eq(outcome.charge, first);
    ask("www.example.", TYPE_A, false);
    ck_assert_uint_ne(outcome.charge, first);
    first = outcome.charge;
    ask("WWW.example.", TYPE_A, true);
    ck_assert_uint_eq(outcome.charge, first);
    ask("elsewhere.", TYPE_A, false);
    first = outcome.charge;
    ask("somewhere.else.", TYPE_A, false);
    ck_assert_uint_eq(outcome.charge, first);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("answer/finish");
    TCase *frame = tcase_create("frame");

    tcase_add_checked_fixture(frame, set_up, tear_down);
    tcase_add_loop_test(frame, copies_flags, 0, COUNT(flags));
    tcase_add_test(frame, an_unknown_opcode_has_no_body);
    tcase_add_test(frame, a_later_version_is_told_ours);
    tcase_add_test(frame, tells_who_it_is);
    tcase_add_test(frame, hands_the_cookie_back);
    tcase_add_test(frame, a_cookie_alone_can_be_asked_for);
    tcase_add_test(frame, shortens_to_the_question);
    tcase_add_test(frame, refuses_on_demand);
    tcase_add_test(frame, keeps_to_every_size);
    tcase_add_test(frame, charges_what_answers_share);
    suite_add_tcase(suite, frame);
    return run_suite(suite);
}
