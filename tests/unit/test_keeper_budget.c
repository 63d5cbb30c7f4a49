/* test_keeper_budget.c - what the token makes, and who has how many of its signatures. */
#include <string.h>

#include "../../src/keeper/asked.h"
#include "../../src/keeper/budget.h"
#include "avow/wire/type.h"
#include "support.h"

/* ---- the rate --------------------------------------------------------------------------------*/

static struct budget budget;
static uint64_t now_ms;

static void open_budget(void)
{
    memset(&budget, 0, sizeof budget);
    now_ms = 1000000;
}

/* A token that makes so many a second, so many at a time, for so long; idle in between. */
static void work(unsigned rate, unsigned at_once, unsigned ms, unsigned idle_ms)
{
    uint64_t end = now_ms + ms;

    while (now_ms < end) {
        budget_sent(&budget, at_once, now_ms);
        now_ms += 1000 * at_once / rate;
        budget_came(&budget, at_once, at_once, now_ms);
        budget_measure(&budget, now_ms);
        now_ms += idle_ms;
    }
}

static const struct {
    const char *what;
    unsigned rate, at_once, idle_ms;
} tokens[] = {
    {"a slow one", 13, 1, 0},     {"a slow one that has nothing to do now and then", 13, 2, 5000},
    {"a usual one", 250, 16, 0},  {"a usual one with little to do", 250, 1, 100},
    {"a fast one", 10000, 64, 0},
};

START_TEST(the_rate_is_that_of_a_token_at_work)
{
    work(tokens[_i].rate, tokens[_i].at_once, 60000, tokens[_i].idle_ms);
    unsigned expected = tokens[_i].rate * 60;
    ck_assert_msg(budget.rate > expected * 8 / 10 && budget.rate < expected * 12 / 10,
                  "%s: %u a minute, not %u", tokens[_i].what, budget.rate, expected);
    ck_assert_uint_eq(budget.under_way, 0);
}
END_TEST

START_TEST(the_rate_follows_the_token)
{
    work(1000, 16, 5000, 0);
    work(20, 2, 10000, 0);
    ck_assert_uint_lt(budget.rate, 2 * 20 * 60);
    work(1000, 16, 5000, 0);
    ck_assert_uint_gt(budget.rate, 1000 * 60 / 2);
}
END_TEST

START_TEST(what_fails_is_not_made)
{
    for (unsigned i = 0; i < 100; i++) {
        budget_sent(&budget, 10, now_ms);
        now_ms += 100;
        budget_came(&budget, 10, 1, now_ms);
        budget_measure(&budget, now_ms);
    }
    ck_assert_uint_gt(budget.rate, 500);
    ck_assert_uint_lt(budget.rate, 700);
}
END_TEST

/* A signer that hangs, and one that is gone. */
START_TEST(nothing_that_is_lost_counts_for_ever)
{
    work(1000, 16, 2000, 0);
    uint32_t before = budget.rate;
    budget_sent(&budget, 5, now_ms);
    budget_lost(&budget, now_ms);
    now_ms += 100000;
    budget_measure(&budget, now_ms);
    ck_assert_uint_eq(budget.rate, before);
    budget_sent(&budget, 5, now_ms);
    for (unsigned i = 0; i < 40; i++)
        budget_measure(&budget, now_ms += 1000);
    ck_assert_uint_eq(budget.rate, BUDGET_LEAST);
}
END_TEST

START_TEST(what_can_be_made_in_time)
{
    static const uint32_t of_ten[BACKGROUNDS] = {8, 8, 5, 1}; /* 7, 7, 4 and 1 of eight */

    ck_assert_uint_eq(budget_within(&budget, BACKGROUND_PRESSING, 800), UINT32_MAX);
    budget.rate = 13 * 60;
    for (unsigned i = 0; i < BACKGROUNDS; i++)
        ck_assert_uint_eq(budget_within(&budget, (enum budget_background)i, 800), of_ten[i]);
    ck_assert_uint_eq(budget_within(&budget, BACKGROUND_ROUTINE, 3000), 34);
    budget.rate = UINT32_MAX / 2;
    ck_assert_uint_eq(budget_within(&budget, BACKGROUND_NONE, UINT32_MAX), UINT32_MAX - 1);
}
END_TEST

/* ---- shares ----------------------------------------------------------------------------------*/

static const struct {
    const char *what;
    enum budget_background background;
    unsigned asked; /* of 800 signatures, those that queries asked for */
} shares[] = {
    {"nothing", BACKGROUND_NONE, 800},
    {"what can wait", BACKGROUND_ROUTINE, 700},
    {"what is waited for", BACKGROUND_WAITED, 400},
    {"what must not be late", BACKGROUND_PRESSING, 100},
};

/* A signer that does what is asked for before all else, as ours. */
START_TEST(the_background_has_its_share)
{
    unsigned asked = 0, background = 0;

    budget.rate = 13 * 60;
    while (asked + background < 800) {
        if (budget_may_ask(&budget, shares[_i].background, false)) {
            budget_ask(&budget, shares[_i].background);
            budget_asked_came(&budget);
            asked++;
        } else {
            ck_assert_uint_eq(budget.asked, 0);
            budget_background_came(&budget, shares[_i].background);
            background++;
        }
    }
    budget.asked = 0;
    budget.owed = 2 * BUDGET_SHARE;
    ck_assert(budget_may_ask(&budget, shares[_i].background, true)); /* an apex owes nothing */
    ck_assert_msg(asked + 8 >= shares[_i].asked && asked <= shares[_i].asked + 8, "%s: %u of 800",
                  shares[_i].what, asked);
}
END_TEST

static const struct {
    uint32_t sessions, rate, window;
} windows[] = {
    {1, 0, BUDGET_WINDOW_UNKNOWN},        {64, 0, 64},       {1, BUDGET_LEAST, BUDGET_WINDOW_LEAST},
    {1, 13 * 60, BUDGET_WINDOW_LEAST},    {16, 13 * 60, 16}, {16, 250 * 60, 25},
    {1, 1000000 * 60, BUDGET_WINDOW_MOST}};

/* Eight sessions with a token that takes 300 ms for each signature: a window of a tenth of a
 * second's work would leave more of them idle each time that the rate is worked out. */
START_TEST(a_token_far_away_is_kept_at_work)
{
    unsigned at_signer = 0;

    budget.sessions = 8;
    for (unsigned turn = 0; turn < 400; turn++, now_ms += 300) {
        unsigned made = at_signer < budget.sessions ? at_signer : budget.sessions;
        for (unsigned i = 0; i < made; i++)
            budget_asked_came(&budget);
        budget_came(&budget, made, made, now_ms);
        for (at_signer -= made; budget_may_ask(&budget, BACKGROUND_NONE, false); at_signer++) {
            budget_ask(&budget, BACKGROUND_NONE);
            budget_sent(&budget, 1, now_ms);
        }
        budget_measure(&budget, now_ms);
    }
    ck_assert_uint_gt(budget.rate, 8 * 1000 / 300 * 60 * 9 / 10);
}
END_TEST

START_TEST(the_signer_has_a_tenth_of_a_second_s_work)
{
    unsigned count = 0;

    budget.sessions = windows[_i].sessions;
    budget.rate = windows[_i].rate;
    for (; budget_may_ask(&budget, BACKGROUND_NONE, false); count++)
        budget_ask(&budget, BACKGROUND_NONE);
    ck_assert_uint_eq(count, windows[_i].window);
    budget_asked_came(&budget);
    ck_assert(budget_may_ask(&budget, BACKGROUND_NONE, false));
}
END_TEST

/* Changes without end: what must not be late has half of the signatures, what can wait has none. */
START_TEST(changes_leave_room_for_what_must_not_be_late)
{
    unsigned changes = 0, background = 0;

    for (unsigned i = 0; i < 1000; i++)
        if (budget_may_change(&budget, BACKGROUND_PRESSING)) {
            budget_change(&budget, 4, BACKGROUND_PRESSING);
            changes += 4;
        } else {
            budget_background_came(&budget, BACKGROUND_PRESSING);
            background++;
        }
    ck_assert_uint_le(changes, background + BUDGET_CHANGES + 4);
    ck_assert_uint_ge(changes + 4, background);
    budget_change(&budget, 4, BACKGROUND_ROUTINE);
    ck_assert(budget_may_change(&budget, BACKGROUND_ROUTINE));
    ck_assert(budget_may_change(&budget, BACKGROUND_PRESSING)); /* it was forgiven */
}
END_TEST

/* Of a round that was given up the signer still makes what it has: that took no time of ours. */
START_TEST(what_was_given_up_is_not_counted)
{
    budget.rate = 20 * 60;
    budget_sent(&budget, 200, 0);
    budget_lost(&budget, 8000);
    budget_measure(&budget, 8000);
    uint32_t before = budget.rate;
    for (unsigned i = 1; i <= 200; i++) {
        budget_came(&budget, 1, 1, 8000 + 50 * i);
        budget_measure(&budget, 8000 + 50 * i);
        ck_assert_uint_le(budget.rate, before);
    }
}
END_TEST

/* ---- whose turn it is ------------------------------------------------------------------------*/

enum { JOBS = 64, ZONES = 3 };

static struct asked asked;
static struct asked_lanes zones[ZONES];
static struct job jobs[JOBS];

static void open_asked(void)
{
    asked_open(&asked);
    memset(zones, 0, sizeof zones);
    memset(jobs, 0, sizeof jobs);
}

/* "1p 0u 2a": jobs of zones 1, 0 and 2, of the proven, the unproven and for an apex. */
static unsigned put_all(const char *line)
{
    unsigned count = 0;

    for (; *line; line += line[2] == ' ' ? 3 : 2, count++)
        asked_put(&asked, &zones[line[0] - '0'], &jobs[count],
                  line[1] == 'a'   ? ASKED_APEX
                  : line[1] == 'p' ? ASKED_PROVEN
                                   : ASKED_UNPROVEN);
    return count;
}

static const struct {
    const char *what, *line;
    unsigned order[8];
} turns[] = {
    {"in the order in which they came", "0u 0u 0u", {0, 1, 2}},
    {"the important first", "0u 0p 0a 0u 0p 0a", {2, 5, 1, 4, 0, 3}},
    {"zones take turns", "0u 0u 0u 0u 1u 2u 1u", {0, 4, 5, 1, 6, 2, 3}},
    {"of one class only", "0u 0u 1p 1p 0p", {2, 4, 3, 0, 1}},
};

START_TEST(goes_by_importance_and_zone)
{
    unsigned count = put_all(turns[_i].line);

    ck_assert_uint_eq(asked_count(&asked), count);
    for (unsigned i = 0; i < count; i++) {
        struct job *job = asked_first(&asked);
        ck_assert_msg(job == &jobs[turns[_i].order[i]], "%s: %u", turns[_i].what, i);
        asked_remove(&asked, job);
        asked_remove(&asked, job); /* once more does no harm */
    }
    ck_assert_ptr_null(asked_first(&asked));
    ck_assert_uint_eq(asked_count(&asked), 0);
    for (unsigned class = 0; class < ASKED_CLASSES; class ++)
        ck_assert_uint_eq(asked.busy[class], 0);
}
END_TEST

START_TEST(leaves_from_anywhere_and_is_raised)
{
    put_all("0u 0u 0u 1u");
    asked_remove(&asked, &jobs[1]);
    asked_raise(&asked, &zones[0], &jobs[2], ASKED_UNPROVEN); /* is there already */
    ck_assert_ptr_eq(asked_first(&asked), &jobs[0]);
    asked_raise(&asked, &zones[0], &jobs[2], ASKED_PROVEN);
    asked_raise(&asked, &zones[0], &jobs[2], ASKED_UNPROVEN); /* never back */
    ck_assert_ptr_eq(asked_first(&asked), &jobs[2]);
    asked_remove(&asked, &jobs[2]);
    asked_raise(&asked, &zones[0], &jobs[2], ASKED_APEX); /* is in no lane */
    asked_remove(&asked, &jobs[0]);
    ck_assert_ptr_eq(asked_first(&asked), &jobs[3]);
    ck_assert_uint_eq(asked_count(&asked), 1);
}
END_TEST

static const struct {
    const char *what, *line;
    unsigned zone;
    enum asked_class class;
    uint32_t within;
    bool admitted;
} admissions[] = {
    {"nobody waits", "", 0, ASKED_UNPROVEN, 4, true},
    {"nobody waits, and the token makes none in time", "", 0, ASKED_UNPROVEN, 0, true},
    {"room for one more", "0u 0u 0u", 0, ASKED_UNPROVEN, 4, true},
    {"no room", "0u 0u 0u 0u", 0, ASKED_UNPROVEN, 4, false},
    {"another zone", "0u 0u 0u 0u", 1, ASKED_UNPROVEN, 4, true},
    {"half for each of two", "0u 0u 1u", 0, ASKED_UNPROVEN, 4, false},
    {"behind others", "0p 0p 0p 0p", 0, ASKED_UNPROVEN, 4, false},
    {"behind others, from another zone", "0p 0p 0p 0p", 1, ASKED_UNPROVEN, 4, false},
    {"behind more than can be made", "0p 0p 0p 0p 0p 0u", 0, ASKED_UNPROVEN, 4, false},
    {"before others", "0u 0u 0u 0u", 0, ASKED_PROVEN, 4, true},
    {"nobody knows what the token makes", "0u 0u 0u 0u", 0, ASKED_UNPROVEN, UINT32_MAX, true},
    {"the apex", "0a 0a 0a 0a", 0, ASKED_APEX, 0, true},
};

START_TEST(as_many_as_can_be_made_in_time)
{
    put_all(admissions[_i].line);
    ck_assert_msg(asked_admits(&asked, &zones[admissions[_i].zone], admissions[_i].class,
                               admissions[_i].within) == admissions[_i].admitted,
                  "%s", admissions[_i].what);
}
END_TEST

static bool admits_class(enum asked_class class)
{
    return asked_admits(&asked, &zones[0], class, UINT32_MAX);
}

/* There is an end to it, and those who do not matter much come to it first. */
START_TEST(the_less_important_leave_room)
{
    asked.counts[ASKED_UNPROVEN] = ASKED_MOST / 2;
    ck_assert(!admits_class(ASKED_UNPROVEN) && admits_class(ASKED_PROVEN));
    asked.counts[ASKED_PROVEN] = ASKED_MOST / 4;
    ck_assert(!admits_class(ASKED_PROVEN) && admits_class(ASKED_APEX));
    asked.counts[ASKED_APEX] = ASKED_MOST / 4;
    ck_assert(!admits_class(ASKED_APEX));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("keeper/budget");
    TCase *rates = tcase_create("rates"), *turns_ = tcase_create("turns");

    tcase_add_checked_fixture(rates, open_budget, NULL);
    tcase_add_loop_test(rates, the_rate_is_that_of_a_token_at_work, 0, COUNT(tokens));
    tcase_add_test(rates, the_rate_follows_the_token);
    tcase_add_test(rates, what_fails_is_not_made);
    tcase_add_test(rates, nothing_that_is_lost_counts_for_ever);
    tcase_add_test(rates, what_can_be_made_in_time);
    tcase_add_loop_test(rates, the_background_has_its_share, 0, COUNT(shares));
    tcase_add_test(rates, a_token_far_away_is_kept_at_work);
    tcase_add_loop_test(rates, the_signer_has_a_tenth_of_a_second_s_work, 0, COUNT(windows));
    tcase_add_test(rates, changes_leave_room_for_what_must_not_be_late);
    tcase_add_test(rates, what_was_given_up_is_not_counted);
    tcase_add_checked_fixture(turns_, open_asked, NULL);
    tcase_add_loop_test(turns_, goes_by_importance_and_zone, 0, COUNT(turns));
    tcase_add_test(turns_, leaves_from_anywhere_and_is_raised);
    tcase_add_loop_test(turns_, as_many_as_can_be_made_in_time, 0, COUNT(admissions));
    tcase_add_test(turns_, the_less_important_leave_room);
    suite_add_tcase(suite, rates);
    suite_add_tcase(suite, turns_);
    return run_suite(suite);
}
