/* schedule.c - what is signed when: what a query waits for, what changed, what is due, the rest. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

#include "avow/base/clock.h"
#include "avow/dnssec/nsec3.h"
#include "avow/dnssec/rrsig.h"
#include "avow/store/chain.h"
#include "avow/store/lookup.h"
#include "avow/wire/type.h"

enum {
    BULK_JOBS = 32,      /* signatures of one letter: some milliseconds of one session's time */
    BULK_FRAMES = 48,    /* letters under way: what the signer does while we write */
    SEGMENT_NAMES = 128, /* names that share an expiration */
    DUE_ENTRIES = 16,    /* of the expiry index, taken at once */
    BATCH_OCTETS = 100 * 1024,
    WALK_RECORDS = 4096 /* looked at before other events have their turn */
};

/* ---- when -------------------------------------------------------------------------------------
 */

uint32_t schedule_expiration(const struct keeper_zone *zone, const uint8_t *octets, size_t length)
{
    const struct keeper *keeper = zone->keeper;
    const struct config_policy *policy = zone->config->policy;
    uint64_t spread = policy->signature_jitter ? hash_octets(&keeper->jobs.key, octets, length) %
                                                     policy->signature_jitter
                                               : 0;
    return (uint32_t)(keeper->now - INCEPTION_OFFSET + policy->signature_validity - spread);
}

/* Whether a stored signature will do for now: by a key that signs, and not due. */
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
        uint32_t due = summary.expiration - zone->config->policy->signature_refresh;
        if (rrsig_stamp_compare(due, (uint32_t)keeper->now) <= 0)
            return false;
        there++;
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

struct pump {
    struct keeper *keeper;
    struct keeper_zone *zone;
    struct sign_batch batch;
    uint32_t expiration;
    bool blocked;    /* the signer takes no more, or there are no jobs left */
    unsigned budget; /* records still to be looked at in this turn */
};

static void flush(struct pump *pump)
{
    if (pump->batch.count == 0)
        return;
    if (sign_batch_send(pump->keeper, &pump->batch) != RESULT_OK)
        pump->blocked = true;
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
    pump->zone->in_flight++;
    pump->zone->walk_sent++;
    if (!sign_batch_add(&pump->batch, job, &rrset)) {
        flush(pump);
        if (pump->blocked || !sign_batch_add(&pump->batch, job, &rrset)) {
            pump->zone->in_flight--;
            pump->blocked = true;
            jobs_end(jobs, job);
            return;
        }
    }
    if (pump->batch.count >= BULK_JOBS)
        flush(pump);
}

static void sign_node(struct pump *pump, const struct node_view *node, const struct name *owner)
{
    struct rrset_view rrset;

    for (struct reader rows = node->rows; node_next(&rows, &rrset);) {
        if (!schedule_needs(pump->zone, node->flags, &rrset) &&
            !(rrset.apart && !(node->flags & NODE_BELOW)))
            continue;
        if (node_fetch(node, &rrset)) {
            keeper_zone_problem(pump->zone, "a record of the store is damaged");
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

static void sign_nsec3(struct pump *pump, const struct chain_nsec3 *nsec3)
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

/* ---- the walk over a whole zone ---------------------------------------------------------------
 */

/* Names of one segment share their expiration, so that the expiry index stays small. */
static void count_segment(struct pump *pump, const uint8_t *octets, size_t length)
{
    struct cursor *cursor = &pump->zone->cursor;

    if (cursor->segment_left == 0) {
        cursor->segment_left = SEGMENT_NAMES;
        cursor->segment_expiration = schedule_expiration(pump->zone, octets, length);
    }
    cursor->segment_left--;
    pump->budget--;
    pump->expiration = cursor->segment_expiration;
}

static bool may_send(const struct pump *pump)
{
    return !pump->blocked && pump->budget > 0 && pump->keeper->bulk_frames < BULK_FRAMES &&
           pump->keeper->jobs.in_use < JOBS_LIMIT / 2;
}

/* What the walk met instead of a record. At the end of the nodes the chain follows; at its end, if
 * something was in other hands meanwhile, there is one more walk. */
static void end_walk(struct pump *pump, enum found_record found)
{
    struct keeper_zone *zone = pump->zone;
    struct cursor *cursor = &zone->cursor;

    if (found == RECORD_CORRUPT) {
        keeper_zone_problem(zone, "a record of the store is damaged; see avowctl store check");
        *cursor = (struct cursor){.at = CURSOR_IDLE};
        return; /* what lies behind it was not looked at: nothing is settled */
    }
    if (cursor->at == CURSOR_NODES && zone->row.flags & ZONE_NSEC3) {
        *cursor = (struct cursor){.at = CURSOR_NSEC3};
        return;
    }
    *cursor = (struct cursor){.at = CURSOR_IDLE};
    zone->walked = true;
}

static void walk_nodes(struct pump *pump)
{
    struct keeper_zone *zone = pump->zone;
    struct cursor *cursor = &zone->cursor;
    struct node_view node;
    enum walk walk = cursor->started ? WALK_BEHIND : WALK_FROM;
    const struct name *from = cursor->started ? &cursor->name : &zone->name;

    while (may_send(pump)) {
        enum found_record found =
            lookup_walk(&pump->keeper->view, zone->row.version, walk, from, &node);
        struct name owner;
        if (found == RECORD_THERE && node_name(&node, &owner))
            found = RECORD_CORRUPT;
        if (found != RECORD_THERE) {
            end_walk(pump, found);
            return;
        }
        walk = WALK_NEXT;
        count_segment(pump, owner.octets, owner.length);
        sign_node(pump, &node, &owner);
        if (pump->blocked)
            return;
        name_copy(&cursor->name, &owner);
        cursor->started = true;
    }
}

static void walk_chain(struct pump *pump)
{
    struct keeper_zone *zone = pump->zone;
    struct cursor *cursor = &zone->cursor;
    struct chain_nsec3 nsec3;

    while (may_send(pump)) {
        enum found_record found = chain_nsec3_walk(&pump->keeper->view, zone->row.version,
                                                   cursor->started ? cursor->hash : NULL, &nsec3);
        if (found != RECORD_THERE) {
            end_walk(pump, found);
            return;
        }
        count_segment(pump, nsec3.hash, NODE_HASH_OCTETS);
        sign_nsec3(pump, &nsec3);
        if (pump->blocked)
            return;
        memcpy(cursor->hash, nsec3.hash, NODE_HASH_OCTETS);
        cursor->started = true;
    }
}

void schedule_zone(struct keeper_zone *zone)
{
    if (zone->cursor.at != CURSOR_IDLE || !keeper_zone_signs(zone) || !zone->row.version)
        return;
    zone->cursor = (struct cursor){.at = CURSOR_NODES, .not_before = zone->cursor.not_before};
    zone->walked = false;
    zone->walk_sent = 0;
}

void schedule_settle(struct keeper_zone *zone)
{
    struct zone *row = &zone->row;

    if (!zone->walked || zone->in_flight)
        return;
    zone->walked = false;
    bool complete = row->rrsets_signed >= row->rrsets && row->denials_signed >= row->denials;
    if (!complete && zone->walk_sent) {
        schedule_zone(zone); /* something failed, or changed meanwhile */
        return;
    }
    /* A whole walk that found nothing to sign counts more than the counters. */
    if (complete && row->flags & ZONE_FULLY_SIGNED)
        return;
    row->rrsets_signed = row->rrsets;
    row->denials_signed = row->denials;
    row->flags |= ZONE_FULLY_SIGNED;
    row->signed_at = zone->keeper->now;
    if (commit_zone(zone, false))
        row->flags &= (uint16_t)~ZONE_FULLY_SIGNED;
    control_zone_event(zone);
}

/* A walk has work when it has begun and its zone's keys are there. */
static bool has_work(const struct keeper_zone *zone)
{
    uint32_t handles[SIGN_JOB_KEYS];

    return zone->cursor.at != CURSOR_IDLE && zone->keeper->now_ms >= zone->cursor.not_before &&
           keyring_signers(zone, TYPE_SOA, handles) && keyring_signers(zone, TYPE_DNSKEY, handles);
}

static void pump_zone(struct pump *pump)
{
    while (may_send(pump) && pump->zone->cursor.at != CURSOR_IDLE) {
        if (pump->zone->cursor.at == CURSOR_NODES)
            walk_nodes(pump);
        else
            walk_chain(pump);
    }
    flush(pump);
}

void schedule_pump(struct keeper *keeper)
{
    struct pump pump = {.keeper = keeper, .budget = WALK_RECORDS};
    bool renewed = false;

    if (!keeper->bulk || !keeper->token_up || !keeper->settled)
        return;
    uint8_t *octets = NULL;
    for (struct keeper_zone *zone = keeper->zones; zone; zone = zone->next) {
        if (!has_work(zone) || keeper->bulk_frames >= BULK_FRAMES)
            continue;
        if (!octets)
            octets = malloc(BATCH_OCTETS);
        if (!octets || (!renewed && snapshot_renew(&keeper->view) != RENEWAL_READY))
            break;
        renewed = true;
        pump.zone = zone;
        pump.blocked = false;
        pump.batch.writer = writer_over(octets, BATCH_OCTETS);
        pump.batch.count = 0;
        pump_zone(&pump);
    }
    if (renewed)
        snapshot_rest(&keeper->view);
    free(octets);
    keeper->walk_on = pump.budget == 0;
    for (struct keeper_zone *zone = renewed ? keeper->zones : NULL; zone; zone = zone->next)
        schedule_settle(zone);
}

/* ---- what is due ---- */

/* Sign again what is due between the first and the last name of an entry. Nothing else is: the
 * walk looks at each signature's own expiration. */
static void renew_names(struct pump *pump, const struct expiry *entry)
{
    struct name first, last, owner;
    struct node_view node;
    enum walk walk = WALK_FROM;

    if (name_key_read(entry->first, entry->first_length, &first) ||
        name_key_read(entry->last, entry->last_length, &last))
        return;
    while (!pump->blocked &&
           lookup_walk(&pump->keeper->view, entry->version, walk, &first, &node) == RECORD_THERE &&
           node_name(&node, &owner) == RESULT_OK && name_compare(&owner, &last) <= 0) {
        sign_node(pump, &node, &owner);
        walk = WALK_NEXT;
    }
}

static void renew_hashes(struct pump *pump, const struct expiry *entry)
{
    struct chain_nsec3 nsec3;

    if (entry->first_length != NODE_HASH_OCTETS ||
        chain_nsec3(&pump->keeper->view, entry->version, entry->first, &nsec3) == CHAIN_CORRUPT)
        return;
    while (!pump->blocked && memcmp(nsec3.hash, entry->last, NODE_HASH_OCTETS) <= 0) {
        uint8_t hash[NODE_HASH_OCTETS];
        if (memcmp(nsec3.hash, entry->first, NODE_HASH_OCTETS) >= 0)
            sign_nsec3(pump, &nsec3);
        memcpy(hash, nsec3.hash, sizeof hash);
        if (chain_nsec3_walk(&pump->keeper->view, entry->version, hash, &nsec3) != RECORD_THERE)
            return;
    }
}

static void renew_entry(struct pump *pump, const struct expiry *entry)
{
    pump->zone = keeper_zone_of_version(pump->keeper, entry->version);
    if (!pump->zone || !keeper_zone_signs(pump->zone))
        return; /* of a version that is gone: the entry only has to go too */
    pump->expiration = schedule_expiration(pump->zone, entry->first, entry->first_length);
    if (entry->kind == EXPIRY_NSEC3)
        renew_hashes(pump, entry);
    else
        renew_names(pump, entry);
    flush(pump);
}

void schedule_apex(struct keeper_zone *zone)
{
    struct pump pump = {.keeper = zone->keeper, .zone = zone, .budget = 1};
    struct expiry entry;
    uint8_t *octets = malloc(BATCH_OCTETS);

    if (!octets || !zone->keeper->bulk || snapshot_renew(&zone->keeper->view) != RENEWAL_READY) {
        free(octets);
        schedule_zone(zone);
        return;
    }
    pump.batch.writer = writer_over(octets, BATCH_OCTETS);
    expiry_of_names(&entry, 0, zone->row.version, &zone->name, &zone->name);
    renew_entry(&pump, &entry);
    snapshot_rest(&zone->keeper->view);
    free(octets);
    if (pump.blocked)
        schedule_zone(zone);
}

/* Entries whose work is under way are taken out; if the work fails, the walk over the zone that
 * follows a failure finds what is still due. */
static void remove_entries(struct keeper *keeper, const struct expiry *entries, size_t count)
{
    struct change change;

    if (count == 0 || commit_begin(keeper, &change))
        return;
    for (size_t i = 0; i < count; i++)
        change_delete_expiry(&change, &entries[i]);
    if (commit_end(keeper, &change, false, NULL, 0))
        log_warning("entries of the expiry index could not be removed; they come up again");
}

static size_t take_due(struct pump *pump, struct expiry *entries)
{
    const struct expiry *after = NULL;
    size_t count = 0;

    while (count < DUE_ENTRIES && may_send(pump) &&
           expiry_walk(&pump->keeper->view, after, &entries[count]) == RECORD_THERE &&
           entries[count].at <= pump->keeper->now) {
        renew_entry(pump, &entries[count]);
        if (pump->blocked)
            break;
        after = &entries[count++];
    }
    return count;
}

void schedule_due(struct keeper *keeper)
{
    struct pump pump = {.keeper = keeper, .budget = WALK_RECORDS};
    struct expiry *entries;
    uint8_t *octets;

    if (!keeper->bulk || !keeper->token_up || !keeper->settled ||
        snapshot_renew(&keeper->view) != RENEWAL_READY)
        return;
    entries = calloc(DUE_ENTRIES + 1, sizeof *entries);
    octets = malloc(BATCH_OCTETS);
    size_t count = 0;
    if (entries && octets) {
        pump.batch.writer = writer_over(octets, BATCH_OCTETS);
        count = take_due(&pump, entries);
    }
    snapshot_rest(&keeper->view);
    if (count)
        remove_entries(keeper, entries, count);
    free(entries);
    free(octets);
}
