/* test_base_clock_watch.c - a clock that was set is told from one that goes. */
#include "support.h"

#include "avow/base/clock_watch.h"
#include "avow/base/result.h"

enum { WALL = 1800000000, MONOTONIC_MS = 86400000 };

static const struct {
    const char *what;
    int64_t wall; /* seconds later */
    uint64_t monotonic_ms;
    int64_t expected;
} rows[] = {
    {"at the same moment", 0, 0, 0},
    {"a second later", 1, 1000, 0},
    {"a second begins", 1, 1, 0},
    {"nearly two seconds, of which one is seen", 1, 1999, 0},
    {"the longest rounding", 2, 1001, 0},
    {"a day later", 86400, 86400000, 0},
    {"forward by what is not heeded", 1, 0, 0},
    {"back by what is not heeded", -1, 0, 0},
    {"forward by the least", 2, 0, 2},
    {"back by the least", -2, 0, -2},
    {"forward by an hour", 3601, 1000, 3600},
    {"back by an hour", -3599, 1000, -3600},
    {"forward by twenty days", 1728000, 250, 1728000},
    {"back by twenty days, within a day", -1728000 + 86400, 86400000, -1728000},
    {"back to the year 1970", -(int64_t)WALL, 0, -(int64_t)WALL},
    {"stands still for an hour", 0, 3600000, -3600},
};

START_TEST(a_clock_that_was_set_is_noticed)
{
    struct clock_watch watch = {.looked = false};

    ck_assert_int_eq(clock_watch_look(&watch, WALL, MONOTONIC_MS), 0);
    int64_t set = clock_watch_look(&watch, (uint64_t)(WALL + rows[_i].wall),
                                   MONOTONIC_MS + rows[_i].monotonic_ms);
    ck_assert_msg(set == rows[_i].expected, "%s: %lld", rows[_i].what, (long long)set);
}
END_TEST

START_TEST(once)
{
    struct clock_watch watch = {.looked = false};

    (void)clock_watch_look(&watch, WALL, MONOTONIC_MS);
    ck_assert_int_eq(clock_watch_look(&watch, WALL + 100, MONOTONIC_MS), 100);
    ck_assert_int_eq(clock_watch_look(&watch, WALL + 101, MONOTONIC_MS + 1000), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base/clock_watch");
    TCase *tests = tcase_create("clock_watch");

    tcase_add_loop_test(tests, a_clock_that_was_set_is_noticed, 0, COUNT(rows));
    tcase_add_test(tests, once);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
