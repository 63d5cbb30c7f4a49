/* test_keeper_time.c - a whole keeper over time: signatures that run out, restarts of the keeper,
 * readers that hold on to the past, a store that takes nothing. */
#include <stdlib.h>
#include <string.h>

#include "../../src/keeper/soa.h"
#include "avow/base/clock.h"
#include "avow/change/version.h"
#include "avow/store/expiry.h"
#include "avow/store/lookup.h"
#include "avow/wire/type.h"
#include "keeper_rig.h"
#include "support.h"

#define ZONE    "zones:\n  - {name: example., file: example.zone, policy: p}\n"
#define LASTING "policies:\n  - {name: p, keystore: a}\n" ZONE
#define SHORT                                                                                      \
    "policies:\n  - {name: p, keystore: a, signature-validity: 12s, signature-refresh: 10s,"       \
    " signature-jitter: 1s}\n" ZONE

enum { HOSTS = 300 };

static struct rig rig;
static struct buffer text;

static void write_zone(const char *word)
{
    struct buffer zone = {.length = 0};

    buffer_format(&zone,
                  "$ORIGIN example.\n$TTL 300\n@ SOA ns h 1 1 2 3 60\n@ NS ns\nns A 192.0.2.1\n"
                  "word TXT %s\n",
                  word);
    for (unsigned i = 0; i < HOSTS; i++)
        buffer_format(&zone, "h%u A 10.0.%u.%u\n", i, i / 256, i % 256);
    buffer_u8(&zone, 0);
    rig_write(&rig, "example.zone", (const char *)zone.octets);
    buffer_free(&zone);
}

static void open_rig(void)
{
    rig_open(&rig);
    write_zone("one");
}

static void close_rig(void)
{
    rig_close(&rig);
    buffer_free(&text);
}

static void start(const char *configuration)
{
    rig_configure(&rig, configuration);
    rig_start(&rig);
    rig_start_signer(&rig);
}

static struct zone *row(void)
{
    return &rig_zone(&rig, "example.")->row;
}

static uint64_t wanted(void)
{
    return row()->rrsets + row()->denials;
}

static bool some_are_under_way(struct rig *context)
{
    return rig_zone(context, "example.") && rig_zone(context, "example.")->in_flight > 0;
}

/* ---- signatures that run out ------------------------------------------------------------------
 */

static uint32_t earliest(void)
{
    uint32_t expiration;

    ck_assert_uint_eq(rig_check_signatures(&rig, "example.", &expiration), wanted());
    return expiration;
}

static size_t count_entries(void)
{
    struct expiry entry, after;
    size_t count = 0;

    ck_assert_int_eq(snapshot_renew(&rig.keeper.view), RENEWAL_READY);
    while (expiry_walk(&rig.keeper.view, count ? &after : NULL, &entry) == RECORD_THERE) {
        after = entry;
        count++;
    }
    snapshot_rest(&rig.keeper.view);
    return count;
}

/* By the index alone: no walk over the zone takes part once it has been signed. */
START_TEST(what_is_due_is_renewed)
{
    start(SHORT);
    rig_run_until(&rig, rig_all_signed, "fully signed");
    uint64_t made = atomic_load(&rig.signer.jobs);
    uint32_t first = earliest(), serial = row()->serial;
    ck_assert_uint_eq(made, wanted());

    rig_run_ms(&rig, 9000);
    ck_assert_uint_gt(atomic_load(&rig.signer.jobs), made + wanted());
    ck_assert_uint_ge(earliest(), first + 5);
    ck_assert_uint_gt(earliest(), clock_wall_seconds() + 5); /* nothing has run out */
    ck_assert(serial_is_after(row()->serial, serial));
    ck_assert_uint_lt(count_entries(), wanted()); /* the old ones are gone */
    ck_assert_str_eq(rig_zone(&rig, "example.")->problem, "");
}
END_TEST

/* Entries whose zone cannot be signed now do not keep others waiting, and nothing is forgotten. */
START_TEST(what_is_due_while_the_signer_is_away)
{
    start(SHORT);
    rig_run_until(&rig, rig_all_signed, "fully signed");
    rig_kill_signer(&rig);
    rig_run_ms(&rig, 3500); /* all are due */
    uint64_t made = atomic_load(&rig.signer.jobs);
    rig_start_signer(&rig);
    rig_run_ms(&rig, 2500);
    ck_assert_uint_ge(atomic_load(&rig.signer.jobs), made + wanted());
    ck_assert_uint_gt(earliest(), clock_wall_seconds() + 6);
}
END_TEST

/* All entries of the index; returns how many. */
static size_t list_entries(struct expiry *entries, size_t room)
{
    size_t count = 0;

    ck_assert_int_eq(snapshot_renew(&rig.keeper.view), RENEWAL_READY);
    while (count < room && expiry_walk(&rig.keeper.view, count ? &entries[count - 1] : NULL,
                                       &entries[count]) == RECORD_THERE)
        count++;
    snapshot_rest(&rig.keeper.view);
    return count;
}

static bool is_among(const struct expiry *entry, const struct expiry *others, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (others[i].at == entry->at && others[i].first_length == entry->first_length &&
            memcmp(others[i].first, entry->first, entry->first_length) == 0)
            return true;
    }
    return false;
}

/* What could be sent of an entry is not walked over again: it begins where the rest does. */
START_TEST(a_long_entry_goes_on_where_it_stopped)
{
    static struct expiry entries[64];

    start(SHORT);
    rig_run_until(&rig, rig_all_signed, "fully signed");
    rig.keeper.bulk_window = 64;
    atomic_store(&rig.signer.hold_bulk, true);
    rig_run_ms(&rig, 3500);
    ck_assert_uint_ne(rig.keeper.due_rest.at, 0);
    ck_assert(!is_among(&rig.keeper.due_rest, entries, list_entries(entries, COUNT(entries))));
    atomic_store(&rig.signer.hold_bulk, false);
    rig_run_ms(&rig, 3500);
    ck_assert_uint_gt(earliest(), clock_wall_seconds() + 5);
}
END_TEST

/* ---- restarts ---------------------------------------------------------------------------------
 */

START_TEST(a_keeper_that_comes_back_serves_what_there_is)
{
    start(LASTING);
    rig_run_until(&rig, rig_all_signed, "fully signed");
    uint64_t made = atomic_load(&rig.signer.jobs), asked = atomic_load(&rig.signer.keys_asked);
    uint32_t version = row()->version;

    rig_stop(&rig);
    rig_kill_signer(&rig);
    rig_start(&rig);
    ck_assert_uint_eq(row()->version, version); /* known at once, before anything may be written */
    rig_start_signer(&rig);
    rig_run_until(&rig, rig_all_signed, "still fully signed");
    rig_run_ms(&rig, 600); /* the walk after a start */
    ck_assert_uint_eq(atomic_load(&rig.signer.jobs), made);
    ck_assert_uint_eq(atomic_load(&rig.signer.keys_asked), asked + 2);
    ck_assert_uint_eq(rig_check_signatures(&rig, "example.", NULL), wanted());
}
END_TEST

START_TEST(a_keeper_that_dies_while_signing)
{
    atomic_store(&rig.signer.slow_us, 1000);
    start(LASTING);
    for (unsigned i = 0; i < 4; i++) {
        rig_run_until(&rig, some_are_under_way, "signing begins");
        rig_run_ms(&rig, 120);
        rig_stop(&rig);
        rig_kill_signer(&rig);
        rig_start(&rig);
        rig_start_signer(&rig);
    }
    atomic_store(&rig.signer.slow_us, 0);
    rig_run_until(&rig, rig_all_signed, "fully signed");
    ck_assert_uint_eq(rig_check_signatures(&rig, "example.", NULL), wanted());
    ck_assert_uint_eq(row()->version, 1);
}
END_TEST

static bool is_settled(struct rig *context)
{
    return context->keeper.settled;
}

static bool front_restart_was_asked(struct rig *context)
{
    return context->restarts[ROOM_FRONT] > 0;
}

/* A reader that holds a snapshot of the keeper before: nothing is written until it is gone. */
START_TEST(nothing_is_written_under_a_reader)
{
    struct pages pages;
    struct message message;

    start(LASTING);
    rig_run_until(&rig, rig_all_signed, "fully signed");
    ck_assert_int_eq(pages_open_reader(&pages, rig.room.published, rig.readers[0]), RESULT_OK);
    _Atomic uint64_t *slot = &pages.readers[0]->slots[3].ticket;
    atomic_store(slot, rig.keeper.pins.ticket);
    rig_stop(&rig);
    rig_kill_signer(&rig);
    write_zone("two");
    rig_start(&rig);
    rig_start_signer(&rig);
    rig_run_ms(&rig, 1000);
    ck_assert(!rig.keeper.settled);
    ck_assert_uint_eq(row()->serial, 1);
    rig_want(&rig, 1, "example.", "h1.example.", TYPE_A); /* is there: no write is needed */
    rig_run_ms(&rig, 50);
    ck_assert_int_eq(rig_told(&rig, &message), MESSAGE_STORED);
    rig_run_until(&rig, front_restart_was_asked, "the restart of a reader that lags");
    rig_run_ms(&rig, 1000);
    ck_assert_uint_eq(rig.restarts[ROOM_FRONT], 1); /* not asked for again at once */
    atomic_store(slot, 0);
    rig_run_until(&rig, is_settled, "settled");
    rig_run_until(&rig, rig_all_signed, "the new file");
    ck_assert_uint_eq(row()->serial, 2);
    pages_close(&pages);
}
END_TEST

static bool nothing_is_left_over(struct rig *context)
{
    return context->keeper.settled && !context->keeper.leftovers;
}

/* What a load was writing when the keeper died is dropped by the next. */
START_TEST(half_a_load_is_dropped)
{
    struct change change;
    struct node_parts parts = {.flags = NODE_EMPTY};
    struct name name;
    uint32_t version;

    start(LASTING);
    rig_run_until(&rig, rig_all_signed, "fully signed");
    ck_assert_int_eq(name_from_string("example.", &name), RESULT_OK);
    ck_assert_int_eq(commit_begin(&rig.keeper, &change), RESULT_OK);
    struct zone loading = *row();
    loading.loading = row()->version + 1;
    change_put_node(&change, loading.loading, &name, &parts);
    change_put_zone(&change, &loading);
    ck_assert_int_eq(commit_end(&rig.keeper, &change, false, NULL, 0), RESULT_OK);
    rig_stop(&rig);
    rig_start(&rig);
    rig_run_until(&rig, nothing_is_left_over, "nothing is left over");
    ck_assert_int_eq(snapshot_renew(&rig.keeper.view), RENEWAL_READY);
    ck_assert_int_eq(version_leftover(&rig.keeper.view, 0, &version), RECORD_ABSENT);
    struct node_view node;
    ck_assert_int_eq(lookup_node(&rig.keeper.view, loading.loading, &name, &node), RECORD_ABSENT);
    snapshot_rest(&rig.keeper.view);
}
END_TEST

/* ---- a store in trouble -----------------------------------------------------------------------
 */

START_TEST(writes_that_are_off_are_not_tried)
{
    struct message message;

    start(LASTING);
    rig_run_until(&rig, some_are_under_way, "signing begins");
    rig.keeper.store.writes_off = true;
    rig_run_ms(&rig, 1500); /* those under way fail */
    uint64_t jobs = atomic_load(&rig.signer.jobs);
    rig_run_ms(&rig, 2500);
    ck_assert_uint_eq(atomic_load(&rig.signer.jobs), jobs); /* no signature is made in vain */
    rig_want(&rig, 1, "example.", "h299.example.", TYPE_A);
    rig_run_ms(&rig, 50);
    ck_assert_int_eq(rig_told(&rig, &message), MESSAGE_NOT_STORED);
    ck_assert_int_eq(rig_ask(&rig, &text, "status"), 0);
    ck_assert_ptr_nonnull(strstr((char *)text.octets, "\"accepts\":\"nothing\""));
    rig.keeper.store.writes_off = false;
    rig_run_until(&rig, rig_all_signed, "fully signed");
    ck_assert_uint_eq(rig_check_signatures(&rig, "example.", NULL), wanted());
}
END_TEST

/* One record of a signed zone, damaged; the scrub, which may come by, does not have the zone's file
 * loaded anew. */
static void damage_one(void)
{
    struct name name;
    struct change change;
    struct node_parts parts = {.flags = 0};

    ck_assert_int_eq(name_from_string("h150.example.", &name), RESULT_OK);
    ck_assert_int_eq(commit_begin(&rig.keeper, &change), RESULT_OK);
    struct hash_key good = rig.keeper.store.checksum_keys[TABLE_NODES];
    /* Sealed with another key: that is what damage looks like. */
    rig.keeper.store.checksum_keys[TABLE_NODES].secret[0] ^= 1;
    change_put_node(&change, row()->version, &name, &parts);
    rig.keeper.store.checksum_keys[TABLE_NODES] = good;
    ck_assert_int_eq(commit_end(&rig.keeper, &change, false, NULL, 0), RESULT_OK);
    row()->flags |= ZONE_EDITED;
}

/* One damaged record does not keep the others unsigned. */
START_TEST(damage_is_stepped_over)
{
    start(LASTING);
    rig_run_until(&rig, rig_all_signed, "fully signed");
    rig_kill_signer(&rig);
    damage_one();
    struct keeper_zone *zone = rig_zone(&rig, "example.");
    row()->flags &= (uint16_t)~ZONE_FULLY_SIGNED;
    row()->rrsets_signed--;
    /* By other keys, as it seems: everything is signed anew. */
    for (unsigned i = 0; i < zone->key_count; i++)
        zone->keys[i].row.tag ^= 1;
    rig_start_signer(&rig);
    uint64_t before = atomic_load(&rig.signer.jobs);
    rig_run_ms(&rig, 2000);
    ck_assert_ptr_nonnull(strstr(zone->problem, "damaged"));
    ck_assert_uint_ge(atomic_load(&rig.signer.jobs), before + wanted() - 5);
    ck_assert_uint_eq(row()->flags & ZONE_FULLY_SIGNED, 0);
    before = atomic_load(&rig.signer.jobs);
    rig_run_ms(&rig, 1500);
    ck_assert_uint_eq(atomic_load(&rig.signer.jobs), before); /* and not again and again */
}
END_TEST

static bool has_met_damage(struct rig *context)
{
    return strstr(rig_zone(context, "example.")->problem, "damaged") != NULL;
}

/* A signature that could not be stored while a walk went on is due in the next walk, though this
 * one met damage: nothing else would begin one. */
START_TEST(damage_does_not_end_what_failed)
{
    start(LASTING);
    rig_run_until(&rig, rig_all_signed, "fully signed");
    damage_one();
    struct keeper_zone *zone = rig_zone(&rig, "example.");
    schedule_zone(zone);
    schedule_again(zone, false);
    rig_run_until(&rig, has_met_damage, "the walk to end");
    ck_assert_int_eq(zone->cursor.at, CURSOR_NODES);
    ck_assert(zone->walking && !zone->again && !zone->damage);
    ck_assert_uint_gt(zone->cursor.not_before, rig.keeper.now_ms);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("keeper/time");
    TCase *tests = tcase_create("time");

    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, open_rig, close_rig);
    tcase_add_test(tests, what_is_due_is_renewed);
    tcase_add_test(tests, what_is_due_while_the_signer_is_away);
    tcase_add_test(tests, a_long_entry_goes_on_where_it_stopped);
    tcase_add_test(tests, a_keeper_that_comes_back_serves_what_there_is);
    tcase_add_test(tests, a_keeper_that_dies_while_signing);
    tcase_add_test(tests, nothing_is_written_under_a_reader);
    tcase_add_test(tests, half_a_load_is_dropped);
    tcase_add_test(tests, writes_that_are_off_are_not_tried);
    tcase_add_test(tests, damage_is_stepped_over);
    tcase_add_test(tests, damage_does_not_end_what_failed);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
