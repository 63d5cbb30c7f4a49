/* test_keeper_scrub.c - passes over the store: when they begin, how they go on through changes,
 * what a keeper does whose predecessors died of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/keeper/scrub.h"
#include "keeper_rig.h"
#include "support.h"

#define POLICY "policies:\n  - {name: p, keystore: a}\n"
#define TWO                                                                                        \
    POLICY "zones:\n  - {name: example., file: a.zone, policy: p}\n"                               \
           "  - {name: other., file: a.zone, policy: p}\n"

static const char zone_text[] =
    "$TTL 300\n@ SOA ns.x. h.x. 1 1 2 3 60\n@ NS ns.x.\none A 192.0.2.1\ntwo A 192.0.2.2\n";
static struct rig rig;

static void set_up(void)
{
    rig_open(&rig);
    rig_write(&rig, "a.zone", zone_text);
    rig_configure(&rig, TWO);
    rig_start(&rig);
    rig_start_signer(&rig);
    rig_run_until(&rig, rig_all_signed, "fully signed");
}

static void tear_down(void)
{
    rig_close(&rig);
}

static bool has_ended(struct rig *lab)
{
    return lab->keeper.scrub->last.ended != 0;
}

static bool is_planned(struct rig *lab)
{
    return lab->keeper.scrub->due != 0;
}

static bool is_doubtful(const char *zone)
{
    return rig_zone(&rig, zone)->row.flags & ZONE_DOUBTFUL;
}

static void start_again(void)
{
    rig_start(&rig);
    rig_start_signer(&rig);
    rig_run_until(&rig, has_ended, "the pass of the start to end");
}

START_TEST(a_start_looks_at_records)
{
    rig_run_until(&rig, has_ended, "the pass of the start to end");
    rig_kill_signer(&rig);
    rig_stop(&rig);
    start_again();
    const struct scrub_facts *last = &rig.keeper.scrub->last;
    ck_assert_int_eq(last->pass, SCRUB_RECORDS);
    ck_assert_uint_eq(last->zones, 2);
    ck_assert_uint_gt(last->records, 10);
    ck_assert_uint_eq(last->damaged + last->doubtful + last->signatures, 0);
    ck_assert(scrub_is_clean(last));
    rig_run_until(&rig, is_planned, "the next pass to be planned");
    ck_assert_uint_gt(rig.keeper.scrub->due, rig.keeper.now);
}
END_TEST

/* Changes go on while a pass does; it is not led astray by them, however often. */
START_TEST(a_pass_goes_on_through_changes)
{
    for (unsigned i = 0; i < 20; i++) {
        struct buffer text = {.octets = NULL};
        rig.keeper.scrub->last.ended = 0;
        scrub_ask(&rig.keeper);
        buffer_format(&text, "%sname%u A 192.0.2.3\n", zone_text, i);
        buffer_u8(&text, 0);
        rig_write(&rig, "a.zone", (const char *)text.octets);
        buffer_clear(&text);
        ck_assert_int_eq(rig_ask(&rig, &text, "zone reload example."), 0);
        rig_run_until(&rig, has_ended, "the pass to end");
        ck_assert(scrub_is_clean(&rig.keeper.scrub->last));
        buffer_free(&text);
    }
    ck_assert(!is_doubtful("example.") && !is_doubtful("other."));
}
END_TEST

static bool has_begun(struct rig *lab)
{
    return lab->keeper.scrub->started;
}

/* A keeper has died while it looked at a version. */
static void die_at(uint32_t version)
{
    rig_kill_signer(&rig);
    rig_stop(&rig);
    metric_set(room_stripe(&rig.room, 0), METRIC_SCRUB_VERSION, version);
}

/* One death may have been an accident, a second at the same zone is not. */
START_TEST(a_zone_that_keepers_die_of)
{
    uint32_t version = rig_zone(&rig, "example.")->row.version;

    die_at(version);
    rig_start(&rig);
    rig_run_until(&rig, has_begun, "the pass of the start to begin");
    die_at(version);
    start_again();
    ck_assert_uint_eq(rig.keeper.scrub->last.zones, 1);
    ck_assert(is_doubtful("example.") && !is_doubtful("other."));
    ck_assert_ptr_nonnull(strstr(rig_zone(&rig, "example.")->scrub.problem, "a keeper died"));
    ck_assert_uint_eq(rig_zone(&rig, "example.")->row.version, version);
}
END_TEST

/* Two accidents, and a pass between them that went well. */
START_TEST(a_zone_at_which_keepers_died_by_accident)
{
    uint32_t version = rig_zone(&rig, "example.")->row.version;

    for (unsigned deaths = 1; deaths <= 3; deaths++) {
        die_at(deaths == 3 ? UINT32_MAX : version);
        start_again();
        ck_assert_uint_eq(rig.keeper.scrub->last.zones, 2);
        ck_assert(!is_doubtful("example.") && !is_doubtful("other."));
        ck_assert_uint_eq(metric_get(rig.keeper.metrics, METRIC_SCRUB_SUSPECT), 0);
    }
}
END_TEST

/* ---- a store that is older than its last commit -----------------------------------------------
 */

/* As with LMDB's topmost page of before: a commit that has not noted its number. */
static void roll_back(void)
{
    struct store_options options = {.access = STORE_WRITER, .make = change_make_store};
    struct store store;
    struct change change;
    char folder[512];

    rig_kill_signer(&rig);
    rig_stop(&rig);
    ck_assert_int_lt(snprintf(folder, sizeof folder, "%s/state/store", rig.folder),
                     (int)sizeof folder);
    options.folder = folder;
    options.map_octets = 64 << 20;
    ck_assert_int_eq(store_open(&store, &options), RESULT_OK);
    store.rolled_back = true;
    ck_assert_int_eq(change_begin(&change, &store), RESULT_OK);
    change_put_scrubbed(&change, 1);
    ck_assert_int_eq(change_commit(&change, NULL), RESULT_OK);
    store_close(&store);
}

static bool has_settled(struct rig *lab)
{
    return lab->keeper.settled;
}

static bool is_whole(struct rig *lab)
{
    return rig_all_signed(lab) && !is_doubtful("example.") && !is_doubtful("other.");
}

/* A keeper that ends before it has judged each zone leaves that to the next one, whatever it wrote;
 * and one that has judged them does not. */
START_TEST(an_old_store_is_not_forgotten)
{
    roll_back();
    rig_start(&rig);
    ck_assert(rig.keeper.store.rolled_back);
    rig_run_until(&rig, has_settled, "the keeper to write");
    ck_assert_int_eq(commit_zone(rig_zone(&rig, "other."), false), RESULT_OK);
    rig_stop(&rig);
    start_again();
    ck_assert_uint_eq(rig.keeper.scrub->last.doubtful, 2);
    rig_run_until(&rig, is_whole, "the files to be loaded anew");
    rig_kill_signer(&rig);
    rig_stop(&rig);
    start_again();
    ck_assert(!rig.keeper.store.rolled_back);
    ck_assert_uint_eq(rig.keeper.scrub->last.doubtful, 0);
}
END_TEST

/* What was loaded since is not old. What is remains in doubt, though it agrees with itself. */
START_TEST(an_old_version_stays_in_doubt)
{
    struct keeper_zone *old = rig_zone(&rig, "example.");

    rig_run_until(&rig, has_ended, "the pass of the start to end");
    rig_write(&rig, "a.zone", "; not what was loaded\n");
    if (old->row.version > rig_zone(&rig, "other.")->row.version)
        old = rig_zone(&rig, "other.");
    rig.keeper.store.rolled_back = true;
    rig.keeper.old_versions = old->row.version;
    for (unsigned pass = 0; pass < 2; pass++) {
        rig.keeper.scrub->last.ended = 0;
        scrub_ask(&rig.keeper);
        rig_run_until(&rig, has_ended, "the pass to end");
        ck_assert_uint_eq(rig.keeper.scrub->last.zones, 2);
        ck_assert_uint_eq(rig.keeper.scrub->last.doubtful, 1);
        ck_assert(old->row.flags & ZONE_DOUBTFUL);
        ck_assert(!rig.keeper.store.rolled_back);
        ck_assert_uint_eq(metric_get(rig.keeper.metrics, METRIC_ZONES_DOUBTFUL), 1);
    }
}
END_TEST

static bool is_revealed(struct rig *lab)
{
    return lab->keeper.pins.revealed;
}

/* When the daemon starts, that is; when it is the keeper alone, those who answer go on. */
START_TEST(answers_wait_for_the_look)
{
    struct page_published *published;

    roll_back();
    rig_write(&rig, "a.zone", "; not what was loaded\n");
    (void)close(rig.room.published);
    ck_assert_int_eq(pages_make(&rig.room.published, NULL), RESULT_OK);
    rig.configs[(rig.config_count - 1) % 2].server.scrub_first = true;
    rig_start(&rig);
    published = rig.keeper.pages.published;
    ck_assert(!is_revealed(&rig));
    ck_assert_uint_eq(atomic_load(&published->ticket), 0);
    rig_run_until(&rig, is_revealed, "the look to end");
    ck_assert(is_doubtful("example.") && is_doubtful("other."));
    ck_assert_uint_eq(atomic_load(&published->ticket), rig.keeper.pins.ticket);
    rig_stop(&rig);
    rig_start(&rig);
    ck_assert(is_revealed(&rig));
}
END_TEST

static bool is_under_way(struct rig *lab)
{
    return lab->keeper.scrub->now.zones == 1;
}

/* Who watches the number of zones in doubt is not told that all is well whenever a pass begins. */
START_TEST(zones_in_doubt_are_counted_during_a_pass)
{
    struct keeper_zone *last = rig_zone(&rig, "other.");

    rig_run_until(&rig, has_ended, "the pass of the start to end");
    rig_write(&rig, "a.zone", "; not what was loaded\n");
    last->row.digest.records++;
    rig.keeper.scrub->last.ended = 0;
    scrub_ask(&rig.keeper);
    rig_run_until(&rig, has_ended, "the pass to end");
    ck_assert_uint_eq(metric_get(rig.keeper.metrics, METRIC_ZONES_DOUBTFUL), 1);
    scrub_ask(&rig.keeper);
    rig_run_until(&rig, is_under_way, "the first zone to be done");
    ck_assert_uint_eq(metric_get(rig.keeper.metrics, METRIC_ZONES_DOUBTFUL), 1);
}
END_TEST

START_TEST(the_next_one_is_planned)
{
    struct buffer text = {.octets = NULL};

    rig_run_until(&rig, has_ended, "the pass of the start to end");
    ck_assert_int_eq(rig_ask(&rig, &text, "scrub start --wait"), 0);
    ck_assert_ptr_nonnull(strstr((const char *)text.octets, "\"running\":null"));
    ck_assert_int_eq(rig.keeper.scrub->last.pass, SCRUB_SIGNATURES);
    ck_assert_uint_gt(rig.keeper.scrub->due, rig.keeper.now + 6 * 86400);
    buffer_free(&text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("keeper/scrub");
    TCase *passes = tcase_create("passes");

    tcase_add_checked_fixture(passes, set_up, tear_down);
    tcase_set_timeout(passes, 120);
    tcase_add_test(passes, a_start_looks_at_records);
    tcase_add_test(passes, a_pass_goes_on_through_changes);
    tcase_add_test(passes, a_zone_that_keepers_die_of);
    tcase_add_test(passes, a_zone_at_which_keepers_died_by_accident);
    tcase_add_test(passes, an_old_store_is_not_forgotten);
    tcase_add_test(passes, an_old_version_stays_in_doubt);
    tcase_add_test(passes, answers_wait_for_the_look);
    tcase_add_test(passes, zones_in_doubt_are_counted_during_a_pass);
    tcase_add_test(passes, the_next_one_is_planned);
    suite_add_tcase(suite, passes);
    return run_suite(suite);
}
