/*
 * worker.h - one thread of the front: its loop, its snapshot, its sockets, its channels.
 *
 * Workers share nothing but the mapped store and the table of the rate limit. Everything here but
 * `mail` belongs to the worker's thread once that runs.
 */
#ifndef AVOW_SRC_FRONT_WORKER_H
#define AVOW_SRC_FRONT_WORKER_H

#include <ev.h>
#include <pthread.h>
#include <stdatomic.h>

#include "avow/answer/answer.h"
#include "avow/base/log.h"
#include "avow/room/metrics.h"
#include "avow/room/room.h"
#include "cookies.h"
#include "handoff.h"
#include "restraint.h"
#include "settings.h"
#include "shares.h"
#include "tcp.h"
#include "udp.h"
#include "urgency.h"
#include "wanted.h"

/* What the main thread leaves for a worker, under the lock. */
struct worker_mail {
    pthread_mutex_t lock;
    int keeper; /* a new channel; -1: none */
    int desk;
    bool stop;
    bool configure;
    struct settings settings; /* its limits are held */
};

/* What a worker is made of. Kept by reference but for settings. */
struct worker_order {
    unsigned index;
    const struct store *store;
    const struct pages *pages;         /* NULL in tests without a keeper */
    const struct room_socket *sockets; /* those of all workers */
    size_t socket_count;
    const struct settings *settings;
    struct limiter *limiter; /* of all workers; NULL in tests without limits */
    const struct hash_key *charge_key;
    size_t cache_octets;
    struct metrics_stripe *metrics;
    void (*failed)(void *context); /* the store is broken; called from the worker's thread */
    void *context;
};

struct worker {
    struct worker_order order;
    struct settings settings; /* but for the limits, which are in `restraint` */
    struct metrics_stripe *metrics;
    struct ev_loop *loop;
    pthread_t thread;
    bool started;
    bool failed;

    struct snapshot snapshot;
    struct zone_table zones;
    struct answer_cache *cache;
    struct answerer answerer;
    struct answer_facts facts;
    struct query query;
    struct cookies cookies; /* what the query's cookie says */
    struct outcome outcome;
    bool behind;               /* the datagrams at hand come faster than they are answered */
    struct wanted_asker asker; /* what is to become of the signatures that it lacks */
    unsigned fresh;            /* of these, that would have to be asked for */

    struct udp udp;
    struct tcp tcp;
    struct wanted wanted;
    struct handoff handoff;
    struct urgency urgency;
    struct restraint restraint;
    struct shares shares;
    struct channel *keeper;
    struct dispatch_state keeper_letters;
    uint8_t *late; /* room for an answer outside its turn, with a length before it */

    ev_async wake;
    ev_prepare settle; /* before the loop waits: what has become ready */
    ev_timer retry;    /* the store asked us to wait */
    ev_timer tick;     /* while questions are parked */
    struct worker_mail mail;

    struct log_budget corrupt_lines;
    struct log_budget zone_lines;
    struct log_budget accept_lines;
    struct log_budget short_lines, behind_lines;
    uint32_t turned; /* questions, while signatures were short */
};

/* Make a worker, everything that it will ever open included. RESULT_SYSTEM: closed again. */
MUST_CHECK enum result worker_open(struct worker *worker, const struct worker_order *order);

/* Run it in a thread of its own. */
MUST_CHECK enum result worker_start(struct worker *worker);

/* From any thread: letters for the worker. Descriptors become the worker's. */
void worker_connect(struct worker *worker, enum room_kind peer, int descriptor);
void worker_configure(struct worker *worker, const struct settings *settings);

/* Tell it to stop, and wait for that. */
void worker_stop(struct worker *worker);

/* Takes any state but a running one. */
void worker_close(struct worker *worker);

/* ---- for the worker's own parts --------------------------------------------------------------*/

/*
 * Before answering: the newest snapshot, its zones, the time. Between begin and end nothing may
 * wait. False: not now; worker->retry runs, and will call udp_resume and tcp_resume.
 */
bool worker_begin(struct worker *worker);
void worker_end(struct worker *worker);

enum served {
    SERVED_ANSWER, /* `length` octets are to be sent */
    SERVED_PARKED, /* it waits for signatures: tcp_answer or udp_send comes later */
    SERVED_HANDED, /* the desk has it, a datagram */
    SERVED_DESK,   /* its connection is to move to the desk, with this message as the next */
    SERVED_NOTHING /* there will be none */
};

/* Answer a message, between begin and end; `out` as answer_query wants it. */
enum served worker_serve(struct worker *worker, const struct request *request, uint8_t *out,
                         size_t size, size_t *length);

#endif
