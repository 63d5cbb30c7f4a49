/* test_zonefile_include.c - files of a zone: what $INCLUDE takes in, and what it must not reach. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/zonefile/source.h"
#include "zonefile_read.h"

/* A folder with "zone", a subfolder "sub", a link that stays in it and one that leads out, a FIFO,
 * and "secret" beside it. */
struct files {
    char *outside;
    char zone[512];
};

static void write_file(const char *folder, const char *name, const char *text)
{
    char path[512];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
}

static void make_link(const char *folder, const char *name, const char *target)
{
    char path[512];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    ck_assert_int_eq(symlink(target, path), 0);
}

static void make_files(struct files *files, const char *zone)
{
    char folder[256], path[512];

    files->outside = folder_make();
    write_file(files->outside, "secret", "stolen 5 A 192.0.2.66\n");
    snprintf(folder, sizeof folder, "%s/zones", files->outside);
    ck_assert_int_eq(mkdir(folder, 0700), 0);
    snprintf(path, sizeof path, "%s/sub", folder);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/fifo", folder);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    write_file(folder, "zone", zone);
    write_file(folder, "one", "one 6 A 192.0.2.1\n");
    write_file(folder, "sub/two", "  A 192.0.2.22\n$ORIGIN other.x.\ntwo A 192.0.2.2\n$TTL 77\n");
    write_file(folder, "sub/nested", "$INCLUDE sub/two\n$INCLUDE one deep\n");
    write_file(folder, "bad", "a 5 A 192.0.2.1\nb 5 A nothing\n");
    write_file(folder, "with space", "space 5 A 192.0.2.5\n");
    write_file(folder, "loop", "$INCLUDE loop\nend 5 A 192.0.2.9\n");
    make_link(folder, "inside", "sub/two");
    make_link(folder, "leak", "../secret");
    make_link(folder, "sub/up", "../one");
    make_link(folder, "absolute", "/dev/null");
    snprintf(files->zone, sizeof files->zone, "%s/zone", folder);
}

static const struct {
    const char *what;
    const char *zone;
    const char *lines;
    const char *complaints;
} rows[] = {
    {"a file", "$INCLUDE one\n", "one.x. 6 IN A 192.0.2.1\n", ""},
    {"a file with an origin", "$INCLUDE one sub\n", "one.sub.x. 6 IN A 192.0.2.1\n", ""},
    {"a file in quotes", "$INCLUDE \"with space\"\n", "space.x. 5 IN A 192.0.2.5\n", ""},
    {"a file with an escape", "$INCLUDE with\\ space\n", "space.x. 5 IN A 192.0.2.5\n", ""},
    {"owner and origin are put back, $TTL is not",
     "a 5 A 192.0.2.3\n$INCLUDE sub/two sub\n A 192.0.2.4\nb A 192.0.2.5\n",
     "a.x. 5 IN A 192.0.2.3\na.x. 5 IN A 192.0.2.22\ntwo.other.x. 5 IN A 192.0.2.2\n"
     "a.x. 77 IN A 192.0.2.4\nb.x. 77 IN A 192.0.2.5\n",
     ""},
    {"files within files", "$TTL 5\n@ A 192.0.2.3\n$INCLUDE sub/nested\n",
     "x. 5 IN A 192.0.2.3\nx. 5 IN A 192.0.2.22\ntwo.other.x. 5 IN A 192.0.2.2\n"
     "one.deep.x. 6 IN A 192.0.2.1\n",
     ""},
    {"a link that stays inside", "@ 5 A 192.0.2.3\n$INCLUDE inside\n",
     "x. 5 IN A 192.0.2.3\nx. 5 IN A 192.0.2.22\ntwo.other.x. 5 IN A 192.0.2.2\n", ""},
    {"up and down again inside", "$INCLUDE sub/../one\n", "one.x. 6 IN A 192.0.2.1\n", ""},
    {"a link up that stays inside", "$INCLUDE sub/up\n", "one.x. 6 IN A 192.0.2.1\n", ""},
    {"a file that is not there", "$INCLUDE none\n", "",
     "1:10: error: this file cannot be included: No such file or directory\n"},
    {"a path up", "$INCLUDE ../secret\n", "",
     "1:10: error: this file cannot be included: it leads out of the zone file's folder\n"},
    {"a path up, later", "$INCLUDE sub/../../secret\n", "",
     "1:10: error: this file cannot be included: it leads out of the zone file's folder\n"},
    {"an absolute path", "$INCLUDE /etc/hostname\n", "",
     "1:10: error: this file cannot be included: it leads out of the zone file's folder\n"},
    {"a link that leads out", "$INCLUDE leak\n", "",
     "1:10: error: this file cannot be included: it leads out of the zone file's folder\n"},
    {"a link to an absolute path", "$INCLUDE absolute\n", "",
     "1:10: error: this file cannot be included: it leads out of the zone file's folder\n"},
    {"a folder", "$INCLUDE sub\n", "",
     "1:10: error: this file cannot be included: Is a directory\n"},
    {"a FIFO, which would wait for ever", "$INCLUDE fifo\n", "",
     "1:10: error: this file cannot be included: it is not a regular file\n"},
    {"an origin that is no name", "$INCLUDE one a..b\n", "",
     "1:14: error: 'a..b' is no name: a label is empty or longer than 63 octets, or an escape is "
     "neither \\X nor \\DDD up to 255\n"},
    {"more than an origin", "$INCLUDE one a b\n", "", "1:16: error: 'b' is one field too many\n"},
    {"an error in an included file, then on", "$INCLUDE bad\nc 5 A 192.0.2.3\n",
     "a.x. 5 IN A 192.0.2.1\nc.x. 5 IN A 192.0.2.3\n",
     "2:7: error: A: an IPv4 address is wanted, such as 192.0.2.1\n"},
    {"a file that includes itself", "$INCLUDE loop\n",
     "end.x. 5 IN A 192.0.2.9\nend.x. 5 IN A 192.0.2.9\nend.x. 5 IN A 192.0.2.9\n"
     "end.x. 5 IN A 192.0.2.9\nend.x. 5 IN A 192.0.2.9\nend.x. 5 IN A 192.0.2.9\n"
     "end.x. 5 IN A 192.0.2.9\n",
     "1:10: error: files include each other 8 deep; does one include itself?\n"},
};

START_TEST(includes)
{
    struct files files;
    struct reading reading;
    struct name zone = reading_name("x.");

    make_files(&files, rows[_i].zone);
    reading_run(&reading, (struct zonefile_options){.path = files.zone, .zone = &zone});
    ck_assert_msg(strcmp(reading_lines(&reading), rows[_i].lines) == 0, "%s: got\n%s",
                  rows[_i].what, reading_lines(&reading));
    ck_assert_msg(strcmp(reading_complaints(&reading), rows[_i].complaints) == 0, "%s: said\n%s",
                  rows[_i].what, reading_complaints(&reading));
    reading_free(&reading);
    folder_remove(files.outside);
}
END_TEST

/* ---- files as such ------------------------------------------------------------------------- */

static void keep_file(void *context, const struct complaint *complaint)
{
    snprintf(context, 600, "%s|%u", complaint->file, complaint->line);
}

static enum result ignore(void *context, const struct zonefile_record *record)
{
    (void)context, (void)record;
    return RESULT_OK;
}

START_TEST(names_the_file_of_a_complaint)
{
    struct files files;
    struct zonefile_files names = {.names = NULL};
    struct name zone = reading_name("x.");
    char said[600] = "", wanted[600];
    struct complaints sink = {.take = keep_file, .context = said};

    make_files(&files, "$INCLUDE one\n$INCLUDE bad\n");
    struct zonefile_options options = {
        .path = files.zone, .zone = &zone, .complaints = &sink, .files = &names, .record = ignore};
    ck_assert_int_eq(zonefile_parse(&options, NULL), RESULT_FORMAT);
    snprintf(wanted, sizeof wanted, "%s/zones/bad|2", files.outside);
    ck_assert_str_eq(said, wanted);
    ck_assert_uint_eq(names.count, 3);
    ck_assert_str_eq(zonefile_file_name(&names, 0), files.zone);
    ck_assert_str_eq(zonefile_file_name(&names, 3), "-");
    zonefile_files_free(&names);
    ck_assert_uint_eq(names.count, 0);
    folder_remove(files.outside);
}
END_TEST

START_TEST(a_limit_of_included_files)
{
    struct files files;
    struct reading reading;
    struct name zone = reading_name("x.");

    make_files(&files, "$INCLUDE one\n$INCLUDE one\n$INCLUDE one\n");
    reading_run(&reading, (struct zonefile_options){
                              .path = files.zone, .zone = &zone, .limits = {.includes = 2}});
    ck_assert_uint_eq(reading.totals.records, 2);
    ck_assert_str_eq(reading_complaints(&reading), "3:10: error: more than 2 files are included\n");
    reading_free(&reading);
    folder_remove(files.outside);
}
END_TEST

static const char *const unreadable[] = {"none", "sub", "fifo"};

START_TEST(a_zone_file_that_is_none)
{
    struct files files;
    struct reading reading;
    struct name zone = reading_name("x.");
    char path[600];

    make_files(&files, "");
    snprintf(path, sizeof path, "%s/zones/%s", files.outside, unreadable[_i]);
    reading_run(&reading, (struct zonefile_options){.path = path, .zone = &zone});
    ck_assert_int_eq(reading.result, RESULT_SYSTEM);
    ck_assert_uint_eq(reading.sink.errors, 1);
    ck_assert_int_eq(strncmp(reading_complaints(&reading), "0:0: error: ", 12), 0);
    reading_free(&reading);
    folder_remove(files.outside);
}
END_TEST

/* Cut the file while it is being read: an end, not a signal. */
static enum result cut(void *context, const struct zonefile_record *record)
{
    (void)record;
    ck_assert_int_eq(truncate(context, 0), 0);
    return RESULT_OK;
}

START_TEST(a_file_cut_while_it_is_read)
{
    struct files files;
    struct reading reading;
    struct name zone = reading_name("x.");

    make_files(&files, "");
    FILE *file = fopen(files.zone, "w");
    ck_assert_ptr_nonnull(file);
    for (unsigned i = 0; i < 200000; i++)
        ck_assert_int_gt(fprintf(file, "h%06u 5 A 192.0.2.1\n", i), 0);
    ck_assert_int_eq(fclose(file), 0);
    reading_run(&reading,
                (struct zonefile_options){
                    .path = files.zone, .zone = &zone, .record = cut, .context = files.zone});
    ck_assert_uint_gt(reading.totals.records, 0);
    ck_assert_uint_lt(reading.totals.records, 200000);
    reading_free(&reading);
    folder_remove(files.outside);
}
END_TEST

/* Where the kernel cannot check the path, every step is looked at. */
static const struct {
    const char *path;
    bool good;
} steps[] = {
    {"one", true},     {"sub/two", true},    {"sub//two", true},
    {"./one", true},   {"../secret", false}, {"sub/../one", false},
    {"inside", false}, {"leak", false},      {"/etc/hostname", false},
    {"none", false},   {"one/", true},       {"sub", false},
    {"fifo", false},   {"one/two", false},   {"", false},
};

START_TEST(opens_by_steps)
{
    struct files files;

    make_files(&files, "");
    int folder = source_open_folder(files.zone);
    ck_assert_int_ge(folder, 0);
    int file = source_open_by_steps(folder, steps[_i].path);
    ck_assert_msg((file >= 0) == steps[_i].good, "%s", steps[_i].path);
    if (file >= 0)
        ck_assert_int_eq(close(file), 0);
    ck_assert_int_eq(close(folder), 0);
    folder_remove(files.outside);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("zonefile/include");
    TCase *including = tcase_create("including");

    tcase_add_loop_test(including, includes, 0, COUNT(rows));
    tcase_add_test(including, names_the_file_of_a_complaint);
    tcase_add_test(including, a_limit_of_included_files);
    tcase_add_loop_test(including, a_zone_file_that_is_none, 0, COUNT(unreadable));
    tcase_add_loop_test(including, opens_by_steps, 0, COUNT(steps));
    tcase_add_test(including, a_file_cut_while_it_is_read);
    suite_add_tcase(suite, including);
    return run_suite(suite);
}
