/* test_keeper_compose.c - what kind of place each name is, which chain denies the others, and that
 * a difference leaves the store as a whole load would. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "avow/change/version.h"
#include "avow/store/chain.h"
#include "avow/store/lookup.h"
#include "avow/wire/codec.h"
#include "avow/wire/type.h"
#include "avow/zonefile/parser.h"
#include "../../src/keeper/compose.h"
#include "../../src/keeper/denial.h"
#include "../../src/keeper/diff.h"
#include "../../src/keeper/edits.h"
#include "../../src/keeper/internal.h"
#include "../../src/keeper/place.h"
#include "../../src/keeper/slice.h"
#include "../../src/keeper/soa.h"
#include "../../src/keeper/stage_write.h"
#include "support.h"

#define HEAD "@ 300 SOA ns h 7 1 2 3 60\n@ 300 NS ns\nns 300 A 192.0.2.1\n"

static const uint8_t dnskey_run[] = {0, 6, 1, 1, 3, 13, 7, 7};

/* ---- running a zone through -------------------------------------------------------------------
 */

struct run {
    struct name apex;
    struct gather gather;
    struct compose_signing signing;
    struct complaints complaints;
    struct compose_totals totals;
    struct buffer text; /* a line a node */
    struct buffer slice, scratch;
    bool plain; /* as for a difference */
};

static enum result take(void *context, const struct zonefile_record *record)
{
    struct run *run = context;
    return gather_add(&run->gather, record->owner,
                      &(struct gathered){.type = record->type,
                                         .ttl = record->ttl,
                                         .rdata = record->rdata,
                                         .rdata_length = record->length});
}

static void run_open(struct run *run, enum compose_denial denial, const char *text)
{
    *run = (struct run){.signing = {.denial = denial, .nsec3.algorithm = NSEC3_SHA1}};
    ck_assert_int_eq(name_from_string("example.", &run->apex), RESULT_OK);
    run->signing.dnskeys = (struct rdata_run){dnskey_run, sizeof dnskey_run, 1};
    run->signing.zone_room = 90;
    run->signing.key_room = 100;
    struct zonefile_options options = {.octets = text,
                                       .length = strlen(text),
                                       .zone = &run->apex,
                                       .complaints = &run->complaints,
                                       .record = take,
                                       .context = run};
    gather_open(&run->gather, &run->apex);
    ck_assert_int_eq(zonefile_parse(&options, NULL), RESULT_OK);
    ck_assert_int_eq(gather_sort(&run->gather), RESULT_OK);
}

static void run_close(struct run *run)
{
    gather_close(&run->gather);
    buffer_free(&run->text);
    buffer_free(&run->slice);
    buffer_free(&run->scratch);
}

static enum result compose(struct run *run, struct compose_sink sink)
{
    struct zone_rules_options options = {.zone = &run->apex, .complaints = &run->complaints};
    struct compose walk = {
        .apex = &run->apex, .signing = &run->signing, .sink = sink, .plain = run->plain};

    ck_assert_int_eq(zone_rules_make(&walk.rules, &options), RESULT_OK);
    enum result result = compose_zone(&walk, &run->gather);
    zone_rules_free(walk.rules);
    run->totals = walk.totals;
    return result;
}

/* ---- what kind of place -----------------------------------------------------------------------
 */

static enum result print_node(void *context, const uint8_t *key, size_t key_length,
                              struct node_parts *parts)
{
    static const struct {
        unsigned flag;
        const char *word;
    } words[] = {{NODE_APEX, "apex"},
                 {NODE_CUT, "cut"},
                 {NODE_DNAME, "dname"},
                 {NODE_BELOW_CUT, "below-cut"},
                 {NODE_BELOW_DNAME, "below-dname"},
                 {NODE_HAS_CHILDREN, "children"},
                 {NODE_HAS_WILDCARD_CHILD, "wildcard-child"},
                 {NODE_EMPTY, "empty"}};
    struct run *run = context;
    char text[NAME_MAX_TEXT], type[TYPE_MAX_TEXT];
    struct name name;

    ck_assert_int_eq(name_key_read(key, key_length, &name), RESULT_OK);
    buffer_format(&run->text, "%s", name_to_text(&name, text));
    for (size_t i = 0; i < COUNT(words); i++) {
        if (parts->flags & words[i].flag)
            buffer_format(&run->text, " %s", words[i].word);
    }
    for (size_t i = 0; i < parts->count; i++)
        buffer_format(&run->text, " %s%s", type_to_text(parts->rrsets[i].type, type),
                      parts->rrsets[i].signature_room ? "+" : "");
    buffer_u8(&run->text, '\n');
    return RESULT_OK;
}

static enum result count_nsec3(void *context, const uint8_t hash[NSEC3_HASH_OCTETS],
                               const struct node_rrset *rrset)
{
    struct run *run = context;
    (void)hash;
    ck_assert_uint_eq(rrset->rdata.count, 1);
    buffer_text(&run->text, "NSEC3\n");
    return RESULT_OK;
}

static const struct {
    const char *what;
    enum compose_denial denial;
    bool opt_out;
    const char *zone;
    const char *nodes;
} places[] = {
    {"an unsigned zone has what it has", COMPOSE_UNSIGNED, false, HEAD,
     "example. apex children NS SOA\nns.example. A\n"},
    {"NSEC3: keys and parameters at the apex", COMPOSE_NSEC3, false, HEAD,
     "example. apex children NS+ SOA+ DNSKEY+ NSEC3PARAM+\nns.example. A+\nNSEC3\nNSEC3\n"},
    {"NSEC: a record at each name", COMPOSE_NSEC, false, HEAD,
     "example. apex children NS+ SOA+ NSEC+ DNSKEY+\nns.example. A+ NSEC+\n"},
    {"empty non-terminals on the way", COMPOSE_NSEC3, false, HEAD "a.b.c 300 A 192.0.2.2\n",
     "example. apex children NS+ SOA+ DNSKEY+ NSEC3PARAM+\nc.example. children empty\n"
     "b.c.example. children empty\na.b.c.example. A+\nns.example. A+\n"
     "NSEC3\nNSEC3\nNSEC3\nNSEC3\nNSEC3\n"},
    {"an empty non-terminal once for many", COMPOSE_UNSIGNED, false,
     HEAD "a.x 300 A 192.0.2.2\nb.x 300 A 192.0.2.3\n",
     "example. apex children NS SOA\nns.example. A\nx.example. children empty\n"
     "a.x.example. A\nb.x.example. A\n"},
    {"a cut hides, and only DS is signed there", COMPOSE_NSEC3, false,
     HEAD "s 300 NS ns.s\ns 300 DS 1 13 2 "
          "0000000000000000000000000000000000000000000000000000000000000000\n"
          "ns.s 300 A 192.0.2.9\n",
     "example. apex children NS+ SOA+ DNSKEY+ NSEC3PARAM+\nns.example. A+\ns.example. cut NS DS+\n"
     "ns.s.example. below-cut A\nNSEC3\nNSEC3\nNSEC3\n"},
    {"opt-out leaves unsigned cuts out of the chain", COMPOSE_NSEC3, true,
     HEAD "s 300 NS ns.s\nns.s 300 A 192.0.2.9\n",
     "example. apex children NS+ SOA+ DNSKEY+ NSEC3PARAM+\nns.example. A+\ns.example. cut NS\n"
     "ns.s.example. below-cut A\nNSEC3\nNSEC3\n"},
    {"NSEC steps over what a cut hides", COMPOSE_NSEC, false,
     HEAD "s 300 NS ns.s\nns.s 300 A 192.0.2.9\nz 300 A 192.0.2.3\n",
     "example. apex children NS+ SOA+ NSEC+ DNSKEY+\nns.example. A+ NSEC+\n"
     "s.example. cut NS NSEC+\nns.s.example. below-cut A\nz.example. A+ NSEC+\n"},
    {"a wildcard is noted at its parent", COMPOSE_UNSIGNED, false,
     HEAD "*.w 300 TXT \"x\"\n!.w 300 TXT \"y\"\n",
     "example. apex children NS SOA\nns.example. A\nw.example. children wildcard-child empty\n"
     "!.w.example. TXT\n*.w.example. TXT\n"},
    {"so is a wildcard that is empty itself", COMPOSE_UNSIGNED, false,
     HEAD "sub.*.w 300 TXT \"x\"\n",
     "example. apex children NS SOA\nns.example. A\nw.example. children wildcard-child empty\n"
     "*.w.example. children empty\nsub.*.w.example. TXT\n"},
    {"DNAME", COMPOSE_NSEC3, false, HEAD "d 300 DNAME other.example.\n",
     "example. apex children NS+ SOA+ DNSKEY+ NSEC3PARAM+\nd.example. dname DNAME+\n"
     "ns.example. A+\nNSEC3\nNSEC3\nNSEC3\n"},
};

START_TEST(finds_places)
{
    struct run run;
    struct compose_sink sink = {.node = print_node, .nsec3 = count_nsec3, .context = &run};

    run_open(&run, places[_i].denial, places[_i].zone);
    if (places[_i].opt_out)
        run.signing.nsec3.flags = NSEC3_FLAG_OPT_OUT;
    ck_assert_msg(compose(&run, sink) == RESULT_OK, "%s: refused", places[_i].what);
    buffer_u8(&run.text, 0);
    ck_assert_msg(strcmp((char *)run.text.octets, places[_i].nodes) == 0, "%s:\n%s\nnot:\n%s",
                  places[_i].what, (char *)run.text.octets, places[_i].nodes);
    run_close(&run);
}
END_TEST

/* ---- differences ------------------------------------------------------------------------------
 */

static enum result slice_node(void *context, const uint8_t *key, size_t key_length,
                              struct node_parts *parts)
{
    struct run *run = context;
    return slice_add_node(&run->slice, key, key_length, parts, &run->scratch);
}

static enum result slice_nsec3(void *context, const uint8_t hash[NSEC3_HASH_OCTETS],
                               const struct node_rrset *rrset)
{
    struct run *run = context;
    return slice_add_nsec3(&run->slice, hash, rrset, &run->scratch);
}

static void write_slice(struct store *store, uint32_t version, const struct buffer *slice)
{
    struct change change;

    ck_assert_int_eq(change_begin(&change, store), RESULT_OK);
    ck_assert_int_eq(slice_write(&change, version, slice), RESULT_OK);
    ck_assert_int_eq(change_commit(&change, NULL), RESULT_OK);
}

/* Everything that a version holds, as octets that can be compared. */
static void read_version(struct snapshot *snapshot, uint32_t version, const struct name *apex,
                         struct buffer *all)
{
    struct node_view node;
    struct chain_nsec3 nsec3;
    uint8_t hash[NODE_HASH_OCTETS];
    bool first = true;

    ck_assert_int_eq(snapshot_renew(snapshot), RENEWAL_READY);
    enum walk walk = WALK_FROM;
    while (lookup_walk(snapshot, version, walk, apex, &node) == RECORD_THERE) {
        struct rrset_view view;
        walk = WALK_NEXT;
        buffer_add(all, node.key + RECORD_PREFIX_OCTETS, node.key_length - RECORD_PREFIX_OCTETS);
        buffer_u16(all, node.flags);
        buffer_u8(all, node.above);
        for (struct reader rows = node.rows; node_next(&rows, &view);) {
            ck_assert_int_eq(node_fetch(&node, &view), RESULT_OK);
            buffer_u16(all, view.type);
            buffer_u32(all, view.ttl);
            buffer_add(all, view.rdata.octets, view.rdata.length);
        }
    }
    while (chain_nsec3_walk(snapshot, version, first ? NULL : hash, &nsec3) == RECORD_THERE) {
        first = false;
        memcpy(hash, nsec3.hash, sizeof hash);
        buffer_add(all, hash, sizeof hash);
        buffer_add(all, nsec3.rrset.rdata.octets, nsec3.rrset.rdata.length);
    }
    snapshot_rest(snapshot);
}

/* A random small zone: hosts, cuts, wildcards, deep names, something large. */
static char *random_zone(unsigned seed)
{
    static const char *const owners[] = {"a",  "b",    "c.b",    "d.c.b", "*.b",   "e.*.b",
                                         "s",  "ns.s", "x.ns.s", "m",     "n.o.p", "*.o.p",
                                         "dn", "x.dn", "s.x.dn", "z.y.x", "*",     "t"};
    struct buffer text = {.octets = NULL};

    bool has_dname = false;

    srand(seed);
    buffer_text(&text, HEAD);
    for (size_t i = 0; i < COUNT(owners); i++) {
        int roll = rand() % 6;
        bool below_dname = has_dname && strstr(owners[i], ".dn");
        if (roll == 0 || below_dname)
            continue;
        if (owners[i][0] == 's' && roll < 4)
            buffer_format(&text, "%s 300 NS ns.s\n", owners[i]);
        else if (strcmp(owners[i], "dn") == 0 && (has_dname = roll < 4))
            buffer_format(&text, "dn 300 DNAME elsewhere.\n");
        else if (owners[i][0] == 's' && roll == 4)
            buffer_format(&text, "%s 300 NS ns.s\n%s 300 DS 1 13 2 %064d\n", owners[i], owners[i],
                          rand() % 2);
        else if (roll == 1)
            buffer_format(&text, "%s 300 TXT \"%d\" \"%0200d\"\n", owners[i], rand() % 3, 0);
        else
            buffer_format(&text, "%s 300 A 192.0.2.%d\n%s 300 A 192.0.2.%d\n", owners[i],
                          rand() % 3, owners[i], 10 + rand() % 2);
    }
    for (int i = 0; rand() % 3 == 0 && i < 40; i++)
        buffer_format(&text, "t 300 TXT \"%d %0200d\"\n", i, i);
    buffer_u8(&text, 0);
    ck_assert_int_eq(buffer_check(&text), RESULT_OK);
    return (char *)text.octets;
}

/* A store and the zone in it, as a stage wants them. */
struct site {
    char *folder;
    struct store store;
    struct keeper keeper;
    struct keeper_zone zone;
    struct config_zone config;
    enum compose_denial denial;
    bool opt_out;
};

static void site_open(struct site *site, int variant)
{
    char path[512];

    *site = (struct site){.folder = folder_make(),
                          .denial = variant % 4 == 0   ? COMPOSE_NSEC
                                    : variant % 4 == 3 ? COMPOSE_UNSIGNED
                                                       : COMPOSE_NSEC3,
                          .opt_out = variant % 4 == 2};
    (void)snprintf(path, sizeof path, "%s/store", site->folder);
    struct store_options options = {
        .folder = path, .access = STORE_WRITER, .make = change_make_store, .map_octets = 1 << 30};
    ck_assert_msg(store_open(&site->store, &options) == RESULT_OK, "%s", site->store.problem);
    ck_assert_int_eq(snapshot_open(&site->keeper.view, &site->store, NULL, 0), RESULT_OK);
    site->zone.keeper = &site->keeper;
    site->zone.config = &site->config;
    ck_assert_int_eq(name_from_string("example.", &site->zone.name), RESULT_OK);
    name_copy(&site->zone.row.apex, &site->zone.name);
    site->zone.row.version = 1;
    site->zone.row.denial_ttl = 60;
    site->zone.row.flags = site->denial == COMPOSE_UNSIGNED ? 0 : ZONE_SIGNED;
    if (site->denial == COMPOSE_NSEC3)
        site->zone.row.flags |= ZONE_NSEC3;
    if (site->opt_out)
        site->zone.row.flags |= ZONE_OPT_OUT;
}

static void site_close(struct site *site)
{
    snapshot_close(&site->keeper.view);
    store_close(&site->store);
    folder_remove(site->folder);
}

static void site_run_open(const struct site *site, struct run *run, const char *zone)
{
    run_open(run, site->denial, zone);
    if (site->opt_out)
        run->signing.nsec3.flags = NSEC3_FLAG_OPT_OUT;
}

static void site_load(struct site *site, uint32_t version, const char *zone,
                      struct compose_totals *totals)
{
    struct run run;
    struct compose_sink sink = {.node = slice_node, .nsec3 = slice_nsec3, .context = &run};

    site_run_open(site, &run, zone);
    ck_assert_int_eq(compose(&run, sink), RESULT_OK);
    write_slice(&site->store, version, &run.slice);
    *totals = run.totals;
    run_close(&run);
}

static void count_from(struct zone *row, const struct compose_totals *totals, bool signed_)
{
    row->names = totals->names;
    row->rrsets = signed_ ? totals->rrsets : 0;
    row->denials = signed_ ? totals->denials : 0;
}

/* Stage the edits of a difference, settle and write them. */
static void site_apply(struct site *site, const struct buffer *edits)
{
    struct reader reader = reader_over(edits->octets, edits->length);
    struct stage stage;
    struct change change;
    struct edit edit;
    struct zone row = site->zone.row;

    ck_assert_int_eq(snapshot_renew(&site->keeper.view), RENEWAL_READY);
    stage_open(&stage, &site->zone);
    while (edits_next(&reader, &edit))
        staged_replace(&stage, stage_name(&stage, &edit.owner), edit.type, edit.ttl, &edit.rdata);
    ck_assert_int_eq(reader_finish(&reader), RESULT_OK);
    place_settle(&stage);
    denial_settle(&stage);
    ck_assert_int_eq(stage.failed, RESULT_OK);
    ck_assert_int_eq(change_begin(&change, &site->store), RESULT_OK);
    ck_assert_int_eq(stage_write(&stage, &change, &row, row.serial + 1, JOURNAL_RELOAD), RESULT_OK);
    ck_assert_int_eq(change_commit(&change, NULL), RESULT_OK);
    snapshot_rest(&site->keeper.view);
    stage_close(&stage);
    site->zone.row = row;
}

static void site_reload(struct site *site, const char *zone)
{
    struct run run;
    struct diff diff = {.snapshot = &site->keeper.view, .version = 1, .limit = 10000};

    site_run_open(site, &run, zone);
    ck_assert_int_eq(snapshot_renew(&site->keeper.view), RENEWAL_READY);
    run.plain = true;
    ck_assert_int_eq(compose(&run, diff_sink(&diff)), RESULT_OK);
    ck_assert_int_eq(diff_finish(&diff), RESULT_OK);
    snapshot_rest(&site->keeper.view);
    site_apply(site, &diff.edits);
    diff_free(&diff);
    run_close(&run);
}

static void site_check(struct site *site, uint32_t version, const char *old_zone,
                       const char *new_zone)
{
    struct buffer changed = {.octets = NULL}, fresh = {.octets = NULL};

    read_version(&site->keeper.view, 1, &site->zone.name, &changed);
    read_version(&site->keeper.view, version, &site->zone.name, &fresh);
    ck_assert_uint_gt(fresh.length, 0);
    ck_assert_msg(changed.length == fresh.length &&
                      memcmp(changed.octets, fresh.octets, fresh.length) == 0,
                  "the difference left something else:\n%s->\n%s", old_zone, new_zone);
    buffer_free(&changed);
    buffer_free(&fresh);
}

/* From any zone to any other, step by step: what a staged difference leaves, counts included, is
 * what a whole load would make. */
START_TEST(difference_equals_load)
{
    struct site site;
    struct compose_totals totals;
    char *zone = random_zone((unsigned)_i * 8);

    site_open(&site, _i);
    bool signed_ = site.denial != COMPOSE_UNSIGNED;
    site_load(&site, 1, zone, &totals);
    count_from(&site.zone.row, &totals, signed_);
    for (unsigned step = 1; step < 5; step++) {
        char *next = random_zone((unsigned)_i * 8 + step);
        struct zone row = {.version = 0};
        site_reload(&site, next);
        site_load(&site, 1 + step, next, &totals);
        site_check(&site, 1 + step, zone, next);
        count_from(&row, &totals, signed_);
        ck_assert_uint_eq(site.zone.row.names, row.names);
        ck_assert_uint_eq(site.zone.row.rrsets, row.rrsets);
        ck_assert_uint_eq(site.zone.row.denials, row.denials);
        free(zone);
        zone = next;
    }
    free(zone);
    site_close(&site);
}
END_TEST

START_TEST(same_zone_is_no_difference)
{
    struct site site;
    struct compose_totals totals;
    struct run again;
    char *zone = random_zone(4711);

    site_open(&site, 1);
    site_load(&site, 1, zone, &totals);
    site_run_open(&site, &again, zone);
    struct diff diff = {.snapshot = &site.keeper.view, .version = 1, .limit = 10000};
    ck_assert_int_eq(snapshot_renew(&site.keeper.view), RENEWAL_READY);
    again.plain = true;
    ck_assert_int_eq(compose(&again, diff_sink(&diff)), RESULT_OK);
    ck_assert_int_eq(diff_finish(&diff), RESULT_OK);
    ck_assert_uint_eq(diff.count, 0);
    snapshot_rest(&site.keeper.view);
    diff_free(&diff);
    run_close(&again);
    free(zone);
    site_close(&site);
}
END_TEST

/* ---- serials ----------------------------------------------------------------------------------
 */

static const struct {
    uint32_t served, wanted, next;
} serials[] = {
    {1, 2, 2},
    {2, 2, 3},
    {2, 1, 3},
    {0xffffffff, 1, 1},
    {0xffffffff, 0xffffffff, 1}, /* 0 is passed over */
    {1, 0x80000000, 0x80000000},
    {0, 0x80000000, 1}, /* 2^31 apart: no order (RFC 1982 section 3.2) */
};

START_TEST(chooses_serials)
{
    ck_assert_uint_eq(serial_next(serials[_i].served, serials[_i].wanted), serials[_i].next);
}
END_TEST

/* ---- digests ----------------------------------------------------------------------------------
 */

static uint32_t given_serial(void *context, uint32_t said)
{
    const uint32_t *serial = context;
    return *serial ? *serial : said;
}

/* A ZONEMD of the file is true of the file's serial alone. */
static const struct digest_row {
    bool plain, no_digest;
    uint32_t serial; /* that the zone gets; 0: the file's, which is 7 */
    bool stays;
} digest_rows[] = {
    {false, false, 0, true},  {false, false, 7, true},
    {false, false, 8, false}, {true, false, 8, true}, /* a difference: its round sees to it */
    {false, true, 0, false},  {true, true, 0, false},
};

START_TEST(digests)
{
    const struct digest_row *row = &digest_rows[_i];
    uint32_t serial = row->serial;
    struct run run;

    run_open(&run, COMPOSE_UNSIGNED,
             "@ 60 SOA ns h 7 1 2 3 60\n@ 60 NS ns\nns 60 A 192.0.2.1\n"
             "@ 60 ZONEMD 7 1 240 00112233445566778899aabb\n"
             "ns 60 ZONEMD 7 1 240 00112233445566778899aabb\n");
    struct zone_rules_options options = {
        .zone = &run.apex, .signing = ZONE_AS_IT_IS, .complaints = &run.complaints};
    struct compose walk = {.apex = &run.apex,
                           .signing = &run.signing,
                           .sink = {.node = print_node, .nsec3 = count_nsec3, .context = &run},
                           .plain = row->plain,
                           .no_digest = row->no_digest,
                           .serial = given_serial,
                           .serial_context = &serial};
    ck_assert_int_eq(zone_rules_make(&walk.rules, &options), RESULT_OK);
    ck_assert_int_eq(compose_zone(&walk, &run.gather), RESULT_OK);
    zone_rules_free(walk.rules);
    buffer_u8(&run.text, 0);
    ck_assert_str_eq((const char *)run.text.octets,
                     row->stays ? "example. apex children NS SOA ZONEMD\nns.example. A ZONEMD\n"
                                : "example. apex children NS SOA\nns.example. A ZONEMD\n");
    run_close(&run);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("keeper/compose");
    TCase *composing = tcase_create("composing");
    TCase *differing = tcase_create("differing");

    tcase_add_loop_test(composing, finds_places, 0, COUNT(places));
    tcase_add_loop_test(composing, chooses_serials, 0, COUNT(serials));
    tcase_add_loop_test(composing, digests, 0, COUNT(digest_rows));
    tcase_add_loop_test(differing, difference_equals_load, 0, 200);
    tcase_add_test(differing, same_zone_is_no_difference);
    tcase_set_timeout(differing, 60);
    suite_add_tcase(suite, composing);
    suite_add_tcase(suite, differing);
    return run_suite(suite);
}
