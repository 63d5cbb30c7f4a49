/* test_keeper_file.c - a zone and its file: compared, loaded over changes, written back. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../src/keeper/load_task.h"
#include "keeper_rig.h"
#include "support.h"

#define SIGNED(more)                                                                               \
    "policies:\n  - {name: p, keystore: a}\n"                                                      \
    "zones:\n  - {name: example., file: example.zone, policy: p" more "}\n"

static const char first_file[] = "$ORIGIN example.\n$TTL 300\n@ SOA ns h 1 1 2 3 60\n@ NS ns\n"
                                 "ns A 192.0.2.1\nwww 60 A 192.0.2.2\nold TXT gone\n"
                                 "alias CNAME www\n";

static struct rig rig;
static struct buffer text;

static void open_rig(void)
{
    rig_open(&rig);
    rig_write(&rig, "example.zone", first_file);
}

static void close_rig(void)
{
    rig_close(&rig);
    buffer_free(&text);
}

static struct keeper_zone *zone(void)
{
    return rig_zone(&rig, "example.");
}

static void expect(const char *words, int code)
{
    int got = rig_ask(&rig, &text, words);
    ck_assert_msg(got == code, "%s: %d, not %d: %s", words, got, code, (char *)text.octets);
}

static bool says(const char *piece)
{
    return strstr((const char *)text.octets, piece) != NULL;
}

#define expect_text(words, code, piece)                                                            \
    do {                                                                                           \
        expect(words, code);                                                                       \
        ck_assert_msg(says(piece), "%s: %s is not in: %s", words, piece, (char *)text.octets);     \
    } while (0)

static char *path_of(const char *file)
{
    static char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", rig.folder, file);
    return path;
}

/* One change, made. */
static void make_change(const char *address)
{
    char words[128];

    expect("zone begin example.", 0);
    (void)snprintf(words, sizeof words, "zone set example. fresh A %s", address);
    expect(words, 0);
    expect("zone commit example.", 0);
}

/* ---- comparisons ------------------------------------------------------------------------------
 */

static void compare(const char *file, int code)
{
    const char *const words[] = {"zone", "diff", "example.", path_of(file), NULL};

    buffer_clear(&text);
    int got = rig_answer(&rig, rig_call(&rig, words), &text);
    ck_assert_msg(got == code, "%s: %d: %s", file, got, (char *)text.octets);
}

START_TEST(a_file_is_compared)
{
    rig_start_signed(&rig, SIGNED(""));
    expect("zone diff example.", 0);
    compare("example.zone", 0);
    rig_write(&rig, "other.zone",
              "$ORIGIN example.\n$TTL 300\n@ SOA ns h 7 1 2 3 60\n@ NS ns\nns A 192.0.2.1\n"
              "www 60 A 192.0.2.9\nalias 400 CNAME www\nx.y A 192.0.2.1\n");
    compare("other.zone", 6);
    ck_assert(says("-www.example. 60 IN A 192.0.2.2\n+www.example. 60 IN A 192.0.2.9\n"));
    ck_assert(says("-alias.example. 300 IN CNAME www.example.\n"
                   "+alias.example. 400 IN CNAME www.example.\n"));
    ck_assert(says("-old.example. 300 IN TXT \"gone\"\n"));
    ck_assert(says("+x.y.example. 300 IN A 192.0.2.1\n"));
    ck_assert(says("+example. 300 IN SOA ns.example. h.example. 7 1 2 3 60\n"));
    ck_assert(!says("DNSKEY") && !says("NSEC") && !says("RRSIG"));
    ck_assert(says("\"removed\":4,\"added\":4"));
    ck_assert_uint_eq(zone()->row.serial, 1);
    rig_write(&rig, "other.zone",
              "$ORIGIN example.\n$TTL 300\n@ SOA ns h 3 1 2 3 60\n@ NS ns\nns A 192.0.2.1\n"
              "www 60 A 192.0.2.2\nold TXT gone\nalias CNAME www\n");
    compare("other.zone", 6);
    ck_assert(says("-example. 300 IN SOA ns.example. h.example. 1 1 2 3 60\n"
                   "+example. 300 IN SOA ns.example. h.example. 3 1 2 3 60\n"));
}
END_TEST

START_TEST(a_file_that_is_none)
{
    rig_start_signed(&rig, SIGNED(""));
    compare("missing.zone", 1);
    ck_assert(says("folders"));
    rig_write(&rig, "bad.zone", "@ 60 SOA ns h 9 1 2 3 4\n@ 60 NS ns\nns 60 A 192.0.2\n");
    compare("bad.zone", 1);
    ck_assert(says("bad.zone:3") && says("1 error"));
    expect_text("zone diff example. example.zone", 2, "whole path");
    compare("example.zone", 0); /* and it goes on */
}
END_TEST

/* ---- reloads over changes ---------------------------------------------------------------------
 */

static const char second_file[] = "$ORIGIN example.\n$TTL 300\n@ SOA ns h 1 1 2 3 60\n@ NS ns\n"
                                  "ns A 192.0.2.1\nwww 60 A 192.0.2.5\n";

START_TEST(a_reload_asks)
{
    rig_start_signed(&rig, SIGNED(", reload: ask"));
    make_change("192.0.2.7");
    rig_write(&rig, "example.zone", second_file);
    expect_text("zone diff example.", 6, "--force");
    expect_text("zone reload example.", 7, "--force");
    ck_assert(says("\"loaded\":false"));
    expect_text("zone export example. --unsigned", 0, "fresh.example.");
    expect("zone reload example. --force", 0);
    expect_text("zone export example. --unsigned", 0, "www.example. 60 IN A 192.0.2.5\n");
    ck_assert(!says("fresh.example."));
    ck_assert_uint_eq(zone()->row.flags & ZONE_EDITED, 0);
    ck_assert(!zone()->forced && !zone()->hold.reason);
    expect("zone reload example.", 0);
    /* What was forced once is not forced for ever. */
    make_change("192.0.2.8");
    rig_write(&rig, "example.zone", first_file);
    expect("zone reload example.", 7);
}
END_TEST

/* What was nothing when the load was queued may be something when its turn comes. */
START_TEST(a_load_asks_when_it_begins)
{
    rig_start_signed(&rig, SIGNED(""));
    make_change("192.0.2.7");
    rig_write(&rig, "example.zone", second_file);
    zone()->load_wanted = true;
    zone()->phase = PHASE_QUEUED;
    loader_go_on(&rig.keeper);
    ck_assert_int_eq(zone()->phase, PHASE_FAILED);
    ck_assert(zone()->hold.reason);
    expect_text("zone export example. --unsigned", 0, "fresh.example.");
}
END_TEST

START_TEST(a_reload_merges)
{
    rig_start_signed(&rig, SIGNED(", reload: merge"));
    make_change("192.0.2.7");
    rig_write(&rig, "example.zone", second_file);
    expect_text("zone diff example.", 6, "+www.example. 60 IN A 192.0.2.5\n");
    ck_assert(!says("fresh"));
    expect("zone reload example.", 0);
    expect_text("zone export example. --unsigned", 0, "www.example. 60 IN A 192.0.2.5\n");
    ck_assert(says("fresh.example."));
    expect("zone reload example. --force", 0);
    expect("zone export example. --unsigned", 0);
    ck_assert(!says("fresh.example."));
}
END_TEST

/* ---- the zone as its file would say it --------------------------------------------------------
 */

static char *take_text(void)
{
    char *copy = strdup((const char *)text.octets);
    char *end = strstr(copy, "serial ");

    ck_assert_ptr_nonnull(end);
    *end = '\0';
    return copy;
}

START_TEST(an_export_loads_as_the_same_zone)
{
    rig_start_signed(&rig, SIGNED(""));
    make_change("192.0.2.7");
    expect("zone export example. --unsigned", 0);
    char *before = take_text();
    ck_assert(!strstr(before, "RRSIG") && !strstr(before, "NSEC") && !strstr(before, "DNSKEY"));
    ck_assert_int_eq(strncmp(before, "example. 300 IN SOA ", 20), 0);
    rig_write(&rig, "copy.zone", before);
    compare("copy.zone", 0);
    rig_configure(&rig, "policies:\n  - {name: p, keystore: a}\n"
                        "zones:\n  - {name: example., file: copy.zone, policy: none}\n");
    expect("zone reload example. --force", 0);
    ck_assert_uint_eq(zone()->row.flags & ZONE_EDITED, 0);
    expect("zone export example. --unsigned", 0);
    char *after = take_text();
    ck_assert_str_eq(strchr(before, '\n'), strchr(after, '\n')); /* all but the serial */
    free(before);
    free(after);
}
END_TEST

/* ---- files written back -----------------------------------------------------------------------
 */

static char *read_file(const char *file)
{
    static char octets[4096];
    FILE *in = fopen(path_of(file), "r");

    ck_assert_ptr_nonnull(in);
    octets[fread(octets, 1, sizeof octets - 1, in)] = '\0';
    ck_assert_int_eq(fclose(in), 0);
    return octets;
}

static bool nothing_is_left(void)
{
    return access(path_of("example.zone.avow-new"), F_OK) != 0;
}

START_TEST(a_zone_is_written_to_its_file)
{
    rig_start_signed(&rig, SIGNED(", zone-file: write"));
    make_change("192.0.2.7");
    ck_assert_int_eq(chmod(path_of("example.zone"), 0640), 0);
    expect_text("zone write example.", 0, "serial 2");
    const char *file = read_file("example.zone");
    ck_assert(strstr(file, "; example. as avowd served it with serial 2") == file);
    ck_assert_ptr_nonnull(strstr(file, "fresh.example. 300 IN A 192.0.2.7\n"));
    ck_assert_ptr_null(strstr(file, "DNSKEY"));
    ck_assert_uint_eq(zone()->row.flags & ZONE_EDITED, 0);
    ck_assert_uint_eq(zone()->row.loaded_serial, 2);
    ck_assert(!loader_file_changed(zone()) && nothing_is_left());
    struct stat status;
    ck_assert_int_eq(stat(path_of("example.zone"), &status), 0);
    ck_assert_int_eq(status.st_mode & 07777, 0640);
    expect("zone diff example.", 0);
    /* The next start loads nothing. */
    rig_stop(&rig);
    rig_start(&rig);
    rig_run_until(&rig, rig_all_signed, "served again");
    ck_assert_uint_eq(metric_get(rig.keeper.metrics, METRIC_LOADS), 1);
    expect_text("zone export example. --unsigned", 0, "fresh.example.");
}
END_TEST

static bool is_written(struct rig *context)
{
    return metric_get(context->keeper.metrics, METRIC_FILES_WRITTEN) != 0;
}

static bool is_not_written(struct rig *context)
{
    return metric_get(context->keeper.metrics, METRIC_FILES_FAILED) != 0;
}

static bool is_seen(struct rig *context)
{
    return rig_zone(context, "example.")->write.since_ms != 0;
}

/* As if the change had been made long ago. */
static void hurry(void)
{
    rig_run_until(&rig, is_seen, "the change to be seen");
    zone()->write.since_ms = 1;
}

START_TEST(a_change_reaches_the_file_by_itself)
{
    rig_start_signed(&rig, SIGNED(", zone-file: write"));
    make_change("192.0.2.7");
    hurry();
    rig_run_until(&rig, is_written, "the file");
    ck_assert_ptr_nonnull(strstr(read_file("example.zone"), "fresh.example."));
    ck_assert_uint_eq(zone()->row.flags & ZONE_EDITED, 0);
}
END_TEST

START_TEST(a_stop_writes_what_is_not_written)
{
    rig_start_signed(&rig, SIGNED(", zone-file: write"));
    make_change("192.0.2.7");
    write_back_all(&rig.keeper);
    ck_assert_ptr_nonnull(strstr(read_file("example.zone"), "fresh.example."));
    ck_assert_uint_eq(zone()->row.flags & ZONE_EDITED, 0);
    ck_assert(nothing_is_left());
}
END_TEST

START_TEST(a_file_that_is_only_read_is_not_written)
{
    rig_start_signed(&rig, SIGNED(""));
    make_change("192.0.2.7");
    expect_text("zone write example. --force", 5, "zone-file: read");
    write_back_all(&rig.keeper);
    ck_assert_str_eq(read_file("example.zone"), first_file);
}
END_TEST

START_TEST(somebody_elses_file_is_not_written_over)
{
    rig_start_signed(&rig, SIGNED(", zone-file: write"));
    make_change("192.0.2.7");
    rig_write(&rig, "example.zone", second_file);
    hurry();
    rig_run_until(&rig, is_not_written, "the refusal");
    ck_assert_str_eq(read_file("example.zone"), second_file);
    expect_text("zone status example.", 0, "changed by somebody else");
    expect_text("zone write example.", 7, "--force");
    expect("zone reload example.", 7);
    ck_assert_str_eq(read_file("example.zone"), second_file);
    expect("zone write example. --force", 0);
    ck_assert_ptr_nonnull(strstr(read_file("example.zone"), "fresh.example."));
    ck_assert_int_eq(zone()->phase, PHASE_IDLE);
    expect_text("zone status example.", 0, "\"problem\":null");
    expect("zone reload example.", 0);
}
END_TEST

static bool is_settled(struct rig *context)
{
    return context->keeper.settled;
}

/* A keeper that ended between the file and its row knows the file as its own. */
START_TEST(our_own_file_is_known_after_a_crash)
{
    rig_start_signed(&rig, SIGNED(", zone-file: write"));
    make_change("192.0.2.7");
    expect("zone write example.", 0);
    struct zone *row = &zone()->row;
    row->file_hash = load_file_hash(row->file_size, row->file_time);
    row->file_size = row->file_time = 1;
    row->flags |= ZONE_EDITED;
    ck_assert_int_eq(commit_zone(zone(), false), RESULT_OK);
    rig_stop(&rig);
    rig_start(&rig);
    rig_run_until(&rig, is_settled, "served again");
    ck_assert(zone()->phase == PHASE_IDLE && !zone()->load_wanted && !zone()->hold.reason);
    ck_assert_uint_ne(zone()->row.flags & ZONE_EDITED, 0);
    expect("zone write example.", 0);
    ck_assert_uint_eq(zone()->row.flags & ZONE_EDITED, 0);
}
END_TEST

START_TEST(something_is_in_the_way)
{
    rig_start_signed(&rig, SIGNED(", zone-file: write"));
    make_change("192.0.2.7");
    ck_assert_int_eq(mkdir(path_of("example.zone.avow-new"), 0700), 0);
    expect_text("zone write example.", 1, "in the way");
    ck_assert_str_eq(read_file("example.zone"), first_file);
    ck_assert_uint_ne(zone()->row.flags & ZONE_EDITED, 0);
    ck_assert_int_eq(rmdir(path_of("example.zone.avow-new")), 0);
    expect("zone write example.", 0);
    ck_assert_int_eq(unlink(path_of("example.zone")), 0);
    ck_assert_int_eq(symlink("/dev/null", path_of("example.zone")), 0);
    expect_text("zone write example. --force", 7, "no plain file");
}
END_TEST

/* The disk is full, or as good as. */
START_TEST(there_is_no_room_for_the_file)
{
    struct rlimit before, none = {.rlim_cur = 100};
    sighandler_t handler = signal(SIGXFSZ, SIG_IGN);

    rig_start_signed(&rig, SIGNED(", zone-file: write"));
    make_change("192.0.2.7");
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    none.rlim_max = before.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
    expect_text("zone write example.", 1, "cannot be written");
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
    ck_assert(nothing_is_left());
    ck_assert_str_eq(read_file("example.zone"), first_file);
    ck_assert_uint_ne(zone()->row.flags & ZONE_EDITED, 0);
    expect("zone write example.", 0);
    ck_assert_ptr_nonnull(strstr(read_file("example.zone"), "fresh.example."));
    (void)signal(SIGXFSZ, handler);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("keeper file");
    TCase *tests = tcase_create("keeper file");

    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, open_rig, close_rig);
    tcase_add_test(tests, a_file_is_compared);
    tcase_add_test(tests, a_file_that_is_none);
    tcase_add_test(tests, a_reload_asks);
    tcase_add_test(tests, a_load_asks_when_it_begins);
    tcase_add_test(tests, a_reload_merges);
    tcase_add_test(tests, an_export_loads_as_the_same_zone);
    tcase_add_test(tests, a_zone_is_written_to_its_file);
    tcase_add_test(tests, a_change_reaches_the_file_by_itself);
    tcase_add_test(tests, a_stop_writes_what_is_not_written);
    tcase_add_test(tests, a_file_that_is_only_read_is_not_written);
    tcase_add_test(tests, somebody_elses_file_is_not_written_over);
    tcase_add_test(tests, our_own_file_is_known_after_a_crash);
    tcase_add_test(tests, something_is_in_the_way);
    tcase_add_test(tests, there_is_no_room_for_the_file);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
