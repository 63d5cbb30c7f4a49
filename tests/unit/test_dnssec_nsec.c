/* test_dnssec_nsec.c - type bitmaps there and back, NSEC RDATA, and what an NSEC covers. */
#include "support.h"

#include <stdlib.h>

#include "avow/dnssec/nsec.h"
#include "avow/wire/type.h"
#include "name_of.h"

static const struct {
    const char *what;
    size_t count;
    uint16_t types[6];
    size_t length; /* 0: nothing is written */
    uint8_t bitmap[48];
} bitmaps[] = {
    {"nothing at all", 0, {0}, 0, {0}},
    {"one type", 1, {TYPE_A}, 3, {0, 1, 0x40}},
    {"a type twice", 2, {TYPE_A, TYPE_A}, 3, {0, 1, 0x40}},
    {"the last type of a window", 1, {255}, 34, {0, 32, [33] = 0x01}},
    {"the first type of the next", 1, {256}, 3, {1, 1, 0x80}},
    {"the very last type", 1, {65535}, 34, {255, 32, [33] = 0x01}},
    {"RFC 4034 section 4.3",
     5,
     {TYPE_A, TYPE_MX, TYPE_RRSIG, TYPE_NSEC, 1234},
     37,
     {0x00, 0x06, 0x40, 0x01, 0x00, 0x00, 0x00, 0x03, 0x04, 0x1b, [36] = 0x20}},
};

START_TEST(writes_a_bitmap)
{
    uint8_t octets[64];
    struct writer writer = writer_over(octets, sizeof(octets));

    nsec_bitmap_write(&writer, bitmaps[_i].types, bitmaps[_i].count);
    ck_assert_msg(!writer.failed && writer.length == bitmaps[_i].length, "%s: length %zu",
                  bitmaps[_i].what, writer.length);
    ck_assert_msg(memcmp(octets, bitmaps[_i].bitmap, writer.length) == 0, "%s: octets",
                  bitmaps[_i].what);
    ck_assert(nsec_bitmap_check(octets, writer.length) == RESULT_OK);
}
END_TEST

START_TEST(refuses_types_out_of_order)
{
    const uint16_t types[] = {TYPE_MX, TYPE_A};
    uint8_t octets[64];
    struct writer writer = writer_over(octets, sizeof(octets));

    nsec_bitmap_write(&writer, types, COUNT(types));
    ck_assert(writer.failed);
}
END_TEST

static const struct {
    const char *what;
    size_t length;
    uint8_t bitmap[40];
} malformed[] = {
    {"a window alone", 1, {0}},
    {"no octets in a window", 2, {0, 0}},
    {"too many octets in a window", 35, {0, 33, [34] = 1}},
    {"a window cut short", 4, {0, 3, 1, 1}},
    {"a trailing zero octet", 4, {0, 2, 1, 0}},
    {"a window twice", 6, {0, 1, 1, 0, 1, 1}},
    {"windows in falling order", 6, {1, 1, 1, 0, 1, 1}},
};

START_TEST(refuses_a_malformed_bitmap)
{
    uint8_t *bitmap = exact_copy(malformed[_i].bitmap, malformed[_i].length);

    ck_assert_msg(nsec_bitmap_check(bitmap, malformed[_i].length) == RESULT_FORMAT, "%s",
                  malformed[_i].what);
    /* Still nothing is read that is not there: the sanitizer watches. */
    for (unsigned type = 0; type < 1024; type++)
        (void)nsec_bitmap_has(bitmap, malformed[_i].length, (uint16_t)type);
    (void)nsec_bitmap_next(bitmap, malformed[_i].length, -1);
    free(bitmap);
}
END_TEST

/* Any set of types comes back from its bitmap, and no other type does. */
START_TEST(any_set_of_types_comes_back)
{
    static uint8_t in_set[65536];
    static uint16_t types[65536];
    uint8_t octets[NSEC_MAX_BITMAP];
    struct writer writer = writer_over(octets, sizeof(octets));
    unsigned seed = (unsigned)_i, density = 1u << (_i % 12);
    size_t count = 0;

    for (unsigned type = 0; type < 65536; type++) {
        in_set[type] = rand_r(&seed) % density == 0;
        if (in_set[type])
            types[count++] = (uint16_t)type;
    }
    nsec_bitmap_write(&writer, types, count);
    ck_assert(!writer.failed);
    ck_assert(nsec_bitmap_check(octets, writer.length) == RESULT_OK);

    int32_t at = -1;
    for (size_t i = 0; i < count; i++) {
        at = nsec_bitmap_next(octets, writer.length, at);
        ck_assert_int_eq(at, types[i]);
    }
    ck_assert_int_eq(nsec_bitmap_next(octets, writer.length, at), -1);
    for (unsigned type = 0; type < 65536; type++)
        ck_assert(nsec_bitmap_has(octets, writer.length, (uint16_t)type) == in_set[type]);
}
END_TEST

START_TEST(writes_and_reads_rdata)
{
    const uint16_t types[] = {TYPE_NS, TYPE_RRSIG, TYPE_NSEC};
    uint8_t octets[300];
    struct writer writer = writer_over(octets, sizeof(octets));
    struct name next = name_of("Host.example.");
    struct nsec nsec;

    nsec_write(&writer, &next, types, COUNT(types));
    ck_assert(!writer.failed);
    for (size_t length = 0; length <= writer.length; length++) {
        uint8_t *copy = exact_copy(octets, length);
        struct reader rdata = reader_over(copy, length);
        enum result result = nsec_read(&rdata, &nsec);
        if (length == writer.length) {
            ck_assert(result == RESULT_OK);
            ck_assert(memcmp(nsec.next.octets, next.octets, next.length) == 0); /* case kept */
            ck_assert(nsec_bitmap_has(nsec.bitmap, nsec.bitmap_length, TYPE_NSEC));
        } else if (length != next.length) { /* a name alone is an empty bitmap */
            ck_assert(result == RESULT_FORMAT);
        }
        free(copy);
    }
}
END_TEST

static const struct {
    const char *owner, *next, *name;
    bool covered;
} spans[] = {
    {"a.example.", "c.example.", "b.example.", true},
    {"a.example.", "c.example.", "B.example.", true},
    {"a.example.", "c.example.", "a.example.", false},
    {"a.example.", "c.example.", "A.EXAMPLE.", false},
    {"a.example.", "c.example.", "c.example.", false},
    {"a.example.", "c.example.", "z.b.example.", true},
    {"a.example.", "c.example.", "z.c.example.", false},
    {"a.example.", "c.example.", "d.example.", false},
    {"example.", "a.example.", "*.example.", true},
    {"z.example.", "example.", "zz.example.", true},
    {"z.example.", "example.", "a.z.example.", true},
    {"z.example.", "example.", "a.example.", false},
    {"z.example.", "example.", "example.", false},
    {"z.example.", "example.", "zz.other.", false},
    {"example.", "example.", "a.example.", true},
    {"example.", "example.", "example.", false},
    {"example.", "example.", "other.", false},
};

START_TEST(covers_what_lies_between)
{
    struct name owner = name_of(spans[_i].owner), next = name_of(spans[_i].next);
    struct name name = name_of(spans[_i].name);

    ck_assert_msg(nsec_covers(&owner, &next, &name) == spans[_i].covered, "%s to %s: %s",
                  spans[_i].owner, spans[_i].next, spans[_i].name);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dnssec/nsec");
    TCase *bitmap = tcase_create("bitmap"), *record = tcase_create("record");

    tcase_add_loop_test(bitmap, writes_a_bitmap, 0, COUNT(bitmaps));
    tcase_add_test(bitmap, refuses_types_out_of_order);
    tcase_add_loop_test(bitmap, refuses_a_malformed_bitmap, 0, COUNT(malformed));
    tcase_add_loop_test(bitmap, any_set_of_types_comes_back, 0, 24);
    tcase_add_test(record, writes_and_reads_rdata);
    tcase_add_loop_test(record, covers_what_lies_between, 0, COUNT(spans));
    suite_add_tcase(suite, bitmap);
    suite_add_tcase(suite, record);
    return run_suite(suite);
}
