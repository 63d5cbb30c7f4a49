/* test_wire_name_text.c - names as people write them, and as we write them for people. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "avow/wire/name.h"
#include "names.h"

static const struct {
    const char *what, *text, *origin;
    enum result result;
    size_t length;
    const char *octets; /* without the root label */
} rows[] = {
    {"the root", ".", NULL, RESULT_OK, 1, ""},
    {"absolute", "www.example.", NULL, RESULT_OK, 13, "\3www\7example"},
    {"case is kept", "WwW.", NULL, RESULT_OK, 5, "\3WwW"},
    {"relative", "www", "example.", RESULT_OK, 13, "\3www\7example"},
    {"relative to the root", "www", ".", RESULT_OK, 5, "\3www"},
    {"relative without origin", "www", NULL, RESULT_FORMAT, 0, ""},
    {"absolute beside an origin", "www.", "example.", RESULT_OK, 5, "\3www"},
    {"a dot escaped", "a\\.b.", NULL, RESULT_OK, 5, "\3a.b"},
    {"the last dot escaped", "a\\.", "example.", RESULT_OK, 12, "\2a.\7example"},
    {"a backslash escaped, then a dot", "a\\\\.", NULL, RESULT_OK, 4, "\2a\\"},
    {"an octet by number", "\\097\\255.", NULL, RESULT_OK, 4, "\2a\377"},
    {"a letter escaped", "\\a.", NULL, RESULT_OK, 3, "\1a"},
    {"a space unescaped", "a b.", NULL, RESULT_OK, 5, "\3a b"},
    {"at is not special", "@.", NULL, RESULT_OK, 3, "\1@"},
    {"number too large", "\\256.", NULL, RESULT_FORMAT, 0, ""},
    {"number of two digits", "\\25", "example.", RESULT_FORMAT, 0, ""},
    {"number of two digits and a letter", "\\25a.", NULL, RESULT_FORMAT, 0, ""},
    {"nothing behind the backslash", "a\\", "example.", RESULT_FORMAT, 0, ""},
    {"empty", "", "example.", RESULT_FORMAT, 0, ""},
    {"empty first label", ".a.", NULL, RESULT_FORMAT, 0, ""},
    {"empty inner label", "a..b.", NULL, RESULT_FORMAT, 0, ""},
    {"empty last label", "a..", NULL, RESULT_FORMAT, 0, ""},
    {"two dots", "..", NULL, RESULT_FORMAT, 0, ""},
};

START_TEST(reads_text)
{
    char *text = (char *)exact_copy(rows[_i].text, strlen(rows[_i].text));
    struct name name, origin;

    if (rows[_i].origin)
        origin = name_of(rows[_i].origin);
    enum result result =
        name_from_text(text, strlen(rows[_i].text), rows[_i].origin ? &origin : NULL, &name);
    ck_assert_msg(result == rows[_i].result, "%s: %s", rows[_i].what, result_sentence(result));
    if (!result) {
        ck_assert_msg(name.length == rows[_i].length, "%s: length", rows[_i].what);
        ck_assert_msg(memcmp(name.octets, rows[_i].octets, name.length) == 0, "%s: octets",
                      rows[_i].what);
        struct reader reader = reader_over(name.octets, name.length);
        struct name again;
        name_read_plain(&reader, &again);
        ck_assert_msg(!reader.failed && again.labels == name.labels, "%s: labels", rows[_i].what);
    }
    free(text);
}
END_TEST

START_TEST(reads_an_octet_zero)
{
    struct name name;

    ck_assert_int_eq(name_from_text("a\0b.", 4, NULL, &name), RESULT_OK);
    ck_assert_mem_eq(name.octets, "\3a\0b", 5);
}
END_TEST

START_TEST(makes_strings_absolute)
{
    struct name name, other = name_of("www.example.");

    ck_assert_int_eq(name_from_string("www.example", &name), RESULT_OK);
    ck_assert(name_equal(&name, &other));
    ck_assert_int_eq(name_from_string("", &name), RESULT_FORMAT);
    ck_assert_int_eq(name_from_string(".", &name), RESULT_OK);
    ck_assert_uint_eq(name.length, 1);
}
END_TEST

static const struct {
    const char *what;
    unsigned labels, size, last; /* as labels_put */
    unsigned origin;             /* octets of the origin's one label; 0: absolute */
    enum result result;
} sizes[] = {
    {"label of 63 octets", 1, 63, 0, 0, RESULT_OK},
    {"label of 64 octets", 1, 64, 0, 0, RESULT_FORMAT},
    {"last label of 64 octets, relative", 1, 64, 0, 1, RESULT_FORMAT},
    {"255 octets", 3, 63, 61, 0, RESULT_OK},
    {"256 octets", 3, 63, 62, 0, RESULT_FULL},
    {"257 octets", 3, 63, 63, 0, RESULT_FULL},
    {"255 octets with the origin", 3, 63, 0, 61, RESULT_OK},
    {"256 octets with the origin", 3, 63, 0, 62, RESULT_FULL},
    {"255 octets, a root origin to come", 3, 63, 62, 1, RESULT_FULL},
    {"127 labels", 127, 1, 0, 0, RESULT_OK},
    {"128 labels", 128, 1, 0, 0, RESULT_FULL},
    {"126 labels and the origin", 126, 1, 0, 1, RESULT_OK},
    {"127 labels and the origin", 127, 1, 0, 1, RESULT_FULL},
};

START_TEST(reads_up_to_the_limits)
{
    uint8_t octets[512];
    char text[512];
    size_t length = labels_put(octets, sizes[_i].labels, sizes[_i].size, sizes[_i].last) - 1;
    struct name name, origin;

    /* The octets with dots for lengths: first label's length left out, a dot at the end. */
    for (size_t at = 0; at < length; at += octets[at] + 1U) {
        memcpy(text + at, octets + at + 1, octets[at]);
        text[at + octets[at]] = '.';
    }
    if (sizes[_i].origin) {
        uint8_t space[80];
        struct reader reader = reader_over(space, labels_put(space, 1, sizes[_i].origin, 0));
        name_read(&reader, &origin);
        ck_assert(!reader.failed);
        length--;
    }
    enum result result = name_from_text(text, length, sizes[_i].origin ? &origin : NULL, &name);
    ck_assert_msg(result == sizes[_i].result, "%s: %s", sizes[_i].what, result_sentence(result));
}
END_TEST

static const struct {
    const char *what;
    size_t length;
    const char *octets, *text;
} written[] = {
    {"the root", 1, "", "."},
    {"labels", 13, "\3wWw\7example", "wWw.example."},
    {"what a master file gives a meaning", 10, "\x08.\\\";()@$", "\\.\\\\\\\"\\;\\(\\)\\@\\$."},
    {"spaces and control characters", 6, "\4 \0\t\x7f", "\\032\\000\\009\\127."},
    {"beyond ASCII", 4, "\2\x80\xff", "\\128\\255."},
    {"the first and last printable", 4, "\2!~", "!~."},
    {"a wildcard", 4, "\2*-", "*-."},
};

START_TEST(writes_text)
{
    struct reader reader = reader_over(written[_i].octets, written[_i].length);
    struct name name, again;
    char text[NAME_MAX_TEXT];

    name_read_plain(&reader, &name);
    ck_assert_msg(!reader.failed, "%s", written[_i].what);
    ck_assert_ptr_eq(name_to_text(&name, text), text);
    ck_assert_msg(strcmp(text, written[_i].text) == 0, "%s: %s", written[_i].what, text);
    ck_assert_int_eq(name_from_string(text, &again), RESULT_OK);
    ck_assert_mem_eq(again.octets, name.octets, name.length);
}
END_TEST

START_TEST(writes_the_longest_text)
{
    uint8_t octets[300];
    size_t length = labels_put(octets, 3, 63, 61);
    struct name name, again;
    char *text = (char *)exact_copy((char[NAME_MAX_TEXT]){0}, NAME_MAX_TEXT);

    for (size_t at = 0; octets[at]; at += octets[at] + 1U)
        memset(octets + at + 1, 0xff, octets[at]);
    struct reader reader = reader_over(octets, length);
    name_read_plain(&reader, &name);
    ck_assert(!reader.failed);
    (void)name_to_text(&name, text);
    ck_assert_uint_eq(strlen(text), 250 * 4 + 4);
    ck_assert_int_eq(name_from_string(text, &again), RESULT_OK);
    ck_assert_mem_eq(again.octets, octets, length);
    free(text);
}
END_TEST

START_TEST(reads_what_it_writes)
{
    uint64_t state = 1;

    for (unsigned i = 0; i < 20000; i++) {
        struct name name, again;
        char text[NAME_MAX_TEXT];
        random_name(&state, &name);
        ck_assert_int_eq(name_from_string(name_to_text(&name, text), &again), RESULT_OK);
        ck_assert_uint_eq(again.length, name.length);
        ck_assert_uint_eq(again.labels, name.labels);
        ck_assert_mem_eq(again.octets, name.octets, name.length);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("wire/name_text");
    TCase *text = tcase_create("text");

    tcase_add_loop_test(text, reads_text, 0, COUNT(rows));
    tcase_add_test(text, reads_an_octet_zero);
    tcase_add_test(text, makes_strings_absolute);
    tcase_add_loop_test(text, reads_up_to_the_limits, 0, COUNT(sizes));
    tcase_add_loop_test(text, writes_text, 0, COUNT(written));
    tcase_add_test(text, writes_the_longest_text);
    tcase_add_test(text, reads_what_it_writes);
    suite_add_tcase(suite, text);
    return run_suite(suite);
}
