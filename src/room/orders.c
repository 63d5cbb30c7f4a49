/* orders.c - what the supervisor tells a room, one handler for each message. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "avow/base/log.h"
#include "avow/config/share.h"
#include "inside.h"

_Static_assert((int)SHARE_SIGNER == ROOM_SIGNER && (int)SHARE_KEEPER == ROOM_KEEPER &&
                   (int)SHARE_DESK == ROOM_DESK && (int)SHARE_FRONT == ROOM_FRONT &&
                   (int)SHARE_VEIL == ROOM_VEIL,
               "shares and rooms are counted alike");

enum { RELOAD_TEXT_OCTETS = 256 };

static void give_up(struct room *room, const char *what)
{
    log_error("the start failed: %s", what);
    room->inside->broken = true;
}

/* ---- configuration -------------------------------------------------------------------------- */

/* Join a piece; when it was the last, the whole share as a new struct config, else NULL. */
static struct config *join(struct room *room, struct span piece, bool last)
{
    struct buffer *share = &room->inside->share;
    struct config *config = NULL;

    share->secret = true;
    buffer_add(share, piece.octets, piece.length);
    if (!last)
        return NULL;
    if (buffer_check(share) == RESULT_OK)
        config = calloc(1, sizeof *config);
    if (config && share_read(share->octets, share->length, config)) {
        free(config);
        config = NULL;
    }
    buffer_free(share);
    return config;
}

static void free_config(struct config *config)
{
    if (config)
        config_free(config);
    free(config);
}

static void on_configure(void *context, const struct message *message, struct frame *frame)
{
    struct room *room = context;
    (void)frame;

    if (room->inside->started)
        return;
    struct config *config = join(room, message->configure.share, message->configure.last);
    if (!message->configure.last)
        return;
    if (!config) {
        give_up(room, "its part of the configuration could not be read");
        return;
    }
    free_config(room->inside->current);
    room->inside->current = config;
    room->config = config;
}

static void adopt(struct room *room, struct config *config)
{
    free_config(room->inside->previous);
    room->inside->previous = room->inside->current;
    if (room->inside->previous)
        config_wipe_secrets(room->inside->previous);
    room->inside->current = config;
    room->config = config;
}

static void on_reload(void *context, const struct message *message, struct frame *frame)
{
    struct room *room = context;
    struct room_inside *inside = room->inside;
    char text[RELOAD_TEXT_OCTETS] = "";
    enum result result = RESULT_OK;
    (void)frame;

    struct config *config = join(room, message->reload.share, message->reload.last);
    if (!message->reload.last)
        return;
    if (!config)
        result = RESULT_FORMAT;
    else if (inside->events && inside->events->reload)
        result = inside->events->reload(inside->context, config, text);
    text[sizeof text - 1] = '\0';
    if (result == RESULT_OK)
        adopt(room, config);
    else
        free_config(config);

    struct message reply = {
        .kind = MESSAGE_RELOADED,
        .reloaded = {.ok = result == RESULT_OK,
                     .text = result && !text[0] ? result_sentence(result) : text}};
    room_tell(room, &reply);
}

/* ---- descriptors ---------------------------------------------------------------------------- */

static void on_log(void *context, const struct message *message, struct frame *frame)
{
    struct room *room = context;
    struct room_inside *inside = room->inside;
    int descriptor = message_take(frame, message->log.descriptor);
    enum log_level level =
        message->log.level <= LOG_LEVEL_DEBUG ? (enum log_level)message->log.level : LOG_LEVEL_INFO;

    if (descriptor < 0)
        return;
    if (inside->log_descriptor < 0) {
        inside->log_descriptor = descriptor;
        log_open(room_name(room->kind), level, descriptor);
        return;
    }
    /* Threads may be writing: the number stays, what is behind it changes at one blow. */
    if (dup3(descriptor, inside->log_descriptor, O_CLOEXEC) < 0)
        log_error("the new log cannot be used: %s", strerror(errno));
    close(descriptor);
    log_set_level(level);
}

static void keep_counters(struct room *room, enum room_kind owner, int descriptor, bool writable)
{
    struct metrics_page *page = page_map(PAGE_METRICS, descriptor, writable);

    if (!page) {
        give_up(room, "a page of counters could not be mapped");
        return;
    }
    if (owner == room->kind)
        room->metrics = page;
    room->all_metrics[owner] = page;
}

static void on_page(void *context, const struct message *message, struct frame *frame)
{
    struct room *room = context;
    const struct message_page *told = &message->page;

    if (room->inside->started || told->kind >= PAGE_KINDS || told->room >= ROOMS)
        return;
    if (told->kind == PAGE_METRICS)
        keep_counters(room, (enum room_kind)told->room, told->descriptor, told->writable);
    else if (told->kind == PAGE_PUBLISHED && room->published < 0)
        room->published = message_take(frame, told->descriptor);
    else if (told->kind == PAGE_READERS && room->readers[told->room] < 0)
        room->readers[told->room] = message_take(frame, told->descriptor);
}

static void on_socket(void *context, const struct message *message, struct frame *frame)
{
    struct room *room = context;
    const struct message_socket *told = &message->socket;

    if (room->inside->started || told->kind >= SOCKET_KINDS)
        return;
    struct room_socket *more =
        reallocarray(room->sockets, room->socket_count + 1, sizeof *room->sockets);
    if (!more) {
        give_up(room, "out of memory");
        return;
    }
    room->sockets = more;
    struct room_socket *socket = &more[room->socket_count++];
    *socket = (struct room_socket){.kind = (enum socket_kind)told->kind,
                                   .worker = told->worker,
                                   .index = told->index,
                                   .descriptor = message_take(frame, told->descriptor)};
    strncpy(socket->address, told->address, sizeof socket->address - 1);
}

static void on_peer(void *context, const struct message *message, struct frame *frame)
{
    struct room *room = context;
    struct room_inside *inside = room->inside;
    int descriptor = message_take(frame, message->peer.descriptor);

    if (descriptor < 0)
        return;
    if (message->peer.room >= ROOMS) {
        close(descriptor);
        return;
    }
    struct room_peer peer = {(enum room_kind)message->peer.room, message->peer.index, descriptor};
    if (inside->running) {
        if (inside->events->peer)
            inside->events->peer(inside->context, peer.room, peer.index, descriptor);
        else
            close(descriptor);
        return;
    }
    struct room_peer *more = reallocarray(room->peers, room->peer_count + 1, sizeof *room->peers);
    if (!more) {
        close(descriptor);
        give_up(room, "out of memory");
        return;
    }
    room->peers = more;
    room->peers[room->peer_count++] = peer;
}

/* ---- start, stop, facts --------------------------------------------------------------------- */

static void on_start(void *context, const struct message *message, struct frame *frame)
{
    struct room *room = context;
    (void)frame;

    room->workers = message->start.workers;
    if (room->workers == 0 || room->workers > METRICS_STRIPES)
        room->workers = 1;
    if (!room->config || !room->metrics)
        give_up(room, "the supervisor left something out");
    room->inside->started = true;
}

static void on_stop(void *context, const struct message *message, struct frame *frame)
{
    struct room *room = context;
    (void)message, (void)frame;

    if (!room->inside->running)
        room->inside->broken = true; /* told to stop before it began */
    else if (room->inside->events->stop)
        room->inside->events->stop(room->inside->context);
    else
        room_end(room);
}

static void on_hooked(void *context, const struct message *message, struct frame *frame)
{
    struct room *room = context;
    (void)frame;

    if (room->inside->running && room->inside->events->hooked)
        room->inside->events->hooked(room->inside->context, &message->hooked);
}

static void on_state(void *context, const struct message *message, struct frame *frame)
{
    struct room *room = context;
    const struct message_state *told = &message->state;
    (void)frame;

    if (told->room >= ROOMS)
        return;
    struct room_fact *fact = &room->facts[told->room];
    *fact = (struct room_fact){.state = (enum room_state)told->state,
                               .pid = told->pid,
                               .restarts = told->restarts,
                               .started = told->started};
    strncpy(fact->text, told->text, sizeof fact->text - 1);
    if (room->inside->running && room->inside->events->facts)
        room->inside->events->facts(room->inside->context);
}

static void on_taken(void *context, const struct message *message, struct frame *frame)
{
    struct room *room = context;
    (void)frame;

    room->taken = message->taken;
}

const struct dispatch_table room_table = {.link = LINK_ROOM,
                                          .self = LINK_LOWER,
                                          .handlers = {[MESSAGE_CONFIGURE] = on_configure,
                                                       [MESSAGE_LOG] = on_log,
                                                       [MESSAGE_PAGE] = on_page,
                                                       [MESSAGE_SOCKET] = on_socket,
                                                       [MESSAGE_PEER] = on_peer,
                                                       [MESSAGE_START] = on_start,
                                                       [MESSAGE_RELOAD] = on_reload,
                                                       [MESSAGE_STATE] = on_state,
                                                       [MESSAGE_HOOKED] = on_hooked,
                                                       [MESSAGE_TAKEN] = on_taken,
                                                       [MESSAGE_STOP] = on_stop}};
