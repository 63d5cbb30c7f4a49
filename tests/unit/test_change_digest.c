/* test_change_digest.c - the digest of a version follows every change, and tells what vanished. */
#include <lmdb.h>

#include "store_support.h"

#include "avow/store/key.h"

enum { VERSION = 7, NAMES = 60, ROUNDS = 400 };

static struct test_store test;
static struct buffer text;
static struct zone row;
static uint64_t random_state;

static void set_up(void)
{
    test_store_open(&test);
    row = (struct zone){.apex = name_of("example."), .version = VERSION};
    random_state = 88172645463325252;
}

static void tear_down(void)
{
    buffer_free(&text);
    test_store_close(&test);
}

static uint32_t choose(uint32_t most)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 32) % most;
}

static struct name name_number(unsigned number)
{
    char string[32];

    (void)snprintf(string, sizeof string, "n%u.example.", number);
    return name_of(string);
}

/* Small ones, and such that are kept apart. */
static void put_node(struct change *change, unsigned number)
{
    struct node_rrset rrset = {.type = TYPE_TXT, .ttl = choose(1000), .signature_room = 70};
    struct node_parts parts = {.rrsets = &rrset, .count = 1};
    struct name name = name_number(number);
    bool large = choose(4) == 0;

    rrset.rdata = make_run(&text, large ? 9 : 1, large ? 250 : 20, (uint8_t)choose(256));
    change_put_node(change, VERSION, &name, &parts);
}

static void sign_node(struct change *change, unsigned number)
{
    struct name name = name_number(number);
    struct rdata_run signatures = make_run(&text, 1, 64, (uint8_t)choose(256));

    (void)!change_put_signatures(change, VERSION, &name, TYPE_TXT, &signatures);
}

static void put_link(struct change *change, unsigned number)
{
    uint8_t hash[NODE_HASH_OCTETS] = {(uint8_t)number};
    struct node_rrset rrset = {.type = TYPE_NSEC3, .rdata = make_run(&text, 1, 28, 3)};

    change_put_nsec3(change, VERSION, hash, &rrset);
}

static void change_something(struct change *change)
{
    unsigned number = choose(NAMES);
    struct name name = name_number(number);
    uint8_t hash[NODE_HASH_OCTETS] = {(uint8_t)number};

    switch (choose(6)) {
    case 0:
    case 1:
        put_node(change, number);
        break;
    case 2:
        sign_node(change, number);
        break;
    case 3:
        change_delete_node(change, VERSION, &name);
        break;
    case 4:
        put_link(change, number);
        break;
    case 5:
        change_delete_nsec3(change, VERSION, hash);
        break;
    }
}

static void check_row(void)
{
    struct version_digest digest = digest_of_version(&test, VERSION);

    ck_assert(digest_equal(&digest, &row.digest));
}

static void change_some(const struct store_scan *scan, struct version_digest *scanned)
{
    struct change change;

    begin(&change, &test.store);
    change.scan = scan;
    for (unsigned i = choose(5); i-- > 0;)
        change_something(&change);
    change_put_zone(&change, &row);
    struct version_digest passed = change.scanned;
    commit(&change);
    if (scanned)
        digest_add(scanned, &passed);
}

START_TEST(follows_every_change)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        change_some(NULL, NULL);
        check_row();
    }
    ck_assert_uint_gt(row.digest.records, 10);
}
END_TEST

/* What is abandoned has not happened; a version of its own has a digest of its own. */
START_TEST(belongs_to_a_version_and_a_commit)
{
    struct version_digest other = {.low = 0}, again = {.low = 0};
    struct node_parts parts = {.flags = NODE_EMPTY};
    struct name name = name_number(1);
    struct change change;
    struct zone kept;

    change_some(NULL, NULL);
    kept = row;
    begin(&change, &test.store);
    put_node(&change, 3);
    change_put_zone(&change, &kept);
    change_abandon(&change);
    check_row();
    begin(&change, &test.store);
    version_append_node(&change, VERSION + 1, &name, &parts);
    change_put_zone(&change, &row);
    change_take_digest(&change, VERSION + 1, &other);
    change_take_digest(&change, VERSION + 1, &again);
    commit(&change);
    check_row();
    ck_assert_uint_eq(other.records, 1);
    ck_assert_uint_eq(again.records, 0);
    struct version_digest there = digest_of_version(&test, VERSION + 1);
    ck_assert(digest_equal(&there, &other));
}
END_TEST

/* Some records at a time, between changes before, at and behind where it stands: what was passed is
 * told of its changes, and at the end the sums are the same. */
START_TEST(a_scan_goes_on_through_changes)
{
    static const enum store_table tables[] = {TABLE_NODES, TABLE_RRSETS, TABLE_NSEC3};
    struct store_check counts = {.octets = 0};
    const struct check_task task = {.snapshot = &test.snapshot, .counts = &counts};
    struct store_scan scan = {.version = 0};

    for (unsigned i = 0; i < 60; i++)
        change_some(NULL, NULL);
    for (unsigned pass = 0; pass < 20; pass++) {
        store_scan_begin(&scan, TABLE_NODES, VERSION);
        for (unsigned i = 0; i < COUNT(tables); i++) {
            store_scan_table(&scan, tables[i]);
            do
                change_some(&scan, &scan.digest);
            while (snapshot_renew(&test.snapshot) == RENEWAL_READY &&
                   store_scan_part(&task, &scan, 1 + choose(4)) == RECORD_THERE);
            snapshot_rest(&test.snapshot);
        }
        change_some(&scan, &scan.digest);
        ck_assert_msg(digest_equal(&scan.digest, &row.digest), "pass %u", pass);
    }
    store_scan_free(&scan);
}
END_TEST

/* ---- damage without a bad seal ----------------------------------------------------------------
 */

static void expect_doubt(uint64_t doubtful)
{
    struct store_check check;
    uint64_t damaged = 0;

    ck_assert_int_eq(snapshot_renew(&test.snapshot), RENEWAL_READY);
    ck_assert_int_eq(store_check(&test.snapshot, &check, NULL, NULL),
                     doubtful ? RESULT_CORRUPT : RESULT_OK);
    for (unsigned i = 0; i < STORE_TABLES; i++)
        damaged += check.damaged[i];
    ck_assert_uint_eq(damaged, 0);
    ck_assert_uint_eq(check.misplaced, 0);
    ck_assert_uint_eq(check.doubtful, doubtful);
    snapshot_rest(&test.snapshot);
}

/* Behind the back of the digest: what a page that was lost or came back would do. */
static void spoil(const uint8_t *key, size_t length, MDB_val *value)
{
    struct change change;
    MDB_val name = {.mv_size = length, .mv_data = (void *)(uintptr_t)key};

    begin(&change, &test.store);
    MDB_txn *transaction = change_view(&change)->transaction;
    ck_assert_int_eq(value ? mdb_put(transaction, test.store.tables[TABLE_NODES], &name, value, 0)
                           : mdb_del(transaction, test.store.tables[TABLE_NODES], &name, NULL),
                     0);
    change.touched = true; /* it is a commit like others */
    commit(&change);
}

START_TEST(what_vanished_or_came_back_is_noticed)
{
    struct store_key key;
    struct name name = name_number(5);
    struct change change;
    struct reader payload;

    store_key_node(&key, VERSION, &name);
    begin(&change, &test.store);
    put_node(&change, 4);
    put_node(&change, 5);
    change_put_zone(&change, &row);
    commit(&change);
    expect_doubt(0);
    struct store_record record = store_key_record(&key);
    ck_assert_int_eq(snapshot_renew(&test.snapshot), RENEWAL_READY);
    ck_assert_int_eq(snapshot_get(&test.snapshot, TABLE_NODES, &record, &payload), RECORD_THERE);
    size_t length = record.value_length;
    uint8_t *old = exact_copy(record.value, length);
    snapshot_rest(&test.snapshot);

    begin(&change, &test.store);
    sign_node(&change, 5);
    change_put_zone(&change, &row);
    commit(&change);
    expect_doubt(0);
    spoil(key.octets, key.length, &(MDB_val){.mv_size = length, .mv_data = old});
    expect_doubt(1);
    spoil(key.octets, key.length, NULL);
    expect_doubt(1);
    free(old);
}
END_TEST

/* LMDB's topmost page comes back: all is older, and agrees with itself. Here the commit that nobody
 * remembers is one without its number. */
START_TEST(an_older_store_is_noticed)
{
    struct store_check check;
    struct store_key key = {.length = 3, .octets = "xyz"};
    struct change change;

    change_some(NULL, NULL);
    begin(&change, &test.store);
    change_put_zone(&change, &row);
    commit(&change);
    ck_assert_int_eq(snapshot_renew(&test.snapshot), RENEWAL_READY);
    ck_assert(store_is_of_its_commit(&test.snapshot));
    snapshot_rest(&test.snapshot);
    begin(&change, &test.store);
    MDB_val name = {.mv_size = key.length, .mv_data = key.octets};
    ck_assert_int_eq(
        mdb_put(change_view(&change)->transaction, test.store.tables[TABLE_META], &name, &name, 0),
        0);
    commit(&change);
    ck_assert_int_eq(snapshot_renew(&test.snapshot), RENEWAL_READY);
    ck_assert(!store_is_of_its_commit(&test.snapshot));
    ck_assert_int_eq(store_check(&test.snapshot, &check, NULL, NULL), RESULT_CORRUPT);
    ck_assert_uint_eq(check.doubtful, 1);
    snapshot_rest(&test.snapshot);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("change/digest");
    TCase *digests = tcase_create("digests");

    tcase_add_checked_fixture(digests, set_up, tear_down);
    tcase_set_timeout(digests, 120);
    tcase_add_test(digests, follows_every_change);
    tcase_add_test(digests, belongs_to_a_version_and_a_commit);
    tcase_add_test(digests, a_scan_goes_on_through_changes);
    tcase_add_test(digests, what_vanished_or_came_back_is_noticed);
    tcase_add_test(digests, an_older_store_is_noticed);
    suite_add_tcase(suite, digests);
    return run_suite(suite);
}
