/* test_base_buffer.c - a buffer grows, keeps what it holds, and fails once. */
#include "support.h"

#include <string.h>

#include "avow/base/buffer.h"

/* The sanitizer asks this: an allocation that cannot be must fail here, not end the test. */
const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

START_TEST(grows_and_keeps_its_octets)
{
    struct buffer buffer = {.octets = NULL};

    for (unsigned i = 0; i < 10000; i++)
        buffer_u8(&buffer, (uint8_t)(i * 7));
    ck_assert_int_eq(buffer_check(&buffer), RESULT_OK);
    ck_assert_uint_eq(buffer.length, 10000);
    ck_assert_uint_ge(buffer.capacity, buffer.length);
    for (unsigned i = 0; i < 10000; i++)
        ck_assert_uint_eq(buffer.octets[i], (uint8_t)(i * 7));
    buffer_free(&buffer);
    ck_assert_ptr_null(buffer.octets);
    ck_assert_uint_eq(buffer.capacity, 0);
}
END_TEST

START_TEST(writes_numbers_in_network_order)
{
    struct buffer buffer = {.octets = NULL};

    buffer_u8(&buffer, 0x01);
    buffer_u16(&buffer, 0x0203);
    buffer_u32(&buffer, 0x04050607);
    buffer_u64(&buffer, UINT64_C(0x08090a0b0c0d0e0f));
    ck_assert_uint_eq(buffer.length, 15);
    ck_assert_mem_eq(buffer.octets, "\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17", 15);
    buffer_free(&buffer);
}
END_TEST

START_TEST(adds_text_without_its_end)
{
    struct buffer buffer = {.octets = NULL};

    buffer_text(&buffer, "abc");
    buffer_text(&buffer, "");
    buffer_add(&buffer, NULL, 0);
    buffer_format(&buffer, "%s-%d", "x", 7);
    buffer_format(&buffer, "%s", "");
    buffer_u8(&buffer, '!');
    ck_assert_uint_eq(buffer.length, 7);
    ck_assert_mem_eq(buffer.octets, "abcx-7!", 7);
    buffer_free(&buffer);
}
END_TEST

/* Every length around the first capacity: the NUL of vsnprintf must have room and leave no trace.
 */
START_TEST(formats_at_every_length)
{
    for (int width = 1; width < 600; width++) {
        struct buffer buffer = {.octets = NULL};
        buffer_format(&buffer, "%*d", width, 5);
        ck_assert_uint_eq(buffer.length, (size_t)width);
        ck_assert_uint_eq(buffer.octets[width - 1], '5');
        buffer_free(&buffer);
    }
}
END_TEST

START_TEST(claims_nothing_without_failing)
{
    struct buffer buffer = {.octets = NULL};

    ck_assert_ptr_nonnull(buffer_claim(&buffer, 0));
    ck_assert_uint_eq(buffer.length, 0);
    ck_assert_int_eq(buffer_check(&buffer), RESULT_OK);
    buffer_free(&buffer);
}
END_TEST

static const struct {
    const char *what;
    size_t length;
} hopeless[] = {
    {"more than there is", SIZE_MAX / 2 - 4096},
    {"more than can be doubled", SIZE_MAX / 2 + 2},
    {"so much that the sum wraps", SIZE_MAX - 1},
    {"all", SIZE_MAX},
};

START_TEST(fails_once_and_for_good)
{
    struct buffer buffer = {.octets = NULL};

    buffer_text(&buffer, "abc");
    ck_assert_msg(!buffer_claim(&buffer, hopeless[_i].length), "%s", hopeless[_i].what);
    ck_assert_int_eq(buffer_check(&buffer), RESULT_SYSTEM);
    buffer_text(&buffer, "d");
    buffer_format(&buffer, "%d", 1);
    ck_assert_ptr_null(buffer_claim(&buffer, 0));
    ck_assert_uint_eq(buffer.length, 3);
    ck_assert_mem_eq(buffer.octets, "abc", 3);
    buffer_clear(&buffer);
    ck_assert_int_eq(buffer_check(&buffer), RESULT_OK);
    buffer_text(&buffer, "de");
    ck_assert_uint_eq(buffer.length, 2);
    ck_assert_mem_eq(buffer.octets, "de", 2);
    buffer_free(&buffer);
}
END_TEST

START_TEST(has_a_sentence_for_every_result)
{
    ck_assert_str_eq(result_sentence(RESULT_OK), "done");
    ck_assert_str_eq(result_sentence(RESULT_TOKEN), "the token failed");
    ck_assert_str_eq(result_sentence((enum result)(RESULT_TOKEN + 1)), "unknown result");
    ck_assert_str_eq(result_sentence((enum result) - 1), "unknown result");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base/buffer");
    TCase *buffer = tcase_create("buffer");

    tcase_add_test(buffer, grows_and_keeps_its_octets);
    tcase_add_test(buffer, writes_numbers_in_network_order);
    tcase_add_test(buffer, adds_text_without_its_end);
    tcase_add_test(buffer, formats_at_every_length);
    tcase_add_test(buffer, claims_nothing_without_failing);
    tcase_add_loop_test(buffer, fails_once_and_for_good, 0, COUNT(hopeless));
    tcase_add_test(buffer, has_a_sentence_for_every_result);
    suite_add_tcase(suite, buffer);
    return run_suite(suite);
}
