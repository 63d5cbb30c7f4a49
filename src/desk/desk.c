/* desk.c - the room for peers with keys: its start, its letters, its timers, its end. */
#include "avow/desk/desk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "avow/base/clock.h"
#include "avow/config/config.h"
#include "keyring.h"
#include "notify_socket.h"
#include "session.h"
#include "streams.h"

enum {
    FAST_MS = 10,  /* while queries wait for signatures */
    SLOW_MS = 250, /* how exact other deadlines are, while there are any */
    LINES_PER_MINUTE = 6
};

struct desk_room;

/* The channel to one worker of the front. */
struct client {
    struct desk_room *owner;
    struct channel *channel;
    struct dispatch_state dispatch;
    uint16_t index;
};

/* One of the channels to the keeper. */
struct keeper_link {
    struct desk_room *owner;
    struct channel *channel;
    struct dispatch_state dispatch;
    uint16_t index; /* DESK_CHANGES or DESK_WANTED */
};

struct desk_room {
    struct room *room;
    struct store store;
    struct pages pages;
    struct desk desk;
    struct sessions sessions;
    struct notifier *notifier;
    struct client *clients; /* one per worker */
    struct keeper_link keeper[DESK_CHANNELS];
    ev_prepare prepare;
    ev_timer fast, slow;
    struct log_budget full_lines, lost_lines;
    bool failed;
};

/* ---- outlets ---------------------------------------------------------------------------------*/

static void answer_datagram(struct desk_room *owner, const struct origin *origin,
                            const uint8_t *octets, size_t length)
{
    struct client *client = &owner->clients[origin->worker];
    struct message reply = {.kind = MESSAGE_REPLY,
                            .reply = {.trusted = origin->trusted,
                                      .socket = origin->socket,
                                      .client = address_span(&origin->client),
                                      .local = address_span(&origin->local),
                                      .message = span_of(octets, length)}};

    /* FULL: the front does not read. It is its client who asks again. */
    if (length && (!client->channel || channel_send(client->channel, &reply)))
        metric_add(owner->desk.metrics, METRIC_DROPPED_SEND, 1);
}

static void answer(void *context, const struct origin *origin, const uint8_t *octets, size_t length)
{
    struct desk_room *owner = context;

    if (origin->udp)
        answer_datagram(owner, origin, octets, length);
    else
        sessions_answer(&owner->sessions, origin, octets, length);
}

static bool send_to_keeper(struct desk_room *owner, uint16_t index, const struct message *message)
{
    struct channel *channel = owner->keeper[index].channel;

    if (channel && channel_send(channel, message) == RESULT_OK)
        return true;
    log_limited(&owner->full_lines, LINES_PER_MINUTE, owner->desk.now_ms,
                "the keeper %s: %s is not sent", channel ? "does not keep up" : "is away",
                message_name(message->kind));
    return false;
}

static bool change(void *context, const struct message *message)
{
    return send_to_keeper(context, DESK_CHANGES, message);
}

static bool want(void *context, const struct message *message)
{
    return send_to_keeper(context, DESK_WANTED, message);
}

static void stream(void *context, struct stream *begun)
{
    struct desk_room *owner = context;
    sessions_stream(&owner->sessions, begun);
}

static const struct desk_outlets outlets = {
    .answer = answer, .change = change, .want = want, .stream = stream};

/* ---- the front -------------------------------------------------------------------------------*/

static void refuse_letter(const struct client *client)
{
    metric_add(client->owner->desk.metrics, METRIC_LETTERS_REFUSED, 1);
}

static void on_handoff(void *context, const struct message *message, struct frame *frame)
{
    struct client *client = context;
    const struct message_handoff *handoff = &message->handoff;
    struct origin origin = {.udp = true, .worker = client->index, .socket = handoff->socket};
    (void)frame;

    if (!origin_take(&origin, handoff->client, handoff->local)) {
        refuse_letter(client);
        return;
    }
    (void)desk_take(&client->owner->desk, &origin, handoff->message.octets, handoff->message.length,
                    NULL);
}

static void on_connection(void *context, const struct message *message, struct frame *frame)
{
    struct client *client = context;
    int descriptor = message_take(frame, message->connection.descriptor);

    if (descriptor < 0)
        refuse_letter(client);
    else
        sessions_take(&client->owner->sessions, descriptor, &message->connection);
}

static const struct dispatch_table from_front = {
    .link = LINK_HANDOFF,
    .self = LINK_UPPER,
    .handlers = {[MESSAGE_HANDOFF] = on_handoff, [MESSAGE_CONNECTION] = on_connection}};

static void on_front_frame(void *context, struct channel *channel, struct frame *frame)
{
    struct client *client = context;
    (void)channel;

    desk_tell_time(&client->owner->desk);
    metric_add(client->owner->desk.metrics, METRIC_LETTERS, 1);
    if (dispatch_frame(&from_front, &client->dispatch, frame, client) != DISPATCH_HANDLED)
        refuse_letter(client);
}

/* The front died; its next process brings a new channel. Connections are ours and stay. */
static void on_front_closed(void *context, struct channel *channel)
{
    struct client *client = context;

    channel_free(channel);
    client->channel = NULL;
}

/* A connection, of which we have as many as we may: it is closed, and its client connects again. */
static void on_front_lost(void *context, struct channel *channel)
{
    struct client *client = context;
    (void)channel;

    desk_tell_time(&client->owner->desk);
    refuse_letter(client);
    log_limited(&client->owner->lost_lines, LINES_PER_MINUTE, client->owner->desk.now_ms,
                "a letter of the front was lost: there may be no descriptor left");
}

static const struct channel_events front_events = {
    .frame = on_front_frame, .closed = on_front_closed, .lost = on_front_lost};

static void connect_front(struct desk_room *owner, uint16_t index, int descriptor)
{
    struct client *client = &owner->clients[index];
    struct channel_bounds bounds = {0};

    channel_free(client->channel);
    client->dispatch = (struct dispatch_state){.peer = "the front"};
    client->channel = channel_open(owner->room->loop, descriptor, &front_events, client, bounds);
    if (!client->channel)
        log_error("out of memory: worker %u of the front is not heard", (unsigned)index);
}

/* ---- the keeper ------------------------------------------------------------------------------*/

static void on_updated(void *context, const struct message *message, struct frame *frame)
{
    struct keeper_link *link = context;
    (void)frame;
    pending_answered(&link->owner->desk, &message->updated);
}

static void on_changed(void *context, const struct message *message, struct frame *frame)
{
    struct keeper_link *link = context;
    (void)frame;
    notifier_changed(link->owner->notifier, &message->changed.zone, message->changed.serial);
}

static void on_stored(void *context, const struct message *message, struct frame *frame)
{
    struct keeper_link *link = context;
    (void)frame;
    waiting_stored(&link->owner->desk, message->stored.id);
}

static void on_not_stored(void *context, const struct message *message, struct frame *frame)
{
    struct keeper_link *link = context;
    (void)frame;
    waiting_refused(&link->owner->desk, message->not_stored.id,
                    (enum not_stored_reason)message->not_stored.reason);
}

static const struct dispatch_table from_keeper[DESK_CHANNELS] = {
    [DESK_CHANGES] = {.link = LINK_CHANGES,
                      .self = LINK_LOWER,
                      .handlers = {[MESSAGE_UPDATED] = on_updated, [MESSAGE_CHANGED] = on_changed}},
    [DESK_WANTED] =
        {.link = LINK_WANTED,
         .self = LINK_LOWER,
         .handlers = {[MESSAGE_STORED] = on_stored, [MESSAGE_NOT_STORED] = on_not_stored}},
};

static void on_keeper_frame(void *context, struct channel *channel, struct frame *frame)
{
    struct keeper_link *link = context;
    struct desk *desk = &link->owner->desk;
    (void)channel;

    desk_tell_time(desk);
    metric_add(desk->metrics, METRIC_LETTERS, 1);
    if (dispatch_frame(&from_keeper[link->index], &link->dispatch, frame, link) != DISPATCH_HANDLED)
        metric_add(desk->metrics, METRIC_LETTERS_REFUSED, 1);
}

/* What it had is not acknowledged; whether it was stored nobody here can know. */
static void lose_keeper(struct keeper_link *link)
{
    channel_free(link->channel);
    link->channel = NULL;
    desk_tell_time(&link->owner->desk);
    if (link->index == DESK_CHANGES)
        pending_lost(&link->owner->desk);
}

static void on_keeper_closed(void *context, struct channel *channel)
{
    (void)channel;
    lose_keeper(context);
}

static const struct channel_events keeper_events = {.frame = on_keeper_frame,
                                                    .closed = on_keeper_closed};

/* As much as may be pending may also be queued: a keeper that is busy is no reason to refuse. */
static struct channel_bounds keeper_bounds(const struct desk_room *owner)
{
    enum { LETTER_OCTETS = 4096 }; /* beside the sections of an update */
    const struct config_updates *updates = &owner->desk.config->updates;

    return (struct channel_bounds){.messages = updates->queue + 1024,
                                   .octets = updates->queue_size +
                                             (size_t)(updates->queue + 1024) * LETTER_OCTETS};
}

static void connect_keeper(struct desk_room *owner, uint16_t index, int descriptor)
{
    struct keeper_link *link = &owner->keeper[index];

    if (link->channel)
        lose_keeper(link);
    link->dispatch = (struct dispatch_state){.peer = "the keeper"};
    link->channel =
        channel_open(owner->room->loop, descriptor, &keeper_events, link, keeper_bounds(owner));
    if (!link->channel)
        log_error("out of memory: the keeper is not heard");
    if (index == DESK_WANTED)
        waiting_again(&owner->desk);
}

/* ---- time ------------------------------------------------------------------------------------*/

static void on_fast(struct ev_loop *loop, ev_timer *watcher, int happened)
{
    struct desk_room *owner = watcher->data;
    (void)loop, (void)happened;

    desk_tell_time(&owner->desk);
    waiting_tick(&owner->desk);
}

static void on_slow(struct ev_loop *loop, ev_timer *watcher, int happened)
{
    struct desk_room *owner = watcher->data;
    (void)loop, (void)happened;

    desk_tell_time(&owner->desk);
    pending_tick(&owner->desk);
    sessions_tick(&owner->sessions);
}

static void keep_running(struct desk_room *owner, ev_timer *timer, bool needed)
{
    struct ev_loop *loop = owner->room->loop;

    if (needed && !ev_is_active(timer))
        ev_timer_again(loop, timer);
    else if (!needed)
        ev_timer_stop(loop, timer);
}

/* Before the loop waits. */
static void on_prepare(struct ev_loop *loop, ev_prepare *watcher, int happened)
{
    struct desk_room *owner = watcher->data;
    struct desk *desk = &owner->desk;
    (void)loop, (void)happened;

    if (desk->broken && !owner->failed) {
        log_error("the store cannot be read");
        owner->failed = true; /* the supervisor starts another desk, which opens it anew */
        room_end(owner->room);
    }
    keep_running(owner, &owner->fast, desk->waiting.count);
    keep_running(owner, &owner->slow, desk->updates.count || owner->sessions.count);
}

static void start_timers(struct desk_room *owner)
{
    ev_timer_init(&owner->fast, on_fast, 0.0, FAST_MS / 1000.0);
    ev_timer_init(&owner->slow, on_slow, 0.0, SLOW_MS / 1000.0);
    ev_set_priority(&owner->slow, EV_MINPRI); /* who has asked, when we are late, has done so */
    ev_prepare_init(&owner->prepare, on_prepare);
    owner->fast.data = owner->slow.data = owner->prepare.data = owner;
    ev_prepare_start(owner->room->loop, &owner->prepare);
}

static void stop_timers(struct desk_room *owner)
{
    ev_timer_stop(owner->room->loop, &owner->fast);
    ev_timer_stop(owner->room->loop, &owner->slow);
    ev_prepare_stop(owner->room->loop, &owner->prepare);
}

/* ---- what the supervisor says ----------------------------------------------------------------*/

static void on_peer(void *context, enum room_kind kind, uint16_t index, int descriptor)
{
    struct desk_room *owner = context;

    desk_tell_time(&owner->desk);
    if (kind == ROOM_FRONT && index < owner->room->workers)
        connect_front(owner, index, descriptor);
    else if (kind == ROOM_KEEPER && index < DESK_CHANNELS)
        connect_keeper(owner, index, descriptor);
    else
        close(descriptor);
}

static enum result on_reload(void *context, const struct config *config, char *text)
{
    struct desk_room *owner = context;
    struct notify_table *plan;

    if (notify_plan(config, &plan)) {
        (void)snprintf(text, 256, "no memory for the secondaries");
        return RESULT_SYSTEM;
    }
    if (desk_configure(&owner->desk, config)) {
        notify_discard(plan);
        (void)snprintf(text, 256, "the TSIG keys cannot be taken");
        return RESULT_SYSTEM;
    }
    notifier_adopt(owner->notifier, plan, &owner->desk.keyring->ring);
    sessions_configure(&owner->sessions, room_clients(owner->room, config->transfers.clients));
    return RESULT_OK;
}

static const struct room_events events = {.peer = on_peer, .reload = on_reload};

/* ---- start and end ---------------------------------------------------------------------------*/

static int open_store(struct desk_room *owner)
{
    struct room *room = owner->room;
    const struct config_server *server = &room->config->server;
    char *folder;

    if (pages_open_reader(&owner->pages, room->published, room->readers[ROOM_DESK]))
        return room_fail(room, "the store's shared pages cannot be used");
    if (asprintf(&folder, "%s/store", server->state) < 0)
        return room_fail(room, "out of memory");
    struct store_options options = {.folder = folder,
                                    .access = STORE_READER,
                                    .map_octets = server->store_size,
                                    .pages = &owner->pages};
    enum result result = store_await(&owner->store, &options);
    free(folder);
    if (result)
        return room_fail(room, "%s", owner->store.problem);
    if (snapshot_open(&owner->desk.snapshot, &owner->store, &owner->pages, 0))
        return room_fail(room, "no snapshot of the store");
    return 0;
}

static int open_notifier(struct desk_room *owner)
{
    struct room *room = owner->room;
    struct notify_table *plan;

    owner->notifier =
        notifier_open(room->loop, &room->config->server, owner->desk.metrics, change, owner);
    if (!owner->notifier || notify_plan(room->config, &plan))
        return room_fail(room, "out of memory");
    notifier_adopt(owner->notifier, plan, &owner->desk.keyring->ring);
    return 0;
}

static int open_all(struct desk_room *owner)
{
    struct room *room = owner->room;

    owner->clients = calloc(room->workers, sizeof *owner->clients);
    if (!owner->clients || desk_open(&owner->desk, room->config, &outlets, owner))
        return room_fail(room, "not enough memory, or OpenSSL has no HMAC");
    owner->desk.metrics = room_stripe(room, 0);
    if (sessions_open(&owner->sessions, room->loop, &owner->desk,
                      room_clients(room, room->config->transfers.clients), desk_tell_time))
        return room_fail(room, "out of memory");
    for (uint16_t i = 0; i < room->workers; i++) {
        owner->clients[i].owner = owner;
        owner->clients[i].index = i;
    }
    for (unsigned i = 0; i < DESK_CHANNELS; i++) {
        owner->keeper[i].owner = owner;
        owner->keeper[i].index = (uint16_t)i;
    }
    int code = open_notifier(owner);
    return code ? code : open_store(owner);
}

static void close_all(struct desk_room *owner)
{
    for (unsigned i = 0; owner->clients && i < owner->room->workers; i++)
        channel_free(owner->clients[i].channel);
    for (unsigned i = 0; i < DESK_CHANNELS; i++) {
        channel_free(owner->keeper[i].channel);
        owner->keeper[i].channel = NULL;
    }
    sessions_close(&owner->sessions);
    notifier_free(owner->notifier);
    desk_close(&owner->desk);
    store_close(&owner->store);
    pages_close(&owner->pages);
    free(owner->clients);
    free(owner);
}

int desk_main(struct room *room)
{
    struct desk_room *owner = calloc(1, sizeof *owner);

    if (!owner)
        return room_fail(room, "out of memory");
    owner->room = room;
    int code = open_all(owner);
    if (!code && room_confine(room))
        code = room_fail(room, "it could not be confined");
    if (!code) {
        start_timers(owner);
        code = room_run(room, &events, owner);
        stop_timers(owner);
    }
    if (owner->failed)
        code = EXIT_FAILURE;
    close_all(owner);
    return code;
}
