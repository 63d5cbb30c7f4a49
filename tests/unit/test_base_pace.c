/* test_base_pace.c - what counts as progress of somebody who is sent something. */
#include "support.h"

#include "avow/base/pace.h"

START_TEST(all_that_was_unsent_is_progress)
{
    struct pace pace = {0};

    ck_assert(!pace_adds(&pace, 0));
    ck_assert(pace_adds(&pace, 100));
    ck_assert(!pace_takes(&pace, 99, 1));
    ck_assert(pace_takes(&pace, 1, 0));
    ck_assert(pace_adds(&pace, 1));
}
END_TEST

/* What is added while it waits is not due yet, and does not begin the wait anew. */
START_TEST(what_comes_later_is_not_due_yet)
{
    struct pace pace = {0};

    ck_assert(pace_adds(&pace, 100));
    ck_assert(!pace_adds(&pace, 5000));
    ck_assert(!pace_takes(&pace, 99, 4901));
    ck_assert(pace_takes(&pace, 1, 4900));
    ck_assert(!pace_takes(&pace, 4899, 1)); /* now those are */
    ck_assert(pace_takes(&pace, 1, 0));
}
END_TEST

/* Of much unsent a part is enough: the least rate is PACE_OCTETS in the time that is given. */
START_TEST(of_much_a_part_is_progress)
{
    struct pace pace = {0};
    size_t unsent = 100 * (size_t)PACE_OCTETS;

    ck_assert(pace_adds(&pace, unsent));
    for (unsigned i = 0; i < 99; i++) {
        ck_assert(!pace_takes(&pace, PACE_OCTETS - 1, unsent -= PACE_OCTETS - 1));
        ck_assert(pace_takes(&pace, 1, --unsent));
    }
    ck_assert(pace_takes(&pace, unsent, 0));
}
END_TEST

START_TEST(nothing_is_no_progress)
{
    struct pace pace = {0};

    ck_assert(pace_adds(&pace, 100));
    for (unsigned i = 0; i < 1000; i++)
        ck_assert(!pace_takes(&pace, 0, 100));
    for (unsigned i = 1; i < 100; i++)
        ck_assert(!pace_takes(&pace, 1, 100 - i)); /* octet by octet */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base/pace");
    TCase *tests = tcase_create("pace");

    tcase_add_test(tests, all_that_was_unsent_is_progress);
    tcase_add_test(tests, what_comes_later_is_not_due_yet);
    tcase_add_test(tests, of_much_a_part_is_progress);
    tcase_add_test(tests, nothing_is_no_progress);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
