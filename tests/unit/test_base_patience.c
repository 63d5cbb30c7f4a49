/* test_base_patience.c - clients are waited for as long as there is room, then for less. */
#include "support.h"

#include "avow/base/patience.h"
#include "avow/base/result.h"

static const struct {
    const char *what;
    uint64_t full_ms;
    uint32_t open, places;
    uint64_t expected_ms;
} rows[] = {
    {"nobody", 10000, 0, 1000, 10000},
    {"half", 10000, 500, 1000, 10000},
    {"three quarters", 10000, 750, 1000, 5500},
    {"all but one", 10000, 999, 1000, 1018},
    {"all", 10000, 1000, 1000, 1000},
    {"more than there may be, after a reload", 10000, 2000, 1000, 1000},
    {"one place, free", 10000, 0, 1, 10000},
    {"one place, taken", 10000, 1, 1, 1000},
    {"an odd number of places", 10000, 3, 5, 7000},
    {"a second", 1000, 1000, 1000, 1000},
    {"less than a second", 300, 1000, 1000, 300},
    {"an hour, and many", 3600000, 75000, 100000, 1800500},
};

START_TEST(patience_falls_when_most_places_are_taken)
{
    ck_assert_msg(
        patience_ms(rows[_i].full_ms, rows[_i].open, rows[_i].places) == rows[_i].expected_ms,
        "%s: %llu ms", rows[_i].what,
        (unsigned long long)patience_ms(rows[_i].full_ms, rows[_i].open, rows[_i].places));
}
END_TEST

START_TEST(it_never_grows_with_their_number)
{
    for (uint32_t places = 1; places < 60; places++) {
        for (uint32_t open = 0; open <= places; open++)
            ck_assert_uint_le(patience_ms(9999, open + 1, places), patience_ms(9999, open, places));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base/patience");
    TCase *tests = tcase_create("patience");

    tcase_add_loop_test(tests, patience_falls_when_most_places_are_taken, 0, COUNT(rows));
    tcase_add_test(tests, it_never_grows_with_their_number);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
