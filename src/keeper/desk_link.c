/* desk_link.c - the desk: updates in, answers and news of zones out. */
#include <unistd.h>

#include "avow/base/clock.h"
#include "avow/config/grants.h"
#include "round.h"
#include "secondaries.h"

static void send(struct keeper *keeper, const struct message *message)
{
    if (keeper->desk.channel && channel_send(keeper->desk.channel, message) != RESULT_OK)
        log_warning("the desk takes no letters");
}

static void answer(const struct update *update, uint32_t serial, uint64_t transaction)
{
    struct keeper *keeper = update->context;
    struct message message = {.kind = MESSAGE_UPDATED,
                              .updated = {.id = update->id,
                                          .rcode = update->outcome.rcode,
                                          .serial = serial,
                                          .transaction = transaction,
                                          .text = update->outcome.text}};

    if (update->generation == keeper->desk.generation)
        send(keeper, &message);
}

static void refuse(struct keeper *keeper, uint64_t id, uint16_t rcode, const char *text)
{
    struct message message = {.kind = MESSAGE_UPDATED,
                              .updated = {.id = id, .rcode = rcode, .text = text}};
    send(keeper, &message);
}

/* An honest desk asks for it only while a reload is under way. */
static void refuse_ungranted(struct keeper_zone *zone, uint64_t id)
{
    enum { LOGGED_PER_MINUTE = 10 };
    static const char text[] = "no entry of allow-update grants that";
    struct keeper *keeper = zone->keeper;
    struct message message = {
        .kind = MESSAGE_UPDATED,
        .updated = {.id = id, .rcode = RCODE_REFUSED, .serial = zone->row.serial, .text = text}};

    metric_add(keeper->metrics, METRIC_LETTERS_REFUSED, 1);
    log_limited(&keeper->desk.letters.budget, LOGGED_PER_MINUTE, keeper->now_ms,
                "an update from the desk was dropped: %s", text);
    send(keeper, &message);
}

/* Whether somebody may change all that; who it is, the desk has found out. The desk may have been
 * taken over: what no key may do, it cannot either. What is malformed is told so later. */
static bool is_granted(const struct config_zone *zone, const struct update_request *request)
{
    struct reader reader = span_reader(request->changes);
    struct update_record record;

    if (zone->allow_update_count == 0)
        return false;
    for (unsigned i = 0; i < request->change_count; i++) {
        update_record_read(&reader, &record);
        if (reader.failed)
            return true;
        if (!config_grant_exists(zone, &record.owner, record.type, record.limit))
            return false;
    }
    return true;
}

static void take_update(void *context, const struct message *message, struct frame *frame)
{
    struct keeper *keeper = context;
    const struct message_update *letter = &message->update;
    struct update_request request = {.prerequisites = letter->prerequisites,
                                     .changes = letter->changes,
                                     .prerequisite_count = letter->prerequisite_count,
                                     .change_count = letter->change_count,
                                     .refusal = letter->refusal};
    struct keeper_zone *zone = keeper_zone_find(keeper, &letter->zone);

    (void)frame;
    keeper->now_ms = clock_monotonic_ms();
    keeper->now = clock_wall_seconds();
    if (!zone || !zone->config) {
        refuse(keeper, letter->id, RCODE_NOTAUTH, "there is no such zone");
        return;
    }
    if (!is_granted(zone->config, &request)) {
        refuse_ungranted(zone, letter->id);
        return;
    }
    struct update *update = update_make(&request, letter->who);
    if (!update) {
        refuse(keeper, letter->id, RCODE_SERVFAIL, "no memory");
        return;
    }
    update->answer = answer;
    update->context = keeper;
    update->id = letter->id;
    update->generation = keeper->desk.generation;
    updates_take(zone, update);
}

static void take_secondary(void *context, const struct message *message, struct frame *frame)
{
    struct keeper_zone *zone = keeper_zone_find(context, &message->secondary.zone);

    (void)frame;
    if (zone && zone->config)
        secondaries_note(zone, &message->secondary);
}

static const struct dispatch_table table = {
    .link = LINK_CHANGES,
    .self = LINK_UPPER,
    .handlers = {[MESSAGE_UPDATE] = take_update, [MESSAGE_SECONDARY] = take_secondary}};

static void desk_frame(void *context, struct channel *channel, struct frame *frame)
{
    struct keeper *keeper = context;

    (void)channel;
    metric_add(keeper->metrics, METRIC_LETTERS, 1);
    if (dispatch_frame(&table, &keeper->desk.letters, frame, keeper) != DISPATCH_HANDLED)
        metric_add(keeper->metrics, METRIC_LETTERS_REFUSED, 1);
}

static void desk_closed(void *context, struct channel *channel)
{
    struct keeper *keeper = context;

    (void)channel;
    desk_link_close(keeper);
}

static const struct channel_events events = {.frame = desk_frame, .closed = desk_closed};

void desk_link_close(struct keeper *keeper)
{
    channel_free(keeper->desk.channel);
    keeper->desk.channel = NULL;
    keeper->desk.generation++;
}

void desk_link_connect(struct keeper *keeper, int descriptor)
{
    desk_link_close(keeper);
    keeper->desk.letters = (struct dispatch_state){.peer = "the desk"};
    keeper->desk.channel = channel_open(keeper->loop, descriptor, &events, keeper,
                                        (struct channel_bounds){.octets = 0});
    if (!keeper->desk.channel)
        log_error("no memory for the channel to the desk");
    for (struct keeper_zone *zone = keeper->zones; zone; zone = zone->next)
        desk_link_changed(zone);
}

void desk_link_changed(struct keeper_zone *zone)
{
    struct message message = {.kind = MESSAGE_CHANGED, .changed = {.serial = zone->row.serial}};

    if (!zone->config || !keeper_zone_is_whole(zone))
        return;
    name_copy(&message.changed.zone, &zone->name);
    send(zone->keeper, &message);
}
