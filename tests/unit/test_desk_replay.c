/* test_desk_replay.c - a message is known again for as long as it is good, whatever room there is.
 */
#include "src/desk/replay.h"

#include <string.h>

#include "support.h"

enum { NOW = 1000000, SMALL = 8 };

static struct replay replay;

static void open_replay(void)
{
    ck_assert_int_eq(replay_open(&replay, SMALL, NOW), RESULT_OK);
}

static void close_replay(void)
{
    replay_close(&replay);
}

static struct replay_mark mark_of(const char *key, uint32_t number, uint64_t signed_at)
{
    struct replay_mark mark = {.signed_at = signed_at, .fudge = 300};

    ck_assert_int_eq(name_from_string(key, &mark.key), RESULT_OK);
    for (size_t i = 0; i < sizeof number; i++)
        mark.mac[i] = (uint8_t)(number >> 8 * i);
    return mark;
}

static enum replay_verdict look(const struct replay_mark *mark)
{
    struct replay_found found;
    return replay_look(&replay, mark, NOW, &found);
}

static void add(const struct replay_mark *mark, uint64_t update, uint64_t now)
{
    ck_assert_int_eq(replay_add(&replay, mark, update, now), RESULT_OK);
}

START_TEST(a_message_is_known_again)
{
    struct replay_mark mark = mark_of("a.", 1, NOW), other = mark_of("b.", 1, NOW);
    struct replay_found found;

    ck_assert_int_eq(look(&mark), REPLAY_NEW);
    add(&mark, 17, NOW);
    ck_assert_int_eq(replay_look(&replay, &mark, NOW, &found), REPLAY_UNDER_WAY);
    ck_assert_uint_eq(found.update, 17);
    replay_finish(&replay, &mark, 3);
    ck_assert_int_eq(replay_look(&replay, &mark, NOW, &found), REPLAY_DONE);
    ck_assert_uint_eq(found.rcode, 3);
    ck_assert_int_eq(look(&other), REPLAY_NEW); /* the MAC of another key */
}
END_TEST

START_TEST(a_message_of_before_the_start_is_too_old)
{
    struct replay_mark mark = mark_of("a.", 1, NOW - 1);

    ck_assert_int_eq(look(&mark), REPLAY_TOO_OLD);
    mark.signed_at = NOW;
    ck_assert_int_eq(look(&mark), REPLAY_NEW);
}
END_TEST

START_TEST(one_that_was_not_done_is_forgotten)
{
    struct replay_mark first = mark_of("a.", 1, NOW), second = mark_of("a.", 2, NOW);

    add(&first, 1, NOW);
    add(&second, 2, NOW);
    replay_forget(&replay, &first); /* not the last one: stays */
    replay_forget(&replay, &second);
    ck_assert_int_eq(look(&first), REPLAY_UNDER_WAY);
    ck_assert_int_eq(look(&second), REPLAY_NEW);
    add(&second, 3, NOW);
    ck_assert_int_eq(look(&second), REPLAY_UNDER_WAY);
}
END_TEST

/* What is out of time makes room, and its key keeps its floor. */
START_TEST(what_is_out_of_time_makes_room)
{
    for (uint32_t i = 0; i < 10 * SMALL; i++) {
        uint64_t now = NOW + i * 301;
        struct replay_mark mark = mark_of("a.", i, now);
        add(&mark, i, now);
        ck_assert_int_eq(look(&mark), REPLAY_UNDER_WAY);
    }
    ck_assert_uint_eq(replay.count, 1);
    ck_assert_uint_eq(replay.floor_count, 0);
}
END_TEST

START_TEST(what_has_no_room_raises_the_floor_of_its_key)
{
    struct replay_mark old = mark_of("a.", 99, NOW + 2), other = mark_of("b.", 99, NOW + 2);

    for (uint32_t i = 0; i < SMALL + 4; i++) {
        struct replay_mark mark = mark_of("a.", i, NOW + i);
        add(&mark, i, NOW + i);
    }
    ck_assert_uint_eq(replay.count, SMALL);
    ck_assert_int_eq(look(&old), REPLAY_TOO_OLD); /* may have been here */
    ck_assert_int_eq(look(&other), REPLAY_NEW);   /* another key's floor is its own */
    for (uint32_t i = 0; i < 4; i++) {
        struct replay_mark mark = mark_of("a.", i, NOW + i);
        ck_assert_int_eq(look(&mark), REPLAY_TOO_OLD);
    }
    for (uint32_t i = 4; i < SMALL + 4; i++) {
        struct replay_mark mark = mark_of("a.", i, NOW + i);
        ck_assert_int_eq(look(&mark), REPLAY_UNDER_WAY);
    }
}
END_TEST

/* The clock is set back to when a message was good that has been forgotten since. */
START_TEST(a_clock_that_is_set_back_makes_nothing_good_again)
{
    struct replay_mark old = mark_of("a.", 1, NOW + 10), late = mark_of("b.", 2, NOW + 400);
    struct replay_mark fresh = mark_of("c.", 3, NOW + 11);
    struct replay_found found;

    add(&old, 1, NOW + 10);
    add(&late, 2, NOW + 400);
    ck_assert_uint_eq(replay.count, 1);
    ck_assert_int_eq(replay_look(&replay, &old, NOW + 20, &found), REPLAY_TOO_OLD);
    ck_assert_int_eq(replay_look(&replay, &fresh, NOW + 20, &found), REPLAY_NEW);
    add(&fresh, 3, NOW + 20);
    /* A step of so little that nothing was forgotten, or none. */
    ck_assert_int_eq(replay_look(&replay, &late, NOW + 399, &found), REPLAY_UNDER_WAY);
    ck_assert_int_eq(replay_look(&replay, &old, NOW + 400, &found), REPLAY_NEW); /* tsig_check's */
}
END_TEST

/* A clock that was wrong by days is put right: nobody waits for days to be heard again. */
START_TEST(a_clock_that_is_put_right_keeps_nobody_out)
{
    enum { DAYS = 20 * 86400 };
    struct replay_mark ahead = mark_of("a.", 1, NOW + DAYS), fresh = mark_of("a.", 2, NOW + 1);
    struct replay_mark late = mark_of("a.", 3, NOW + DAYS + 400), old = mark_of("a.", 4, NOW - 1);
    struct replay_found found;

    replay.start = NOW + DAYS;
    add(&ahead, 1, NOW + DAYS);
    add(&late, 2, NOW + DAYS + 400); /* the first is forgotten */
    ck_assert_int_eq(replay_look(&replay, &fresh, NOW, &found), REPLAY_TOO_OLD);
    replay_clock_back(&replay, NOW);
    ck_assert_int_eq(replay_look(&replay, &fresh, NOW, &found), REPLAY_NEW);
    ck_assert_int_eq(replay_look(&replay, &old, NOW, &found), REPLAY_TOO_OLD);
    ck_assert_int_eq(replay_look(&replay, &late, NOW, &found), REPLAY_UNDER_WAY);
    /* Nor does what is still remembered of the wrong days, once it has to make room. */
    for (uint32_t i = 0; i < SMALL; i++) {
        struct replay_mark mark = mark_of("a.", 10 + i, NOW + 2);
        add(&mark, 10 + i, NOW + 2);
    }
    ck_assert_int_eq(replay_look(&replay, &fresh, NOW + 2, &found), REPLAY_NEW);
}
END_TEST

/* By no more than messages are good for: then the bounds stay. */
START_TEST(a_clock_that_is_set_back_a_little_keeps_its_bounds)
{
    struct replay_mark mark = mark_of("a.", 1, NOW - 1);
    struct replay_found found;

    replay_clock_back(&replay, NOW - 600);
    ck_assert_int_eq(replay_look(&replay, &mark, NOW - 1, &found), REPLAY_TOO_OLD);
}
END_TEST

/* Through every growth. */
START_TEST(many_are_known)
{
    enum { MANY = 20000 };
    struct replay large;
    struct replay_found found;

    ck_assert_int_eq(replay_open(&large, REPLAY_LIMIT, NOW), RESULT_OK);
    for (uint32_t i = 0; i < MANY; i++) {
        struct replay_mark mark = mark_of("a.", i * 2654435761U, NOW);
        ck_assert_int_eq(replay_look(&large, &mark, NOW, &found), REPLAY_NEW);
        ck_assert_int_eq(replay_add(&large, &mark, i, NOW), RESULT_OK);
    }
    for (uint32_t i = 0; i < MANY; i++) {
        struct replay_mark mark = mark_of("a.", i * 2654435761U, NOW);
        ck_assert_int_eq(replay_look(&large, &mark, NOW, &found), REPLAY_UNDER_WAY);
        ck_assert_uint_eq(found.update, i);
    }
    replay_close(&large);
}
END_TEST

/* A MAC that was cut to what is allowed is the same message. */
START_TEST(a_shorter_mac_is_the_same_message)
{
    struct tsig_session session = {.mac_length = 20, .time_signed = NOW, .fudge = 300};
    struct replay_mark whole, cut;

    ck_assert_int_eq(name_from_string("KEY.", &session.key_name), RESULT_OK);
    memset(session.mac, 7, sizeof session.mac);
    replay_mark(&session, &whole);
    session.mac_length = REPLAY_MAC_OCTETS;
    ck_assert_int_eq(name_from_string("key.", &session.key_name), RESULT_OK);
    replay_mark(&session, &cut);
    add(&whole, 1, NOW);
    ck_assert_int_eq(look(&cut), REPLAY_UNDER_WAY);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("desk/replay");
    TCase *all = tcase_create("all");

    tcase_add_checked_fixture(all, open_replay, close_replay);
    tcase_add_test(all, a_message_is_known_again);
    tcase_add_test(all, a_message_of_before_the_start_is_too_old);
    tcase_add_test(all, one_that_was_not_done_is_forgotten);
    tcase_add_test(all, what_is_out_of_time_makes_room);
    tcase_add_test(all, what_has_no_room_raises_the_floor_of_its_key);
    tcase_add_test(all, a_clock_that_is_set_back_makes_nothing_good_again);
    tcase_add_test(all, a_clock_that_is_put_right_keeps_nobody_out);
    tcase_add_test(all, a_clock_that_is_set_back_a_little_keeps_its_bounds);
    tcase_add_test(all, many_are_known);
    tcase_add_test(all, a_shorter_mac_is_the_same_message);
    suite_add_tcase(suite, all);
    return run_suite(suite);
}
