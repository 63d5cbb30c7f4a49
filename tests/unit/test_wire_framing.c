/* test_wire_framing.c - whole messages come out of a stream, however it was cut into pieces. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "avow/base/result.h"
#include "avow/wire/framing.h"

enum { LONGEST = 65535, LARGE_STREAM = 400000 };

static uint8_t scratch[FRAMING_SCRATCH_OCTETS];

/* A message of `length` octets that tells its own length and number by its octets. */
static size_t put_message(uint8_t *octets, uint16_t length, uint8_t number)
{
    octets[0] = (uint8_t)(length >> 8);
    octets[1] = (uint8_t)length;
    for (unsigned i = 0; i < length; i++)
        octets[2 + i] = (uint8_t)(number + i * 7);
    return 2U + length;
}

static void check_message(const uint8_t *message, size_t length, uint16_t expected, uint8_t number)
{
    bool same = true;

    ck_assert_uint_eq(length, expected);
    for (unsigned i = 0; i < length; i++)
        same &= message[i] == (uint8_t)(number + i * 7);
    ck_assert(same);
}

/* Feed up to `size` octets; how many fitted. */
static size_t feed(struct framing *framing, const uint8_t *octets, size_t size)
{
    size_t room;
    uint8_t *place = framing_place(framing, scratch, &room);

    if (!place || room == 0)
        ck_abort_msg("no room");
    if (size > room)
        size = room;
    memcpy(place, octets, size);
    framing_add(framing, scratch, size);
    return size;
}

static const uint16_t lengths[] = {12,   12,    300,   LONGEST, 13,    2047, 2048, 2049,
                                   4096, 20000, 20478, 20479,   40000, 12,   5000};

static const size_t pieces[] = {1, 2, 3, 13, 100, 2047, 2048, 2049, 4096, 20480, LARGE_STREAM};

START_TEST(messages_come_out_whole)
{
    uint8_t *stream = malloc(LARGE_STREAM);
    struct framing framing = {.held = NULL};
    size_t size = 0, at = 0, count = 0;

    ck_assert_ptr_nonnull(stream);
    for (unsigned i = 0; i < COUNT(lengths); i++)
        size += put_message(stream + size, lengths[i], (uint8_t)i);
    while (at < size) {
        const uint8_t *message;
        size_t length, left = size - at;
        at += feed(&framing, stream + at, left < pieces[_i] ? left : pieces[_i]);
        while (framing_next(&framing, &message, &length) == FRAMING_WHOLE) {
            check_message(message, length, lengths[count], (uint8_t)count);
            count++;
        }
        if (framing_has_message(&framing) || !framing_keep(&framing) ||
            framing_octets(&framing) > LONGEST + 2)
            ck_abort_msg("after %zu octets", at);
    }
    ck_assert_uint_eq(count, COUNT(lengths));
    ck_assert_msg(framing_octets(&framing) == 0, "nothing is left over: nothing is held");
    framing_free(&framing);
    free(stream);
}
END_TEST

/* Several messages came, one is taken, the others wait in memory of the connection's own. */
START_TEST(what_was_not_taken_is_kept)
{
    uint8_t stream[4 * (2 + 100)];
    struct framing framing = {.held = NULL};
    const uint8_t *message;
    size_t size = 0, length;

    for (unsigned i = 0; i < 4; i++)
        size += put_message(stream + size, 100, (uint8_t)i);
    ck_assert_uint_eq(feed(&framing, stream, size - 1), size - 1);
    ck_assert_int_eq(framing_next(&framing, &message, &length), FRAMING_WHOLE);
    ck_assert(framing_keep(&framing));
    memset(scratch, 0xff, sizeof scratch); /* another connection uses it */
    for (unsigned i = 1; i < 3; i++) {
        ck_assert(framing_has_message(&framing));
        framing_resume(&framing);
        ck_assert_int_eq(framing_next(&framing, &message, &length), FRAMING_WHOLE);
        check_message(message, length, 100, (uint8_t)i);
        ck_assert(framing_keep(&framing));
    }
    ck_assert(!framing_has_message(&framing));
    ck_assert_uint_eq(feed(&framing, stream + size - 1, 1), 1);
    ck_assert_int_eq(framing_next(&framing, &message, &length), FRAMING_WHOLE);
    check_message(message, length, 100, 3);
    ck_assert(framing_keep(&framing));
    framing_free(&framing);
}
END_TEST

START_TEST(no_message_is_shorter_than_a_header)
{
    const uint8_t stream[] = {0, (uint8_t)_i, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    struct framing framing = {.held = NULL};
    const uint8_t *message;
    size_t length;

    ck_assert_uint_eq(feed(&framing, stream, sizeof stream), sizeof stream);
    ck_assert_int_eq(framing_next(&framing, &message, &length),
                     _i < 12 ? FRAMING_BAD : FRAMING_WHOLE);
    ck_assert(framing_keep(&framing));
    framing_free(&framing);
}
END_TEST

/* Who announces much and sends little makes us keep little. */
START_TEST(an_announced_length_costs_nothing)
{
    uint8_t stream[3000] = {0xff, 0xff};
    struct framing framing = {.held = NULL};
    size_t sent = 0;

    while (sent < sizeof stream) {
        sent += feed(&framing, stream + sent, 1);
        ck_assert(framing_keep(&framing));
        ck_assert_uint_le(framing_octets(&framing), 2 * sent + 512);
    }
    framing_free(&framing);
}
END_TEST

/* What one reader has not taken, another goes on with. */
START_TEST(a_stream_can_be_handed_over)
{
    static const uint8_t stream[] = "\0\015first message\0\016second message\0\015third";
    enum { FIRST = 2 + 13, LENGTH = sizeof stream - 1 };
    struct framing from = {.held = NULL}, to = {.held = NULL};
    const uint8_t *message, *rest;
    size_t room, length;

    ck_assert_ptr_null(framing_rest(&from, &length));
    memcpy(framing_place(&from, scratch, &room), stream, LENGTH);
    framing_add(&from, scratch, LENGTH);
    ck_assert_int_eq(framing_next(&from, &message, &length), FRAMING_WHOLE);
    ck_assert_int_eq(framing_next(&from, &message, &length), FRAMING_WHOLE);
    ck_assert_mem_eq(message, "second", 6);
    framing_put_back(&from, length);
    rest = framing_rest(&from, &length); /* of the view */
    ck_assert_uint_eq(length, LENGTH - FIRST);
    ck_assert_mem_eq(rest, stream + FIRST, length);
    ck_assert(framing_keep(&from));
    rest = framing_rest(&from, &length); /* of what was kept */
    ck_assert_uint_eq(length, LENGTH - FIRST);
    ck_assert(framing_give(&to, rest, 3));
    ck_assert(framing_give(&to, rest + 3, length - 3));
    framing_free(&from);
    framing_resume(&to);
    ck_assert_int_eq(framing_next(&to, &message, &length), FRAMING_WHOLE);
    ck_assert_mem_eq(message, "second", 6);
    ck_assert_int_eq(framing_next(&to, &message, &length), FRAMING_MORE);
    ck_assert(framing_keep(&to));
    memcpy(framing_place(&to, scratch, &room), " message", 8);
    framing_add(&to, scratch, 8);
    ck_assert_int_eq(framing_next(&to, &message, &length), FRAMING_WHOLE);
    ck_assert_mem_eq(message, "third message", 13);
    ck_assert(framing_keep(&to));
    framing_free(&to);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("wire/framing");
    TCase *tests = tcase_create("framing");

    tcase_add_loop_test(tests, messages_come_out_whole, 0, COUNT(pieces));
    tcase_add_test(tests, what_was_not_taken_is_kept);
    tcase_add_loop_test(tests, no_message_is_shorter_than_a_header, 0, 13);
    tcase_add_test(tests, an_announced_length_costs_nothing);
    tcase_add_test(tests, a_stream_can_be_handed_over);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
