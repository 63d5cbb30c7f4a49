/* store_support.h - a store in a folder of its own, and nodes to fill it with. */
#ifndef TESTS_UNIT_STORE_SUPPORT_H
#define TESTS_UNIT_STORE_SUPPORT_H

#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "avow/change/check.h"
#include "avow/change/dump.h"
#include "avow/change/version.h"
#include "avow/store/lookup.h"
#include "avow/wire/type.h"

enum { TEST_MAP_OCTETS = 64 << 20 };

struct test_store {
    char *folder;
    struct store store;
    struct snapshot snapshot;
};

static inline void open_writer(struct store *store, const char *folder, uint64_t map_octets)
{
    const struct store_options options = {.folder = folder,
                                          .access = STORE_WRITER,
                                          .make = change_make_store,
                                          .map_octets = map_octets};
    enum result result = store_open(store, &options);

    ck_assert_msg(result == RESULT_OK, "store_open: %s", store->problem);
}

static inline void test_store_open(struct test_store *test)
{
    test->folder = folder_make();
    open_writer(&test->store, test->folder, TEST_MAP_OCTETS);
    ck_assert_int_eq(snapshot_open(&test->snapshot, &test->store, NULL, 0), RESULT_OK);
}

static inline void test_store_close(struct test_store *test)
{
    snapshot_close(&test->snapshot);
    store_close(&test->store);
    folder_remove(test->folder);
}

static inline struct name name_of(const char *text)
{
    struct name name;

    ck_assert_int_eq(name_from_string(text, &name), RESULT_OK);
    return name;
}

static inline void begin(struct change *change, struct store *store)
{
    ck_assert_int_eq(change_begin(change, store), RESULT_OK);
}

static inline void commit(struct change *change)
{
    struct store *store = change->store;

    ck_assert_msg(change_commit(change, NULL) == RESULT_OK, "%s", store->problem);
}

/* A run of `count` records of `length` octets each, all octets `fill` but a number at the end. */
static inline struct rdata_run make_run(struct buffer *octets, uint16_t count, uint16_t length,
                                        uint8_t fill)
{
    buffer_clear(octets);
    for (uint16_t i = 0; i < count; i++) {
        buffer_u16(octets, length);
        uint8_t *place = buffer_claim(octets, length);
        ck_assert_ptr_nonnull(place);
        memset(place, fill, length);
        if (length > 1) {
            place[length - 2] = (uint8_t)(i >> 8);
            place[length - 1] = (uint8_t)i;
        }
    }
    ck_assert_int_eq(buffer_check(octets), RESULT_OK);
    return (struct rdata_run){octets->octets, (uint32_t)octets->length, count};
}

static inline bool same_run(const struct rdata_run *a, const struct rdata_run *b)
{
    return a->length == b->length && a->count == b->count &&
           (a->length == 0 || memcmp(a->octets, b->octets, a->length) == 0);
}

/* The digest of what is stored of a version, for a row that is put by itself. */
static inline struct version_digest digest_of_version(struct test_store *test, uint32_t version)
{
    static const enum store_table tables[] = {TABLE_NODES, TABLE_RRSETS, TABLE_NSEC3};
    struct store_scan scan = {.version = 0};
    struct store_check counts;
    const struct check_task task = {.snapshot = &test->snapshot, .counts = &counts};

    ck_assert_int_eq(snapshot_renew(&test->snapshot), RENEWAL_READY);
    store_scan_begin(&scan, TABLE_NODES, version);
    for (unsigned i = 0; i < COUNT(tables); i++) {
        store_scan_table(&scan, tables[i]);
        ck_assert_int_eq(store_scan_part(&task, &scan, SIZE_MAX), RECORD_ABSENT);
    }
    struct version_digest digest = scan.digest;
    store_scan_free(&scan);
    snapshot_rest(&test->snapshot);
    return digest;
}

#endif
