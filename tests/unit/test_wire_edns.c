/* test_wire_edns.c - what an OPT says, what is malformed, and what is written. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "avow/wire/edns.h"
#include "names.h"

/* Octets that begin with their own count, so that zeroes may be among them. */
#define OPTIONS(text) sizeof(text) - 1, text

static const struct {
    const char *what;
    uint16_t class_;
    uint32_t ttl;
    size_t size;
    const char *options;
    enum result result;
    struct edns expected;
} rows[] = {
    {"nothing", 1232, 0, OPTIONS(""), RESULT_OK, {.present = true, .payload = 1232}},
    {"DO",
     4096,
     0x8000,
     OPTIONS(""),
     RESULT_OK,
     {.present = true, .payload = 4096, .dnssec_ok = true}},
    {"the other flags", 4096, 0x7fff, OPTIONS(""), RESULT_OK, {.present = true, .payload = 4096}},
    {"version 1 and an RCODE",
     512,
     0xff010000,
     OPTIONS(""),
     RESULT_OK,
     {.present = true, .payload = 512, .version = 1}},
    {"payload 511", 511, 0, OPTIONS(""), RESULT_OK, {.present = true, .payload = 512}},
    {"payload 0", 0, 0, OPTIONS(""), RESULT_OK, {.present = true, .payload = 512}},
    {"payload 65535", 65535, 0, OPTIONS(""), RESULT_OK, {.present = true, .payload = 65535}},
    {"NSID",
     512,
     0,
     OPTIONS("\0\3\0\0"),
     RESULT_OK,
     {.present = true, .payload = 512, .nsid = true}},
    {"EXPIRE",
     512,
     0,
     OPTIONS("\0\x9\0\0"),
     RESULT_OK,
     {.present = true, .payload = 512, .expire = true}},
    {"keepalive",
     512,
     0,
     OPTIONS("\0\xb\0\0"),
     RESULT_OK,
     {.present = true, .payload = 512, .keepalive = true}},
    {"padding",
     512,
     0,
     OPTIONS("\0\xc\0\2\0\0"),
     RESULT_OK,
     {.present = true, .payload = 512, .padding = true}},
    {"an unknown option",
     512,
     0,
     OPTIONS("\xfd\xe9\0\1x"),
     RESULT_OK,
     {.present = true, .payload = 512}},
    {"an unknown option, then NSID",
     512,
     0,
     OPTIONS("\xfd\xe9\0\1x\0\3\0\0"),
     RESULT_OK,
     {.present = true, .payload = 512, .nsid = true}},
    {"a client's cookie",
     512,
     0,
     OPTIONS("\0\xa\0\x8"
             "abcdefgh"),
     RESULT_OK,
     {.present = true, .payload = 512, .cookie_length = 8, .cookie = "abcdefgh"}},
    {"the shortest whole cookie",
     512,
     0,
     OPTIONS("\0\xa\0\x10"
             "abcdefghijklmnop"),
     RESULT_OK,
     {.present = true, .payload = 512, .cookie_length = 16, .cookie = "abcdefghijklmnop"}},
    {"the longest cookie",
     512,
     0,
     OPTIONS("\0\xa\0\x28"
             "abcdefghijklmnopqrstuvwxyz0123456789ABCD"),
     RESULT_OK,
     {.present = true,
      .payload = 512,
      .cookie_length = 40,
      .cookie = "abcdefghijklmnopqrstuvwxyz0123456789ABCD"}},
    {"two cookies: the first counts",
     512,
     0,
     OPTIONS("\0\xa\0\x8"
             "abcdefgh\0\xa\0\x8"
             "ABCDEFGH"),
     RESULT_OK,
     {.present = true, .payload = 512, .cookie_length = 8, .cookie = "abcdefgh"}},
    {"an empty cookie", 512, 0, OPTIONS("\0\xa\0\0"), RESULT_FORMAT, {0}},
    {"a cookie of 7 octets",
     512,
     0,
     OPTIONS("\0\xa\0\7"
             "abcdefg"),
     RESULT_FORMAT,
     {0}},
    {"a cookie of 9 octets",
     512,
     0,
     OPTIONS("\0\xa\0\x9"
             "abcdefghi"),
     RESULT_FORMAT,
     {0}},
    {"a cookie of 15 octets",
     512,
     0,
     OPTIONS("\0\xa\0\xf"
             "abcdefghijklmno"),
     RESULT_FORMAT,
     {0}},
    {"a cookie of 41 octets",
     512,
     0,
     OPTIONS("\0\xa\0\x29"
             "abcdefghijklmnopqrstuvwxyz0123456789ABCDE"),
     RESULT_FORMAT,
     {0}},
    {"a code cut off", 512, 0, OPTIONS("\0"), RESULT_FORMAT, {0}},
    {"no length", 512, 0, OPTIONS("\0\3"), RESULT_FORMAT, {0}},
    {"half a length", 512, 0, OPTIONS("\0\3\0"), RESULT_FORMAT, {0}},
    {"an option that exceeds the RDATA", 512, 0, OPTIONS("\xfd\xe9\0\2x"), RESULT_FORMAT, {0}},
    {"an octet too many", 512, 0, OPTIONS("\0\3\0\0\0"), RESULT_FORMAT, {0}},
};

START_TEST(reads_an_opt)
{
    uint8_t *octets = exact_copy(rows[_i].options, rows[_i].size);
    struct record record = {.type = TYPE_OPT,
                            .class_ = rows[_i].class_,
                            .ttl = rows[_i].ttl,
                            .rdata = reader_over(octets, rows[_i].size)};
    const struct edns *expected = &rows[_i].expected;
    struct edns edns;

    name_root(&record.owner);
    enum result result = edns_read(&record, &edns);
    ck_assert_msg(result == rows[_i].result, "%s: %s", rows[_i].what, result_sentence(result));
    ck_assert_msg(edns.present, "%s: present", rows[_i].what);
    if (!result) {
        ck_assert_msg(edns.payload == expected->payload && edns.version == expected->version &&
                          edns.dnssec_ok == expected->dnssec_ok,
                      "%s: fixed part", rows[_i].what);
        ck_assert_msg(edns.nsid == expected->nsid && edns.expire == expected->expire &&
                          edns.keepalive == expected->keepalive &&
                          edns.padding == expected->padding,
                      "%s: options", rows[_i].what);
        ck_assert_msg(edns.cookie_length == expected->cookie_length &&
                          memcmp(edns.cookie, expected->cookie, edns.cookie_length) == 0,
                      "%s: cookie", rows[_i].what);
    }
    free(octets);
}
END_TEST

START_TEST(refuses_an_owner)
{
    struct record record = {.type = TYPE_OPT, .owner = name_of("a."), .rdata = reader_over("", 0)};
    struct edns edns;

    ck_assert_int_eq(edns_read(&record, &edns), RESULT_FORMAT);
}
END_TEST

static const struct {
    const char *what;
    struct edns_reply reply;
    size_t size;
    const char *octets;
} written[] = {
    {"the least",
     {.payload = 1232, .extended_error = EDE_NONE},
     OPTIONS("\0\0\x29\x04\xd0\0\0\0\0\0\0")},
    {"DO",
     {.payload = 1232, .dnssec_ok = true, .extended_error = EDE_NONE},
     OPTIONS("\0\0\x29\x04\xd0\0\0\x80\0\0\0")},
    {"BADVERS",
     {.payload = 512, .extended_rcode = RCODE_BADVERS >> 4, .extended_error = EDE_NONE},
     OPTIONS("\0\0\x29\x02\0\1\0\0\0\0\0")},
    {"NSID",
     {.payload = 512, .nsid = (const uint8_t *)"ns1", .nsid_length = 3, .extended_error = EDE_NONE},
     OPTIONS("\0\0\x29\x02\0\0\0\0\0\0\7\0\3\0\3ns1")},
    {"cookie",
     {.payload = 512,
      .cookie = (const uint8_t *)"abcdefghABCDEFGH",
      .cookie_length = 16,
      .extended_error = EDE_NONE},
     OPTIONS("\0\0\x29\x02\0\0\0\0\0\0\x14\0\xa\0\x10"
             "abcdefghABCDEFGH")},
    {"keepalive",
     {.payload = 512, .keepalive = true, .keepalive_tenths = 300, .extended_error = EDE_NONE},
     OPTIONS("\0\0\x29\x02\0\0\0\0\0\0\6\0\xb\0\2\x01\x2c")},
    {"expire",
     {.payload = 512, .expire = true, .expire_seconds = 604800, .extended_error = EDE_NONE},
     OPTIONS("\0\0\x29\x02\0\0\0\0\0\0\x8\0\x9\0\4\0\x9\x3a\x80")},
    {"extended error",
     {.payload = 512, .extended_error = EDE_NOT_READY},
     OPTIONS("\0\0\x29\x02\0\0\0\0\0\0\6\0\xf\0\2\0\xe")},
    {"extended error 0 with text",
     {.payload = 512, .extended_error = EDE_OTHER, .extended_text = "why"},
     OPTIONS("\0\0\x29\x02\0\0\0\0\0\0\x9\0\xf\0\5\0\0why")},
    {"padding of nothing",
     {.payload = 512, .padded = true, .extended_error = EDE_NONE},
     OPTIONS("\0\0\x29\x02\0\0\0\0\0\0\4\0\xc\0\0")},
    {"padding",
     {.payload = 512, .padded = true, .padding = 3, .extended_error = EDE_NONE},
     OPTIONS("\0\0\x29\x02\0\0\0\0\0\0\7\0\xc\0\3\0\0\0")},
    {"all",
     {.payload = 1232,
      .extended_rcode = 1,
      .dnssec_ok = true,
      .nsid = (const uint8_t *)"a",
      .nsid_length = 1,
      .cookie = (const uint8_t *)"abcdefgh",
      .cookie_length = 8,
      .keepalive = true,
      .keepalive_tenths = 1,
      .extended_error = 18,
      .extended_text = "no"},
     OPTIONS("\0\0\x29\x04\xd0\1\0\x80\0\0\x1f"
             "\0\3\0\1a"
             "\0\xa\0\x8"
             "abcdefgh"
             "\0\xb\0\2\0\1"
             "\0\xf\0\4\0\x12no")},
};

START_TEST(writes_an_opt)
{
    ck_assert_msg(edns_size(&written[_i].reply) == written[_i].size, "%s: size", written[_i].what);
    for (size_t limit = 0; limit <= written[_i].size; limit++) {
        uint8_t *octets = exact_copy((char[128]){0}, limit);
        struct writer writer = writer_over(octets, limit);
        edns_write(&writer, &written[_i].reply);
        ck_assert_msg(writer.failed == (limit < written[_i].size), "%s: limit %zu",
                      written[_i].what, limit);
        if (!writer.failed) {
            ck_assert_msg(writer.length == written[_i].size, "%s: length", written[_i].what);
            ck_assert_msg(memcmp(octets, written[_i].octets, limit) == 0, "%s: octets",
                          written[_i].what);
        }
        free(octets);
    }
}
END_TEST

/* RFC 8467 section 4.1; an OPT with padding has 15 octets beside it. */
static const struct {
    const char *what;
    size_t length, behind, limit;
    bool padded;
    uint16_t padding;
} pads[] = {
    {"a short answer", 100, 0, 65535, true, 468 - 115},
    {"just one block", 453, 0, 65535, true, 0},
    {"one more than a block", 454, 0, 65535, true, 467},
    {"one less than a block", 452, 0, 65535, true, 1},
    {"two blocks", 468 + 200, 0, 65535, true, 468 - 215},
    {"with a TSIG behind", 100, 61, 65535, true, 468 - 115 - 61},
    {"a TSIG that fills the block", 400, 53, 65535, true, 0},
    {"as far as there is room", 100, 0, 300, true, 300 - 115},
    {"no room but for the option", 100, 0, 115, true, 0},
    {"no room at all", 100, 0, 114, false, 0},
    {"the largest message", 65510, 0, 65535, true, 10},
};

START_TEST(pads_to_blocks)
{
    struct edns_reply reply = {.payload = 1232, .extended_error = EDE_NONE};

    edns_pad(&reply, pads[_i].length, pads[_i].behind, pads[_i].limit);
    ck_assert_msg(reply.padded == pads[_i].padded, "%s: padded", pads[_i].what);
    ck_assert_msg(reply.padding == pads[_i].padding, "%s: %u", pads[_i].what, reply.padding);
}
END_TEST

START_TEST(reads_what_it_writes)
{
    struct reader message = reader_over(written[_i].octets, written[_i].size);
    struct record record;
    struct edns edns;

    record_read(&message, &record);
    ck_assert_int_eq(reader_finish(&message), RESULT_OK);
    ck_assert_int_eq(edns_read(&record, &edns), RESULT_OK);
    ck_assert_uint_eq(edns.payload, written[_i].reply.payload);
    ck_assert_int_eq(edns.dnssec_ok, written[_i].reply.dnssec_ok);
    ck_assert_int_eq(edns.nsid, written[_i].reply.nsid != NULL);
    ck_assert_int_eq(edns.keepalive, written[_i].reply.keepalive);
    ck_assert_int_eq(edns.expire, written[_i].reply.expire);
    ck_assert_uint_eq(edns.cookie_length, written[_i].reply.cookie_length);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("wire/edns");
    TCase *edns = tcase_create("edns");

    tcase_add_loop_test(edns, reads_an_opt, 0, COUNT(rows));
    tcase_add_test(edns, refuses_an_owner);
    tcase_add_loop_test(edns, writes_an_opt, 0, COUNT(written));
    tcase_add_loop_test(edns, pads_to_blocks, 0, COUNT(pads));
    tcase_add_loop_test(edns, reads_what_it_writes, 0, COUNT(written));
    suite_add_tcase(suite, edns);
    return run_suite(suite);
}
