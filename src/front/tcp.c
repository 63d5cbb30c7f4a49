/* tcp.c - accepting, who may have how many connections, and for how long. */
#include "tcp.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "avow/base/clock.h"
#include "worker.h"

enum {
    ACCEPTS = 32,        /* of one listener in one turn */
    TICK_MS = 500,       /* how exact idle timeouts are */
    RELISTEN_MS = 100,   /* when there are no descriptors left */
    UNDER_WAY_MS = 5000, /* more than any parked question takes */
    LEAST_PATIENCE_MS = 1000,
    UNSENT_OCTETS = 16 * 1024, /* in the kernel, beyond what the client's window takes */
    EVERYBODYS = 16,           /* connections that any network may have ... */
    NETWORK_PART = 4,          /* ... or this part of all, whichever is more */
    LINES_PER_MINUTE = 1
};

/* ---- who may stay ----------------------------------------------------------------------------*/

static uint32_t limit_of(const struct tcp *tcp)
{
    uint32_t clients = tcp->worker->settings.tcp_clients;
    return clients < tcp->limit ? clients : tcp->limit;
}

static uint32_t network_limit(const struct tcp *tcp)
{
    uint32_t limit = limit_of(tcp);
    uint32_t part = limit / NETWORK_PART;

    if (part < EVERYBODYS)
        part = EVERYBODYS < limit ? EVERYBODYS : limit;
    return part;
}

/* When most places are taken, those who do not use theirs make room sooner (RFC 7766 section 6.2.3,
 * RFC 9210 section 4.3). */
uint64_t tcp_patience_ms(const struct tcp *tcp)
{
    uint64_t patience = tcp->worker->settings.tcp_idle_ms;

    if ((uint64_t)tcp->count * 4 > (uint64_t)limit_of(tcp) * 3) {
        patience /= 4;
        if (patience < LEAST_PATIENCE_MS)
            patience = LEAST_PATIENCE_MS;
    }
    return patience;
}

void tcp_touch(struct connection *connection, uint64_t now_ms)
{
    struct tcp *tcp = connection->tcp;

    connection->active_ms = now_ms;
    TAILQ_REMOVE(&tcp->by_age, connection, age);
    TAILQ_INSERT_TAIL(&tcp->by_age, connection, age);
}

static void count_open(const struct tcp *tcp)
{
    metric_set(tcp->worker->metrics, METRIC_TCP_OPEN, tcp->count);
}

void tcp_drop(struct connection *connection)
{
    struct tcp *tcp = connection->tcp;

    ev_io_stop(tcp->worker->loop, &connection->readable);
    ev_io_stop(tcp->worker->loop, &connection->writable);
    close(connection->descriptor);
    crowd_leave(&tcp->crowd, connection->member);
    TAILQ_REMOVE(&tcp->by_age, connection, age);
    if (connection->is_waiting)
        TAILQ_REMOVE(&tcp->waiting, connection, waiting);
    tcp->slots[connection->slot] = NULL;
    tcp->count--;
    count_open(tcp);
    framing_free(&connection->in);
    free(connection->out.octets);
    free(connection);
}

/* The longest idle connection of the network that has most of them; of one network when `member`
 * is that. NULL: none is idle. */
static struct connection *find_idle(const struct tcp *tcp, const union address *of_network)
{
    struct connection *connection, *found = NULL;
    uint32_t most = 0;

    TAILQ_FOREACH(connection, &tcp->by_age, age)
    {
        uint32_t size = crowd_size(&tcp->crowd, connection->member);
        if (size <= most || !connection_is_idle(connection))
            continue;
        if (of_network && !crowd_is_same(&connection->client, of_network))
            continue;
        found = connection;
        most = size;
    }
    return found;
}

/* Make room for one more client, at the cost of somebody who does nothing. False: it must go. */
static bool make_room(struct tcp *tcp, const union address *client)
{
    struct connection *idle = NULL;

    if (crowd_count(&tcp->crowd, client) >= network_limit(tcp))
        idle = find_idle(tcp, client);
    else if (tcp->count >= limit_of(tcp))
        idle = find_idle(tcp, NULL);
    else
        return true;
    if (!idle)
        return false;
    tcp_drop(idle);
    return true;
}

/* ---- accepting -------------------------------------------------------------------------------*/

static uint32_t find_slot(struct tcp *tcp)
{
    while (tcp->slots[tcp->next_slot]) /* the limit sees to it that one is free */
        tcp->next_slot = (tcp->next_slot + 1) % tcp->limit;
    return tcp->next_slot;
}

static bool add(struct tcp *tcp, int descriptor, const union address *client)
{
    struct connection *connection = calloc(1, sizeof *connection);
    socklen_t length = sizeof connection->local;

    if (!connection || getsockname(descriptor, &connection->local.any, &length)) {
        free(connection);
        return false;
    }
    connection->tcp = tcp;
    connection->descriptor = descriptor;
    connection->client = *client;
    connection->slot = find_slot(tcp);
    connection->id = ++tcp->serial << 32 | connection->slot;
    connection->active_ms = clock_monotonic_ms();
    connection->member = crowd_enter(&tcp->crowd, client);
    tcp->slots[connection->slot] = connection;
    tcp->count++;
    TAILQ_INSERT_TAIL(&tcp->by_age, connection, age);
    connection_start(connection);
    if (!ev_is_active(&tcp->tick))
        ev_timer_again(tcp->worker->loop, &tcp->tick);
    return true;
}

static void welcome(struct tcp *tcp, int descriptor, const union address *client)
{
    if (make_room(tcp, client) && add(tcp, descriptor, client)) {
        metric_add(tcp->worker->metrics, METRIC_TCP_ACCEPTED, 1);
        count_open(tcp);
        return;
    }
    metric_add(tcp->worker->metrics, METRIC_TCP_REFUSED, 1);
    close(descriptor);
}

static int spare(void)
{
    return fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
}

/* The queue would stay full for ever, and wake us for ever: with the descriptor that we kept for
 * this, one client is told that there is no room; the others wait. */
static void no_descriptors(struct tcp *tcp, int listener)
{
    log_limited(&tcp->worker->accept_lines, LINES_PER_MINUTE, clock_monotonic_ms(),
                "no more TCP connections can be accepted: %s", strerror(errno));
    if (tcp->reserve >= 0)
        close(tcp->reserve);
    int descriptor = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (descriptor >= 0)
        close(descriptor);
    tcp->reserve = spare();
    metric_add(tcp->worker->metrics, METRIC_TCP_REFUSED, 1);
    for (uint32_t i = 0; i < tcp->listener_count; i++)
        ev_io_stop(tcp->worker->loop, &tcp->listeners[i].readable);
    ev_timer_again(tcp->worker->loop, &tcp->relisten);
}

static bool is_shortage(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static void on_acceptable(struct ev_loop *loop, ev_io *watcher, int happened)
{
    struct tcp_listener *listener = watcher->data;
    (void)loop, (void)happened;

    for (unsigned i = 0; i < ACCEPTS; i++) {
        union address client = {.any = {0}};
        socklen_t length = sizeof client;
        int descriptor =
            accept4(listener->descriptor, &client.any, &length, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (descriptor >= 0) {
            welcome(listener->tcp, descriptor, &client);
        } else if (is_shortage(errno)) {
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
    uint64_t now_ms = clock_monotonic_ms(), patience = tcp_patience_ms(tcp);
    struct connection *connection = TAILQ_FIRST(&tcp->by_age);
    (void)happened;

    while (connection && connection->active_ms + patience <= now_ms) {
        struct connection *next = TAILQ_NEXT(connection, age);
        if (connection->under_way == 0 || connection->active_ms + patience + UNDER_WAY_MS <= now_ms)
            tcp_drop(connection);
        connection = next;
    }
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
    connection->member = crowd_enter(&tcp->crowd, &connection->client);
}

void tcp_configure(struct tcp *tcp)
{
    struct connection *idle;

    if (tcp->worker->settings.tcp_clients > tcp->limit)
        grow(tcp, tcp->worker->settings.tcp_clients);
    while (tcp->count > limit_of(tcp) && (idle = find_idle(tcp, NULL)))
        tcp_drop(idle);
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
    tcp_touch(connection, clock_monotonic_ms());
    if (connection_send(connection, octets, length))
        connection_go_on(connection);
}

/* ---- open and close --------------------------------------------------------------------------*/

static void open_listener(struct tcp *tcp, int descriptor)
{
    struct tcp_listener *listener = &tcp->listeners[tcp->listener_count++];
    const int on = 1, unsent = UNSENT_OCTETS;

    /* Inherited by what is accepted: an answer that comes later is not to wait for the client's
     * acknowledgement of the one before. */
    (void)setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    /* Answers wait here, where they count, rather than in the kernel's megabytes; and a slow client
     * that does read shows that it does. */
    (void)setsockopt(descriptor, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
    *listener = (struct tcp_listener){.tcp = tcp, .descriptor = descriptor};
    ev_io_init(&listener->readable, on_acceptable, descriptor, EV_READ);
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
    ev_timer_init(&tcp->tick, on_tick, 0.0, TICK_MS / 1000.0);
    ev_timer_init(&tcp->relisten, on_relisten, 0.0, RELISTEN_MS / 1000.0);
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
