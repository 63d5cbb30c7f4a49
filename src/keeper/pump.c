/* pump.c - sending what is to be signed in the background. */
#include "pump.h"

#include <stdlib.h>

#include "avow/dnssec/nsec3.h"
#include "avow/dnssec/rrsig.h"
#include "avow/wire/type.h"

enum {
    BULK_JOBS = 32,   /* signatures of one letter: some milliseconds of one session's time, */
    BULK_LETTERS = 8, /* but not more than leave each of some sessions a letter */
    /* Of one letter; what a single RRset of the largest size needs, and more. */
    BATCH_OCTETS = MESSAGE_PIECE_OCTETS
};

uint32_t schedule_expiration(const struct keeper_zone *zone, const uint8_t *octets, size_t length)
{
    const struct keeper *keeper = zone->keeper;
    const struct config_policy *policy = zone->config->policy;
    uint64_t spread = policy->signature_jitter ? hash_octets(&keeper->jobs.key, octets, length) %
                                                     policy->signature_jitter
                                               : 0;
    return (uint32_t)(keeper->now + policy->signature_validity - spread);
}

/* Whether a stored signature will do for now: by a key that signs, begun, and not due. */
static bool is_good(const struct keeper_zone *zone, const struct rrset_view *rrset)
{
    const struct keeper *keeper = zone->keeper;
    struct reader run = rdata_run_reader(&rrset->signatures), rdata;
    uint32_t handles[SIGN_JOB_KEYS];
    unsigned wanted = keyring_signers(zone, rrset->type, handles), there = 0;

    while (rdata_next(&run, &rdata)) {
        struct rrsig_summary summary;
        if (rrsig_read_summary(rdata, &summary))
            return false;
        if (rrsig_stamp_compare(summary.inception, (uint32_t)keeper->now) > 0)
            return false; /* the clock was set back */
        uint32_t due = summary.expiration - zone->config->policy->signature_refresh;
        if (rrsig_stamp_compare(due, (uint32_t)keeper->now) <= 0)
            return false;
        there += keyring_has_signer(zone, rrset->type, summary.key_tag, summary.algorithm);
    }
    /* Without keys at hand what there is must do. */
    return wanted == 0 || there == wanted;
}

bool schedule_needs(const struct keeper_zone *zone, uint16_t flags, const struct rrset_view *rrset)
{
    if (flags & NODE_BELOW || rrset->type == TYPE_RRSIG)
        return false;
    if (flags & NODE_CUT && rrset->type != TYPE_DS && rrset->type != TYPE_NSEC)
        return false;
    return rrset->signatures.count == 0 || !is_good(zone, rrset);
}

/* ---- batches ----------------------------------------------------------------------------------
 */

bool pump_open(struct pump *pump, struct keeper *keeper, unsigned budget)
{
    *pump = (struct pump){.keeper = keeper, .budget = budget, .batch.channel = SIGNING_BULK};
    if (!keeper->bulk || !keeper->token_up || !commit_is_possible(keeper) || !pump_may_send(pump))
        return false;
    pump->octets = malloc(BATCH_OCTETS);
    pump->batch.writer = writer_over(pump->octets, BATCH_OCTETS);
    return pump->octets != NULL;
}

void pump_close(struct pump *pump)
{
    free(pump->octets);
    pump->octets = NULL;
}

bool pump_may_send(const struct pump *pump)
{
    return !pump->blocked && !pump->stuck && pump->budget > 0 &&
           pump->keeper->bulk_jobs + pump->batch.count < pump->keeper->bulk_window &&
           pump->keeper->jobs.in_use < JOBS_LIMIT / 2;
}

void pump_flush(struct pump *pump)
{
    if (pump->batch.count == 0)
        return;
    pump->letters++;
    if (sign_batch_send(pump->keeper, &pump->batch) != RESULT_OK)
        pump->blocked = pump->stuck = true;
}

void pump_begin_segment(struct pump *pump, const uint8_t *octets, size_t length)
{
    pump->segment = ++pump->keeper->next_segment;
    pump->expiration = schedule_expiration(pump->zone, octets, length);
}

/* Into the batch, or into the next one. */
static void send(struct pump *pump, struct job *job, const struct rrset *rrset)
{
    if (sign_batch_add(&pump->batch, job, rrset))
        return;
    pump_flush(pump);
    if (!pump->blocked && sign_batch_add(&pump->batch, job, rrset))
        return;
    if (sign_batch_is_too_small(&pump->batch)) {
        keeper_zone_trouble(pump->zone, "an RRset is too large to be signed");
        pump->zone->damage = true;
    } else {
        pump->blocked = true;
    }
    pump->zone->in_flight--;
    jobs_end(&pump->keeper->jobs, job);
}

/* Have one RRset signed, unless somebody does so already. */
static void sign_one(struct pump *pump, const struct job_subject *subject,
                     const struct rrset_view *view, const struct name *owner)
{
    struct jobs *jobs = &pump->keeper->jobs;
    struct rrset rrset = {.owner = owner,
                          .type = view->type,
                          .class_ = CLASS_IN,
                          .ttl = view->ttl,
                          .rdata = view->rdata};

    if (jobs_find(jobs, subject))
        return;
    struct job *job = jobs_make(jobs, pump->zone, subject);
    if (!job) {
        pump->blocked = true;
        return;
    }
    job->first = view->signatures.count == 0;
    job->expiration = pump->expiration;
    job->segment = pump->segment;
    job->pressing = pump->pressing || name_equal(owner, &pump->zone->name);
    pump->zone->in_flight++;
    pump->zone->walk_sent++;
    send(pump, job, &rrset);
    unsigned share = pump->keeper->bulk_window / BULK_LETTERS;
    if (pump->batch.count >= BULK_JOBS || pump->batch.count >= share)
        pump_flush(pump);
}

void pump_node(struct pump *pump, const struct node_view *node, const struct name *owner)
{
    struct rrset_view rrset;

    for (struct reader rows = node->rows; node_next(&rows, &rrset);) {
        if (!schedule_needs(pump->zone, node->flags, &rrset))
            continue;
        if (rrset.apart && node_fetch(node, &rrset)) {
            pump->zone->damage = true;
            continue;
        }
        if (!schedule_needs(pump->zone, node->flags, &rrset))
            continue;
        struct job_subject subject = {.version = pump->zone->row.version,
                                      .kind = WANT_RRSET,
                                      .type = rrset.type,
                                      .owner = owner};
        sign_one(pump, &subject, &rrset, owner);
    }
}

void pump_nsec3(struct pump *pump, const struct chain_nsec3 *nsec3)
{
    struct name owner;

    if (!schedule_needs(pump->zone, 0, &nsec3->rrset) ||
        nsec3_owner(nsec3->hash, &pump->zone->name, &owner))
        return;
    struct job_subject subject = {.version = pump->zone->row.version,
                                  .kind = WANT_NSEC3,
                                  .type = TYPE_NSEC3,
                                  .hash = nsec3->hash};
    sign_one(pump, &subject, &nsec3->rrset, &owner);
}
