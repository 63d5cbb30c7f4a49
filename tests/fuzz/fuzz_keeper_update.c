/*
 * fuzz_keeper_update.c - what a desk that was taken over may send as an update.
 *
 * A small zone in a store, made once for each kind of denial. The first octet of an input chooses
 * the kind, the next two say how many prerequisites and changes there are, then come 16 bits of
 * length and the prerequisites, the rest are changes. What is accepted is settled and written, and
 * then forgotten: nothing may crash, and the stage must not contradict the store.
 */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../../src/keeper/compose.h"
#include "../../src/keeper/denial.h"
#include "../../src/keeper/internal.h"
#include "../../src/keeper/place.h"
#include "../../src/keeper/slice.h"
#include "../../src/keeper/stage_write.h"
#include "../../src/keeper/update.h"
#include "avow/zonefile/parser.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { KINDS = 4 };

struct making {
    struct gather gather;
    struct buffer slice, scratch;
};

static struct store store;
static struct keeper keeper;
static struct keeper_zone zones[KINDS];
static struct config_zone config;
static char folder[64];

static const char text[] =
    "$ORIGIN example.\n$TTL 300\n@ SOA ns h 1 1 2 3 60\n@ NS ns\nns A 192.0.2.1\n"
    "a.b.c TXT x\ncut NS ns.cut\nns.cut A 192.0.2.3\n* MX 1 ns\nd DNAME e.\n"
    "alias CNAME ns\n@ DNSKEY 256 3 13 AAAA\n";

static void check(bool good)
{
    if (!good)
        abort();
}

static enum result take(void *context, const struct zonefile_record *record)
{
    struct making *making = context;
    return gather_add(&making->gather, record->owner,
                      &(struct gathered){.type = record->type,
                                         .ttl = record->ttl,
                                         .rdata = record->rdata,
                                         .rdata_length = record->length});
}

static enum result put_node(void *context, const uint8_t *key, size_t length,
                            struct node_parts *parts)
{
    struct making *making = context;
    return slice_add_node(&making->slice, key, length, parts, &making->scratch);
}

static enum result put_nsec3(void *context, const uint8_t *hash, const struct node_rrset *rrset)
{
    struct making *making = context;
    return slice_add_nsec3(&making->slice, hash, rrset, &making->scratch);
}

/* NSEC3, NSEC, opt-out, unsigned: versions 1 to 4. */
static void make_zone(unsigned kind)
{
    static const enum compose_denial denials[KINDS] = {COMPOSE_NSEC3, COMPOSE_NSEC, COMPOSE_NSEC3,
                                                       COMPOSE_UNSIGNED};
    static const uint16_t flags[KINDS] = {ZONE_SIGNED | ZONE_NSEC3 | ZONE_FULLY_SIGNED,
                                          ZONE_SIGNED | ZONE_FULLY_SIGNED,
                                          ZONE_SIGNED | ZONE_NSEC3 | ZONE_OPT_OUT, 0};
    struct keeper_zone *zone = &zones[kind];
    struct making making = {.slice = {.length = 0}};
    struct complaints complaints = {.take = NULL};
    struct compose_signing signing = {.denial = denials[kind], .nsec3.algorithm = NSEC3_SHA1};
    struct change change;

    if (kind == 2)
        signing.nsec3.flags = NSEC3_FLAG_OPT_OUT;
    zone->keeper = &keeper;
    zone->config = &config;
    check(name_from_string("example.", &zone->name) == RESULT_OK);
    zone->row = (struct zone){.version = kind + 1, .serial = 1, .denial_ttl = 60};
    zone->row.flags = flags[kind];
    name_copy(&zone->row.apex, &zone->name);
    struct zonefile_options options = {.octets = text,
                                       .length = sizeof text - 1,
                                       .zone = &zone->name,
                                       .complaints = &complaints,
                                       .record = take,
                                       .context = &making};
    gather_open(&making.gather, &zone->name);
    check(zonefile_parse(&options, NULL) == RESULT_OK && gather_sort(&making.gather) == RESULT_OK);
    struct zone_rules_options rules = {.zone = &zone->name, .complaints = &complaints};
    struct compose walk = {
        .apex = &zone->name, .signing = &signing, .sink = {put_node, put_nsec3, &making}};
    check(zone_rules_make(&walk.rules, &rules) == RESULT_OK &&
          compose_zone(&walk, &making.gather) == RESULT_OK);
    zone_rules_free(walk.rules);
    check(change_begin(&change, &store) == RESULT_OK &&
          slice_write(&change, kind + 1, &making.slice) == RESULT_OK &&
          change_commit(&change, NULL) == RESULT_OK);
    gather_close(&making.gather);
    buffer_free(&making.slice);
    buffer_free(&making.scratch);
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status, (void)type, (void)place;
    return remove(path);
}

static void clean_up(void)
{
    (void)nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void open_once(void)
{
    char path[128];

    if (store.environment)
        return;
    (void)snprintf(folder, sizeof folder, "/tmp/avow-fuzz-XXXXXX");
    check(mkdtemp(folder) != NULL && atexit(clean_up) == 0);
    (void)snprintf(path, sizeof path, "%s/store", folder);
    struct store_options options = {
        .folder = path, .access = STORE_WRITER, .make = change_make_store, .map_octets = 64 << 20};
    check(store_open(&store, &options) == RESULT_OK &&
          snapshot_open(&keeper.view, &store, NULL, 0) == RESULT_OK);
    config.journal_size = 1 << 20;
    config.journal_depth = 16;
    for (unsigned kind = 0; kind < KINDS; kind++)
        make_zone(kind);
}

/* The settled stage goes into the store and out again. */
static void write_and_forget(struct stage *stage)
{
    struct zone row = stage->zone->row;
    struct change change;

    check(change_begin(&change, &store) == RESULT_OK);
    enum result result = stage_write(stage, &change, &row, row.serial + 1, JOURNAL_UPDATE);
    check(result == RESULT_OK || result == RESULT_FULL);
    change_abandon(&change);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader input = reader_over(data, size);
    struct stage stage;

    open_once();
    struct keeper_zone *zone = &zones[reader_u8(&input) % KINDS];
    struct update_request request = {.prerequisite_count = reader_u8(&input),
                                     .change_count = reader_u8(&input)};
    struct reader prerequisites = reader_part(&input, reader_u16(&input));
    if (input.failed)
        return 0;
    request.prerequisites = span_of(prerequisites.at, reader_left(&prerequisites));
    request.changes = span_of(input.at, reader_left(&input));
    check(snapshot_renew(&keeper.view) == RENEWAL_READY);
    stage_open(&stage, zone);
    struct update_outcome outcome = update_apply(&stage, &request);
    check(!stage.failed || stage.failed == RESULT_FULL);
    if (outcome.rcode)
        check(stage.failed || stage_is_empty(&stage)); /* it was taken back whole */
    if (!stage.failed) {
        place_settle(&stage);
        denial_settle(&stage);
        check(stage.failed != RESULT_CORRUPT);
    }
    if (!stage.failed)
        write_and_forget(&stage);
    stage_close(&stage);
    snapshot_rest(&keeper.view);
    return 0;
}
