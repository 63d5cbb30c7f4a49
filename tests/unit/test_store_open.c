/* test_store_open.c - who may open a store, and what is refused; rows; the table of zones. */
#include "store_support.h"

#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static enum result open_as(const char *folder, enum store_access access, struct store *store)
{
    const struct store_options options = {.folder = folder,
                                          .access = access,
                                          .make = change_make_store,
                                          .map_octets = TEST_MAP_OCTETS};

    return store_open(store, &options);
}

/* In a process of its own: LMDB must not be opened twice in one. Returns the result. */
static enum result open_elsewhere(const char *folder, enum store_access access)
{
    pid_t child = fork();
    int status;

    ck_assert_int_ge(child, 0);
    if (child == 0) {
        struct store store;
        enum result result = open_as(folder, access, &store);
        if (result && !strstr(store.problem, folder) && !strstr(store.problem, "format"))
            _exit(99); /* the line must say which store */
        store_close(&store);
        _exit((int)result);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    return (enum result)WEXITSTATUS(status);
}

START_TEST(one_writer_at_a_time)
{
    char *folder = folder_make();
    struct store store;

    ck_assert_int_eq(open_elsewhere(folder, STORE_OFFLINE), RESULT_SYSTEM); /* nothing there */
    ck_assert_int_eq(open_as(folder, STORE_WRITER, &store), RESULT_OK);
    ck_assert_int_eq(open_elsewhere(folder, STORE_WRITER), RESULT_REFUSED);
    ck_assert_int_eq(open_elsewhere(folder, STORE_OFFLINE), RESULT_REFUSED);
    ck_assert_int_eq(open_elsewhere(folder, STORE_READER), RESULT_OK);
    store_close(&store);
    ck_assert_int_eq(open_elsewhere(folder, STORE_WRITER), RESULT_OK);
    ck_assert_int_eq(open_as(folder, STORE_OFFLINE, &store), RESULT_OK);
    ck_assert_int_eq(open_elsewhere(folder, STORE_OFFLINE), RESULT_OK);
    ck_assert_int_eq(open_elsewhere(folder, STORE_WRITER), RESULT_REFUSED);
    struct change change;
    ck_assert_int_eq(change_begin(&change, &store), RESULT_REFUSED);
    store_close(&store);
    store_close(&store); /* takes any state */
    folder_remove(folder);
}
END_TEST

static void set_format(const char *folder, uint8_t number)
{
    struct store store;
    MDB_txn *transaction;
    uint8_t format[4] = {0, 0, 0, number};
    MDB_val key = {6, (void *)(uintptr_t) "format"}, value = {4, format};

    ck_assert_int_eq(open_as(folder, STORE_WRITER, &store), RESULT_OK);
    ck_assert_int_eq(mdb_txn_begin(store.environment, NULL, 0, &transaction), 0);
    ck_assert_int_eq(mdb_put(transaction, store.tables[TABLE_META], &key, &value, 0), 0);
    ck_assert_int_eq(mdb_txn_commit(transaction), 0);
    store_close(&store);
}

START_TEST(another_format_is_refused)
{
    char *folder = folder_make();
    struct store store;

    set_format(folder, STORE_FORMAT + 1);
    ck_assert_int_eq(open_as(folder, STORE_WRITER, &store), RESULT_REFUSED);
    ck_assert_ptr_nonnull(strstr(store.problem, "format 3"));
    ck_assert_int_eq(open_as(folder, STORE_READER, &store), RESULT_REFUSED);
    folder_remove(folder);
}
END_TEST

/* A store of an earlier format stays as it is, and the line says how to go on. */
START_TEST(an_earlier_format_is_refused_with_advice)
{
    static const enum store_access accesses[] = {STORE_WRITER, STORE_READER, STORE_OFFLINE};
    char *folder = folder_make();
    struct store store;

    set_format(folder, 1);
    for (unsigned i = 0; i < COUNT(accesses); i++) {
        ck_assert_int_eq(open_as(folder, accesses[i], &store), RESULT_REFUSED);
        ck_assert_ptr_nonnull(strstr(store.problem, "format 1"));
        ck_assert_ptr_nonnull(strstr(store.problem, "format 3"));
        ck_assert_ptr_nonnull(strstr(store.problem, "`avowctl store dump`"));
        ck_assert_ptr_nonnull(strstr(store.problem, "(`avowctl store load`)"));
    }
    folder_remove(folder);
}
END_TEST

static void write_file(const char *folder, const char *octets, size_t length)
{
    char path[512];

    snprintf(path, sizeof path, "%s/data.mdb", folder);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(octets, 1, length, file), length);
    ck_assert_int_eq(fclose(file), 0);
}

START_TEST(what_is_no_store_is_refused)
{
    char *folder = folder_make();
    char *junk = calloc(1, 16384);
    struct store store;
    MDB_env *environment;
    MDB_txn *transaction;
    MDB_dbi table;

    ck_assert_ptr_nonnull(junk);
    memset(junk, 'x', 16384);
    write_file(folder, junk, 16384);
    ck_assert_int_eq(open_as(folder, STORE_WRITER, &store), RESULT_CORRUPT);
    free(junk);
    folder_remove(folder);

    /* Somebody else's LMDB file stays as it is. */
    folder = folder_make();
    ck_assert_int_eq(mdb_env_create(&environment), 0);
    ck_assert_int_eq(mdb_env_set_maxdbs(environment, 2), 0);
    ck_assert_int_eq(mdb_env_open(environment, folder, 0, 0600), 0);
    ck_assert_int_eq(mdb_txn_begin(environment, NULL, 0, &transaction), 0);
    ck_assert_int_eq(mdb_dbi_open(transaction, "theirs", MDB_CREATE, &table), 0);
    ck_assert_int_eq(mdb_txn_commit(transaction), 0);
    mdb_env_close(environment);
    ck_assert_int_eq(open_as(folder, STORE_WRITER, &store), RESULT_CORRUPT);
    folder_remove(folder);
}
END_TEST

/* A file that was cut: damage that is found, not a signal. */
START_TEST(a_cut_file_is_damage)
{
    struct test_store test;
    char path[512];
    struct stat status;
    struct change change;
    struct store_check check;
    const uint8_t address[] = {0, 4, 192, 0, 2, 1};

    test_store_open(&test);
    begin(&change, &test.store);
    for (unsigned i = 0; i < 2000; i++) {
        char text[64];
        struct node_rrset rrset = {
            .type = TYPE_A, .rdata = {address, sizeof address, 1}, .signature_room = 100};
        struct node_parts parts = {.rrsets = &rrset, .count = 1};
        snprintf(text, sizeof text, "n%04u.example.", i);
        struct name name = name_of(text);
        version_append_node(&change, 1, &name, &parts);
    }
    commit(&change);
    snapshot_close(&test.snapshot);
    store_close(&test.store);
    snprintf(path, sizeof path, "%s/data.mdb", test.folder);
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_int_eq(truncate(path, 4096L * (status.st_size / 8192)), 0);

    if (open_as(test.folder, STORE_WRITER, &test.store) == RESULT_OK) {
        ck_assert_int_eq(snapshot_open(&test.snapshot, &test.store, NULL, 0), RESULT_OK);
        ck_assert_int_eq(snapshot_renew(&test.snapshot), RENEWAL_READY);
        ck_assert_int_eq(store_check(&test.snapshot, &check, NULL, NULL), RESULT_CORRUPT);
        unsigned good = 0, damaged = 0;
        for (unsigned i = 0; i < 2000; i++) {
            char text[64];
            struct node_view node;
            snprintf(text, sizeof text, "n%04u.example.", i);
            struct name name = name_of(text);
            ck_assert_int_eq(snapshot_renew(&test.snapshot), RENEWAL_READY);
            enum found_record found = lookup_node(&test.snapshot, 1, &name, &node);
            ck_assert(found != RECORD_ABSENT);
            *(found == RECORD_THERE ? &good : &damaged) += 1;
        }
        ck_assert_uint_gt(damaged, 0);
        snapshot_close(&test.snapshot);
    } else {
        ck_assert_uint_gt(strlen(test.store.problem), 0);
    }
    store_close(&test.store);
    folder_remove(test.folder);
}
END_TEST

/* ---- rows ------------------------------------------------------------------------------------ */

static struct key_row sample_key(const char *zone, uint32_t number)
{
    struct key_row key = {.zone = name_of(zone),
                          .number = number,
                          .predecessor = 3,
                          .role = KEY_CSK,
                          .state = KEY_ACTIVE,
                          .goal = KEY_TO_OMNIPRESENT,
                          .algorithm = 13,
                          .flags = 257,
                          .tag = 4711,
                          .created = 1700000000,
                          .keystore = "default",
                          .id = {1, 2, 3},
                          .id_length = 20,
                          .dnskey = {1, 1, 3, 13},
                          .dnskey_length = 68};

    key.records[KEY_DS].stage = KEY_RUMOURED;
    key.records[KEY_DS].since = 99;
    key.records[KEY_DS].ttl = 3600;
    return key;
}

START_TEST(keeps_rows)
{
    struct test_store test;
    struct change change;
    struct zone zone = {.apex = name_of("Example."),
                        .version = 9,
                        .serial = UINT32_MAX,
                        .flags = ZONE_SIGNED | ZONE_NSEC3,
                        .salt = {0xaa, 0xbb},
                        .salt_length = 2,
                        .file_time = UINT64_MAX,
                        .last_change = 12};
    struct zone root = {.apex = name_of("."), .version = 10}, got;
    struct key_row key = sample_key("example.", 2), other = sample_key("a.example.", 1), read;
    struct expiry late, early, at;

    test_store_open(&test);
    begin(&change, &test.store);
    change_put_zone(&change, &zone);
    change_put_zone(&change, &root);
    change_put_key(&change, &key);
    key.number = 300;
    change_put_key(&change, &key);
    change_put_key(&change, &other);
    expiry_of_names(&late, 2000, 9, &zone.apex, &zone.apex);
    expiry_of_hashes(&early, 1000, 9, (const uint8_t *)"aaaaaaaaaaaaaaaaaaaa",
                     (const uint8_t *)"bbbbbbbbbbbbbbbbbbbb");
    change_put_expiry(&change, &late);
    change_put_expiry(&change, &early);
    change_put_expiry(&change, &early); /* the same again is no entry more */
    memcpy(early.last, "cccccccccccccccccccc", 20);
    change_put_expiry(&change, &early); /* another one from there has a key of its own */
    commit(&change);

    ck_assert_int_eq(snapshot_renew(&test.snapshot), RENEWAL_READY);
    struct name apex = name_of("EXAMPLE.");
    ck_assert_int_eq(zone_get(&test.snapshot, &apex, &got), RECORD_THERE);
    ck_assert_uint_eq(got.serial, UINT32_MAX);
    ck_assert_uint_eq(got.file_time, UINT64_MAX);
    ck_assert_mem_eq(got.salt, zone.salt, 2);
    ck_assert_mem_eq(got.apex.octets, zone.apex.octets, zone.apex.length);
    ck_assert_int_eq(zone_get(&test.snapshot, &root.apex, &got), RECORD_THERE);
    ck_assert_uint_eq(got.version, 10);

    ck_assert_int_eq(key_get(&test.snapshot, &apex, 300, &read), RECORD_THERE);
    ck_assert_int_eq(memcmp(read.dnskey, key.dnskey, sizeof key.dnskey), 0);
    ck_assert_str_eq(read.keystore, "default");
    ck_assert_uint_eq(read.records[KEY_DS].since, 99);
    ck_assert_int_eq(key_walk(&test.snapshot, &apex, 0, &read), RECORD_THERE);
    ck_assert_uint_eq(read.number, 2);
    ck_assert_int_eq(key_walk(&test.snapshot, &apex, 2, &read), RECORD_THERE);
    ck_assert_uint_eq(read.number, 300);
    ck_assert_int_eq(key_walk(&test.snapshot, &apex, 300, &read), RECORD_ABSENT);

    ck_assert_int_eq(expiry_walk(&test.snapshot, NULL, &at), RECORD_THERE);
    ck_assert_uint_eq(at.at, 1000);
    ck_assert_mem_eq(at.last, "bbbbbbbbbbbbbbbbbbbb", 20);
    ck_assert_int_eq(expiry_walk(&test.snapshot, &at, &at), RECORD_THERE);
    ck_assert_uint_eq(at.at, 1000);
    ck_assert_mem_eq(at.last, "cccccccccccccccccccc", 20);
    ck_assert_int_eq(expiry_walk(&test.snapshot, &at, &at), RECORD_THERE);
    ck_assert_uint_eq(at.at, 2000);
    ck_assert_uint_eq(at.kind, EXPIRY_NODES);
    begin(&change, &test.store);
    change_delete_expiry(&change, &at);
    change_delete_zone(&change, &apex);
    change_delete_key(&change, &apex, 2);
    commit(&change);
    ck_assert_int_eq(snapshot_renew(&test.snapshot), RENEWAL_READY);
    ck_assert_int_eq(expiry_walk(&test.snapshot, &early, &at), RECORD_ABSENT);
    ck_assert_int_eq(zone_get(&test.snapshot, &apex, &got), RECORD_ABSENT);
    ck_assert_int_eq(key_get(&test.snapshot, &apex, 2, &read), RECORD_ABSENT);
    test_store_close(&test);
}
END_TEST

/* ---- the table of zones ---------------------------------------------------------------------- */

static const struct {
    const char *name, *zone, *parent; /* NULL: none */
} questions[] = {
    {"example.", "example.", NULL},
    {"EXAMPLE.", "example.", NULL},
    {"www.example.", "example.", "example."},
    {"sub.example.", "sub.example.", "example."},
    {"a.b.sub.example.", "sub.example.", "sub.example."},
    {"xsub.example.", "example.", "example."},
    {"test.", NULL, NULL},
    {".", NULL, NULL},
    {"not-loaded.", NULL, NULL},
    {"deep.a.b.c.d.", "a.b.c.d.", "a.b.c.d."},
    {"b.c.d.", NULL, NULL},
};

START_TEST(finds_the_zone_of_a_name)
{
    static const char *const apexes[] = {"example.", "Sub.Example.", "a.b.c.d."};
    struct test_store test;
    struct change change;
    struct zone_table table = {.slots = NULL};
    struct name name = name_of(questions[_i].name);

    test_store_open(&test);
    begin(&change, &test.store);
    for (unsigned i = 0; i < COUNT(apexes); i++) {
        struct zone zone = {.apex = name_of(apexes[i]), .version = i + 1};
        change_put_zone(&change, &zone);
    }
    struct zone loading = {.apex = name_of("not-loaded."), .loading = 7};
    change_put_zone(&change, &loading);
    for (unsigned i = 0; i < 100; i++) {
        char text[64];
        snprintf(text, sizeof text, "z%u.other.", i);
        struct zone zone = {.apex = name_of(text), .version = 100 + i};
        change_put_zone(&change, &zone);
    }
    commit(&change);
    ck_assert_ptr_null(zone_table_find(&table, &name));
    ck_assert_int_eq(snapshot_renew(&test.snapshot), RENEWAL_READY);
    ck_assert_int_eq(zone_table_refresh(&table, &test.snapshot), RESULT_OK);
    ck_assert_uint_eq(table.count, 103);

    const struct served_zone *zone = zone_table_find(&table, &name);
    ck_assert((zone != NULL) == (questions[_i].zone != NULL));
    struct name expected;
    if (zone) {
        expected = name_of(questions[_i].zone);
        ck_assert(name_equal(&zone->apex, &expected));
    }
    zone = zone_table_find_parent(&table, &name);
    ck_assert((zone != NULL) == (questions[_i].parent != NULL));
    if (zone) {
        expected = name_of(questions[_i].parent);
        ck_assert(name_equal(&zone->apex, &expected));
    }
    zone_table_free(&table);
    test_store_close(&test);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store/open");
    TCase *opening = tcase_create("opening"), *rows = tcase_create("rows");

    tcase_set_timeout(opening, 60);
    tcase_add_test(opening, one_writer_at_a_time);
    tcase_add_test(opening, another_format_is_refused);
    tcase_add_test(opening, an_earlier_format_is_refused_with_advice);
    tcase_add_test(opening, what_is_no_store_is_refused);
    tcase_add_test(opening, a_cut_file_is_damage);
    tcase_add_test(rows, keeps_rows);
    tcase_add_loop_test(rows, finds_the_zone_of_a_name, 0, COUNT(questions));
    suite_add_tcase(suite, opening);
    suite_add_tcase(suite, rows);
    return run_suite(suite);
}
