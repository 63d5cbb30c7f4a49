/* updates.c - updates that wait for their zone's next round. */
#include <stdlib.h>
#include <string.h>

#include "round.h"

enum {
    ROUND_UPDATES = 256,                                     /* that one round takes */
    UPDATE_SIGNATURES = 4,                                   /* what an update is taken to need */
    AMPLE_SIGNATURES = 8 * ROUND_UPDATES * UPDATE_SIGNATURES /* for zones enough at once */
};

/* ---- one update -------------------------------------------------------------------------------
 */

struct update *update_make(const struct update_request *request, const char *who)
{
    size_t first = request->prerequisites.length, second = request->changes.length;
    size_t third = strlen(who) + 1;
    struct update *update = calloc(1, sizeof *update + first + second + third);

    if (!update)
        return NULL;
    update->length = first + second + third;
    if (first)
        memcpy(update->octets, request->prerequisites.octets, first);
    if (second)
        memcpy(update->octets + first, request->changes.octets, second);
    memcpy(update->octets + first + second, who, third);
    update->request = *request;
    update->request.prerequisites = span_of(update->octets, first);
    update->request.changes = span_of(update->octets + first, second);
    return update;
}

const char *update_who(const struct update *update)
{
    const struct update_request *request = &update->request;
    return (const char *)update->octets + request->prerequisites.length + request->changes.length;
}

static void log_outcome(const struct keeper_zone *zone, const struct update *update,
                        uint32_t serial)
{
    const struct update_outcome *outcome = &update->outcome;
    char name[NAME_MAX_TEXT];

    (void)name_to_text(&zone->name, name);
    if (outcome->rcode == RCODE_NOERROR)
        log_debug("%s updated by %s: serial %u%s", name, update_who(update), serial,
                  outcome->changed ? "" : ", nothing changed");
    else
        log_info("%s not updated by %s: %s%s%s", name, update_who(update),
                 rcode_to_text(outcome->rcode), outcome->text ? ", " : "",
                 outcome->text ? outcome->text : "");
}

static void count_outcome(struct keeper *keeper, const struct update_outcome *outcome)
{
    enum metric metric = outcome->rcode == RCODE_SERVFAIL ? METRIC_UPDATES_LOST
                         : outcome->rcode                 ? METRIC_UPDATES_FAILED
                         : outcome->changed               ? METRIC_UPDATES_APPLIED
                                                          : METRIC_UPDATES_UNCHANGED;
    metric_add(keeper->metrics, metric, 1);
}

void update_end(struct keeper_zone *zone, struct update *update, uint32_t serial,
                uint64_t transaction)
{
    struct keeper *keeper = zone->keeper;

    keeper->updates_waiting--;
    keeper->update_octets -= update->length;
    metric_set(keeper->metrics, METRIC_UPDATES_QUEUED, keeper->updates_waiting);
    count_outcome(keeper, &update->outcome);
    log_outcome(zone, update, serial);
    update->answer(update, serial, transaction);
    free(update);
}

void update_fail(struct keeper_zone *zone, struct update *update, const char *text)
{
    update->outcome = (struct update_outcome){.rcode = RCODE_SERVFAIL, .text = text};
    update_end(zone, update, zone->row.serial, 0);
}

/* ---- the queue --------------------------------------------------------------------------------
 */

/* Why an update cannot even wait; NULL when it can. */
static const char *refuse(const struct keeper_zone *zone, const struct update *update)
{
    const struct keeper *keeper = zone->keeper;
    const struct config_updates *bounds = &keeper->config->updates;

    if (!zone->config || !zone->row.version)
        return "the zone is not loaded";
    if (zone->row.flags & ZONE_DOUBTFUL)
        return "the zone's records are in doubt";
    if (keeper->store.writes_off)
        return "the store cannot be written";
    if (keeper->watermark.level == WATERMARK_NO_UPDATES)
        return watermark_shortage(&keeper->watermark);
    if (keeper->now_ms < keeper->write_after_ms)
        return "the store could not be written a moment ago";
    if (keeper->updates_waiting > bounds->queue ||
        (keeper->update_octets > bounds->queue_size && keeper->update_octets != update->length))
        return "too many updates are waiting";
    return NULL;
}

void updates_take(struct keeper_zone *zone, struct update *update)
{
    struct keeper *keeper = zone->keeper;

    keeper->updates_waiting++;
    keeper->update_octets += update->length;
    metric_set(keeper->metrics, METRIC_UPDATES_QUEUED, keeper->updates_waiting);
    const char *text = refuse(zone, update);
    if (text) {
        update_fail(zone, update, text);
        return;
    }
    update->arrived_ms = keeper->now_ms;
    if (!zone->updates)
        zone->last = &zone->updates;
    update->next = NULL;
    *zone->last = update;
    zone->last = &update->next;
    round_join(zone);
    keeper->rounds_waiting = true;
}

void updates_fail(struct keeper_zone *zone, const char *text)
{
    while (zone->updates) {
        struct update *update = zone->updates;
        zone->updates = update->next;
        update_fail(zone, update, text);
    }
}

/* Taken all the same, they would be the end of those under way too. */
unsigned updates_admitted(const struct keeper *keeper)
{
    enum budget_background background = sign_background(keeper);
    uint32_t within = budget_within(&keeper->budget, BACKGROUND_NONE, UPDATE_SIGNED_MS / 2);
    size_t under_way = 0;

    if (!budget_may_change(&keeper->budget, background))
        return 0;
    if (within >= AMPLE_SIGNATURES)
        return ROUND_UPDATES;
    for (const struct keeper_zone *zone = keeper->changing; zone; zone = zone->next_changing)
        under_way += zone->round ? zone->round->unsigned_ : 0;
    if (under_way >= within)
        return under_way == 0;
    size_t count = (within - under_way) / UPDATE_SIGNATURES;
    return count < 1 ? 1 : count > ROUND_UPDATES ? ROUND_UPDATES : (unsigned)count;
}

void updates_check_deadlines(struct keeper *keeper)
{
    uint64_t deadline_ms = (uint64_t)keeper->config->updates.deadline * 1000;

    for (struct keeper_zone *zone = keeper->changing; zone; zone = zone->next_changing) {
        /* They wait in the order in which they came. */
        while (zone->updates && keeper->now_ms - zone->updates->arrived_ms >= deadline_ms) {
            struct update *update = zone->updates;
            zone->updates = update->next;
            update_fail(zone, update, "it waited for too long");
        }
    }
}
