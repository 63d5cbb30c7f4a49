/* control_scrub.c - avowctl scrub, and what the status says of it. */
#include "control.h"
#include "scrub_zone.h"

static const char *const passes[] = {
    [SCRUB_REST] = NULL,
    [SCRUB_RECORDS] = "records",
    [SCRUB_SIGNATURES] = "records and signatures",
};

static void put_facts(struct json *json, const char *name, const struct scrub_facts *facts)
{
    json_open(json, name, '{');
    json_time(json, "begun", facts->begun);
    json_time(json, "ended", facts->ended);
    json_number(json, "zones", facts->zones);
    json_number(json, "records", facts->records);
    json_number(json, "records_damaged", facts->damaged);
    json_number(json, "records_mended", facts->mended);
    json_number(json, "signatures", facts->signatures);
    json_number(json, "signatures_bad", facts->bad_signatures);
    json_number(json, "signatures_left", facts->left);
    json_number(json, "zones_doubtful", facts->doubtful);
    json_close(json, '}');
}

void scrub_put(struct json *json, const struct keeper *keeper)
{
    const struct scrub *scrub = keeper->scrub;
    bool running = scrub->pass != SCRUB_REST;

    json_open(json, "scrub", '{');
    json_text(json, "running", passes[scrub->pass]);
    if (running && !scrub->rows)
        json_dns_name(json, "zone", &scrub->zone);
    else
        json_text(json, "zone", NULL);
    json_number(json, "period", keeper->config->server.scrub);
    json_time(json, "next", scrub->due);
    put_facts(json, "now", &scrub->now);
    put_facts(json, "last", &scrub->last);
    json_close(json, '}');
}

void scrub_put_zone(struct json *json, const struct keeper_zone *zone)
{
    const struct zone_scrub *scrub = &zone->scrub;
    bool fits = scrub->version == zone->row.version;

    json_open(json, "scrub", '{');
    json_time(json, "at", fits ? scrub->at : 0);
    json_bool(json, "doubtful", zone->row.flags & ZONE_DOUBTFUL);
    json_number(json, "records", zone->row.digest.records);
    json_number(json, "records_damaged", fits ? scrub->damaged : 0);
    json_number(json, "signatures", fits ? scrub->signatures : 0);
    json_number(json, "signatures_bad", fits ? scrub->bad_signatures : 0);
    json_close(json, '}');
}

static void put_all(struct json *json, const struct keeper *keeper)
{
    json_open(json, NULL, '{');
    scrub_put(json, keeper);
    json_close(json, '}');
}

void verb_scrub_status(struct call *call)
{
    struct json json = {.first = true};

    put_all(&json, call->control->keeper);
    call_end(call, EXIT_DONE, &json, "%s", "");
}

void verb_scrub_start(struct call *call)
{
    struct keeper *keeper = call->control->keeper;
    bool waits = call_option(call, "--wait");

    if (call->word_count != 2) {
        call_end(call, EXIT_USAGE, NULL, "usage: scrub start [--wait]");
        return;
    }
    if (!keeper_is_ready(keeper)) {
        call_end(call, EXIT_FAILED, NULL, "the keeper is starting");
        return;
    }
    scrub_ask(keeper);
    if (waits)
        call_await(call, WAIT_SCRUB);
    else
        call_end(call, EXIT_DONE, NULL, "begun");
}

void scrub_report(struct keeper *keeper)
{
    const struct scrub_facts *last = &keeper->scrub->last;

    if (!keeper->control)
        return;
    for (struct call *call = keeper->control->calls; call; call = call->next) {
        if (call->wait != WAIT_SCRUB || call->ended || last->pass != SCRUB_SIGNATURES)
            continue;
        struct json json = {.first = true};
        put_all(&json, keeper);
        call_end(call, scrub_is_clean(last) ? EXIT_DONE : EXIT_FAILED, &json, "%s",
                 scrub_is_clean(last) ? "" : "something is left as it was; see the log");
    }
}
