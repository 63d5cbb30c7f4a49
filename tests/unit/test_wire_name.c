/* test_wire_name.c - which names are accepted, where reading stops, and how names compare. */
#include "support.h"

#include <stdlib.h>

#include "avow/wire/name.h"
#include "names.h"

static const struct {
    const char *what;
    size_t size, at; /* octets in the message; where the name begins */
    uint8_t message[16];
    size_t length; /* of the name, 0 when reading must fail */
    size_t behind; /* where the reader must stand afterwards */
    unsigned labels;
    size_t plain; /* length when pointers are errors, 0 when that must fail */
} rows[] = {
    {"the root", 1, 0, {0}, 1, 1, 0, 1},
    {"one label", 3, 0, {1, 'a', 0}, 3, 3, 1, 3},
    {"something behind", 4, 0, {1, 'a', 0, 7}, 3, 3, 1, 3},
    {"two labels", 6, 0, {1, 'a', 2, 'b', 'c', 0}, 6, 6, 2, 6},
    {"a pointer backwards", 5, 3, {1, 'a', 0, 0xc0, 0}, 3, 5, 1, 0},
    {"a label, then a pointer", 7, 3, {1, 'a', 0, 1, 'b', 0xc0, 0}, 5, 7, 2, 0},
    {"a pointer to a root", 6, 3, {1, 'a', 0, 0xc0, 2}, 1, 5, 0, 0},
    {"a pointer to a pointer", 7, 5, {1, 'a', 0, 0xc0, 0, 0xc0, 3}, 3, 7, 1, 0},
    {"a pointer into a label", 6, 4, {2, 1, 'a', 0, 0xc0, 1}, 3, 6, 1, 0},
    {"a pointer to itself", 2, 0, {0xc0, 0}, 0, 0, 0, 0},
    {"a pointer forwards", 5, 0, {0xc0, 2, 1, 'a', 0}, 0, 0, 0, 0},
    {"a pointer to its own label", 4, 0, {1, 'a', 0xc0, 0}, 0, 0, 0, 0},
    {"a pointer into its own label", 5, 0, {2, 'a', 0, 0xc0, 2}, 0, 0, 0, 0},
    {"two pointers in a circle", 6, 2, {0xc0, 2, 1, 'a', 0xc0, 0}, 0, 0, 0, 0},
    {"labels that run over the pointer", 5, 3, {1, 'a', 1, 0xc0, 0}, 5, 5, 2, 0},
    {"labels that lead to the pointer", 4, 2, {1, 'a', 0xc0, 0}, 0, 0, 0, 0},
    {"a pointer past the end", 4, 0, {0xc0, 9, 0, 0}, 0, 0, 0, 0},
    {"half a pointer", 1, 0, {0xc0}, 0, 0, 0, 0},
    {"half a pointer after a label", 3, 0, {1, 'a', 0xc0}, 0, 0, 0, 0},
    {"a label past the end", 3, 0, {5, 'a', 'b'}, 0, 0, 0, 0},
    {"a label up to the end", 3, 0, {2, 'a', 'b'}, 0, 0, 0, 0},
    {"no root label", 2, 0, {1, 'a'}, 0, 0, 0, 0},
    {"nothing", 0, 0, {0}, 0, 0, 0, 0},
    {"label type 01", 2, 0, {0x41, 0}, 0, 0, 0, 0},
    {"label type 10", 2, 0, {0x80, 0}, 0, 0, 0, 0},
    {"label of 64 octets", 2, 0, {64, 0}, 0, 0, 0, 0},
    {"label type 01 behind a pointer", 4, 2, {0x41, 0, 0xc0, 0}, 0, 0, 0, 0},
};

START_TEST(reads_a_name)
{
    uint8_t *octets = exact_copy(rows[_i].message, rows[_i].size);
    struct reader message = reader_over(octets, rows[_i].size);
    struct name name;

    reader_take(&message, rows[_i].at);
    name_read(&message, &name);

    ck_assert_msg(message.failed == (rows[_i].length == 0), "%s: failed?", rows[_i].what);
    if (!message.failed) {
        ck_assert_msg(name.length == rows[_i].length, "%s: length", rows[_i].what);
        ck_assert_msg(name.labels == rows[_i].labels, "%s: labels", rows[_i].what);
        ck_assert_msg(message.at == octets + rows[_i].behind, "%s: reader", rows[_i].what);
    } else {
        ck_assert_msg(name.length == 1 && name.octets[0] == 0, "%s: not the root", rows[_i].what);
    }
    free(octets);
}
END_TEST

START_TEST(reads_a_plain_name)
{
    uint8_t *octets = exact_copy(rows[_i].message, rows[_i].size);
    struct reader message = reader_over(octets, rows[_i].size);
    struct name name;

    reader_take(&message, rows[_i].at);
    name_read_plain(&message, &name);

    ck_assert_msg(message.failed == (rows[_i].plain == 0), "%s: failed?", rows[_i].what);
    if (!message.failed)
        ck_assert_msg(name.length == rows[_i].plain, "%s: length", rows[_i].what);
    free(octets);
}
END_TEST

/* Sizes at the limits: labels of one size and a last one. */
static const struct {
    const char *what;
    unsigned labels, size, last;
    bool good;
} sizes[] = {
    {"a label of 63 octets", 1, 63, 0, true},
    {"a label of 64 octets", 1, 64, 0, false},
    {"255 octets", 3, 63, 61, true},
    {"256 octets", 3, 63, 62, false},
    {"four labels of 63 octets", 4, 63, 0, false},
    {"63 labels", 63, 1, 0, true},
    {"64 labels", 64, 1, 0, true},
    {"126 labels and one of two octets", 126, 1, 2, false},
    {"127 labels, 255 octets", 127, 1, 0, true},
    {"128 labels", 128, 1, 0, false},
    {"a thousand labels", 1000, 1, 0, false},
};

START_TEST(reads_up_to_the_limits)
{
    uint8_t space[4096];
    size_t size = labels_put(space, sizes[_i].labels, sizes[_i].size, sizes[_i].last);
    uint8_t *octets = exact_copy(space, size);
    struct reader message = reader_over(octets, size);
    struct name name;

    name_read(&message, &name);
    ck_assert_msg(message.failed != sizes[_i].good, "%s: failed?", sizes[_i].what);
    if (sizes[_i].good) {
        ck_assert_msg(name.length == size, "%s: length", sizes[_i].what);
        ck_assert_msg(name.labels == sizes[_i].labels + (sizes[_i].last != 0), "%s: labels",
                      sizes[_i].what);
        ck_assert_mem_eq(name.octets, octets, size);
    }
    free(octets);
}
END_TEST

/* A name that is short where it stands and too long with what its pointer adds. */
START_TEST(counts_octets_behind_pointers)
{
    for (unsigned last = 1; last <= 63; last++) {
        uint8_t message[512];
        size_t at = labels_put(message, 3, 63, 0), start = at; /* 193 octets */
        message[at++] = (uint8_t)last;
        memset(message + at, 'x', last);
        at += last;
        message[at++] = 0xc0;
        message[at++] = 0;
        struct reader reader = reader_over(message, at);
        struct name name;
        reader_take(&reader, start);
        name_read(&reader, &name);
        ck_assert_msg(reader.failed == (193 + 1 + last > 255), "last label of %u octets", last);
    }
}
END_TEST

START_TEST(follows_chains_of_pointers_to_a_limit)
{
    uint8_t message[1024] = {0};
    size_t at = 1; /* a root at 0, then pointers, each to the one before */

    for (unsigned pointers = 1; pointers <= 300; pointers++) {
        size_t target = pointers == 1 ? 0 : at - 2;
        message[at] = (uint8_t)(0xc0 | target >> 8);
        message[at + 1] = (uint8_t)target;
        struct reader reader = reader_over(message, at + 2);
        struct name name;
        reader_take(&reader, at);
        name_read(&reader, &name);
        ck_assert_msg(reader.failed == (pointers > NAME_MAX_POINTERS), "%u pointers", pointers);
        at += 2;
    }
}
END_TEST

START_TEST(reads_127_labels_each_behind_a_pointer)
{
    uint8_t message[1024] = {0};
    size_t at = 1, target = 0;
    struct name name;

    for (unsigned labels = 1; labels <= 128; labels++) {
        message[at] = 1;
        message[at + 1] = 'x';
        message[at + 2] = (uint8_t)(0xc0 | target >> 8);
        message[at + 3] = (uint8_t)target;
        struct reader reader = reader_over(message, at + 4);
        reader_take(&reader, at);
        name_read(&reader, &name);
        ck_assert_msg(reader.failed == (labels > 127), "%u labels", labels);
        ck_assert_uint_eq(name.labels, labels > 127 ? 0 : labels);
        target = at;
        at += 4;
    }
}
END_TEST

START_TEST(stays_failed)
{
    struct reader reader = reader_over("\1a", 2);
    struct name name;

    reader_fail(&reader);
    name_read(&reader, &name);
    ck_assert(reader.failed);
    ck_assert_uint_eq(name.length, 1);
    ck_assert_ptr_eq(reader.at, reader.start);
}
END_TEST

/* RFC 4034 section 6.1's example, with more around it. */
static const char *const ordered[] = {
    ".",
    "a.",
    "example.",
    "\\000.example.",
    "\\000\\000.example.",
    "\\000a.example.",
    "\\001.example.",
    "!.example.",
    "*.example.",
    "a.example.",
    "yljkjljk.a.example.",
    "Z.a.example.",
    "zABC.a.EXAMPLE.",
    "a\\000.example.",
    "b.a\\000.example.",
    "a\\000b.example.",
    "aa.example.",
    "z.example.",
    "\\001.z.example.",
    "*.z.example.",
    "\\200.z.example.",
    "examplea.",
};

static int sign(int number)
{
    return (number > 0) - (number < 0);
}

START_TEST(orders_names_canonically)
{
    for (size_t j = 0; j < COUNT(ordered); j++) {
        struct name a = name_of(ordered[_i]), b = name_of(ordered[j]);
        ck_assert_msg(sign(name_compare(&a, &b)) == sign(_i - (int)j), "%s, %s", ordered[_i],
                      ordered[j]);
        ck_assert_msg(name_equal(&a, &b) == (_i == (int)j), "%s, %s", ordered[_i], ordered[j]);
    }
}
END_TEST

static const struct {
    const char *what, *name, *other;
    bool equal, within;
    unsigned common;
} pairs[] = {
    {"the same", "www.example.", "www.example.", true, true, 2},
    {"another case", "wWw.eXample.", "WwW.Example.", true, true, 2},
    {"another case of a long one", "abcdefghijklmnopqrstuvwxyz.example.",
     "ABCDEFGHIJKLMNOPQRSTUVWXYZ.EXAMPLE.", true, true, 2},
    {"@ is no upper case of `", "\\@.example.", "`.example.", false, false, 1},
    {"[ is no upper case of {", "[.example.", "{.example.", false, false, 1},
    {"only ASCII has cases", "\\193.example.", "\\225.example.", false, false, 1},
    {"only ASCII has cases, among eight octets", "abcdefg\\193.", "abcdefg\\225.", false, false, 0},
    {"below", "www.example.", "example.", false, true, 1},
    {"above", "example.", "www.example.", false, false, 1},
    {"below the root", "www.example.", ".", false, true, 0},
    {"the root", ".", ".", true, true, 0},
    {"the root is not below", ".", "example.", false, false, 0},
    {"siblings", "a.example.", "b.example.", false, false, 1},
    {"an ending within a label", "wwwexample.", "example.", false, false, 0},
    {"an ending that looks like labels", "www\\007example.", "example.", false, false, 0},
    {"labels cut differently", "ab.c.", "a.bc.", false, false, 0},
    {"a difference in the last of nine octets", "abcdefghi.", "abcdefghj.", false, false, 0},
    {"a difference in the first of nine octets", "abcdefghi.", "bbcdefghi.", false, false, 0},
};

START_TEST(compares_pairs)
{
    struct name a = name_of(pairs[_i].name), b = name_of(pairs[_i].other);

    ck_assert_msg(name_equal(&a, &b) == pairs[_i].equal, "%s: equal", pairs[_i].what);
    ck_assert_msg((name_compare(&a, &b) == 0) == pairs[_i].equal, "%s: compare", pairs[_i].what);
    ck_assert_msg(name_is_within(&a, &b) == pairs[_i].within, "%s: within", pairs[_i].what);
    ck_assert_msg(name_common_labels(&a, &b) == pairs[_i].common, "%s: common", pairs[_i].what);
    ck_assert_msg(name_common_labels(&b, &a) == pairs[_i].common, "%s: common", pairs[_i].what);
}
END_TEST

START_TEST(folds_every_octet_at_every_place)
{
    struct name a = name_of("abcdefghijklmnop."), b = a;

    for (unsigned at = 1; at <= 16; at++) {
        for (unsigned x = 0; x < 256; x++) {
            for (unsigned y = 0; y < 256; y++) {
                a.octets[at] = (uint8_t)x;
                b.octets[at] = (uint8_t)y;
                ck_assert_msg(name_equal(&a, &b) ==
                                  (octet_lower((uint8_t)x) == octet_lower((uint8_t)y)),
                              "octets %u and %u at %u", x, y, at);
            }
        }
        a.octets[at] = b.octets[at] = 'a';
    }
}
END_TEST

START_TEST(cuts_suffixes)
{
    static const char *const suffixes[] = {".", "example.", "b.example.", "A.b.example."};
    struct name name = name_of("A.b.example.");

    for (unsigned labels = 0; labels < COUNT(suffixes); labels++) {
        struct name suffix, expected = name_of(suffixes[labels]);
        name_suffix(&name, labels, &suffix);
        ck_assert(name_equal(&suffix, &expected));
        ck_assert_uint_eq(suffix.labels, labels);
    }
    name_suffix(&name, 1, &name); /* in place */
    ck_assert_uint_eq(name.length, 9);
    ck_assert_uint_eq(name.labels, 1);
}
END_TEST

START_TEST(lowers_and_copies)
{
    struct name name = name_of("AbZ[@\\193.EXAMPLE."), copy;

    name_copy(&copy, &name);
    ck_assert_mem_eq(copy.octets, name.octets, name.length);
    ck_assert_uint_eq(copy.labels, 2);
    name_lower(&copy);
    ck_assert_mem_eq(copy.octets, "\6abz[@\301\7example", 16);
}
END_TEST

START_TEST(knows_wildcards)
{
    struct name wildcard = name_of("*.example."), other = name_of("**.example."), made;
    struct name plain = name_of("example."), root = name_of(".");
    uint8_t space[300];
    struct reader reader;

    ck_assert(name_is_wildcard(&wildcard));
    ck_assert(!name_is_wildcard(&other));
    ck_assert(!name_is_wildcard(&plain));
    ck_assert(!name_is_wildcard(&root));
    ck_assert_int_eq(name_wildcard_of(&plain, &made), RESULT_OK);
    ck_assert(name_equal(&made, &wildcard));
    ck_assert_uint_eq(made.labels, 2);
    for (unsigned last = 58; last <= 61; last++) { /* 252 to 255 octets */
        reader = reader_over(space, labels_put(space, 3, 63, last));
        name_read(&reader, &plain);
        ck_assert_int_eq(name_wildcard_of(&plain, &made), last < 60 ? RESULT_OK : RESULT_FULL);
    }
}
END_TEST

static const struct {
    const char *what, *name, *from, *to;
    const char *expected; /* NULL: refused */
} replacements[] = {
    {"one label kept", "www.a.example.", "a.example.", "b.net.", "www.b.net."},
    {"nothing kept", "A.example.", "a.EXAMPLE.", "b.net.", "b.net."},
    {"to the root", "www.example.", "example.", ".", "www."},
    {"from the root", "www.example.", ".", "net.", "www.example.net."},
    {"not below", "www.example.", "a.example.", "b.net.", NULL},
    {"longer than the name", "example.", "www.example.", "b.net.", NULL},
};

START_TEST(replaces_suffixes)
{
    struct name name = name_of(replacements[_i].name), from = name_of(replacements[_i].from);
    struct name to = name_of(replacements[_i].to), made;
    enum result result = name_replace_suffix(&name, &from, &to, &made);

    if (!replacements[_i].expected) {
        ck_assert_msg(result == RESULT_FORMAT, "%s", replacements[_i].what);
        return;
    }
    struct name expected = name_of(replacements[_i].expected);
    ck_assert_msg(result == RESULT_OK, "%s", replacements[_i].what);
    ck_assert_msg(name_equal(&made, &expected), "%s", replacements[_i].what);
    ck_assert_msg(made.labels == expected.labels, "%s", replacements[_i].what);
    struct name kept_to = to;
    ck_assert_int_eq(name_replace_suffix(&name, &from, &to, &to), RESULT_OK);
    ck_assert_msg(name_equal(&to, &expected), "%s: over `to`", replacements[_i].what);
    ck_assert_int_eq(name_replace_suffix(&name, &from, &kept_to, &name), RESULT_OK);
    ck_assert_msg(name_equal(&name, &expected), "%s: over `name`", replacements[_i].what);
}
END_TEST

/* RFC 6672 section 2.2: one octet too many is an error, none is not. */
START_TEST(replaces_up_to_255_octets)
{
    uint8_t space[300];
    struct reader reader = reader_over(space, labels_put(space, 3, 63, 57)); /* 251 octets */
    struct name to, from = name_of("example."), made;

    name_read(&reader, &to);
    struct name fits = name_of("abc.example."), exceeds = name_of("abcd.example.");
    ck_assert_int_eq(name_replace_suffix(&fits, &from, &to, &made), RESULT_OK);
    ck_assert_uint_eq(made.length, 255);
    ck_assert_int_eq(name_replace_suffix(&exceeds, &from, &to, &made), RESULT_FULL);
}
END_TEST

START_TEST(writes_whole_or_not)
{
    struct name name = name_of("www.example.");

    for (size_t limit = 0; limit < 20; limit++) {
        uint8_t *octets = exact_copy("....................", limit);
        struct writer writer = writer_over(octets, limit);
        name_write(&writer, &name);
        ck_assert(writer.failed == (limit < 13));
        ck_assert_uint_eq(writer.length, limit < 13 ? 0 : 13);
        free(octets);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("wire/name");
    TCase *reading = tcase_create("reading"), *comparing = tcase_create("comparing");
    TCase *making = tcase_create("making");

    tcase_add_loop_test(reading, reads_a_name, 0, COUNT(rows));
    tcase_add_loop_test(reading, reads_a_plain_name, 0, COUNT(rows));
    tcase_add_loop_test(reading, reads_up_to_the_limits, 0, COUNT(sizes));
    tcase_add_test(reading, counts_octets_behind_pointers);
    tcase_add_test(reading, follows_chains_of_pointers_to_a_limit);
    tcase_add_test(reading, reads_127_labels_each_behind_a_pointer);
    tcase_add_test(reading, stays_failed);
    tcase_add_loop_test(comparing, orders_names_canonically, 0, COUNT(ordered));
    tcase_add_loop_test(comparing, compares_pairs, 0, COUNT(pairs));
    tcase_add_test(comparing, folds_every_octet_at_every_place);
    tcase_add_test(making, cuts_suffixes);
    tcase_add_test(making, lowers_and_copies);
    tcase_add_test(making, knows_wildcards);
    tcase_add_loop_test(making, replaces_suffixes, 0, COUNT(replacements));
    tcase_add_test(making, replaces_up_to_255_octets);
    tcase_add_test(making, writes_whole_or_not);
    suite_add_tcase(suite, reading);
    suite_add_tcase(suite, comparing);
    suite_add_tcase(suite, making);
    return run_suite(suite);
}
