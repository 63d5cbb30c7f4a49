/* tunnel.c - one client: the handshake, then octets in both directions, never more than are taken.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "avow/base/clock.h"
#include "internal.h"

enum {
    TURNS = 16, /* reads of one direction before others have theirs */
    /* Of the plain stream, in the kernel, which counts twice as much: */
    ANSWERS_OCTETS = 32 * 1024,
    QUESTIONS_OCTETS = 8 * 1024,
    LINES_PER_MINUTE = 6
};

enum pumped { PUMPED_ALL, PUMPED_MORE, PUMPED_ENDED };

/* ---- waiting ---------------------------------------------------------------------------------*/

static void wait_from_now(struct tunnel *tunnel)
{
    struct gate *gate = tunnel->gate;

    tunnel->since_ms = clock_monotonic_ms();
    if (tunnel->is_waiting)
        return;
    tunnel->is_waiting = true;
    TAILQ_INSERT_TAIL(&gate->waiting, tunnel, waiting);
    if (!ev_is_active(&gate->tick))
        ev_timer_again(gate->loop, &gate->tick);
}

static void wait_no_more(struct tunnel *tunnel)
{
    if (tunnel->is_waiting)
        TAILQ_REMOVE(&tunnel->gate->waiting, tunnel, waiting);
    tunnel->is_waiting = false;
}

static bool front_has_left(const struct tunnel *tunnel)
{
    struct pollfd plain = {.fd = tunnel->inner.fd};

    return poll(&plain, 1, 0) > 0 && plain.revents & POLLHUP;
}

/* Once it is open, it is the front, or the desk, who says for how long a client is waited for. */
bool tunnel_is_late(const struct tunnel *tunnel, uint64_t now_ms, uint64_t patience_ms)
{
    return tunnel->since_ms + patience_ms <= now_ms && (!tunnel->open || front_has_left(tunnel));
}

/* ---- held octets -----------------------------------------------------------------------------*/

static bool hold(struct held *held, const uint8_t *octets, size_t length)
{
    if (length == 0)
        return true;
    held->octets = malloc(length);
    if (!held->octets)
        return false;
    memcpy(held->octets, octets, length);
    held->start = 0;
    held->end = length;
    return true;
}

static void let_go(struct held *held, size_t length)
{
    held->start += length;
    if (held->start < held->end)
        return;
    free(held->octets);
    *held = (struct held){.octets = NULL};
}

/* How many octets are taken on the other side now; -1: it is gone. */
typedef ssize_t pass(struct tunnel *tunnel, const uint8_t *octets, size_t length);

static bool pass_held(struct tunnel *tunnel, struct held *held, pass *pass_on)
{
    if (!held->octets)
        return true;
    ssize_t passed = pass_on(tunnel, held->octets + held->start, held->end - held->start);
    if (passed < 0)
        return false;
    let_go(held, (size_t)passed);
    return true;
}

/* ---- inwards ---------------------------------------------------------------------------------*/

/* What the front takes now; -1: it is gone. */
static ssize_t give(struct tunnel *tunnel, const uint8_t *octets, size_t length)
{
    ssize_t given;

    do
        given = send(tunnel->inner.fd, octets, length, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (given < 0 && errno == EINTR);
    return given < 0 && errno == EAGAIN ? 0 : given;
}

/* The front reads its end, answers what was asked, and closes. */
static void finish_questions(struct tunnel *tunnel)
{
    tunnel->client_done = true;
    (void)shutdown(tunnel->inner.fd, SHUT_WR);
}

static enum pumped read_some(struct tunnel *tunnel)
{
    struct gate *gate = tunnel->gate;
    size_t length = 0;

    switch (tls_stream_read(tunnel->stream, gate->scratch, GATE_SCRATCH_OCTETS, &length)) {
    case TLS_DONE:
        break;
    case TLS_WANTS_WRITE:
        tunnel->needs_write = true;
        return PUMPED_ALL;
    case TLS_WANTS_READ:
        return PUMPED_ALL;
    case TLS_ENDED:
        finish_questions(tunnel);
        return PUMPED_ALL;
    case TLS_FAILED:
        return PUMPED_ENDED;
    }
    crowd_wait(&gate->crowd, &tunnel->member);
    ssize_t given = give(tunnel, gate->scratch, length);
    if (given < 0 || !hold(&tunnel->in, gate->scratch + given, length - (size_t)given))
        return PUMPED_ENDED;
    return PUMPED_MORE;
}

static enum pumped pump_in(struct tunnel *tunnel)
{
    enum pumped pumped = PUMPED_MORE;

    if (!pass_held(tunnel, &tunnel->in, give))
        return PUMPED_ENDED;
    for (unsigned i = 0; i < TURNS && pumped == PUMPED_MORE; i++) {
        if (tunnel->in.octets || tunnel->client_done)
            return PUMPED_ALL;
        pumped = read_some(tunnel);
    }
    return pumped;
}

/* ---- outwards --------------------------------------------------------------------------------*/

/* What the client takes now; -1: it is gone. */
static ssize_t put(struct tunnel *tunnel, const uint8_t *octets, size_t length)
{
    size_t put_out = 0, taken;

    while (put_out < length) {
        enum tls_step step =
            tls_stream_write(tunnel->stream, octets + put_out, length - put_out, &taken);
        if (step == TLS_WANTS_WRITE || step == TLS_WANTS_READ)
            break;
        if (step != TLS_DONE)
            return -1;
        put_out += taken;
    }
    if (put_out)
        crowd_wait(&tunnel->gate->crowd, &tunnel->member);
    return (ssize_t)put_out;
}

static enum pumped write_some(struct tunnel *tunnel)
{
    struct gate *gate = tunnel->gate;
    ssize_t received;

    do
        received = recv(tunnel->inner.fd, gate->scratch, GATE_SCRATCH_OCTETS, MSG_DONTWAIT);
    while (received < 0 && errno == EINTR);
    if (received < 0)
        return errno == EAGAIN ? PUMPED_ALL : PUMPED_ENDED;
    if (received == 0) {
        (void)tls_stream_end(tunnel->stream);
        return PUMPED_ENDED;
    }
    ssize_t put_out = put(tunnel, gate->scratch, (size_t)received);
    if (put_out < 0 || !hold(&tunnel->out, gate->scratch + put_out, (size_t)(received - put_out)))
        return PUMPED_ENDED;
    return PUMPED_MORE;
}

static enum pumped pump_out(struct tunnel *tunnel)
{
    enum pumped pumped = PUMPED_MORE;

    if (!pass_held(tunnel, &tunnel->out, put))
        return PUMPED_ENDED;
    for (unsigned i = 0; i < TURNS && pumped == PUMPED_MORE; i++) {
        if (tunnel->out.octets)
            return PUMPED_ALL;
        pumped = write_some(tunnel);
    }
    return pumped;
}

/* ---- watching --------------------------------------------------------------------------------*/

static void watch(struct tunnel *tunnel, ev_io *watcher, int wanted)
{
    struct ev_loop *loop = tunnel->gate->loop;

    if (ev_is_active(watcher) && (watcher->events & (EV_READ | EV_WRITE)) == wanted)
        return;
    ev_io_stop(loop, watcher);
    if (!wanted)
        return;
    ev_io_set(watcher, watcher->fd, wanted);
    ev_io_start(loop, watcher);
}

/* Each side is heard only while the other takes what it says. */
static void adjust(struct tunnel *tunnel)
{
    /* TLS that must write before it reads on is not helped by being readable. */
    bool reads = !tunnel->in.octets && !tunnel->client_done && !tunnel->needs_write;
    int outer = reads ? EV_READ : 0;

    if (tunnel->out.octets || tunnel->needs_write)
        outer |= EV_WRITE;
    watch(tunnel, &tunnel->outer, outer);
    watch(tunnel, &tunnel->inner,
          (tunnel->out.octets ? 0 : EV_READ) | (tunnel->in.octets ? EV_WRITE : 0));
}

static void pump(struct tunnel *tunnel)
{
    size_t held_before = tunnel->out.end - tunnel->out.start;

    tunnel->needs_write = false;
    enum pumped out = pump_out(tunnel);
    enum pumped in = out == PUMPED_ENDED ? PUMPED_ENDED : pump_in(tunnel);
    if (in == PUMPED_ENDED) {
        tunnel_drop(tunnel);
        return;
    }
    if (!tunnel->out.octets)
        wait_no_more(tunnel);
    else if (!tunnel->is_waiting || tunnel->out.end - tunnel->out.start != held_before)
        wait_from_now(tunnel);
    adjust(
        tunnel); /* TLS holds nothing back: a record is read as a whole, and none before its turn */
}

/* ---- the handshake ---------------------------------------------------------------------------*/

static void describe(struct tunnel *tunnel, struct identity *identity)
{
    static const enum identity_verdict verdicts[] = {
        [TLS_VOUCHED] = IDENTITY_VOUCHED,
        [TLS_VOUCHED_BY_NOBODY] = IDENTITY_OF_NOBODY,
        [TLS_VOUCHED_TOO_EARLY] = IDENTITY_TOO_EARLY,
        [TLS_VOUCHED_TOO_LATE] = IDENTITY_TOO_LATE,
        [TLS_VOUCHED_BADLY] = IDENTITY_BAD,
    };
    struct tls_peer peer;

    memset(identity, 0, sizeof *identity);
    identity->is_dot = tls_stream_is_dot(tunnel->stream);
    tls_stream_peer(tunnel->stream, &peer);
    identity->has_pin = peer.given;
    memcpy(identity->pin, peer.pin, sizeof identity->pin);
    identity->verdict = verdicts[peer.verdict];
    for (unsigned i = 0; i < peer.name_count; i++) {
        struct name *name = &identity->names[identity->name_count];
        if (name_from_string(peer.names[i], name) == RESULT_OK)
            identity->name_count++;
    }
    tunnel->named = peer.name_count > 0;
}

/* A pair whose one end goes to the front, with all that we know of the client. */
static bool open_inside(struct tunnel *tunnel)
{
    struct gate *gate = tunnel->gate;
    const int answers = ANSWERS_OCTETS, questions = QUESTIONS_OCTETS;
    uint8_t octets[IDENTITY_MOST_OCTETS];
    struct identity identity;
    uint64_t socket;
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends))
        return false;
    ev_io_set(&tunnel->inner, ends[0], EV_READ);
    (void)setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &questions, sizeof questions);
    (void)setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &answers, sizeof answers);
    describe(tunnel, &identity);
    metric_add(gate->metrics, METRIC_TLS_CERTIFICATES, identity.has_pin);
    bool handed = identity_socket(ends[1], &socket) == RESULT_OK;
    if (handed) {
        size_t length = identity_write(&identity, gate->key, socket, octets);
        struct message arrival = {.kind = MESSAGE_ARRIVAL,
                                  .arrival = {.client = address_span(&tunnel->client),
                                              .local = address_span(&tunnel->local),
                                              .identity = span_of(octets, length),
                                              .descriptor = ends[1]}};
        handed = gate->hand_on(gate->context, &arrival);
    }
    close(ends[1]);
    return handed;
}

static void tell_fault(struct tunnel *tunnel)
{
    static const enum metric metrics[] = {[TLS_FAULT_OTHER] = METRIC_TLS_FAILED,
                                          [TLS_FAULT_VERSION] = METRIC_TLS_FAILED_VERSION,
                                          [TLS_FAULT_PROTOCOL] = METRIC_TLS_FAILED_PROTOCOL};
    struct gate *gate = tunnel->gate;
    const char *words;
    enum tls_fault fault = tls_stream_fault(tunnel->stream, &words);

    metric_add(gate->metrics, metrics[fault], 1);
    if (log_wants(LOG_LEVEL_DEBUG))
        log_debug("a TLS handshake failed: %s", words);
}

static void shake(struct tunnel *tunnel)
{
    struct gate *gate = tunnel->gate;

    switch (tls_stream_shake(tunnel->stream)) {
    case TLS_DONE:
        break;
    case TLS_WANTS_READ:
        watch(tunnel, &tunnel->outer, EV_READ);
        return;
    case TLS_WANTS_WRITE:
        watch(tunnel, &tunnel->outer, EV_WRITE);
        return;
    case TLS_ENDED:
    case TLS_FAILED:
        tell_fault(tunnel);
        tunnel_drop(tunnel);
        return;
    }
    metric_add(gate->metrics, METRIC_TLS_HANDSHAKES, 1);
    wait_no_more(tunnel);
    crowd_wait(&gate->crowd, &tunnel->member);
    tunnel->open = true;
    if (!open_inside(tunnel)) {
        metric_add(gate->metrics, METRIC_TLS_REFUSED, 1);
        log_limited(&gate->fault_lines, LINES_PER_MINUTE, clock_monotonic_ms(),
                    "a TLS connection is closed: the front takes no more");
        tunnel_drop(tunnel);
        return;
    }
    pump(tunnel); /* it may have asked already */
}

static void on_event(struct ev_loop *loop, ev_io *watcher, int happened)
{
    struct tunnel *tunnel = watcher->data;
    (void)loop, (void)happened;

    if (tunnel->open)
        pump(tunnel);
    else
        shake(tunnel);
}

/* ---- make and drop ---------------------------------------------------------------------------*/

struct tunnel *tunnel_make(struct gate *gate, int descriptor, const union address *client)
{
    struct tunnel *tunnel = calloc(1, sizeof *tunnel);
    socklen_t length = sizeof tunnel->local;

    if (!tunnel || getsockname(descriptor, &tunnel->local.any, &length) ||
        !(tunnel->stream = tls_stream_make(gate->credentials, descriptor))) {
        free(tunnel);
        return NULL;
    }
    tunnel->gate = gate;
    tunnel->client = *client;
    ev_io_init(&tunnel->outer, on_event, descriptor, EV_READ);
    ev_io_init(&tunnel->inner, on_event, -1, EV_READ);
    tunnel->outer.data = tunnel->inner.data = tunnel;
    TAILQ_INSERT_TAIL(&gate->tunnels, tunnel, all);
    gate->count++;
    crowd_enter(&gate->crowd, &tunnel->member, client);
    crowd_wait(&gate->crowd, &tunnel->member);
    metric_set(gate->metrics, METRIC_TLS_OPEN, gate->count);
    wait_from_now(tunnel);
    ev_io_start(gate->loop, &tunnel->outer);
    return tunnel;
}

void tunnel_drop(struct tunnel *tunnel)
{
    struct gate *gate = tunnel->gate;

    ev_io_stop(gate->loop, &tunnel->outer);
    ev_io_stop(gate->loop, &tunnel->inner);
    wait_no_more(tunnel);
    TAILQ_REMOVE(&gate->tunnels, tunnel, all);
    crowd_leave(&gate->crowd, &tunnel->member);
    gate->count--;
    metric_set(gate->metrics, METRIC_TLS_OPEN, gate->count);
    tls_stream_free(tunnel->stream);
    close(tunnel->outer.fd);
    if (tunnel->inner.fd >= 0)
        close(tunnel->inner.fd);
    free(tunnel->in.octets);
    free(tunnel->out.octets);
    free(tunnel);
}
