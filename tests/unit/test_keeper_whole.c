/* test_keeper_whole.c - a whole keeper: zones are loaded, signed, kept fresh, whatever the signer
 * and the files do meanwhile. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "avow/base/clock.h"
#include "avow/store/lookup.h"
#include "avow/wire/type.h"
#include "keeper_rig.h"
#include "support.h"

#define POLICY(more)                                                                               \
    "policies:\n"                                                                                  \
    "  - {name: p, keystore: a, " more "}\n"
#define ZONE "zones:\n  - {name: example., file: example.zone, policy: p}\n"

enum { HOSTS = 400 };

static struct rig rig;
static struct buffer text;

/* HOSTS names with an address each; a word says what one of them has. */
static void write_zone(unsigned serial, const char *word)
{
    struct buffer zone = {.length = 0};

    buffer_format(&zone,
                  "$ORIGIN example.\n$TTL 300\n@ SOA ns h %u 1 2 3 60\n@ NS ns\nns A 192.0.2.1\n"
                  "word TXT %s\ncut NS ns.elsewhere.\nb.c.d A 192.0.2.2\n* MX 1 ns\n",
                  serial, word);
    for (unsigned i = 0; i < HOSTS; i++)
        buffer_format(&zone, "h%u A 10.0.%u.%u\n", i, i / 256, i % 256);
    buffer_u8(&zone, 0);
    rig_write(&rig, "example.zone", (const char *)zone.octets);
    buffer_free(&zone);
}

static void open_rig(void)
{
    rig_open(&rig);
    write_zone(1, "one");
}

static void close_rig(void)
{
    rig_close(&rig);
    buffer_free(&text);
}

static struct zone *row(void)
{
    return &rig_zone(&rig, "example.")->row;
}

static uint64_t wanted(void)
{
    return row()->rrsets + row()->denials;
}

static uint64_t metric(enum metric number)
{
    return metric_get(rig.keeper.metrics, number);
}

static bool is_served(struct rig *context)
{
    return rig_zone(context, "example.") && row()->version != 0;
}

static bool some_are_signed(struct rig *context)
{
    return is_served(context) && metric(METRIC_SIGNATURES_STORED) > 50;
}

static bool some_are_under_way(struct rig *context)
{
    return is_served(context) && rig_zone(context, "example.")->in_flight > 0;
}

static bool some_have_failed(struct rig *context)
{
    (void)context;
    return metric(METRIC_SIGNATURES_FAILED) > 0;
}

/* Loaded, signed, nothing left over. */
static void reach_the_end(void)
{
    rig_run_until(&rig, rig_all_signed, "fully signed");
    ck_assert_uint_eq(row()->rrsets_signed, row()->rrsets);
    ck_assert_uint_eq(row()->denials_signed, row()->denials);
    ck_assert_uint_eq(rig_check_signatures(&rig, "example.", NULL), wanted());
    ck_assert_uint_eq(rig.keeper.bulk_jobs, 0);
    ck_assert_uint_eq(rig.keeper.jobs.in_use, 0);
    ck_assert_str_eq(rig_zone(&rig, "example.")->problem, "");
}

static void start(const char *configuration)
{
    rig_configure(&rig, configuration);
    rig_start(&rig);
    rig_start_signer(&rig);
}

/* ---- the straight way -------------------------------------------------------------------------
 */

static const char *const policies[] = {
    POLICY("denial: nsec3"), POLICY("denial: nsec"), POLICY("keys: csk"),
    POLICY("nsec3: {iterations: 1, salt-length: 4, opt-out: true}")};

START_TEST(a_zone_is_signed_to_the_end)
{
    char configuration[512];

    (void)snprintf(configuration, sizeof configuration, "%s%s", policies[_i], ZONE);
    start(configuration);
    reach_the_end();
    ck_assert_uint_eq(row()->serial, 1);
    ck_assert_uint_ne(row()->flags & ZONE_FULLY_SIGNED, 0);
    ck_assert_uint_eq(atomic_load(&rig.signer.jobs), wanted()); /* none twice */
    ck_assert_uint_eq(metric(METRIC_SIGNATURES_STORED), wanted());
    ck_assert_int_eq(rig_ask(&rig, &text, "zone wait example."), 0);
    ck_assert_int_eq(rig_ask(&rig, &text, "zone status example."), 0);
    ck_assert_ptr_nonnull(strstr((char *)text.octets, "\"fully_signed\":true"));
}
END_TEST

static const char two_zones[] = "policies:\n"
                                "  - {name: p, keystore: a}\n"
                                "  - {name: q, keystore: b}\n"
                                "zones:\n"
                                "  - {name: example., file: example.zone, policy: p}\n"
                                "  - {name: other., file: other.zone, policy: q}\n"
                                "  - {name: plain., file: plain.zone, policy: none}\n";

static bool example_is_signed(struct rig *context)
{
    return is_served(context) && row()->flags & ZONE_FULLY_SIGNED;
}

/* A token that is away keeps nobody else waiting; when it is back its zone follows by itself. */
START_TEST(one_of_two_tokens_is_away)
{
    rig_write(&rig, "other.zone", "@ 60 SOA ns h 9 1 2 3 4\n@ 60 NS ns\nns 60 A 192.0.2.1\n");
    rig_write(&rig, "plain.zone", "@ 60 SOA ns h 9 1 2 3 4\n@ 60 NS ns\nns 60 A 192.0.2.1\n");
    atomic_store(&rig.signer.down, 2);
    start(two_zones);
    rig_run_until(&rig, example_is_signed, "the zone of the other token");
    ck_assert_uint_eq(rig_zone(&rig, "other.")->row.version, 0);
    ck_assert_str_eq(rig_zone(&rig, "other.")->problem, "no token in the slot");
    ck_assert_uint_ne(rig_zone(&rig, "plain.")->row.version, 0);
    ck_assert_int_eq(rig_ask(&rig, &text, "zone wait other. --timeout 1"), 1);
    ck_assert_ptr_nonnull(strstr((char *)text.octets, "no token in the slot"));
    atomic_store(&rig.signer.down, 0);
    rig_run_until(&rig, rig_all_signed, "the token's zone");
    ck_assert_uint_eq(rig_zone(&rig, "other.")->row.serial, 9);
    ck_assert_uint_gt(rig_check_signatures(&rig, "other.", NULL), 0);
    ck_assert_uint_eq(rig_check_signatures(&rig, "plain.", NULL), 0);
}
END_TEST

/* ---- what queries want ------------------------------------------------------------------------
 */

START_TEST(many_wait_for_one_signature)
{
    enum { WAITERS = 20 };
    uint64_t seen = 0;

    start(POLICY("denial: nsec3") ZONE);
    rig_run_until(&rig, some_are_under_way, "signing begins");
    atomic_store(&rig.signer.hold, true);
    for (uint64_t id = 0; id < WAITERS; id++)
        rig_want(&rig, id, "example.", "h399.example.", TYPE_A);
    rig_want(&rig, WAITERS, "example.", "nobody.example.", TYPE_A);
    rig_want(&rig, WAITERS + 1, "example.", "cut.example.", TYPE_NS);
    rig_run_ms(&rig, 100);
    struct message message;
    for (unsigned i = 0; i < 2; i++) {
        ck_assert_int_eq(rig_told(&rig, &message), MESSAGE_NOT_STORED);
        ck_assert_uint_eq(message.not_stored.reason, message.not_stored.id == WAITERS
                                                         ? NOT_STORED_UNKNOWN
                                                         : NOT_STORED_UNSIGNED);
    }
    ck_assert_int_eq(rig_told(&rig, &message), -1);
    atomic_store(&rig.signer.hold, false);
    reach_the_end();
    while (rig_told(&rig, &message) == MESSAGE_STORED) {
        seen |= (uint64_t)1 << message.stored.id;
        ck_assert_uint_gt(message.stored.transaction, 0);
        ck_assert_uint_le(message.stored.transaction, rig.keeper.transaction);
    }
    ck_assert_uint_eq(seen, ((uint64_t)1 << WAITERS) - 1);
    ck_assert_uint_eq(atomic_load(&rig.signer.jobs), wanted());
    rig_want(&rig, 50, "example.", "h399.example.", TYPE_A); /* is there: told at once */
    rig_run_ms(&rig, 50);
    ck_assert_int_eq(rig_told(&rig, &message), MESSAGE_STORED);
}
END_TEST

/* What the background has sent already, and the signer will come to some time, is asked for again
 * out of turn when a query waits for it and signatures are cheap; the second one is dropped. */
START_TEST(what_is_under_way_is_hurried)
{
    struct message message;

    atomic_store(&rig.signer.hold_bulk, true);
    start(POLICY("denial: nsec3") ZONE);
    rig_run_until(&rig, some_are_under_way, "signing begins");
    ck_assert_uint_eq(rig.keeper.bulk_jobs, rig.keeper.jobs.in_use);
    rig.keeper.budget.rate = BUDGET_FAST;
    for (uint64_t id = 0; id < 3; id++)
        rig_want(&rig, id, "example.", "example.", TYPE_SOA);
    rig_run_ms(&rig, 300);
    for (uint64_t id = 0; id < 3; id++)
        ck_assert_int_eq(rig_told(&rig, &message), MESSAGE_STORED);
    ck_assert_uint_eq(atomic_load(&rig.signer.jobs), 1);
    atomic_store(&rig.signer.hold_bulk, false);
    reach_the_end();
    ck_assert_uint_eq(atomic_load(&rig.signer.jobs), wanted() + 1);
    ck_assert_int_eq(rig_told(&rig, &message), -1);
}
END_TEST

/* Where they are dear nothing is signed twice: the background has a larger share instead. */
START_TEST(what_is_under_way_is_signed_once)
{
    struct message message;

    atomic_store(&rig.signer.hold_bulk, true);
    start(POLICY("denial: nsec3") ZONE);
    rig_run_until(&rig, some_are_under_way, "signing begins");
    rig.keeper.budget.rate = 13 * 60;
    rig_want(&rig, 1, "example.", "example.", TYPE_SOA);
    rig_want(&rig, 2, "example.", "example.", TYPE_SOA);
    rig_run_ms(&rig, 100);
    ck_assert_int_eq(rig_told(&rig, &message), -1);
    ck_assert_uint_eq(rig.keeper.bulk_waited, 1);
    ck_assert_uint_gt(rig.keeper.bulk_pressing, 0); /* the apex */
    atomic_store(&rig.signer.hold_bulk, false);
    reach_the_end();
    ck_assert_int_eq(rig_told(&rig, &message), MESSAGE_STORED);
    ck_assert_int_eq(rig_told(&rig, &message), MESSAGE_STORED);
    ck_assert_uint_eq(atomic_load(&rig.signer.jobs), wanted());
    ck_assert_uint_eq(rig.keeper.bulk_waited + rig.keeper.bulk_pressing + rig.keeper.budget.asked,
                      0);
}
END_TEST

/* ---- more is asked for than the token makes ---------------------------------------------------
 */

static void host_name(unsigned number, struct name *name)
{
    char owner[32];

    (void)snprintf(owner, sizeof owner, "h%u.example.", number);
    ck_assert_int_eq(name_from_string(owner, name), RESULT_OK);
}

static void want_host(unsigned number, bool proven)
{
    struct message want = {
        .kind = MESSAGE_WANT,
        .want = {.id = number, .version = row()->version, .type = TYPE_A, .proven = proven}};

    host_name(number, &want.want.owner);
    ck_assert_int_eq(letter_send(rig.front, &want, rig.frame, LETTER_NOW), LETTER_DONE);
}

/* That the signer has of what is asked for, while it has an apex too. */
enum { AT_ONCE = 1 };

/* A flood: the signer is given little at a time, what cannot be made in time is refused, the
 * important goes first, and everything is signed once. */
START_TEST(what_cannot_be_made_in_time_is_refused)
{
    struct message message;
    struct name host;
    enum { FIRST = 300, UNPROVEN = 20, PROVEN = 5 };

    atomic_store(&rig.signer.hold_bulk, true);
    start(POLICY("denial: nsec3") ZONE);
    rig_run_until(&rig, some_are_under_way, "signing begins");
    atomic_store(&rig.signer.hold, true);
    rig_run_ms(&rig, 50);             /* so that the signer is seen to hold */
    rig.keeper.budget.rate = 20 * 60; /* of which the apex has seven parts of eight */
    unsigned before = atomic_load(&rig.signer.order_count);
    for (unsigned i = 0; i < UNPROVEN; i++)
        want_host(FIRST + i, false);
    for (unsigned i = 0; i < PROVEN; i++)
        want_host(FIRST + UNPROVEN + i, true);
    rig_run_ms(&rig, 100);
    uint32_t within = budget_within(&rig.keeper.budget, BACKGROUND_PRESSING, WANT_UDP_MS);
    ck_assert_uint_eq(rig.keeper.budget.asked, AT_ONCE);
    ck_assert_uint_eq(rig.keeper.asked.counts[ASKED_UNPROVEN], within);
    ck_assert_uint_eq(rig.keeper.asked.counts[ASKED_PROVEN], PROVEN);
    for (unsigned i = AT_ONCE + within; i < UNPROVEN; i++) {
        ck_assert_int_eq(rig_told(&rig, &message), MESSAGE_NOT_STORED);
        ck_assert_uint_eq(message.not_stored.id, FIRST + i);
        ck_assert_uint_eq(message.not_stored.reason, NOT_STORED_BUSY);
    }
    ck_assert_int_eq(rig_told(&rig, &message), -1);
    want_host(FIRST + AT_ONCE, true); /* one of those that wait, for somebody else */
    rig_run_ms(&rig, 50);
    ck_assert_uint_eq(rig.keeper.asked.counts[ASKED_PROVEN], PROVEN + 1);
    ck_assert_int_eq(rig_ask(&rig, &text, "status"), 0);
    ck_assert_ptr_nonnull(strstr((char *)text.octets, "\"proven\":6"));
    atomic_store(&rig.signer.hold, false);
    atomic_store(&rig.signer.hold_bulk, false);
    reach_the_end();
    ck_assert_uint_eq(atomic_load(&rig.signer.jobs), wanted());
    unsigned told = 0;
    while (rig_told(&rig, &message) == MESSAGE_STORED)
        told++;
    ck_assert_uint_eq(told, AT_ONCE + within + PROVEN + 1);
    const unsigned turns[] = {FIRST, /* there was none else yet */
                              FIRST + UNPROVEN,
                              FIRST + UNPROVEN + 1,
                              FIRST + UNPROVEN + 2,
                              FIRST + UNPROVEN + 3,
                              FIRST + UNPROVEN + 4,
                              FIRST + AT_ONCE, /* proven later */
                              FIRST + AT_ONCE + 1};
    ck_assert_uint_eq(atomic_load(&rig.signer.order_count), before + AT_ONCE + within + PROVEN);
    for (unsigned i = 0; i < COUNT(turns) && i < AT_ONCE + within + PROVEN; i++) {
        host_name(turns[i], &host);
        ck_assert(name_equal(&rig.signer.orders[before + i], &host));
    }
    ck_assert_uint_gt(rig.allowance.rate, 0);
    ck_assert_uint_gt(rig.allowance.proven, rig.allowance.unproven);
    ck_assert_uint_eq(asked_count(&rig.keeper.asked), 0);
}
END_TEST

/* The signer goes while others wait for it. */
START_TEST(who_waits_in_line_is_told_when_the_signer_goes)
{
    struct message message;

    atomic_store(&rig.signer.hold_bulk, true);
    start(POLICY("denial: nsec3") ZONE);
    rig_run_until(&rig, some_are_under_way, "signing begins");
    atomic_store(&rig.signer.hold, true);
    rig_run_ms(&rig, 50);                 /* so that the signer is seen to hold */
    rig.keeper.budget.rate = 8 * 13 * 60; /* the same */
    for (unsigned i = 0; i < 5; i++)
        want_host(i + 300, false);
    rig_run_ms(&rig, 50);
    ck_assert_uint_eq(asked_count(&rig.keeper.asked), 5 - AT_ONCE);
    rig_kill_signer(&rig);
    rig_run_ms(&rig, 50);
    for (unsigned i = 0; i < 5; i++)
        ck_assert_int_eq(rig_told(&rig, &message), MESSAGE_NOT_STORED);
    ck_assert_uint_eq(asked_count(&rig.keeper.asked), 0);
    ck_assert_uint_eq(rig.keeper.budget.asked + rig.keeper.budget.under_way, 0);
    atomic_store(&rig.signer.hold, false);
    atomic_store(&rig.signer.hold_bulk, false);
    rig_start_signer(&rig);
    reach_the_end();
}
END_TEST

/* ---- a signer in trouble ----------------------------------------------------------------------
 */

START_TEST(the_signer_dies_and_comes_back)
{
    struct message message;

    atomic_store(&rig.signer.slow_us, 500);
    start(POLICY("denial: nsec3") ZONE);
    rig_run_until(&rig, some_are_signed, "some signatures");
    atomic_store(&rig.signer.hold, true);
    rig_want(&rig, 1, "example.", "h7.example.", TYPE_TXT); /* not there */
    rig_want(&rig, 2, "example.", "h399.example.", TYPE_A);
    rig_run_ms(&rig, 50);
    rig_kill_signer(&rig);
    rig_run_ms(&rig, 50);
    ck_assert_int_eq(rig_told(&rig, &message), MESSAGE_NOT_STORED);
    ck_assert_uint_eq(message.not_stored.reason, NOT_STORED_UNKNOWN);
    ck_assert_int_eq(rig_told(&rig, &message), MESSAGE_NOT_STORED);
    ck_assert_uint_eq(message.not_stored.reason, NOT_STORED_FAILED);
    ck_assert_uint_eq(rig.keeper.bulk_jobs, 0);
    ck_assert_uint_eq(row()->flags & ZONE_FULLY_SIGNED, 0);
    atomic_store(&rig.signer.hold, false);
    atomic_store(&rig.signer.slow_us, 0);
    rig_start_signer(&rig);
    reach_the_end();
}
END_TEST

START_TEST(what_fails_is_tried_again)
{
    atomic_store(&rig.signer.fail, 70);
    start(POLICY("denial: nsec3") ZONE);
    rig_run_until(&rig, some_are_signed, "some signatures");
    ck_assert_ptr_nonnull(strstr(rig_zone(&rig, "example.")->problem, "CKR_DEVICE_ERROR"));
    ck_assert_uint_eq(metric(METRIC_SIGNATURES_FAILED), 70);
    reach_the_end();
    ck_assert_uint_eq(atomic_load(&rig.signer.jobs), wanted());
}
END_TEST

/* Each failure doubles the time until the next walk: a token that is broken is not hammered. */
START_TEST(what_fails_for_ever_is_not_hammered)
{
    atomic_store(&rig.signer.fail, UINT32_MAX);
    start(POLICY("denial: nsec3") ZONE);
    rig_run_until(&rig, some_have_failed, "a failure");
    rig_run_ms(&rig, 2500);
    ck_assert_uint_eq(metric(METRIC_SIGNATURES_STORED), 0);
    ck_assert_uint_ge(rig_zone(&rig, "example.")->delay_ms, 2000);
    ck_assert_uint_le(metric(METRIC_SIGNATURES_FAILED), 3 * wanted());
}
END_TEST

START_TEST(unknown_keys_are_asked_for_again)
{
    atomic_store(&rig.signer.unknown, true);
    start(POLICY("denial: nsec3") ZONE);
    rig_run_until(&rig, some_have_failed, "a failure");
    rig_run_ms(&rig, 100);
    atomic_store(&rig.signer.unknown, false);
    reach_the_end();
    ck_assert_uint_gt(atomic_load(&rig.signer.keys_asked), 2); /* more than its two keys once */
}
END_TEST

static bool restart_was_asked(struct rig *context)
{
    return context->restarts[ROOM_SIGNER] > 0;
}

/* Everything was sent so long ago. */
static void let_time_pass(uint64_t milliseconds)
{
    rig.keeper.answered_ms -= milliseconds;
    for (size_t i = 0; i < JOBS_LIMIT; i++) {
        struct job *job = &rig.keeper.jobs.places[i];
        if (job->in_use && job->sent_ms)
            job->sent_ms -= milliseconds;
    }
}

START_TEST(a_signer_that_hangs_is_restarted)
{
    struct message message;

    atomic_store(&rig.signer.silent, true);
    start(POLICY("denial: nsec3") ZONE);
    rig_run_until(&rig, some_are_under_way, "signing begins");
    rig_want(&rig, 1, "example.", "h399.example.", TYPE_A);
    rig_run_ms(&rig, 1200);
    ck_assert_uint_eq(rig.restarts[ROOM_SIGNER], 0);
    let_time_pass(10000);
    rig_run_until(&rig, restart_was_asked, "the restart of a signer that hangs");
    rig_run_ms(&rig, 50);
    ck_assert_int_eq(rig_told(&rig, &message), MESSAGE_NOT_STORED);
    rig_kill_signer(&rig);
    rig_run_ms(&rig, 50);
    atomic_store(&rig.signer.silent, false);
    rig_start_signer(&rig);
    reach_the_end();
}
END_TEST

static const char *const reload[] = {"zone", "reload", "example.", NULL};

static bool has_a_round(struct rig *context)
{
    return rig_zone(context, "example.")->round != NULL;
}

/* One that goes on answering others is not restarted; what it lost is sent again. */
START_TEST(a_lost_job_is_given_up)
{
    start(POLICY("denial: nsec3") ZONE);
    reach_the_end();
    atomic_store(&rig.signer.silent, true);
    write_zone(2, "two");
    int call = rig_call(&rig, reload);
    rig_run_until(&rig, has_a_round, "a round");
    rig_run_ms(&rig, 300);
    atomic_store(&rig.signer.silent, false);
    let_time_pass(120000);
    rig.keeper.answered_ms = rig.keeper.now_ms;
    ck_assert_int_eq(rig_answer(&rig, call, NULL), 0);
    reach_the_end();
    ck_assert_uint_eq(row()->serial, 2);
    ck_assert_uint_eq(rig.restarts[ROOM_SIGNER], 0);
}
END_TEST

/* ---- other files ------------------------------------------------------------------------------
 */

START_TEST(a_difference_keeps_signatures)
{
    start(POLICY("denial: nsec3") ZONE);
    reach_the_end();
    uint32_t version = row()->version;
    uint64_t before = atomic_load(&rig.signer.jobs);

    write_zone(1, "two"); /* the serial does not move: it is moved for it */
    ck_assert_int_eq(rig_ask(&rig, &text, "zone reload example."), 0);
    reach_the_end();
    ck_assert_uint_eq(row()->version, version);
    ck_assert_uint_eq(row()->serial, 2);
    ck_assert_uint_eq(atomic_load(&rig.signer.jobs), before + 2); /* the TXT and the SOA */

    ck_assert_int_eq(rig_ask(&rig, &text, "zone reload example."), 0); /* nothing is different */
    reach_the_end();
    ck_assert_uint_eq(row()->serial, 2);
    ck_assert_uint_eq(atomic_load(&rig.signer.jobs), before + 2);
}
END_TEST

/* A signature over what was there before must not end up beside what is there now. */
START_TEST(a_change_under_signatures_on_their_way)
{
    start(POLICY("denial: nsec3") ZONE);
    rig_run_until(&rig, some_are_signed, "some signatures");
    atomic_store(&rig.signer.hold, true);
    rig_want(&rig, 1, "example.", "word.example.", TYPE_TXT);
    rig_want(&rig, 2, "example.", "example.", TYPE_SOA);
    rig_run_ms(&rig, 50);
    uint32_t version = row()->version;
    write_zone(5, "two");
    int call = rig_call(&rig, reload);
    rig_run_until(&rig, has_a_round, "a round");
    ck_assert_uint_eq(row()->serial, 1); /* nothing is served that is not signed */
    atomic_store(&rig.signer.hold, false);
    ck_assert_int_eq(rig_answer(&rig, call, NULL), 0);
    ck_assert_uint_eq(row()->version, version); /* as a difference */
    ck_assert_uint_eq(row()->serial, 5);
    reach_the_end();
}
END_TEST

START_TEST(a_bad_file_leaves_the_zone_as_it_is)
{
    start(POLICY("denial: nsec3") ZONE);
    reach_the_end();
    rig_write(&rig, "example.zone",
              "@ 60 SOA ns h 9 1 2 3 4\n@ 60 NS ns\nns 60 A nonsense\n"
              "x 60 MX a\ny 60 CNAME z\ny 60 A 192.0.2.1\n");
    ck_assert_int_eq(rig_ask(&rig, &text, "zone reload example."), 1);
    ck_assert_ptr_nonnull(strstr((char *)text.octets, "example.zone:3:"));
    ck_assert_ptr_nonnull(strstr((char *)text.octets, "example.zone:4:"));
    ck_assert_uint_eq(row()->serial, 1);
    ck_assert_uint_eq(rig_check_signatures(&rig, "example.", NULL), wanted());
    ck_assert_int_eq(rig_zone(&rig, "example.")->phase, PHASE_FAILED);
    ck_assert_int_eq(rig_ask(&rig, &text, "zone wait example."), 0); /* what is served is signed */

    write_zone(3, "three");
    rig_configure(&rig, POLICY("denial: nsec3") ZONE); /* SIGHUP */
    reach_the_end();
    ck_assert_uint_eq(row()->serial, 3);
}
END_TEST

START_TEST(a_file_that_comes_late)
{
    rig_configure(&rig, POLICY("denial: nsec3") "zones:\n"
                                                "  - {name: example., file: late, policy: p}\n");
    rig_start(&rig);
    rig_start_signer(&rig);
    ck_assert_int_eq(rig_ask(&rig, &text, "zone wait example."), 1);
    ck_assert_ptr_nonnull(strstr((char *)text.octets, "error"));
    rig_write(&rig, "late", "@ 60 SOA ns h 9 1 2 3 4\n@ 60 NS ns\nns 60 A 192.0.2.1\n");
    rig_configure(&rig, POLICY("denial: nsec3") "zones:\n"
                                                "  - {name: example., file: late, policy: p}\n");
    reach_the_end();
    ck_assert_uint_eq(row()->serial, 9);
}
END_TEST

static bool is_loading(struct rig *context)
{
    return rig_zone(context, "example.") && rig_zone(context, "example.")->phase == PHASE_LOADING;
}

START_TEST(a_reload_while_loading_is_another_load)
{
    static const char *const words[] = {"zone", "reload", "example.", NULL};

    start(POLICY("denial: nsec3") ZONE);
    rig_run_until(&rig, is_loading, "loading");
    write_zone(2, "two");
    ck_assert_int_eq(rig_answer(&rig, rig_call(&rig, words), &text), 0);
    ck_assert_uint_ge(metric(METRIC_LOADS), 1);
    reach_the_end();
    ck_assert_uint_eq(row()->serial, 2);
}
END_TEST

/* ---- other configurations ---------------------------------------------------------------------
 */

START_TEST(another_denial_is_another_version)
{
    start(POLICY("denial: nsec3") ZONE);
    rig_run_until(&rig, some_are_signed, "some signatures");
    uint32_t version = row()->version;
    rig_configure(&rig, POLICY("denial: nsec") ZONE);
    ck_assert_int_eq(rig_ask(&rig, NULL, "zone wait example."), 0);
    reach_the_end();
    ck_assert_uint_ne(row()->version, version);
    ck_assert_uint_eq(row()->flags & ZONE_NSEC3, 0);
    ck_assert_uint_eq(row()->serial, 2);
}
END_TEST

static bool has_nsec(struct rig *context)
{
    (void)context;
    return !(row()->flags & ZONE_NSEC3);
}

static bool is_new_and_signed(struct rig *context)
{
    return rig_all_signed(context) && row()->serial == 2;
}

/* Of a file, and of another chain: each is made by itself as soon as the store has room. */
START_TEST(what_had_no_room_is_made_when_there_is)
{
    start(POLICY("denial: nsec3") ZONE);
    reach_the_end();
    struct keeper_zone *zone = rig_zone(&rig, "example.");
    uint32_t version = row()->version;

    write_zone(2, "two");
    rig.keeper.watermark.level = WATERMARK_NO_LOADS;
    zone->load_wanted = zone->forced = true;
    keeper_zone_advance(zone);
    ck_assert_int_eq(zone->phase, PHASE_FAILED);
    ck_assert_ptr_nonnull(strstr(zone->load_problem, "80 % full; it is tried again"));
    ck_assert(!zone->forced);
    rig_run_until(&rig, is_new_and_signed, "the file to be loaded");
    ck_assert_str_eq(zone->problem, "");

    rig.keeper.watermark.level = WATERMARK_NO_LOADS;
    rig_configure(&rig, POLICY("denial: nsec") ZONE);
    ck_assert_uint_eq(row()->version, version);
    rig_run_until(&rig, has_nsec, "the other chain");
    reach_the_end();
    ck_assert_uint_ne(row()->version, version);
}
END_TEST

/* While the walk is on, the zone is to be signed no longer; then it is again. */
START_TEST(the_policy_goes_and_comes)
{
    start(POLICY("denial: nsec3") ZONE);
    rig_run_until(&rig, some_are_under_way, "signing begins");
    atomic_store(&rig.signer.hold, true);
    rig_configure(&rig, "zones:\n  - {name: example., file: example.zone, policy: none}\n");
    rig_run_ms(&rig, 100);
    atomic_store(&rig.signer.hold, false);
    rig_run_until(&rig, rig_all_signed, "served unsigned");
    ck_assert_uint_eq(row()->flags & ZONE_SIGNED, 0);
    ck_assert_uint_eq(rig_check_signatures(&rig, "example.", NULL), 0);
    rig_configure(&rig, POLICY("denial: nsec3") ZONE);
    ck_assert_int_eq(rig_ask(&rig, NULL, "zone wait example."), 0);
    reach_the_end();
    ck_assert_uint_eq(row()->serial, 3);
}
END_TEST

static bool is_gone(struct rig *context)
{
    return rig_zone(context, "example.") == NULL;
}

static enum found_record find_row(struct rig *context, struct zone *stored)
{
    struct name name;

    ck_assert_int_eq(name_from_string("example.", &name), RESULT_OK);
    ck_assert_int_eq(snapshot_renew(&context->keeper.view), RENEWAL_READY);
    enum found_record found = zone_get(&context->keeper.view, &name, stored);
    snapshot_rest(&context->keeper.view);
    return found;
}

static bool is_dropped(struct rig *context)
{
    struct zone stored;

    return find_row(context, &stored) == RECORD_ABSENT;
}

START_TEST(a_zone_is_removed_under_way)
{
    start(POLICY("denial: nsec3") ZONE);
    rig_run_until(&rig, some_are_under_way, "signing begins");
    atomic_store(&rig.signer.hold, true);
    int call = rig_call(&rig, (const char *const[]){"zone", "wait", "example.", NULL});
    rig_run_ms(&rig, 50);
    rig_write(&rig, "other.zone", "@ 60 SOA ns h 9 1 2 3 4\n@ 60 NS ns\nns 60 A 192.0.2.1\n");
    rig_configure(&rig,
                  POLICY("denial: nsec3") "zones:\n"
                                          "  - {name: other., file: other.zone, policy: p}\n");
    ck_assert_int_eq(rig_answer(&rig, call, &text), 4);
    atomic_store(&rig.signer.hold, false);
    rig_run_until(&rig, is_gone, "the zone's end");
    rig_run_until(&rig, rig_all_signed, "the other zone");
    struct zone stored;
    ck_assert_int_eq(find_row(&rig, &stored), RECORD_THERE); /* for a while */
    ck_assert_uint_ne(stored.retired_at, 0);
    ck_assert_uint_eq(rig.keeper.retired_count, 1);
    rig.configs[(rig.config_count - 1) % 2].server.keep_removed = 0;
    rig.keeper.retired_due = 0;
    rig_run_until(&rig, is_dropped, "the row's end");
    ck_assert_uint_eq(rig.keeper.retired_count, 0);
}
END_TEST

START_TEST(a_zone_is_removed_while_it_loads)
{
    rig_write(&rig, "other.zone", "@ 60 SOA ns h 9 1 2 3 4\n@ 60 NS ns\nns 60 A 192.0.2.1\n");
    start(POLICY("denial: nsec3") ZONE "  - {name: other., file: other.zone, policy: p}\n");
    rig_run_until(&rig, is_loading, "loading");
    rig_configure(&rig, "zones:\n  - {name: plain., file: other.zone, policy: none}\n");
    rig_run_until(&rig, is_gone, "the zone's end");
    rig_run_until(&rig, rig_all_signed, "the other zone");
    ck_assert_ptr_nonnull(rig_zone(&rig, "plain."));
    ck_assert_ptr_null(rig_zone(&rig, "other."));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("keeper/whole");
    TCase *tests = tcase_create("whole");

    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, open_rig, close_rig);
    tcase_add_loop_test(tests, a_zone_is_signed_to_the_end, 0, COUNT(policies));
    tcase_add_test(tests, one_of_two_tokens_is_away);
    tcase_add_test(tests, many_wait_for_one_signature);
    tcase_add_test(tests, what_is_under_way_is_hurried);
    tcase_add_test(tests, what_is_under_way_is_signed_once);
    tcase_add_test(tests, what_cannot_be_made_in_time_is_refused);
    tcase_add_test(tests, who_waits_in_line_is_told_when_the_signer_goes);
    tcase_add_test(tests, the_signer_dies_and_comes_back);
    tcase_add_test(tests, what_fails_is_tried_again);
    tcase_add_test(tests, what_fails_for_ever_is_not_hammered);
    tcase_add_test(tests, unknown_keys_are_asked_for_again);
    tcase_add_test(tests, a_signer_that_hangs_is_restarted);
    tcase_add_test(tests, a_lost_job_is_given_up);
    tcase_add_test(tests, a_difference_keeps_signatures);
    tcase_add_test(tests, a_change_under_signatures_on_their_way);
    tcase_add_test(tests, a_bad_file_leaves_the_zone_as_it_is);
    tcase_add_test(tests, a_file_that_comes_late);
    tcase_add_test(tests, a_reload_while_loading_is_another_load);
    tcase_add_test(tests, another_denial_is_another_version);
    tcase_add_test(tests, what_had_no_room_is_made_when_there_is);
    tcase_add_test(tests, the_policy_goes_and_comes);
    tcase_add_test(tests, a_zone_is_removed_under_way);
    tcase_add_test(tests, a_zone_is_removed_while_it_loads);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
