/* wanted.c - signatures that the front waits for. */
#include "internal.h"

#include "avow/base/clock.h"
#include "avow/dnssec/nsec3.h"
#include "avow/store/chain.h"
#include "avow/store/lookup.h"
#include "avow/wire/type.h"

/* No reason to refuse: the answer comes later, or was given. Beside enum not_stored_reason. */
enum { WAITING = 255 };

enum {
    ALLOWANCE_LEAST = 4, /* what a denial in a zone with NSEC3 can lack at most, with its SOA */
    ALLOWANCE_PART = 8   /* the front is told when the rate has moved by such a part */
};

static void answer(struct front_link *front, const struct message *message)
{
    /* A worker whose queue is full does without: its query times out. */
    if (front->channel && channel_send(front->channel, message) != RESULT_OK)
        log_debug("a worker of the front takes no answers");
}

static void refuse(struct front_link *front, uint64_t id, enum not_stored_reason reason)
{
    answer(front, &(struct message){.kind = MESSAGE_NOT_STORED,
                                    .not_stored = {.id = id, .reason = (uint8_t)reason}});
}

static void tell_stored(struct front_link *front, uint64_t id, uint64_t transaction)
{
    answer(front, &(struct message){.kind = MESSAGE_STORED,
                                    .stored = {.id = id, .transaction = transaction}});
}

static void tell(struct keeper *keeper, struct job *job, uint64_t transaction,
                 enum not_stored_reason reason)
{
    for (struct job_waiter *waiter = job->waiters; waiter; waiter = waiter->next) {
        struct front_link *front = &keeper->fronts[waiter->front];
        if (front->generation != waiter->generation)
            continue;
        if (transaction)
            tell_stored(front, waiter->id, transaction);
        else
            refuse(front, waiter->id, reason);
    }
    jobs_free_waiters(&keeper->jobs, job);
}

void wanted_tell(struct keeper *keeper, struct job *job, uint64_t transaction)
{
    tell(keeper, job, transaction, NOT_STORED_FAILED);
}

/* What is asked for, as it stands in the store. */
struct subject {
    struct rrset_view view;
    struct name owner;
    uint16_t flags;
};

static enum found_record read_rrset(struct keeper *keeper, const struct job_subject *wanted,
                                    struct subject *subject)
{
    struct node_view node;
    enum found_record found = lookup_node(&keeper->view, wanted->version, wanted->owner, &node);

    if (found != RECORD_THERE)
        return found;
    subject->flags = node.flags;
    name_copy(&subject->owner, wanted->owner);
    return node_find(&node, wanted->type, &subject->view);
}

static enum found_record read_nsec3(struct keeper *keeper, const struct keeper_zone *zone,
                                    const struct job_subject *wanted, struct subject *subject)
{
    struct chain_nsec3 nsec3;

    switch (chain_nsec3(&keeper->view, wanted->version, wanted->hash, &nsec3)) {
    case CHAIN_CORRUPT:
        return RECORD_CORRUPT;
    case CHAIN_COVER:
        return RECORD_ABSENT;
    case CHAIN_MATCH:
        break;
    }
    subject->view = nsec3.rrset;
    subject->flags = 0;
    return nsec3_owner(wanted->hash, &zone->name, &subject->owner) ? RECORD_CORRUPT : RECORD_THERE;
}

static enum found_record read_subject(struct keeper *keeper, const struct keeper_zone *zone,
                                      const struct job_subject *wanted, struct subject *subject)
{
    return wanted->kind == WANT_NSEC3 ? read_nsec3(keeper, zone, wanted, subject)
                                      : read_rrset(keeper, wanted, subject);
}

static struct rrset rrset_of(const struct subject *subject)
{
    return (struct rrset){.owner = &subject->owner,
                          .type = subject->view.type,
                          .class_ = CLASS_IN,
                          .ttl = subject->view.ttl,
                          .rdata = subject->view.rdata};
}

/* ---- whose turn it is --------------------------------------------------------------------------
 */

static enum asked_class class_of(const struct keeper_zone *zone, const struct job_subject *wanted,
                                 bool proven)
{
    if (wanted->kind == WANT_RRSET && name_equal(wanted->owner, &zone->name))
        return ASKED_APEX;
    return proven ? ASKED_PROVEN : ASKED_UNPROVEN;
}

/* Whether it can be made before those who wait give up. */
static bool admits(struct keeper *keeper, const struct keeper_zone *zone, enum asked_class class)
{
    uint64_t patience = class == ASKED_UNPROVEN ? WANT_UDP_MS : WANT_TCP_MS;

    if (asked_admits(&keeper->asked, &zone->asked, class,
                     budget_within(&keeper->budget, sign_background(keeper), patience)))
        return true;
    metric_add(keeper->metrics, METRIC_ASKED_REFUSED, 1);
    return false;
}

/* The signer has it, now or when its turn comes. */
static enum result sign_in_turn(struct keeper *keeper, struct job *job, enum asked_class class,
                                const struct rrset *rrset)
{
    if (asked_count(&keeper->asked) == 0 && sign_may_ask(keeper, class))
        return sign_urgent(keeper, job, rrset);
    asked_put(&keeper->asked, &job->zone->asked, job, class);
    return RESULT_OK;
}

static unsigned sign(struct front_link *front, struct keeper_zone *zone,
                     const struct job_subject *wanted, bool proven, const struct subject *subject,
                     uint64_t id)
{
    struct keeper *keeper = front->keeper;
    enum asked_class class = class_of(zone, wanted, proven);
    struct job *job = admits(keeper, zone, class) ? jobs_make(&keeper->jobs, zone, wanted) : NULL;
    struct rrset rrset = rrset_of(subject);

    if (!job)
        return NOT_STORED_BUSY;
    job->first = subject->view.signatures.count == 0;
    job->expiration = schedule_expiration(zone, subject->owner.octets, subject->owner.length);
    zone->in_flight++;
    enum result result =
        jobs_wait(&keeper->jobs, job, (uint16_t)(front - keeper->fronts), front->generation, id);
    if (!result)
        result = sign_in_turn(keeper, job, class, &rrset);
    if (result) {
        zone->in_flight--;
        jobs_end(&keeper->jobs, job);
        return result == RESULT_FULL ? NOT_STORED_BUSY : NOT_STORED_FAILED;
    }
    return WAITING;
}

/* Give the signer a job whose turn it is. False: not now. What is to be signed is read anew, for it
 * may have changed since; then whoever waits looks at it anew. */
static bool take_turn(struct keeper *keeper, struct job *job)
{
    const struct job_subject wanted = jobs_subject(job);
    struct subject subject;
    enum result result = RESULT_REFUSED;

    if (!job->stale && keeper_zone_is_signed(job->zone) &&
        read_subject(keeper, job->zone, &wanted, &subject) == RECORD_THERE) {
        struct rrset rrset = rrset_of(&subject);
        result = sign_urgent(keeper, job, &rrset);
    }
    if (result == RESULT_FULL)
        return false;
    if (!result) {
        asked_remove(&keeper->asked, job);
        return true;
    }
    if (result == RESULT_REFUSED)
        tell(keeper, job, 0, NOT_STORED_UNKNOWN);
    sign_abandon(keeper, job);
    return true;
}

void wanted_turn(struct keeper *keeper)
{
    struct job *job = asked_first(&keeper->asked);

    if (job && sign_may_ask(keeper, job->class) && commit_is_possible(keeper) &&
        snapshot_renew(&keeper->view) == RENEWAL_READY) {
        while (job && sign_may_ask(keeper, job->class) && take_turn(keeper, job))
            job = asked_first(&keeper->asked);
        snapshot_rest(&keeper->view);
    }
    metric_set(keeper->metrics, METRIC_ASKED_QUEUED, asked_count(&keeper->asked));
}

/* ---- what the front may ask for ----------------------------------------------------------------
 */

/* What one worker of so many may ask for: half of what can be made in time, for others ask too and
 * the rate may fall, but enough for a denial. What the background needs at the moment is not told:
 * the keeper refuses what it has no room for. */
static uint32_t allowance(const struct budget *budget, uint64_t patience_ms, unsigned workers)
{
    uint32_t count = budget_within(budget, BACKGROUND_NONE, patience_ms) / 2 / workers;
    return count > ALLOWANCE_LEAST ? count : ALLOWANCE_LEAST;
}

static bool has_moved(uint32_t rate, uint32_t told)
{
    uint32_t by = rate > told ? rate - told : told - rate;
    return by > told / ALLOWANCE_PART;
}

void wanted_tell_rate(struct keeper *keeper, bool all)
{
    const struct budget *budget = &keeper->budget;
    unsigned workers = keeper->front_count - 1; /* the desk, which is the last, knows its clients */

    metric_set(keeper->metrics, METRIC_TOKEN_RATE, budget->rate);
    if (budget->rate == 0 || workers == 0 || (!all && !has_moved(budget->rate, keeper->told_rate)))
        return;
    struct message message = {.kind = MESSAGE_ALLOWANCE,
                              .allowance = {.rate = budget->rate,
                                            .unproven = allowance(budget, WANT_UDP_MS, workers),
                                            .proven = allowance(budget, WANT_TCP_MS, workers)}};
    for (unsigned i = 0; i < workers; i++)
        answer(&keeper->fronts[i], &message);
    keeper->told_rate = budget->rate;
}

/* ---- letters -----------------------------------------------------------------------------------
 */

/* Look at the RRset and have it signed. */
static unsigned want(struct front_link *front, struct keeper_zone *zone,
                     const struct job_subject *wanted, bool proven, uint64_t id)
{
    struct keeper *keeper = front->keeper;
    struct subject subject = {.flags = 0};
    enum found_record found = read_subject(keeper, zone, wanted, &subject);

    if (found == RECORD_CORRUPT)
        return NOT_STORED_FAILED;
    if (found == RECORD_ABSENT)
        return NOT_STORED_UNKNOWN;
    if (!keeper_zone_is_signed(zone))
        return NOT_STORED_UNSIGNED;
    if (!schedule_needs(zone, subject.flags, &subject.view)) {
        if (subject.view.signatures.count == 0)
            return NOT_STORED_UNSIGNED;
        tell_stored(front, id, keeper->transaction);
        return WAITING;
    }
    if (!commit_is_possible(keeper))
        return keeper->store.writes_off ? NOT_STORED_FAILED : NOT_STORED_BUSY;
    return sign(front, zone, wanted, proven, &subject, id);
}

/* One of many of the background, which the signer may come to in a second only: where signatures
 * are dear, the background has a larger share until it is there; where they are not, it is asked
 * for once more, out of turn: the answer that comes first counts. */
static void hurry_background(struct keeper *keeper, struct keeper_zone *zone,
                             const struct job_subject *wanted, struct job *job)
{
    struct subject subject;

    if (!budget_is_ample(&keeper->budget)) {
        keeper->bulk_waited += job->bulk && !job->waited;
        job->waited = true;
        return;
    }
    if (snapshot_renew(&keeper->view) != RENEWAL_READY)
        return;
    if (read_subject(keeper, zone, wanted, &subject) == RECORD_THERE) {
        struct rrset rrset = rrset_of(&subject);
        if (sign_urgent(keeper, job, &rrset))
            log_debug("a signature that is waited for comes in its turn");
    }
    snapshot_rest(&keeper->view);
}

/* Being made already, or in line. Once made it is not left to wait for a full batch. */
static void hurry(struct keeper *keeper, struct keeper_zone *zone, const struct job_subject *wanted,
                  bool proven, struct job *job)
{
    if (job->lane) {
        asked_raise(&keeper->asked, &zone->asked, job, class_of(zone, wanted, proven));
        return;
    }
    if (job->held)
        zone->renew_now = keeper->rounds_waiting = true;
    else if (job->signatures)
        keeper->commit_now = true;
    if (!job->signatures && !job->urgent)
        hurry_background(keeper, zone, wanted, job);
}

void wanted_take(struct front_link *front, const struct message_want *letter)
{
    struct keeper *keeper = front->keeper;
    struct job_subject wanted = {.version = letter->version,
                                 .kind = letter->kind == WANT_NSEC3 ? WANT_NSEC3 : WANT_RRSET,
                                 .type = letter->kind == WANT_NSEC3 ? TYPE_NSEC3 : letter->type,
                                 .owner = &letter->owner,
                                 .hash = letter->hash.octets};
    struct keeper_zone *zone = keeper_zone_of_version(keeper, letter->version);

    keeper->now_ms = clock_monotonic_ms();
    keeper->now = clock_wall_seconds();
    if (!zone || (wanted.kind == WANT_NSEC3 && letter->hash.length != NODE_HASH_OCTETS) ||
        !name_is_within(&letter->owner, &zone->name)) {
        refuse(front, letter->id, NOT_STORED_UNKNOWN);
        return;
    }
    struct job *job = jobs_find(&keeper->jobs, &wanted);
    if (job) {
        hurry(keeper, zone, &wanted, letter->proven, job);
        if (jobs_wait(&keeper->jobs, job, (uint16_t)(front - keeper->fronts), front->generation,
                      letter->id))
            refuse(front, letter->id, NOT_STORED_BUSY);
        return;
    }
    if (snapshot_renew(&keeper->view) != RENEWAL_READY) {
        refuse(front, letter->id, NOT_STORED_BUSY);
        return;
    }
    unsigned reason = want(front, zone, &wanted, letter->proven, letter->id);
    snapshot_rest(&keeper->view);
    if (reason != WAITING)
        refuse(front, letter->id, (enum not_stored_reason)reason);
}

enum result wanted_anew(struct keeper_zone *zone, const struct job_subject *wanted)
{
    struct keeper *keeper = zone->keeper;
    struct subject subject = {.flags = 0};

    if (jobs_find(&keeper->jobs, wanted))
        return RESULT_OK;
    if (!keeper_zone_is_signed(zone) || !keyring_at_hand(zone) || !commit_is_possible(keeper) ||
        read_subject(keeper, zone, wanted, &subject) != RECORD_THERE)
        return RESULT_REFUSED;
    struct job *job = jobs_make(&keeper->jobs, zone, wanted);
    struct rrset rrset = rrset_of(&subject);
    if (!job)
        return RESULT_FULL;
    job->first = subject.view.signatures.count == 0;
    job->expiration = schedule_expiration(zone, subject.owner.octets, subject.owner.length);
    zone->in_flight++;
    enum result result = sign_urgent(keeper, job, &rrset);
    if (result) {
        zone->in_flight--;
        jobs_end(&keeper->jobs, job);
    }
    return result;
}
