/* desk_state.c - what the desk keeps between requests: keys, tables, the store as it reads it. */
#include <stdlib.h>
#include <string.h>

#include "avow/base/clock.h"
#include "internal.h"

enum { LINES_PER_MINUTE = 1, LEAST_PAYLOAD = 512 };

static void configure_answerer(struct desk *desk)
{
    const struct config_server *server = &desk->config->server;
    struct answerer *answerer = &desk->answerer;

    answerer->udp_payload =
        server->udp_payload < LEAST_PAYLOAD ? LEAST_PAYLOAD : server->udp_payload;
    answerer->identity = server->identity;
    answerer->version = server->version;
    answerer->nsid = (const uint8_t *)server->identity;
    answerer->nsid_length = server->identity ? (uint16_t)strlen(server->identity) : 0;
}

enum result desk_configure(struct desk *desk, const struct config *config)
{
    struct keyring *keyring;
    enum result result = keyring_make(config, &keyring);

    if (result)
        return result;
    keyring_leave(desk->keyring);
    desk->keyring = keyring;
    desk->config = config;
    configure_answerer(desk);
    return RESULT_OK;
}

static void refresh_zones(struct desk *desk)
{
    switch (zone_table_refresh(&desk->zones, &desk->snapshot)) {
    case RESULT_OK:
        return;
    case RESULT_CORRUPT:
        metric_add(desk->metrics, METRIC_STORE_CORRUPT, 1);
        log_limited(&desk->store_lines, LINES_PER_MINUTE, desk->now_ms,
                    "the store's record of a zone is damaged: SERVFAIL for that zone");
        return;
    default:
        log_limited(&desk->store_lines, LINES_PER_MINUTE, desk->now_ms,
                    "no memory for the table of zones: an older one stays in use");
    }
}

bool desk_read(struct desk *desk)
{
    if (desk->broken)
        return false;
    enum renewal renewal = snapshot_renew(&desk->snapshot);
    if (renewal == RENEWAL_BROKEN)
        desk->broken = true;
    if (renewal != RENEWAL_READY)
        return false;
    if (!desk->zones.built || desk->zones.generation != desk->snapshot.zones_generation)
        refresh_zones(desk);
    return true;
}

void desk_tell_time(struct desk *desk)
{
    desk->now = clock_wall_seconds();
    desk->now_ms = clock_monotonic_ms();
    if (clock_watch_look(&desk->watch, desk->now, desk->now_ms) < 0)
        replay_clock_back(&desk->replay, desk->now);
}

enum result desk_open(struct desk *desk, const struct config *config,
                      const struct desk_outlets *outlets, void *context)
{
    memset(desk, 0, sizeof *desk);
    desk->outlets = outlets;
    desk->context = context;
    desk_tell_time(desk);
    desk->answerer.snapshot = &desk->snapshot;
    desk->answerer.zones = &desk->zones;
    TAILQ_INIT(&desk->updates.by_age);
    TAILQ_INIT(&desk->waiting.queries);
    TAILQ_INIT(&desk->streams);
    desk->plain = malloc(MESSAGE_MAX_OCTETS);
    desk->out = malloc(MESSAGE_MAX_OCTETS);
    desk->packed = malloc(MESSAGE_PIECE_OCTETS);
    if (!desk->plain || !desk->out || !desk->packed ||
        hash_key_random(&desk->answerer.charge_key) ||
        replay_open(&desk->replay, REPLAY_LIMIT, desk->now) || desk_configure(desk, config)) {
        desk_close(desk);
        return RESULT_SYSTEM;
    }
    return RESULT_OK;
}

void desk_close(struct desk *desk)
{
    if (!desk->outlets)
        return;
    pending_close(desk);
    waiting_close(desk);
    replay_close(&desk->replay);
    snapshot_close(&desk->snapshot);
    zone_table_free(&desk->zones);
    keyring_leave(desk->keyring);
    free(desk->plain);
    free(desk->out);
    free(desk->packed);
    memset(desk, 0, sizeof *desk);
}
