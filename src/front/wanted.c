/* wanted.c - questions parked until the signatures that they miss are there. */
#include "wanted.h"

#include <stdlib.h>
#include <string.h>

#include "avow/wire/writer.h"

enum { BUCKETS = WANTED_REFERENCES, SUBJECT_OCTETS = NAME_MAX_OCTETS + 16 };

_Static_assert((WANTED_REFERENCES & (WANTED_REFERENCES - 1)) == 0, "places are found by low bits");

/* ---- references ------------------------------------------------------------------------------*/

static struct wanted_reference **bucket_of(const struct wanted *wanted,
                                           const struct answer_wanted *what)
{
    uint8_t octets[SUBJECT_OCTETS];
    struct writer writer = writer_over(octets, sizeof octets);
    struct name owner;

    writer_u32(&writer, what->version);
    writer_u16(&writer, what->type);
    if (what->kind == ANSWER_WANTED_NSEC3) {
        writer_add(&writer, what->hash, sizeof what->hash);
    } else {
        name_copy(&owner, &what->owner);
        name_lower(&owner);
        writer_add(&writer, owner.octets, owner.length);
    }
    return &wanted->buckets[hash_octets(&wanted->key, octets, writer.length) % BUCKETS];
}

static bool is_same(const struct answer_wanted *a, const struct answer_wanted *b)
{
    if (a->kind != b->kind || a->version != b->version)
        return false;
    if (a->kind == ANSWER_WANTED_NSEC3)
        return memcmp(a->hash, b->hash, sizeof a->hash) == 0;
    return a->type == b->type && name_equal(&a->owner, &b->owner);
}

static struct wanted_reference *find(const struct wanted *wanted, const struct answer_wanted *what)
{
    struct wanted_reference *reference = *bucket_of(wanted, what);

    while (reference && !is_same(&reference->what, what))
        reference = reference->next;
    return reference;
}

static struct wanted_reference *find_id(const struct wanted *wanted, uint64_t id)
{
    struct wanted_reference *reference = wanted->places[id & (WANTED_REFERENCES - 1)];
    return reference && reference->id == id ? reference : NULL;
}

/* The state is set first: what is under way in another thread or process may answer at any time. */
static void ask(struct wanted *wanted, struct wanted_reference *reference, uint64_t now_ms)
{
    bool sent =
        wanted->linked && wanted->events->ask(wanted->context, reference->id, &reference->what);
    reference->state = sent ? REFERENCE_ASKED : REFERENCE_UNSENT;
    reference->since_ms = now_ms;
    wanted->asked += sent;
}

static uint32_t find_place(struct wanted *wanted)
{
    uint32_t place = wanted->free_place;

    while (wanted->places[place])
        place = (place + 1) & (WANTED_REFERENCES - 1);
    wanted->free_place = (place + 1) & (WANTED_REFERENCES - 1);
    return place;
}

static struct wanted_reference *make(struct wanted *wanted, const struct answer_wanted *what,
                                     uint64_t now_ms)
{
    if (wanted->references == WANTED_REFERENCES)
        return NULL;
    struct wanted_reference *reference = calloc(1, sizeof *reference);
    if (!reference)
        return NULL;

    uint32_t place = find_place(wanted);
    struct wanted_reference **bucket = bucket_of(wanted, what);
    reference->id = ++wanted->serial * WANTED_REFERENCES | place;
    reference->what = *what;
    reference->next = *bucket;
    LIST_INIT(&reference->ties);
    *bucket = reference;
    wanted->places[place] = reference;
    wanted->references++;
    ask(wanted, reference, now_ms);
    return reference;
}

static void drop(struct wanted *wanted, struct wanted_reference *reference)
{
    struct wanted_reference **link = bucket_of(wanted, &reference->what);

    while (*link != reference)
        link = &(*link)->next;
    *link = reference->next;
    wanted->places[reference->id & (WANTED_REFERENCES - 1)] = NULL;
    wanted->references--;
    free(reference);
}

/* ---- questions -------------------------------------------------------------------------------*/

static void make_ready(struct wanted *wanted, struct wanted_query *query,
                       enum answer_patience patience)
{
    if (patience == ANSWER_NOW)
        query->patience = ANSWER_NOW;
    if (query->is_ready)
        return;
    query->is_ready = true;
    TAILQ_INSERT_TAIL(&wanted->ready, query, ready);
}

static void untie(struct wanted *wanted, struct wanted_query *query)
{
    for (unsigned i = 0; i < query->tie_count; i++) {
        struct wanted_reference *reference = query->ties[i].reference;
        if (!reference)
            continue;
        LIST_REMOVE(&query->ties[i], next);
        if (LIST_EMPTY(&reference->ties))
            drop(wanted, reference);
    }
    query->tie_count = query->missing = 0;
}

static bool tie(struct wanted *wanted, struct wanted_query *query, const struct outcome *outcome,
                uint64_t now_ms)
{
    for (unsigned i = 0; i < outcome->wanted_count && i < ANSWER_WANTED_LIMIT; i++) {
        struct wanted_reference *reference = find(wanted, &outcome->wanted[i]);
        if (!reference)
            reference = make(wanted, &outcome->wanted[i], now_ms);
        if (!reference) {
            untie(wanted, query);
            return false;
        }
        struct wanted_tie *tie = &query->ties[query->tie_count++];
        *tie = (struct wanted_tie){.query = query, .reference = reference};
        LIST_INSERT_HEAD(&reference->ties, tie, next);
        query->missing++;
    }
    return query->missing > 0;
}

/* The end of a question that is in no list of deadlines any more. */
static void forget(struct wanted *wanted, struct wanted_query *query)
{
    untie(wanted, query);
    if (query->is_ready)
        TAILQ_REMOVE(&wanted->ready, query, ready);
    wanted->queries--;
    wanted->octets -= query->length;
    free(query);
}

bool wanted_park(struct wanted *wanted, const struct request *request,
                 const struct outcome *outcome, uint64_t now_ms)
{
    if (wanted->queries == WANTED_QUERIES || wanted->octets + request->length > WANTED_OCTETS)
        return false;
    struct wanted_query *query = calloc(1, sizeof *query + request->length);
    if (!query)
        return false;

    query->origin = origin_of(request);
    query->deadline_ms =
        now_ms + (request->transport == ANSWER_UDP ? WANTED_UDP_MS : WANTED_TCP_MS);
    query->length = request->length;
    memcpy(query->octets, request->octets, request->length);
    if (!tie(wanted, query, outcome, now_ms)) {
        free(query);
        return false;
    }
    TAILQ_INSERT_TAIL(&wanted->by_age[request->transport], query, age);
    wanted->queries++;
    wanted->octets += request->length;
    return true;
}

/* ---- answers of the keeper -------------------------------------------------------------------*/

/* The reference is done with. `patience`: with which those are answered that wait for nothing
 * else, or, with ANSWER_NOW, all that wait. */
static void finish(struct wanted *wanted, struct wanted_reference *reference,
                   enum answer_patience patience)
{
    struct wanted_tie *tie;

    while ((tie = LIST_FIRST(&reference->ties))) {
        LIST_REMOVE(tie, next);
        tie->reference = NULL;
        tie->query->missing--;
        if (tie->query->missing == 0 || patience == ANSWER_NOW)
            make_ready(wanted, tie->query, patience);
    }
    drop(wanted, reference);
}

void wanted_stored(struct wanted *wanted, uint64_t id)
{
    struct wanted_reference *reference = find_id(wanted, id);

    if (!reference)
        return;
    wanted->answered++;
    finish(wanted, reference, ANSWER_MAY_WAIT);
}

void wanted_refused(struct wanted *wanted, uint64_t id, enum not_stored_reason reason,
                    uint64_t now_ms)
{
    struct wanted_reference *reference = find_id(wanted, id);

    if (!reference)
        return;
    if (reason == NOT_STORED_BUSY && !reference->was_busy) {
        reference->was_busy = true;
        reference->state = REFERENCE_BUSY;
        reference->since_ms = now_ms;
        return;
    }
    /* UNKNOWN: the zone has another version meanwhile, which a newer snapshot shows. */
    finish(wanted, reference, reason == NOT_STORED_UNKNOWN ? ANSWER_MAY_WAIT : ANSWER_NOW);
}

void wanted_link(struct wanted *wanted, bool linked, uint64_t now_ms)
{
    wanted->linked = linked;
    for (uint32_t i = 0; i < WANTED_REFERENCES && wanted->references; i++) {
        struct wanted_reference *reference = wanted->places[i];
        if (!reference)
            continue;
        if (linked)
            ask(wanted, reference, now_ms);
        else
            reference->state = REFERENCE_UNSENT;
    }
}

/* ---- time ------------------------------------------------------------------------------------*/

static void look_at_deadlines(struct wanted *wanted, struct wanted_list *list, uint64_t now_ms)
{
    struct wanted_query *query;

    TAILQ_FOREACH(query, list, age)
    {
        if (query->deadline_ms > now_ms)
            return;
        if (query->patience == ANSWER_MAY_WAIT && !query->is_ready)
            wanted->timeouts++;
        make_ready(wanted, query, ANSWER_NOW);
    }
}

static bool is_to_be_asked(const struct wanted_reference *reference, uint64_t now_ms)
{
    uint64_t passed = now_ms - reference->since_ms;

    return reference->state == REFERENCE_UNSENT ||
           (reference->state == REFERENCE_BUSY && passed >= WANTED_BUSY_MS) ||
           (reference->state == REFERENCE_ASKED && passed >= WANTED_AGAIN_MS);
}

void wanted_tick(struct wanted *wanted, uint64_t now_ms)
{
    bool open = wanted->linked;

    look_at_deadlines(wanted, &wanted->by_age[ANSWER_UDP], now_ms);
    look_at_deadlines(wanted, &wanted->by_age[ANSWER_TCP], now_ms);
    for (uint32_t i = 0; i < WANTED_REFERENCES && open && wanted->references; i++) {
        struct wanted_reference *reference = wanted->places[i];
        if (!reference || !is_to_be_asked(reference, now_ms))
            continue;
        ask(wanted, reference, now_ms);
        open = reference->state == REFERENCE_ASKED; /* else its channel is full: later */
    }
}

/* More was missing than was known: wait for that too. */
static void park_again(struct wanted *wanted, struct wanted_query *query,
                       const struct outcome *outcome, uint64_t now_ms)
{
    if (++query->rounds < WANTED_ROUNDS && tie(wanted, query, outcome, now_ms))
        return;
    make_ready(wanted, query, ANSWER_NOW);
}

void wanted_settle(struct wanted *wanted, uint64_t now_ms)
{
    struct wanted_query *query;

    while ((query = TAILQ_FIRST(&wanted->ready))) {
        TAILQ_REMOVE(&wanted->ready, query, ready);
        query->is_ready = false;
        untie(wanted, query);
        enum answer_patience patience = query->patience;
        const struct outcome *outcome = wanted->events->answer(wanted->context, query, patience);
        if (outcome && patience == ANSWER_MAY_WAIT) {
            park_again(wanted, query, outcome, now_ms);
            continue;
        }
        TAILQ_REMOVE(&wanted->by_age[query->origin.transport], query, age);
        forget(wanted, query);
    }
}

/* ---- open and close --------------------------------------------------------------------------*/

enum result wanted_open(struct wanted *wanted, const struct wanted_events *events, void *context)
{
    *wanted =
        (struct wanted){.events = events,
                        .context = context,
                        .places = calloc(WANTED_REFERENCES, sizeof(struct wanted_reference *)),
                        .buckets = calloc(BUCKETS, sizeof(struct wanted_reference *))};
    TAILQ_INIT(&wanted->by_age[ANSWER_UDP]);
    TAILQ_INIT(&wanted->by_age[ANSWER_TCP]);
    TAILQ_INIT(&wanted->ready);
    if (!wanted->places || !wanted->buckets || hash_key_random(&wanted->key)) {
        wanted_close(wanted);
        return RESULT_SYSTEM;
    }
    return RESULT_OK;
}

static void forget_all(struct wanted *wanted, struct wanted_list *list)
{
    struct wanted_query *query;

    while ((query = TAILQ_FIRST(list))) {
        TAILQ_REMOVE(list, query, age);
        forget(wanted, query);
    }
}

void wanted_close(struct wanted *wanted)
{
    if (wanted->queries) {
        forget_all(wanted, &wanted->by_age[ANSWER_UDP]);
        forget_all(wanted, &wanted->by_age[ANSWER_TCP]);
    }
    free(wanted->places);
    free(wanted->buckets);
    *wanted = (struct wanted){.places = NULL};
}
