/*
 * test_change_versions.c - versions beside each other, dropped in slices, left over by a crash;
 * a full map; a writer that is killed; the dump and the check.
 */
#include "journal_support.h"

#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "avow/change/watermark.h"
#include "avow/store/chain.h"

static struct test_store test;

static void set_up(void)
{
    test_store_open(&test);
}

static void tear_down(void)
{
    test_store_close(&test);
}

static struct name numbered(unsigned i)
{
    char text[64];

    snprintf(text, sizeof text, "n%06u.example.", i);
    return name_of(text);
}

static void append(struct change *change, uint32_t version, unsigned i, uint32_t ttl)
{
    static const uint8_t address[] = {0, 4, 192, 0, 2, 1};
    struct node_rrset rrset = {
        .type = TYPE_A, .ttl = ttl, .rdata = {address, sizeof address, 1}, .signature_room = 108};
    struct node_parts parts = {.rrsets = &rrset, .count = 1};
    struct name name = numbered(i);

    version_append_node(change, version, &name, &parts);
}

static uint32_t load(unsigned names, uint32_t ttl)
{
    struct change change;
    uint32_t version;

    begin(&change, &test.store);
    ck_assert_int_eq(version_new(&change, &version), RESULT_OK);
    for (unsigned i = 0; i < names; i++)
        append(&change, version, i, ttl);
    commit(&change);
    return version;
}

static void serve(const char *apex, uint32_t version, uint32_t loading)
{
    struct zone zone = {.apex = name_of(apex), .version = version, .loading = loading};
    struct change change;

    zone.digest = digest_of_version(&test, version);
    begin(&change, &test.store);
    change_put_zone(&change, &zone);
    commit(&change);
}

static struct store_check check_all(void)
{
    struct store_check check;

    ck_assert_int_eq(snapshot_renew(&test.snapshot), RENEWAL_READY);
    ck_assert_int_eq(store_check(&test.snapshot, &check, NULL, NULL), RESULT_OK);
    return check;
}

START_TEST(versions_live_beside_each_other)
{
    uint32_t first = load(500, 1), second = load(700, 2), found;
    struct change change;
    bool done = false;

    ck_assert_uint_ne(first, second);
    serve("example.", second, 0);
    for (unsigned i = 0; i < 700; i++) {
        struct name name = numbered(i);
        struct node_view node;
        struct rrset_view rrset;
        ck_assert_int_eq(snapshot_renew(&test.snapshot), RENEWAL_READY);
        ck_assert_int_eq(lookup_node(&test.snapshot, first, &name, &node),
                         i < 500 ? RECORD_THERE : RECORD_ABSENT);
        ck_assert_int_eq(lookup_node(&test.snapshot, second, &name, &node), RECORD_THERE);
        ck_assert_int_eq(node_find(&node, TYPE_A, &rrset), RECORD_THERE);
        ck_assert_uint_eq(rrset.ttl, 2);
    }
    ck_assert_int_eq(version_leftover(&test.snapshot, 0, &found), RECORD_THERE);
    ck_assert_uint_eq(found, first);
    ck_assert_int_eq(version_leftover(&test.snapshot, first, &found), RECORD_ABSENT);
    ck_assert_uint_eq(check_all().leftovers, 500);

    unsigned slices = 0;
    for (; !done; slices++) {
        begin(&change, &test.store);
        ck_assert_int_eq(version_drop(&change, first, 64, &done), RESULT_OK);
        commit(&change);
        struct store_check check = check_all();
        ck_assert_uint_eq(check.records[TABLE_NODES],
                          700 + (500 > (slices + 1) * 64 ? 500 - (slices + 1) * 64 : 0));
    }
    ck_assert_uint_eq(slices, 8);
    ck_assert_int_eq(snapshot_renew(&test.snapshot), RENEWAL_READY);
    ck_assert_int_eq(version_leftover(&test.snapshot, 0, &found), RECORD_ABSENT);
    /* What is being loaded is nobody's leftover. */
    uint32_t third = load(5, 3);
    serve("example.", second, third);
    ck_assert_int_eq(snapshot_renew(&test.snapshot), RENEWAL_READY);
    ck_assert_int_eq(version_leftover(&test.snapshot, 0, &found), RECORD_ABSENT);
}
END_TEST

/* Order is for speed: what comes out of order is found all the same. */
START_TEST(appends_out_of_order)
{
    static const unsigned order[] = {5, 3, 9, 3, 1, 8};
    struct change change;

    load(3, 1);
    begin(&change, &test.store);
    for (unsigned i = 0; i < COUNT(order); i++)
        append(&change, 1, order[i], order[i]);
    struct name name = numbered(77);
    uint8_t key[64];
    struct writer writer = writer_over(key, sizeof key);
    name_key_write(&writer, &name);
    const uint8_t empty_node[] = {0, 0, 0, 0, 0};
    version_append(&change, 1, TABLE_NODES, key, writer.length,
                   reader_over(empty_node, sizeof empty_node));
    commit(&change);
    ck_assert_uint_eq(check_all().records[TABLE_NODES], 8);
    struct node_view node;
    ck_assert_int_eq(lookup_node(&test.snapshot, 1, &name, &node), RECORD_THERE);
}
END_TEST

START_TEST(fills_its_pages)
{
    struct stat status;
    char path[512];

    load(20000, 1);
    struct store_check check = check_all();
    snprintf(path, sizeof path, "%s/data.mdb", test.folder);
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_msg((uint64_t)status.st_size < check.octets * 5 / 4, "%lld octets for %llu",
                  (long long)status.st_size, (unsigned long long)check.octets);
}
END_TEST

#define MIB ((uint64_t)1 << 20)

/* Octets to what they make, and what is short. */
static const struct {
    const char *name;
    uint64_t map, file, free, disk;
    enum watermark_level level;
    const char *shortage;
} levels[] = {
    {"room", 1000 * MIB, 10 * MIB, 0, 256 * MIB, WATERMARK_NORMAL, NULL},
    {"a disk of which nothing is known", 1000 * MIB, 10 * MIB, 0, WATERMARK_DISK_UNKNOWN,
     WATERMARK_NORMAL, NULL},
    {"the same, with free pages", 1000 * MIB, 10 * MIB, 5 * MIB, WATERMARK_DISK_UNKNOWN,
     WATERMARK_NORMAL, NULL},
    {"a small disk", 1000 * MIB, 10 * MIB, 0, 256 * MIB - 1, WATERMARK_NO_LOADS,
     "disk has less than 256 MiB"},
    {"a smaller disk", 1000 * MIB, 10 * MIB, 0, 64 * MIB, WATERMARK_NO_LOADS,
     "disk has less than 256 MiB"},
    {"a full disk", 1000 * MIB, 10 * MIB, 0, 0, WATERMARK_NO_UPDATES, "disk has less than 64 MiB"},
    {"free pages on a full disk", 1000 * MIB, 200 * MIB, 100 * MIB, 0, WATERMARK_NO_LOADS,
     "disk has less than 256 MiB"},
    {"a map at 80 %", 1000 * MIB, 800 * MIB, 0, 1000 * MIB, WATERMARK_NO_LOADS, "80 % full"},
    {"a map at 90 %", 1000 * MIB, 900 * MIB, 0, 1000 * MIB, WATERMARK_NO_UPDATES, "90 % full"},
    {"a map at 80 % on a full disk", 1000 * MIB, 800 * MIB, 0, 0, WATERMARK_NO_UPDATES,
     "disk has less than 64 MiB"},
    {"both full", 1000 * MIB, 900 * MIB, 0, 0, WATERMARK_NO_UPDATES, "90 % full"},
};

START_TEST(what_is_left_makes_the_level)
{
    const char *name = levels[_i].name;
    struct watermark watermark = {.map_octets = levels[_i].map,
                                  .file_octets = levels[_i].file,
                                  .free_octets = levels[_i].free,
                                  .disk_octets = levels[_i].disk};

    watermark_judge(&watermark);
    ck_assert_msg(watermark.level == levels[_i].level, "%s: %d", name, watermark.level);
    if (levels[_i].shortage)
        ck_assert_msg(strstr(watermark_shortage(&watermark), levels[_i].shortage) != NULL, "%s: %s",
                      name, watermark_shortage(&watermark));
}
END_TEST

START_TEST(a_full_map_is_said_and_survived)
{
    struct store small;
    struct change change;
    struct watermark watermark;
    enum result result = RESULT_OK;
    char *folder = folder_make();
    struct snapshot snapshot;
    unsigned kept = 0;

    open_writer(&small, folder, 2 << 20);
    ck_assert_int_eq(snapshot_open(&snapshot, &small, NULL, 0), RESULT_OK);
    enum watermark_level highest = WATERMARK_NORMAL;
    for (unsigned i = 0; result == RESULT_OK && i < 100000;) {
        begin(&change, &small);
        for (unsigned j = 0; j < 100; j++, i++)
            append(&change, 1, i, 1);
        result = change_commit(&change, NULL);
        kept = result ? kept : i;
        ck_assert_int_eq(snapshot_renew(&snapshot), RENEWAL_READY);
        ck_assert_int_eq(watermark_read(&snapshot, &watermark), RESULT_OK);
        ck_assert_int_ge(watermark.level, highest);
        highest = watermark.level;
        snapshot_rest(&snapshot);
    }
    ck_assert_int_eq(result, RESULT_FULL);
    ck_assert_uint_gt(strlen(small.problem), 0);
    ck_assert_int_eq(highest, WATERMARK_NO_UPDATES);
    /* All that was acknowledged is there, and writing goes on when there is room. */
    struct node_view node;
    ck_assert_int_eq(snapshot_renew(&snapshot), RENEWAL_READY);
    for (unsigned i = 0; i < kept + 100; i++) {
        struct name name = numbered(i);
        ck_assert_int_eq(lookup_node(&snapshot, 1, &name, &node),
                         i < kept ? RECORD_THERE : RECORD_ABSENT);
    }
    snapshot_rest(&snapshot);
    bool done = false;
    while (!done) {
        begin(&change, &small);
        ck_assert_int_eq(version_drop(&change, 1, 500, &done), RESULT_OK);
        commit(&change);
    }
    ck_assert_int_eq(snapshot_renew(&snapshot), RENEWAL_READY);
    ck_assert_int_eq(watermark_read(&snapshot, &watermark), RESULT_OK);
    ck_assert_int_eq(watermark.level, WATERMARK_NORMAL);
    snapshot_close(&snapshot);
    store_close(&small);
    folder_remove(folder);
}
END_TEST

/* ENOSPC and EIO look alike from LMDB; a limit on the size of files makes the write fail. */
START_TEST(a_failed_write_keeps_what_was_there)
{
    struct change change;
    struct rlimit before, low = {.rlim_cur = 1 << 20, .rlim_max = 1 << 20};
    struct name name = numbered(3);
    struct node_view node;

    load(10, 1);
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    low.rlim_max = before.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &low), 0);
    begin(&change, &test.store);
    for (unsigned i = 0; i < 20000; i++)
        append(&change, 2, i, 1);
    ck_assert_int_eq(change_commit(&change, NULL), RESULT_SYSTEM);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
    ck_assert(test.store.writes_off);
    ck_assert_int_eq(change_begin(&change, &test.store), RESULT_REFUSED);
    ck_assert_int_eq(snapshot_renew(&test.snapshot), RENEWAL_READY);
    ck_assert_int_eq(lookup_node(&test.snapshot, 1, &name, &node), RECORD_THERE);
    ck_assert_int_eq(lookup_node(&test.snapshot, 2, &name, &node), RECORD_ABSENT);
}
END_TEST

/* ---- a writer that is killed ----------------------------------------------------------------- */

enum { KILLS = 25, BATCH = 20 };

static void write_for_ever(_Atomic uint64_t *acknowledged, uint32_t version)
{
    static struct store store;
    static struct change change;
    const struct store_options options = {.folder = test.folder,
                                          .access = STORE_WRITER,
                                          .make = change_make_store,
                                          .map_octets = TEST_MAP_OCTETS};

    if (store_open(&store, &options))
        abort();
    for (unsigned batch = 0;; batch++) {
        if (change_begin(&change, &store))
            abort();
        for (unsigned i = 0; i < BATCH; i++)
            append(&change, version, batch * BATCH + i, 1);
        if (change_commit(&change, NULL))
            abort();
        atomic_store(acknowledged, (uint64_t)batch + 1);
    }
}

START_TEST(what_was_acknowledged_survives_kills)
{
    _Atomic uint64_t *acknowledged =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert(acknowledged != MAP_FAILED);

    for (uint32_t version = 1; version <= KILLS; version++) {
        atomic_store(acknowledged, 0);
        snapshot_close(&test.snapshot);
        store_close(&test.store);
        pid_t child = fork();
        ck_assert_int_ge(child, 0);
        if (child == 0)
            write_for_ever(acknowledged, version);
        usleep(8000 + version * 3571 % 17000);
        ck_assert_int_eq(kill(child, SIGKILL), 0);
        int status;
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);

        open_writer(&test.store, test.folder, TEST_MAP_OCTETS);
        ck_assert_int_eq(snapshot_open(&test.snapshot, &test.store, NULL, 0), RESULT_OK);
        struct store_check check = check_all();
        uint64_t done = atomic_load(acknowledged) * BATCH;
        ck_assert_uint_ge(check.records[TABLE_NODES], done);
        ck_assert_uint_eq(check.records[TABLE_NODES] % BATCH, 0);
        /* Nobody serves it: what the load left is found and dropped. */
        uint32_t found;
        enum found_record left = version_leftover(&test.snapshot, 0, &found);
        snapshot_rest(&test.snapshot);
        for (bool gone = left == RECORD_ABSENT; !gone;) {
            struct change change;
            ck_assert_uint_eq(found, version);
            begin(&change, &test.store);
            ck_assert_int_eq(version_drop(&change, version, 1000, &gone), RESULT_OK);
            commit(&change);
        }
    }
    ck_assert_uint_eq(check_all().records[TABLE_NODES], 0);
    munmap(acknowledged, 4096);
}
END_TEST

/* ---- dump and check ---------------------------------------------------------------------------
 */

static void fill_all_tables(void)
{
    struct change change;
    struct buffer large = {.length = 0}, signature = {.length = 0};
    struct zone zone = {.apex = name_of("example."),
                        .serial = 5,
                        .flags = ZONE_SIGNED | ZONE_EDITED,
                        .salt = {1, 2},
                        .salt_length = 2,
                        .file_hash = UINT64_MAX};
    struct key_row key = {.zone = zone.apex,
                          .number = 4,
                          .role = KEY_ZSK,
                          .algorithm = 15,
                          .keystore = "a keystore",
                          .id = {9},
                          .id_length = 20,
                          .dnskey_length = 36,
                          .bits = 256};
    struct expiry expiry;
    struct name odd = name_of("a\\000\\ b.\\200.Example.");
    const uint8_t hashes[2][NODE_HASH_OCTETS] = {{0x40}, {0x80}};

    zone.version = load(300, 77);
    zone.digest = digest_of_version(&test, zone.version);
    begin(&change, &test.store);
    struct node_rrset rrsets[2] = {
        {.type = TYPE_TXT, .ttl = 3, .rdata = make_run(&large, 3, 900, 'x'), .signature_room = 500},
        {.type = 65000,
         .rdata = {(const uint8_t *)"\0\0", 2, 1},
         .signatures = make_run(&signature, 2, 70, 's')}};
    struct node_parts parts = {.rrsets = rrsets,
                               .count = 2,
                               .flags = NODE_BELOW_CUT | NODE_HAS_HASH,
                               .above = 2,
                               .hash = {7}};
    change_put_node(&change, zone.version, &odd, &parts);
    for (unsigned i = 0; i < 2; i++) {
        uint8_t rdata[28] = {0, 26, 1, 0, 0, 0, 0, NODE_HASH_OCTETS};
        memcpy(rdata + 8, hashes[1 - i], NODE_HASH_OCTETS);
        struct node_rrset rrset = {
            .type = TYPE_NSEC3, .rdata = {rdata, 28, 1}, .signature_room = 80};
        version_append_nsec3(&change, zone.version, hashes[i], &rrset);
    }
    change_put_zone(&change, &zone);
    change_put_key(&change, &key);
    expiry_of_names(&expiry, 1000, zone.version, &zone.apex, &odd);
    change_put_expiry(&change, &expiry);
    expiry_of_hashes(&expiry, 900, zone.version, hashes[0], hashes[1]);
    change_put_expiry(&change, &expiry);
    commit(&change);
    buffer_free(&large);
    buffer_free(&signature);
}

static char *dump_of(struct snapshot *snapshot, size_t *length)
{
    char problem[STORE_PROBLEM_OCTETS];
    char *text = NULL;
    FILE *out = open_memstream(&text, length);

    ck_assert_ptr_nonnull(out);
    ck_assert_int_eq(snapshot_renew(snapshot), RENEWAL_READY);
    ck_assert_msg(dump_write(snapshot, out, problem) == RESULT_OK, "%s", problem);
    ck_assert_int_eq(fclose(out), 0);
    return text;
}

/* Load a dump into a store of its own. Keeps the store open when `kept` is wanted. */
static enum result restore(char *text, size_t length, struct test_store *kept)
{
    struct test_store fresh;
    char problem[STORE_PROBLEM_OCTETS];
    FILE *in = fmemopen(text, length, "r");

    ck_assert_ptr_nonnull(in);
    test_store_open(&fresh);
    enum result result = dump_read(&fresh.store, in, problem);
    ck_assert_msg((result == RESULT_OK) == (problem[0] == '\0'), "%s", problem);
    ck_assert_int_eq(fclose(in), 0);
    if (kept) {
        *kept = fresh;
        kept->snapshot.store = &kept->store;
    } else {
        test_store_close(&fresh);
    }
    return result;
}

START_TEST(a_dump_comes_back_the_same)
{
    struct test_store copy;
    char problem[STORE_PROBLEM_OCTETS];
    size_t length, again_length;

    fill_all_tables();
    struct store_check here = check_all(), there;
    char *text = dump_of(&test.snapshot, &length);
    ck_assert_int_eq(restore(text, length, &copy), RESULT_OK);
    char *again = dump_of(&copy.snapshot, &again_length);
    ck_assert_uint_eq(again_length, length);
    ck_assert_mem_eq(again, text, length);
    ck_assert_int_eq(store_check(&copy.snapshot, &there, NULL, NULL), RESULT_OK);
    for (unsigned i = 0; i < STORE_TABLES; i++)
        ck_assert_uint_eq(there.records[i], here.records[i]);
    ck_assert_uint_ge(here.records[TABLE_RRSETS], 1);
    snapshot_rest(&copy.snapshot);
    /* Only an empty store takes one. */
    FILE *in = fmemopen(text, length, "r");
    ck_assert_ptr_nonnull(in);
    ck_assert_int_eq(dump_read(&copy.store, in, problem), RESULT_REFUSED);
    ck_assert_int_eq(fclose(in), 0);
    test_store_close(&copy);
    free(text);
    free(again);
}
END_TEST

/* The journal stays behind, and the row that is loaded says so. */
START_TEST(a_dump_leaves_the_journal)
{
    const struct journal_bounds bounds = {1 << 20, 10};
    struct journal_entry entry = {.from = 5, .to = 6};
    struct test_store copy;
    struct change change;
    struct zone zone;
    struct name apex = name_of("example.");
    struct buffer rows = {.length = 0};
    size_t length;

    fill_all_tables();
    ck_assert_int_eq(snapshot_renew(&test.snapshot), RENEWAL_READY);
    ck_assert_int_eq(zone_get(&test.snapshot, &apex, &zone), RECORD_THERE);
    make_rows(&rows, 3000, 1);
    begin(&change, &test.store);
    change_put_journal(&change, &zone, &entry, &rows, &bounds);
    zone.serial = 6;
    change_put_zone(&change, &zone);
    commit(&change);
    ck_assert_uint_eq(check_all().records[TABLE_JOURNAL], entry.pieces);

    char *text = dump_of(&test.snapshot, &length);
    ck_assert_int_eq(restore(text, length, &copy), RESULT_OK);
    ck_assert_int_eq(snapshot_renew(&copy.snapshot), RENEWAL_READY);
    ck_assert_int_eq(zone_get(&copy.snapshot, &apex, &zone), RECORD_THERE);
    ck_assert_uint_eq(zone.serial, 6);
    ck_assert_uint_eq(zone.flags, ZONE_SIGNED | ZONE_EDITED);
    ck_assert_uint_eq(zone.journal_oldest, 0);
    ck_assert_uint_eq(zone.journal_entries, 0);
    ck_assert_uint_eq(zone.journal_octets, 0);
    struct store_check there;
    ck_assert_int_eq(store_check(&copy.snapshot, &there, NULL, NULL), RESULT_OK);
    ck_assert_uint_eq(there.records[TABLE_JOURNAL], 0);
    test_store_close(&copy);
    buffer_free(&rows);
    free(text);
}
END_TEST

/* A dump that was cut, or in which an octet changed, does not pass for whole. */
START_TEST(a_spoilt_dump_is_refused)
{
    size_t length;

    fill_all_tables();
    char *text = dump_of(&test.snapshot, &length);
    for (unsigned i = 1; i < 30; i++)
        ck_assert_int_ne(restore(text, length * i / 30, NULL), RESULT_OK);
    for (size_t at = 0; at < length; at += length / 60 + 1) {
        char saved = text[at];
        text[at] = saved == '1' ? '2' : '1';
        ck_assert_int_ne(restore(text, length, NULL), RESULT_OK);
        text[at] = saved;
    }
    free(text);
}
END_TEST

static void count_line(void *context, const char *line)
{
    ck_assert_uint_gt(strlen(line), 10);
    ++*(unsigned *)context;
}

START_TEST(the_check_finds_contradictions)
{
    struct store_check check;
    struct change change;
    const struct check_task task = {.snapshot = &test.snapshot, .counts = &check};
    struct store_scan scan = {.version = 0};
    const uint8_t hash[NODE_HASH_OCTETS] = {0x40};
    unsigned lines = 0;

    fill_all_tables();
    begin(&change, &test.store);
    change_delete_nsec3(&change, 1, hash);
    commit(&change);
    ck_assert_int_eq(snapshot_renew(&test.snapshot), RENEWAL_READY);
    ck_assert_int_eq(store_check(&test.snapshot, &check, count_line, &lines), RESULT_CORRUPT);
    ck_assert_uint_eq(check.misplaced, 1);
    ck_assert_uint_eq(check.doubtful, 1); /* its row was not put with it */
    ck_assert_uint_eq(lines, 2);

    /* The scrub goes over the same records in parts. */
    unsigned parts = 0;
    enum found_record found;
    check = (struct store_check){.octets = 0};
    store_scan_begin(&scan, TABLE_NODES, 0);
    do {
        found = store_scan_part(&task, &scan, 50);
        ck_assert_int_ne(found, RECORD_CORRUPT);
    } while (parts++, found == RECORD_THERE);
    ck_assert_uint_eq(check.records[TABLE_NODES], 301);
    ck_assert_uint_eq(check.damaged[TABLE_NODES], 0);
    ck_assert_uint_eq(parts, 7);
    store_scan_free(&scan);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("change/versions");
    TCase *versions = tcase_create("versions"), *dumps = tcase_create("dumps");

    tcase_add_checked_fixture(versions, set_up, tear_down);
    tcase_add_checked_fixture(dumps, set_up, tear_down);
    tcase_set_timeout(versions, 120);
    tcase_set_timeout(dumps, 120);
    tcase_add_test(versions, versions_live_beside_each_other);
    tcase_add_test(versions, appends_out_of_order);
    tcase_add_test(versions, fills_its_pages);
    tcase_add_loop_test(versions, what_is_left_makes_the_level, 0, COUNT(levels));
    tcase_add_test(versions, a_full_map_is_said_and_survived);
    tcase_add_test(versions, a_failed_write_keeps_what_was_there);
    tcase_add_test(versions, what_was_acknowledged_survives_kills);
    tcase_add_test(dumps, a_dump_comes_back_the_same);
    tcase_add_test(dumps, a_dump_leaves_the_journal);
    tcase_add_test(dumps, a_spoilt_dump_is_refused);
    tcase_add_test(dumps, the_check_finds_contradictions);
    suite_add_tcase(suite, versions);
    suite_add_tcase(suite, dumps);
    return run_suite(suite);
}
