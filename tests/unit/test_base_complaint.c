/* test_base_complaint.c - complaints are counted, and their text points at the right place. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "avow/base/complaint.h"

static const struct {
    const char *what;
    struct complaint complaint;
    const char *text;
} rows[] = {
    {"only a sentence", {.what = "no"}, "error: no"},
    {"a file", {.file = "a.zone", .what = "no"}, "a.zone: error: no"},
    {"a line", {.file = "a.zone", .line = 7, .what = "no"}, "a.zone:7: error: no"},
    {"a column", {.file = "a.zone", .line = 7, .column = 3, .what = "no"}, "a.zone:7:3: error: no"},
    {"a column without a line", {.file = "f", .column = 3, .what = "no"}, "f: error: no"},
    {"a warning", {.weight = COMPLAINT_WARNING, .file = "f", .what = "no"}, "f: warning: no"},
    {"a note", {.weight = COMPLAINT_NOTE, .file = "f", .what = "no"}, "f: note: no"},
    {"a caret",
     {.file = "f", .line = 12, .column = 3, .excerpt = "abcd", .what = "no"},
     "f:12:3: error: no\n   12 | abcd\n      |   ^"},
    {"a caret of three octets",
     {.file = "f", .line = 1, .column = 1, .width = 3, .excerpt = "abcd", .what = "no"},
     "f:1:1: error: no\n    1 | abcd\n      | ^~~"},
    {"a tab before the caret",
     {.file = "f", .line = 1, .column = 4, .excerpt = "a\tbc", .what = "no"},
     "f:1:4: error: no\n    1 | a\tbc\n      |  \t ^"},
    {"a column behind the line",
     {.file = "f", .line = 1, .column = 9, .excerpt = "ab", .what = "no"},
     "f:1:9: error: no\n    1 | ab\n      |   ^"},
    {"an excerpt without a column",
     {.file = "f", .line = 1, .excerpt = "ab", .what = "no"},
     "f:1: error: no"},
    {"formatting characters", {.file = "%s", .what = "%n%s"}, "%s: error: %n%s"},
};

START_TEST(makes_text)
{
    char text[256];
    size_t needed = complaint_text(&rows[_i].complaint, text, sizeof text);

    ck_assert_msg(strcmp(text, rows[_i].text) == 0, "%s: %s", rows[_i].what, text);
    ck_assert_msg(needed == strlen(text), "%s: length", rows[_i].what);
}
END_TEST

/* As snprintf: cut to the room, ended by a NUL, and the length that was needed comes back. */
START_TEST(cuts_text_to_the_room)
{
    size_t needed = strlen(rows[_i].text);

    for (size_t size = 0; size <= needed + 1; size++) {
        char *text = (char *)exact_copy((char[256]){0}, size);
        ck_assert_uint_eq(complaint_text(&rows[_i].complaint, text, size), needed);
        if (size > 0) {
            ck_assert_uint_eq(strlen(text), size - 1);
            ck_assert_mem_eq(text, rows[_i].text, size - 1);
        }
        free(text);
    }
}
END_TEST

static void count_one(void *context, const struct complaint *complaint)
{
    if (complaint->what)
        (*(unsigned *)context)++;
}

START_TEST(counts_and_passes_on)
{
    unsigned taken = 0;
    struct complaints complaints = {.take = count_one, .context = &taken};

    complain(&complaints, &(struct complaint){.weight = COMPLAINT_ERROR, .what = "a"});
    complain(&complaints, &(struct complaint){.weight = COMPLAINT_WARNING, .what = "b"});
    complain(&complaints, &(struct complaint){.weight = COMPLAINT_WARNING, .what = "c"});
    complain(&complaints, &(struct complaint){.weight = COMPLAINT_NOTE, .what = "d"});
    ck_assert_uint_eq(taken, 4);
    ck_assert_uint_eq(complaints.errors, 1);
    ck_assert_uint_eq(complaints.warnings, 2);
}
END_TEST

START_TEST(gives_up_at_the_limit)
{
    struct complaints complaints = {.limit = (uint32_t)_i};
    unsigned limit = _i ? (unsigned)_i : 100;

    for (unsigned i = 0; i < limit; i++) {
        ck_assert(!complaints_exhausted(&complaints));
        complain(&complaints, &(struct complaint){.weight = COMPLAINT_WARNING, .what = "w"});
        complain(&complaints, &(struct complaint){.weight = COMPLAINT_ERROR, .what = "e"});
    }
    ck_assert(complaints_exhausted(&complaints));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base/complaint");
    TCase *complaint = tcase_create("complaint");

    tcase_add_loop_test(complaint, makes_text, 0, COUNT(rows));
    tcase_add_loop_test(complaint, cuts_text_to_the_room, 0, COUNT(rows));
    tcase_add_test(complaint, counts_and_passes_on);
    tcase_add_loop_test(complaint, gives_up_at_the_limit, 0, 3);
    suite_add_tcase(suite, complaint);
    return run_suite(suite);
}
