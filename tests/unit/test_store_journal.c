/*
 * test_store_journal.c - entries of a journal as they are read: rows that are malformed, pieces,
 * and every octet of a small journal damaged in turn.
 */
#include "journal_support.h"

#include <lmdb.h>

static const struct journal_bounds wide = {16 << 20, 10000};

/* ---- rows ------------------------------------------------------------------------------------ */

#define HEAD(act, count, length)                                                                   \
    act "\1a\0"                                                                                    \
        "\0\20\0\0\0\5" count length

static const struct {
    const char *label;
    const char *octets;
    size_t length;
    unsigned rows; /* that come before the end, or before the reader fails */
    bool good;
} forms[] = {
#define FORM(label, octets, rows, good)                                                            \
    {                                                                                              \
        label, octets, sizeof octets - 1, rows, good                                               \
    }
    FORM("nothing", "", 0, true),
    FORM("one record", HEAD("\1", "\0\1", "\0\0\0\3") "\0\1x", 1, true),
    FORM("two rows",
         HEAD("\0", "\0\1", "\0\0\0\3") "\0\1x" HEAD("\1", "\0\2", "\0\0\0\5") "\0\1x\0\0", 2,
         true),
    FORM("an unknown act", HEAD("\2", "\0\1", "\0\0\0\3") "\0\1x", 0, false),
    FORM("no records", HEAD("\1", "\0\0", "\0\0\0\0"), 0, false),
    FORM("fewer records than it says", HEAD("\1", "\0\2", "\0\0\0\3") "\0\1x", 0, false),
    FORM("more records than it says", HEAD("\1", "\0\1", "\0\0\0\6") "\0\1x\0\1y", 0, false),
    FORM("a record beyond its run", HEAD("\1", "\0\1", "\0\0\0\3") "\0\2x", 0, false),
    FORM("a run beyond the piece", HEAD("\1", "\0\1", "\377\377\377\377") "\0\1x", 0, false),
    FORM("a name with a pointer", "\1\300\0\0\20\0\0\0\5\0\1\0\0\0\3\0\1x", 0, false),
    FORM("a name without end", "\1\1", 0, false),
    FORM("an act alone", "\1", 0, false),
    FORM("a good row, then half a row", HEAD("\1", "\0\1", "\0\0\0\3") "\0\1x\1\1a", 1, false),
#undef FORM
};

START_TEST(reads_rows)
{
    uint8_t *octets = exact_copy(forms[_i].octets, forms[_i].length);
    struct reader rows = reader_over(octets, forms[_i].length);
    struct journal_rrset rrset;
    unsigned count = 0;

    while (journal_next(&rows, &rrset))
        count++;
    ck_assert_msg(count == forms[_i].rows, "%s: %u rows", forms[_i].label, count);
    ck_assert_msg(rows.failed == !forms[_i].good, "%s", forms[_i].label);
    ck_assert_msg(!journal_next(&rows, &rrset), "%s: read on", forms[_i].label);
    free(octets);
}
END_TEST

START_TEST(keeps_what_a_row_says)
{
    static const uint8_t run[] = {0, 2, 'a', 'b', 0, 0};
    const struct journal_rrset rrset = {.act = JOURNAL_REMOVED,
                                        .owner = name_of("WWW.example."),
                                        .type = 65535,
                                        .ttl = UINT32_MAX,
                                        .rdata = {run, sizeof run, 2}};
    struct journal_rrset none = rrset, read;
    struct buffer rows = {.length = 0};

    none.rdata = (struct rdata_run){.octets = run};
    journal_add(&rows, &none);
    ck_assert_uint_eq(rows.length, 0);
    journal_add(&rows, &rrset);
    struct reader reader = reader_over(rows.octets, rows.length);
    ck_assert(journal_next(&reader, &read));
    ck_assert_int_eq(read.act, JOURNAL_REMOVED);
    ck_assert_mem_eq(read.owner.octets, rrset.owner.octets, rrset.owner.length);
    ck_assert_uint_eq(read.type, 65535);
    ck_assert_uint_eq(read.ttl, UINT32_MAX);
    ck_assert(same_run(&read.rdata, &rrset.rdata));
    ck_assert_int_eq(reader_finish(&reader), RESULT_OK);
    buffer_free(&rows);
}
END_TEST

/* ---- heads ----------------------------------------------------------------------------------- */

static const struct {
    const char *label;
    size_t at; /* octet of the head that is changed ... */
    uint8_t to;
} heads[] = {
    {"another form", 0, 2},
    {"an unknown origin", 5, JOURNAL_ORIGINS},
    {"no pieces", 15, 0},
};

START_TEST(refuses_heads)
{
    struct journal_entry entry = {.to = 7, .origin = JOURNAL_RELOAD, .time = 9, .pieces = 1}, read;
    struct buffer head = {.length = 0};

    journal_compose(&entry, &head);
    ck_assert_uint_eq(head.length, JOURNAL_HEAD_OCTETS);
    struct reader payload = reader_over(head.octets, head.length);
    ck_assert_int_eq(journal_open(&payload, &read), RESULT_OK);
    ck_assert_int_eq(reader_finish(&payload), RESULT_OK);
    ck_assert(read.to == 7 && read.origin == JOURNAL_RELOAD && read.time == 9 && read.pieces == 1);
    for (size_t length = 0; length < head.length; length++) {
        uint8_t *cut = exact_copy(head.octets, length);
        payload = reader_over(cut, length);
        ck_assert_int_eq(journal_open(&payload, &read), RESULT_CORRUPT);
        free(cut);
    }
    head.octets[heads[_i].at] = heads[_i].to;
    payload = reader_over(head.octets, head.length);
    ck_assert_msg(journal_open(&payload, &read) == RESULT_CORRUPT, "%s", heads[_i].label);
    buffer_free(&head);
}
END_TEST

/* ---- damage ---------------------------------------------------------------------------------- */

enum { LINE = 4 };

static struct test_store test;
static struct buffer expected[LINE];

/* Four entries of one to three pieces. */
static void fill(void)
{
    static const size_t sizes[LINE] = {100, 2000, 700, 1500};
    struct zone zone = {.apex = name_of("example."), .version = 3, .serial = 10};
    struct change change;

    test_store_open(&test);
    begin(&change, &test.store);
    for (uint32_t i = 0; i < LINE; i++) {
        struct journal_entry entry = {.from = zone.serial, .to = zone.serial + 1 + i, .time = 5};
        make_rows(&expected[i], sizes[i], (uint8_t)i);
        change_put_journal(&change, &zone, &entry, &expected[i], &wide);
        zone.serial = entry.to;
    }
    change_put_zone(&change, &zone);
    commit(&change);
    ck_assert_int_eq(snapshot_renew(&test.snapshot), RENEWAL_READY);
}

static void empty(void)
{
    for (unsigned i = 0; i < LINE; i++)
        buffer_free(&expected[i]);
    test_store_close(&test);
}

/* Walk the line: what is read is what was written, or it is known to be damaged. Whether all was
 * good. */
static bool walk_line(struct snapshot *snapshot)
{
    struct buffer rows = {.length = 0};
    struct journal_entry entry;
    uint32_t serial = 10;
    bool good = true;

    for (unsigned i = 0; i < LINE; i++) {
        enum found_record found = journal_get(snapshot, 3, serial, &entry);
        ck_assert_int_ne(found, RECORD_ABSENT);
        serial += 1 + i;
        if (found == RECORD_THERE && read_rows(snapshot, &entry, &rows)) {
            ck_assert_uint_eq(entry.to, serial);
            ck_assert(same_rows(&rows, &expected[i]));
        } else {
            good = false;
        }
    }
    buffer_free(&rows);
    return good;
}

/* Damage one octet within a change that is never committed. */
static void damage(const struct store_record *record, size_t at, uint8_t flip)
{
    struct change change;
    uint8_t *copy = exact_copy(record->value, record->value_length);
    uint8_t *name = exact_copy(record->key, record->key_length);
    MDB_val key = {.mv_size = record->key_length, .mv_data = name};
    MDB_val value = {.mv_size = record->value_length, .mv_data = copy};
    struct store_check check;

    copy[at] ^= flip;
    begin(&change, &test.store);
    ck_assert_int_eq(mdb_put(change_view(&change)->transaction, test.store.tables[TABLE_JOURNAL],
                             &key, &value, 0),
                     0);
    ck_assert(!walk_line(change_view(&change)));
    ck_assert_int_eq(store_check(change_view(&change), &check, NULL, NULL), RESULT_CORRUPT);
    ck_assert_uint_eq(check.damaged[TABLE_JOURNAL], 1);
    ck_assert_uint_eq(check.misplaced, 1);
    change_abandon(&change);
    free(copy);
    free(name);
}

START_TEST(damage_is_never_sent)
{
    const uint8_t lowest[1] = {0};
    struct store_record record = {.key = lowest, .key_length = 1};
    unsigned records = 0;

    fill();
    ck_assert(walk_line(&test.snapshot));
    enum found_record found =
        snapshot_move(&test.snapshot, TABLE_JOURNAL, MOVE_AT_OR_AFTER, &record);
    for (; found == RECORD_THERE; records++) {
        for (size_t at = 0; at < record.value_length; at++)
            damage(&record, at, (uint8_t)(1U << at % 8));
        found = snapshot_move(&test.snapshot, TABLE_JOURNAL, MOVE_NEXT, &record);
    }
    ck_assert_uint_eq(records, 1 + 3 + 1 + 2);
    empty();
}
END_TEST

/* A head that went on while the pieces behind it were changed: an old entry is not mixed with a new
 * one. */
START_TEST(a_piece_of_another_entry_is_damage)
{
    struct journal_entry entry, other;
    struct reader rows;

    fill();
    ck_assert_int_eq(journal_get(&test.snapshot, 3, 9, &entry), RECORD_ABSENT);
    ck_assert_int_eq(journal_get(&test.snapshot, 4, 10, &entry), RECORD_ABSENT);
    ck_assert_int_eq(journal_get(&test.snapshot, 3, 11, &entry), RECORD_THERE);
    ck_assert_uint_eq(entry.pieces, 3);
    ck_assert_uint_eq(entry.octets, expected[1].length);
    ck_assert_int_eq(journal_piece(&test.snapshot, &entry, 3, &rows), RECORD_CORRUPT);
    ck_assert(rows.failed);
    other = entry;
    other.to++;
    ck_assert_int_eq(journal_piece(&test.snapshot, &other, 0, &rows), RECORD_CORRUPT);
    other = entry;
    other.pieces = 4;
    ck_assert_int_eq(journal_piece(&test.snapshot, &other, 3, &rows), RECORD_CORRUPT);
    empty();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store/journal");
    TCase *rows = tcase_create("rows"), *damaged = tcase_create("damage");

    tcase_add_loop_test(rows, reads_rows, 0, COUNT(forms));
    tcase_add_test(rows, keeps_what_a_row_says);
    tcase_add_loop_test(rows, refuses_heads, 0, COUNT(heads));
    tcase_set_timeout(damaged, 120);
    tcase_add_test(damaged, damage_is_never_sent);
    tcase_add_test(damaged, a_piece_of_another_entry_is_damage);
    suite_add_tcase(suite, rows);
    suite_add_tcase(suite, damaged);
    return run_suite(suite);
}
