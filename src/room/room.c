/* room.c - what every room does: take, confine, announce, run, end. */
#include "avow/room/room.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "avow/base/log.h"
#include "inside.h"

enum {
    FAIL_TEXT_OCTETS = 512,
    SPARE_DESCRIPTORS = 1024,
    RESERVED_DESCRIPTORS = 512,  /* of these: never for clients, whatever a reload says */
    LEAST_CLIENTS = 64,          /* however few descriptors there are */
    WORKER_DESCRIPTORS = 16 + 64 /* of a worker of the front; connections that wait for the desk,
                                  * and in the veil for the front */
};

void room_tell(struct room *room, const struct message *message)
{
    struct room_inside *inside = room->inside;

    if (inside->channel) {
        if (channel_send(inside->channel, message))
            log_warning("%s could not be told to the supervisor", message_name(message->kind));
        return;
    }
    struct frame *frame = frame_make();
    if (!frame || letter_send(inside->descriptor, message, frame, LETTER_WAIT) != LETTER_DONE)
        log_warning("%s could not be told to the supervisor", message_name(message->kind));
    frame_free(frame);
}

/* ---- the start ------------------------------------------------------------------------------ */

/* Signals of a terminal reach the whole group: the supervisor alone heeds them, and tells us. */
static void ignore_signals(void)
{
    static const int ignored[] = {SIGINT, SIGHUP, SIGPIPE, SIGTERM, SIGUSR1, SIGUSR2};

    for (size_t i = 0; i < COUNT(ignored); i++)
        (void)signal(ignored[i], SIG_IGN);
}

static void take_until_start(struct room *room)
{
    struct room_inside *inside = room->inside;
    struct frame *frame = frame_make();

    while (frame && !inside->started && !inside->broken) {
        enum letter_outcome outcome = letter_receive(inside->descriptor, frame, LETTER_WAIT);
        if (outcome == LETTER_CLOSED)
            inside->broken = true;
        if (outcome == LETTER_DONE)
            (void)dispatch_frame(&room_table, &inside->dispatch, frame, room);
    }
    if (!frame)
        inside->broken = true;
    frame_free(frame);
}

static struct room *make_room(enum room_kind kind)
{
    struct room *room = calloc(1, sizeof *room);
    struct room_inside *inside = calloc(1, sizeof *inside);

    if (!room || !inside) {
        free(room);
        free(inside);
        return NULL;
    }
    room->kind = kind;
    room->inside = inside;
    inside->descriptor = ROOM_SUPERVISOR_DESCRIPTOR;
    inside->log_descriptor = -1;
    room->published = -1;
    for (unsigned i = 0; i < ROOMS; i++)
        room->readers[i] = -1;
    inside->dispatch.peer = "the supervisor";
    return room;
}

static enum result find_user(const char *name, struct confine_order *order)
{
    order->user = (uid_t)-1;
    if (!name || geteuid() != 0)
        return RESULT_OK;

    errno = 0;
    const struct passwd *entry = getpwnam(name); /* no threads yet */
    if (!entry) {
        log_error("server.user: there is no user %s", name);
        return RESULT_SYSTEM;
    }
    order->user = entry->pw_uid;
    order->group = entry->pw_gid;
    return RESULT_OK;
}

/* Beside the spare ones and those of clients: sockets, workers, channels to workers. */
static uint32_t own_descriptors(const struct room *room)
{
    uint32_t own = (uint32_t)room->socket_count;

    if (room->kind == ROOM_FRONT || room->kind == ROOM_VEIL)
        own += (uint32_t)room->workers * WORKER_DESCRIPTORS;
    if (room->kind == ROOM_DESK)
        own += room->workers;
    return own;
}

static uint32_t descriptors_needed(const struct room *room)
{
    const struct config *config = room->config;
    uint32_t clients = 0;

    if (room->kind == ROOM_FRONT)
        clients = config->server.tcp_clients;
    if (room->kind == ROOM_DESK)
        clients = config->transfers.clients;
    if (room->kind == ROOM_VEIL) /* each with our end of its plain side */
        clients = config->server.tls.clients * 2;
    return SPARE_DESCRIPTORS + own_descriptors(room) + clients;
}

/* By the limit of the system, which nobody can ask for once the room is confined. */
static uint32_t descriptors_allowed(const struct room *room)
{
    uint32_t needed = descriptors_needed(room);
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_max > needed)
        return needed;
    return (uint32_t)limit.rlim_max;
}

uint32_t room_clients_most(struct room *room)
{
    struct room_inside *inside = room->inside;
    uint32_t others = RESERVED_DESCRIPTORS + own_descriptors(room);

    if (!inside->descriptors)
        inside->descriptors = descriptors_allowed(room);
    uint32_t all = inside->descriptors;
    return all > others + LEAST_CLIENTS ? all - others : LEAST_CLIENTS;
}

uint32_t room_clients(struct room *room, uint32_t wanted)
{
    uint32_t most = room_clients_most(room);

    if (wanted <= most)
        return wanted;
    log_warning("there are descriptors for %lu connections, not for %lu: raise the limit of the "
                "system, or start anew",
                (unsigned long)most, (unsigned long)wanted);
    return most;
}

/* From here on whatever the room opens, it opens as the user that it is going to be: in a folder of
 * that user, root could be led astray by a link. */
static enum result become_user(struct room *room)
{
    struct confine_order order = {.room = room->kind, .descriptors = descriptors_needed(room)};

    if (find_user(room->config->server.user, &order))
        return RESULT_SYSTEM;
    return confine_identity(&order, &room->confinement);
}

struct room *room_open(enum room_kind kind)
{
    char comm[16];

    log_open(room_name(kind), LOG_LEVEL_INFO, STDERR_FILENO);
    (void)snprintf(comm, sizeof comm, "avowd:%s", room_name(kind));
    (void)prctl(PR_SET_NAME, comm, 0, 0, 0); /* only for people who look at processes */
    ignore_signals();
    tzset(); /* the log's gmtime_r would open /etc/localtime later, when it may not */

    struct room *room = make_room(kind);
    if (!room || fcntl(ROOM_SUPERVISOR_DESCRIPTOR, F_SETFD, FD_CLOEXEC) ||
        fcntl(ROOM_LOCK_DESCRIPTOR, F_SETFD, FD_CLOEXEC)) {
        log_error("this is no room that the supervisor started");
        room_close(room);
        return NULL;
    }
    take_until_start(room);
    if (!room->inside->broken && become_user(room) == RESULT_OK) {
        room->loop = ev_loop_new(EVFLAG_NOENV | EVBACKEND_EPOLL);
        if (!room->loop)
            log_error("no event loop: %s", strerror(errno));
    }
    if (!room->loop) {
        room_close(room);
        return NULL;
    }
    metrics_reset_gauges(room->metrics);
    return room;
}

int room_take_peer(struct room *room, enum room_kind kind, uint16_t index)
{
    for (size_t i = 0; i < room->peer_count; i++) {
        struct room_peer *peer = &room->peers[i];
        if (peer->room == kind && peer->index == index && peer->descriptor >= 0) {
            int descriptor = peer->descriptor;
            peer->descriptor = -1;
            return descriptor;
        }
    }
    return -1;
}

/* ---- confinement ---------------------------------------------------------------------------- */

enum result room_allow(struct room *room, const char *path, bool writable)
{
    struct room_inside *inside = room->inside;

    if (inside->path_count == ROOM_MAX_PATHS)
        return RESULT_FULL;
    char *copy = strdup(path);
    if (!copy)
        return RESULT_SYSTEM;
    inside->paths[inside->path_count++] =
        (struct confine_path){copy, writable ? CONFINE_WRITE : CONFINE_READ};
    return RESULT_OK;
}

/* The folder that a file is in: as much of the path as that. One that is allowed already stays as
 * it is, so those to be written come first. */
static enum result allow_folder_of(struct room *room, const char *file, bool writable)
{
    const char *slash = strrchr(file, '/');
    char *folder = strndup(file, slash && slash != file ? (size_t)(slash - file) : 1);
    enum result result = RESULT_OK;

    if (!folder)
        return RESULT_SYSTEM;
    for (size_t i = 0; i < room->inside->path_count; i++) {
        if (strcmp(room->inside->paths[i].path, folder) == 0) {
            free(folder);
            return RESULT_OK;
        }
    }
    result = room_allow(room, folder, writable);
    free(folder);
    return result;
}

/* Folders of zone files, of those that are written or of all. */
static enum result allow_zones(struct room *room, bool written)
{
    const struct config *config = room->config;
    enum result result = RESULT_OK;

    for (size_t i = 0; i < config->zone_count && !result; i++) {
        const struct config_zone *zone = &config->zones[i];
        if (!written || zone->zone_file == CONFIG_ZONE_FILE_WRITE)
            result = allow_folder_of(room, zone->file, written);
    }
    return result;
}

/* The keeper: the store, and the folders of zone files, which it reads again later; those of zones
 * that are written to their files it writes. */
static enum result allow_keeper(struct room *room)
{
    enum result result = room_allow(room, room->config->server.state, true);

    if (!result)
        result = allow_zones(room, true);
    if (result == RESULT_FULL)
        log_warning("zone files to be written lie in more than %d folders: not all can be",
                    ROOM_MAX_PATHS - 1);
    else if (!result)
        result = allow_zones(room, false);
    if (result == RESULT_FULL) {
        /* Too many folders to name them one by one: reading is then allowed everywhere. */
        log_warning("zone files lie in more than %d folders: the keeper may read all folders",
                    ROOM_MAX_PATHS - 1);
        free((char *)room->inside->paths[ROOM_MAX_PATHS - 1].path);
        room->inside->path_count = ROOM_MAX_PATHS - 1;
        result = room_allow(room, "/", false);
    }
    return result;
}

static enum result make_order(struct room *room, struct confine_order *order)
{
    *order = (struct confine_order){.room = room->kind,
                                    .user = (uid_t)-1, /* is what it is to be */
                                    .descriptors = descriptors_needed(room)};
    if (room->kind == ROOM_SIGNER)
        order->forbidden = room->config->server.state;
    for (size_t i = 0; room->kind == ROOM_SIGNER && i < room->config->keystore_count; i++)
        order->network |= room->config->keystores[i].network;
    if (room->kind == ROOM_KEEPER && allow_keeper(room))
        return RESULT_SYSTEM;
    order->paths = room->inside->paths;
    order->path_count = room->inside->path_count;
    return RESULT_OK;
}

enum result room_confine(struct room *room)
{
    struct confine_order order;
    char text[sizeof room->facts->text];

    if (make_order(room, &order) || confine(&order, &room->confinement))
        return RESULT_SYSTEM;
    /* A token that hangs keeps this thread from seeing that the supervisor is gone. Set last: a
     * change of user forgets it. */
    if (room->kind == ROOM_SIGNER && prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0))
        log_warning("the signer will not end by itself if its token hangs: %s", strerror(errno));

    struct message ready = {
        .kind = MESSAGE_READY,
        .ready = {.active = room->confinement.active,
                  .missing = room->confinement.missing,
                  .text = confinement_text(&room->confinement, text, sizeof text)}};
    room_tell(room, &ready);
    return RESULT_OK;
}

int room_fail(struct room *room, const char *format, ...)
{
    char text[FAIL_TEXT_OCTETS];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    struct message failed = {.kind = MESSAGE_FAILED, .failed = {.text = text}};
    room_tell(room, &failed); /* who logs it */
    return EXIT_FAILURE;
}

/* ---- running -------------------------------------------------------------------------------- */

static void on_frame(void *context, struct channel *channel, struct frame *frame)
{
    struct room *room = context;
    (void)channel;
    (void)dispatch_frame(&room_table, &room->inside->dispatch, frame, room);
}

/* Without a supervisor nobody would restart, stop or reconfigure us. */
static void on_closed(void *context, struct channel *channel)
{
    struct room *room = context;
    (void)channel;
    log_warning("the supervisor is gone");
    room->inside->code = EXIT_FAILURE;
    ev_break(room->loop, EVBREAK_ALL);
}

/* A new peer, say, of which we shall not hear again. Another process of ours hears all anew. */
static void on_lost(void *context, struct channel *channel)
{
    struct room *room = context;
    (void)channel;
    log_error("a letter of the supervisor was lost: there may be no descriptor left");
    room->inside->code = EXIT_FAILURE;
    ev_break(room->loop, EVBREAK_ALL);
}

static const struct channel_events supervisor_events = {
    .frame = on_frame, .closed = on_closed, .lost = on_lost};

static void hand_over_peers(struct room *room)
{
    for (size_t i = 0; i < room->peer_count; i++) {
        struct room_peer *peer = &room->peers[i];
        if (peer->descriptor < 0 || !room->inside->events->peer)
            continue;
        int descriptor = peer->descriptor;
        peer->descriptor = -1;
        room->inside->events->peer(room->inside->context, peer->room, peer->index, descriptor);
    }
}

int room_run(struct room *room, const struct room_events *events, void *context)
{
    struct room_inside *inside = room->inside;
    struct channel_bounds bounds = {0};

    inside->events = events;
    inside->context = context;
    inside->channel =
        channel_open(room->loop, inside->descriptor, &supervisor_events, room, bounds);
    inside->descriptor = -1;
    if (!inside->channel)
        return EXIT_FAILURE;
    inside->running = true;
    hand_over_peers(room);
    ev_run(room->loop, 0);
    inside->running = false;
    return inside->code;
}

void room_end(struct room *room)
{
    ev_break(room->loop, EVBREAK_ALL);
}

void room_ask_restart(struct room *room, enum room_kind kind, const char *reason)
{
    struct message ask = {.kind = MESSAGE_RESTART,
                          .restart = {.room = (uint8_t)kind, .reason = reason}};
    room_tell(room, &ask);
}

enum result room_ask_hook(struct room *room, const struct message_hook *hook)
{
    struct message ask = {.kind = MESSAGE_HOOK, .hook = *hook};

    return room->inside->channel ? channel_send(room->inside->channel, &ask) : RESULT_SYSTEM;
}

/* ---- the end -------------------------------------------------------------------------------- */

static void close_inside(struct room_inside *inside)
{
    channel_free(inside->channel);
    if (inside->descriptor >= 0)
        close(inside->descriptor);
    for (size_t i = 0; i < inside->path_count; i++)
        free((char *)inside->paths[i].path);
    if (inside->current)
        config_free(inside->current);
    if (inside->previous)
        config_free(inside->previous);
    free(inside->current);
    free(inside->previous);
    buffer_free(&inside->share);
    free(inside);
}

void room_close(struct room *room)
{
    if (!room)
        return;
    close_inside(room->inside);
    for (size_t i = 0; i < room->socket_count; i++)
        close(room->sockets[i].descriptor);
    for (size_t i = 0; i < room->peer_count; i++) {
        if (room->peers[i].descriptor >= 0)
            close(room->peers[i].descriptor);
    }
    free(room->sockets);
    free(room->peers);
    if (room->published >= 0)
        close(room->published);
    for (unsigned i = 0; i < ROOMS; i++) {
        if (room->readers[i] >= 0)
            close(room->readers[i]);
        page_unmap(PAGE_METRICS, (void *)room->all_metrics[i]);
    }
    if (room->loop)
        ev_loop_destroy(room->loop);
    free(room);
}
