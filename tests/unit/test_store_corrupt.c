/*
 * test_store_corrupt.c - every octet of every value of a small store is damaged in turn, and every
 * bit of the versions in keys: what is read is right, or it is known to be damaged; it is never
 * wrong, and never less.
 */
#include "store_support.h"

#include <lmdb.h>

#include "avow/store/chain.h"
#include "avow/store/key.h"

static struct test_store test;
static struct buffer text;

static void put_text_node(struct change *change, const char *name, uint16_t flags, uint8_t above,
                          uint16_t length)
{
    struct name owner = name_of(name);
    struct node_rrset rrset = {
        .type = TYPE_TXT, .ttl = 5, .rdata = make_run(&text, 1, length, 'x'), .signature_room = 12};
    struct node_parts parts = {
        .rrsets = &rrset, .count = length ? 1 : 0, .flags = flags, .above = above};

    version_append_node(change, 1, &owner, &parts);
}

static void fill(void)
{
    struct change change;
    struct zone zone = {.apex = name_of("example."), .version = 1, .serial = 77};
    struct key_row key = {.zone = zone.apex, .number = 1, .role = KEY_KSK, .algorithm = 13};
    struct expiry expiry;
    const uint8_t hashes[2][NODE_HASH_OCTETS] = {{0x40}, {0x80}};

    test_store_open(&test);
    begin(&change, &test.store);
    put_text_node(&change, "example.", NODE_APEX | NODE_HAS_CHILDREN, 0, 20);
    put_text_node(&change, "a.example.", 0, 0, 20);
    put_text_node(&change, "cut.example.", NODE_CUT, 0, 6);
    put_text_node(&change, "ns.cut.example.", NODE_BELOW_CUT, 2, 6);
    put_text_node(&change, "ent.example.", NODE_EMPTY | NODE_HAS_WILDCARD_CHILD, 0, 0);
    put_text_node(&change, "*.ent.example.", 0, 0, 20);
    put_text_node(&change, "large.example.", 0, 0, 2000);
    for (unsigned i = 0; i < 2; i++) {
        uint8_t rdata[28] = {0, 26, 1, 0, 0, 0, 0, NODE_HASH_OCTETS};
        memcpy(rdata + 8, hashes[1 - i], NODE_HASH_OCTETS);
        struct node_rrset rrset = {.type = TYPE_NSEC3, .ttl = 5, .rdata = {rdata, 28, 1}};
        version_append_nsec3(&change, 1, hashes[i], &rrset);
    }
    change_put_zone(&change, &zone);
    change_put_key(&change, &key);
    expiry_of_names(&expiry, 1000, 1, &zone.apex, &zone.apex);
    change_put_expiry(&change, &expiry);
    commit(&change);
}

/* Everything that was found, as octets; a damaged thing leaves "!" and what it is. */
static void note(struct buffer *notes, char what, bool good, const void *octets, size_t length)
{
    buffer_u8(notes, (uint8_t)what);
    buffer_u8(notes, good ? '=' : '!');
    if (good)
        buffer_add(notes, octets, length);
    buffer_u8(notes, '\n');
}

static void ask_names(struct snapshot *snapshot, struct buffer *notes)
{
    static const char *const names[] = {"example.",          "a.example.",     "b.example.",
                                        "cut.example.",      "x.cut.example.", "ns.cut.example.",
                                        "z.ns.cut.example.", "ent.example.",   "w.ent.example.",
                                        "large.example.",    "zz.example."};

    for (unsigned i = 0; i < COUNT(names); i++) {
        struct lookup lookup;
        struct rrset_view rrset;
        struct name name = name_of(names[i]);
        lookup_name(snapshot, 1, &name, &lookup);
        note(notes, 'p', lookup.place != PLACE_CORRUPT, &lookup.place, sizeof lookup.place);
        if (lookup.place == PLACE_CORRUPT || lookup.place == PLACE_ABSENT ||
            lookup.place == PLACE_EMPTY)
            continue;
        enum found_record found = node_find(&lookup.node, TYPE_TXT, &rrset);
        ck_assert(found != RECORD_ABSENT);
        note(notes, 't', found == RECORD_THERE, rrset.rdata.octets,
             found == RECORD_THERE ? rrset.rdata.length : 0);
    }
}

static void ask_rest(struct snapshot *snapshot, struct buffer *notes)
{
    const uint8_t hashes[3][NODE_HASH_OCTETS] = {{0x40}, {0x60}, {0x90}};
    struct chain_nsec3 nsec3;
    struct zone zone;
    struct key_row key;
    struct expiry expiry;
    struct name apex = name_of("example.");

    for (unsigned i = 0; i < 3; i++) {
        bool good = chain_nsec3(snapshot, 1, hashes[i], &nsec3) != CHAIN_CORRUPT;
        note(notes, 'c', good, good ? nsec3.next : NULL, good ? NODE_HASH_OCTETS : 0);
    }
    enum found_record found = zone_get(snapshot, &apex, &zone);
    ck_assert(found != RECORD_ABSENT);
    note(notes, 'z', found == RECORD_THERE, &zone.serial, sizeof zone.serial);
    found = key_get(snapshot, &apex, 1, &key);
    ck_assert(found != RECORD_ABSENT);
    note(notes, 'k', found == RECORD_THERE, &key.algorithm, 1);
    found = expiry_walk(snapshot, NULL, &expiry);
    ck_assert(found != RECORD_ABSENT);
    note(notes, 'e', found == RECORD_THERE, &expiry.at, sizeof expiry.at);
}

/* Line by line: the same as before, or known to be damaged. Returns how many are. */
static unsigned compare(const struct buffer *good, const struct buffer *bad)
{
    size_t g = 0, b = 0;
    unsigned damaged = 0;

    while (b < bad->length) {
        ck_assert_uint_eq(bad->octets[b], good->octets[g]);
        if (bad->octets[b + 1] == '!') {
            damaged++;
            /* A place that is damaged says nothing more of the name: skip its text too. */
            bool place = bad->octets[b] == 'p';
            b += 3;
            do
                g = (size_t)((uint8_t *)memchr(good->octets + g, '\n', good->length - g) + 1 -
                             good->octets);
            while (place && g < good->length && good->octets[g] == 't');
            continue;
        }
        do
            ck_assert_uint_eq(bad->octets[b], good->octets[g]);
        while (g++, bad->octets[b++] != '\n');
    }
    ck_assert_uint_eq(g, good->length);
    return damaged;
}

/* Damage one octet within a transaction that is never committed. Returns what was noticed. */
static unsigned damage(enum store_table table, const struct store_record *record, size_t at,
                       uint8_t flip, const struct buffer *good)
{
    struct change change;
    struct buffer notes = {.length = 0};
    uint8_t *copy = exact_copy(record->value, record->value_length);
    uint8_t *name = exact_copy(record->key, record->key_length);
    MDB_val key = {.mv_size = record->key_length, .mv_data = name};
    MDB_val value = {.mv_size = record->value_length, .mv_data = copy};

    copy[at] ^= flip;
    begin(&change, &test.store);
    ck_assert_int_eq(
        mdb_put(change_view(&change)->transaction, test.store.tables[table], &key, &value, 0), 0);
    ask_names(change_view(&change), &notes);
    ask_rest(change_view(&change), &notes);
    unsigned damaged = compare(good, &notes);
    struct store_check check;
    ck_assert_int_eq(store_check(change_view(&change), &check, NULL, NULL), RESULT_CORRUPT);
    change_abandon(&change);
    buffer_free(&notes);
    free(copy);
    free(name);
    return damaged;
}

START_TEST(damage_is_never_answered_from)
{
    const uint8_t lowest[1] = {0};
    struct buffer good = {.length = 0};
    enum store_table table = (enum store_table)_i;

    fill();
    ck_assert_int_eq(snapshot_renew(&test.snapshot), RENEWAL_READY);
    ask_names(&test.snapshot, &good);
    ask_rest(&test.snapshot, &good);
    ck_assert_uint_eq(compare(&good, &good), 0);
    struct store_record record = {.key = lowest, .key_length = 1};
    enum found_record found = snapshot_move(&test.snapshot, table, MOVE_AT_OR_AFTER, &record);
    for (; found == RECORD_THERE;
         found = snapshot_move(&test.snapshot, table, MOVE_NEXT, &record)) {
        size_t step = record.value_length > 500 ? 13 : 1;
        for (size_t at = 0; at < record.value_length; at += step)
            ck_assert_uint_gt(damage(table, &record, at, (uint8_t)(1 << at % 8), &good), 0);
    }
    buffer_free(&good);
    buffer_free(&text);
    test_store_close(&test);
}
END_TEST

/* A bit that flips in a key of the file itself hides the name: that must not look like absence. */
START_TEST(a_damaged_key_is_not_absence)
{
    struct name name = name_of("a.example.");
    struct lookup lookup;
    struct change change;

    fill();
    for (unsigned bit = 0; bit < 8; bit++) {
        begin(&change, &test.store);
        lookup_name(change_view(&change), 1, &name, &lookup);
        ck_assert_int_eq(lookup.place, PLACE_EXACT);
        /* Touch the page so that it is ours to spoil, then spoil the key where it lies. */
        struct node_parts parts = {.flags = 0};
        struct name other = name_of("b.example.");
        change_put_node(&change, 1, &other, &parts);
        lookup_name(change_view(&change), 1, &name, &lookup);
        uint8_t *letter = (uint8_t *)(uintptr_t)lookup.node.key + lookup.node.key_length - 2;
        ck_assert_uint_eq(*letter, 'a');
        *letter ^= (uint8_t)(1U << bit);
        lookup_name(change_view(&change), 1, &name, &lookup);
        ck_assert_msg(lookup.place == PLACE_CORRUPT, "bit %u: place %d", bit, lookup.place);
        change_abandon(&change);
    }
    buffer_free(&text);
    test_store_close(&test);
}
END_TEST

/* ---- walks -----------------------------------------------------------------------------------
 */

enum { FIRST = 5, DAMAGED = 6, LAST = 7, WALKED = 150 };

static struct name number(unsigned i)
{
    char string[32];

    (void)snprintf(string, sizeof string, "n%03u.example.", i);
    return name_of(i ? string : "example.");
}

static void number_hash(unsigned i, uint8_t hash[NODE_HASH_OCTETS])
{
    memset(hash, 0, NODE_HASH_OCTETS);
    hash[0] = (uint8_t)(i + 1);
}

static void put_version(struct change *change, uint32_t version)
{
    static const uint8_t address[] = {0, 4, 192, 0, 2, 1};

    for (unsigned i = 0; i < WALKED; i++) {
        struct name name = number(i);
        uint8_t hash[NODE_HASH_OCTETS], rdata[28] = {0, 26, 1, 0, 0, 0, 0, NODE_HASH_OCTETS};
        struct node_rrset a = {
            .type = TYPE_A, .rdata = {address, sizeof address, 1}, .signature_room = 70};
        struct node_parts parts = {.rrsets = &a, .count = 1, .flags = i ? 0 : NODE_APEX};
        struct node_rrset nsec3 = {.type = TYPE_NSEC3, .rdata = {rdata, sizeof rdata, 1}};
        version_append_node(change, version, &name, &parts);
        number_hash((i + 1) % WALKED, rdata + 8);
        number_hash(i, hash);
        version_append_nsec3(change, version, hash, &nsec3);
    }
}

/* Three versions beside each other in a change that is never committed: its pages can be spoilt
 * where they lie. */
static void fill_versions(struct change *change)
{
    uint32_t version;

    test_store_open(&test);
    begin(change, &test.store);
    do
        ck_assert_int_eq(version_new(change, &version), RESULT_OK);
    while (version < LAST);
    for (version = FIRST; version <= LAST; version++)
        put_version(change, version);
    ck_assert_int_eq(change->failed, RESULT_OK);
}

static void forget_versions(struct change *change)
{
    change_abandon(change);
    test_store_close(&test);
}

/* How many good records a walk meets before it ends; `again`: by a search for each. */
static unsigned walk_names(struct snapshot *view, uint32_t version, enum walk again,
                           enum found_record *end)
{
    struct node_view node;
    struct name at = number(0);
    unsigned count = 0;

    *end = lookup_walk(view, version, WALK_FROM, &at, &node);
    for (; *end == RECORD_THERE && count <= WALKED; count++) {
        ck_assert_int_eq(node_name(&node, &at), RESULT_OK);
        *end = lookup_walk(view, version, again, &at, &node);
    }
    return count;
}

static unsigned walk_links(struct snapshot *view, uint32_t version, enum walk again,
                           enum found_record *end)
{
    struct chain_nsec3 nsec3;
    uint8_t at[NODE_HASH_OCTETS];
    unsigned count = 0;

    *end = chain_nsec3_walk(view, version, NULL, &nsec3);
    for (; *end == RECORD_THERE && count <= WALKED; count++) {
        memcpy(at, nsec3.hash, sizeof at);
        *end = again == WALK_NEXT ? chain_nsec3_next(view, version, &nsec3)
                                  : chain_nsec3_walk(view, version, at, &nsec3);
    }
    return count;
}

static unsigned walk_table(enum store_table table, struct snapshot *view, uint32_t version,
                           enum walk again, enum found_record *end)
{
    return table == TABLE_NODES ? walk_names(view, version, again, end)
                                : walk_links(view, version, again, end);
}

/* A record's octets, in the change's own page. */
static struct store_record find(struct change *change, enum store_table table, uint32_t version,
                                unsigned i)
{
    struct name name = number(i);
    uint8_t hash[NODE_HASH_OCTETS];
    struct store_key key;
    struct reader payload;

    number_hash(i, hash);
    if (table == TABLE_NODES)
        store_key_node(&key, version, &name);
    else
        store_key_nsec3(&key, version, hash);
    struct store_record record = store_key_record(&key);
    ck_assert_int_eq(snapshot_move(change_view(change), table, MOVE_AT_OR_AFTER, &record),
                     RECORD_THERE);
    ck_assert(store_key_equal(record.key, record.key_length, key.octets, key.length));
    ck_assert_int_eq(record_open(&test.store, table, &record, &payload), RESULT_OK);
    return record;
}

static void expect_whole(enum store_table table, struct snapshot *view, uint32_t version)
{
    enum found_record end;

    for (enum walk again = WALK_BEHIND; again <= WALK_NEXT; again++) {
        ck_assert_uint_eq(walk_table(table, view, version, again, &end), WALKED);
        ck_assert_int_eq(end, RECORD_ABSENT);
    }
}

/* A record that looks like another version's: no walk takes it for the end. */
START_TEST(a_damaged_version_is_not_the_end)
{
    static const enum store_table tables[] = {TABLE_NODES, TABLE_NSEC3};
    enum store_table table = tables[_i];
    struct change change;

    fill_versions(&change);
    struct snapshot *view = change_view(&change);
    expect_whole(table, view, DAMAGED);
    for (unsigned i = 0; i < WALKED; i++) {
        struct store_record record = find(&change, table, DAMAGED, i);
        uint8_t *octets = (uint8_t *)(uintptr_t)record.key;
        for (unsigned bit = 0; bit < 32; bit++) {
            enum found_record end;
            octets[bit / 8] ^= (uint8_t)(1U << bit % 8);
            for (enum walk again = WALK_BEHIND; again <= WALK_NEXT; again++) {
                (void)walk_table(table, view, DAMAGED, again, &end);
                ck_assert_msg(end == RECORD_CORRUPT, "record %u, bit %u, walk %d: %d", i, bit,
                              again, end);
            }
            octets[bit / 8] ^= (uint8_t)(1U << bit % 8);
        }
    }
    expect_whole(table, view, DAMAGED);
    forget_versions(&change);
}
END_TEST

/* Octets that are zero, as a sector may be that was lost: the keys of some records and all else. */
START_TEST(lost_octets_are_not_the_end)
{
    static const enum store_table tables[] = {TABLE_NODES, TABLE_NSEC3};
    enum store_table table = tables[_i];
    struct change change;
    enum found_record end;

    fill_versions(&change);
    for (unsigned i = 0; i < WALKED; i++) {
        struct store_record record = find(&change, table, DAMAGED, i);
        size_t length = record.key_length + record.value_length;
        uint8_t *octets = (uint8_t *)(uintptr_t)record.key;
        uint8_t *copy = exact_copy(octets, length);
        memset(octets, 0, length);
        for (enum walk again = WALK_BEHIND; again <= WALK_NEXT; again++) {
            (void)walk_table(table, change_view(&change), DAMAGED, again, &end);
            ck_assert_msg(end == RECORD_CORRUPT, "record %u, walk %d", i, again);
        }
        memcpy(octets, copy, length);
        free(copy);
    }
    forget_versions(&change);
}
END_TEST

/* Damage at the edge of a version is not its neighbours': neither walks nor checks of them see it.
 * It is its own. */
START_TEST(damage_stays_with_its_version)
{
    static const enum store_table tables[] = {TABLE_NODES, TABLE_NSEC3};
    enum store_table table = tables[_i % 2];
    bool key = _i / 2; /* its version; in the first it may lead searches for others astray */
    struct change change;

    fill_versions(&change);
    for (unsigned i = key ? WALKED - 1 : 0; i < WALKED; i += WALKED - 1) {
        struct store_record record = find(&change, table, DAMAGED, i);
        uint8_t *octet = (uint8_t *)(uintptr_t)(key ? record.key + 3 : record.value + 9);
        *octet ^= 0x10;
        for (uint32_t version = FIRST; version <= LAST; version++) {
            struct store_scan scan = {.version = 0};
            struct store_check counts = {.octets = 0};
            const struct check_task task = {.snapshot = change_view(&change), .counts = &counts};
            bool damaged = version == DAMAGED;
            if (!damaged)
                expect_whole(table, change_view(&change), version);
            store_scan_begin(&scan, table, version);
            ck_assert_int_eq(store_scan_part(&task, &scan, SIZE_MAX), RECORD_ABSENT);
            ck_assert_uint_eq(counts.damaged[table], damaged);
            ck_assert_uint_eq(counts.records[table], WALKED);
            ck_assert_uint_eq(scan.digest.records, WALKED);
            store_scan_free(&scan);
        }
        *octet ^= 0x10;
    }
    forget_versions(&change);
}
END_TEST

static void put_row(struct change *change, uint32_t version, const char *apex)
{
    struct zone zone = {.apex = name_of(apex), .version = version};

    change_put_zone(change, &zone);
}

/* A start drops what no zone has. A record that only looks like that is left where it is, as long
 * as its own version is there: without it nobody would see any more that it is damaged. */
START_TEST(damage_is_not_dropped)
{
    static const enum store_table tables[] = {TABLE_NODES, TABLE_NSEC3};
    enum { LOOKS_LIKE = DAMAGED | 0x10 };
    static const unsigned records[] = {0, 1, WALKED / 2, WALKED - 1};
    struct change change;
    uint32_t version;

    for (unsigned i = 0; i < COUNT(records); i++) {
        fill_versions(&change);
        struct snapshot *view = change_view(&change);
        put_row(&change, FIRST, "a.");
        put_row(&change, DAMAGED, "b.");
        put_row(&change, LAST, "c.");
        struct store_record record = find(&change, tables[_i], DAMAGED, records[i]);
        ((uint8_t *)(uintptr_t)record.key)[3] ^= LOOKS_LIKE ^ DAMAGED;
        ck_assert_int_eq(version_leftover(view, 0, &version), RECORD_ABSENT);
        put_row(&change, LAST + 1, "b."); /* loaded anew */
        ck_assert_int_eq(version_leftover(view, 0, &version), RECORD_THERE);
        ck_assert_uint_eq(version, DAMAGED);
        bool done = false;
        ck_assert_int_eq(version_drop(&change, DAMAGED, SIZE_MAX, &done), RESULT_OK);
        ck_assert(done);
        forget_versions(&change);
    }
}
END_TEST

int main(void)
{
    static const enum store_table tables[] = {TABLE_NODES, TABLE_RRSETS, TABLE_NSEC3, TABLE_ZONES,
                                              TABLE_KEYS};
    Suite *suite = suite_create("store/corrupt");
    TCase *damaged = tcase_create("damage");

    tcase_set_timeout(damaged, 120);
    for (unsigned i = 0; i < COUNT(tables); i++)
        tcase_add_loop_test(damaged, damage_is_never_answered_from, (int)tables[i],
                            (int)tables[i] + 1);
    tcase_add_loop_test(damaged, damage_is_never_answered_from, TABLE_EXPIRY, TABLE_EXPIRY + 1);
    tcase_add_test(damaged, a_damaged_key_is_not_absence);
    tcase_add_loop_test(damaged, a_damaged_version_is_not_the_end, 0, 2);
    tcase_add_loop_test(damaged, lost_octets_are_not_the_end, 0, 2);
    tcase_add_loop_test(damaged, damage_stays_with_its_version, 0, 4);
    tcase_add_loop_test(damaged, damage_is_not_dropped, 0, 2);
    suite_add_tcase(suite, damaged);
    return run_suite(suite);
}
