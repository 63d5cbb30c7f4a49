/* test_base_log.c - what is written, what is dropped, cut, replaced and held back. */
#include "support.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "avow/base/log.h"

enum { STAMP_OCTETS = 25 }; /* 2026-01-31T23:59:59.999Z and a space */

/* One end of a pipe takes what is logged, the other is read by the test. */
static int begin(enum log_level level)
{
    int ends[2];

    ck_assert_int_eq(pipe2(ends, O_NONBLOCK), 0);
    log_open("room", level, ends[1]);
    return ends[0];
}

/* Everything that has been logged, as a string. */
static size_t logged(int descriptor, char *text, size_t size)
{
    ssize_t length = read(descriptor, text, size - 1);
    if (length < 0)
        length = 0;
    text[length] = '\0';
    return (size_t)length;
}

START_TEST(writes_one_line)
{
    char text[4096];
    int from = begin(LOG_LEVEL_INFO);

    log_info("zone %s has %d names", "example.", 7);
    size_t length = logged(from, text, sizeof text);
    ck_assert_str_eq(text + STAMP_OCTETS, "info: room: zone example. has 7 names\n");
    ck_assert_uint_eq(length, STAMP_OCTETS + 38);
    int year, month, day, hour, minute, second, ms;
    ck_assert_int_eq(sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ ", &year, &month, &day, &hour,
                            &minute, &second, &ms),
                     7);
    ck_assert_int_ge(year, 2024);
    ck_assert_int_eq(text[STAMP_OCTETS - 2], 'Z');
}
END_TEST

START_TEST(drops_what_is_above_the_level)
{
    static const char *const words[] = {"error: ", "warning: ", "info: ", "debug: "};
    char text[4096];
    int from = begin((enum log_level)_i);

    for (int set = 0; set < 2; set++) {
        log_error("a");
        log_warning("a");
        log_info("a");
        log_debug("a");
        (void)logged(from, text, sizeof text);
        for (int level = 0; level <= LOG_LEVEL_DEBUG; level++) {
            ck_assert_int_eq(strstr(text, words[level]) != NULL, level <= _i);
            ck_assert_int_eq(log_wants((enum log_level)level), level <= _i);
        }
        log_set_level(LOG_LEVEL_DEBUG);
        log_set_level((enum log_level)_i);
    }
}
END_TEST

START_TEST(cuts_long_lines)
{
    char text[3 * LOG_LINE_OCTETS], *body = malloc(2 * LOG_LINE_OCTETS);
    int from = begin(LOG_LEVEL_INFO);

    ck_assert_ptr_nonnull(body);
    for (size_t size = LOG_LINE_OCTETS - 64; size < LOG_LINE_OCTETS + 8; size++) {
        memset(body, 'x', size);
        body[size] = '\0';
        log_info("%s", body);
        size_t length = logged(from, text, sizeof text), whole = STAMP_OCTETS + 12 + size + 1;
        ck_assert_uint_eq(length, whole < LOG_LINE_OCTETS ? whole : LOG_LINE_OCTETS - 1);
        ck_assert_int_eq(text[length - 1], '\n');
        ck_assert_ptr_eq(strchr(text, '\n'), text + length - 1);
        ck_assert_ptr_null(memchr(text, '\0', length));
        ck_assert_int_eq(text[length - 2], 'x');
    }
    free(body);
}
END_TEST

START_TEST(lets_no_control_character_through)
{
    char text[4096], body[256];
    int from = begin(LOG_LEVEL_INFO);

    for (unsigned i = 1; i < 256; i++)
        body[i - 1] = (char)i;
    body[255] = '\0';
    log_error("%s", body);
    size_t length = logged(from, text, sizeof text);
    ck_assert_uint_eq(length, STAMP_OCTETS + 13 + 255 + 1);
    for (unsigned i = 1; i < 256; i++) {
        char expected = i < 0x20 || i == 0x7f ? '?' : (char)i;
        ck_assert_msg(text[STAMP_OCTETS + 13 + i - 1] == expected, "octet %u", i);
    }
    ck_assert_int_eq(text[length - 1], '\n');
}
END_TEST

START_TEST(takes_an_empty_line)
{
    char text[4096];
    int from = begin(LOG_LEVEL_INFO);

    log_warning("%s", "");
    (void)logged(from, text, sizeof text);
    ck_assert_str_eq(text + STAMP_OCTETS, "warning: room: \n");
}
END_TEST

static unsigned lines_in(const char *text)
{
    unsigned lines = 0;
    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

START_TEST(holds_back_and_says_so)
{
    struct log_budget budget = {.spent = 0};
    char text[4096];
    int from = begin(LOG_LEVEL_INFO);
    uint64_t now = 1000000;

    for (unsigned i = 0; i < 10; i++) {
        ck_assert_int_eq(log_has_room(&budget, 3, now + i), i < 3);
        log_limited(&budget, 3, now + i, "bad packet %u", i);
    }
    (void)logged(from, text, sizeof text);
    ck_assert_uint_eq(lines_in(text), 3);
    ck_assert_ptr_nonnull(strstr(text, "warning: room: bad packet 2\n"));
    ck_assert_ptr_null(strstr(text, "bad packet 3"));

    ck_assert(!log_has_room(&budget, 3, now + 59999) && log_has_room(&budget, 3, now + 60000));
    log_limited(&budget, 3, now + 59999, "still the same minute");
    ck_assert_uint_eq(logged(from, text, sizeof text), 0);

    log_limited(&budget, 3, now + 60000, "a new minute");
    (void)logged(from, text, sizeof text);
    ck_assert_uint_eq(lines_in(text), 2);
    ck_assert_ptr_nonnull(strstr(text, "8 similar lines were held back\n"));
    ck_assert_ptr_nonnull(strstr(text, "a new minute\n"));

    log_limited(&budget, 3, now + 120000, "nothing was held back");
    (void)logged(from, text, sizeof text);
    ck_assert_uint_eq(lines_in(text), 1);
}
END_TEST

START_TEST(holds_back_all_with_a_budget_of_none)
{
    struct log_budget budget = {.spent = 0};
    char text[4096];
    int from = begin(LOG_LEVEL_INFO);

    ck_assert(!log_has_room(&budget, 0, 5) && !log_has_room(&budget, 0, 120000));
    log_limited(&budget, 0, 5, "never");
    ck_assert_uint_eq(logged(from, text, sizeof text), 0);
    ck_assert_uint_eq(budget.suppressed, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base/log");
    TCase *log = tcase_create("log");

    tcase_add_test(log, writes_one_line);
    tcase_add_loop_test(log, drops_what_is_above_the_level, LOG_LEVEL_ERROR, LOG_LEVEL_DEBUG + 1);
    tcase_add_test(log, cuts_long_lines);
    tcase_add_test(log, lets_no_control_character_through);
    tcase_add_test(log, takes_an_empty_line);
    tcase_add_test(log, holds_back_and_says_so);
    tcase_add_test(log, holds_back_all_with_a_budget_of_none);
    suite_add_tcase(suite, log);
    return run_suite(suite);
}
