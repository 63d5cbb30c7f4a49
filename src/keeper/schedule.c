/* schedule.c - the walk that signs what has no signature, zone by zone, in the background. */
#include "pump.h"

#include <string.h>

#include "avow/store/lookup.h"

enum {
    SEGMENT_NAMES = 128,   /* names that share an expiration */
    WALK_RECORDS = 4096,   /* looked at before other events have their turn */
    TURN_LETTERS = 4,      /* that a zone may send while others wait */
    DELAY_FIRST_MS = 1000, /* until the walk that follows a failure */
    DELAY_MOST_MS = 60000,
    DAMAGED_LIMIT = 64 /* records of a walk that are stepped over */
};

/* ---- when a walk begins and ends --------------------------------------------------------------
 */

static void join(struct keeper_zone *zone)
{
    if (zone->walking)
        return;
    zone->walking = true;
    zone->next_walking = zone->keeper->walking;
    zone->keeper->walking = zone;
}

static void unlink_walking(struct keeper_zone **at)
{
    struct keeper_zone *zone = *at;

    *at = zone->next_walking;
    zone->walking = false;
    if (zone->keeper->turn == zone)
        zone->keeper->turn = zone->next_walking;
}

void schedule_leave(struct keeper_zone *zone)
{
    struct keeper_zone **at = &zone->keeper->walking;

    while (*at && *at != zone)
        at = &(*at)->next_walking;
    if (*at)
        unlink_walking(at);
}

void schedule_settle_all(struct keeper *keeper)
{
    struct keeper_zone **at = &keeper->walking;

    while (*at) {
        struct keeper_zone *zone = *at;
        schedule_settle(zone);
        while (*at != zone) /* others may have come before it */
            at = &(*at)->next_walking;
        if (zone->cursor.at == CURSOR_IDLE && !zone->walked)
            unlink_walking(at);
        else
            at = &zone->next_walking;
    }
}

void schedule_zone(struct keeper_zone *zone)
{
    if (zone->cursor.at != CURSOR_IDLE || zone->walked || !keeper_zone_is_signed(zone) ||
        !zone->row.version)
        return;
    zone->cursor = (struct cursor){.at = CURSOR_NODES, .not_before = zone->cursor.not_before};
    zone->walk_sent = 0;
    zone->again = zone->damage = false;
    join(zone);
}

void schedule_again(struct keeper_zone *zone, bool failed)
{
    uint64_t now = zone->keeper->now_ms;

    zone->again = true;
    /* Many jobs fail together: that is one failure. */
    if (failed && zone->cursor.not_before <= now) {
        zone->delay_ms = zone->delay_ms ? zone->delay_ms * 2 : DELAY_FIRST_MS;
        if (zone->delay_ms > DELAY_MOST_MS)
            zone->delay_ms = DELAY_MOST_MS;
        zone->cursor.not_before = now + zone->delay_ms;
    }
    schedule_settle(zone);
    schedule_zone(zone);
}

void schedule_reset(struct keeper_zone *zone)
{
    zone->cursor = (struct cursor){.at = CURSOR_IDLE};
    zone->walked = zone->again = zone->damage = false;
    zone->delay_ms = 0;
}

/* A whole walk that found nothing to sign counts more than the counters. */
static void set_complete(struct keeper_zone *zone)
{
    struct zone before = zone->row;
    struct zone *row = &zone->row;

    if (zone_is_complete(row) && row->flags & ZONE_FULLY_SIGNED)
        return;
    row->rrsets_signed = row->rrsets;
    row->denials_signed = row->denials;
    row->flags |= ZONE_FULLY_SIGNED;
    row->signed_at = zone->keeper->now;
    if (commit_zone(zone, false)) {
        *row = before;
        return;
    }
    keeper_zone_complete(zone, !before.signed_at);
}

void schedule_settle(struct keeper_zone *zone)
{
    struct keeper *keeper = zone->keeper;

    if (!zone->walked || zone->in_flight || !keeper_zone_is_signed(zone))
        return;
    zone->walked = false;
    if (zone->damage) {
        keeper_zone_trouble(zone, DAMAGED_TEXT);
        zone->cursor.not_before = keeper->now_ms + DELAY_MOST_MS;
        if (zone->again)
            schedule_zone(zone);
        return;
    }
    if (zone->again || (!zone_is_complete(&zone->row) && zone->walk_sent)) {
        schedule_zone(zone); /* something failed, or changed meanwhile */
        return;
    }
    zone->delay_ms = 0;
    keeper_zone_fine(zone, true);
    if (commit_is_possible(keeper))
        set_complete(zone);
}

/* ---- the walk ---------------------------------------------------------------------------------
 */

/* Names of one segment share their expiration, so that the expiry index stays small. */
static void count_segment(struct pump *pump, const uint8_t *octets, size_t length)
{
    struct cursor *cursor = &pump->zone->cursor;

    if (cursor->segment_left == 0) {
        pump_begin_segment(pump, octets, length);
        cursor->segment_left = SEGMENT_NAMES;
        cursor->segment_expiration = pump->expiration;
        cursor->segment = pump->segment;
    }
    cursor->segment_left--;
    pump->budget--;
    pump->expiration = cursor->segment_expiration;
    pump->segment = cursor->segment;
}

/* The end of the table. Behind the nodes follows the chain. */
static void end_walk(struct pump *pump)
{
    struct keeper_zone *zone = pump->zone;
    struct cursor *cursor = &zone->cursor;
    bool nodes = cursor->at == CURSOR_NODES;

    pump_flush(pump);
    *cursor = (struct cursor){.at = CURSOR_IDLE, .not_before = cursor->not_before};
    if (nodes && zone->row.flags & ZONE_NSEC3)
        cursor->at = CURSOR_NSEC3;
    else
        zone->walked = true;
}

/* The next node whose record is good; the others are stepped over. */
static enum found_record next_node(struct pump *pump, enum walk walk, struct node_view *node,
                                   struct name *owner)
{
    struct keeper_zone *zone = pump->zone;
    const struct name *from = zone->cursor.started ? &zone->cursor.name : &zone->name;

    for (unsigned i = 0; i < DAMAGED_LIMIT; i++) {
        enum found_record found =
            lookup_walk(&pump->keeper->view, zone->row.version, walk, from, node);
        if (found == RECORD_ABSENT)
            return found;
        if (found == RECORD_THERE && node_name(node, owner) == RESULT_OK)
            return RECORD_THERE;
        zone->damage = true;
        walk = WALK_NEXT;
    }
    return RECORD_CORRUPT;
}

static void walk_nodes(struct pump *pump)
{
    struct cursor *cursor = &pump->zone->cursor;
    enum walk walk = cursor->started ? WALK_BEHIND : WALK_FROM;

    while (pump_may_send(pump)) {
        struct node_view node;
        struct name owner;
        if (next_node(pump, walk, &node, &owner) != RECORD_THERE) {
            end_walk(pump);
            return;
        }
        walk = WALK_NEXT;
        count_segment(pump, owner.octets, owner.length);
        pump_node(pump, &node, &owner);
        if (pump->blocked)
            return;
        name_copy(&cursor->name, &owner);
        cursor->started = true;
    }
}

static void walk_chain(struct pump *pump)
{
    struct keeper_zone *zone = pump->zone;
    struct cursor *cursor = &zone->cursor;

    while (pump_may_send(pump)) {
        struct chain_nsec3 nsec3;
        enum found_record found = chain_nsec3_walk(&pump->keeper->view, zone->row.version,
                                                   cursor->started ? cursor->hash : NULL, &nsec3);
        if (found != RECORD_THERE) {
            zone->damage |= found == RECORD_CORRUPT;
            end_walk(pump);
            return;
        }
        count_segment(pump, nsec3.hash, NODE_HASH_OCTETS);
        pump_nsec3(pump, &nsec3);
        if (pump->blocked)
            return;
        memcpy(cursor->hash, nsec3.hash, NODE_HASH_OCTETS);
        cursor->started = true;
    }
}

/* ---- turns ------------------------------------------------------------------------------------
 */

/* A walk has work when it has begun and its zone's keys are there. */
static bool has_work(const struct keeper_zone *zone)
{
    return zone->cursor.at != CURSOR_IDLE && keeper_zone_is_signed(zone) &&
           zone->keeper->now_ms >= zone->cursor.not_before && keyring_at_hand(zone);
}

/* A zone's turn: some letters, however large it is, so that the others need not wait for its end.
 */
static void take_turn(struct pump *pump, struct keeper_zone *zone)
{
    pump->zone = zone;
    pump->blocked = false;
    pump->letters = 0;
    while (pump_may_send(pump) && zone->cursor.at != CURSOR_IDLE && pump->letters < TURN_LETTERS) {
        if (zone->cursor.at == CURSOR_NODES)
            walk_nodes(pump);
        else
            walk_chain(pump);
    }
    pump_flush(pump);
}

static struct keeper_zone *zone_behind(struct keeper *keeper, const struct keeper_zone *zone)
{
    return zone && zone->next_walking ? zone->next_walking : keeper->walking;
}

/* Turn by turn, until nobody has work or there is no room. */
static void take_turns(struct pump *pump)
{
    struct keeper *keeper = pump->keeper;
    struct keeper_zone *first = keeper->turn ? keeper->turn : keeper->walking, *zone = first;
    bool progress = false;

    while (zone) {
        unsigned before = pump->budget;
        if (has_work(zone))
            take_turn(pump, zone);
        progress |= pump->budget != before;
        pump->blocked = false;
        zone = zone_behind(keeper, zone);
        if (!pump_may_send(pump) || (zone == first && !progress))
            break;
        progress &= zone != first;
    }
    keeper->turn = zone;
}

void schedule_pump(struct keeper *keeper)
{
    struct pump pump;
    struct keeper_zone *zone = keeper->bulk && keeper->token_up ? keeper->walking : NULL;

    keeper->walk_on = false;
    while (zone && !has_work(zone))
        zone = zone->next_walking;
    if (!zone || !pump_open(&pump, keeper, WALK_RECORDS))
        return;
    if (snapshot_renew(&keeper->view) == RENEWAL_READY) {
        take_turns(&pump);
        snapshot_rest(&keeper->view);
        keeper->walk_on = pump.budget == 0;
    }
    pump_close(&pump);
    schedule_settle_all(keeper);
}
