/* places.c - who may be connected, for how long, and who has to make room for others. */
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "avow/base/clock.h"
#include "avow/base/patience.h"
#include "avow/base/untaken.h"
#include "worker.h"

enum {
    UNDER_WAY_MS = 5000,      /* more than any parked question takes */
    EVERYBODYS = 16,          /* connections that anybody may have ... */
    ADDRESS_PART = 8,         /* ... or this part of all, whichever is more: an address */
    NETWORK_PART = 4,         /* and a network */
    SHARE_OCTETS = 24 * 1024, /* of answers that are not taken, for each place */
    LEAST_OCTETS = 8 * 1024 * 1024
};

/* ---- limits ----------------------------------------------------------------------------------*/

uint32_t tcp_limit(const struct tcp *tcp)
{
    uint32_t clients = tcp->worker->settings.tcp_clients;
    return clients < tcp->limit ? clients : tcp->limit;
}

static uint32_t part_of(uint32_t limit, uint32_t chosen, uint32_t part)
{
    uint32_t most = limit / part;

    if (most < EVERYBODYS)
        most = EVERYBODYS;
    if (chosen)
        most = chosen;
    return most < limit ? most : limit;
}

static bool is_full(const struct tcp *tcp, enum crowd_level level, const union address *client)
{
    const struct settings *settings = &tcp->worker->settings;
    uint32_t most = level == CROWD_ADDRESS
                        ? part_of(tcp_limit(tcp), settings->tcp_per_address, ADDRESS_PART)
                        : part_of(tcp_limit(tcp), settings->tcp_per_network, NETWORK_PART);

    return crowd_count(&tcp->crowd, level, client) >= most;
}

uint64_t tcp_patience_ms(const struct tcp *tcp)
{
    return patience_ms(tcp->worker->settings.tcp_idle_ms, tcp->count, tcp_limit(tcp));
}

/* ---- coming and going ------------------------------------------------------------------------*/

static void count_open(const struct tcp *tcp)
{
    metric_set(tcp->worker->metrics, METRIC_TCP_OPEN, tcp->count);
}

/* The limit sees to it that one is free. */
static uint32_t find_slot(struct tcp *tcp)
{
    while (tcp->slots[tcp->next_slot])
        tcp->next_slot = (tcp->next_slot + 1) % tcp->limit;
    return tcp->next_slot;
}

void tcp_enter(struct tcp *tcp, struct connection *connection)
{
    connection->tcp = tcp;
    connection->slot = find_slot(tcp);
    connection->id = ++tcp->serial << 32 | connection->slot;
    connection->since_ms = clock_monotonic_ms();
    tcp->slots[connection->slot] = connection;
    tcp->count++;
    TAILQ_INSERT_TAIL(&tcp->by_age, connection, age);
    crowd_enter(&tcp->crowd, &connection->member, &connection->client);
    crowd_wait(&tcp->crowd, &connection->member);
    count_open(tcp);
}

void tcp_drop(struct connection *connection)
{
    struct tcp *tcp = connection->tcp;

    ev_io_stop(tcp->worker->loop, &connection->readable);
    ev_io_stop(tcp->worker->loop, &connection->writable);
    close(connection->descriptor);
    crowd_leave(&tcp->crowd, &connection->member);
    TAILQ_REMOVE(&tcp->by_age, connection, age);
    if (connection->is_waiting)
        TAILQ_REMOVE(&tcp->waiting, connection, waiting);
    if (connection->is_departing)
        TAILQ_REMOVE(&tcp->departing, connection, departing);
    tcp_unsent_is_gone(connection);
    tcp->slots[connection->slot] = NULL;
    tcp->count--;
    count_open(tcp);
    framing_free(&connection->in);
    free(connection);
}

static void cut(struct connection *connection)
{
    untaken_forget(connection->descriptor);
    tcp_drop(connection);
}

/* ---- waiting for clients ---------------------------------------------------------------------*/

void tcp_touch(struct connection *connection, uint64_t now_ms)
{
    struct tcp *tcp = connection->tcp;

    connection->since_ms = now_ms;
    TAILQ_REMOVE(&tcp->by_age, connection, age);
    TAILQ_INSERT_TAIL(&tcp->by_age, connection, age);
    if (connection->member.waits)
        crowd_wait(&tcp->crowd, &connection->member);
    if (connection->out.octets) {
        TAILQ_REMOVE(&tcp->readers, connection, reading);
        TAILQ_INSERT_TAIL(&tcp->readers, connection, reading);
    }
}

void tcp_look(struct connection *connection)
{
    struct tcp *tcp = connection->tcp;
    bool waits = connection_is_idle(connection);

    if (waits == connection->member.waits)
        return;
    if (waits)
        crowd_wait(&tcp->crowd, &connection->member);
    else
        crowd_wait_no_more(&tcp->crowd, &connection->member);
}

/* Whether it does not take its answers, which wait here or in the kernel. */
static bool is_behind(const struct connection *connection)
{
    return connection->out.start != connection->out.end ||
           untaken_octets(connection->descriptor) != 0;
}

static void let_go(struct connection *connection)
{
    if (is_behind(connection))
        cut(connection);
    else
        tcp_drop(connection);
}

/* Whoever has waited for it for long enough says what it was that it did not do. */
static void give_up(struct connection *connection)
{
    struct metrics_stripe *metrics = connection->tcp->worker->metrics;

    if (connection->is_departing)
        metric_add(metrics, METRIC_DROPPED_SEND, 1);
    else if (is_behind(connection))
        metric_add(metrics, METRIC_TCP_SLOW_READERS, 1);
    else if (connection->has_part)
        metric_add(metrics, METRIC_TCP_SLOW_WRITERS, 1);
    else
        metric_add(metrics, METRIC_TCP_IDLE, 1);
    let_go(connection);
}

static uint64_t due_ms(const struct connection *connection)
{
    return connection->since_ms + tcp_patience_ms(connection->tcp);
}

/* With each one that goes there is more patience with the others. */
void tcp_tick(struct tcp *tcp, uint64_t now_ms)
{
    struct connection *connection = TAILQ_FIRST(&tcp->by_age), *next;

    for (; connection && due_ms(connection) <= now_ms; connection = next) {
        next = TAILQ_NEXT(connection, age);
        if (connection_is_idle(connection) || due_ms(connection) + UNDER_WAY_MS <= now_ms)
            give_up(connection);
    }
}

/* ---- making room -----------------------------------------------------------------------------*/

static bool evict(struct tcp *tcp, struct crowd_member *member)
{
    if (!member)
        return false;
    struct connection *connection =
        (struct connection *)((char *)member - offsetof(struct connection, member));
    metric_add(tcp->worker->metrics, METRIC_TCP_EVICTED, 1);
    let_go(connection);
    return true;
}

/* One is enough, unless a reload has made the limits lower. */
bool tcp_make_room(struct tcp *tcp, const union address *client)
{
    while (is_full(tcp, CROWD_ADDRESS, client)) {
        if (!evict(tcp, crowd_idlest_of_address(&tcp->crowd, client)))
            return false;
    }
    while (is_full(tcp, CROWD_NETWORK, client)) {
        if (!evict(tcp, crowd_idlest_of_network(&tcp->crowd, client)))
            return false;
    }
    while (tcp->count >= tcp_limit(tcp)) {
        if (!tcp_evict(tcp))
            return false;
    }
    return true;
}

bool tcp_evict(struct tcp *tcp)
{
    return evict(tcp, crowd_idlest(&tcp->crowd));
}

/* ---- answers that are not taken --------------------------------------------------------------*/

static void count_unsent(const struct tcp *tcp)
{
    metric_set(tcp->worker->metrics, METRIC_TCP_UNSENT, tcp->unsent_octets);
}

void tcp_unsent_grows(struct connection *connection, size_t octets)
{
    struct tcp *tcp = connection->tcp;
    size_t most = (size_t)tcp_limit(tcp) * SHARE_OCTETS;

    if (connection->out.capacity == octets)
        TAILQ_INSERT_TAIL(&tcp->readers, connection, reading);
    tcp->unsent_octets += octets;
    if (most < LEAST_OCTETS)
        most = LEAST_OCTETS;
    while (tcp->unsent_octets > most) {
        struct connection *slowest = TAILQ_FIRST(&tcp->readers);
        if (slowest == connection)
            break; /* it has a bound of its own */
        metric_add(tcp->worker->metrics, METRIC_TCP_SLOW_READERS, 1);
        /* One that was cut has left the list: NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
        cut(slowest);
    }
    count_unsent(tcp);
}

void tcp_unsent_is_gone(struct connection *connection)
{
    struct tcp *tcp = connection->tcp;

    if (!connection->out.octets)
        return;
    TAILQ_REMOVE(&tcp->readers, connection, reading);
    tcp->unsent_octets -= connection->out.capacity;
    free(connection->out.octets);
    connection->out = (struct backlog){.octets = NULL};
    count_unsent(tcp);
}
