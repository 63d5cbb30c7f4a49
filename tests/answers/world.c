/* world.c - a store of a few zones, made the way the keeper makes it. */
#include "world.h"

#include <ftw.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "avow/base/random.h"
#include "avow/change/version.h"
#include "avow/dnssec/rrsig.h"
#include "avow/zonefile/parser.h"

#include "compose.h"

static void PRINTF_LIKE(1, 2) die(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(2);
}

static void must(enum result result, const char *what)
{
    if (result)
        die("%s: %s", what, result_sentence(result));
}

/* ---- the key -------------------------------------------------------------------------------- */

static void make_key(struct world *world)
{
    uint8_t point[65], rdata[DNSKEY_MAX_OCTETS];
    size_t length = 0;
    struct writer writer = writer_over(rdata, sizeof rdata);

    world->key = EVP_EC_gen("P-256");
    if (!world->key ||
        !EVP_PKEY_get_octet_string_param(world->key, "pub", point, sizeof point, &length))
        die("no key");
    world->dnskey = (struct dnskey){.flags = DNSKEY_FLAGS_KSK, .protocol = DNSKEY_PROTOCOL};
    world->dnskey.algorithm = 13;
    must(dnskey_set_point(&world->dnskey, 13, point, length), "DNSKEY");
    dnskey_write(&writer, &world->dnskey);
    world->key_tag = dnskey_tag(&world->dnskey);
    must(digest_context_open(&world->digests), "digests");
}

/* r||s from OpenSSL's DER. */
static void sign(struct world *world, const uint8_t *hash, size_t length, uint8_t signature[64])
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(world->key, NULL);
    uint8_t der[80];
    const uint8_t *at = der;
    size_t size = sizeof der;

    if (!context || EVP_PKEY_sign_init(context) <= 0 ||
        EVP_PKEY_sign(context, der, &size, hash, length) <= 0)
        die("signing failed");
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long)size);
    if (!pair || BN_bn2binpad(ECDSA_SIG_get0_r(pair), signature, 32) != 32 ||
        BN_bn2binpad(ECDSA_SIG_get0_s(pair), signature + 32, 32) != 32)
        die("signing failed");
    ECDSA_SIG_free(pair);
    EVP_PKEY_CTX_free(context);
}

/* ---- loading -------------------------------------------------------------------------------- */

struct load {
    struct world *world;
    const struct world_zone *zone;
    struct name apex;
    struct gather gather;
    struct change change;
    uint32_t version;
    struct version_digest digest; /* of the slices that were committed */
    struct buffer runs[64];       /* signatures of the node at hand */
};

static void complained(void *context, const struct complaint *complaint)
{
    char text[512];

    (void)context;
    complaint_text(complaint, text, sizeof text);
    if (complaint->weight == COMPLAINT_ERROR)
        fprintf(stderr, "%s\n", text);
}

static enum result take_record(void *context, const struct zonefile_record *record)
{
    struct load *load = context;

    return gather_add(&load->gather, record->owner,
                      &(struct gathered){.type = record->type,
                                         .ttl = record->ttl,
                                         .rdata = record->rdata,
                                         .rdata_length = record->length});
}

static void sign_rrset(struct load *load, const struct name *owner, struct node_rrset *rrset,
                       struct buffer *run)
{
    struct world *world = load->world;
    uint64_t end = load->zone->signing == WORLD_OUT_OF_DATE ? WORLD_NOW - WORLD_DAY
                                                            : WORLD_NOW + 14 * WORLD_DAY;
    struct rrsig_fields fields = {.covered = rrset->type,
                                  .algorithm = 13,
                                  .labels = rrsig_labels(owner),
                                  .original_ttl = rrset->ttl,
                                  .expiration = rrsig_stamp(end),
                                  .inception = rrsig_stamp(end - 15 * WORLD_DAY),
                                  .key_tag = world->key_tag};
    struct rrset whole = {.owner = owner,
                          .type = rrset->type,
                          .class_ = CLASS_IN,
                          .ttl = rrset->ttl,
                          .rdata = rrset->rdata};
    uint8_t hash[DIGEST_MAX_OCTETS], signature[64], rdata[RRSIG_MAX_OCTETS];
    struct writer writer = writer_over(rdata, sizeof rdata);
    size_t length;

    name_copy(&fields.signer, &load->apex);
    if (load->zone->signing == WORLD_IMITATED) {
        must(random_fill(signature, sizeof signature), "random");
    } else {
        must(rrsig_digest_to_sign(&world->digests, &fields, &whole, hash, &length), "digest");
        sign(world, hash, length, signature);
    }
    rrsig_write(&writer, &fields, signature, sizeof signature);
    buffer_clear(run);
    node_signatures_add(run, rdata, (uint16_t)writer.length);
    must(buffer_check(run), "memory");
    rrset->signatures = (struct rdata_run){run->octets, (uint32_t)run->length, 1};
}

static void commit_slice(struct load *load)
{
    if (change_octets(&load->change) < VERSION_SLICE_OCTETS)
        return;
    change_take_digest(&load->change, load->version, &load->digest);
    must(change_commit(&load->change, NULL), load->world->store.problem);
    must(change_begin(&load->change, &load->world->store), "change_begin");
}

static enum result take_node(void *context, const uint8_t *key, size_t key_length,
                             struct node_parts *parts)
{
    struct load *load = context;
    struct name name;

    must(name_key_read(key, key_length, &name), "name key");
    for (size_t i = 0; i < parts->count && i < COUNT(load->runs); i++)
        if (parts->rrsets[i].signature_room && load->zone->signing != WORLD_NOT_YET)
            sign_rrset(load, &name, &parts->rrsets[i], &load->runs[i]);
    version_append_node(&load->change, load->version, &name, parts);
    commit_slice(load);
    return RESULT_OK;
}

static enum result take_nsec3(void *context, const uint8_t hash[NSEC3_HASH_OCTETS],
                              const struct node_rrset *rrset)
{
    struct load *load = context;
    struct node_rrset whole = *rrset;
    struct name owner;

    must(nsec3_owner(hash, &load->apex, &owner), "NSEC3 owner");
    if (load->zone->signing != WORLD_NOT_YET)
        sign_rrset(load, &owner, &whole, &load->runs[0]);
    version_append_nsec3(&load->change, load->version, hash, &whole);
    commit_slice(load);
    return RESULT_OK;
}

static void read_zone(struct load *load)
{
    struct complaints complaints = {.take = complained};
    struct zonefile_options options = {.path = load->zone->file,
                                       .octets = load->zone->text,
                                       .length = load->zone->length,
                                       .zone = &load->apex,
                                       .complaints = &complaints,
                                       .record = take_record,
                                       .context = load};

    gather_open(&load->gather, &load->apex);
    must(zonefile_parse(&options, NULL), load->zone->file ? load->zone->file : load->zone->apex);
    must(gather_sort(&load->gather), "sorting");
}

static struct compose_signing signing_of(struct load *load, struct buffer *dnskeys)
{
    const struct world_zone *zone = load->zone;
    struct compose_signing signing = {.denial = zone->denial == WORLD_UNSIGNED ? COMPOSE_UNSIGNED
                                                : zone->denial == WORLD_NSEC   ? COMPOSE_NSEC
                                                                               : COMPOSE_NSEC3};
    uint8_t rdata[DNSKEY_MAX_OCTETS];
    struct writer writer = writer_over(rdata, sizeof rdata);

    signing.nsec3.algorithm = NSEC3_SHA1;
    signing.nsec3.flags = zone->denial == WORLD_OPT_OUT ? NSEC3_FLAG_OPT_OUT : 0;
    signing.nsec3.iterations = zone->iterations;
    if (zone->salt) {
        signing.nsec3.salt_length = (uint8_t)strlen(zone->salt);
        memcpy(signing.nsec3.salt, zone->salt, strlen(zone->salt));
    }
    signing.zone_room = signing.key_room = 2U + 18U + load->apex.length + 64U;
    signing.dnskey_ttl = 3600;
    dnskey_write(&writer, &load->world->dnskey);
    buffer_u16(dnskeys, (uint16_t)writer.length);
    buffer_add(dnskeys, rdata, writer.length);
    signing.dnskeys = (struct rdata_run){dnskeys->octets, (uint32_t)dnskeys->length, 1};
    return signing;
}

static void put_row(struct load *load, const struct compose *compose)
{
    const struct nsec3_parameters *nsec3 = &compose->signing->nsec3;
    struct zone row = {
        .version = load->version, .denial_ttl = compose->totals.denial_ttl, .digest = load->digest};

    name_copy(&row.apex, &load->apex);
    row.serial = row.highest_serial = compose->totals.serial;
    if (load->zone->denial != WORLD_UNSIGNED)
        row.flags |= ZONE_SIGNED | (load->zone->signing == WORLD_NOT_YET ? 0 : ZONE_FULLY_SIGNED);
    if (load->zone->denial >= WORLD_NSEC3)
        row.flags |= ZONE_NSEC3;
    if (load->zone->denial == WORLD_OPT_OUT)
        row.flags |= ZONE_OPT_OUT;
    row.iterations = nsec3->iterations;
    row.salt_length = nsec3->salt_length;
    memcpy(row.salt, nsec3->salt, nsec3->salt_length);
    change_put_zone(&load->change, &row);
}

void world_load(struct world *world, const struct world_zone *zone)
{
    struct load load = {.world = world, .zone = zone};
    struct buffer dnskeys = {.octets = NULL};
    struct complaints complaints = {.take = complained};

    if (world->zone_count == WORLD_ZONES)
        die("too many zones");
    must(name_from_string(zone->apex, &load.apex), zone->apex);
    read_zone(&load);
    must(change_begin(&load.change, &world->store), "change_begin");
    must(version_new(&load.change, &load.version), "version_new");
    struct compose_signing signing = signing_of(&load, &dnskeys);
    struct zone_rules_options options = {.zone = &load.apex, .complaints = &complaints};
    struct compose compose = {
        .apex = &load.apex, .signing = &signing, .sink = {take_node, take_nsec3, &load}};
    must(zone_rules_make(&compose.rules, &options), "rules");
    must(compose_zone(&compose, &load.gather), "compose");
    zone_rules_free(compose.rules);
    put_row(&load, &compose);
    must(change_commit(&load.change, NULL), world->store.problem);
    name_copy(&world->apexes[world->zone_count], &load.apex);
    world->denials[world->zone_count++] = zone->denial;
    gather_close(&load.gather);
    buffer_free(&dnskeys);
    for (size_t i = 0; i < COUNT(load.runs); i++)
        buffer_free(&load.runs[i]);
}

/* ---- the store ------------------------------------------------------------------------------ */

void world_open(struct world *world, uint64_t map_octets)
{
    const char *parent = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
    char path[256];

    *world = (struct world){.folder = NULL};
    (void)snprintf(path, sizeof path, "%s/avow-answers-XXXXXX", parent);
    world->folder = mkdtemp(path) ? strdup(path) : NULL;
    if (!world->folder)
        die("no folder below %s", parent);
    const struct store_options options = {.folder = world->folder,
                                          .access = STORE_WRITER,
                                          .make = change_make_store,
                                          .map_octets = map_octets};
    if (store_open(&world->store, &options))
        die("%s", world->store.problem);
    make_key(world);
}

void world_ready(struct world *world, struct answerer *answerer)
{
    must(snapshot_open(&world->snapshot, &world->store, NULL, 0), "snapshot");
    if (snapshot_renew(&world->snapshot) != RENEWAL_READY)
        die("no snapshot");
    must(zone_table_refresh(&world->zones, &world->snapshot), "zones");
    *answerer = (struct answerer){
        .snapshot = &world->snapshot, .zones = &world->zones, .udp_payload = ANSWER_UDP_PAYLOAD};
    must(hash_key_random(&answerer->charge_key), "hash key");
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status, (void)kind, (void)walk;
    return remove(path);
}

void world_close(struct world *world)
{
    zone_table_free(&world->zones);
    snapshot_close(&world->snapshot);
    store_close(&world->store);
    EVP_PKEY_free(world->key);
    digest_context_close(&world->digests);
    if (world->folder)
        (void)nftw(world->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(world->folder);
}

int world_zone_of(const struct world *world, const struct name *name)
{
    int best = -1;

    for (unsigned i = 0; i < world->zone_count; i++)
        if (name_is_within(name, &world->apexes[i]) &&
            (best < 0 || world->apexes[i].labels > world->apexes[best].labels))
            best = (int)i;
    return best;
}

size_t world_query(const struct world_question *question, uint8_t *octets, size_t size)
{
    struct writer writer = writer_over(octets, size);
    const struct header header = {.id = 0x1234,
                                  .counts = {1, 0, 0, question->edns || question->dnssec_ok}};

    header_write(&writer, &header);
    name_write(&writer, &question->name);
    writer_u16(&writer, question->type);
    writer_u16(&writer, question->class_);
    if (header.counts[3]) {
        writer_u8(&writer, 0);
        writer_u16(&writer, TYPE_OPT);
        writer_u16(&writer, question->payload);
        writer_u32(&writer, question->dnssec_ok ? 0x8000 : 0);
        writer_u16(&writer, 0);
    }
    return writer.failed ? 0 : writer.length;
}
