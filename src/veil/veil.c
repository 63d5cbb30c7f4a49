/* veil.c - the room that holds the certificate's key: its start, its letters, its end. */
#include "avow/veil/veil.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "avow/base/clock.h"
#include "avow/config/config.h"
#include "avow/ipc/dispatch.h"
#include "internal.h"

enum {
    DAY = 24 * 3600,
    WARN_DAYS = 14,   /* before the certificate ends */
    LOOK_S = 3600,    /* how often it is looked at */
    HANDED_MOST = 64, /* connections that wait for one worker of the front */
    OF_CLIENT = 2     /* descriptors: its socket, and our end of the plain stream */
};

struct veil;

/* The channel to one worker of the front. */
struct worker_link {
    struct channel *channel; /* NULL: the front is away */
    struct dispatch_state dispatch;
    struct veil *veil;
};

struct veil {
    struct room *room;
    struct gate gate;
    struct worker_link *workers;
    unsigned next; /* whose turn it is */
    ev_timer look;
    uint64_t warned_days; /* that were left when we warned last, and one more; 0: never */
};

/* ---- the front -------------------------------------------------------------------------------*/

/* To one worker after the other: the kernel does the same with plain TCP. */
static bool hand_on(void *context, const struct message *arrival)
{
    struct veil *veil = context;

    for (unsigned i = 0; i < veil->room->workers; i++) {
        struct channel *channel = veil->workers[veil->next++ % veil->room->workers].channel;
        if (channel && channel_send(channel, arrival) == RESULT_OK)
            return true;
    }
    return false;
}

/* The front says nothing to us. */
static const struct dispatch_table from_front = {.link = LINK_ARRIVALS, .self = LINK_LOWER};

static void on_frame(void *context, struct channel *channel, struct frame *frame)
{
    struct worker_link *link = context;
    (void)channel;

    metric_add(link->veil->gate.metrics, METRIC_LETTERS, 1);
    if (dispatch_frame(&from_front, &link->dispatch, frame, link) != DISPATCH_HANDLED)
        metric_add(link->veil->gate.metrics, METRIC_LETTERS_REFUSED, 1);
}

static void on_closed(void *context, struct channel *channel)
{
    struct worker_link *link = context;

    channel_free(channel);
    link->channel = NULL;
}

static const struct channel_events front_events = {.frame = on_frame, .closed = on_closed};

static void on_peer(void *context, enum room_kind kind, uint16_t index, int descriptor)
{
    struct veil *veil = context;
    const struct channel_bounds bounds = {.messages = HANDED_MOST, .descriptors = HANDED_MOST};

    if (kind != ROOM_FRONT || index >= veil->room->workers) {
        close(descriptor);
        return;
    }
    struct worker_link *link = &veil->workers[index];
    channel_free(link->channel);
    link->dispatch = (struct dispatch_state){.peer = "the front"};
    link->channel = channel_open(veil->room->loop, descriptor, &front_events, link, bounds);
    if (!link->channel)
        log_error("out of memory: worker %u of the front gets no connections", (unsigned)index);
}

/* ---- the certificate -------------------------------------------------------------------------*/

/* Once a day while it is near its end. */
static void look_at_end(struct veil *veil)
{
    uint64_t end = tls_credentials_end(veil->gate.credentials), now = clock_wall_seconds();
    uint64_t days = end > now ? (end - now) / DAY : 0;

    metric_set(veil->gate.metrics, METRIC_TLS_CERTIFICATE_END, end);
    if (days >= WARN_DAYS || veil->warned_days == days + 1)
        return;
    veil->warned_days = days + 1;
    if (end <= now)
        log_error("the TLS certificate has ended: clients that check it stay away");
    else
        log_warning("the TLS certificate ends in %llu days", (unsigned long long)days);
}

static void on_look(struct ev_loop *loop, ev_timer *watcher, int happened)
{
    (void)loop, (void)happened;
    look_at_end(watcher->data);
}

/* `config` is the room's own copy: its secrets stay in OpenSSL's memory alone. */
static enum result make_credentials(const struct config *config,
                                    struct tls_credentials **credentials,
                                    char problem[TLS_PROBLEM_OCTETS])
{
    enum result result = tls_credentials_make(credentials, &config->server.tls, problem);

    config_wipe_secrets((struct config *)config);
    return result;
}

static struct gate_settings settings_of(struct veil *veil, const struct config *config)
{
    const struct config_server *server = &config->server;

    return (struct gate_settings){
        .clients = room_clients(veil->room, server->tls.clients * OF_CLIENT) / OF_CLIENT,
        .per_address = server->tcp_per_address,
        .per_network = server->tcp_per_network,
        .idle_ms = (uint64_t)server->tcp_idle * 1000};
}

/* ---- what the supervisor says ----------------------------------------------------------------*/

static bool same_authorities(const struct config_tls *a, const struct config_tls *b)
{
    return a->client_ca_length == b->client_ca_length &&
           (a->client_ca_length == 0 ||
            memcmp(a->client_ca, b->client_ca, a->client_ca_length) == 0);
}

static enum result on_reload(void *context, const struct config *config, char *text)
{
    struct veil *veil = context;
    struct tls_credentials *credentials;
    char problem[TLS_PROBLEM_OCTETS];
    enum result result = make_credentials(config, &credentials, problem);

    if (result) {
        (void)snprintf(text, 256, "%.255s", problem);
        return result;
    }
    struct gate_settings settings = settings_of(veil, config);
    if (!same_authorities(&veil->room->config->server.tls, &config->server.tls))
        gate_end_named(&veil->gate);
    gate_configure(&veil->gate, &settings, credentials);
    veil->warned_days = 0;
    look_at_end(veil);
    return RESULT_OK;
}

static const struct room_events events = {.peer = on_peer, .reload = on_reload};

/* ---- start and end ---------------------------------------------------------------------------*/

static int open_gate(struct veil *veil)
{
    struct room *room = veil->room;
    struct gate *gate = &veil->gate;
    char problem[TLS_PROBLEM_OCTETS];

    if (!tls_memory_open(room_clients_most(room) / OF_CLIENT))
        log_warning("the TLS key lies in memory that is not locked");
    gate->loop = room->loop;
    gate->metrics = room_stripe(room, 0);
    gate->hand_on = hand_on;
    gate->context = veil;
    gate->settings = settings_of(veil, room->config);
    memcpy(gate->key, room->config->server.tls.seal, sizeof gate->key);
    if (make_credentials(room->config, &gate->credentials, problem))
        return room_fail(room, "server.tls: %s", problem);
    if (gate_open(gate))
        return room_fail(room, "out of memory");
    return 0;
}

static int open_workers(struct veil *veil)
{
    veil->workers = calloc(veil->room->workers, sizeof *veil->workers);
    if (!veil->workers)
        return room_fail(veil->room, "out of memory");
    for (unsigned i = 0; i < veil->room->workers; i++)
        veil->workers[i].veil = veil;
    return 0;
}

/* Nobody is let in before the room is confined. */
static int start(struct veil *veil)
{
    struct room *room = veil->room;

    for (size_t i = 0; i < room->socket_count; i++) {
        if (room->sockets[i].kind == SOCKET_TLS &&
            gate_listen(&veil->gate, room->sockets[i].descriptor))
            return room_fail(room, "out of memory");
    }
    ev_timer_init(&veil->look, on_look, LOOK_S, LOOK_S);
    veil->look.data = veil;
    ev_timer_start(room->loop, &veil->look);
    look_at_end(veil);
    return 0;
}

static void close_all(struct veil *veil)
{
    if (ev_is_active(&veil->look))
        ev_timer_stop(veil->room->loop, &veil->look);
    gate_close(&veil->gate);
    for (unsigned i = 0; i < veil->room->workers && veil->workers; i++)
        channel_free(veil->workers[i].channel);
    free(veil->workers);
}

int veil_main(struct room *room)
{
    struct veil veil = {.room = room};
    int code = open_gate(&veil);

    if (!code)
        code = open_workers(&veil);
    if (!code && room_confine(room))
        code = room_fail(room, "it could not be confined");
    if (!code)
        code = start(&veil);
    if (!code)
        code = room_run(room, &events, &veil);
    close_all(&veil);
    return code;
}
