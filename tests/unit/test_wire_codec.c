/* test_wire_codec.c - base16, base32hex and base64 both ways, and what they refuse. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "avow/wire/codec.h"

enum code { BASE16, BASE32HEX, BASE64 };

static const struct {
    void (*write)(struct buffer *text, const uint8_t *octets, size_t length);
    enum result (*read)(const char *text, size_t length, struct writer *octets);
} codes[] = {
    [BASE16] = {base16_write, base16_read},
    [BASE32HEX] = {base32hex_write, base32hex_read},
    [BASE64] = {base64_write, base64_read},
};

/* RFC 4648 section 10, base32hex without its padding. */
static const struct {
    enum code code;
    const char *octets, *text;
} rows[] = {
    {BASE16, "", ""},
    {BASE16, "f", "66"},
    {BASE16, "foobar", "666F6F626172"},
    {BASE16, "\xff\xa0", "FFA0"},
    {BASE32HEX, "", ""},
    {BASE32HEX, "f", "CO"},
    {BASE32HEX, "fo", "CPNG"},
    {BASE32HEX, "foo", "CPNMU"},
    {BASE32HEX, "foob", "CPNMUOG"},
    {BASE32HEX, "fooba", "CPNMUOJ1"},
    {BASE32HEX, "foobar", "CPNMUOJ1E8"},
    {BASE64, "", ""},
    {BASE64, "f", "Zg=="},
    {BASE64, "fo", "Zm8="},
    {BASE64, "foo", "Zm9v"},
    {BASE64, "foob", "Zm9vYg=="},
    {BASE64, "fooba", "Zm9vYmE="},
    {BASE64, "foobar", "Zm9vYmFy"},
    {BASE64, "\xfb\xff\xbf", "+/+/"},
};

START_TEST(writes_and_reads)
{
    struct buffer text = {.octets = NULL};
    uint8_t octets[32];
    struct writer writer = writer_over(octets, sizeof octets);
    size_t length = strlen(rows[_i].octets);

    codes[rows[_i].code].write(&text, (const uint8_t *)rows[_i].octets, length);
    buffer_u8(&text, 0);
    ck_assert_int_eq(buffer_check(&text), RESULT_OK);
    ck_assert_str_eq((const char *)text.octets, rows[_i].text);
    char *exact = (char *)exact_copy(text.octets, text.length - 1);
    ck_assert_int_eq(codes[rows[_i].code].read(exact, text.length - 1, &writer), RESULT_OK);
    ck_assert_uint_eq(writer.length, length);
    ck_assert_mem_eq(octets, rows[_i].octets, length);
    free(exact);
    buffer_free(&text);
}
END_TEST

START_TEST(fails_when_octets_do_not_fit)
{
    size_t length = strlen(rows[_i].octets);

    for (size_t limit = 0; limit <= length; limit++) {
        uint8_t octets[32];
        struct writer writer = writer_over(octets, limit);
        ck_assert_int_eq(codes[rows[_i].code].read(rows[_i].text, strlen(rows[_i].text), &writer),
                         limit < length ? RESULT_FULL : RESULT_OK);
        ck_assert_uint_le(writer.length, limit);
    }
}
END_TEST

static const struct {
    const char *what;
    enum code code;
    const char *text;
} bad[] = {
    {"half an octet", BASE16, "6"},
    {"an octet and a half", BASE16, "66F"},
    {"a letter beyond f", BASE16, "6G"},
    {"a space", BASE16, "6 6"},
    {"the character before 0", BASE16, "/0"},
    {"the character after 9", BASE16, ":0"},
    {"one character", BASE32HEX, "C"},
    {"three characters", BASE32HEX, "CPN"},
    {"six characters", BASE32HEX, "CPNMU0"},
    {"bits left over after one octet", BASE32HEX, "CP"},
    {"bits left over after four octets", BASE32HEX, "CPNMUOH"},
    {"padding", BASE32HEX, "CO======"},
    {"a letter beyond v", BASE32HEX, "CW"},
    {"no padding", BASE64, "Zg"},
    {"half of the padding", BASE64, "Zg="},
    {"padding of three", BASE64, "Z==="},
    {"nothing but padding", BASE64, "===="},
    {"padding too much", BASE64, "Zm9v="},
    {"a block of padding too much", BASE64, "Zm9v===="},
    {"padding inside", BASE64, "Zg==Zg=="},
    {"bits left over after one octet", BASE64, "Zh=="},
    {"bits left over after two octets", BASE64, "Zm9="},
    {"the URL's alphabet", BASE64, "-_-_"},
    {"a new line", BASE64, "Zm9\n"},
    {"an octet beyond ASCII", BASE64, "Zm9\xc3"},
};

START_TEST(refuses)
{
    char *text = (char *)exact_copy(bad[_i].text, strlen(bad[_i].text));
    uint8_t octets[64];
    struct writer writer = writer_over(octets, sizeof octets);

    ck_assert_msg(codes[bad[_i].code].read(text, strlen(bad[_i].text), &writer) == RESULT_FORMAT,
                  "%s: %s", bad[_i].what, bad[_i].text);
    free(text);
}
END_TEST

START_TEST(reads_either_case)
{
    uint8_t octets[8];
    struct writer writer = writer_over(octets, sizeof octets);

    ck_assert_int_eq(base16_read("fFaA", 4, &writer), RESULT_OK);
    ck_assert_mem_eq(octets, "\xff\xaa", 2);
    writer = writer_over(octets, sizeof octets);
    ck_assert_int_eq(base32hex_read("cpnmuOJ1e8", 10, &writer), RESULT_OK);
    ck_assert_mem_eq(octets, "foobar", 6);
}
END_TEST

/* RFC 5155 appendix A: the hash of example. */
START_TEST(makes_hashes_into_labels)
{
    static const char expected[] = "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom";
    uint8_t hash[20];
    char *label = (char *)exact_copy(expected, 32);
    struct writer writer = writer_over(hash, sizeof hash);

    ck_assert_int_eq(base32hex_read(expected, 32, &writer), RESULT_OK);
    memset(label, 0, 32);
    base32hex_hash(label, hash);
    ck_assert_mem_eq(label, expected, 32);
    free(label);
}
END_TEST

START_TEST(round_trips_every_length)
{
    uint8_t octets[300], again[300];

    for (size_t i = 0; i < sizeof octets; i++)
        octets[i] = (uint8_t)(i * 167 + (i >> 3));
    for (size_t length = 0; length <= sizeof octets; length++) {
        struct buffer text = {.octets = NULL};
        struct writer writer = writer_over(again, sizeof again);
        codes[_i].write(&text, octets, length);
        ck_assert_int_eq(codes[_i].read((const char *)text.octets, text.length, &writer),
                         RESULT_OK);
        ck_assert_uint_eq(writer.length, length);
        ck_assert_mem_eq(again, octets, length);
        buffer_free(&text);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("wire/codec");
    TCase *codec = tcase_create("codec");

    tcase_add_loop_test(codec, writes_and_reads, 0, COUNT(rows));
    tcase_add_loop_test(codec, fails_when_octets_do_not_fit, 0, COUNT(rows));
    tcase_add_loop_test(codec, refuses, 0, COUNT(bad));
    tcase_add_test(codec, reads_either_case);
    tcase_add_test(codec, makes_hashes_into_labels);
    tcase_add_loop_test(codec, round_trips_every_length, 0, COUNT(codes));
    suite_add_tcase(suite, codec);
    return run_suite(suite);
}
