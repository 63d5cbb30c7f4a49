/* desk.c - the room for peers with keys; it grants nothing yet and says so, message by message. */
#include "avow/desk/desk.h"

#include <stdlib.h>
#include <unistd.h>

#include "avow/base/log.h"
#include "refuse.h"

struct desk;

/* The channel to one worker of the front. */
struct client {
    struct desk *desk;
    struct channel *channel;
    struct dispatch_state dispatch;
};

struct desk {
    struct room *room;
    struct client *clients; /* one per worker */
};

static void count(struct desk *desk, enum refusal refusal)
{
    struct metrics_stripe *stripe = room_stripe(desk->room, 0);

    metric_add(stripe, METRIC_DESK_MESSAGES, 1);
    metric_add(stripe, METRIC_DESK_REFUSED, refusal != REFUSAL_NONE);
    metric_add(stripe, METRIC_TSIG_BADKEY, refusal == REFUSAL_BAD_KEY);
}

static void on_handoff(void *context, const struct message *message, struct frame *frame)
{
    struct client *client = context;
    const struct message_handoff *handoff = &message->handoff;
    uint8_t octets[REFUSE_MAX_OCTETS];
    size_t length;
    (void)frame;

    count(client->desk, refuse(handoff->message.octets, handoff->message.length,
                               handoff->kind == SOCKET_UDP, octets, &length));
    struct message reply = {.kind = MESSAGE_REPLY,
                            .reply = {.kind = handoff->kind,
                                      .socket = handoff->socket,
                                      .connection = handoff->connection,
                                      .client = handoff->client,
                                      .local = handoff->local,
                                      .message = span_of(octets, length)}};
    /* FULL: the front does not read. It is its client who asks again. */
    if (channel_send(client->channel, &reply))
        metric_add(room_stripe(client->desk->room, 0), METRIC_DROPPED_SEND, 1);
}

static const struct dispatch_table from_front = {
    .link = LINK_HANDOFF, .self = LINK_UPPER, .handlers = {[MESSAGE_HANDOFF] = on_handoff}};

static void on_frame(void *context, struct channel *channel, struct frame *frame)
{
    struct client *client = context;
    struct metrics_stripe *stripe = room_stripe(client->desk->room, 0);
    (void)channel;

    metric_add(stripe, METRIC_LETTERS, 1);
    if (dispatch_frame(&from_front, &client->dispatch, frame, client) != DISPATCH_HANDLED)
        metric_add(stripe, METRIC_LETTERS_REFUSED, 1);
}

/* The front died; its next process brings a new channel. */
static void on_closed(void *context, struct channel *channel)
{
    struct client *client = context;
    channel_free(channel);
    client->channel = NULL;
}

static const struct channel_events client_events = {.frame = on_frame, .closed = on_closed};

static void on_peer(void *context, enum room_kind kind, uint16_t index, int descriptor)
{
    struct desk *desk = context;
    struct channel_bounds bounds = {0};

    if (kind != ROOM_FRONT || index >= desk->room->workers) {
        close(descriptor);
        return;
    }
    struct client *client = &desk->clients[index];
    channel_free(client->channel);
    client->dispatch = (struct dispatch_state){.peer = "the front"};
    client->channel = channel_open(desk->room->loop, descriptor, &client_events, client, bounds);
    if (!client->channel)
        log_error("out of memory: worker %u of the front is not heard", (unsigned)index);
}

static const struct room_events events = {.peer = on_peer};

int desk_main(struct room *room)
{
    struct desk desk = {.room = room, .clients = calloc(room->workers, sizeof *desk.clients)};

    if (!desk.clients)
        return room_fail(room, "out of memory");
    for (unsigned i = 0; i < room->workers; i++)
        desk.clients[i].desk = &desk;
    if (room_confine(room)) {
        free(desk.clients);
        return room_fail(room, "it could not be confined");
    }
    int code = room_run(room, &events, &desk);
    for (unsigned i = 0; i < room->workers; i++)
        channel_free(desk.clients[i].channel);
    free(desk.clients);
    return code;
}
