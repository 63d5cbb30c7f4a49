/* session.c - who may stay connected, and for how long. */
#include "session.h"

#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "avow/base/patience.h"
#include "avow/base/untaken.h"
#include "streams.h"

enum {
    UNSENT_OCTETS = 128 * 1024, /* in the kernel, beyond what the client's window takes */
    SEND_OCTETS = 1024 * 1024   /* room that the kernel begins with */
};

#ifndef SO_BUF_LOCK
#define SO_BUF_LOCK 72 /* Linux 5.14 */
#endif

static uint32_t limit_of(const struct sessions *sessions)
{
    uint32_t clients = sessions->desk->config->transfers.clients;

    if (clients > sessions->most)
        clients = sessions->most;
    return clients < sessions->limit ? clients : sessions->limit;
}

static void count_sessions(const struct sessions *sessions)
{
    struct desk *desk = sessions->desk;

    metric_set(desk->metrics, METRIC_DESK_CONNECTIONS, sessions->count);
    desk->idle_ms = patience_ms((uint64_t)desk->config->server.tcp_idle * 1000, sessions->count,
                                limit_of(sessions));
}

void session_drop(struct session *session)
{
    struct sessions *sessions = session->sessions;

    if (session->stream)
        stream_end(session->stream);
    ev_io_stop(sessions->loop, &session->readable);
    ev_io_stop(sessions->loop, &session->writable);
    ev_timer_stop(sessions->loop, &session->later);
    close(session->descriptor);
    TAILQ_REMOVE(&sessions->by_age, session, age);
    sessions->slots[session->slot] = NULL;
    sessions->count--;
    count_sessions(sessions);
    framing_free(&session->in);
    free(session->out);
    free(session);
}

/* Whether it does not take what it asked for. What the kernel has for a peer, which may be the end
 * of a zone on a slow line, is the kernel's to deliver, for as long as set_options says. */
static bool is_behind(const struct session *session)
{
    return session->stream || session_unsent(session) ||
           (!session->trusted && untaken_octets(session->descriptor));
}

static void let_go(struct session *session)
{
    if (is_behind(session))
        untaken_forget(session->descriptor);
    session_drop(session);
}

static bool is_idle(const struct session *session)
{
    return !session->busy && session_unsent(session) == 0;
}

/* Whoever has shown no right to be here goes first, whatever it does; then who does nothing. */
static struct session *find_dispensable(const struct sessions *sessions)
{
    struct session *session, *idle = NULL;

    TAILQ_FOREACH(session, &sessions->by_age, age)
    {
        /* One that was dropped has left the list: NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
        if (session->serving)
            continue;
        if (!session->trusted)
            return session;
        if (!idle && is_idle(session))
            idle = session;
    }
    return idle;
}

static bool make_room(struct sessions *sessions)
{
    while (sessions->count >= limit_of(sessions)) {
        struct session *dispensable = find_dispensable(sessions);
        if (!dispensable)
            return false;
        metric_add(sessions->desk->metrics, METRIC_TCP_EVICTED, 1);
        let_go(dispensable);
    }
    return true;
}

/* The limit sees to it that one is free. */
static uint32_t find_slot(struct sessions *sessions)
{
    while (sessions->slots[sessions->next_slot])
        sessions->next_slot = (sessions->next_slot + 1) % sessions->limit;
    return sessions->next_slot;
}

static bool set(int descriptor, int level, int option, int value)
{
    return setsockopt(descriptor, level, option, &value, sizeof value) == 0;
}

/* The front keeps all this small, for its many clients; a stream is to fill its pipe. */
static void set_options(const struct sessions *sessions, int descriptor)
{
    if (!set(descriptor, IPPROTO_TCP, TCP_NOTSENT_LOWAT, UNSENT_OCTETS))
        return; /* no TCP connection */
    (void)set(descriptor, SOL_SOCKET, SO_SNDBUF, SEND_OCTETS);
    (void)set(descriptor, SOL_SOCKET, SO_BUF_LOCK, 0); /* from there as the kernel finds right */
    (void)set(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT,
              (int)sessions->desk->config->transfers.idle * 1000);
}

static struct session *add(struct sessions *sessions, int descriptor, const struct origin *origin,
                           struct span unread)
{
    struct session *session = calloc(1, sizeof *session);

    if (!session || !framing_give(&session->in, unread.octets, unread.length)) {
        free(session);
        return NULL;
    }
    set_options(sessions, descriptor);
    session->sessions = sessions;
    session->descriptor = descriptor;
    session->slot = find_slot(sessions);
    session->origin = *origin;
    session->origin.session = ++sessions->serial << 32 | session->slot;
    session->since_ms = sessions->desk->now_ms;
    sessions->slots[session->slot] = session;
    sessions->count++;
    TAILQ_INSERT_TAIL(&sessions->by_age, session, age);
    count_sessions(sessions);
    return session;
}

void sessions_take(struct sessions *sessions, int descriptor,
                   const struct message_connection *connection)
{
    struct origin origin = {.udp = false};
    struct session *session = NULL;

    if (descriptor < 0)
        return;
    if (origin_take(&origin, connection->client, connection->local) && make_room(sessions))
        session = add(sessions, descriptor, &origin, connection->unread);
    if (!session) {
        metric_add(sessions->desk->metrics, METRIC_DESK_UNHEARD, 1);
        close(descriptor);
        return;
    }
    session_begin(session);
}

/* ---- answers and streams ---------------------------------------------------------------------*/

static struct session *find(const struct sessions *sessions, uint64_t id)
{
    uint32_t slot = (uint32_t)id;
    struct session *session = slot < sessions->limit ? sessions->slots[slot] : NULL;

    return session && session->origin.session == id ? session : NULL;
}

void sessions_answer(struct sessions *sessions, const struct origin *origin, const uint8_t *octets,
                     size_t length)
{
    struct session *session = find(sessions, origin->session);

    if (!session)
        return; /* the client has left */
    session->busy = false;
    if (length)
        session_put(session, octets, length);
    else
        session->broken = true;
    if (!session->serving)
        session_serve(session);
}

void sessions_stream(struct sessions *sessions, struct stream *stream)
{
    struct session *session = find(sessions, stream->ticket.origin.session);

    if (!session) {
        stream_end(stream);
        return;
    }
    session->stream = stream;
}

/* ---- time ------------------------------------------------------------------------------------*/

/* How long it may do nothing. What waits for the keeper has a deadline there. */
static uint64_t time_of(const struct session *session)
{
    const struct desk *desk = session->sessions->desk;

    if (session->stream || (session->trusted && session_unsent(session)))
        return (uint64_t)desk->config->transfers.idle * 1000;
    return session->busy && !session_unsent(session) ? UINT64_MAX / 2 : desk->idle_ms;
}

/* Who takes a little now and then is not idle, but may not hold a stream for ever either. */
static bool has_had_its_time(const struct session *session)
{
    const struct desk *desk = session->sessions->desk;

    return session->stream &&
           session->stream->begun_ms + (uint64_t)desk->config->transfers.longest * 1000 <=
               desk->now_ms;
}

static void give_up(struct session *session)
{
    struct metrics_stripe *metrics = session->sessions->desk->metrics;

    if (is_behind(session))
        metric_add(metrics, METRIC_TCP_SLOW_READERS, 1);
    else if (session->has_part)
        metric_add(metrics, METRIC_TCP_SLOW_WRITERS, 1);
    else
        metric_add(metrics, METRIC_TCP_IDLE, 1);
    let_go(session);
}

void sessions_tick(struct sessions *sessions)
{
    struct session *session = TAILQ_FIRST(&sessions->by_age), *next;

    for (; session; session = next) {
        next = TAILQ_NEXT(session, age);
        if (session->since_ms + time_of(session) <= sessions->desk->now_ms ||
            has_had_its_time(session))
            give_up(session);
        /* Or the zone has moved on too far for who reads so slowly. */
        else if (session->stream && transfer_keep_up(session->stream->transfer) == TRANSFER_FAILED)
            session_drop(session);
    }
}

/* ---- open and close --------------------------------------------------------------------------*/

/* Places for more; where there is no memory, there are as many as before. */
static void grow(struct sessions *sessions, uint32_t limit)
{
    struct session **slots = calloc(limit, sizeof(struct session *));
    if (!slots) {
        log_warning("no memory for more connections: transfers.clients stays as it was");
        return;
    }
    if (sessions->limit)
        memcpy(slots, sessions->slots, sessions->limit * sizeof(struct session *));
    free(sessions->slots);
    sessions->slots = slots;
    sessions->limit = limit;
}

void sessions_configure(struct sessions *sessions, uint32_t most)
{
    uint32_t limit = sessions->desk->config->transfers.clients;

    sessions->most = most;
    if (limit > sessions->limit)
        grow(sessions, limit);
    count_sessions(sessions); /* which tells how patient we are, too */
}

enum result sessions_open(struct sessions *sessions, struct ev_loop *loop, struct desk *desk,
                          uint32_t most, void (*tell_time)(struct desk *desk))
{
    *sessions = (struct sessions){.loop = loop,
                                  .desk = desk,
                                  .tell_time = tell_time,
                                  .scratch = malloc(FRAMING_SCRATCH_OCTETS)};
    TAILQ_INIT(&sessions->by_age);
    sessions_configure(sessions, most);
    return sessions->scratch && sessions->slots ? RESULT_OK : RESULT_SYSTEM;
}

void sessions_close(struct sessions *sessions)
{
    struct session *session, *next;

    if (!sessions->loop)
        return;
    for (session = TAILQ_FIRST(&sessions->by_age); session; session = next) {
        next = TAILQ_NEXT(session, age);
        session_drop(session);
    }
    free(sessions->slots);
    free(sessions->scratch);
    *sessions = (struct sessions){.loop = NULL};
}
