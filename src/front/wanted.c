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

/* ---- how many may be asked for ---------------------------------------------------------------*/

static uint16_t *count_of(struct wanted_share *share, uint32_t version)
{
    return &share->zones[version % WANTED_ZONES];
}

/* Whether it counts: those of an apex do not. */
static bool counts(const struct wanted_reference *reference)
{
    return reference->state == REFERENCE_ASKED && !reference->what.apex;
}

static void tally(struct wanted *wanted, const struct wanted_reference *reference, bool more)
{
    struct wanted_share *share = &wanted->shares[reference->proven];
    uint16_t *zone = count_of(share, reference->what.version);

    if (!counts(reference))
        return;
    share->busy += more && *zone == 0;
    *zone += more ? 1 : -1;
    share->busy -= !more && *zone == 0;
}

static void set_state(struct wanted *wanted, struct wanted_reference *reference,
                      enum reference_state state, uint64_t now_ms)
{
    tally(wanted, reference, false);
    reference->state = state;
    reference->since_ms = now_ms;
    tally(wanted, reference, true);
}

void wanted_allow(struct wanted *wanted, uint32_t unproven, uint32_t proven)
{
    wanted->shares[false].limit = unproven < WANTED_REFERENCES ? unproven : WANTED_REFERENCES;
    wanted->shares[true].limit = proven < WANTED_REFERENCES ? proven : WANTED_REFERENCES;
}

/* A zone for which nothing is asked has room always: else a flood of questions for others would
 * take it, and what a question lacks might never be little enough. */
enum wanted_room wanted_room(const struct wanted *wanted, bool proven, uint32_t version,
                             unsigned count)
{
    const struct wanted_share *share = &wanted->shares[proven];
    unsigned asked = share->zones[version % WANTED_ZONES];
    uint32_t part = share->limit / (share->busy + (asked == 0));

    if (asked == 0 || asked + count <= part / 4)
        return WANTED_ROOM_FREE;
    return asked + count <= part ? WANTED_ROOM_SCARCE : WANTED_ROOM_NONE;
}

unsigned wanted_fresh(const struct wanted *wanted, const struct outcome *outcome)
{
    unsigned count = 0;

    for (unsigned i = 0; i < outcome->wanted_count && i < ANSWER_WANTED_LIMIT; i++) {
        const struct wanted_reference *reference = find(wanted, &outcome->wanted[i]);
        count += !outcome->wanted[i].apex && (!reference || reference->state != REFERENCE_ASKED);
    }
    return count;
}

/* ---- asking ----------------------------------------------------------------------------------*/

/* The state is set by then: what is under way in another thread or process may answer at any time.
 */
static void ask(struct wanted *wanted, struct wanted_reference *reference, uint64_t now_ms)
{
    bool sent = wanted->linked && wanted->events->ask(wanted->context, reference->id,
                                                      &reference->what, reference->proven);
    set_state(wanted, reference, sent ? REFERENCE_ASKED : REFERENCE_UNSENT, now_ms);
    wanted->asked += sent;
}

/* Whether it is its turn. */
static bool has_room(const struct wanted *wanted, const struct wanted_reference *reference)
{
    enum wanted_room room;

    if (reference->what.apex || reference->state != REFERENCE_UNSENT)
        return true;
    room = wanted_room(wanted, reference->proven, reference->what.version, 1);
    return room == WANTED_ROOM_FREE || (room == WANTED_ROOM_SCARCE && !reference->heavy);
}

/* Somebody who has shown its address waits too: the keeper is told, for such go first. */
static void raise_reference(struct wanted *wanted, struct wanted_reference *reference)
{
    tally(wanted, reference, false);
    reference->proven = true;
    tally(wanted, reference, true);
    if (reference->state == REFERENCE_ASKED && wanted->linked)
        (void)wanted->events->ask(wanted->context, reference->id, &reference->what, true);
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
                                     const struct wanted_asker *asker, uint64_t now_ms)
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
    reference->proven = asker->proven;
    reference->heavy = asker->heavy;
    reference->since_ms = now_ms;
    if (!asker->delayed || what->apex)
        ask(wanted, reference, now_ms);
    else
        wanted->delayed++;
    return reference;
}

static void drop(struct wanted *wanted, struct wanted_reference *reference)
{
    struct wanted_reference **link = bucket_of(wanted, &reference->what);

    while (*link != reference)
        link = &(*link)->next;
    *link = reference->next;
    tally(wanted, reference, false);
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

/* The reference to what a question lacks, asked for as its asker may. NULL: there is no room. */
static struct wanted_reference *refer(struct wanted *wanted, const struct answer_wanted *what,
                                      const struct wanted_asker *asker, uint64_t now_ms)
{
    struct wanted_reference *reference = find(wanted, what);

    if (!reference)
        return make(wanted, what, asker, now_ms);
    if (asker->proven && !reference->proven)
        raise_reference(wanted, reference);
    reference->heavy &= asker->heavy;
    if (reference->state == REFERENCE_UNSENT && !asker->delayed)
        ask(wanted, reference, now_ms);
    return reference;
}

static bool tie(struct wanted *wanted, struct wanted_query *query, const struct outcome *outcome,
                const struct wanted_asker *asker, uint64_t now_ms)
{
    for (unsigned i = 0; i < outcome->wanted_count && i < ANSWER_WANTED_LIMIT; i++) {
        struct wanted_reference *reference = refer(wanted, &outcome->wanted[i], asker, now_ms);
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
    wanted->unproven -= !query->proven;
    wanted->octets -= query->length;
    free(query);
}

bool wanted_park(struct wanted *wanted, const struct request *request,
                 const struct outcome *outcome, const struct wanted_asker *asker, uint64_t now_ms)
{
    if (wanted->queries == WANTED_QUERIES || wanted->octets + request->length > WANTED_OCTETS ||
        (!asker->proven && wanted->unproven == WANTED_UNPROVEN))
        return false;
    struct wanted_query *query = calloc(1, sizeof *query + request->length);
    if (!query)
        return false;

    query->origin = origin_of(request);
    query->deadline_ms =
        now_ms + (request->transport == ANSWER_UDP ? WANTED_UDP_MS : WANTED_TCP_MS);
    query->length = request->length;
    query->proven = asker->proven;
    memcpy(query->octets, request->octets, request->length);
    if (!tie(wanted, query, outcome, asker, now_ms)) {
        free(query);
        return false;
    }
    TAILQ_INSERT_TAIL(&wanted->by_age[request->transport], query, age);
    wanted->queries++;
    wanted->unproven += !query->proven;
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

/* It cannot be made in time: those who have shown nothing are to come back by another way. */
static void turn_away(struct wanted_reference *reference)
{
    struct wanted_tie *tie;

    LIST_FOREACH(tie, &reference->ties, next)
    tie->query->turned = !tie->query->proven;
}

void wanted_refused(struct wanted *wanted, uint64_t id, enum not_stored_reason reason,
                    uint64_t now_ms)
{
    struct wanted_reference *reference = find_id(wanted, id);

    if (!reference)
        return;
    if (reason == NOT_STORED_BUSY && !reference->was_busy) {
        reference->was_busy = true;
        set_state(wanted, reference, REFERENCE_BUSY, now_ms);
        return;
    }
    if (reason == NOT_STORED_BUSY)
        turn_away(reference);
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
        set_state(wanted, reference, REFERENCE_UNSENT, now_ms);
        if (linked && has_room(wanted, reference))
            ask(wanted, reference, now_ms);
    }
}

/* ---- time ------------------------------------------------------------------------------------*/

/* Whether what a question waits for is late because much is asked for. */
static bool is_scarce(const struct wanted *wanted, const struct wanted_query *query)
{
    bool scarce = false;

    for (unsigned i = 0; i < query->tie_count && !scarce; i++) {
        const struct wanted_reference *reference = query->ties[i].reference;
        scarce = reference &&
                 wanted_room(wanted, query->proven, reference->what.version, 1) != WANTED_ROOM_FREE;
    }
    return scarce;
}

static void look_at_deadlines(struct wanted *wanted, struct wanted_list *list, uint64_t now_ms)
{
    struct wanted_query *query;

    TAILQ_FOREACH(query, list, age)
    {
        if (query->deadline_ms > now_ms)
            return;
        if (query->patience == ANSWER_MAY_WAIT && !query->is_ready) {
            wanted->timeouts++;
            query->turned = list == &wanted->by_age[ANSWER_UDP] && is_scarce(wanted, query);
        }
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
        if (!reference || !is_to_be_asked(reference, now_ms) || !has_room(wanted, reference))
            continue;
        ask(wanted, reference, now_ms);
        open = reference->state == REFERENCE_ASKED; /* else its channel is full: later */
    }
}

/* More was missing than was known: wait for that too. */
static void park_again(struct wanted *wanted, struct wanted_query *query,
                       const struct outcome *outcome, uint64_t now_ms)
{
    unsigned fresh = wanted_fresh(wanted, outcome);
    struct wanted_asker asker = {.proven = query->proven};

    asker.delayed = fresh && wanted_room(wanted, query->proven, outcome->wanted[0].version,
                                         fresh) == WANTED_ROOM_NONE;
    query->turned = asker.delayed && !query->proven;
    if (!query->turned && ++query->rounds < WANTED_ROUNDS &&
        tie(wanted, query, outcome, &asker, now_ms))
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
    wanted_allow(wanted, WANTED_REFERENCES, WANTED_REFERENCES);
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
