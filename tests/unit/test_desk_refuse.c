/* test_desk_refuse.c - what is handed to the desk, and the answers that it gets. */
#include "src/desk/refuse.h"

#include <stdlib.h>
#include <string.h>

#include "avow/wire/edns.h"
#include "avow/wire/message.h"
#include "support.h"

enum {
    WITH_TSIG = 1,
    WITH_OPT = 2,
    TSIG_FIRST = 4,
    IS_ANSWER = 8,
    TWO_QUESTIONS = 16,
    WITH_UPDATE_RECORD = 32
};

static void put_name(struct writer *writer, const char *text)
{
    struct name name;
    ck_assert_int_eq(name_from_string(text, &name), RESULT_OK);
    name_write(writer, &name);
}

static void put_tsig(struct writer *writer)
{
    put_name(writer, "key.example.");
    writer_u16(writer, 250);
    writer_u16(writer, 255);
    writer_u32(writer, 0);
    size_t mark = writer_open_length(writer);
    put_name(writer, "hmac-sha256.");
    writer_u16(writer, 1);
    writer_u32(writer, 0x02030405);
    writer_u16(writer, 300);
    writer_u16(writer, 4);
    writer_u32(writer, 0xdeadbeef);
    writer_u16(writer, 0x4242);
    writer_u16(writer, 0);
    writer_u16(writer, 0);
    writer_close_length(writer, mark);
}

static void put_opt(struct writer *writer)
{
    writer_u8(writer, 0);
    writer_u16(writer, 41);
    writer_u16(writer, 4096);
    writer_u32(writer, 0x8000);
    writer_u16(writer, 0);
}

static size_t make(uint8_t *octets, unsigned opcode, uint16_t type, unsigned what)
{
    struct writer writer = writer_over(octets, 1024);
    unsigned additional = !!(what & WITH_TSIG) + !!(what & WITH_OPT);
    unsigned questions = what & TWO_QUESTIONS ? 2 : 1;
    struct header header = {
        .id = 0x4242,
        .flags = (uint16_t)(opcode << 11 | (what & IS_ANSWER ? FLAG_QR : 0)),
        .counts = {(uint16_t)questions, 0, !!(what & WITH_UPDATE_RECORD), (uint16_t)additional}};

    header_write(&writer, &header);
    for (unsigned i = 0; i < questions; i++) {
        put_name(&writer, "Example.");
        writer_u16(&writer, type);
        writer_u16(&writer, 1);
    }
    if (what & WITH_UPDATE_RECORD) {
        put_name(&writer, "www.example.");
        writer_u16(&writer, 1);
        writer_u16(&writer, 1);
        writer_u32(&writer, 300);
        writer_u16(&writer, 4);
        writer_u32(&writer, 0xc0000201);
    }
    if (what & WITH_TSIG && what & TSIG_FIRST)
        put_tsig(&writer);
    if (what & WITH_OPT)
        put_opt(&writer);
    if (what & WITH_TSIG && !(what & TSIG_FIRST))
        put_tsig(&writer);
    ck_assert_int_eq(writer_check(&writer), RESULT_OK);
    return writer.length;
}

static const struct {
    const char *what;
    unsigned opcode;
    uint16_t type;
    unsigned flags;
    enum refusal refusal;
    uint16_t rcode;
} rows[] = {
    {"a transfer", OPCODE_QUERY, 252, 0, REFUSAL_PLAIN, RCODE_REFUSED},
    {"an incremental transfer with OPT", OPCODE_QUERY, 251, WITH_OPT, REFUSAL_PLAIN, RCODE_REFUSED},
    {"an update", OPCODE_UPDATE, 6, WITH_UPDATE_RECORD, REFUSAL_PLAIN, RCODE_REFUSED},
    {"a notify", OPCODE_NOTIFY, 6, 0, REFUSAL_PLAIN, RCODE_NOTAUTH},
    {"another operation", OPCODE_STATUS, 1, 0, REFUSAL_PLAIN, RCODE_NOTIMP},
    {"a query with TSIG", OPCODE_QUERY, 1, WITH_TSIG, REFUSAL_BAD_KEY, RCODE_NOTAUTH},
    {"an update with TSIG", OPCODE_UPDATE, 6, WITH_TSIG | WITH_UPDATE_RECORD, REFUSAL_BAD_KEY,
     RCODE_NOTAUTH},
    {"a query with OPT and TSIG", OPCODE_QUERY, 1, WITH_TSIG | WITH_OPT, REFUSAL_BAD_KEY,
     RCODE_NOTAUTH},
    {"TSIG that is not the last", OPCODE_QUERY, 1, WITH_TSIG | WITH_OPT | TSIG_FIRST, REFUSAL_PLAIN,
     RCODE_FORMERR},
    {"two questions", OPCODE_UPDATE, 6, TWO_QUESTIONS, REFUSAL_PLAIN, RCODE_FORMERR},
    {"an answer", OPCODE_UPDATE, 6, IS_ANSWER, REFUSAL_NONE, 0},
};

static void check_tsig(struct record *record)
{
    struct name algorithm, expected;

    ck_assert_uint_eq(record->type, 250);
    ck_assert_uint_eq(record->class_, 255);
    ck_assert_int_eq(name_from_string("key.example.", &expected), RESULT_OK);
    ck_assert(name_equal(&record->owner, &expected));
    name_read(&record->rdata, &algorithm);
    ck_assert_int_eq(name_from_string("hmac-sha256.", &expected), RESULT_OK);
    ck_assert(name_equal(&algorithm, &expected));
    ck_assert_uint_eq(reader_u16(&record->rdata), 1);
    ck_assert_uint_eq(reader_u32(&record->rdata), 0x02030405);
    ck_assert_uint_eq(reader_u16(&record->rdata), 300);
    ck_assert_uint_eq(reader_u16(&record->rdata), 0); /* unsigned */
    ck_assert_uint_eq(reader_u16(&record->rdata), 0x4242);
    ck_assert_uint_eq(reader_u16(&record->rdata), RCODE_BADKEY);
    ck_assert_uint_eq(reader_u16(&record->rdata), 0);
    ck_assert_int_eq(reader_finish(&record->rdata), RESULT_OK);
}

START_TEST(gets_its_answer)
{
    uint8_t octets[1024], reply[REFUSE_MAX_OCTETS];
    size_t length = make(octets, rows[_i].opcode, rows[_i].type, rows[_i].flags), reply_length;
    uint8_t *message = exact_copy(octets, length);

    ck_assert_msg(refuse(message, length, true, reply, &reply_length) == rows[_i].refusal, "%s",
                  rows[_i].what);
    free(message);
    if (rows[_i].refusal == REFUSAL_NONE) {
        ck_assert_uint_eq(reply_length, 0);
        return;
    }
    struct reader reader = reader_over(reply, reply_length);
    struct header header;
    struct question question;
    struct record record;
    unsigned opts = 0, tsigs = 0;

    header_read(&reader, &header);
    ck_assert_uint_eq(header.id, 0x4242);
    ck_assert(header.flags & FLAG_QR);
    ck_assert_uint_eq(header_opcode(&header), rows[_i].opcode);
    ck_assert_msg((header.flags & FLAG_RCODE) == rows[_i].rcode, "%s: rcode", rows[_i].what);
    for (unsigned i = 0; i < header.counts[SECTION_QUESTION]; i++)
        question_read(&reader, &question);
    ck_assert_uint_eq(header.counts[SECTION_ANSWER] + header.counts[SECTION_AUTHORITY], 0);
    for (unsigned i = 0; i < header.counts[SECTION_ADDITIONAL]; i++) {
        record_read(&reader, &record);
        ck_assert_uint_eq(tsigs, 0); /* TSIG is the last */
        if (record.type == 41) {
            opts++;
            continue;
        }
        tsigs++;
        check_tsig(&record);
    }
    ck_assert_msg(reader_finish(&reader) == RESULT_OK, "%s: form", rows[_i].what);
    ck_assert_uint_eq(opts, rows[_i].flags & WITH_OPT && !(rows[_i].flags & TWO_QUESTIONS));
    ck_assert_uint_eq(tsigs, rows[_i].refusal == REFUSAL_BAD_KEY);
}
END_TEST

START_TEST(half_a_message_is_no_harm)
{
    uint8_t octets[1024], reply[REFUSE_MAX_OCTETS];
    size_t length = make(octets, OPCODE_UPDATE, 6, WITH_TSIG | WITH_OPT | WITH_UPDATE_RECORD);

    for (size_t cut = 0; cut < length; cut++) {
        uint8_t *message = exact_copy(octets, cut);
        size_t reply_length;
        enum refusal refusal = refuse(message, cut, true, reply, &reply_length);
        ck_assert_int_eq(refusal, cut < MESSAGE_HEADER_OCTETS ? REFUSAL_NONE : REFUSAL_PLAIN);
        if (cut >= MESSAGE_HEADER_OCTETS)
            ck_assert_uint_eq(reply[3] & FLAG_RCODE, RCODE_FORMERR);
        free(message);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("desk/refuse");
    TCase *answers = tcase_create("answers");

    tcase_add_loop_test(answers, gets_its_answer, 0, COUNT(rows));
    tcase_add_test(answers, half_a_message_is_no_harm);
    suite_add_tcase(suite, answers);
    return run_suite(suite);
}
