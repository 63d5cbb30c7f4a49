/* connection.c - one TCP connection: messages in, answers out. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "avow/base/clock.h"
#include "worker.h"

/* What is read at once, and has to be kept if the client does not take its answers. */
enum { READ_OCTETS = 4 * 1024 };

/* ---- out -------------------------------------------------------------------------------------*/

static size_t unsent(const struct backlog *backlog)
{
    return backlog->end - backlog->start;
}

static bool backlog_add(struct connection *connection, const uint8_t *octets, size_t length)
{
    struct backlog *backlog = &connection->out;

    if (backlog->start && backlog->end + length > backlog->capacity) {
        /* A client that never takes all would have us keep what it has taken, too. */
        memmove(backlog->octets, backlog->octets + backlog->start, unsent(backlog));
        backlog->end -= backlog->start;
        backlog->start = 0;
    }
    if (backlog->end + length > backlog->capacity) {
        size_t capacity = backlog->end + length + TCP_BACKLOG_OCTETS / 4;
        uint8_t *more = realloc(backlog->octets, capacity);
        if (!more)
            return false;
        size_t grown = capacity - backlog->capacity;
        backlog->octets = more;
        backlog->capacity = capacity;
        tcp_unsent_grows(connection, grown);
    }
    memcpy(backlog->octets + backlog->end, octets, length);
    backlog->end += length;
    return true;
}

/* What the socket takes now; -1: the connection is broken. */
static ssize_t send_now(const struct connection *connection, const uint8_t *octets, size_t length)
{
    ssize_t sent;

    do
        sent = send(connection->descriptor, octets, length, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent < 0 && errno == EAGAIN ? 0 : sent;
}

/* Send, or keep what the socket does not take. False: broken, or the client does not read. */
static bool put_out(struct connection *connection, const uint8_t *octets, size_t length)
{
    struct backlog *backlog = &connection->out;
    ssize_t sent = 0;

    if (unsent(backlog) == 0) {
        sent = send_now(connection, octets, length);
        if (sent < 0)
            return false;
    }
    if ((size_t)sent == length)
        return true;
    length -= (size_t)sent;
    if (unsent(backlog) + length > TCP_BACKLOG_LIMIT ||
        !backlog_add(connection, octets + sent, length))
        return false;
    if (pace_adds(&connection->pace, unsent(backlog)))
        tcp_touch(connection, clock_monotonic_ms());
    ev_io_start(connection->tcp->worker->loop, &connection->writable);
    return true;
}

static void put_length(uint8_t *octets, size_t length)
{
    octets[0] = (uint8_t)(length >> 8);
    octets[1] = (uint8_t)length;
}

static void count_answers(const struct connection *connection, unsigned answers, size_t octets)
{
    struct metrics_stripe *metrics = connection->tcp->worker->metrics;

    metric_add(metrics, METRIC_RESPONSES, answers);
    metric_add(metrics, METRIC_RESPONSE_OCTETS, octets);
}

bool connection_send(struct connection *connection, uint8_t *octets, size_t length)
{
    put_length(octets, length);
    if (!put_out(connection, octets, TCP_PREFIX_OCTETS + length)) {
        tcp_drop(connection);
        return false;
    }
    count_answers(connection, 1, length);
    return true;
}

/* ---- in --------------------------------------------------------------------------------------*/

static bool may_take_more(const struct connection *connection)
{
    return !connection->moving &&
           connection->under_way < connection->tcp->worker->settings.tcp_pipeline &&
           unsent(&connection->out) < TCP_BACKLOG_OCTETS;
}

/* Send the answers that were gathered, in one write. */
static bool flush(struct connection *connection)
{
    struct tcp *tcp = connection->tcp;
    size_t length = tcp->outbox_length;

    tcp->outbox_length = 0;
    return length == 0 || put_out(connection, tcp->outbox, length);
}

/* False: the connection is of no use any more. */
static bool serve_one(struct connection *connection, const uint8_t *message, size_t length)
{
    struct tcp *tcp = connection->tcp;
    struct request request = {.octets = message,
                              .length = length,
                              .transport = ANSWER_TCP,
                              .connection = connection->id,
                              .client = &connection->client,
                              .local = &connection->local};

    uint8_t *out = tcp->outbox + tcp->outbox_length;
    metric_add(tcp->worker->metrics, METRIC_QUERIES_TCP, 1);
    switch (
        worker_serve(tcp->worker, &request, out + TCP_PREFIX_OCTETS, TCP_MESSAGE_OCTETS, &length)) {
    case SERVED_ANSWER:
        put_length(out, length);
        tcp->outbox_length += TCP_PREFIX_OCTETS + length;
        count_answers(connection, 1, length);
        return true;
    case SERVED_DESK:
        framing_put_back(&connection->in, request.length);
        connection->moving = true;
        return true;
    case SERVED_PARKED:
        connection->under_way++;
        return true;
    case SERVED_HANDED:
    case SERVED_NOTHING:
        break;
    }
    return false;
}

/* Serve whole messages until there are none, or enough are under way. What is gathered is sent
 * before it is more than may be left over: a client that does not read shows itself in time. */
static bool serve_view(struct connection *connection)
{
    const uint8_t *message;
    size_t length;

    while (may_take_more(connection)) {
        if (unsent(&connection->out) + connection->tcp->outbox_length >= TCP_BACKLOG_OCTETS) {
            if (!flush(connection))
                return false;
            continue;
        }
        switch (framing_next(&connection->in, &message, &length)) {
        case FRAMING_MORE:
            return true;
        case FRAMING_BAD:
            metric_add(connection->tcp->worker->metrics, METRIC_DROPPED_MALFORMED, 1);
            return false;
        case FRAMING_WHOLE:
            if (!serve_one(connection, message, length))
                return false;
        }
    }
    return true;
}

bool connection_move(struct connection *connection)
{
    struct handoff_connection moved = {.descriptor = connection->descriptor,
                                       .client = &connection->client,
                                       .local = &connection->local};

    moved.unread = framing_rest(&connection->in, &moved.unread_length);
    return handoff_connection(&connection->tcp->worker->handoff, &moved);
}

/* While the desk takes no more it waits here: it is still one of our clients, and may have to make
 * room as any other. */
static void move_or_wait(struct connection *connection)
{
    struct tcp *tcp = connection->tcp;

    if (connection->is_departing)
        return;
    if (connection_move(connection)) {
        tcp_drop(connection);
        return;
    }
    connection->is_departing = true;
    TAILQ_INSERT_TAIL(&tcp->departing, connection, departing);
    tcp_touch(connection, clock_monotonic_ms());
    ev_io_stop(tcp->worker->loop, &connection->readable);
}

/* From its first octet on a message has as long as a client may be idle. */
static void look_for_part(struct connection *connection)
{
    bool has_part = framing_octets(&connection->in) != 0 && !framing_has_message(&connection->in);

    if (has_part && !connection->has_part && unsent(&connection->out) == 0)
        tcp_touch(connection, clock_monotonic_ms());
    connection->has_part = has_part;
}

/* Read only while there is something to do with it, and close what has nothing left to do. */
static void adjust(struct connection *connection)
{
    struct ev_loop *loop = connection->tcp->worker->loop;
    bool has_message = framing_has_message(&connection->in);
    bool is_done = connection_is_idle(connection) && unsent(&connection->out) == 0;

    tcp_look(connection);
    if (connection->moving && is_done) {
        move_or_wait(connection);
        return;
    }
    if (connection->finishing && !has_message && is_done) {
        tcp_drop(connection);
        return;
    }
    look_for_part(connection);
    if (!connection->finishing && !has_message && may_take_more(connection))
        ev_io_start(loop, &connection->readable);
    else
        ev_io_stop(loop, &connection->readable);
}

void connection_serve(struct connection *connection)
{
    struct worker *worker = connection->tcp->worker;
    uint64_t now_ms = clock_monotonic_ms();

    worker->facts.transport = ANSWER_TCP;
    worker->facts.keepalive = true;
    worker->facts.keepalive_tenths = (uint16_t)(tcp_patience_ms(connection->tcp) / 100);
    /* Half a message does not count: it costs nothing to send. Nor do questions of a client that
     * does not take its answers. */
    if (framing_has_message(&connection->in) && unsent(&connection->out) == 0)
        tcp_touch(connection, now_ms);
    if (!serve_view(connection)) {
        (void)flush(connection); /* what was asked before is answered */
        tcp_drop(connection);
        return;
    }
    if (!flush(connection) || !framing_keep(&connection->in)) {
        tcp_drop(connection);
        return;
    }
    adjust(connection);
}

/* Serve it now, or once the store can be read. */
static void serve_or_wait(struct connection *connection)
{
    struct worker *worker = connection->tcp->worker;

    if (!framing_has_message(&connection->in)) {
        if (!framing_keep(&connection->in))
            tcp_drop(connection);
        else
            adjust(connection);
        return;
    }
    if (worker_begin(worker)) {
        connection_serve(connection);
        worker_end(worker);
        return;
    }
    if (!framing_keep(&connection->in)) {
        tcp_drop(connection);
        return;
    }
    tcp_wait(connection);
}

/* Never serves at once: this may be called while other answers are being made. */
void connection_go_on(struct connection *connection)
{
    if (connection->is_waiting)
        return;
    if (may_take_more(connection) && framing_has_message(&connection->in))
        tcp_wait(connection);
    else
        adjust(connection);
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int happened)
{
    struct connection *connection = watcher->data;
    struct tcp *tcp = connection->tcp;
    size_t room;
    ssize_t received;
    (void)loop, (void)happened;

    uint8_t *place = framing_place(&connection->in, tcp->scratch, &room);
    if (!place) {
        tcp_drop(connection);
        return;
    }
    if (room > READ_OCTETS)
        room = READ_OCTETS;
    do
        received = recv(connection->descriptor, place, room, MSG_DONTWAIT);
    while (received < 0 && errno == EINTR);
    if (received < 0) {
        if (errno != EAGAIN)
            tcp_drop(connection);
        return;
    }
    if (received == 0) { /* the client has said all; it may still listen (RFC 7766 section 6.2.4) */
        connection->finishing = true;
        adjust(connection);
        return;
    }
    framing_add(&connection->in, tcp->scratch, (size_t)received);
    serve_or_wait(connection);
}

static void on_writable(struct ev_loop *loop, ev_io *watcher, int happened)
{
    struct connection *connection = watcher->data;
    struct backlog *backlog = &connection->out;
    (void)happened;

    ssize_t sent = send_now(connection, backlog->octets + backlog->start, unsent(backlog));
    if (sent < 0) {
        tcp_drop(connection);
        return;
    }
    backlog->start += (size_t)sent;
    if (pace_takes(&connection->pace, (size_t)sent, unsent(backlog)))
        tcp_touch(connection, clock_monotonic_ms());
    if (unsent(backlog) == 0) {
        ev_io_stop(loop, watcher);
        tcp_unsent_is_gone(connection);
    }
    connection_go_on(connection);
}

void connection_start(struct connection *connection)
{
    ev_io_init(&connection->readable, on_readable, connection->descriptor, EV_READ);
    ev_io_init(&connection->writable, on_writable, connection->descriptor, EV_WRITE);
    connection->readable.data = connection->writable.data = connection;
    ev_io_start(connection->tcp->worker->loop, &connection->readable);
}
