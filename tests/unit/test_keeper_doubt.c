/* test_keeper_doubt.c - a zone in doubt and its file; loads that fail, are held and tried again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/keeper/load.h"
#include "../../src/keeper/scrub.h"
#include "keeper_rig.h"
#include "support.h"

#define SIGNED(more)                                                                               \
    "policies:\n  - {name: p, keystore: a}\n"                                                      \
    "zones:\n  - {name: example., file: example.zone, policy: p" more "}\n"

#define APEX "$ORIGIN example.\n$TTL 300\n@ SOA ns h 10 1 2 3 60\n@ NS ns\nns A 192.0.2.1\n"

static const char first_file[] = APEX "www 60 A 192.0.2.2\nold TXT gone\nalias CNAME www\n";
static const char second_file[] = APEX "www 60 A 192.0.2.5\n";
static const char broken_file[] = APEX "www AA 192.0.2.5\n";
static const char earlier_file[] = "$ORIGIN example.\n$TTL 300\n@ SOA ns h 9 1 2 3 60\n@ NS ns\n"
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

static bool is_looked_through(struct rig *context)
{
    return context->keeper.scrub->last.ended != 0;
}

/* Signed, and no pass over the store comes in between any more. */
static void start(const char *configuration)
{
    rig_start_signed(&rig, configuration);
    rig_run_until(&rig, is_looked_through, "the pass of the start to end");
}

static struct keeper_zone *zone(void)
{
    return rig_zone(&rig, "example.");
}

static bool is_doubtful(void)
{
    return zone()->row.flags & ZONE_DOUBTFUL;
}

/* As the scrub says it. */
static void doubt(void)
{
    zone()->row.flags |= ZONE_DOUBTFUL;
    ck_assert_int_eq(commit_zone(zone(), true), RESULT_OK);
}

static void expect(const char *words, int code, const char *piece)
{
    int got = rig_ask(&rig, &text, words);
    ck_assert_msg(got == code, "%s: %d, not %d: %s", words, got, code, (char *)text.octets);
    ck_assert_msg(strstr((const char *)text.octets, piece), "%s: %s is not in: %s", words, piece,
                  (char *)text.octets);
}

static void make_change(void)
{
    expect("zone begin example.", 0, "");
    expect("zone set example. fresh A 192.0.2.7", 0, "");
    expect("zone commit example.", 0, "");
    ck_assert_uint_ne(zone()->row.flags & ZONE_EDITED, 0);
}

static uint64_t held(void)
{
    return metric_get(rig.keeper.metrics, METRIC_LOADS_HELD);
}

static bool is_loading(struct rig *context)
{
    return rig_zone(context, "example.")->phase == PHASE_LOADING;
}

static bool is_not_loading(struct rig *context)
{
    return !is_loading(context);
}

static bool is_settled(struct rig *context)
{
    const struct keeper_zone *subject = rig_zone(context, "example.");

    return !subject->whole && !is_loading(context) && subject->row.flags & ZONE_FULLY_SIGNED;
}

static bool is_whole(struct rig *context)
{
    return !is_doubtful() && rig_all_signed(context);
}

/* ---- its file ---------------------------------------------------------------------------------
 */

static void check_file(void)
{
    char path[512], octets[4096];

    (void)snprintf(path, sizeof path, "%s/example.zone", rig.folder);
    FILE *in = fopen(path, "r");
    ck_assert_ptr_nonnull(in);
    octets[fread(octets, 1, sizeof octets - 1, in)] = '\0';
    ck_assert_int_eq(fclose(in), 0);
    ck_assert_str_eq(octets, first_file);
    ck_assert_uint_ne(zone()->row.flags & ZONE_EDITED, 0);
}

START_TEST(a_zone_in_doubt_is_not_written_to_its_file)
{
    start(SIGNED(", zone-file: write"));
    make_change();
    doubt();
    expect("zone write example.", 1, "in doubt");
    expect("zone write example. --force", 1, "in doubt");
    check_file();
    zone()->write.since_ms = 1; /* as if the change had been made long ago */
    zone()->write.not_before_ms = 0;
    write_back_turn(&rig.keeper);
    ck_assert_int_eq(zone()->write.step, WRITE_IDLE);
    write_back_all(&rig.keeper);
    check_file();
}
END_TEST

static bool is_renamed(struct rig *context)
{
    return rig_zone(context, "example.")->write.step == WRITE_RENAME;
}

START_TEST(doubt_that_comes_while_a_file_is_written)
{
    const char *const words[] = {"zone", "write", "example.", NULL};

    start(SIGNED(", zone-file: write"));
    make_change();
    /* After the thread has looked: it is not put in place. */
    zone()->row.flags |= ZONE_DOUBTFUL;
    expect("zone write example.", 1, "in doubt");
    check_file();
    /* Too late for that: what the zone should be is not in its file alone. */
    zone()->row.flags &= (uint16_t)~ZONE_DOUBTFUL;
    int call = rig_call(&rig, words);
    rig_run_until(&rig, is_renamed, "the file");
    doubt();
    ck_assert_int_eq(rig_answer(&rig, call, &text), 0);
    ck_assert_uint_ne(zone()->row.flags & ZONE_EDITED, 0);
    /* Its thread looks for itself, and not at the records. */
    zone()->row.flags &= (uint16_t)~ZONE_DOUBTFUL;
    expect("zone write example.", 1, "in doubt");
}
END_TEST

/* ---- what is loaded ---------------------------------------------------------------------------
 */

START_TEST(what_is_stored_is_not_made_good_by_copying_it)
{
    const char *const words[] = {"zone", "reload", "example.", NULL};

    start(SIGNED(", reload: merge"));
    make_change();
    uint32_t version = zone()->row.version;
    zone()->whole = true;
    int call = rig_call(&rig, words);
    rig_run_until(&rig, is_loading, "the load");
    doubt();
    ck_assert_int_eq(rig_answer(&rig, call, &text), 1);
    ck_assert(is_doubtful() && zone()->row.version == version && !zone()->row.loading);
    expect("zone reload example.", 1, "in doubt");
    ck_assert(is_doubtful() && zone()->row.version == version);
    expect("zone reload example. --force", 0, "");
    ck_assert(!is_doubtful());
}
END_TEST

/* What the scrub orders while a load is under way comes behind it. */
START_TEST(the_file_mends_what_a_copy_could_not)
{
    start(SIGNED(""));
    zone()->whole = true;
    keeper_zone_advance(zone());
    ck_assert_int_eq(zone()->phase, PHASE_LOADING);
    doubt();
    zone()->load_wanted = zone()->mends = true;
    rig_run_until(&rig, is_whole, "the zone to be whole again");
    ck_assert_uint_eq(metric_get(rig.keeper.metrics, METRIC_LOADS_FAILED), 1);
    /* By itself it is tried again. */
    rig_run_until(&rig, is_settled, "the new version");
    ck_assert(zone()->phase == PHASE_IDLE && !*zone()->load_problem);
}
END_TEST

/* A file with errors does not keep the zone from being signed otherwise, and is still told of. */
START_TEST(a_broken_file_keeps_nobody_from_signing)
{
    start(SIGNED(""));
    uint64_t before = zone()->row.policy_fingerprint;
    rig_write(&rig, "example.zone", broken_file);
    expect("zone reload example.", 1, "error");
    ck_assert_int_eq(zone()->phase, PHASE_FAILED);
    rig_configure(&rig, "policies:\n  - {name: p, keystore: a, denial: nsec}\n"
                        "zones:\n  - {name: example., file: example.zone, policy: p}\n");
    rig_run_until(&rig, is_settled, "the other chain");
    ck_assert_uint_ne(zone()->row.policy_fingerprint, before);
    ck_assert(zone()->phase == PHASE_FAILED && strstr(zone()->load_problem, "error"));
    rig_write(&rig, "example.zone", second_file);
    expect("zone reload example.", 0, "");
    ck_assert(zone()->phase == PHASE_IDLE && !*zone()->load_problem);
}
END_TEST

START_TEST(a_file_is_read_after_what_is_stored)
{
    start(SIGNED(""));
    make_change();
    rig_write(&rig, "example.zone", second_file);
    zone()->whole = true; /* it is to be signed otherwise */
    expect("zone reload example.", 7, "updates have changed it");
    ck_assert(!zone()->whole && !zone()->load_wanted && zone()->hold.reason == HOLD_EDITED);
}
END_TEST

/* Nor is it waited for in vain. */
START_TEST(a_reload_ends_when_what_is_stored_could_not_be_read)
{
    const char *const words[] = {"zone", "reload", "example.", NULL};

    start(SIGNED(""));
    make_change();
    zone()->whole = true;
    int call = rig_call(&rig, words);
    rig_run_until(&rig, is_loading, "the load");
    rig.keeper.loader->failed = RESULT_CORRUPT;
    ck_assert_int_eq(rig_answer(&rig, call, &text), 1);
    ck_assert(zone()->phase == PHASE_FAILED && !zone()->load_wanted && zone()->whole);
    ck_assert_uint_eq(metric_get(rig.keeper.metrics, METRIC_LOADS_FAILED), 1);
}
END_TEST

/* ---- what is mended ---------------------------------------------------------------------------
 */

/* It passed once, and nobody would say --force again; also when a load waits already. */
START_TEST(a_file_that_was_forced_mends_its_zone)
{
    bool waits = _i;

    start(SIGNED(""));
    rig_configure(&rig, SIGNED(", zonemd: require"));
    expect("zone reload example.", 7, "ZONEMD");
    expect("zone reload example. --force", 0, "");
    zone()->row.digest.low ^= 1; /* of other records */
    ck_assert_int_eq(commit_zone(zone(), false), RESULT_OK);
    if (waits) {
        zone()->write.step = WRITE_PREPARE; /* until its file is written */
        zone()->phase = PHASE_QUEUED;
    }
    expect("scrub start --wait", 1, "");
    if (waits) {
        ck_assert_int_eq(zone()->phase, PHASE_QUEUED);
        zone()->write.step = WRITE_IDLE;
        loader_go_on(&rig.keeper);
    }
    rig_run_until(&rig, is_whole, "the zone to be whole again");
    ck_assert_uint_eq(held(), 1);
    ck_assert(!zone()->mends && !*zone()->problem);
    /* Another file has to pass as ever. */
    rig_write(&rig, "example.zone", second_file);
    expect("zone reload example.", 7, "ZONEMD");
}
END_TEST

START_TEST(a_file_is_not_measured_by_what_is_in_doubt)
{
    start(SIGNED(", reload-check: {largest-deletion: 0, free-deletions: 0}"));
    rig_write(&rig, "example.zone", second_file);
    expect("zone reload example.", 7, "names would go");
    doubt();
    expect("zone reload example.", 0, "");
    ck_assert(!is_doubtful());
}
END_TEST

/* ---- what is tried again ----------------------------------------------------------------------
 */

START_TEST(a_new_version_that_failed_waits)
{
    start(SIGNED(""));
    doubt();
    rig_configure(&rig, SIGNED(", zonemd: require"));
    zone()->whole = true;
    for (unsigned times = 1; times <= 3; times++) {
        zone()->load_after_ms = 0;
        keeper_zone_advance(zone());
        ck_assert_int_eq(zone()->phase, PHASE_LOADING);
        rig_run_until(&rig, is_not_loading, "the load to be held");
        ck_assert_int_eq(zone()->phase, PHASE_FAILED);
        ck_assert_uint_eq(held(), times);
        ck_assert_uint_eq(zone()->load_delay_ms, 500 << times);
        ck_assert_uint_gt(zone()->load_after_ms, rig.keeper.now_ms);
        keeper_zone_advance(zone());
        ck_assert_int_eq(zone()->phase, PHASE_FAILED);
    }
    /* Who asks does not wait. */
    expect("zone reload example. --force", 0, "");
    ck_assert(!zone()->whole && !is_doubtful() && !zone()->load_delay_ms);
}
END_TEST

START_TEST(a_hold_stands_as_long_as_its_reason)
{
    start(SIGNED(""));
    rig_write(&rig, "example.zone", earlier_file);
    expect("zone reload example.", 7, "serial 9 is before");
    ck_assert(hold_stands(zone()));
    zone()->hold.hook ^= 1; /* another program */
    ck_assert(!hold_stands(zone()));
    zone()->hold.hook ^= 1;
    zone()->hold.reason = HOLD_HOOK_FAILED; /* perhaps it does not fail again */
    ck_assert(!hold_stands(zone()));
    zone()->hold.reason = HOLD_HOOK;
    ck_assert(hold_stands(zone()));
    rig_configure(&rig, SIGNED(", serial: unixtime"));
    rig_run_until(&rig, rig_all_signed, "another load");
    ck_assert(!zone()->hold.reason);
}
END_TEST

/* ---- what is told -----------------------------------------------------------------------------
 */

static bool lacks_signer(struct rig *context)
{
    return *rig_zone(context, "example.")->problem;
}

/* All keys are proved, and a walk has found nothing to sign. */
static bool is_signing_fine(struct rig *context)
{
    const struct keeper_zone *subject = rig_zone(context, "example.");

    return subject->phase == PHASE_FAILED && keyring_at_hand(subject) && subject->looked_through &&
           subject->cursor.at == CURSOR_IDLE && !subject->walked && !*subject->problem;
}

static const struct {
    const char *file;
    int code;
    const char *told;
} unloaded[] = {{broken_file, 1, "has 1 error; the zone is served as it was"},
                {second_file, 7, "its file is held: "}};

/* Of the keys and of a load, each for itself, and by the next keeper too. */
START_TEST(a_load_that_failed_is_told_until_one_goes_well)
{
    const char *told = unloaded[_i].told;

    start(SIGNED(", reload-check: {largest-deletion: 0, free-deletions: 0}"));
    rig_write(&rig, "example.zone", unloaded[_i].file);
    expect("zone reload example.", unloaded[_i].code, told);
    rig_kill_signer(&rig);
    rig_run_until(&rig, lacks_signer, "the keys to be missed");
    expect("status", 0, told);
    expect("zone status example.", 0, "; the signer is away");
    rig_start_signer(&rig);
    rig_run_until(&rig, is_signing_fine, "the keys");
    expect("status", 0, told);
    rig_stop(&rig);
    rig_kill_signer(&rig);
    rig_start(&rig);
    rig_start_signer(&rig);
    rig_run_until(&rig, is_signing_fine, "the next keeper's keys");
    expect("status", 0, told);
    expect("zone list", 0, told);
    rig_write(&rig, "example.zone", first_file);
    expect("zone reload example.", 0, "\"problem\":null");
    expect("status", 0, "\"problems\":[]");
}
END_TEST

START_TEST(a_zone_in_doubt_is_not_counted_as_served)
{
    const char *const words[] = {"zone", "wait", "example.", NULL};

    start(SIGNED(""));
    expect("status", 0, "\"served\":1,\"fully_signed\":1,");
    expect("status", 0, "\"doubtful\":0");
    doubt();
    expect("status", 0, "\"served\":0,\"fully_signed\":0,");
    expect("status", 0, "\"doubtful\":1");
    expect("zone list", 0, "\"fully_signed\":false");
    expect("zone wait example. --timeout 0", 1, "not answered for: its records are in doubt");
    int call = rig_call(&rig, words);
    expect("zone reload example.", 0, "");
    ck_assert_int_eq(rig_answer(&rig, call, &text), 0);
    ck_assert(is_whole(&rig));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("keeper doubt");
    TCase *tests = tcase_create("keeper doubt");

    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, open_rig, close_rig);
    tcase_add_test(tests, a_zone_in_doubt_is_not_written_to_its_file);
    tcase_add_test(tests, doubt_that_comes_while_a_file_is_written);
    tcase_add_test(tests, what_is_stored_is_not_made_good_by_copying_it);
    tcase_add_test(tests, the_file_mends_what_a_copy_could_not);
    tcase_add_test(tests, a_file_is_read_after_what_is_stored);
    tcase_add_test(tests, a_reload_ends_when_what_is_stored_could_not_be_read);
    tcase_add_test(tests, a_broken_file_keeps_nobody_from_signing);
    tcase_add_loop_test(tests, a_file_that_was_forced_mends_its_zone, 0, 2);
    tcase_add_test(tests, a_file_is_not_measured_by_what_is_in_doubt);
    tcase_add_test(tests, a_new_version_that_failed_waits);
    tcase_add_test(tests, a_hold_stands_as_long_as_its_reason);
    tcase_add_loop_test(tests, a_load_that_failed_is_told_until_one_goes_well, 0, COUNT(unloaded));
    tcase_add_test(tests, a_zone_in_doubt_is_not_counted_as_served);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
