/*
 * internal.h - the desk without sockets, channels and clocks: what becomes of a request.
 *
 * A request comes in by desk_take, what the keeper says by pending_ and waiting_ functions; answers
 * and letters go out by the outlets. The time is what desk->now and desk->now_ms say.
 */
#ifndef AVOW_SRC_DESK_INTERNAL_H
#define AVOW_SRC_DESK_INTERNAL_H

#include <stdbool.h>
#include <sys/queue.h>

#include "avow/answer/answer.h"
#include "avow/base/clock_watch.h"
#include "avow/base/log.h"
#include "avow/config/grants.h"
#include "avow/ipc/message.h"
#include "avow/room/metrics.h"
#include "replay.h"
#include "ticket.h"

struct stream;

struct desk_outlets {
    /* Send an answer. Length 0: there is none, and a connection is of no use any more. */
    void (*answer)(void *context, const struct origin *origin, const uint8_t *octets,
                   size_t length);
    /* A letter to the keeper, on its channels CHANGES and WANTED. False: not now. */
    bool (*change)(void *context, const struct message *message);
    bool (*want)(void *context, const struct message *message);
    /* Send a stream to the connection that asked for it, which takes it over. */
    void (*stream)(void *context, struct stream *stream);
};

TAILQ_HEAD(pending_list, pending);
TAILQ_HEAD(waiting_list, waiting_query);
TAILQ_HEAD(stream_list, stream);

enum { UPDATES_BUCKETS = 4096 };

/* Updates that the keeper has. */
struct pending_updates {
    struct pending_list by_age;
    struct pending *buckets[UPDATES_BUCKETS];
    uint64_t serial;
    uint32_t count;
    uint64_t octets;
};

/* Plain queries that wait for signatures, or for a store that can be read. */
struct waiting {
    struct waiting_list queries;
    uint64_t serial;
    uint32_t count;
};

struct desk {
    const struct desk_outlets *outlets;
    void *context;
    struct metrics_stripe *metrics;
    const struct config *config;
    struct keyring *keyring;
    uint64_t now;    /* seconds since 1970 */
    uint64_t now_ms; /* monotonic */
    struct clock_watch watch;
    uint64_t idle_ms; /* how long a connection may do nothing; who has connections says so */

    struct snapshot snapshot;
    bool broken; /* the store cannot be read: the room has to be started anew */
    struct zone_table zones;
    struct answerer answerer;
    struct query query;
    struct outcome outcome;
    uint8_t *plain;  /* a message without its TSIG, or RDATA: MESSAGE_MAX_OCTETS */
    uint8_t *out;    /* the answer that is being made: MESSAGE_MAX_OCTETS */
    uint8_t *packed; /* sections of an update: MESSAGE_PIECE_OCTETS */

    struct replay replay;
    struct pending_updates updates;
    struct waiting waiting;
    struct stream_list streams; /* to connections */
    uint32_t stream_count;

    struct log_budget refusal_lines;
    struct log_budget tsig_lines;
    struct log_budget store_lines;
    struct log_budget trouble_lines;
};

/* A request while it is looked at. */
struct request {
    struct ticket ticket;
    const uint8_t *octets;
    size_t length;             /* without the TSIG */
    uint16_t counts[SECTIONS]; /* likewise */
    struct question question;  /* with exactly one */
    struct reader body;        /* behind the question */
    bool has_tsig;             /* somewhere */
    bool trusted;              /* a key or an access list speaks for it */
};

/* ---- desk_state.c ----------------------------------------------------------------------------*/

/* Memory, keys, tables; the snapshot is the caller's to open. RESULT_SYSTEM: closed again. */
MUST_CHECK enum result desk_open(struct desk *desk, const struct config *config,
                                 const struct desk_outlets *outlets, void *context);
void desk_close(struct desk *desk);

/* Another configuration. RESULT_SYSTEM: its keys could not be taken, all is as before. */
MUST_CHECK enum result desk_configure(struct desk *desk, const struct config *config);

/* Read the newest snapshot, between this and snapshot_rest. False: not now, or desk->broken. */
bool desk_read(struct desk *desk);

/* ---- request.c -------------------------------------------------------------------------------*/

enum taken {
    TAKEN_ANSWERED, /* the answer has left by its outlet */
    TAKEN_WAITS,    /* it will, or a stream does */
    TAKEN_SILENT    /* there will be none */
};

/* Take a message. `trusted`, when not NULL, is set when a key or an access list spoke for it. */
enum taken desk_take(struct desk *desk, const struct origin *origin, const uint8_t *octets,
                     size_t length, bool *trusted);

/* ---- reply.c ---------------------------------------------------------------------------------*/

/* Bring the desk's time up to date. */
void desk_tell_time(struct desk *desk);

/* Octets that the answer may have, its TSIG included. */
size_t reply_limit(const struct desk *desk, const struct ticket *ticket);

/* Answer with an RCODE and nothing else; `extended`: EDE_NONE, or what is told beside it. */
enum taken reply_code(struct desk *desk, struct ticket *ticket, uint16_t rcode, uint16_t extended);

/* Sign what stands in desk->out, and send it. */
enum taken reply_octets(struct desk *desk, struct ticket *ticket, size_t length);

/* ---- authorise.c -----------------------------------------------------------------------------*/

/* Who asks, as access lists see it. Lives as long as the ticket. */
struct config_peer authorise_peer(const struct ticket *ticket);

/* The zone of the question, if it is one of ours and `allowed` by its list; else NULL, and the
 * request was answered NOTAUTH or REFUSED. */
typedef bool authorise_list(const struct config_zone *zone, const struct config_peer *peer);
const struct config_zone *authorise(struct desk *desk, struct request *request,
                                    authorise_list *allowed);

/* A line about something that was refused; budgeted. */
void authorise_tell(struct desk *desk, const struct ticket *ticket, const struct name *zone,
                    const char *why);

/* ---- one file each ---------------------------------------------------------------------------*/

enum taken plain_take(struct desk *desk, struct request *request);
enum taken notify_in_take(struct desk *desk, struct request *request);
enum taken pending_take(struct desk *desk, struct request *request);
enum taken streams_take(struct desk *desk, struct request *request);

/* ---- waiting.c -------------------------------------------------------------------------------*/

/* Make an answer; with ANSWER_MAY_WAIT it may have to be waited for. */
enum taken plain_answer(struct desk *desk, struct ticket *ticket, const uint8_t *octets,
                        size_t length, enum answer_patience patience);

/* Keep a query until the signatures of desk->outcome are there, or the store can be read
 * (`missing` false). False: there is no room. */
bool waiting_park(struct desk *desk, const struct request *request, bool missing);

/* The keeper's answers; its coming; the time. */
void waiting_stored(struct desk *desk, uint64_t id);
void waiting_refused(struct desk *desk, uint64_t id, enum not_stored_reason reason);
void waiting_again(struct desk *desk);
void waiting_tick(struct desk *desk);
void waiting_close(struct desk *desk);

/* ---- pending.c -------------------------------------------------------------------------------*/

void pending_answered(struct desk *desk, const struct message_updated *updated);
/* The keeper is gone: what it had is answered SERVFAIL. */
void pending_lost(struct desk *desk);
void pending_tick(struct desk *desk);
void pending_close(struct desk *desk);

#endif
