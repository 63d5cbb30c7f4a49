/*
 * test_store_ahead.c - a walk knows where the next page lies, also when pages were changed and lie
 * anywhere; and what a page says of itself is not believed.
 */
#include "store_support.h"

#include <fcntl.h>
#include <lmdb.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RECORDS = 20000, PAGE = 4096, MOST_VALUE = 300 };

static struct test_store test;
static uint64_t random_state;

static unsigned pick(unsigned limit)
{
    random_state = random_state * 6364136223846793005U + 1442695040888963407U;
    return (unsigned)(random_state >> 33) % limit;
}

static void put(MDB_txn *transaction, unsigned number)
{
    uint8_t key[8] = {0, 0, 0, 1, 0, 0, (uint8_t)(number >> 8), (uint8_t)number};
    uint8_t value[MOST_VALUE] = {0};
    MDB_val name = {.mv_size = sizeof key, .mv_data = key};
    MDB_val octets = {.mv_size = 100 + pick(MOST_VALUE - 100), .mv_data = value};

    ck_assert_int_eq(mdb_put(transaction, test.store.tables[TABLE_NODES], &name, &octets, 0), 0);
}

/* Records one after the other, as a load puts them. */
static void fill(void)
{
    MDB_txn *transaction;

    ck_assert_int_eq(mdb_txn_begin(test.store.environment, NULL, 0, &transaction), 0);
    for (unsigned i = 0; i < RECORDS; i++)
        put(transaction, i);
    ck_assert_int_eq(mdb_txn_commit(transaction), 0);
}

/* Some anywhere get another length: their pages are copied, split, and lie somewhere else. */
static void scatter(void)
{
    for (unsigned turn = 0; turn < 100; turn++) {
        MDB_txn *transaction;
        ck_assert_int_eq(mdb_txn_begin(test.store.environment, NULL, 0, &transaction), 0);
        for (unsigned i = 0; i < 50; i++)
            put(transaction, pick(RECORDS));
        ck_assert_int_eq(mdb_txn_commit(transaction), 0);
    }
}

static const uint8_t *leaf_of(const struct store_record *record)
{
    return record->key - (uintptr_t)record->key % PAGE;
}

struct tally {
    unsigned records, leaves, foreseen, adjacent;
};

/* From the first record to the last: how many leaves were known before the walk came to them. */
static struct tally walk(void)
{
    struct tally tally = {.leaves = 0};
    struct store_record record = {.key = (const uint8_t *)"\0\0\0\1", .key_length = 4};
    const uint8_t *leaf = NULL, *expected = NULL;
    enum snapshot_move move = MOVE_AT_OR_AFTER;

    ck_assert_int_eq(snapshot_renew(&test.snapshot), RENEWAL_READY);
    while (snapshot_move(&test.snapshot, TABLE_NODES, move, &record) == RECORD_THERE) {
        move = MOVE_NEXT;
        tally.records++;
        if (leaf_of(&record) != leaf) {
            tally.leaves++;
            tally.foreseen += leaf_of(&record) == expected;
            tally.adjacent += leaf && leaf_of(&record) == leaf + PAGE;
        }
        leaf = leaf_of(&record);
        expected = test.snapshot.ahead.next;
    }
    snapshot_rest(&test.snapshot);
    return tally;
}

/* Flip a bit in the number that each page begins with: LMDB does not look at it in a walk. */
static void renumber_pages(void)
{
    char path[512];
    struct stat status;

    (void)snprintf(path, sizeof path, "%s/data.mdb", test.folder);
    int file = open(path, O_RDWR | O_CLOEXEC);
    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(fstat(file, &status), 0);
    for (off_t at = (off_t)2 * PAGE; at < status.st_size; at += PAGE) {
        uint64_t number;
        ck_assert_int_eq(pread(file, &number, sizeof number, at), sizeof number);
        number ^= 1U << 30;
        ck_assert_int_eq(pwrite(file, &number, sizeof number, at), sizeof number);
    }
    close(file);
}

/* A store that was there when it was opened. */
static void reopen(void (*meanwhile)(void))
{
    snapshot_close(&test.snapshot);
    store_close(&test.store);
    if (meanwhile)
        meanwhile();
    open_writer(&test.store, test.folder, TEST_MAP_OCTETS);
    ck_assert_int_eq(snapshot_open(&test.snapshot, &test.store, NULL, 0), RESULT_OK);
}

static void set_up(void)
{
    random_state = 1;
    test_store_open(&test);
    fill();
    reopen(NULL);
}

static void tear_down(void)
{
    test_store_close(&test);
}

/* All but the first two, and the first of each branch. */
static void check(const struct tally *tally)
{
    ck_assert_uint_eq(tally->records, RECORDS);
    ck_assert_uint_gt(tally->leaves, 500);
    ck_assert_msg(tally->foreseen > tally->leaves - tally->leaves / 25, "%u of %u leaves",
                  tally->foreseen, tally->leaves);
}

START_TEST(the_next_page_is_known)
{
    struct tally tally = walk();

    check(&tally);
}
END_TEST

START_TEST(scattered_pages_are_known_too)
{
    scatter();
    struct tally tally = walk();
    check(&tally);
    ck_assert_uint_lt(tally.adjacent, tally.leaves / 2);
}
END_TEST

START_TEST(a_wrong_page_number_leads_nowhere)
{
    ck_assert_ptr_nonnull(test.store.first_page);
    reopen(renumber_pages);
    ck_assert_ptr_null(test.store.first_page);
    struct tally tally = walk();
    ck_assert_uint_eq(tally.records, RECORDS);
    ck_assert_uint_eq(tally.foreseen, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store/ahead");
    TCase *group = tcase_create("walks");

    tcase_add_checked_fixture(group, set_up, tear_down);
    tcase_add_test(group, the_next_page_is_known);
    tcase_add_test(group, scattered_pages_are_known_too);
    tcase_add_test(group, a_wrong_page_number_leads_nowhere);
    suite_add_tcase(suite, group);
    return run_suite(suite);
}
