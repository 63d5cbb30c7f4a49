/* test_wire_message.c - header, question and records, and where they are cut off. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "avow/wire/message.h"
#include "names.h"

/* An answer: www.example. IN A, whose second record has a pointer in its RDATA. */
static const uint8_t answer[] = {
    0x12, 0x34, 0x85, 0x03, 0, 1,   0,    1,   0,   1,    0,   0,      /* header */
    3,    'w',  'W',  'w',  7, 'e', 'x',  'a', 'm', 'p',  'l', 'e', 0, /* 12: question */
    0,    1,    0,    1,                                               /* 25 */
    0xc0, 12,   0,    1,    0, 1,   0,    0,   1,   0x2c, 0,   4,   192, 0,   2,   7, /* 29: A */
    0xc0, 16,   0,    2,    0, 1,   0x80, 0,   0,   0,    0,   5,   2,   'n', 's', 0xc0,
    16, /* 45: NS */
};

START_TEST(reads_an_answer)
{
    struct reader message = reader_over(answer, sizeof answer);
    struct name www = name_of("www.example."), ns = name_of("ns.example."), target;
    struct header header;
    struct question question;
    struct record record;

    header_read(&message, &header);
    ck_assert_uint_eq(header.id, 0x1234);
    ck_assert_uint_eq(header.flags, FLAG_QR | FLAG_AA | FLAG_RD | RCODE_NXDOMAIN);
    ck_assert_int_eq(header_opcode(&header), OPCODE_QUERY);
    ck_assert_uint_eq(header.counts[SECTION_QUESTION], 1);
    ck_assert_uint_eq(header.counts[SECTION_ANSWER], 1);
    ck_assert_uint_eq(header.counts[SECTION_AUTHORITY], 1);
    ck_assert_uint_eq(header.counts[SECTION_ADDITIONAL], 0);
    question_read(&message, &question);
    ck_assert_mem_eq(question.name.octets, answer + 12, 13); /* its own case */
    ck_assert_uint_eq(question.type, TYPE_A);
    ck_assert_uint_eq(question.class_, CLASS_IN);
    record_read(&message, &record);
    ck_assert(name_equal(&record.owner, &www));
    ck_assert_uint_eq(record.type, TYPE_A);
    ck_assert_uint_eq(record.class_, CLASS_IN);
    ck_assert_uint_eq(record.ttl, 300);
    ck_assert_uint_eq(reader_left(&record.rdata), 4);
    ck_assert_uint_eq(reader_u32(&record.rdata), 0xc0000207);
    record_read(&message, &record);
    ck_assert_uint_eq(record.ttl, 0x80000000);
    name_read(&record.rdata, &target);
    ck_assert_int_eq(reader_finish(&record.rdata), RESULT_OK);
    ck_assert(name_equal(&target, &ns));
    ck_assert_int_eq(reader_finish(&message), RESULT_OK);
}
END_TEST

/* Wherever a message is cut, reading fails, and at no octet before. */
START_TEST(fails_where_it_is_cut)
{
    for (size_t size = 0; size < sizeof answer; size++) {
        uint8_t *octets = exact_copy(answer, size);
        struct reader message = reader_over(octets, size);
        struct header header;
        struct question question;
        struct record record;

        header_read(&message, &header);
        ck_assert_msg(message.failed == (size < 12), "header, %zu octets", size);
        question_read(&message, &question);
        ck_assert_msg(message.failed == (size < 29), "question, %zu octets", size);
        record_read(&message, &record);
        ck_assert_msg(message.failed == (size < 45), "first record, %zu octets", size);
        record_read(&message, &record);
        ck_assert_msg(message.failed, "second record, %zu octets", size);
        ck_assert_msg(record.rdata.failed, "its RDATA, %zu octets", size);
        ck_assert_uint_eq(reader_left(&record.rdata), 0);
        free(octets);
    }
}
END_TEST

START_TEST(gives_zeroes_for_half_a_header)
{
    struct reader message = reader_over("\1\2\3\4\5\6\7\10\11\12\13", 11);
    struct header header = {.id = 7};

    header_read(&message, &header);
    ck_assert(message.failed);
    ck_assert_uint_eq(header.id, 0);
    ck_assert_uint_eq(header.counts[SECTION_ADDITIONAL], 0);
}
END_TEST

/* A question whose name leads into the header would change with the header. */
START_TEST(refuses_a_pointer_in_a_question)
{
    static const uint8_t query[] = {0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 0, 0, 1, 0, 1};
    struct reader message = reader_over(query, sizeof query);
    struct header header;
    struct question question;

    header_read(&message, &header);
    question_read(&message, &question);
    ck_assert(message.failed);
}
END_TEST

START_TEST(writes_the_header_that_it_read)
{
    struct reader message = reader_over(answer, sizeof answer);
    uint8_t octets[MESSAGE_HEADER_OCTETS];
    struct header header;

    header_read(&message, &header);
    for (size_t limit = 0; limit <= sizeof octets; limit++) {
        struct writer writer = writer_over(octets, limit);
        header_write(&writer, &header);
        ck_assert_int_eq(writer_check(&writer),
                         limit < MESSAGE_HEADER_OCTETS ? RESULT_FULL : RESULT_OK);
    }
    ck_assert_mem_eq(octets, answer, sizeof octets);
}
END_TEST

START_TEST(tells_every_opcode)
{
    for (unsigned opcode = 0; opcode < 16; opcode++) {
        struct header header = {.flags = (uint16_t)(opcode << 11 | 0x87ff)};
        ck_assert_uint_eq((unsigned)header_opcode(&header), opcode);
    }
}
END_TEST

static const struct {
    uint16_t rcode;
    const char *text;
} rcodes[] = {
    {0, "NOERROR"},
    {1, "FORMERR"},
    {2, "SERVFAIL"},
    {3, "NXDOMAIN"},
    {4, "NOTIMP"},
    {5, "REFUSED"},
    {6, "YXDOMAIN"},
    {7, "YXRRSET"},
    {8, "NXRRSET"},
    {9, "NOTAUTH"},
    {10, "NOTZONE"},
    {16, "BADVERS"},
    {17, "BADKEY"},
    {18, "BADTIME"},
    {22, "BADTRUNC"},
    {23, "BADCOOKIE"},
    {11, "an unassigned RCODE"},
    {24, "an unassigned RCODE"},
    {65535, "an unassigned RCODE"},
};

START_TEST(names_rcodes)
{
    ck_assert_str_eq(rcode_to_text(rcodes[_i].rcode), rcodes[_i].text);
}
END_TEST

/* Owners, and how they are stepped over and read. Behind each: an A record without RDATA. What a
 * pointer leads to is not looked at, so that a chain of them costs nothing. */
static const struct {
    const char *what;
    const char *octets; /* before the owner */
    size_t before;
    const char *owner;
    size_t length;
    bool skipped, read;
} owner_rows[] = {
    {"the root", "", 0, "\0", 1, true, true},
    {"labels", "", 0, "\1a\1b\0", 5, true, true},
    {"a pointer", "\1a\0", 3, "\300\0", 2, true, true},
    {"a label and a pointer", "\1a\0", 3, "\1b\300\0", 4, true, true},
    {"a pointer to what is no name", "\200", 1, "\300\0", 2, true, false},
    {"a pointer to itself", "", 0, "\300\0", 2, false, false},
    {"a pointer into its own labels", "\1a\0", 3, "\1b\300\3", 4, false, false},
    {"a pointer ahead", "\1a\0", 3, "\300\20", 2, false, false},
    {"an unknown kind of label", "\1a\0", 3, "\200\0", 2, false, false},
    {"an extended label", "\1a\0", 3, "\101\0", 2, false, false},
    {"half a pointer", "", 0, "\300", 1, false, false},
};

START_TEST(owners_are_stepped_over)
{
    static const uint8_t rest[] = {0, TYPE_A, 0, CLASS_IN, 0, 0, 0, 0, 0, 0};
    uint8_t octets[32];
    struct writer writer = writer_over(octets, sizeof octets);
    struct record record;

    writer_add(&writer, owner_rows[_i].octets, owner_rows[_i].before);
    writer_add(&writer, owner_rows[_i].owner, owner_rows[_i].length);
    writer_add(&writer, rest, sizeof rest);
    struct reader skip = reader_over(octets, writer.length);
    reader_take(&skip, owner_rows[_i].before);
    struct reader read = skip;
    uint16_t type = record_skip(&skip);
    record_read(&read, &record);
    bool skipped = !skip.failed && type == TYPE_A && reader_left(&skip) == 0;
    ck_assert_msg(skipped == owner_rows[_i].skipped, "%s is stepped over: %d", owner_rows[_i].what,
                  skipped);
    ck_assert_msg(!read.failed == owner_rows[_i].read, "%s is read", owner_rows[_i].what);
    if (owner_rows[_i].read)
        ck_assert_msg(skip.at == read.at, "%s: the same place", owner_rows[_i].what);
}
END_TEST

START_TEST(a_cut_record_is_not_stepped_over)
{
    static const uint8_t whole[] = {1, 'a', 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 2, 7, 7};

    for (size_t size = 0; size <= sizeof whole; size++) {
        struct reader message = reader_over(whole, size);
        (void)record_skip(&message);
        ck_assert_msg(message.failed == (size < sizeof whole), "%zu octets", size);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("wire/message");
    TCase *message = tcase_create("message");

    tcase_add_test(message, reads_an_answer);
    tcase_add_test(message, fails_where_it_is_cut);
    tcase_add_test(message, gives_zeroes_for_half_a_header);
    tcase_add_test(message, refuses_a_pointer_in_a_question);
    tcase_add_test(message, writes_the_header_that_it_read);
    tcase_add_test(message, tells_every_opcode);
    tcase_add_loop_test(message, owners_are_stepped_over, 0, COUNT(owner_rows));
    tcase_add_test(message, a_cut_record_is_not_stepped_over);
    tcase_add_loop_test(message, names_rcodes, 0, COUNT(rcodes));
    suite_add_tcase(suite, message);
    return run_suite(suite);
}
