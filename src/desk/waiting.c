/* waiting.c - queries that wait for the signatures that they miss, or for a store to be read. */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

enum {
    QUERIES = 256, /* of peers with keys, and of those who asked for a transfer before */
    OCTETS = 4096, /* the longest query that is kept */
    ROUNDS = 4,    /* how often more can turn out to be missing */
    BUSY_MS = 50,  /* until a keeper that was busy is asked again */
    PLACE_BITS = 3
};

_Static_assert(ANSWER_WANTED_LIMIT <= 1 << PLACE_BITS,
               "a reference is told by its query and place");

struct waiting_query {
    TAILQ_ENTRY(waiting_query) next;
    uint64_t id;
    uint64_t deadline_ms;
    struct ticket ticket;
    unsigned missing; /* bit n: the nth reference of this round */
    unsigned rounds;
    bool again;        /* to be answered when the store can be read ... */
    uint64_t again_ms; /* ... and not before this */
    size_t length;
    uint8_t octets[];
};

static void forget(struct waiting *waiting, struct waiting_query *query)
{
    TAILQ_REMOVE(&waiting->queries, query, next);
    waiting->count--;
    ticket_drop(&query->ticket);
    free(query);
}

static void ask(struct desk *desk, struct waiting_query *query, unsigned place)
{
    const struct answer_wanted *wanted = &desk->outcome.wanted[place];
    struct message message = {
        .kind = MESSAGE_WANT,
        .want = {.id = query->id << PLACE_BITS | place,
                 .version = wanted->version,
                 .kind = wanted->kind == ANSWER_WANTED_NSEC3 ? WANT_NSEC3 : WANT_RRSET,
                 .type = wanted->type,
                 .owner = wanted->owner,
                 .proven = true}};

    if (wanted->kind == ANSWER_WANTED_NSEC3)
        message.want.hash = span_of(wanted->hash, sizeof wanted->hash);
    query->missing |= 1U << place;
    if (desk->outlets->want(desk->context, &message))
        metric_add(desk->metrics, METRIC_WANTS_ASKED, 1);
    /* else the keeper is away: everything is asked for anew when it comes */
}

static void ask_all(struct desk *desk, struct waiting_query *query)
{
    query->missing = 0;
    for (unsigned i = 0; i < desk->outcome.wanted_count && i < ANSWER_WANTED_LIMIT; i++)
        ask(desk, query, i);
}

bool waiting_park(struct desk *desk, const struct request *request, bool missing)
{
    struct waiting *waiting = &desk->waiting;

    if (waiting->count == QUERIES || request->length > OCTETS) {
        metric_add(desk->metrics, METRIC_WANTS_OVERFLOW, 1);
        return false;
    }
    struct waiting_query *query = calloc(1, sizeof *query + request->length);
    if (!query)
        return false;
    query->id = ++waiting->serial;
    query->deadline_ms = desk->now_ms + (request->ticket.origin.udp ? WANT_UDP_MS : WANT_TCP_MS);
    ticket_keep(&query->ticket, &request->ticket);
    query->length = request->length;
    memcpy(query->octets, request->octets, request->length);
    query->again = !missing;
    TAILQ_INSERT_TAIL(&waiting->queries, query, next);
    waiting->count++;
    metric_set(desk->metrics, METRIC_WANTS_PARKED, waiting->count);
    if (missing)
        ask_all(desk, query);
    return true;
}

/* ---- answering -------------------------------------------------------------------------------*/

/* With a snapshot. */
static void answer(struct desk *desk, struct waiting_query *query, enum answer_patience patience)
{
    query->again = false;
    if (plain_answer(desk, &query->ticket, query->octets, query->length, patience) == TAKEN_WAITS) {
        if (++query->rounds < ROUNDS) {
            ask_all(desk, query);
            return;
        }
        (void)plain_answer(desk, &query->ticket, query->octets, query->length, ANSWER_NOW);
    }
    forget(&desk->waiting, query);
    metric_set(desk->metrics, METRIC_WANTS_PARKED, desk->waiting.count);
}

static void answer_now(struct desk *desk, struct waiting_query *query,
                       enum answer_patience patience)
{
    if (!desk_read(desk)) {
        query->again = true;
        return;
    }
    answer(desk, query, patience);
    snapshot_rest(&desk->snapshot);
}

static struct waiting_query *find(struct desk *desk, uint64_t reference)
{
    struct waiting_query *query;

    TAILQ_FOREACH(query, &desk->waiting.queries, next)
    {
        if (query->id == reference >> PLACE_BITS &&
            query->missing & 1U << (reference & ((1U << PLACE_BITS) - 1)))
            return query;
    }
    return NULL;
}

void waiting_stored(struct desk *desk, uint64_t id)
{
    struct waiting_query *query = find(desk, id);

    if (!query)
        return;
    metric_add(desk->metrics, METRIC_WANTS_ANSWERED, 1);
    query->missing &= ~(1U << (id & ((1U << PLACE_BITS) - 1)));
    if (query->missing == 0)
        answer_now(desk, query, ANSWER_MAY_WAIT);
}

void waiting_refused(struct desk *desk, uint64_t id, enum not_stored_reason reason)
{
    struct waiting_query *query = find(desk, id);

    if (!query)
        return;
    /* UNKNOWN: the zone has another version meanwhile, which a newer snapshot shows. */
    if (reason != NOT_STORED_UNKNOWN && reason != NOT_STORED_BUSY) {
        answer_now(desk, query, ANSWER_NOW);
        return;
    }
    query->again = true;
    query->again_ms = desk->now_ms + (reason == NOT_STORED_BUSY ? BUSY_MS : 0);
}

void waiting_again(struct desk *desk)
{
    struct waiting_query *query;

    TAILQ_FOREACH(query, &desk->waiting.queries, next)
    query->again = true;
}

static void expire(struct desk *desk, struct waiting_query *query)
{
    metric_add(desk->metrics, METRIC_WANTS_TIMEOUT, 1);
    if (desk_read(desk)) {
        answer(desk, query, ANSWER_NOW);
        snapshot_rest(&desk->snapshot);
        return;
    }
    (void)reply_code(desk, &query->ticket, RCODE_SERVFAIL, EDE_NOT_READY);
    forget(&desk->waiting, query);
}

void waiting_tick(struct desk *desk)
{
    struct waiting_query *query = TAILQ_FIRST(&desk->waiting.queries), *next;

    for (; query; query = next) {
        next = TAILQ_NEXT(query, next);
        if (query->deadline_ms <= desk->now_ms)
            expire(desk, query);
        else if (query->again && query->again_ms <= desk->now_ms)
            answer_now(desk, query, ANSWER_MAY_WAIT);
    }
}

void waiting_close(struct desk *desk)
{
    struct waiting_query *query = TAILQ_FIRST(&desk->waiting.queries), *next;

    for (; query; query = next) {
        next = TAILQ_NEXT(query, next);
        forget(&desk->waiting, query);
    }
}
