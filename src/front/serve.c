/* serve.c - the way of a message through a worker: limits, cookie, answer, waiting. */
#include "serve.h"

#include "avow/base/clock.h"
#include "worker.h"

enum { CORRUPT_LINES = 1, SHORT_LINES = 1 /* a minute */, TURNED_LINES = 256 };

static const enum metric rcode_metrics[] = {
    [RCODE_NOERROR] = METRIC_RCODE_NOERROR,   [RCODE_FORMERR] = METRIC_RCODE_FORMERR,
    [RCODE_SERVFAIL] = METRIC_RCODE_SERVFAIL, [RCODE_NXDOMAIN] = METRIC_RCODE_NXDOMAIN,
    [RCODE_NOTIMP] = METRIC_RCODE_NOTIMP,     [RCODE_REFUSED] = METRIC_RCODE_REFUSED,
};

static void tell_corrupt(struct worker *worker)
{
    char text[NAME_MAX_TEXT];

    metric_add(worker->metrics, METRIC_STORE_CORRUPT, 1);
    log_limited(&worker->corrupt_lines, CORRUPT_LINES, clock_monotonic_ms(),
                "the store is damaged where it was asked for %s: answered SERVFAIL",
                worker->query.question_end > MESSAGE_HEADER_OCTETS
                    ? name_to_text(&worker->query.question.name, text)
                    : "?");
}

static enum metric metric_of(uint16_t rcode)
{
    if (rcode == RCODE_BADCOOKIE)
        return METRIC_RCODE_BADCOOKIE;
    return rcode < COUNT(rcode_metrics) ? rcode_metrics[rcode] : METRIC_RCODE_OTHER;
}

static void count_code(struct worker *worker)
{
    metric_add(worker->metrics, metric_of(worker->outcome.rcode), 1);
    if (worker->outcome.truncated)
        metric_add(worker->metrics, METRIC_TRUNCATED, 1);
}

/* Answers of the worker's own; those of the desk are the desk's to count. */
void serve_count(struct worker *worker)
{
    const struct outcome *outcome = &worker->outcome;

    count_code(worker);
    metric_add(worker->metrics, outcome->from_cache ? METRIC_CACHE_HITS : METRIC_CACHE_MISSES, 1);
    if (outcome->corrupt)
        tell_corrupt(worker);
}

void serve_make(struct worker *worker, enum answer_patience patience, uint8_t *out, size_t size)
{
    worker->facts.patience = patience;
    answer_query(&worker->answerer, &worker->query, &worker->facts, out, size, &worker->outcome);
}

/* Whether signatures that are missing can be asked for. Without a look at the clock, and at who has
 * had how many, while there is plenty of room or none: a flood passes here. */
static bool is_short(struct worker *worker, const struct request *request)
{
    struct wanted_asker *asker = &worker->asker;
    uint32_t version = worker->outcome.wanted[0].version;

    if (worker->fresh == 0)
        return false;
    enum wanted_room room = wanted_room(&worker->wanted, asker->proven, version, worker->fresh);
    if (room == WANTED_ROOM_FREE)
        return false;
    /* Those who may wait for room are looked at: it may be there before they give up. */
    if (room == WANTED_ROOM_SCARCE || asker->proven)
        asker->heavy =
            shares_heavy(&worker->shares, request->client, asker->proven, clock_monotonic_ms());
    return room == WANTED_ROOM_NONE || asker->heavy;
}

/* Make the answer, and find out what is to become of the signatures that it lacks. */
static void make(struct worker *worker, const struct request *request, uint8_t *out, size_t size)
{
    worker->asker =
        (struct wanted_asker){.proven = request->transport == ANSWER_TCP || serve_knows(worker)};
    serve_make(worker, worker->behind && !worker->asker.proven ? ANSWER_NAMES : ANSWER_MAY_WAIT,
               out, size);
    if (worker->outcome.verdict != ANSWER_WANTED)
        return;
    worker->fresh = wanted_fresh(&worker->wanted, &worker->outcome);
    worker->asker.delayed = is_short(worker, request);
}

/* Whether the client is to show its address before signatures are asked for. */
static bool is_turned(const struct worker *worker)
{
    return worker->outcome.verdict == ANSWER_WANTED && worker->asker.delayed &&
           !worker->asker.proven;
}

static bool park(struct worker *worker, const struct request *request)
{
    uint64_t now_ms = clock_monotonic_ms();

    if (!wanted_park(&worker->wanted, request, &worker->outcome, &worker->asker, now_ms)) {
        metric_add(worker->metrics, METRIC_WANTS_OVERFLOW, 1);
        return false;
    }
    shares_charge(&worker->shares, request->client, worker->asker.proven, worker->fresh, now_ms);
    if (!ev_is_active(&worker->tick))
        ev_timer_again(worker->loop, &worker->tick);
    return true;
}

/* Whether the query shows that its sender's address is its own. */
bool serve_knows(const struct worker *worker)
{
    return worker->cookies.kind == COOKIE_GOOD;
}

/* Whether a client that can have a cookie is to come back with it. */
static bool demand_cookie(struct worker *worker)
{
    worker->cookies.required = true;
    bool demanded = cookies_demand(worker);
    worker->cookies.required = false;
    return demanded;
}

/* No records, and nothing that the question does not pay for (restraint_before): BADCOOKIE for
 * whoever is to come back with a cookie; else TC, upon which a real client asks again by TCP. */
static void shorten(struct worker *worker, uint8_t *out, size_t size)
{
    struct answerer bare = worker->answerer;
    uint16_t rcode = worker->query.rcode;

    if (rcode == RCODE_NOERROR && demand_cookie(worker))
        rcode = RCODE_BADCOOKIE;
    bare.nsid = NULL;
    bare.nsid_length = 0;
    answer_refuse(&bare, &worker->query, &worker->facts, rcode, EDE_NONE, out, size,
                  &worker->outcome);
    if (rcode != RCODE_BADCOOKIE)
        (void)answer_shorten(out, &worker->outcome);
}

void serve_turn(struct worker *worker, uint8_t *out, size_t size)
{
    metric_add(worker->metrics, METRIC_WANTS_TURNED, 1);
    /* A flood passes here: the clock is looked at once for many. */
    if (worker->turned++ % TURNED_LINES == 0)
        log_limited(&worker->short_lines, SHORT_LINES, clock_monotonic_ms(),
                    "more signatures are asked for than the token makes: clients that have not "
                    "shown their address are turned to TCP or a cookie");
    shorten(worker, out, size);
}

/* What make made goes out, or waits for its signatures. */
static enum served deliver(struct worker *worker, const struct request *request, uint8_t *out,
                           size_t size, size_t *length)
{
    if (worker->outcome.verdict == ANSWER_WANTED) {
        bool turned = is_turned(worker);
        if (!turned && park(worker, request))
            return SERVED_PARKED;
        if (worker->asker.proven)
            serve_make(worker, ANSWER_NOW, out, size);
        else
            serve_turn(worker, out, size);
    }
    if (worker->outcome.verdict != ANSWER_SEND) {
        metric_add(worker->metrics, METRIC_DROPPED_LOAD, 1);
        return SERVED_NOTHING;
    }
    serve_count(worker);
    *length = worker->outcome.length;
    return SERVED_ANSWER;
}

/* What was read is answered, as far as the rate limit lets it. */
static enum served serve_limited(struct worker *worker, const struct request *request, uint8_t *out,
                                 size_t size, size_t *length)
{
    struct restraint *restraint = &worker->restraint;
    enum restraint_verdict verdict = restraint_before(restraint, &worker->query, &worker->zones,
                                                      serve_knows(worker), cookies_growth(worker));

    if (verdict == RESTRAINT_SEND) {
        make(worker, request, out, size);
        if (worker->outcome.verdict != ANSWER_DROP)
            verdict = restraint_after(restraint, &worker->outcome, is_turned(worker));
    }
    switch (verdict) {
    case RESTRAINT_SEND:
        return deliver(worker, request, out, size, length);
    case RESTRAINT_SLIP:
        shorten(worker, out, size);
        count_code(worker);
        *length = worker->outcome.length;
        return SERVED_ANSWER;
    case RESTRAINT_DROP:
        break;
    }
    return SERVED_NOTHING;
}

enum served worker_serve(struct worker *worker, const struct request *request, uint8_t *out,
                         size_t size, size_t *length)
{
    bool limited = worker->restraint.limits && request->transport == ANSWER_UDP;

    if (limited && restraint_meet(&worker->restraint, request) == RESTRAINT_DROP)
        return SERVED_NOTHING;
    switch (query_read(request->octets, request->length, &worker->query)) {
    case ANSWER_SEND:
        break;
    case ANSWER_HANDOFF:
        if (request->transport == ANSWER_TCP)
            return SERVED_DESK;
        if (handoff_datagram(&worker->handoff, request))
            return SERVED_HANDED;
        metric_add(worker->metrics, METRIC_DROPPED_SEND, 1);
        return SERVED_NOTHING;
    case ANSWER_DROP:
    case ANSWER_WANTED:
        metric_add(worker->metrics, METRIC_DROPPED_MALFORMED, 1);
        return SERVED_NOTHING;
    }
    cookies_judge(worker, request->client);
    cookies_count(worker);
    (void)cookies_demand(worker);
    if (limited)
        return serve_limited(worker, request, out, size, length);
    make(worker, request, out, size);
    return deliver(worker, request, out, size, length);
}
