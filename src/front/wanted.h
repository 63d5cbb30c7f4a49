/*
 * wanted.h - questions parked until the signatures that they miss are there.
 *
 * Each missing signature is asked for once, by reference, however many questions wait for it. Each
 * question has a deadline: then it is answered with what can be said now. A table belongs to one
 * worker. It knows no socket and no clock: what it does goes through its events, and the time is
 * handed in.
 *
 * No more is asked for at a time than the token can make before those who wait give up: the keeper
 * says how many that are (wanted_allow), for clients that have shown their address and for others.
 * Zones share that evenly. What is beyond it waits, if its client has shown its address, and is
 * asked for as soon as there is room. Signatures of an apex are always asked for.
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
    WANTED_UNPROVEN = 3072,          /* of the first, of clients that have shown nothing */
    WANTED_UDP_MS = WANT_UDP_MS,     /* resolvers ask again after about a second */
    WANTED_TCP_MS = WANT_TCP_MS,
    WANTED_ZONES = 64,      /* that are told apart; some share a place, and what it may have */
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
    bool proven; /* its client has shown that the address is its own */
    bool turned; /* signatures are short: let the client show that */
    uint8_t rounds;
    uint8_t missing; /* ties that still wait */
    uint8_t tie_count;
    struct wanted_tie ties[ANSWER_WANTED_LIMIT];
    size_t length;
    uint8_t octets[]; /* the message */
};

enum reference_state {
    REFERENCE_UNSENT, /* the keeper is away, its channel is full, or it is not its turn */
    REFERENCE_ASKED,
    REFERENCE_BUSY /* to be asked again a little later */
};

struct wanted_reference {
    uint64_t id;
    struct wanted_reference *next; /* in its bucket */
    struct answer_wanted what;
    enum reference_state state;
    bool was_busy;
    bool proven;       /* one of those who wait is */
    bool heavy;        /* those who wait have had their share of signatures */
    uint64_t since_ms; /* in this state */
    LIST_HEAD(, wanted_tie) ties;
};

struct wanted_events {
    /* Ask the keeper. False: not now. */
    bool (*ask)(void *context, uint64_t id, const struct answer_wanted *what, bool proven);
    /*
     * Answer a question. NULL: done with it; else the outcome says what else is missing, which is
     * possible only with ANSWER_MAY_WAIT. May not call the table.
     */
    const struct outcome *(*answer)(void *context, const struct wanted_query *query,
                                    enum answer_patience patience);
};

TAILQ_HEAD(wanted_list, wanted_query);

/* References that are asked for, for clients of one kind. */
struct wanted_share {
    uint32_t limit;
    uint16_t zones[WANTED_ZONES]; /* by version */
    unsigned busy;                /* of these, that are not 0 */
};

enum wanted_room {
    WANTED_ROOM_FREE,   /* for everybody */
    WANTED_ROOM_SCARCE, /* for those who have had few signatures of late */
    WANTED_ROOM_NONE
};

/* Who asks, and how much it is to be asked for now. */
struct wanted_asker {
    bool proven;
    bool heavy;   /* has had its share */
    bool delayed; /* there is no room for it: what is missing is asked for later */
};

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
    uint32_t unproven; /* of these */
    size_t octets;
    struct wanted_share shares[2]; /* of the unproven, of the proven */
    bool linked;                   /* the keeper is there */
    uint64_t asked;                /* counters for the worker to fetch */
    uint64_t answered;
    uint64_t timeouts;
    uint64_t delayed;
};

/* RESULT_SYSTEM without memory. `events` and `context` are kept. */
MUST_CHECK enum result wanted_open(struct wanted *wanted, const struct wanted_events *events,
                                   void *context);

/* Forget everything. Takes any state. */
void wanted_close(struct wanted *wanted);

/* What the keeper may be asked for at a time, for unproven clients and for proven ones. Without
 * limits until this is called. */
void wanted_allow(struct wanted *wanted, uint32_t unproven, uint32_t proven);

/* References of an outcome that would have to be asked for, those of an apex not counted. */
unsigned wanted_fresh(const struct wanted *wanted, const struct outcome *outcome);

/* Whether there is room for so many more of a zone. */
enum wanted_room wanted_room(const struct wanted *wanted, bool proven, uint32_t version,
                             unsigned count);

/* Park a question whose outcome was ANSWER_WANTED. False: there is no room. */
bool wanted_park(struct wanted *wanted, const struct request *request,
                 const struct outcome *outcome, const struct wanted_asker *asker, uint64_t now_ms);

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
