/* test_keeper_rounds.c - what a round of changes may meet on its way: another configuration, the
 * keeper's end, damage, a crowd of names. */
#include <lmdb.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../src/keeper/round.h"
#include "avow/store/key.h"
#include "avow/store/lookup.h"
#include "avow/wire/message.h"
#include "avow/wire/rdata.h"
#include "avow/wire/type.h"
#include "keeper_rig.h"
#include "support.h"
#include "words.h"

#define ZONE     "example."
#define POLICY   "policies:\n  - {name: p, keystore: a}\n  - {name: q, keystore: a, denial: nsec}\n"
#define SIGNED   POLICY "zones:\n  - {name: example., file: example.zone, policy: p}\n"
#define MERGED   POLICY "zones:\n  - {name: example., file: example.zone, policy: p, reload: merge}\n"
#define UNSIGNED POLICY "zones:\n  - {name: example., file: example.zone, policy: none}\n"
#define OTHER    POLICY "zones:\n  - {name: other., file: example.zone, policy: none}\n"

enum { CROWD = 16000, ZONES = 100 };

static const char zone_text[] =
    "$TTL 300\n@ SOA ns.x. h.x. 1 1 2 3 60\n@ NS ns.x.\none A 192.0.2.1\n"
    "two A 192.0.2.2\n";
static struct rig rig;
static uint64_t last_id;

static void open_rig(void)
{
    rig_open(&rig);
    rig_write(&rig, "example.zone", zone_text);
}

static void close_rig(void)
{
    rig_close(&rig);
}

static struct keeper_zone *zone(void)
{
    return rig_zone(&rig, ZONE);
}

/* ---- updates ----------------------------------------------------------------------------------
 */

/* Add a record, or remove an RRset when there is no text. */
static uint64_t change(const char *owner, uint16_t type, const char *text)
{
    uint8_t octets[1024], rdata[512];
    struct writer changes = writer_over(octets, sizeof octets);
    struct writer value = writer_over(rdata, sizeof rdata);
    struct update_record record = {
        .class_ = text ? CLASS_IN : CLASS_ANY, .type = type, .ttl = text ? 300 : 0};

    ck_assert_int_eq(name_from_string(owner, &record.owner), RESULT_OK);
    if (text) {
        struct words words = words_over(text, strlen(text));
        struct tokens tokens = {.next = words_next, .context = &words};
        ck_assert_int_eq(rdata_from_tokens(type, &tokens, &value), RESULT_OK);
    }
    record.rdata = span_of(rdata, value.length);
    update_record_write(&changes, &record);
    rig_update(&rig, ZONE,
               (struct message_update){.id = ++last_id,
                                       .change_count = 1,
                                       .changes = span_of(octets, changes.length),
                                       .who = "a test"});
    return last_id;
}

enum { IDS = 256 };

static uint16_t answers[IDS]; /* RCODE + 1 by id; 0: none yet */
static uint64_t awaited;

/* Answers need not come in the order of the updates. */
static bool was_answered(struct rig *context)
{
    struct message told;
    int kind;

    while ((kind = rig_desk_told(context, &told)) != -1) {
        if (kind == MESSAGE_UPDATED && told.updated.id < IDS)
            answers[told.updated.id] = (uint16_t)(told.updated.rcode + 1);
    }
    return answers[awaited] != 0;
}

static uint16_t wait_for(uint64_t id)
{
    ck_assert_uint_lt(id, IDS);
    awaited = id;
    rig_run_until(&rig, was_answered, "the answer to an update");
    return (uint16_t)(answers[id] - 1);
}

static bool is_there(const char *owner, uint16_t type)
{
    struct name name;
    struct node_view node;
    struct rrset_view view;

    ck_assert_int_eq(name_from_string(owner, &name), RESULT_OK);
    ck_assert_int_eq(snapshot_renew(&rig.keeper.view), RENEWAL_READY);
    bool there = lookup_node(&rig.keeper.view, zone()->row.version, &name, &node) == RECORD_THERE &&
                 node_find(&node, type, &view) == RECORD_THERE;
    snapshot_rest(&rig.keeper.view);
    return there;
}

static void check_whole(void)
{
    const struct zone *row = &zone()->row;

    ck_assert_uint_eq(row->rrsets_signed, row->rrsets);
    ck_assert_uint_eq(row->denials_signed, row->denials);
    ck_assert_uint_eq(rig_check_signatures(&rig, ZONE, NULL), row->rrsets + row->denials);
}

static bool has_round(struct rig *context)
{
    return rig_zone(context, ZONE)->round != NULL;
}

static bool has_load_round(struct rig *context)
{
    return has_round(context) && rig_zone(context, ZONE)->round->has_load;
}

/* A reload whose round waits for the signer. */
static void begin_reload(void)
{
    char text[512];

    atomic_store(&rig.signer.hold, true);
    (void)snprintf(text, sizeof text, "%sfiled A 192.0.2.3\n", zone_text);
    rig_write(&rig, "example.zone", text);
    (void)rig_call(&rig, (const char *const[]){"zone", "reload", ZONE, NULL});
    rig_run_until(&rig, has_load_round, "the reload's round");
}

/* ---- another configuration --------------------------------------------------------------------
 */

static bool is_gone(struct rig *context)
{
    return rig_zone(context, ZONE) == NULL;
}

START_TEST(the_zone_goes_under_a_reload)
{
    rig_start_signed(&rig, SIGNED);
    begin_reload();
    rig_configure(&rig, OTHER);
    atomic_store(&rig.signer.hold, false);
    rig_run_until(&rig, is_gone, "the zone's end");
    rig_run_until(&rig, rig_all_signed, "the other zone");
}
END_TEST

START_TEST(the_policy_goes_under_a_round)
{
    rig_start_signed(&rig, SIGNED);
    atomic_store(&rig.signer.hold, true);
    uint64_t id = change("new.example.", TYPE_A, "192.0.2.9");
    rig_run_until(&rig, has_round, "a round");
    rig_configure(&rig, UNSIGNED);
    atomic_store(&rig.signer.hold, false);
    ck_assert_int_eq(wait_for(id), RCODE_SERVFAIL);
    rig_run_until(&rig, rig_all_signed, "served unsigned");
    ck_assert_int_eq(wait_for(change("new.example.", TYPE_A, "192.0.2.9")), RCODE_NOERROR);
    ck_assert_uint_eq(rig_check_signatures(&rig, ZONE, NULL), 0);
}
END_TEST

/* What follows the signed version is not made yet; until it is, nothing can be changed. */
START_TEST(the_policy_goes_before_a_round)
{
    rig_start_signed(&rig, SIGNED);
    rig.keeper.watermark.level = WATERMARK_NO_LOADS;
    rig_configure(&rig, UNSIGNED);
    ck_assert_uint_ne(zone()->row.flags & ZONE_SIGNED, 0);
    uint64_t id = change("new.example.", TYPE_A, "192.0.2.9");
    rig_run_ms(&rig, 100);
    ck_assert_ptr_null(zone()->round);
    rig_configure(&rig, SIGNED);
    ck_assert_int_eq(wait_for(id), RCODE_NOERROR);
    check_whole();
}
END_TEST

/* An unsigned version is not signed in place when a policy comes: it is to have a chain and keys.
 */
START_TEST(a_policy_comes_before_its_version)
{
    rig_start_signed(&rig, UNSIGNED);
    rig.keeper.watermark.level = WATERMARK_NO_LOADS;
    rig_configure(&rig, SIGNED);
    rig_run_ms(&rig, 100);
    rig_want(&rig, 1, ZONE, "one.example.", TYPE_A);
    rig_run_ms(&rig, 100);
    ck_assert_uint_eq(rig_check_signatures(&rig, ZONE, NULL), 0);
    struct message message;
    ck_assert_int_eq(rig_told(&rig, &message), MESSAGE_NOT_STORED);
    ck_assert_uint_eq(message.not_stored.reason, NOT_STORED_UNSIGNED);
}
END_TEST

/* ---- no readers' slots ------------------------------------------------------------------------
 */

static MDB_txn *taken[4096];
static unsigned taken_count;

/* All slots of LMDB's table of readers. The keeper's view gives its own up, as when it rests. */
static void take_slots(void)
{
    while (taken_count < COUNT(taken)) {
        int error =
            mdb_txn_begin(rig.keeper.store.environment, NULL, MDB_RDONLY, &taken[taken_count]);
        if (error == MDB_READERS_FULL)
            return;
        ck_assert_int_eq(error, 0);
        taken_count++;
    }
    ck_abort_msg("there is no end of readers");
}

static void give_slots(void)
{
    while (taken_count)
        mdb_txn_abort(taken[--taken_count]);
}

static bool may_write(struct rig *context)
{
    return commit_is_possible(&context->keeper);
}

static bool is_published(struct rig *context)
{
    return !context->keeper.publish_owed;
}

/* What is committed stays so; readers are told of it as soon as it can be pinned for them, also
 * when nothing else is written, and until then nothing is. */
START_TEST(a_commit_without_a_pin_is_published_later)
{
    rig_start_signed(&rig, SIGNED);
    take_slots();
    uint64_t before = metric_get(rig.keeper.metrics, METRIC_PUBLISH_FAILED);
    uint64_t ticket = atomic_load(&rig.keeper.pages.published->ticket);
    ck_assert_int_eq(wait_for(change("first.example.", TYPE_A, "192.0.2.9")), RCODE_NOERROR);
    ck_assert(rig.keeper.publish_owed);
    ck_assert_uint_eq(metric_get(rig.keeper.metrics, METRIC_PUBLISH_FAILED), before + 1);
    ck_assert_int_eq(wait_for(change("second.example.", TYPE_A, "192.0.2.9")), RCODE_SERVFAIL);
    ck_assert_uint_eq(atomic_load(&rig.keeper.pages.published->ticket), ticket);
    give_slots();
    rig_run_until(&rig, is_published, "published");
    ck_assert_uint_gt(atomic_load(&rig.keeper.pages.published->ticket), ticket);
    ck_assert(is_there("first.example.", TYPE_A));
    rig_run_until(&rig, may_write, "writing");
    ck_assert_int_eq(wait_for(change("third.example.", TYPE_A, "192.0.2.9")), RCODE_NOERROR);
    ck_assert(!is_there("second.example.", TYPE_A));
    check_whole();
}
END_TEST

/* ---- the end ----------------------------------------------------------------------------------
 */

START_TEST(the_keeper_stops_under_a_reload)
{
    rig_start_signed(&rig, SIGNED);
    begin_reload();
    (void)rig_call(&rig, (const char *const[]){"zone", "reload", ZONE, NULL});
    rig_run_ms(&rig, 50);
    ck_assert(zone()->load_wanted);
    rig_stop(&rig);
}
END_TEST

/* ---- reloads ----------------------------------------------------------------------------------
 */

/* A file that says nothing new does not make an update's changes the file's. */
START_TEST(a_merge_of_nothing_keeps_what_updates_changed)
{
    char text[512];

    rig_start_signed(&rig, MERGED);
    ck_assert_int_eq(wait_for(change("new.example.", TYPE_A, "192.0.2.9")), RCODE_NOERROR);
    for (unsigned i = 0; i < 2; i++) {
        rig_write(&rig, "example.zone", zone_text);
        ck_assert_int_eq(rig_ask(&rig, NULL, "zone reload example."), 0);
        ck_assert(is_there("new.example.", TYPE_A));
    }
    (void)snprintf(text, sizeof text, "%sfiled A 192.0.2.3\n", zone_text);
    rig_write(&rig, "example.zone", text);
    ck_assert_int_eq(rig_ask(&rig, NULL, "zone reload example."), 0);
    ck_assert(is_there("new.example.", TYPE_A));
    ck_assert(is_there("filed.example.", TYPE_A));
    check_whole();
}
END_TEST

/* ---- damage -----------------------------------------------------------------------------------
 */

static void spoil(const char *owner)
{
    struct store_key at;
    struct name name;
    MDB_txn *transaction;
    MDB_val value;

    ck_assert_int_eq(name_from_string(owner, &name), RESULT_OK);
    store_key_node(&at, zone()->row.version, &name);
    MDB_val key = {.mv_size = at.length, .mv_data = at.octets};
    MDB_dbi table = rig.keeper.store.tables[TABLE_NODES];
    ck_assert_int_eq(mdb_txn_begin(rig.keeper.store.environment, NULL, 0, &transaction), 0);
    ck_assert_int_eq(mdb_get(transaction, table, &key, &value), 0);
    uint8_t *copy = exact_copy(value.mv_data, value.mv_size);
    copy[value.mv_size / 2] ^= 1;
    value.mv_data = copy;
    ck_assert_int_eq(mdb_put(transaction, table, &key, &value, 0), 0);
    ck_assert_int_eq(mdb_txn_commit(transaction), 0);
    free(copy);
}

/* Of many in one round the one that touches a damaged record fails alone. */
START_TEST(damage_fails_one_update)
{
    uint64_t ids[5];

    rig_start_signed(&rig, SIGNED);
    spoil("two.example.");
    atomic_store(&rig.signer.hold, true);
    uint64_t first = change("first.example.", TYPE_A, "192.0.2.9");
    rig_run_until(&rig, has_round, "a round that others wait behind");
    for (unsigned i = 0; i < COUNT(ids); i++) {
        char owner[64];
        (void)snprintf(owner, sizeof owner, "n%u.example.", i);
        ids[i] = change(i == 2 ? "two.example." : owner, TYPE_A, "192.0.2.9");
    }
    rig_run_ms(&rig, 50);
    atomic_store(&rig.signer.hold, false);
    ck_assert_int_eq(wait_for(first), RCODE_NOERROR);
    for (unsigned i = 0; i < COUNT(ids); i++)
        ck_assert_int_eq(wait_for(ids[i]), i == 2 ? RCODE_SERVFAIL : RCODE_NOERROR);
    ck_assert_uint_eq(zone()->singly, 0);
}
END_TEST

/* The store's file, for writing, becomes one that cannot be written; and back. */
static int find_descriptors(const char *name, int *found)
{
    DIR *folder = opendir("/proc/self/fd");
    struct dirent *entry;
    char path[64], target[512];
    int count = 0;

    ck_assert_ptr_nonnull(folder);
    while ((entry = readdir(folder))) {
        (void)snprintf(path, sizeof path, "/proc/self/fd/%.20s", entry->d_name);
        ssize_t length = readlink(path, target, sizeof target - 1);
        target[length < 0 ? 0 : length] = '\0';
        if (length > 0 && strstr(target, name) && count < 4)
            found[count++] = atoi(entry->d_name);
    }
    (void)closedir(folder);
    return count;
}

static int kept[4], kept_as[4], kept_count;

static int close_store_file(void)
{
    int nothing = open("/dev/full", O_WRONLY | O_CLOEXEC);

    ck_assert_int_ge(nothing, 0);
    kept_count = find_descriptors("/data.mdb", kept_as);
    ck_assert_int_gt(kept_count, 0);
    for (int i = 0; i < kept_count; i++) {
        kept[i] = dup(kept_as[i]);
        ck_assert_int_ge(dup2(nothing, kept_as[i]), 0);
    }
    return nothing;
}

static void open_store_file(int nothing)
{
    for (int i = 0; i < kept_count; i++) {
        ck_assert_int_ge(dup2(kept[i], kept_as[i]), 0);
        (void)close(kept[i]);
    }
    (void)close(nothing);
}

/* ---- a round begun ahead ----------------------------------------------------------------------
 */

/* What waits is staged over what is put and not yet flushed: it sees it, and is answered behind it.
 */
START_TEST(rounds_follow_each_other)
{
    uint64_t ids[20];

    rig_start_signed(&rig, SIGNED);
    for (unsigned turn = 0; turn < 5; turn++) {
        uint32_t serial = zone()->row.serial;
        char address[16];
        (void)snprintf(address, sizeof address, "192.0.2.%u", 20 + turn);
        atomic_store(&rig.signer.hold, true);
        uint64_t first = change("first.example.", TYPE_A, address);
        rig_run_until(&rig, has_round, "a round that others wait behind");
        for (unsigned i = 0; i < COUNT(ids); i++) {
            char owner[64];
            (void)snprintf(owner, sizeof owner, "n%u-%u.first.example.", turn, i);
            ids[i] = change(owner, TYPE_A, "192.0.2.9");
        }
        rig_run_ms(&rig, 20);
        atomic_store(&rig.signer.hold, false);
        ck_assert_int_eq(wait_for(first), RCODE_NOERROR);
        for (unsigned i = 0; i < COUNT(ids); i++)
            ck_assert_int_eq(wait_for(ids[i]), RCODE_NOERROR);
        ck_assert_uint_le(zone()->row.serial, serial + 2);
        ck_assert(is_there("n0-3.first.example.", TYPE_A));
        check_whole();
    }
}
END_TEST

/* The commit fails: what was begun over it falls with it, and nothing of either is left. */
START_TEST(rounds_fall_together)
{
    uint64_t ids[4];

    rig_start_signed(&rig, SIGNED);
    uint64_t jobs = atomic_load(&rig.signer.jobs);
    atomic_store(&rig.signer.hold, true);
    uint64_t first = change("first.example.", TYPE_A, "192.0.2.9");
    rig_run_until(&rig, has_round, "a round that others wait behind");
    for (unsigned i = 0; i < COUNT(ids); i++)
        ids[i] = change("behind.example.", TYPE_A, i % 2 ? "192.0.2.8" : "192.0.2.9");
    rig_run_ms(&rig, 20);
    int file = close_store_file();
    atomic_store(&rig.signer.hold, false);
    ck_assert_int_eq(wait_for(first), RCODE_SERVFAIL);
    for (unsigned i = 0; i < COUNT(ids); i++)
        ck_assert_int_eq(wait_for(ids[i]), RCODE_SERVFAIL);
    ck_assert_uint_gt(atomic_load(&rig.signer.jobs), jobs);
    open_store_file(file);
    ck_assert_ptr_null(zone()->round);
    ck_assert_uint_eq(zone()->row.serial, 1);
    ck_assert(!is_there("first.example.", TYPE_A) && !is_there("behind.example.", TYPE_A));
    rig_stop(&rig);
    rig_start(&rig); /* another keeper opens the store */
    rig_kill_signer(&rig);
    rig_start_signer(&rig);
    rig_run_until(&rig, rig_all_signed, "signed");
    ck_assert_int_eq(wait_for(change("behind.example.", TYPE_A, "192.0.2.9")), RCODE_NOERROR);
    check_whole();
}
END_TEST

/* ---- many names -------------------------------------------------------------------------------
 */

/* A cut hides a crowd, and brings it to light again: each name looks at its neighbours alone. */
START_TEST(a_crowd_goes_and_comes)
{
    struct buffer text = {.length = 0};
    char configuration[512];

    buffer_format(&text, "%s", zone_text);
    for (unsigned i = 0; i < CROWD; i++)
        buffer_format(&text, "h%05u.deep A 192.0.2.1\n", i);
    buffer_u8(&text, 0);
    rig_write(&rig, "example.zone", (const char *)text.octets);
    buffer_free(&text);
    (void)snprintf(configuration, sizeof configuration,
                   "%szones:\n  - {name: example., file: example.zone, policy: %s}\n", POLICY,
                   _i ? "p" : "q");
    rig_start_signed(&rig, configuration);
    struct zone before = zone()->row;
    ck_assert_int_eq(wait_for(change("deep.example.", TYPE_NS, "ns.x.")), RCODE_NOERROR);
    ck_assert_uint_eq(zone()->row.names, before.names - CROWD);
    ck_assert_uint_le(zone()->row.denials, before.denials - CROWD + 1);
    check_whole();
    ck_assert_int_eq(wait_for(change("deep.example.", TYPE_NS, NULL)), RCODE_NOERROR);
    ck_assert_uint_eq(zone()->row.names, before.names);
    ck_assert_uint_eq(zone()->row.denials, before.denials);
    check_whole();
}
END_TEST

/* ---- a desk that was taken over ------------------------------------------------------------- */

/* What no entry lets anybody change is not changed, whatever the desk says. */
START_TEST(what_nobody_is_granted)
{
    rig_start_signed(
        &rig,
        POLICY "tsig: [{name: k, secret: \"MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\"}]\n"
               "zones:\n"
               "  - {name: example., file: example.zone, policy: p,\n"
               "     allow-update: [{key: k, types: [TXT], names: [{subdomain: in.example}]}]}\n");
    uint32_t serial = zone()->row.serial;

    ck_assert_int_eq(wait_for(change("x.in.example.", TYPE_A, "192.0.2.9")), RCODE_REFUSED);
    ck_assert_int_eq(wait_for(change("x.example.", TYPE_TXT, "no")), RCODE_REFUSED);
    ck_assert_int_eq(wait_for(change("example.", TYPE_NS, NULL)), RCODE_REFUSED);
    ck_assert_uint_eq(zone()->row.serial, serial);
    ck_assert_int_eq(wait_for(change("x.in.example.", TYPE_TXT, "yes")), RCODE_NOERROR);
}
END_TEST

/* ---- many zones -------------------------------------------------------------------------------
 */

/* Zones zSTEP*i.example. of 0 to ZONES. */
static void configure_zones(unsigned step)
{
    struct buffer text = {.length = 0};

    buffer_format(&text, "zones:\n");
    for (unsigned i = 0; i < ZONES; i += step)
        buffer_format(&text, "  - {name: Z%u.example., file: z, policy: none}\n", i);
    buffer_u8(&text, 0);
    rig_configure(&rig, (const char *)text.octets);
    buffer_free(&text);
}

static void check_zones(unsigned step)
{
    struct keeper_zone *before = NULL;
    unsigned count = 0;

    for (unsigned i = 0; i < ZONES; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "z%u.EXAMPLE.", i);
        struct keeper_zone *found = rig_zone(&rig, name);
        ck_assert_int_eq(found != NULL, i % step == 0);
        if (found)
            ck_assert_ptr_eq(keeper_zone_of_version(&rig.keeper, found->row.version), found);
    }
    for (struct keeper_zone *at = rig.keeper.zones; at; before = at, at = at->next, count++)
        ck_assert(!before || name_compare(&before->name, &at->name) < 0);
    ck_assert_uint_eq(count, (ZONES + step - 1) / step);
    ck_assert_ptr_null(rig.keeper.changing);
    ck_assert_ptr_null(rig.keeper.walking);
}

static bool half_is_gone(struct rig *context)
{
    return rig_zone(context, "z1.example.") == NULL && rig_all_signed(context);
}

/* Each is found by its name and its version, in whatever order they came; none is left on a list
 * when it has nothing to do. */
START_TEST(zones_come_and_go)
{
    rig_write(&rig, "z", "@ 60 SOA ns.x. h.x. 9 1 2 3 4\n@ 60 NS ns.x.\n");
    configure_zones(3);
    rig_start(&rig);
    rig_run_until(&rig, rig_all_signed, "a third of the zones");
    check_zones(3);
    configure_zones(1);
    rig_run_until(&rig, rig_all_signed, "all zones");
    check_zones(1);
    configure_zones(2);
    rig_run_until(&rig, half_is_gone, "half of the zones");
    check_zones(2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("keeper/rounds");
    TCase *tests = tcase_create("rounds");

    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, open_rig, close_rig);
    tcase_add_test(tests, the_zone_goes_under_a_reload);
    tcase_add_test(tests, the_policy_goes_under_a_round);
    tcase_add_test(tests, the_policy_goes_before_a_round);
    tcase_add_test(tests, a_policy_comes_before_its_version);
    tcase_add_test(tests, a_commit_without_a_pin_is_published_later);
    tcase_add_test(tests, the_keeper_stops_under_a_reload);
    tcase_add_test(tests, a_merge_of_nothing_keeps_what_updates_changed);
    tcase_add_test(tests, damage_fails_one_update);
    tcase_add_test(tests, rounds_follow_each_other);
    tcase_add_test(tests, rounds_fall_together);
    tcase_add_loop_test(tests, a_crowd_goes_and_comes, 0, 2);
    tcase_add_test(tests, what_nobody_is_granted);
    tcase_add_test(tests, zones_come_and_go);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
