/* test_keeper_text.c - JSON, SOA numbers and serial arithmetic, slices. */
#include <string.h>

#include "../../src/keeper/json.h"
#include "../../src/keeper/slice.h"
#include "../../src/keeper/soa.h"
#include "avow/store/key.h"
#include "store_support.h"

/* ---- JSON -------------------------------------------------------------------------------------
 */

static void expect(struct json *json, const char *wanted)
{
    buffer_u8(&json->text, 0);
    ck_assert_int_eq(buffer_check(&json->text), RESULT_OK);
    ck_assert_str_eq((const char *)json->text.octets, wanted);
    buffer_free(&json->text);
}

START_TEST(json_nests_and_separates)
{
    struct json json = {.first = true};

    json_open(&json, NULL, '{');
    json_open(&json, "empty", '[');
    json_close(&json, ']');
    json_number(&json, "n", UINT64_MAX);
    json_open(&json, "list", '[');
    json_text(&json, NULL, "a");
    json_bool(&json, NULL, false);
    json_open(&json, NULL, '{');
    json_close(&json, '}');
    json_close(&json, ']');
    json_text(&json, "none", NULL);
    json_close(&json, '}');
    expect(&json, "{\"empty\":[],\"n\":18446744073709551615,\"list\":[\"a\",false,{}],"
                  "\"none\":null}");
}
END_TEST

START_TEST(json_quotes_what_must_be)
{
    struct json json = {.first = true};

    json_text(&json, NULL, "\"\\\n\x01/\x7f\xc3");
    expect(&json, "\"\\\"\\\\\\u000a\\u0001/\\u007f\\u00c3\"");
}
END_TEST

START_TEST(json_times)
{
    struct json json = {.first = true};

    json_open(&json, NULL, '[');
    json_time(&json, NULL, 0);
    json_time(&json, NULL, 1);
    json_time(&json, NULL, 4294967296); /* behind 2106 */
    json_close(&json, ']');
    expect(&json, "[null,\"1970-01-01T00:00:01Z\",\"2106-02-07T06:28:16Z\"]");
}
END_TEST

/* ---- SOA and serials --------------------------------------------------------------------------
 */

START_TEST(soa_numbers)
{
    uint8_t rdata[22] = {0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5};
    struct soa soa;

    ck_assert_int_eq(soa_read(rdata, sizeof rdata, &soa), RESULT_OK);
    ck_assert_uint_eq(soa.serial, 1);
    ck_assert_uint_eq(soa.refresh, 2);
    ck_assert_uint_eq(soa.retry, 3);
    ck_assert_uint_eq(soa.expire, 4);
    ck_assert_uint_eq(soa.minimum, 5);
    soa_set_serial(rdata, sizeof rdata, 0xfedcba98);
    ck_assert_int_eq(soa_read(rdata, sizeof rdata, &soa), RESULT_OK);
    ck_assert_uint_eq(soa.serial, 0xfedcba98);
    ck_assert_uint_eq(soa.refresh, 2);
    ck_assert_int_eq(soa_read(rdata, 21, &soa), RESULT_FORMAT);
}
END_TEST

/* RFC 1982 section 3.2. */
START_TEST(serials_go_round)
{
    ck_assert(serial_is_after(1, 0));
    ck_assert(!serial_is_after(0, 1));
    ck_assert(!serial_is_after(5, 5));
    ck_assert(serial_is_after(0, UINT32_MAX));
    ck_assert(serial_is_after(0x7fffffff, 0));
    ck_assert(!serial_is_after(0x80000000, 0)); /* undefined there: then it is not after */
    ck_assert_uint_eq(serial_next(10, 20), 20);
    ck_assert_uint_eq(serial_next(10, 10), 11);
    ck_assert_uint_eq(serial_next(10, 9), 11);
    ck_assert_uint_eq(serial_next(UINT32_MAX, UINT32_MAX), 1);
    ck_assert_uint_eq(serial_next(2026112201, 1), 2026112202);
}
END_TEST

/* ---- slices -----------------------------------------------------------------------------------
 */

static const uint8_t hash[NODE_HASH_OCTETS] = {9, 8, 7};

static void add_node(struct buffer *slice, const char *text, uint16_t length)
{
    struct buffer scratch = {.length = 0}, octets = {.length = 0};
    struct name name = name_of(text);
    uint8_t key[NAME_KEY_MAX_OCTETS];
    struct writer writer = writer_over(key, sizeof key);
    struct node_rrset rrsets[] = {
        {.type = TYPE_A, .ttl = 5, .rdata = {(const uint8_t *)"\0\4\1\2\3\4", 6, 1}},
        {.type = TYPE_TXT, .ttl = 6, .rdata = make_run(&octets, 1, length, 't')}};
    struct node_parts parts = {.rrsets = rrsets, .count = COUNT(rrsets)};

    name_key_write(&writer, &name);
    ck_assert_int_eq(slice_add_node(slice, key, writer.length, &parts, &scratch), RESULT_OK);
    buffer_free(&scratch);
    buffer_free(&octets);
}

static void write_slice(struct test_store *test, const struct buffer *slice)
{
    struct change change;

    begin(&change, &test->store);
    ck_assert_int_eq(slice_write(&change, 3, slice), RESULT_OK);
    commit(&change);
    ck_assert_int_eq(snapshot_renew(&test->snapshot), RENEWAL_READY);
}

START_TEST(slice_is_carried_out)
{
    struct test_store test;
    struct buffer slice = {.length = 0}, scratch = {.length = 0};
    struct node_rrset nsec3 = {
        .type = TYPE_NSEC3, .ttl = 60, .rdata = {(const uint8_t *)"\0\2\1\0", 4, 1}};
    struct name small = name_of("small.example."), large = name_of("large.example.");
    struct node_view node;
    struct rrset_view view;

    test_store_open(&test);
    add_node(&slice, "large.example.", 5000); /* kept apart from its node */
    add_node(&slice, "small.example.", 50);
    ck_assert_int_eq(slice_add_nsec3(&slice, hash, &nsec3, &scratch), RESULT_OK);
    write_slice(&test, &slice);
    ck_assert_int_eq(lookup_node(&test.snapshot, 3, &small, &node), RECORD_THERE);
    ck_assert_int_eq(lookup_node(&test.snapshot, 3, &large, &node), RECORD_THERE);
    ck_assert_int_eq(node_find(&node, TYPE_TXT, &view), RECORD_THERE);
    ck_assert_uint_eq(view.rdata.length, 5002);
    struct store_key key;
    store_key_nsec3(&key, 3, hash);
    struct store_record record = store_key_record(&key);
    struct reader payload;
    ck_assert_int_eq(snapshot_get(&test.snapshot, TABLE_NSEC3, &record, &payload), RECORD_THERE);
    snapshot_rest(&test.snapshot);

    buffer_free(&slice);
    buffer_free(&scratch);
    test_store_close(&test);
}
END_TEST

START_TEST(cut_slice_is_refused)
{
    struct test_store test;
    struct buffer slice = {.length = 0};
    struct change change;

    test_store_open(&test);
    add_node(&slice, "small.example.", 50);
    for (size_t length = 1; length < slice.length; length += 7) {
        struct buffer cut = {.octets = exact_copy(slice.octets, length), .length = length};
        begin(&change, &test.store);
        ck_assert_int_ne(slice_write(&change, 3, &cut), RESULT_OK);
        change_abandon(&change);
        free(cut.octets);
    }
    buffer_free(&slice);
    test_store_close(&test);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("keeper/text");
    TCase *tests = tcase_create("text");

    tcase_add_test(tests, json_nests_and_separates);
    tcase_add_test(tests, json_quotes_what_must_be);
    tcase_add_test(tests, json_times);
    tcase_add_test(tests, soa_numbers);
    tcase_add_test(tests, serials_go_round);
    tcase_add_test(tests, slice_is_carried_out);
    tcase_add_test(tests, cut_slice_is_refused);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
