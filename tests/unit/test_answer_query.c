/* test_answer_query.c - which messages are questions, which are dropped or handed on, which are
 * wrong. */
#include <stdlib.h>
#include <string.h>

#include "avow/answer/query.h"
#include "support.h"

#define ID       0x12, 0x34
#define QUERY    ID, 0x01, 0x10
#define COUNTS1  0, 1, 0, 0, 0, 0, 0, 0
#define QNAME    1, 'a', 0
#define A_IN     0, 1, 0, 1
#define ASK(opt) QUERY, 0, 1, 0, 0, 0, 0, 0, opt, QNAME, A_IN
#define OPT(size, version, flags, length)                                                          \
    0, 0, 41, (size) >> 8, (size)&255, 0, version, (flags) >> 8, (flags)&255, 0, length
#define TSIG 0, 0, 250, 0, 255, 0, 0, 0, 0, 0, 0

enum { WHOLE = 12 + 7 };

static const struct {
    const char *what;
    size_t length;
    uint8_t octets[80];
    enum answer_verdict verdict;
    uint16_t rcode;
    uint16_t question_end;
    bool opt;
} rows[] = {
    {"nothing", 0, {0}, ANSWER_DROP, 0, 0, false},
    {"eleven octets", 11, {QUERY, 0, 1, 0, 0, 0, 0, 0}, ANSWER_DROP, 0, 0, false},
    {"a question", WHOLE, {ASK(0)}, ANSWER_SEND, 0, WHOLE, false},
    {"a response", WHOLE, {ID, 0x80, 0, COUNTS1, QNAME, A_IN}, ANSWER_DROP, 0, 0, false},
    {"a response with an unknown opcode", 12, {ID, 0xf8, 0}, ANSWER_DROP, 0, 0, false},
    {"a question with TC",
     WHOLE,
     {ID, 0x02, 0, COUNTS1, QNAME, A_IN},
     ANSWER_SEND,
     0,
     WHOLE,
     false},
    {"IQUERY", 12, {ID, 0x08, 0}, ANSWER_SEND, RCODE_NOTIMP, 12, false},
    {"STATUS", 12, {ID, 0x10, 0}, ANSWER_SEND, RCODE_NOTIMP, 12, false},
    {"opcode 15", WHOLE, {ID, 0x78, 0, COUNTS1, QNAME, A_IN}, ANSWER_SEND, RCODE_NOTIMP, 12, false},
    {"NOTIFY", WHOLE, {ID, 0x20, 0, COUNTS1, QNAME, A_IN}, ANSWER_HANDOFF, 0, 0, false},
    {"UPDATE", 12, {ID, 0x28, 0}, ANSWER_HANDOFF, 0, 0, false},
    {"AXFR", WHOLE, {QUERY, COUNTS1, QNAME, 0, 252, 0, 1}, ANSWER_HANDOFF, 0, 0, false},
    {"IXFR", WHOLE, {QUERY, COUNTS1, QNAME, 0, 251, 0, 1}, ANSWER_HANDOFF, 0, 0, false},
    {"TSIG", WHOLE + 11, {ASK(1), TSIG}, ANSWER_HANDOFF, 0, 0, false},
    {"TSIG that is not the last",
     WHOLE + 22,
     {ASK(2), TSIG, OPT(512, 0, 0, 0)},
     ANSWER_HANDOFF,
     0,
     0,
     false},
    {"TSIG in the answer section",
     WHOLE + 11,
     {QUERY, 0, 1, 0, 1, 0, 0, 0, 0, QNAME, A_IN, TSIG},
     ANSWER_SEND,
     RCODE_FORMERR,
     WHOLE,
     false},
    {"TSIG in the authority section, and one where it belongs",
     WHOLE + 22,
     {QUERY, 0, 1, 0, 0, 0, 1, 0, 1, QNAME, A_IN, TSIG, TSIG},
     ANSWER_HANDOFF,
     0,
     0,
     false},
    {"no question", 12, {QUERY, 0, 0, 0, 0, 0, 0, 0, 0}, ANSWER_SEND, RCODE_FORMERR, 12, false},
    {"no question but a cookie",
     12 + 11 + 12,
     {QUERY, 0, 0, 0, 0, 0, 0, 0, 1, OPT(512, 0, 0, 12), 0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8},
     ANSWER_SEND,
     0,
     12,
     true},
    {"two questions",
     WHOLE + 7,
     {QUERY, 0, 2, 0, 0, 0, 0, 0, 0, QNAME, A_IN, QNAME, A_IN},
     ANSWER_SEND,
     RCODE_FORMERR,
     12,
     false},
    {"half a question", WHOLE - 1, {ASK(0)}, ANSWER_SEND, RCODE_FORMERR, 12, false},
    {"a pointer in the question",
     12 + 6,
     {QUERY, COUNTS1, 0xc0, 12, A_IN},
     ANSWER_SEND,
     RCODE_FORMERR,
     12,
     false},
    {"octets behind the end", WHOLE + 1, {ASK(0), 0}, ANSWER_SEND, RCODE_FORMERR, WHOLE, false},
    {"a record that is announced only", WHOLE, {ASK(1)}, ANSWER_SEND, RCODE_FORMERR, WHOLE, false},
    {"OPT", WHOLE + 11, {ASK(1), OPT(1232, 0, 0x8000, 0)}, ANSWER_SEND, 0, WHOLE, true},
    {"EDNS version 1",
     WHOLE + 11,
     {ASK(1), OPT(512, 1, 0, 0)},
     ANSWER_SEND,
     RCODE_BADVERS,
     WHOLE,
     true},
    {"two OPT",
     WHOLE + 22,
     {ASK(2), OPT(512, 0, 0, 0), OPT(512, 0, 0, 0)},
     ANSWER_SEND,
     RCODE_FORMERR,
     WHOLE,
     true},
    {"OPT in the answer section",
     WHOLE + 11,
     {QUERY, 0, 1, 0, 1, 0, 0, 0, 0, QNAME, A_IN, OPT(512, 0, 0, 0)},
     ANSWER_SEND,
     RCODE_FORMERR,
     WHOLE,
     true},
    {"a cookie of 9 octets",
     WHOLE + 11 + 13,
     {ASK(1), OPT(512, 0, 0, 13), 0, 10, 0, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9},
     ANSWER_SEND,
     RCODE_FORMERR,
     WHOLE,
     true},
    {"an unknown option",
     WHOLE + 11 + 5,
     {ASK(1), OPT(512, 0, 0, 5), 0xff, 0, 0, 1, 7},
     ANSWER_SEND,
     0,
     WHOLE,
     true},
    {"QTYPE OPT",
     WHOLE,
     {QUERY, COUNTS1, QNAME, 0, 41, 0, 1},
     ANSWER_SEND,
     RCODE_FORMERR,
     WHOLE,
     false},
    {"QTYPE NXNAME",
     WHOLE,
     {QUERY, COUNTS1, QNAME, 0, 128, 0, 1},
     ANSWER_SEND,
     RCODE_FORMERR,
     WHOLE,
     false},
    {"QTYPE MAILA",
     WHOLE,
     {QUERY, COUNTS1, QNAME, 0, 254, 0, 1},
     ANSWER_SEND,
     RCODE_NOTIMP,
     WHOLE,
     false},
    {"QTYPE 0", WHOLE, {QUERY, COUNTS1, QNAME, 0, 0, 0, 1}, ANSWER_SEND, 0, WHOLE, false},
};

START_TEST(reads_a_message)
{
    uint8_t *octets = exact_copy(rows[_i].octets, rows[_i].length);
    struct query query;

    memset(&query, 0xa5, sizeof query);
    enum answer_verdict verdict = query_read(octets, rows[_i].length, &query);
    ck_assert_msg(verdict == rows[_i].verdict, "%s: verdict %d", rows[_i].what, verdict);
    if (verdict == ANSWER_SEND) {
        ck_assert_msg(query.rcode == rows[_i].rcode, "%s: rcode %u", rows[_i].what, query.rcode);
        ck_assert_msg(query.question_end == rows[_i].question_end, "%s: question ends at %u",
                      rows[_i].what, query.question_end);
        ck_assert_msg(query.edns.present == rows[_i].opt, "%s: OPT?", rows[_i].what);
    }
    free(octets);
}
END_TEST

START_TEST(takes_the_opt_apart)
{
    static const uint8_t octets[] = {ASK(1), OPT(4096, 0, 0x8000, 4), 0, 3, 0, 0};
    struct query query;

    ck_assert_int_eq(query_read(octets, sizeof octets, &query), ANSWER_SEND);
    ck_assert_uint_eq(query.header.id, 0x1234);
    ck_assert(query.edns.dnssec_ok);
    ck_assert(query.edns.nsid);
    ck_assert_uint_eq(query.edns.payload, 4096);
    ck_assert_uint_eq(query.question.type, TYPE_A);
    ck_assert_uint_eq(query.question.name.length, 3);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("answer/query");
    TCase *reading = tcase_create("reading");

    tcase_add_loop_test(reading, reads_a_message, 0, COUNT(rows));
    tcase_add_test(reading, takes_the_opt_apart);
    suite_add_tcase(suite, reading);
    return run_suite(suite);
}
