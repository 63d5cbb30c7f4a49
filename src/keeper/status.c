/* status.c - what an operator wants to know, as JSON; avowctl makes text of it. */
#include "control.h"

#include <stdio.h>
#include <string.h>

#include "avow/base/clock.h"
#include "avow/dnssec/algorithm.h"
#include "avow/dnssec/dnskey.h"
#include "avow/dnssec/ds.h"
#include "avow/store/expiry.h"
#include "avow/wire/codec.h"
#include "avow/wire/rdata.h"
#include "avow/wire/type.h"

enum {
    EXPIRY_ENTRIES = 10000,       /* looked at to find a zone's earliest */
    LIST_ENTRY_OCTETS = 24 * 1024 /* no zone of a list takes more */
};

/* ---- zones ------------------------------------------------------------------------------------
 */

static const char *zone_state(const struct keeper_zone *zone)
{
    if (zone->phase == PHASE_QUEUED || zone->phase == PHASE_LOADING)
        return zone->row.version ? "reloading" : "loading";
    if (!zone->row.version)
        return *zone->load_problem || *zone->problem ? "failed" : "waiting";
    if (zone->row.flags & ZONE_DOUBTFUL)
        return "doubtful";
    if (zone->phase == PHASE_FAILED)
        return "stale";
    if (!keeper_zone_signs(zone))
        return "unsigned";
    return zone->row.flags & ZONE_FULLY_SIGNED ? "signed" : "signing";
}

/* When the earliest signature of a version runs out (0: unknown); `version` 0: of any. */
static uint64_t earliest_expiration(struct keeper *keeper, uint32_t version)
{
    struct expiry entry, after;
    bool first = true;
    uint64_t earliest = 0;

    if (snapshot_renew(&keeper->view) != RENEWAL_READY)
        return 0;
    for (unsigned i = 0; i < EXPIRY_ENTRIES; i++) {
        if (expiry_walk(&keeper->view, first ? NULL : &after, &entry) != RECORD_THERE)
            break;
        first = false;
        after = entry;
        const struct keeper_zone *zone = keeper_zone_of_version(keeper, entry.version);
        if (!zone || !keeper_zone_signs(zone) || (version && entry.version != version))
            continue;
        earliest = entry.at + (uint64_t)zone->config->policy->signature_refresh;
        break;
    }
    snapshot_rest(&keeper->view);
    return earliest;
}

static bool is_fully_signed(const struct keeper_zone *zone)
{
    return keeper_zone_is_served(zone) && zone->row.flags & ZONE_FULLY_SIGNED;
}

static void put_zone(struct json *json, const struct keeper_zone *zone)
{
    const struct zone *row = &zone->row;
    char problem[ZONE_PROBLEMS_TEXT];

    json_dns_name(json, "zone", &zone->name);
    json_text(json, "state", zone_state(zone));
    json_number(json, "serial", row->serial);
    json_text(json, "policy",
              zone->config && zone->config->policy ? zone->config->policy->name : NULL);
    json_number(json, "names", row->names);
    json_number(json, "records", row->records);
    json_number(json, "signatures", row->rrsets_signed + row->denials_signed);
    json_number(json, "signatures_wanted", row->rrsets + row->denials);
    json_bool(json, "fully_signed", is_fully_signed(zone));
    json_text(json, "problem", zone_problem(zone, problem));
    put_zone_change(json, zone);
}

/* The zone that a list begins with: the first, or the one behind the zone that was named last; one
 * answer holds some hundred zones, and says in "next" how to go on. NULL: none is left. */
static struct keeper_zone *list_begin(struct call *call)
{
    struct keeper_zone *zone = call->control->keeper->zones;
    struct name after;

    if (call->word_count < 3)
        return zone;
    if (name_from_string(call->words[2], &after)) {
        call_end(call, EXIT_USAGE, NULL, "%s is not a domain name", call->words[2]);
        return NULL;
    }
    while (zone && name_compare(&zone->name, &after) <= 0)
        zone = zone->next;
    return zone;
}

static bool list_is_full(const struct json *json)
{
    return json->text.length > MESSAGE_PIECE_OCTETS - LIST_ENTRY_OCTETS;
}

/* End the list; `last` was the last zone in it when others follow. */
static void list_end(struct call *call, struct json *json, const struct keeper_zone *last)
{
    json_close(json, ']');
    if (last)
        json_dns_name(json, "next", &last->name);
    json_close(json, '}');
    call_end(call, EXIT_DONE, json, "%s", "");
}

void verb_zone_list(struct call *call)
{
    struct json json = {.first = true};
    const struct keeper_zone *zone = list_begin(call), *last = NULL;

    if (call->ended)
        return;
    json_open(&json, NULL, '{');
    json_open(&json, "zones", '[');
    for (; zone && !list_is_full(&json); zone = zone->next) {
        last = zone;
        if (!zone->config)
            continue;
        json_open(&json, NULL, '{');
        put_zone(&json, zone);
        json_close(&json, '}');
    }
    list_end(call, &json, zone ? last : NULL);
}

static const char *const key_states[KEY_STATES] = {
    [KEY_GENERATED] = "generated", [KEY_PUBLISHED] = "published", [KEY_ACTIVE] = "active",
    [KEY_RETIRED] = "retired",     [KEY_REMOVED] = "removed",
};

static void put_key(struct json *json, const struct zone_key *key)
{
    const struct algorithm *algorithm = algorithm_find(key->row.algorithm);
    struct buffer id = {.octets = NULL};

    base16_write(&id, key->row.id, key->row.id_length);
    buffer_u8(&id, 0);
    json_open(json, NULL, '{');
    json_number(json, "tag", key->row.tag);
    json_text(json, "role",
              key->row.role == KEY_CSK   ? "csk"
              : key->row.role == KEY_KSK ? "ksk"
                                         : "zsk");
    json_number(json, "flags", key->row.flags);
    json_number(json, "algorithm", key->row.algorithm);
    json_text(json, "algorithm_name", algorithm ? algorithm->mnemonic : NULL);
    json_text(json, "state", key_states[key->row.state]);
    json_bool(json, "usable", key->ready);
    json_text(json, "keystore", key->row.keystore);
    json_text(json, "id", buffer_check(&id) ? NULL : (const char *)id.octets);
    json_time(json, "created", key->row.created);
    json_time(json, "active", key->row.active);
    json_close(json, '}');
    buffer_free(&id);
}

static void put_keys(struct json *json, const struct keeper_zone *zone)
{
    json_open(json, "keys", '[');
    for (unsigned i = 0; i < zone->key_count; i++)
        put_key(json, &zone->keys[i]);
    json_close(json, ']');
}

void verb_zone_status(struct call *call)
{
    struct keeper_zone *zone = call_zone(call, call->words[2]);
    struct json json = {.first = true};

    if (!zone)
        return;
    const struct zone *row = &zone->row;
    json_open(&json, NULL, '{');
    put_zone(&json, zone);
    json_text(&json, "file", zone->config->file);
    put_zone_files(&json, zone);
    json_text(&json, "denial",
              !(row->flags & ZONE_SIGNED) ? "none"
              : row->flags & ZONE_NSEC3   ? "nsec3"
                                          : "nsec");
    json_bool(&json, "opt_out", row->flags & ZONE_OPT_OUT);
    json_number(&json, "version", row->version);
    json_number(&json, "signatures_under_way", zone->in_flight);
    json_time(&json, "loaded_at", row->loaded_at);
    json_time(&json, "changed_at", row->changed_at);
    json_time(&json, "signed_at", row->signed_at);
    json_time(&json, "oldest_signature_expires",
              earliest_expiration(call->control->keeper, row->version));
    scrub_put_zone(&json, zone);
    put_keys(&json, zone);
    json_close(&json, '}');
    call_end(call, EXIT_DONE, &json, "%s", "");
}

/* ---- keys -------------------------------------------------------------------------------------
 */

void verb_key_list(struct call *call)
{
    const struct keeper_zone *only = call->word_count == 3 ? call_zone(call, call->words[2]) : NULL;
    const struct keeper_zone *zone = call->control->keeper->zones, *last = NULL;
    struct json json = {.first = true};

    if (call->ended)
        return;
    json_open(&json, NULL, '{');
    json_open(&json, "zones", '[');
    for (; zone && !list_is_full(&json); zone = zone->next) {
        last = zone;
        if (!zone->config || (only && zone != only))
            continue;
        json_open(&json, NULL, '{');
        json_dns_name(&json, "zone", &zone->name);
        put_keys(&json, zone);
        json_close(&json, '}');
    }
    list_end(call, &json, zone ? last : NULL); /* the rest: zone by zone */
}

static void put_record(struct json *json, const struct keeper_zone *zone, uint16_t type,
                       const struct writer *rdata)
{
    struct buffer text = {.octets = NULL};
    char name[NAME_MAX_TEXT], mnemonic[TYPE_MAX_TEXT];

    buffer_format(&text, "%s IN %s ", name_to_text(&zone->name, name),
                  type_to_text(type, mnemonic));
    rdata_to_text(type, rdata->octets, rdata->length, &text);
    buffer_u8(&text, 0);
    if (!buffer_check(&text))
        json_text(json, NULL, (const char *)text.octets);
    buffer_free(&text);
}

static void put_ds(struct json *json, const struct keeper_zone *zone, const struct zone_key *key,
                   struct digest_context *digests)
{
    static const uint8_t types[] = {2, 4}; /* SHA-256 for all, SHA-384 for who wants it */
    struct reader reader = reader_over(key->row.dnskey, key->row.dnskey_length);
    struct dnskey dnskey;

    if (!(key->row.role & KEY_KSK) || !key->stored || dnskey_read(&reader, &dnskey))
        return;
    for (size_t i = 0; i < COUNT(types); i++) {
        uint8_t octets[DS_MAX_OCTETS];
        struct writer writer = writer_over(octets, sizeof octets);
        struct ds ds;
        if (ds_from_dnskey(digests, &zone->name, &dnskey, types[i], &ds))
            continue;
        ds_write(&writer, &ds);
        put_record(json, zone, TYPE_DS, &writer);
    }
}

void verb_ds(struct call *call)
{
    struct keeper_zone *zone = call_zone(call, call->words[1]);
    struct json json = {.first = true};

    if (!zone)
        return;
    if (zone->key_count == 0) {
        call_end(call, EXIT_FAILED, NULL, "the zone has no keys%s%s",
                 *zone->problem            ? ": "
                 : keeper_zone_signs(zone) ? " yet"
                                           : ": it is not signed",
                 zone->problem);
        return;
    }
    struct digest_context digests = {.work = NULL};
    if (digest_context_open(&digests)) {
        digest_context_close(&digests);
        call_end(call, EXIT_FAILED, NULL, "no memory");
        return;
    }
    json_open(&json, NULL, '{');
    json_dns_name(&json, "zone", &zone->name);
    json_open(&json, "records", '[');
    for (unsigned i = 0; i < zone->key_count; i++)
        put_ds(&json, zone, &zone->keys[i], &digests);
    digest_context_close(&digests);
    json_close(&json, ']');
    json_close(&json, '}');
    call_end(call, EXIT_DONE, &json, "%s", "");
}

void verb_dnskey(struct call *call)
{
    struct keeper_zone *zone = call_zone(call, call->words[1]);
    struct json json = {.first = true};

    if (!zone)
        return;
    json_open(&json, NULL, '{');
    json_dns_name(&json, "zone", &zone->name);
    json_open(&json, "records", '[');
    for (unsigned i = 0; i < zone->key_count; i++) {
        struct key_row *row = &zone->keys[i].row;
        struct writer writer = {
            .octets = row->dnskey, .length = row->dnskey_length, .limit = row->dnskey_length};
        if (zone->keys[i].stored)
            put_record(&json, zone, TYPE_DNSKEY, &writer);
    }
    json_close(&json, ']');
    json_close(&json, '}');
    call_end(call, zone->key_count ? EXIT_DONE : EXIT_FAILED, &json, "%s", zone->problem);
}

/* ---- the whole --------------------------------------------------------------------------------
 */

static const char *const room_states[] = {
    [ROOM_STATE_STARTING] = "starting",
    [ROOM_STATE_READY] = "ready",
    [ROOM_STATE_DOWN] = "down",
    [ROOM_STATE_STOPPED] = "stopped",
};

static void put_rooms(struct json *json, const struct room *room)
{
    json_open(json, "rooms", '[');
    for (unsigned i = 0; i < ROOMS; i++) {
        const struct room_fact *fact = &room->facts[i];
        if (i == ROOM_VEIL && room->config->server.tls.listen_count == 0)
            continue; /* there is none where no TLS is served */
        json_open(json, NULL, '{');
        json_text(json, "room", room_name((enum room_kind)i));
        json_text(json, "state",
                  fact->state < COUNT(room_states) ? room_states[fact->state] : NULL);
        json_number(json, "pid", fact->pid);
        json_number(json, "restarts", fact->restarts);
        json_time(json, "started", fact->started);
        json_text(json, "confinement", fact->text);
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void put_tls(struct json *json, const struct room *room)
{
    const struct config_tls *tls = &room->config->server.tls;
    const struct metrics_page *page = room->all_metrics[ROOM_VEIL];
    uint64_t end = metrics_sum(page, METRIC_TLS_CERTIFICATE_END);
    char text[CONFIG_ADDRESS_TEXT];

    if (tls->listen_count == 0)
        return;
    json_open(json, "tls", '{');
    json_open(json, "listen", '[');
    for (size_t i = 0; i < tls->listen_count; i++)
        json_text(json, NULL, config_address_to_text(&tls->listen[i], text));
    json_close(json, ']');
    json_time(json, "certificate_ends", end);
    json_bool(json, "certificate_ended", end && end <= clock_wall_seconds());
    json_number(json, "open", metrics_sum(page, METRIC_TLS_OPEN));
    json_number(json, "handshakes", metrics_sum(page, METRIC_TLS_HANDSHAKES));
    json_number(json, "failed",
                metrics_sum(page, METRIC_TLS_FAILED) +
                    metrics_sum(page, METRIC_TLS_FAILED_VERSION) +
                    metrics_sum(page, METRIC_TLS_FAILED_PROTOCOL));
    json_number(json, "slow", metrics_sum(page, METRIC_TLS_SLOW));
    json_close(json, '}');
}

static void put_configuration(struct json *json, const struct room *room)
{
    json_open(json, "configuration", '{');
    json_time(json, "read_at", room->taken.at);
    json_time(json, "refused_at", room->taken.refused_at);
    json_close(json, '}');
}

static void put_store(struct json *json, const struct keeper *keeper)
{
    const struct watermark *watermark = &keeper->watermark;

    json_open(json, "store", '{');
    json_number(json, "reserved_octets", watermark->map_octets);
    json_number(json, "file_octets", watermark->file_octets);
    if (watermark->disk_octets == WATERMARK_DISK_UNKNOWN)
        json_text(json, "disk_left_octets", NULL);
    else
        json_number(json, "disk_left_octets", watermark->disk_octets);
    json_text(json, "accepts",
              keeper->store.writes_off                 ? "nothing"
              : watermark->level == WATERMARK_NORMAL   ? "everything"
              : watermark->level == WATERMARK_NO_LOADS ? "no loads"
                                                       : "signatures only");
    json_text(json, "short_of",
              watermark->level == WATERMARK_NORMAL ? NULL
              : watermark->disk_is_short           ? "disk"
                                                   : "store");
    json_close(json, '}');
}

static void put_clock(struct json *json, const struct keeper *keeper)
{
    int64_t set = keeper->clock_set;

    json_open(json, "clock", '{');
    json_text(json, "last_set", set ? set > 0 ? "forward" : "back" : NULL);
    json_number(json, "last_set_seconds", (uint64_t)(set < 0 ? -set : set));
    json_time(json, "last_set_at", keeper->clock_set_at);
    json_close(json, '}');
}

static void put_metrics(struct json *json, const struct room *room)
{
    json_open(json, "metrics", '{');
    for (unsigned metric = 0; metric < METRIC_COUNT; metric++) {
        uint64_t sum = 0;
        for (unsigned i = 0; i < ROOMS; i++) {
            const struct metrics_page *page =
                i == (unsigned)room->kind ? room->metrics : room->all_metrics[i];
            sum += page ? metrics_sum(page, (enum metric)metric) : 0;
        }
        json_number(json, metric_name((enum metric)metric), sum);
    }
    json_close(json, '}');
}

/* What waits for the signer, by importance, and what it has. */
static void put_queues(struct json *json, const struct keeper *keeper)
{
    const uint32_t *counts = keeper->asked.counts;

    json_open(json, "queued", '{');
    json_number(json, "apex", counts[ASKED_APEX]);
    json_number(json, "proven", counts[ASKED_PROVEN]);
    json_number(json, "unproven", counts[ASKED_UNPROVEN]);
    json_number(json, "asked_at_signer", keeper->budget.asked);
    json_number(json, "background_at_signer", keeper->bulk_jobs);
    json_number(json, "pressing_at_signer", keeper->bulk_pressing);
    json_close(json, '}');
}

static void put_signing(struct json *json, struct keeper *keeper)
{
    json_open(json, "signing", '{');
    json_open(json, "tokens", '[');
    for (unsigned i = 0; i < keeper->token_count; i++) {
        const struct token_fact *token = &keeper->tokens[i];
        json_open(json, NULL, '{');
        json_text(json, "keystore", token->keystore);
        json_bool(json, "up", token->up);
        json_number(json, "signatures_per_second", token->rate);
        json_text(json, "text", token->text);
        json_close(json, '}');
    }
    json_close(json, ']');
    json_number(json, "tokens_make_per_minute", keeper->budget.rate);
    put_queues(json, keeper);
    json_number(json, "signatures_per_second", keeper->rate);
    json_number(json, "pending", metric_get(keeper->metrics, METRIC_SIGNATURES_PENDING));
    json_time(json, "oldest_signature_expires", earliest_expiration(keeper, 0));
    json_close(json, '}');
}

/* The zones with problems by name. */
static void put_problems(struct json *json, const struct keeper *keeper)
{
    char problem[ZONE_PROBLEMS_TEXT];

    json_open(json, "problems", '[');
    for (const struct keeper_zone *zone = keeper->zones; zone; zone = zone->next) {
        if (!zone->config || !zone_problem(zone, problem) ||
            json->text.length > MESSAGE_PIECE_OCTETS / 2)
            continue;
        json_open(json, NULL, '{');
        json_dns_name(json, "zone", &zone->name);
        json_text(json, "problem", problem);
        json_close(json, '}');
    }
    json_close(json, ']');
}

/* How many zones there are in each state, and what is wrong. */
static void put_zones(struct json *json, const struct keeper *keeper)
{
    unsigned total = 0, served = 0, complete = 0, unsigned_ = 0, held = 0, doubtful = 0;

    for (const struct keeper_zone *zone = keeper->zones; zone; zone = zone->next) {
        if (!zone->config)
            continue;
        total++;
        served += keeper_zone_is_served(zone);
        held += zone->hold.reason != HOLD_NONE;
        doubtful += (zone->row.flags & ZONE_DOUBTFUL) != 0;
        if (!keeper_zone_signs(zone))
            unsigned_++;
        else
            complete += is_fully_signed(zone);
    }
    json_open(json, "zones", '{');
    json_number(json, "configured", total);
    json_number(json, "served", served);
    json_number(json, "fully_signed", complete);
    json_number(json, "unsigned", unsigned_);
    json_number(json, "held", held);
    json_number(json, "doubtful", doubtful);
    json_number(json, "removed", keeper->retired_count);
    put_problems(json, keeper);
    json_close(json, '}');
}

void verb_status(struct call *call)
{
    struct keeper *keeper = call->control->keeper;
    struct json json = {.first = true};

    json_open(&json, NULL, '{');
    json_text(&json, "version", AVOW_VERSION);
    json_time(&json, "now", keeper->now);
    json_bool(&json, "ready", keeper_is_ready(keeper));
    put_configuration(&json, keeper->room);
    put_rooms(&json, keeper->room);
    put_tls(&json, keeper->room);
    put_zones(&json, keeper);
    put_signing(&json, keeper);
    put_store(&json, keeper);
    scrub_put(&json, keeper);
    put_clock(&json, keeper);
    put_metrics(&json, keeper->room);
    json_close(&json, '}');
    call_end(call, EXIT_DONE, &json, "%s", "");
}
