/* gate.c - who may come in by TLS, how many, and for how long they are waited for. */
#include <errno.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "avow/base/clock.h"
#include "avow/base/patience.h"
#include "internal.h"

enum {
    ACCEPTS = 32,      /* of one listener in one turn: each costs a handshake */
    TICK_MS = 250,     /* how exact deadlines are */
    RELISTEN_MS = 100, /* when there are no descriptors left */
    /* Of the kernel's memory: answers that the client does not take yet, and its questions. */
    UNSENT_OCTETS = 16 * 1024,
    UNREAD_OCTETS = 16 * 1024,
    UNACKNOWLEDGED_MS = 30000,
    LINES_PER_MINUTE = 1
};

/* ---- limits ----------------------------------------------------------------------------------*/

uint32_t gate_limit(const struct gate *gate)
{
    return gate->settings.clients < gate->limit ? gate->settings.clients : gate->limit;
}

static bool is_full(const struct gate *gate, enum crowd_level level, const union address *client)
{
    uint32_t chosen =
        level == CROWD_ADDRESS ? gate->settings.per_address : gate->settings.per_network;

    return crowd_count(&gate->crowd, level, client) >= crowd_part(gate_limit(gate), chosen, level);
}

/* One that has sent and taken nothing for longest; also one that has not shaken hands yet. */
static bool evict(struct gate *gate, struct crowd_member *member)
{
    if (!member)
        return false;
    metric_add(gate->metrics, METRIC_TLS_EVICTED, 1);
    tunnel_drop((struct tunnel *)((char *)member - offsetof(struct tunnel, member)));
    return true;
}

static bool make_room(struct gate *gate, const union address *client)
{
    if (is_full(gate, CROWD_ADDRESS, client))
        return evict(gate, crowd_idlest_of_address(&gate->crowd, client));
    if (is_full(gate, CROWD_NETWORK, client))
        return evict(gate, crowd_idlest_of_network(&gate->crowd, client));
    return gate->count < gate_limit(gate) || evict(gate, crowd_idlest(&gate->crowd));
}

/* ---- accepting -------------------------------------------------------------------------------*/

void gate_admit(struct gate *gate, int descriptor, const union address *client)
{
    if (make_room(gate, client) && tunnel_make(gate, descriptor, client)) {
        metric_add(gate->metrics, METRIC_TLS_ACCEPTED, 1);
        return;
    }
    metric_add(gate->metrics, METRIC_TLS_REFUSED, 1);
    close(descriptor);
}

static bool is_shortage(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

/* Those that wait in the queue are let in a little later. */
static void pause_listening(struct gate *gate)
{
    log_limited(&gate->accept_lines, LINES_PER_MINUTE, clock_monotonic_ms(),
                "no more TLS connections can be accepted: %s", strerror(errno));
    for (size_t i = 0; i < gate->listener_count; i++)
        ev_io_stop(gate->loop, &gate->listeners[i].readable);
    ev_timer_again(gate->loop, &gate->relisten);
}

static void on_acceptable(struct ev_loop *loop, ev_io *watcher, int happened)
{
    struct gate *gate = ((struct gate_listener *)watcher->data)->gate;
    (void)loop, (void)happened;

    for (unsigned i = 0; i < ACCEPTS; i++) {
        union address client = {.any = {0}};
        socklen_t length = sizeof client;
        int descriptor = accept4(watcher->fd, &client.any, &length, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (descriptor >= 0) {
            gate_admit(gate, descriptor, &client);
        } else if (is_shortage(errno)) {
            if (errno != EMFILE || !evict(gate, crowd_idlest(&gate->crowd))) {
                pause_listening(gate);
                return;
            }
        } else if (errno == EAGAIN) {
            return;
        } /* else the connection died in the queue: the next one */
    }
}

static void on_relisten(struct ev_loop *loop, ev_timer *watcher, int happened)
{
    struct gate *gate = watcher->data;
    (void)happened;

    ev_timer_stop(loop, watcher);
    for (size_t i = 0; i < gate->listener_count; i++)
        ev_io_start(loop, &gate->listeners[i].readable);
}

/* ---- time ------------------------------------------------------------------------------------*/

static void on_tick(struct ev_loop *loop, ev_timer *watcher, int happened)
{
    struct gate *gate = watcher->data;
    uint64_t now_ms = clock_monotonic_ms();
    struct tunnel *tunnel = TAILQ_FIRST(&gate->waiting), *next;
    (void)happened;

    for (; tunnel; tunnel = next) {
        next = TAILQ_NEXT(tunnel, waiting);
        uint64_t patience = patience_ms(gate->settings.idle_ms, gate->count, gate_limit(gate));
        if (!tunnel_is_late(tunnel, now_ms, patience))
            continue;
        metric_add(gate->metrics, METRIC_TLS_SLOW, 1);
        tunnel_drop(tunnel);
    }
    if (TAILQ_EMPTY(&gate->waiting))
        ev_timer_stop(loop, watcher);
}

/* ---- open and close --------------------------------------------------------------------------*/

static void set(int descriptor, int level, int option, int value)
{
    (void)setsockopt(descriptor, level, option, &value, sizeof value);
}

enum result gate_listen(struct gate *gate, int descriptor)
{
    /* libev keeps the address of a watcher: all stand still while this one is added. */
    for (size_t i = 0; i < gate->listener_count; i++)
        ev_io_stop(gate->loop, &gate->listeners[i].readable);
    struct gate_listener *more =
        reallocarray(gate->listeners, gate->listener_count + 1, sizeof *gate->listeners);
    if (!more)
        return RESULT_SYSTEM;
    gate->listeners = more;
    more[gate->listener_count].gate = gate;
    ev_io_init(&more[gate->listener_count].readable, on_acceptable, descriptor, EV_READ);
    gate->listener_count++;
    /* Inherited by what is accepted. */
    set(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);
    set(descriptor, IPPROTO_TCP, TCP_NOTSENT_LOWAT, UNSENT_OCTETS);
    set(descriptor, SOL_SOCKET, SO_RCVBUF, UNREAD_OCTETS);
    set(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS);
    for (size_t i = 0; i < gate->listener_count; i++) {
        more[i].readable.data = &more[i];
        ev_io_start(gate->loop, &more[i].readable);
    }
    return RESULT_OK;
}

/* Places for more; where there is no memory, there are as many as before. */
static void grow(struct gate *gate, uint32_t limit)
{
    struct crowd crowd;
    struct tunnel *tunnel;

    if (crowd_open(&crowd, limit)) {
        log_warning("no memory for more TLS connections: server.tls.clients stays as it was");
        return;
    }
    crowd_close(&gate->crowd);
    gate->crowd = crowd;
    gate->limit = limit;
    TAILQ_FOREACH(tunnel, &gate->tunnels, all)
    {
        crowd_enter(&gate->crowd, &tunnel->member, &tunnel->client);
        crowd_wait(&gate->crowd, &tunnel->member);
    }
}

void gate_end_named(struct gate *gate)
{
    struct tunnel *tunnel = TAILQ_FIRST(&gate->tunnels), *next;

    for (; tunnel; tunnel = next) {
        next = TAILQ_NEXT(tunnel, all);
        if (tunnel->named)
            tunnel_drop(tunnel);
    }
}

void gate_configure(struct gate *gate, const struct gate_settings *settings,
                    struct tls_credentials *credentials)
{
    gate->settings = *settings;
    if (credentials) {
        tls_credentials_free(gate->credentials);
        gate->credentials = credentials;
    }
    if (settings->clients > gate->limit)
        grow(gate, settings->clients);
    while (gate->count > gate_limit(gate) && evict(gate, crowd_idlest(&gate->crowd)))
        ;
}

enum result gate_open(struct gate *gate)
{
    TAILQ_INIT(&gate->tunnels);
    TAILQ_INIT(&gate->waiting);
    ev_timer_init(&gate->tick, on_tick, 0.0, TICK_MS / 1000.0);
    ev_timer_init(&gate->relisten, on_relisten, 0.0, RELISTEN_MS / 1000.0);
    gate->tick.data = gate->relisten.data = gate;
    gate->limit = gate->settings.clients;
    gate->scratch = malloc(GATE_SCRATCH_OCTETS);
    if (gate->scratch && crowd_open(&gate->crowd, gate->limit) == RESULT_OK)
        return RESULT_OK;
    gate_close(gate);
    return RESULT_SYSTEM;
}

void gate_close(struct gate *gate)
{
    struct tunnel *tunnel, *next;

    if (!gate->loop)
        return;
    for (tunnel = TAILQ_FIRST(&gate->tunnels); tunnel; tunnel = next) {
        next = TAILQ_NEXT(tunnel, all);
        tunnel_drop(tunnel);
    }
    for (size_t i = 0; i < gate->listener_count; i++)
        ev_io_stop(gate->loop, &gate->listeners[i].readable);
    ev_timer_stop(gate->loop, &gate->tick);
    ev_timer_stop(gate->loop, &gate->relisten);
    crowd_close(&gate->crowd);
    tls_credentials_free(gate->credentials);
    free(gate->listeners);
    free(gate->scratch);
    explicit_bzero(gate->key, sizeof gate->key);
    *gate = (struct gate){.loop = NULL};
}
