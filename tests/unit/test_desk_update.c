/* test_desk_update.c - the sections of an UPDATE: what is wrong with them, in the RFC's order. */
#include "src/desk/update.h"

#include <stdlib.h>
#include <string.h>

#include "config_support.h"
#include "support.h"

enum { RECORDS = 4, MESSAGE_ROOM = 70000 };

#define ZONE_CONFIG                                                                                \
    "server: {listen: [127.0.0.1@5300], state: /tmp/none, control: /tmp/none.sock}\n"              \
    "tsig: [{name: k., algorithm: hmac-sha256, secret-file: /tmp/none}]\n"                         \
    "zones:\n"                                                                                     \
    "  - name: z.\n"                                                                               \
    "    file: z\n"                                                                                \
    "    policy: none\n"                                                                           \
    "    allow-update:\n"                                                                          \
    "      - {key: k., names: [{subdomain: dyn.z.}], types: [A, TXT], records-per-name: 3}\n"      \
    "      - {key: k., names: [{name: any.z.}]}\n"                                                 \
    "      - {key: k., names: [{name: keys.z.}], types: [DNSKEY]}\n"

struct row_record {
    const char *owner;
    uint16_t type, class_;
    uint32_t ttl;
    uint16_t length;
    const char *rdata;
};

/* clang-format off */
#define A4           4, "\300\0\2\1"
#define NOTHING      0, ""
#define HOLDS        {"any.z.", TYPE_ANY, CLASS_ANY, 0, NOTHING} /* a prerequisite: the name is in use */
#define ADD(owner)   {owner, TYPE_A, CLASS_IN, 60, A4}

static const struct row {
    const char *what;
    uint16_t refusal;
    uint16_t prerequisites, changes; /* that are handed on */
    struct row_record before[RECORDS], after[RECORDS]; /* up to the first without an owner */
} rows[] = {
    {"nothing", RCODE_NOERROR, 0, 0, {{0}}, {{0}}},
    {"2.5.1: add", RCODE_NOERROR, 0, 1, {{0}}, {ADD("a.dyn.z.")}},
    {"2.5.2: delete an RRset", RCODE_NOERROR, 0, 1, {{0}}, {{"a.dyn.z.", TYPE_A, CLASS_ANY, 0, NOTHING}}},
    {"2.5.3: delete a name", RCODE_NOERROR, 0, 1, {{0}}, {{"any.z.", TYPE_ANY, CLASS_ANY, 0, NOTHING}}},
    {"2.5.4: delete a record", RCODE_NOERROR, 0, 1, {{0}}, {{"a.dyn.z.", TYPE_A, CLASS_NONE, 0, A4}}},
    {"2.4.1: an RRset is there", RCODE_NOERROR, 1, 0, {{"a.z.", TYPE_A, CLASS_ANY, 0, NOTHING}}, {{0}}},
    {"2.4.2: an RRset is this", RCODE_NOERROR, 1, 0, {{"a.z.", TYPE_A, CLASS_IN, 0, A4}}, {{0}}},
    {"2.4.3: an RRset is not there", RCODE_NOERROR, 1, 0, {{"a.z.", TYPE_A, CLASS_NONE, 0, NOTHING}}, {{0}}},
    {"2.4.4: a name is in use", RCODE_NOERROR, 1, 0, {HOLDS}, {{0}}},
    {"2.4.5: a name is not in use", RCODE_NOERROR, 1, 0, {{"a.z.", TYPE_ANY, CLASS_NONE, 0, NOTHING}}, {{0}}},
    {"several of all", RCODE_NOERROR, 2, 2, {HOLDS, HOLDS}, {ADD("a.dyn.z."), ADD("B.DYN.Z.")}},

    {"3.2.1: a TTL, class ANY", RCODE_FORMERR, 0, 0, {{"a.z.", TYPE_A, CLASS_ANY, 1, NOTHING}}, {{0}}},
    {"3.2.1: a TTL, class NONE", RCODE_FORMERR, 0, 0, {{"a.z.", TYPE_A, CLASS_NONE, 1, NOTHING}}, {{0}}},
    {"3.2.3: a TTL, class IN", RCODE_FORMERR, 0, 0, {{"a.z.", TYPE_A, CLASS_IN, 1, A4}}, {{0}}},
    {"3.2.1: RDATA, class ANY", RCODE_FORMERR, 0, 0, {{"a.z.", TYPE_A, CLASS_ANY, 0, A4}}, {{0}}},
    {"3.2.2: RDATA, class NONE", RCODE_FORMERR, 0, 0, {{"a.z.", TYPE_A, CLASS_NONE, 0, A4}}, {{0}}},
    {"3.2.4: another class", RCODE_FORMERR, 0, 0, {{"a.z.", TYPE_A, CLASS_CH, 0, NOTHING}}, {{0}}},
    {"3.2.4: bad RDATA", RCODE_FORMERR, 0, 0, {{"a.z.", TYPE_A, CLASS_IN, 0, 3, "abc"}}, {{0}}},
    {"3.2.4: the value of a meta type", RCODE_FORMERR, 0, 0, {{"a.z.", TYPE_ANY, CLASS_IN, 0, A4}}, {{0}}},
    {"3.2: another zone", RCODE_NOTZONE, 0, 0, {{"a.other.", TYPE_A, CLASS_ANY, 0, NOTHING}}, {{0}}},
    {"3.2: the TTL is looked at before the zone", RCODE_FORMERR, 0, 0, {{"a.other.", TYPE_A, CLASS_ANY, 1, NOTHING}}, {{0}}},
    {"3.2: what comes before a wrong one may fail first", RCODE_NOTZONE, 1, 0,
     {HOLDS, {"a.other.", TYPE_A, CLASS_ANY, 0, NOTHING}, HOLDS}, {ADD("a.dyn.z.")}},
    {"3.2.5: but no values, which are compared last", RCODE_FORMERR, 1, 0,
     {{"a.z.", TYPE_A, CLASS_IN, 0, A4}, HOLDS, {"a.z.", TYPE_A, CLASS_ANY, 1, NOTHING}}, {ADD("a.dyn.z.")}},
    {"3.2.5: not even alone", RCODE_FORMERR, 0, 0,
     {{"a.z.", TYPE_A, CLASS_IN, 0, A4}, {"a.z.", TYPE_A, CLASS_ANY, 1, NOTHING}}, {{0}}},

    {"3.3: a name that is not granted", RCODE_REFUSED, 0, 0, {{0}}, {ADD("b.z.")}},
    {"3.3: a type that is not granted", RCODE_REFUSED, 0, 0, {{0}}, {{"a.dyn.z.", TYPE_AAAA, CLASS_ANY, 0, NOTHING}}},
    {"3.3: all of a name, and some types granted", RCODE_REFUSED, 0, 0, {{0}}, {{"a.dyn.z.", TYPE_ANY, CLASS_ANY, 0, NOTHING}}},
    {"3.3: one of two is not granted", RCODE_REFUSED, 0, 0, {{0}}, {ADD("a.dyn.z."), ADD("b.z.")}},
    {"3.3: said when the prerequisites hold", RCODE_REFUSED, 1, 0, {HOLDS}, {ADD("a.dyn.z."), ADD("b.z.")}},
    {"3.3: before the prescan of what comes before", RCODE_REFUSED, 0, 0, {{0}}, {{"any.z.", TYPE_A, CLASS_CH, 0, A4}, ADD("b.z.")}},
    {"3.3: before the prescan of itself", RCODE_REFUSED, 0, 0, {{0}}, {{"b.z.", TYPE_A, CLASS_CH, 0, A4}}},
    {"3.3: RRSIG, of another zone", RCODE_REFUSED, 0, 0, {{0}}, {{"a.other.", TYPE_RRSIG, CLASS_ANY, 0, NOTHING}}},
    {"3.3: RRSIG, never", RCODE_REFUSED, 0, 0, {{0}}, {{"any.z.", TYPE_RRSIG, CLASS_ANY, 0, NOTHING}}},
    {"3.3: NSEC, never", RCODE_REFUSED, 0, 0, {{0}}, {{"any.z.", TYPE_NSEC, CLASS_ANY, 0, NOTHING}}},
    {"3.3: NSEC3, never", RCODE_REFUSED, 0, 0, {{0}}, {{"any.z.", TYPE_NSEC3, CLASS_ANY, 0, NOTHING}}},
    {"3.3: NSEC3PARAM, never", RCODE_REFUSED, 0, 0, {{0}}, {{"any.z.", TYPE_NSEC3PARAM, CLASS_ANY, 0, NOTHING}}},
    {"3.3: DNSKEY, unnamed", RCODE_REFUSED, 0, 0, {{0}}, {{"any.z.", TYPE_DNSKEY, CLASS_ANY, 0, NOTHING}}},
    {"3.3: CDS, unnamed", RCODE_REFUSED, 0, 0, {{0}}, {{"any.z.", TYPE_CDS, CLASS_ANY, 0, NOTHING}}},
    {"3.3: CDNSKEY, unnamed", RCODE_REFUSED, 0, 0, {{0}}, {{"any.z.", TYPE_CDNSKEY, CLASS_ANY, 0, NOTHING}}},
    {"3.3: CSYNC, unnamed", RCODE_REFUSED, 0, 0, {{0}}, {{"any.z.", TYPE_CSYNC, CLASS_ANY, 0, NOTHING}}},
    {"3.3: DNSKEY, named", RCODE_NOERROR, 0, 1, {{0}}, {{"keys.z.", TYPE_DNSKEY, CLASS_ANY, 0, NOTHING}}},

    {"3.4.1: another zone", RCODE_NOTZONE, 0, 0, {{0}}, {ADD("a.other.")}},
    {"3.4.1: another zone, when the prerequisites hold", RCODE_NOTZONE, 1, 0, {HOLDS}, {ADD("a.other.")}},
    {"3.4.1.1: another class", RCODE_FORMERR, 0, 0, {{0}}, {{"any.z.", TYPE_A, CLASS_CH, 0, A4}}},
    {"3.4.1.2: add ANY", RCODE_FORMERR, 0, 0, {{0}}, {{"any.z.", TYPE_ANY, CLASS_IN, 0, A4}}},
    {"3.4.1.2: add AXFR", RCODE_FORMERR, 0, 0, {{0}}, {{"any.z.", TYPE_AXFR, CLASS_IN, 0, A4}}},
    {"3.4.1.2: add MAILA", RCODE_FORMERR, 0, 0, {{0}}, {{"any.z.", TYPE_MAILA, CLASS_IN, 0, A4}}},
    {"3.4.1.2: add MAILB", RCODE_FORMERR, 0, 0, {{0}}, {{"any.z.", TYPE_MAILB, CLASS_IN, 0, A4}}},
    {"3.4.1.2: add bad RDATA", RCODE_FORMERR, 0, 0, {{0}}, {{"any.z.", TYPE_A, CLASS_IN, 0, 5, "abcde"}}},
    {"3.4.1.2: add no RDATA", RCODE_FORMERR, 0, 0, {{0}}, {{"any.z.", TYPE_A, CLASS_IN, 0, NOTHING}}},
    {"3.4.1.2: delete an RRset, a TTL", RCODE_FORMERR, 0, 0, {{0}}, {{"any.z.", TYPE_A, CLASS_ANY, 1, NOTHING}}},
    {"3.4.1.2: delete an RRset, RDATA", RCODE_FORMERR, 0, 0, {{0}}, {{"any.z.", TYPE_A, CLASS_ANY, 0, A4}}},
    {"3.4.1.2: delete AXFR", RCODE_FORMERR, 0, 0, {{0}}, {{"any.z.", TYPE_AXFR, CLASS_ANY, 0, NOTHING}}},
    {"3.4.1.2: delete a record, a TTL", RCODE_FORMERR, 0, 0, {{0}}, {{"any.z.", TYPE_A, CLASS_NONE, 1, A4}}},
    {"3.4.1.2: delete a record of ANY", RCODE_FORMERR, 0, 0, {{0}}, {{"any.z.", TYPE_ANY, CLASS_NONE, 0, NOTHING}}},
    {"3.4.1.2: delete a record, bad RDATA", RCODE_FORMERR, 0, 0, {{0}}, {{"any.z.", TYPE_A, CLASS_NONE, 0, NOTHING}}},
    {"3.4.1: malformed, when the prerequisites hold", RCODE_FORMERR, 1, 0, {HOLDS}, {{"any.z.", TYPE_A, CLASS_CH, 0, A4}}},
};
/* clang-format on */

static struct config config;
static struct heard heard;
static uint8_t message[MESSAGE_ROOM], rdata[MESSAGE_MAX_OCTETS], packed[MESSAGE_PIECE_OCTETS];
static struct writer writer;

static void open_zone(void)
{
    ck_assert_msg(parse_text(&config, ZONE_CONFIG, &heard) == RESULT_OK, "%s", heard.text);
    writer = writer_over(message, sizeof message);
}

static void close_zone(void)
{
    config_free(&config);
}

static void put(const struct row_record *record)
{
    struct name owner;

    ck_assert_int_eq(name_from_string(record->owner, &owner), RESULT_OK);
    name_write(&writer, &owner);
    writer_u16(&writer, record->type);
    writer_u16(&writer, record->class_);
    writer_u32(&writer, record->ttl);
    writer_u16(&writer, record->length);
    writer_add(&writer, record->rdata, record->length);
}

static uint16_t put_all(const struct row_record *records)
{
    uint16_t count = 0;

    while (count < RECORDS && records[count].owner)
        put(&records[count++]);
    return count;
}

static struct update read_all(uint16_t prerequisites, uint16_t changes)
{
    const uint8_t address[4] = {192, 0, 2, 1};
    struct config_peer peer = {.key = &config.tsig[0], .family = 4, .address = address};
    struct update_order order = {.zone = &config.zones[0],
                                 .peer = &peer,
                                 .prerequisites = prerequisites,
                                 .changes = changes,
                                 .rdata = rdata,
                                 .packed = packed};
    uint8_t *octets = exact_copy(message, writer.length);
    struct reader reader = reader_over(octets, writer.length);
    struct update update;

    ck_assert(!writer.failed);
    update_read(&reader, &order, &update);
    free(octets);
    return update;
}

/* What was packed can be read, and has a form that means something. */
static void check_packed(const char *what, struct span span, uint16_t count)
{
    struct reader reader = span_reader(span);
    struct update_record record;

    for (uint16_t i = 0; i < count; i++)
        update_record_read(&reader, &record);
    ck_assert_msg(reader_finish(&reader) == RESULT_OK, "%s: packed", what);
}

START_TEST(is_judged)
{
    const struct row *row = &rows[_i];
    uint16_t before = put_all(row->before), after = put_all(row->after);
    struct update update = read_all(before, after);

    ck_assert_msg(update.refusal == row->refusal, "%s: %s", row->what,
                  rcode_to_text(update.refusal));
    ck_assert_msg(update.prerequisite_count == row->prerequisites, "%s: %u prerequisites",
                  row->what, update.prerequisite_count);
    ck_assert_msg(update.change_count == row->changes, "%s: %u changes", row->what,
                  update.change_count);
    check_packed(row->what, update.prerequisites, update.prerequisite_count);
    check_packed(row->what, update.changes, update.change_count);
}
END_TEST

START_TEST(is_packed)
{
    static const struct row_record add = {"A.dyn.Z.", TYPE_A, CLASS_IN, 300, A4};
    static const struct row_record far = {"any.z.", TYPE_A, CLASS_IN, 0x80000001, A4};
    static const struct row_record mail = {"any.z.", TYPE_MX, CLASS_IN, 60, 4, "\0\012\300\0"};
    struct update_record record;

    put(&add); /* its owner, at 0, is what the pointer in `mail` leads to */
    put(&far);
    put(&mail);
    struct update update = read_all(0, 3);
    ck_assert_uint_eq(update.refusal, RCODE_NOERROR);
    struct reader reader = span_reader(update.changes);
    update_record_read(&reader, &record);
    ck_assert_uint_eq(record.type, TYPE_A);
    ck_assert_uint_eq(record.class_, CLASS_IN);
    ck_assert_uint_eq(record.ttl, 300);
    ck_assert_uint_eq(record.limit, 3);                      /* of the grant */
    ck_assert_mem_eq(record.owner.octets, "\1A\3dyn\1Z", 9); /* in its own case */
    ck_assert_uint_eq(record.rdata.length, 4);
    update_record_read(&reader, &record);
    ck_assert_uint_eq(record.ttl, 0); /* RFC 2181 section 8 */
    ck_assert_uint_eq(record.limit, 0);
    update_record_read(&reader, &record);
    ck_assert_uint_eq(record.rdata.length, 2 + 9);
    ck_assert_mem_eq(record.rdata.octets, "\0\012\1A\3dyn\1Z", 11);
    ck_assert_int_eq(reader_finish(&reader), RESULT_OK);
}
END_TEST

/* A message can be longer when its names are written out than a letter can be: it never fits, and
 * asking again would not help. */
START_TEST(what_does_not_fit_is_refused)
{
    enum { MANY = 5000 };
    static const struct row_record first = {"any.z.", TYPE_A, CLASS_ANY, 0, NOTHING};
    const char *const label = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    char owner[256];
    uint16_t count = 0;

    (void)snprintf(owner, sizeof owner, "%s.%s.%s.dyn.z.", label, label, label);
    struct row_record record = {owner, TYPE_A, CLASS_IN, 60, A4};
    put(&first);
    size_t at = writer.length;
    for (put(&record); count < MANY - 1 && writer.length < 60000; count++) {
        writer_u16(&writer, (uint16_t)(0xc000 | at));
        writer_u16(&writer, TYPE_A);
        writer_u16(&writer, CLASS_IN);
        writer_u32(&writer, 60);
        writer_u16(&writer, 4);
        writer_u32(&writer, count);
    }
    struct update update = read_all(1, (uint16_t)(count + 1));
    ck_assert_uint_eq(update.refusal, RCODE_REFUSED);
    ck_assert_uint_eq(update.prerequisite_count, 1);
    ck_assert_uint_eq(update.change_count, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("desk/update");
    TCase *all = tcase_create("all");

    tcase_add_checked_fixture(all, open_zone, close_zone);
    tcase_add_loop_test(all, is_judged, 0, COUNT(rows));
    tcase_add_test(all, is_packed);
    tcase_add_test(all, what_does_not_fit_is_refused);
    suite_add_tcase(suite, all);
    return run_suite(suite);
}
