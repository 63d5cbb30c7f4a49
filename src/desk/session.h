/*
 * session.h - TCP connections that the front handed over: who may stay, reading, answering,
 * streams.
 *
 * Requests of a connection are taken one after the other: the next one when the one before is
 * answered, or its stream sent. What a client does not read is not made.
 */
#ifndef AVOW_SRC_DESK_SESSION_H
#define AVOW_SRC_DESK_SESSION_H

#include <ev.h>

#include "avow/base/pace.h"
#include "avow/wire/framing.h"
#include "internal.h"

enum {
    SESSION_PREFIX_OCTETS = 2,
    SESSION_BACKLOG_OCTETS = 512 * 1024, /* unsent: beyond this nothing more is made */
    SESSION_STRANGER_OCTETS = 16 * 1024  /* the same for who has shown no right to be here */
};

struct sessions;

struct session {
    TAILQ_ENTRY(session) age; /* of all, by since_ms */
    struct sessions *sessions;
    ev_io readable;
    ev_io writable;
    ev_timer later; /* what could not go on in this turn */
    int descriptor;
    uint32_t slot;
    struct origin origin;
    struct identity *identity; /* owned; NULL: plain TCP */
    /* Since when we wait for its client: for a request, the rest of one that has begun, or that it
     * takes what it asked for. A single octet changes nothing. */
    uint64_t since_ms;
    struct pace pace;
    struct framing in;
    uint8_t *out; /* while anything is in it or comes */
    size_t room;  /* in it */
    size_t start; /* sent already */
    size_t end;
    struct stream *stream;
    size_t streamed; /* in this turn */
    bool busy;       /* a request is under way */
    bool serving;    /* this session is being served: it is looked at again anyway */
    bool trusted;    /* something that it asked was allowed */
    bool has_part;   /* of a request */
    bool finishing;  /* the client has said all */
    bool broken;     /* to be dropped */
};

TAILQ_HEAD(session_list, session);

/* A zeroed struct is a closed one. */
struct sessions {
    struct ev_loop *loop;
    struct desk *desk;
    void (*tell_time)(struct desk *desk); /* brings desk->now up to date */
    struct session **slots;
    uint32_t limit; /* places; the configuration may say fewer */
    uint32_t count;
    uint32_t next_slot;
    uint64_t serial;
    struct session_list by_age;
    uint8_t *scratch;
    uint32_t most;
};

/* `most`: there are descriptors for no more, whatever the configuration says. */
MUST_CHECK enum result sessions_open(struct sessions *sessions, struct ev_loop *loop,
                                     struct desk *desk, uint32_t most,
                                     void (*tell_time)(struct desk *desk));
void sessions_close(struct sessions *sessions);

/* The configuration is another one. */
void sessions_configure(struct sessions *sessions, uint32_t most);

/* Take a connection over, and the descriptor whatever comes of it. */
void sessions_take(struct sessions *sessions, int descriptor,
                   const struct message_connection *connection);

/* For the outlets of the desk. */
void sessions_answer(struct sessions *sessions, const struct origin *origin, const uint8_t *octets,
                     size_t length);
void sessions_stream(struct sessions *sessions, struct stream *stream);

/* Look at deadlines. */
void sessions_tick(struct sessions *sessions);

/* ---- between session.c and session_serve.c ---------------------------------------------------*/

void session_begin(struct session *session);
void session_serve(struct session *session); /* may drop it */
void session_drop(struct session *session);
void session_put(struct session *session, const uint8_t *octets, size_t length);

/* How much may be unsent, beyond which nothing more is made. */
static inline size_t session_bound(const struct session *session)
{
    return session->trusted ? (size_t)SESSION_BACKLOG_OCTETS : (size_t)SESSION_STRANGER_OCTETS;
}

static inline size_t session_unsent(const struct session *session)
{
    return session->end - session->start;
}

#endif
