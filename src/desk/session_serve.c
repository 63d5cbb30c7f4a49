/* session_serve.c - one connection: requests in, answers and streams out. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "session.h"
#include "streams.h"

enum {
    /* In a turn of the loop: */
    TURN_OCTETS = 1024 * 1024,      /* which all streams share: a millisecond; */
    TURN_LEAST_OCTETS = 128 * 1024, /* of each not less than this */
    TURN_REQUESTS = 64,             /* of one connection, before others have their turn */
    TURN_STRANGER_REQUESTS = 4,     /* of one that has shown no right to be here */
    LATER_MS = 2
};

/* ---- out -------------------------------------------------------------------------------------*/

static void touch(struct session *session)
{
    struct sessions *sessions = session->sessions;

    session->since_ms = sessions->desk->now_ms;
    TAILQ_REMOVE(&sessions->by_age, session, age);
    TAILQ_INSERT_TAIL(&sessions->by_age, session, age);
}

/* Room for as much as may be unsent and a message more: a right that is shown late makes it larger.
 */
static bool make_room(struct session *session)
{
    size_t room = session_bound(session) + SESSION_PREFIX_OCTETS + MESSAGE_MAX_OCTETS;

    if (session->room >= room)
        return true;
    uint8_t *out = realloc(session->out, room);
    if (!out)
        return false;
    session->out = out;
    session->room = room;
    return true;
}

static void drop_room(struct session *session)
{
    free(session->out);
    session->out = NULL;
    session->room = session->start = session->end = 0;
}

/* Room for a message with its length before it; NULL: no memory, or too much is unsent. */
static uint8_t *claim(struct session *session)
{
    size_t bound = session_bound(session);

    if (!make_room(session))
        return NULL;
    if (session->start == session->end)
        session->start = session->end = 0;
    if (session->end > bound && session->start) {
        memmove(session->out, session->out + session->start, session_unsent(session));
        session->end -= session->start;
        session->start = 0;
    }
    return session->end <= bound ? session->out + session->end : NULL;
}

static void claimed(struct session *session, uint8_t *place, size_t length)
{
    place[0] = (uint8_t)(length >> 8);
    place[1] = (uint8_t)length;
    session->end += SESSION_PREFIX_OCTETS + length;
    if (pace_adds(&session->pace, session_unsent(session)))
        touch(session);
}

void session_put(struct session *session, const uint8_t *octets, size_t length)
{
    uint8_t *place = claim(session);

    if (!place || length > MESSAGE_MAX_OCTETS) {
        session->broken = true;
        return;
    }
    memcpy(place + SESSION_PREFIX_OCTETS, octets, length);
    claimed(session, place, length);
    /* As the front does; it counts the answers to datagrams, which it sends. */
    metric_add(session->sessions->desk->metrics, METRIC_RESPONSES, 1);
    metric_add(session->sessions->desk->metrics, METRIC_RESPONSE_OCTETS, length);
}

/* Send what the socket takes. */
static void flush(struct session *session)
{
    ssize_t sent;

    while (!session->broken && session_unsent(session)) {
        do
            sent = send(session->descriptor, session->out + session->start, session_unsent(session),
                        MSG_DONTWAIT | MSG_NOSIGNAL);
        while (sent < 0 && errno == EINTR);
        if (sent < 0) {
            session->broken = errno != EAGAIN;
            return;
        }
        session->start += (size_t)sent;
        if (pace_takes(&session->pace, (size_t)sent, session_unsent(session)))
            touch(session);
    }
}

/* ---- streams ---------------------------------------------------------------------------------*/

static void end_stream(struct session *session)
{
    stream_end(session->stream);
    session->stream = NULL;
    session->busy = false;
}

/* Nothing more comes: with a message of it sent, only the end of the connection can say so. */
static void fail_stream(struct session *session)
{
    if (session->stream->messages)
        session->broken = true;
    else
        stream_refuse(session->stream);
    end_stream(session);
}

static void come_back(struct session *session, double seconds)
{
    ev_timer_set(&session->later, seconds, 0.0);
    ev_timer_start(session->sessions->loop, &session->later);
}

/* One message of the stream. False: no more in this turn. */
static bool pull(struct session *session)
{
    uint8_t *place = claim(session);

    if (!place) {
        session->broken = true;
        return false;
    }
    struct writer message = writer_over(place + SESSION_PREFIX_OCTETS, MESSAGE_MAX_OCTETS);
    switch (stream_next(session->stream, &message)) {
    case TRANSFER_MESSAGE:
        claimed(session, place, message.length);
        session->streamed += message.length;
        return true;
    case TRANSFER_LAST:
        claimed(session, place, message.length);
        session->streamed += message.length;
        end_stream(session);
        return true;
    case TRANSFER_LATER:
        come_back(session, LATER_MS / 1000.0);
        return false;
    case TRANSFER_FAILED:
        fail_stream(session);
        break;
    }
    return false;
}

/* What one stream may have before others have their turn: updates and NOTIFY wait as well. */
static size_t turn_octets(const struct session *session)
{
    uint32_t streams = session->sessions->desk->stream_count;
    size_t part = (size_t)TURN_OCTETS / (streams ? streams : 1);

    return part > TURN_LEAST_OCTETS ? part : (size_t)TURN_LEAST_OCTETS;
}

/* As much of the stream as the client takes, up to what is left of the turn. */
static void pump(struct session *session)
{
    size_t bound = session_bound(session), most = turn_octets(session);

    while (session->stream && !session->broken && session->streamed < most) {
        if (session_unsent(session) >= bound) {
            flush(session);
            if (session_unsent(session) >= bound)
                return;
        }
        if (!pull(session))
            return;
    }
}

/* ---- in --------------------------------------------------------------------------------------*/

/* Take the next request, if there is one and it is its turn. */
static bool take_next(struct session *session)
{
    struct desk *desk = session->sessions->desk;
    const uint8_t *message;
    size_t length;
    bool trusted = false;

    if (session->busy || session->broken || session_unsent(session) >= session_bound(session))
        return false;
    switch (framing_next(&session->in, &message, &length)) {
    case FRAMING_MORE:
        return false;
    case FRAMING_BAD:
        metric_add(desk->metrics, METRIC_DROPPED_MALFORMED, 1);
        session->broken = true;
        return false;
    case FRAMING_WHOLE:
        break;
    }
    if (session_unsent(session) == 0)
        touch(session);
    session->busy = true;
    if (desk_take(desk, &session->origin, message, length, &trusted) == TAKEN_SILENT)
        session->busy = false;
    session->trusted |= trusted;
    return true;
}

/* There is a request that could be taken, but the turn is over. */
static bool is_interrupted(const struct session *session)
{
    return !session->busy && session_unsent(session) < session_bound(session) &&
           framing_has_message(&session->in);
}

/* From its first octet on a request has as long as a client may be idle. */
static void look_for_part(struct session *session)
{
    bool has_part = framing_octets(&session->in) != 0 && !framing_has_message(&session->in);

    if (has_part && !session->has_part && !session->busy && session_unsent(session) == 0)
        touch(session);
    session->has_part = has_part;
}

/* Watch what there is something to do with; drop what has nothing left to do. */
static void adjust(struct session *session)
{
    struct ev_loop *loop = session->sessions->loop;
    bool has_message = framing_has_message(&session->in), unsent = session_unsent(session) != 0;

    if (session->broken || (session->finishing && !has_message && !session->busy && !unsent)) {
        session_drop(session);
        return;
    }
    look_for_part(session);
    if (session->finishing || session->busy || has_message ||
        session_unsent(session) >= session_bound(session))
        ev_io_stop(loop, &session->readable);
    else
        ev_io_start(loop, &session->readable);
    if (is_interrupted(session) && !ev_is_active(&session->later))
        come_back(session, 0.0);
    if (unsent || (session->stream && !ev_is_active(&session->later)))
        ev_io_start(loop, &session->writable);
    else
        ev_io_stop(loop, &session->writable);
    if (!unsent && !session->busy) /* idle ones cost little */
        drop_room(session);
}

/* The view of what is in, if there is any, is open. */
static void serve_view(struct session *session)
{
    unsigned taken = 0, most = session->trusted ? TURN_REQUESTS : TURN_STRANGER_REQUESTS;

    session->serving = true;
    session->streamed = 0;
    do {
        if (session->stream && !ev_is_active(&session->later))
            pump(session);
        flush(session);
    } while (taken++ < most && session->streamed < turn_octets(session) && take_next(session));
    if (!framing_keep(&session->in))
        session->broken = true;
    session->serving = false;
    adjust(session);
}

void session_serve(struct session *session)
{
    framing_resume(&session->in);
    serve_view(session);
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int happened)
{
    struct session *session = watcher->data;
    struct sessions *sessions = session->sessions;
    size_t room;
    ssize_t received;
    (void)loop, (void)happened;

    sessions->tell_time(sessions->desk);
    uint8_t *place = framing_place(&session->in, sessions->scratch, &room);
    if (!place) {
        session_drop(session);
        return;
    }
    do
        received = recv(session->descriptor, place, room, MSG_DONTWAIT);
    while (received < 0 && errno == EINTR);
    if (received < 0) {
        if (errno != EAGAIN)
            session_drop(session);
        return;
    }
    if (received == 0) { /* the client has said all; it may still listen (RFC 7766 section 6.2.4) */
        session->finishing = true;
        adjust(session);
        return;
    }
    framing_add(&session->in, sessions->scratch, (size_t)received);
    serve_view(session);
}

static void on_writable(struct ev_loop *loop, ev_io *watcher, int happened)
{
    struct session *session = watcher->data;
    (void)loop, (void)happened;

    session->sessions->tell_time(session->sessions->desk);
    session_serve(session);
}

static void on_later(struct ev_loop *loop, ev_timer *watcher, int happened)
{
    struct session *session = watcher->data;
    (void)loop, (void)happened;

    session->sessions->tell_time(session->sessions->desk);
    session_serve(session);
}

void session_begin(struct session *session)
{
    ev_io_init(&session->readable, on_readable, session->descriptor, EV_READ);
    ev_io_init(&session->writable, on_writable, session->descriptor, EV_WRITE);
    ev_timer_init(&session->later, on_later, 0.0, 0.0);
    session->readable.data = session->writable.data = session->later.data = session;
    session_serve(session);
}
