/* test_keeper_scrub.c - passes over the store: when they begin, how they go on through changes,
 * what a keeper does whose predecessors died of them. */
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

/* One death may have been an accident, a second at the same zone is not. */
START_TEST(a_zone_that_keepers_die_of)
{
    uint32_t version = rig_zone(&rig, "example.")->row.version;

    for (unsigned deaths = 1; deaths <= 2; deaths++) {
        rig_kill_signer(&rig);
        rig_stop(&rig);
        metric_set(room_stripe(&rig.room, 0), METRIC_SCRUB_VERSION, version);
        start_again();
        ck_assert_uint_eq(rig.keeper.scrub->last.zones, deaths == 1 ? 2 : 1);
        ck_assert(is_doubtful("example.") == (deaths == 2));
        ck_assert(!is_doubtful("other."));
    }
    ck_assert_ptr_nonnull(strstr(rig_zone(&rig, "example.")->scrub.problem, "a keeper died"));
    ck_assert_uint_eq(rig_zone(&rig, "example.")->row.version, version);
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
    tcase_add_test(passes, the_next_one_is_planned);
    suite_add_tcase(suite, passes);
    return run_suite(suite);
}
