/* tcp.c - accepting, and what connections share: time, the way to the store and to the desk. */
#include "tcp.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "avow/base/clock.h"
#include "avow/base/shortage.h"
#include "worker.h"

enum {
    ACCEPTS = 32,      /* of one listener in one turn */
    TICK_MS = 500,     /* how exact idle timeouts are */
    RELISTEN_MS = 100, /* when there are no descriptors left */
    /* Of the kernel's memory, which counts twice as much for its own needs: */
    UNSENT_OCTETS = 16 * 1024, /* answers; the client has to take them before there are more */
    UNREAD_OCTETS = 8 * 1024,  /* questions */
    UNACKNOWLEDGED_MS = 30000,
    LINES_PER_MINUTE = 1
};

/* ---- accepting -------------------------------------------------------------------------------*/

static bool keep_identity(struct connection *connection, struct span identity)
{
    if (identity.length == 0)
        return true;
    connection->identity = malloc(sizeof *connection->identity + identity.length);
    if (!connection->identity)
        return false;
    connection->identity->length = (uint16_t)identity.length;
    memcpy(connection->identity->octets, identity.octets, identity.length);
    return true;
}

static bool add(struct tcp *tcp, const struct tcp_arrival *arrival)
{
    struct connection *connection = calloc(1, sizeof *connection);

    if (!connection || !keep_identity(connection, arrival->identity)) {
        free(connection);
        return false;
    }
    connection->descriptor = arrival->descriptor;
    connection->client = arrival->client;
    connection->local = arrival->local;
    tcp_enter(tcp, connection);
    connection_start(connection);
    if (!ev_is_active(&tcp->tick))
        ev_timer_again(tcp->worker->loop, &tcp->tick);
    return true;
}

void tcp_arrive(struct tcp *tcp, const struct tcp_arrival *arrival)
{
    if (tcp_make_room(tcp, &arrival->client) && add(tcp, arrival)) {
        metric_add(tcp->worker->metrics, METRIC_TCP_ACCEPTED, 1);
        return;
    }
    metric_add(tcp->worker->metrics, METRIC_TCP_REFUSED, 1);
    close(arrival->descriptor);
}

static void welcome(struct tcp *tcp, struct tcp_arrival *arrival)
{
    socklen_t length = sizeof arrival->local;

    if (getsockname(arrival->descriptor, &arrival->local.any, &length) == 0) {
        tcp_arrive(tcp, arrival);
        return;
    }
    metric_add(tcp->worker->metrics, METRIC_TCP_REFUSED, 1);
    close(arrival->descriptor);
}

static int spare(void)
{
    return fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
}

/* The queue would stay full for ever, and wake us for ever: with the descriptor that we kept for
 * this, one client is told that there is no room; the others wait, and UDP goes on. */
static void no_descriptors(struct tcp *tcp, int listener)
{
    log_limited(&tcp->worker->accept_lines, LINES_PER_MINUTE, clock_monotonic_ms(),
                "no more TCP connections can be accepted: %s", strerror(errno));
    if (tcp->reserve >= 0)
        close(tcp->reserve);
    int descriptor = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (descriptor >= 0) {
        metric_add(tcp->worker->metrics, METRIC_TCP_REFUSED, 1);
        close(descriptor);
    }
    tcp->reserve = spare();
    for (uint32_t i = 0; i < tcp->listener_count; i++)
        ev_io_stop(tcp->worker->loop, &tcp->listeners[i].readable);
    ev_timer_again(tcp->worker->loop, &tcp->relisten);
}

/* One fewer idle client is one more descriptor, if it is ours that are used up; what the whole
 * system lacks would not come back that way. */
static bool make_descriptor(struct tcp *tcp)
{
    int error = errno;
    bool made = error == EMFILE && tcp_evict(tcp);

    metric_add(tcp->worker->metrics, METRIC_TCP_SHORTAGES, 1);
    errno = error;
    return made;
}

static void on_acceptable(struct ev_loop *loop, ev_io *watcher, int happened)
{
    struct tcp_listener *listener = watcher->data;
    (void)loop, (void)happened;

    for (unsigned i = 0; i < ACCEPTS; i++) {
        struct tcp_arrival arrival = {.identity = {.length = 0}};
        socklen_t length = sizeof arrival.client;
        arrival.descriptor = accept4(listener->descriptor, &arrival.client.any, &length,
                                     SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (arrival.descriptor >= 0) {
            welcome(listener->tcp, &arrival);
        } else if (is_shortage(errno)) {
            /* Later in a turn it may be that nobody waits: the kernel looks for a descriptor first.
             */
            if (i == 0 && make_descriptor(listener->tcp))
                continue;
            if (i == 0)
                no_descriptors(listener->tcp, listener->descriptor);
            return;
        } else if (errno == EAGAIN) {
            return;
        } /* else the connection died in the queue: the next one */
    }
}

static void on_relisten(struct ev_loop *loop, ev_timer *watcher, int happened)
{
    struct tcp *tcp = watcher->data;
    (void)happened;

    ev_timer_stop(loop, watcher);
    for (uint32_t i = 0; i < tcp->listener_count; i++)
        ev_io_start(loop, &tcp->listeners[i].readable);
}

/* ---- time ------------------------------------------------------------------------------------*/

static void on_tick(struct ev_loop *loop, ev_timer *watcher, int happened)
{
    struct tcp *tcp = watcher->data;
    (void)happened;

    tcp_tick(tcp, clock_monotonic_ms());
    tcp_depart(tcp);
    if (tcp->count == 0)
        ev_timer_stop(loop, watcher);
}

void tcp_wait(struct connection *connection)
{
    if (connection->is_waiting)
        return;
    connection->is_waiting = true;
    ev_io_stop(connection->tcp->worker->loop, &connection->readable);
    TAILQ_INSERT_TAIL(&connection->tcp->waiting, connection, waiting);
    tcp_look(connection);
}

void tcp_depart(struct tcp *tcp)
{
    struct connection *connection;

    while ((connection = TAILQ_FIRST(&tcp->departing)) && connection_move(connection))
        tcp_drop(connection);
}

void tcp_resume(struct tcp *tcp)
{
    struct connection *connection;

    while ((connection = TAILQ_FIRST(&tcp->waiting)) && worker_begin(tcp->worker)) {
        TAILQ_REMOVE(&tcp->waiting, connection, waiting);
        connection->is_waiting = false;
        framing_resume(&connection->in);
        connection_serve(connection);
        worker_end(tcp->worker);
    }
}

/* Places for more connections; where there is no memory, there are as many as before. */
static void grow(struct tcp *tcp, uint32_t limit)
{
    struct crowd crowd;
    struct connection *connection;
    struct connection **slots = calloc(limit, sizeof(struct connection *));

    if (!slots || crowd_open(&crowd, limit)) {
        free(slots);
        log_warning("no memory for more TCP connections: server.tcp.clients stays as it was");
        return;
    }
    memcpy(slots, tcp->slots, tcp->limit * sizeof(struct connection *));
    free(tcp->slots);
    crowd_close(&tcp->crowd);
    tcp->slots = slots;
    tcp->crowd = crowd;
    tcp->limit = limit;
    TAILQ_FOREACH(connection, &tcp->by_age, age)
    {
        crowd_enter(&tcp->crowd, &connection->member, &connection->client);
        tcp_look(connection);
    }
}

void tcp_configure(struct tcp *tcp)
{
    if (tcp->worker->settings.tcp_clients > tcp->limit)
        grow(tcp, tcp->worker->settings.tcp_clients);
    while (tcp->count > tcp_limit(tcp) && tcp_evict(tcp))
        ;
}

/* ---- answers ---------------------------------------------------------------------------------*/

static struct connection *find(const struct tcp *tcp, uint64_t id)
{
    uint32_t slot = (uint32_t)id;
    struct connection *connection = slot < tcp->limit ? tcp->slots[slot] : NULL;
    return connection && connection->id == id ? connection : NULL;
}

void tcp_answer(struct tcp *tcp, uint64_t id, uint8_t *octets, size_t length)
{
    struct connection *connection = find(tcp, id);

    if (!connection || connection->under_way == 0)
        return;
    connection->under_way--;
    if (length == 0) {
        tcp_drop(connection);
        return;
    }
    if (connection->out.start == connection->out.end)
        tcp_touch(connection, clock_monotonic_ms());
    if (connection_send(connection, octets, length))
        connection_go_on(connection);
}

/* ---- open and close --------------------------------------------------------------------------*/

static void set(int descriptor, int level, int option, int value)
{
    (void)setsockopt(descriptor, level, option, &value, sizeof value);
}

/* Inherited by what is accepted. */
static void set_options(int descriptor)
{
    /* An answer that comes later is not to wait for the client's acknowledgement of the one before.
     */
    set(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);
    /* Answers wait here, where they count, rather than in the kernel's megabytes; and a slow client
     * that does read shows that it does. So do questions. */
    set(descriptor, IPPROTO_TCP, TCP_NOTSENT_LOWAT, UNSENT_OCTETS);
    set(descriptor, SOL_SOCKET, SO_SNDBUF, UNSENT_OCTETS);
    set(descriptor, SOL_SOCKET, SO_RCVBUF, UNREAD_OCTETS);
    /* A client that has vanished, and one that takes no more after we have closed. */
    set(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS);
}

static void open_listener(struct tcp *tcp, int descriptor)
{
    struct tcp_listener *listener = &tcp->listeners[tcp->listener_count++];

    set_options(descriptor);
    *listener = (struct tcp_listener){.tcp = tcp, .descriptor = descriptor};
    ev_io_init(&listener->readable, on_acceptable, descriptor, EV_READ);
    /* Whoever has asked is answered first: it is not idle, and does not make room. */
    ev_set_priority(&listener->readable, EV_MINPRI);
    listener->readable.data = listener;
    ev_io_start(tcp->worker->loop, &listener->readable);
}

enum result tcp_open(struct tcp *tcp, struct worker *worker)
{
    const struct worker_order *order = &worker->order;
    uint32_t limit = worker->settings.tcp_clients;

    *tcp = (struct tcp){.worker = worker,
                        .listeners = calloc(order->socket_count + 1, sizeof *tcp->listeners),
                        .slots = calloc(limit, sizeof(struct connection *)),
                        .limit = limit,
                        .reserve = spare(),
                        .scratch = malloc(FRAMING_SCRATCH_OCTETS),
                        .outbox = malloc(TCP_OUTBOX_OCTETS)};
    TAILQ_INIT(&tcp->by_age);
    TAILQ_INIT(&tcp->waiting);
    TAILQ_INIT(&tcp->readers);
    TAILQ_INIT(&tcp->departing);
    ev_timer_init(&tcp->tick, on_tick, 0.0, TICK_MS / 1000.0);
    ev_timer_init(&tcp->relisten, on_relisten, 0.0, RELISTEN_MS / 1000.0);
    ev_set_priority(&tcp->tick, EV_MINPRI); /* if it is we who are late */
    tcp->tick.data = tcp->relisten.data = tcp;
    if (!tcp->listeners || !tcp->slots || !tcp->scratch || !tcp->outbox ||
        crowd_open(&tcp->crowd, limit))
        return RESULT_SYSTEM;
    for (size_t i = 0; i < order->socket_count; i++) {
        if (order->sockets[i].kind == SOCKET_TCP && order->sockets[i].worker == order->index)
            open_listener(tcp, order->sockets[i].descriptor);
    }
    return RESULT_OK;
}

void tcp_close(struct tcp *tcp)
{
    if (!tcp->worker)
        return;
    for (uint32_t i = 0; i < tcp->limit && tcp->slots; i++) {
        if (tcp->slots[i])
            tcp_drop(tcp->slots[i]);
    }
    for (uint32_t i = 0; i < tcp->listener_count; i++)
        ev_io_stop(tcp->worker->loop, &tcp->listeners[i].readable);
    ev_timer_stop(tcp->worker->loop, &tcp->tick);
    ev_timer_stop(tcp->worker->loop, &tcp->relisten);
    if (tcp->reserve >= 0)
        close(tcp->reserve);
    crowd_close(&tcp->crowd);
    free(tcp->listeners);
    free(tcp->slots);
    free(tcp->scratch);
    free(tcp->outbox);
    *tcp = (struct tcp){.worker = NULL};
}
