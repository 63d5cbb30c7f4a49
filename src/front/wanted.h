/*
 * wanted.h - questions parked until the signatures that they miss are there.
 *
 * Each missing signature is asked for once, by reference, however many questions wait for it. Each
 * question has a deadline: then it is answered with what can be said now. A table belongs to one
 * worker. It knows no socket and no clock: what it does goes through its events, and the time is
 * handed in.
 */
#ifndef AVOW_SRC_FRONT_WANTED_H
#define AVOW_SRC_FRONT_WANTED_H

#include <stdbool.h>
#include <sys/queue.h>

#include "avow/answer/answer.h"
#include "avow/base/hash.h"
#include "avow/ipc/messages.h"
#include "origin.h"

enum {
    WANTED_QUERIES = 4096,           /* parked at once, per worker */
    WANTED_REFERENCES = 8192,        /* asked for at once */
    WANTED_OCTETS = 4 * 1024 * 1024, /* of parked questions */
    WANTED_UDP_MS = 800,             /* resolvers ask again after about a second */
    WANTED_TCP_MS = 3000,
    WANTED_ROUNDS = 4,      /* how often more can turn out to be missing */
    WANTED_BUSY_MS = 50,    /* until a keeper that was busy is asked again, once */
    WANTED_AGAIN_MS = 1000, /* until one that never answered is asked again */
    WANTED_TICK_MS = 10     /* how often wanted_tick is to be called while it is busy */
};

struct wanted_query;
struct wanted_reference;

/* A question waits for a reference. */
struct wanted_tie {
    struct wanted_query *query;
    struct wanted_reference *reference;
    LIST_ENTRY(wanted_tie) next; /* of the reference */
};

struct wanted_query {
    TAILQ_ENTRY(wanted_query) age;   /* by deadline, per transport */
    TAILQ_ENTRY(wanted_query) ready; /* to be answered now */
    struct origin origin;
    uint64_t deadline_ms;
    enum answer_patience patience; /* with which it is to be answered */
    bool is_ready;
    uint8_t rounds;
    uint8_t missing; /* ties that still wait */
    uint8_t tie_count;
    struct wanted_tie ties[ANSWER_WANTED_LIMIT];
    size_t length;
    uint8_t octets[]; /* the message */
};

enum reference_state {
    REFERENCE_UNSENT, /* the keeper is away, or its channel is full */
    REFERENCE_ASKED,
    REFERENCE_BUSY /* to be asked again a little later */
};

struct wanted_reference {
    uint64_t id;
    struct wanted_reference *next; /* in its bucket */
    struct answer_wanted what;
    enum reference_state state;
    bool was_busy;
    uint64_t since_ms; /* in this state */
    LIST_HEAD(, wanted_tie) ties;
};

struct wanted_events {
    /* Ask the keeper. False: not now. */
    bool (*ask)(void *context, uint64_t id, const struct answer_wanted *what);
    /*
     * Answer a question. NULL: done with it; else the outcome says what else is missing, which is
     * possible only with ANSWER_MAY_WAIT. May not call the table.
     */
    const struct outcome *(*answer)(void *context, const struct wanted_query *query,
                                    enum answer_patience patience);
};

TAILQ_HEAD(wanted_list, wanted_query);

/* A zeroed table is a closed one. */
struct wanted {
    const struct wanted_events *events;
    void *context;
    struct hash_key key;
    struct wanted_list by_age[2]; /* enum answer_transport */
    struct wanted_list ready;
    struct wanted_reference **places; /* by the low bits of the id */
    struct wanted_reference **buckets;
    uint32_t free_place; /* where to look for a free one next */
    uint64_t serial;
    uint32_t references;
    uint32_t queries;
    size_t octets;
    bool linked;    /* the keeper is there */
    uint64_t asked; /* counters for the worker to fetch */
    uint64_t answered;
    uint64_t timeouts;
};

/* RESULT_SYSTEM without memory. `events` and `context` are kept. */
MUST_CHECK enum result wanted_open(struct wanted *wanted, const struct wanted_events *events,
                                   void *context);

/* Forget everything. Takes any state. */
void wanted_close(struct wanted *wanted);

/* Park a question whose outcome was ANSWER_WANTED. False: there is no room. */
bool wanted_park(struct wanted *wanted, const struct request *request,
                 const struct outcome *outcome, uint64_t now_ms);

/* The keeper's answers. What is not waited for is ignored. */
void wanted_stored(struct wanted *wanted, uint64_t id);
void wanted_refused(struct wanted *wanted, uint64_t id, enum not_stored_reason reason,
                    uint64_t now_ms);

/* The keeper came or went. What it was asked before is lost. */
void wanted_link(struct wanted *wanted, bool linked, uint64_t now_ms);

/* Look at deadlines, and at what is to be asked again. */
void wanted_tick(struct wanted *wanted, uint64_t now_ms);

/* Answer everything that is ready, from a snapshot that was renewed after that was said. */
void wanted_settle(struct wanted *wanted, uint64_t now_ms);

static inline bool wanted_has_ready(const struct wanted *wanted)
{
    return !TAILQ_EMPTY(&wanted->ready);
}

static inline bool wanted_is_busy(const struct wanted *wanted)
{
    return wanted->queries > 0;
}

#endif
