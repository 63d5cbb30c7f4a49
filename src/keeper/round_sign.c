/* round_sign.c - what a round has to have signed: listed, sent, taken back. */
#include <stdlib.h>
#include <string.h>

#include "avow/dnssec/nsec3.h"
#include "avow/wire/type.h"
#include "denial.h"
#include "place.h"
#include "round.h"

enum {
    IN_FLIGHT = 512, /* signatures of rounds that the signer has at once */
    LETTER_JOBS = 32,
    LETTER_MS = 100, /* of the token's work in a letter, whose answers come when it is done */
    IN_FLIGHT_MS = 2000,
    LETTER_OCTETS = 120 * 1024,
    FAILED_MS = 100 /* until a signature that failed is asked for again */
};

/* ---- the list ---------------------------------------------------------------------------------
 */

static enum result add_set(struct round *round, const struct round_set *set)
{
    size_t count = round->set_count;

    /* Doubled at each power of two. */
    if ((count & (count - 1)) == 0) {
        struct round_set *sets = reallocarray(round->sets, count ? count * 2 : 1, sizeof *sets);
        if (!sets)
            return RESULT_SYSTEM;
        round->sets = sets;
    }
    round->sets[round->set_count++] = *set;
    round->unsent++;
    round->unsigned_++;
    return RESULT_OK;
}

/* Whether an RRset needs a signature that it has not: it is another one, or has come to light. */
static bool needs_signature(const struct staged_name *name, const struct staged_rrset *rrset)
{
    if (!name->there || !rrset->count || rrset->signature_count ||
        !place_signs(name->flags, rrset->type))
        return false;
    return staged_differs(rrset) || !name->stored || !place_signs(name->stored_flags, rrset->type);
}

static enum result list_names(struct round *round)
{
    enum result result = RESULT_OK;

    for (struct staged_name *name = stage_first(&round->stage); name && !result;
         name = staged_next(name)) {
        for (size_t i = 0; i < name->count && !result; i++) {
            if (round->digest && name->rrsets[i].type == TYPE_ZONEMD)
                continue; /* it is not made yet */
            if (needs_signature(name, &name->rrsets[i]))
                result = add_set(round, &(struct round_set){.name = name, .rrset = i});
        }
    }
    return result;
}

enum result round_list(struct round *round)
{
    if (!(round->row.flags & ZONE_SIGNED))
        return RESULT_OK;
    enum result result = list_names(round);
    for (struct staged_link *link = denial_first(&round->stage); link && !result;
         link = denial_next(link)) {
        if (link->there && link->composed && !link->signature_count)
            result = add_set(round, &(struct round_set){.link = link});
    }
    return result;
}

/* ---- sending ----------------------------------------------------------------------------------
 */

/* The RRset of a set, for the signer. `owner`: room for that of an NSEC3. */
static enum result describe(const struct round *round, const struct round_set *set,
                            struct name *owner, struct rrset *rrset)
{
    *rrset = (struct rrset){.owner = owner, .class_ = CLASS_IN};
    if (set->link) {
        rrset->type = TYPE_NSEC3;
        rrset->ttl = round->stage.denial_ttl;
        rrset->rdata = (struct rdata_run){
            .octets = set->link->run.octets, .length = (uint32_t)set->link->run.length, .count = 1};
        return nsec3_owner(set->link->hash, &round->stage.zone->name, owner);
    }
    const struct staged_rrset *staged = &set->name->rrsets[set->rrset];
    name_copy(owner, &set->name->name);
    rrset->type = staged->type;
    rrset->ttl = staged->ttl;
    rrset->rdata = staged_rdata(staged);
    return RESULT_OK;
}

/* One job into the batch; false when it has to wait. */
static bool send_set(struct round *round, size_t number, struct sign_batch *batch)
{
    struct keeper_zone *zone = round->stage.zone;
    struct keeper *keeper = zone->keeper;
    struct round_set *set = &round->sets[number];
    struct name owner;
    struct rrset rrset;

    if (describe(round, set, &owner, &rrset))
        return false;
    struct job *job = jobs_make_staged(&keeper->jobs, zone, round, number);
    if (!job)
        return false;
    job->type = rrset.type;
    job->urgent = true;
    job->expiration = schedule_expiration(zone, owner.octets, owner.length);
    if (!sign_batch_add(batch, job, &rrset)) {
        jobs_end(&keeper->jobs, job);
        return false;
    }
    set->state = SET_SENT;
    round->unsent--;
    return true;
}

/* As many as the token makes in that time; at least one, at most `most`. */
static size_t within(const struct round *round, uint64_t ms, size_t most)
{
    const struct budget *budget = &round->stage.zone->keeper->budget;
    uint32_t count = budget_within(budget, BACKGROUND_NONE, ms);

    return count < 1 ? 1 : count < most ? count : most;
}

/* Jobs of a letter: few when there are few, so that all sessions share them, but no more letters
 * than that, for each costs its sender and its receiver something. */
static unsigned letter_jobs(const struct round *round)
{
    const struct keeper_zone *zone = round->stage.zone;
    const struct budget *budget = &zone->keeper->budget;
    size_t sessions =
        keeper_zone_signs(zone) ? budget_sessions(budget, zone->config->policy->keystore) : 1;
    size_t jobs = sessions ? (round->unsent + sessions - 1) / sessions : 1;
    size_t most = within(round, LETTER_MS, LETTER_JOBS);

    return (unsigned)(jobs < most ? jobs : most);
}

static size_t in_flight(const struct round *round)
{
    return round->unsigned_ - round->unsent;
}

static bool send_letter(struct round *round, struct sign_batch *batch, unsigned most)
{
    struct keeper *keeper = round->stage.zone->keeper;
    size_t looked_at = 0;
    bool room = true;

    while (room && batch->count < most && round->unsent && looked_at++ < round->set_count) {
        size_t number = round->next_set % round->set_count;
        if (round->sets[number].state == SET_WAITS)
            room = send_set(round, number, batch);
        round->next_set += room;
    }
    if (batch->count == 0)
        return false;
    budget_change(&keeper->budget, batch->count, sign_background(keeper));
    return sign_batch_send(keeper, batch) == RESULT_OK && room;
}

void round_send(struct round *round)
{
    struct keeper_zone *zone = round->stage.zone;
    struct sign_batch batch = {.channel = SIGNING_ORDERS};

    size_t most_in_flight = within(round, IN_FLIGHT_MS, IN_FLIGHT);

    if (!round->unsent || !zone->keeper->orders || in_flight(round) >= most_in_flight ||
        zone->keeper->now_ms < round->send_after_ms || !keyring_at_hand(zone))
        return;
    uint8_t *octets = malloc(LETTER_OCTETS);
    if (!octets)
        return; /* at the next turn */
    batch.writer = writer_over(octets, LETTER_OCTETS);
    unsigned most = letter_jobs(round);
    while (round->unsent && in_flight(round) < most_in_flight && send_letter(round, &batch, most))
        ;
    free(octets);
}

/* ---- the digest -------------------------------------------------------------------------------
 */

/* The record is all that is left to be signed. */
static enum result list_digest(struct round *round)
{
    struct staged_name *apex = stage_find(&round->stage, &round->stage.zone->name);

    for (size_t i = 0; apex && i < apex->count && round->row.flags & ZONE_SIGNED; i++) {
        if (apex->rrsets[i].type == TYPE_ZONEMD)
            return add_set(round, &(struct round_set){.name = apex, .rrset = i});
    }
    return RESULT_OK;
}

void round_take_digest(struct round *round, const uint8_t *rdata, size_t length)
{
    struct stage *stage = &round->stage;
    struct keeper_zone *zone = stage->zone;
    struct staged_name *apex = stage_find(stage, &zone->name);
    struct staged_rrset *rrset = apex ? staged_find(apex, TYPE_ZONEMD) : NULL;

    if (!rrset || rrset->run.length != length + 2) {
        round_fail(zone, round, RESULT_SYSTEM, "no digest was asked for");
        return;
    }
    memcpy(rrset->run.octets + 2, rdata, length);
    round->digest = ROUND_DIGEST_MADE;
    round->signed_ms = zone->keeper->now_ms;
    enum result result = list_digest(round);
    if (result) {
        round_fail(zone, round, result, round_why(result));
        return;
    }
    zone->keeper->rounds_ready |= round->unsigned_ == 0;
    round_send(round);
}

/* ---- taking back ------------------------------------------------------------------------------
 */

static void end_job(struct job *job)
{
    jobs_end(&job->zone->keeper->jobs, job);
}

void round_retry(struct job *job)
{
    struct round *round = job->round;
    struct round_set *set = &round->sets[job->set];

    if (set->state == SET_SENT) {
        set->state = SET_WAITS;
        round->unsent++;
    }
    end_job(job);
}

void round_retry_later(struct job *job)
{
    job->round->send_after_ms = job->zone->keeper->now_ms + FAILED_MS;
    round_retry(job);
}

void round_take(struct job *job, const struct rdata_run *signatures)
{
    struct round *round = job->round;
    struct round_set *set = &round->sets[job->set];
    struct buffer *run =
        set->link ? &set->link->signatures : &set->name->rrsets[set->rrset].signatures;

    buffer_clear(run);
    buffer_add(run, signatures->octets, signatures->length);
    if (buffer_check(run)) {
        round_retry(job);
        return;
    }
    if (set->link) {
        set->link->signature_count = signatures->count;
        set->link->expiration = job->expiration;
    } else {
        struct staged_rrset *rrset = &set->name->rrsets[set->rrset];
        rrset->signature_count = signatures->count;
        rrset->expiration = job->expiration;
    }
    set->state = SET_SIGNED;
    round->signed_ms = job->zone->keeper->now_ms;
    if (--round->unsigned_ == 0)
        job->zone->keeper->rounds_ready = true;
    end_job(job);
}

void round_abandon(struct round *round)
{
    struct jobs *jobs = &round->stage.zone->keeper->jobs;

    for (size_t i = 0; i < JOBS_LIMIT && in_flight(round); i++) {
        struct job *job = &jobs->places[i];
        if (job->in_use && job->round == round)
            round_retry(job);
    }
}
