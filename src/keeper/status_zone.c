/* status_zone.c - what changes a zone, and what becomes of its file, as JSON. */
#include <stdio.h>

#include "control.h"
#include "round.h"
#include "secondaries.h"

static const char *const serial_policies[] = {
    [CONFIG_SERIAL_INCREMENT] = "increment",
    [CONFIG_SERIAL_UNIXTIME] = "unixtime",
    [CONFIG_SERIAL_DATE] = "date",
};

static const char *const reloads[] = {
    [CONFIG_RELOAD_ASK] = "ask",
    [CONFIG_RELOAD_REPLACE] = "replace",
    [CONFIG_RELOAD_MERGE] = "merge",
};

static const char *store_problem_of(const struct keeper_zone *zone)
{
    if (*zone->scrub.problem && zone->scrub.version == zone->row.version)
        return zone->scrub.problem;
    return zone->row.flags & ZONE_DOUBTFUL ? "not answered for: its records are in doubt" : "";
}

const char *zone_problem(const struct keeper_zone *zone, char text[ZONE_PROBLEMS_TEXT])
{
    const char *const problems[ZONE_PROBLEMS] = {store_problem_of(zone), zone->load_problem,
                                                 zone->problem, zone->write.problem};
    size_t length = 0;

    text[0] = '\0';
    for (size_t i = 0; i < ZONE_PROBLEMS; i++) {
        if (*problems[i])
            length += (size_t)snprintf(text + length, ZONE_PROBLEMS_TEXT - length, "%s%s",
                                       length ? "; " : "", problems[i]);
    }
    return length ? text : NULL;
}

void call_end_unloaded(struct call *call, const struct keeper_zone *zone)
{
    char text[ZONE_PROBLEMS_TEXT];
    bool known = zone_problem(zone, text);

    call_end(call, EXIT_FAILED, NULL, "the zone is not loaded%s%s", known ? ": " : "", text);
}

/* Queued, or in the round under way. */
static uint64_t count_updates(const struct keeper_zone *zone)
{
    uint64_t count = 0;

    for (const struct update *update = zone->updates; update; update = update->next)
        count++;
    for (const struct update *update = zone->round ? zone->round->updates : NULL; update;
         update = update->next)
        count++;
    return count;
}

static void put_transaction(struct json *json, const struct keeper_zone *zone)
{
    uint64_t begun;
    unsigned changes;

    if (!transaction_is_open(zone, &begun, &changes)) {
        json_text(json, "transaction", NULL);
        return;
    }
    json_open(json, "transaction", '{');
    json_time(json, "since", begun);
    json_number(json, "changes", changes);
    json_close(json, '}');
}

void put_zone_change(struct json *json, const struct keeper_zone *zone)
{
    const struct zone *row = &zone->row;

    json_text(json, "serial_policy", zone->config ? serial_policies[zone->config->serial] : NULL);
    json_bool(json, "changes_not_in_file", row->flags & ZONE_EDITED);
    json_number(json, "updates_waiting", count_updates(zone));
    put_transaction(json, zone);
    json_open(json, "journal", '{');
    json_number(json, "entries", row->journal_entries);
    json_number(json, "octets", row->journal_octets);
    if (row->journal_entries)
        json_number(json, "oldest_serial", row->journal_oldest);
    else
        json_text(json, "oldest_serial", NULL);
    json_close(json, '}');
}

static const char *const hashes[] = {
    [CONFIG_DIGEST_OFF] = "off",
    [CONFIG_DIGEST_SHA384] = "sha384",
    [CONFIG_DIGEST_SHA512] = "sha512",
};

/* The ZONEMD that is published. */
static void put_digest(struct json *json, const struct keeper_zone *zone)
{
    bool done = zone->digest.done && zone->digest.serial == zone->row.serial;

    json_open(json, "zonemd", '{');
    json_text(json, "publish", hashes[zone->config->publish_zonemd]);
    json_bool(json, "published", zone->config->publish_zonemd != CONFIG_DIGEST_OFF && done);
    json_close(json, '}');
}

void put_zone_files(struct json *json, const struct keeper_zone *zone)
{
    const struct config_zone *config = zone->config;

    json_text(json, "zone_file", config->zone_file == CONFIG_ZONE_FILE_WRITE ? "write" : "read");
    json_text(json, "reload", reloads[config->reload]);
    json_number(json, "file_serial", zone->row.loaded_serial);
    json_bool(json, "file_changed", zone->row.version && loader_file_changed(zone));
    json_text(json, "file_problem", *zone->write.problem ? zone->write.problem : NULL);
    put_hold(json, zone);
    put_digest(json, zone);
    secondaries_put(json, zone);
}
