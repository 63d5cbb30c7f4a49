/*
 * test_change_journal.c - a line of entries: written, walked, kept within its bounds, begun anew,
 * ended by damage, dropped with its version, and judged by the check.
 */
#include "journal_support.h"

#include <lmdb.h>

static const struct journal_bounds wide = {16 << 20, 10000};

static struct test_store test;
static struct zone zone;
static struct buffer rows, read_back;

static void set_up(void)
{
    test_store_open(&test);
    zone = (struct zone){.apex = name_of("example."), .version = 3, .serial = 1};
}

static void tear_down(void)
{
    buffer_free(&rows);
    buffer_free(&read_back);
    test_store_close(&test);
}

/* Add an entry of `rows` that leads from the zone's serial to another, in a change of its own. */
static struct journal_entry put_rows(uint32_t to, const struct journal_bounds *bounds)
{
    struct journal_entry entry = {
        .from = zone.serial, .to = to, .origin = JOURNAL_UPDATE, .time = 77};
    struct change change;

    begin(&change, &test.store);
    change_put_journal(&change, &zone, &entry, &rows, bounds);
    zone.serial = to;
    change_put_zone(&change, &zone);
    commit(&change);
    ck_assert_int_eq(snapshot_renew(&test.snapshot), RENEWAL_READY);
    return entry;
}

static struct journal_entry put(uint32_t to, size_t octets, const struct journal_bounds *bounds)
{
    make_rows(&rows, octets, (uint8_t)to);
    return put_rows(to, bounds);
}

static struct store_check check_all(enum result expected)
{
    struct store_check check;

    ck_assert_int_eq(snapshot_renew(&test.snapshot), RENEWAL_READY);
    ck_assert_int_eq(store_check(&test.snapshot, &check, NULL, NULL), expected);
    return check;
}

static void expect_line(uint32_t oldest, uint32_t entries, uint64_t octets)
{
    struct zone row;

    ck_assert_int_eq(zone_get(&test.snapshot, &zone.apex, &row), RECORD_THERE);
    ck_assert_uint_eq(row.journal_oldest, oldest);
    ck_assert_uint_eq(row.journal_entries, entries);
    ck_assert_uint_eq(row.journal_octets, octets);
    struct store_check check = check_all(RESULT_OK);
    ck_assert_uint_eq(check.leftovers, 0);
    ck_assert((check.records[TABLE_JOURNAL] == 0) == (entries == 0));
}

/* ---- walking --------------------------------------------------------------------------------- */

enum { LONG_LINE = 1000 };

static size_t size_of(uint32_t i)
{
    uint32_t mixed = i * 2654435761U >> 8;

    return i % 100 == 50 ? 20000 + mixed % 200000 : 50 + mixed % 5000;
}

START_TEST(walks_a_long_line)
{
    uint64_t octets = 0;
    struct journal_entry entry;
    struct change change;

    begin(&change, &test.store);
    for (uint32_t i = 0; i < LONG_LINE; i++) {
        entry = (struct journal_entry){.from = zone.serial,
                                       .to = zone.serial + 1 + i % 7,
                                       .origin = i % JOURNAL_ORIGINS,
                                       .time = UINT64_MAX - i};
        make_rows(&rows, size_of(i), (uint8_t)i);
        change_put_journal(&change, &zone, &entry, &rows, &wide);
        octets += rows.length;
        zone.serial = entry.to;
    }
    change_put_zone(&change, &zone);
    commit(&change);
    ck_assert_int_eq(snapshot_renew(&test.snapshot), RENEWAL_READY);
    expect_line(1, LONG_LINE, octets);
    uint32_t serial = 1;
    for (uint32_t i = 0; i < LONG_LINE; i++, serial = entry.to) {
        ck_assert_int_eq(journal_get(&test.snapshot, 3, serial, &entry), RECORD_THERE);
        ck_assert_uint_eq(entry.to, serial + 1 + i % 7);
        ck_assert_uint_eq(entry.origin, i % JOURNAL_ORIGINS);
        ck_assert_uint_eq(entry.time, UINT64_MAX - i);
        make_rows(&rows, size_of(i), (uint8_t)i);
        ck_assert_uint_eq(entry.octets, rows.length);
        ck_assert(read_rows(&test.snapshot, &entry, &read_back));
        ck_assert(same_rows(&rows, &read_back));
    }
    ck_assert_uint_eq(serial, zone.serial);
    ck_assert_int_eq(journal_get(&test.snapshot, 3, serial, &entry), RECORD_ABSENT);
}
END_TEST

/* Serials go round: neither the highest nor 0 is anything but a serial. */
START_TEST(serials_go_round)
{
    static const uint32_t serials[] = {UINT32_MAX, 0, 1, 0x80000000, 5, UINT32_MAX - 7};
    uint64_t octets = 0;

    zone.serial = UINT32_MAX - 1;
    for (unsigned i = 0; i < COUNT(serials); i++)
        octets += put(serials[i], 100, &wide).octets;
    expect_line(UINT32_MAX - 1, COUNT(serials), octets);
    /* 0 may be where a line begins. */
    const struct journal_bounds five = {16 << 20, 5};
    put(9, 100, &five);
    expect_line(0, 5, octets / COUNT(serials) * 5);
}
END_TEST

static const struct {
    const char *label;
    uint16_t count, length; /* of each row */
    unsigned rows, pieces;
} layouts[] = {
    {"one small row", 1, 10, 1, 1},
    {"a row larger than a small piece", 1, 3000, 2, 2},
    {"a row larger than a piece", 30, 9000, 1, 1},
    {"large rows, each its own piece", 30, 9000, 3, 3},
    {"many rows", 1, 500, 1000, 9},
    {"a large RRset", 65535, 2, 2, 2},
};

START_TEST(cuts_between_rows)
{
    buffer_clear(&rows);
    for (unsigned i = 0; i < layouts[_i].rows; i++)
        add_row(&rows, i ? JOURNAL_ADDED : JOURNAL_REMOVED, layouts[_i].count, layouts[_i].length,
                (uint8_t)i);
    struct journal_entry entry = put_rows(2, &wide), found;
    ck_assert_msg(entry.pieces == layouts[_i].pieces, "%s: %u pieces", layouts[_i].label,
                  entry.pieces);
    ck_assert_uint_eq(entry.version, 3);
    ck_assert_int_eq(journal_get(&test.snapshot, 3, 1, &found), RECORD_THERE);
    ck_assert_uint_eq(found.pieces, layouts[_i].pieces);
    ck_assert(read_rows(&test.snapshot, &found, &read_back));
    ck_assert_msg(same_rows(&rows, &read_back), "%s", layouts[_i].label);
    ck_assert_uint_eq(check_all(RESULT_OK).records[TABLE_JOURNAL], layouts[_i].pieces);
    expect_line(1, 1, rows.length);
}
END_TEST

/* ---- bounds ---------------------------------------------------------------------------------- */

enum { EVICTIONS = 300 };

/* Counted beside it, from the outside: the line is the longest that holds both bounds. */
START_TEST(evicts_the_oldest)
{
    static const struct journal_bounds tables[] = {{20000, 10000}, {1 << 20, 7}, {30000, 12},
                                                   {230000, 3},    {1, 5},       {1 << 20, 1}};
    const struct journal_bounds *bounds = &tables[_i];
    uint64_t sizes[EVICTIONS];

    for (uint32_t i = 0; i < EVICTIONS; i++) {
        sizes[i] = put(i + 2, size_of(i), bounds).octets;
        uint32_t entries = 0;
        uint64_t octets = 0;
        while (entries <= i && entries < bounds->entries &&
               octets + sizes[i - entries] <= bounds->octets)
            octets += sizes[i - entries++];
        ck_assert_msg(zone.journal_entries <= entries, "entry %u", i);
        if (i % 10 == 9 || zone.journal_entries != entries)
            expect_line(entries ? i + 2 - entries : 0, entries, octets);
    }
}
END_TEST

START_TEST(bounds_that_become_lower_hold_at_once)
{
    const struct journal_bounds low = {16 << 20, 2}, none = {16 << 20, 0};

    for (uint32_t i = 2; i < 50; i++)
        put(i, 3000, &wide);
    uint64_t last = put(50, 100, &wide).octets;
    put(51, 100, &low);
    expect_line(49, 2, last + rows.length);
    put(52, 100, &none);
    expect_line(0, 0, 0);
    put(53, 100, &wide);
    expect_line(52, 1, rows.length);
}
END_TEST

START_TEST(what_leads_nowhere_ends_the_line)
{
    for (uint32_t i = 2; i < 9; i++)
        put(i, 100, &wide);
    put(8, 100, &wide); /* from 8 to 8 */
    expect_line(0, 0, 0);
    put(9, 100, &wide);
    put(10, 100, &wide);
    put(8, 100, &wide);
    put(11, 100, &wide); /* from 8 for the second time */
    expect_line(8, 1, rows.length);
}
END_TEST

START_TEST(malformed_rows_fail_the_change)
{
    struct journal_entry entry = {.from = 1, .to = 2};
    struct change change;

    make_rows(&rows, 500, 1);
    for (unsigned i = 0; i < 3; i++) {
        begin(&change, &test.store);
        rows.length = i == 0 ? 0 : i == 1 ? rows.length : 20;
        rows.failed = i == 1;
        change_put_journal(&change, &zone, &entry, &rows, &wide);
        ck_assert_int_eq(change_commit(&change, NULL), i == 1 ? RESULT_SYSTEM : RESULT_FORMAT);
        make_rows(&rows, 500, 1);
    }
    ck_assert_uint_eq(zone.journal_entries, 0);
}
END_TEST

/* ---- damage, and what is left of a line ------------------------------------------------------ */

/* Flip a bit of a stored record, or remove it when `at` is SIZE_MAX. */
static void spoil(uint32_t from, uint16_t piece, size_t at)
{
    struct store_key name;
    MDB_txn *transaction;
    MDB_val value;

    store_key_journal(&name, zone.version, from, piece);
    MDB_val key = {.mv_size = name.length, .mv_data = name.octets};
    MDB_dbi table = test.store.tables[TABLE_JOURNAL];
    ck_assert_int_eq(mdb_txn_begin(test.store.environment, NULL, 0, &transaction), 0);
    ck_assert_int_eq(mdb_get(transaction, table, &key, &value), 0);
    uint8_t *copy = exact_copy(value.mv_data, value.mv_size);
    value.mv_data = copy;
    if (at == SIZE_MAX) {
        ck_assert_int_eq(mdb_del(transaction, table, &key, NULL), 0);
    } else {
        copy[at] ^= 1;
        ck_assert_int_eq(mdb_put(transaction, table, &key, &value, 0), 0);
    }
    ck_assert_int_eq(mdb_txn_commit(transaction), 0);
    free(copy);
}

START_TEST(damage_ends_the_line_and_not_the_change)
{
    static const size_t ways[] = {0, 30, SIZE_MAX};
    const struct journal_bounds five = {16 << 20, 5};

    for (uint32_t i = 2; i < 7; i++)
        put(i, 1500, &five);
    spoil(2, 0, ways[_i]); /* the second: found when it becomes the oldest */
    check_all(RESULT_CORRUPT);
    put(7, 1500, &five);
    ck_assert_uint_eq(zone.journal_oldest, 2);
    uint64_t octets = put(8, 1500, &five).octets;
    expect_line(7, 1, octets);
    octets += put(9, 1500, &five).octets;
    expect_line(7, 2, octets);
}
END_TEST

/* What is damaged of a line that leads from 1 to 8, and with which serial it begins then; 0: it is
 * empty. */
static const struct {
    const char *name;
    uint32_t from;
    uint16_t piece;
    size_t at;
    uint32_t begins;
} mended[] = {
    {"a later piece", 3, 1, 30, 4},
    {"a later piece is missing", 3, 1, SIZE_MAX, 4},
    {"the oldest entry", 1, 1, 30, 2},
    {"the newest entry", 7, 1, 30, 0},
    {"a head: what it leads to is not known", 3, 0, 30, 4},
    {"a head is missing", 3, 0, SIZE_MAX, 4},
    {"the head of the oldest", 1, 0, 30, 2},
    {"the head of the newest", 7, 0, 30, 0},
};

START_TEST(a_line_begins_behind_its_damage)
{
    uint64_t octets = 0;
    struct change change;

    for (uint32_t i = 2; i <= 8; i++) {
        size_t one = put(i, 1500, &wide).octets;
        octets += mended[_i].begins && i > mended[_i].begins ? one : 0;
    }
    spoil(mended[_i].from, mended[_i].piece, mended[_i].at);
    check_all(RESULT_CORRUPT);
    begin(&change, &test.store);
    ck_assert(change_mend_journal(&change, &zone));
    change_put_zone(&change, &zone);
    commit(&change);
    ck_assert_int_eq(snapshot_renew(&test.snapshot), RENEWAL_READY);
    expect_line(mended[_i].begins, mended[_i].begins ? 8 - mended[_i].begins : 0, octets);
    octets += put(9, 1500, &wide).octets;
    expect_line(mended[_i].begins ? mended[_i].begins : 8,
                mended[_i].begins ? 9 - mended[_i].begins : 1, octets);
}
END_TEST

/* The last that is damaged counts; what lies beside a line takes it along. */
START_TEST(a_line_with_much_damage)
{
    struct change change;

    for (uint32_t i = 2; i <= 8; i++)
        put(i, 1500, &wide);
    spoil(2, 1, 30);
    spoil(5, 1, 30);
    begin(&change, &test.store);
    ck_assert(change_mend_journal(&change, &zone));
    change_put_zone(&change, &zone);
    commit(&change);
    ck_assert_uint_eq(zone.journal_oldest, 6);
    check_all(RESULT_OK);
    /* What is whole stays: the damage that was met is that of an entry which has gone. */
    begin(&change, &test.store);
    ck_assert(!change_mend_journal(&change, &zone));
    ck_assert_uint_eq(zone.journal_entries, 2);
    zone.journal_oldest = 7;
    zone.journal_entries = 1;
    zone.journal_octets /= 2;
    ck_assert(change_mend_journal(&change, &zone));
    change_put_zone(&change, &zone);
    commit(&change);
    ck_assert_int_eq(snapshot_renew(&test.snapshot), RENEWAL_READY);
    expect_line(0, 0, 0);
}
END_TEST

/* The row's members are another version's: the line begins in this one. */
START_TEST(a_line_belongs_to_its_version)
{
    for (uint32_t i = 2; i < 7; i++)
        put(i, 100, &wide);
    zone.version = 4;
    uint64_t octets = put(7, 100, &wide).octets;
    ck_assert_uint_eq(zone.journal_entries, 1);
    ck_assert_uint_eq(check_all(RESULT_OK).leftovers, 5);
    put(8, 100, &wide);
    ck_assert_uint_eq(zone.journal_oldest, 6);
    ck_assert_uint_eq(zone.journal_octets, octets + rows.length);
}
END_TEST

static void clear(size_t limit)
{
    struct change change;

    begin(&change, &test.store);
    change_clear_journal(&change, &zone, limit);
    change_put_zone(&change, &zone);
    commit(&change);
}

START_TEST(clears_in_parts)
{
    struct journal_entry entry;

    for (uint32_t i = 2; i < 12; i++)
        put(i, 100, &wide);
    clear(4);
    struct store_check check = check_all(RESULT_OK);
    ck_assert_uint_eq(check.records[TABLE_JOURNAL], 6);
    ck_assert_uint_eq(check.leftovers, 6);
    ck_assert_uint_eq(zone.journal_entries, 0);
    /* What is left goes before a line begins: nothing of the old one leads into the new. */
    put(12, 100, &wide);
    expect_line(11, 1, rows.length);
    ck_assert_int_eq(journal_get(&test.snapshot, 3, 10, &entry), RECORD_ABSENT);
    clear(0);
    ck_assert_uint_eq(check_all(RESULT_OK).leftovers, 1);
    clear(100);
    expect_line(0, 0, 0);
}
END_TEST

/* More is left than one change removes: no entry is kept until all of it has gone. */
START_TEST(no_line_begins_beside_what_is_left)
{
    enum { MANY = 5000 };
    struct change change;
    struct journal_entry entry;

    begin(&change, &test.store);
    make_rows(&rows, 50, 1);
    for (uint32_t i = 0; i < MANY; i++, zone.serial++) {
        entry = (struct journal_entry){.from = zone.serial, .to = zone.serial + 1};
        change_put_journal(&change, &zone, &entry, &rows, &wide);
    }
    change_clear_journal(&change, &zone, 0);
    change_put_zone(&change, &zone);
    commit(&change);
    ck_assert_uint_eq(check_all(RESULT_OK).leftovers, MANY);
    unsigned tries = 0;
    for (uint32_t left = MANY; zone.journal_entries == 0; tries++) {
        put(zone.serial + 1, 50, &wide);
        struct store_check check = check_all(RESULT_OK);
        ck_assert_uint_lt(check.leftovers, left);
        ck_assert(zone.journal_entries == 0 || check.leftovers == 0);
        left = (uint32_t)check.leftovers;
    }
    ck_assert_uint_eq(tries, 2);
    expect_line(zone.serial - 1, 1, rows.length);
}
END_TEST

START_TEST(goes_with_its_version)
{
    struct change change;
    uint32_t version;
    bool done = false;
    unsigned slices = 0;

    for (uint32_t i = 2; i < 12; i++)
        put(i, 100, &wide);
    zone.version = 4;
    zone.journal_oldest = zone.journal_entries = 0;
    zone.journal_octets = 0;
    put(12, 100, &wide);
    ck_assert_int_eq(version_leftover(&test.snapshot, 0, &version), RECORD_THERE);
    ck_assert_uint_eq(version, 3);
    for (; !done; slices++) {
        begin(&change, &test.store);
        ck_assert_int_eq(version_drop(&change, 3, 4, &done), RESULT_OK);
        commit(&change);
    }
    ck_assert_uint_eq(slices, 3);
    ck_assert_int_eq(snapshot_renew(&test.snapshot), RENEWAL_READY);
    ck_assert_int_eq(version_leftover(&test.snapshot, 0, &version), RECORD_ABSENT);
    expect_line(11, 1, rows.length);
}
END_TEST

/* ---- the check ------------------------------------------------------------------------------- */

static void keep_line(void *context, const char *line)
{
    snprintf(context, STORE_PROBLEM_OCTETS, "%s", line);
}

static void serial_is_other(void)
{
    zone.serial++;
}

static void counts_more_entries(void)
{
    zone.journal_entries++;
}

static void counts_fewer_entries(void)
{
    zone.journal_entries--;
}

static void counts_other_octets(void)
{
    zone.journal_octets++;
}

static void begins_later(void)
{
    zone.journal_oldest = 2;
    zone.journal_entries--;
    zone.journal_octets -= rows.length;
}

static void loses_a_piece(void)
{
    spoil(3, 1, SIZE_MAX);
}

static void loses_an_entry(void)
{
    spoil(3, 0, SIZE_MAX);
}

static void counts_octets_without_entries(void)
{
    zone.journal_entries = 0;
}

static const struct {
    void (*happens)(void);
    const char *complaint;
} contradictions[] = {
    {serial_is_other, "serial 6: the line does not end at the serial"},
    {counts_more_entries, "serial 6: no good entry leads on"},
    {counts_fewer_entries, "serial 5: the line does not end at the serial"},
    {counts_other_octets, "the row counts other octets"},
    {begins_later, "there are records beside the line"},
    {loses_a_piece, "serial 3: a piece of the entry is missing"},
    {loses_an_entry, "serial 3: no good entry leads on"},
    {counts_octets_without_entries, "without entries"},
};

START_TEST(the_check_follows_the_line)
{
    char line[STORE_PROBLEM_OCTETS] = "";
    struct store_check check;
    struct change change;

    for (uint32_t i = 2; i < 7; i++)
        put(i, 1500, &wide);
    ck_assert_uint_eq(check_all(RESULT_OK).misplaced, 0);
    contradictions[_i].happens();
    begin(&change, &test.store);
    change_put_zone(&change, &zone);
    commit(&change);
    ck_assert_int_eq(snapshot_renew(&test.snapshot), RENEWAL_READY);
    ck_assert_int_eq(store_check(&test.snapshot, &check, keep_line, line), RESULT_CORRUPT);
    ck_assert_uint_eq(check.misplaced, 1);
    ck_assert_msg(strstr(line, contradictions[_i].complaint) && strstr(line, "example."), "%s",
                  line);
}
END_TEST

/* A good seal over octets that are no entry. */
START_TEST(the_check_looks_at_the_form)
{
    struct store_key key;
    struct change change;
    const uint8_t form[] = {9, 0, 0};

    for (unsigned i = 0; i < 3; i++) {
        begin(&change, &test.store);
        store_key_journal(&key, 9, 1, i == 1);
        version_append(&change, 9, TABLE_JOURNAL, key.octets + RECORD_PREFIX_OCTETS, i == 2 ? 3 : 6,
                       reader_over(form, sizeof form));
        ck_assert_int_eq(change.failed, RESULT_OK);
        commit(&change);
        ck_assert_uint_eq(check_all(RESULT_CORRUPT).damaged[TABLE_JOURNAL], i + 1);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("change/journal");
    TCase *lines = tcase_create("lines"), *ends = tcase_create("ends"),
          *checks = tcase_create("checks");

    tcase_add_checked_fixture(lines, set_up, tear_down);
    tcase_add_checked_fixture(ends, set_up, tear_down);
    tcase_add_checked_fixture(checks, set_up, tear_down);
    tcase_set_timeout(lines, 120);
    tcase_set_timeout(ends, 120);
    tcase_add_test(lines, walks_a_long_line);
    tcase_add_test(lines, serials_go_round);
    tcase_add_loop_test(lines, cuts_between_rows, 0, COUNT(layouts));
    tcase_add_loop_test(lines, evicts_the_oldest, 0, 6);
    tcase_add_test(lines, bounds_that_become_lower_hold_at_once);
    tcase_add_test(lines, what_leads_nowhere_ends_the_line);
    tcase_add_test(lines, malformed_rows_fail_the_change);
    tcase_add_loop_test(ends, damage_ends_the_line_and_not_the_change, 0, 3);
    tcase_add_loop_test(ends, a_line_begins_behind_its_damage, 0, COUNT(mended));
    tcase_add_test(ends, a_line_with_much_damage);
    tcase_add_test(ends, a_line_belongs_to_its_version);
    tcase_add_test(ends, clears_in_parts);
    tcase_add_test(ends, no_line_begins_beside_what_is_left);
    tcase_add_test(ends, goes_with_its_version);
    tcase_add_loop_test(checks, the_check_follows_the_line, 0, COUNT(contradictions));
    tcase_add_test(checks, the_check_looks_at_the_form);
    suite_add_tcase(suite, lines);
    suite_add_tcase(suite, ends);
    suite_add_tcase(suite, checks);
    return run_suite(suite);
}
