/* commit.c - the only way to the store. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

#include "avow/base/clock.h"
#include "avow/wire/type.h"

enum { TOUCHED_ZONES = 64 };

enum result commit_begin(struct keeper *keeper, struct change *change)
{
    if (!keeper->settled)
        return RESULT_REFUSED;
    enum result result = change_begin(change, &keeper->store);
    if (result)
        log_error("the store cannot be written: %s", keeper->store.problem);
    return result;
}

enum result commit_end(struct keeper *keeper, struct change *change, bool zones_changed,
                       struct keeper_zone *const *touched, size_t count)
{
    uint16_t buckets[TOUCHED_ZONES];
    uint8_t key[NAME_KEY_MAX_OCTETS];
    enum result result = change_commit(change, &keeper->transaction);

    metric_add(keeper->metrics, result ? METRIC_COMMITS_FAILED : METRIC_COMMITS, 1);
    if (result) {
        log_error("the store could not be written: %s", keeper->store.problem);
        return result;
    }
    if (count > TOUCHED_ZONES)
        count = TOUCHED_ZONES; /* callers commit before that */
    for (size_t i = 0; i < count; i++) {
        struct writer writer = writer_over(key, sizeof key);
        name_key_write(&writer, &touched[i]->name);
        buckets[i] = (uint16_t)pages_bucket(key, writer.length);
    }
    return pins_publish(&keeper->pins, zones_changed, buckets, count);
}

enum result commit_zone(struct keeper_zone *zone, bool zones_changed)
{
    struct change change;
    enum result result = commit_begin(zone->keeper, &change);

    if (result)
        return result;
    change_put_zone(&change, &zone->row);
    return commit_end(zone->keeper, &change, zones_changed, &zone, 1);
}

/* ---- signatures -------------------------------------------------------------------------------
 */

/* One write of many signatures. */
struct batch {
    struct keeper *keeper;
    struct change change;
    struct job **jobs; /* by version, kind and order of the walk */
    size_t count;
    struct keeper_zone *touched[TOUCHED_ZONES];
    size_t touched_count;
    struct expiry expiry; /* of the segment at hand; version 0: none */
    const struct job *segment_first, *segment_last;
    uint64_t stored;
};

static int compare_jobs(const void *left, const void *right)
{
    const struct job *a = *(struct job *const *)left, *b = *(struct job *const *)right;

    if (a->version != b->version)
        return a->version < b->version ? -1 : 1;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    return a->sequence < b->sequence ? -1 : a->sequence > b->sequence;
}

/* Note that the signatures from segment_first to segment_last become due together. */
static void end_segment(struct batch *batch)
{
    const struct job *first = batch->segment_first, *last = batch->segment_last;

    if (!first)
        return;
    uint32_t refresh = first->zone->config && first->zone->config->policy
                           ? first->zone->config->policy->signature_refresh
                           : 0;
    if (first->kind == WANT_NSEC3)
        expiry_of_hashes(&batch->expiry, first->expiration - refresh, first->version, first->hash,
                         last->hash);
    else
        expiry_of_names(&batch->expiry, first->expiration - refresh, first->version, &first->owner,
                        &last->owner);
    change_put_expiry(&batch->change, &batch->expiry);
    batch->segment_first = NULL;
}

static void join_segment(struct batch *batch, const struct job *job)
{
    const struct job *first = batch->segment_first;

    /* What was asked for by a query stands alone: what lies between is not signed yet. */
    if (first && (first->version != job->version || first->kind != job->kind ||
                  first->expiration != job->expiration || first->urgent || job->urgent))
        end_segment(batch);
    if (!batch->segment_first)
        batch->segment_first = job;
    batch->segment_last = job;
}

/* Room for one more zone in this write? */
static bool touch(struct batch *batch, struct keeper_zone *zone)
{
    for (size_t i = 0; i < batch->touched_count; i++) {
        if (batch->touched[i] == zone)
            return true;
    }
    if (batch->touched_count == TOUCHED_ZONES)
        return false;
    batch->touched[batch->touched_count++] = zone;
    return true;
}

static void count_signature(const struct job *job)
{
    struct zone *row = &job->zone->row;

    if (!job->first) {
        job->zone->refreshed++;
        return;
    }
    if (job->kind == WANT_NSEC3 || job->type == TYPE_NSEC)
        row->denials_signed++;
    else
        row->rrsets_signed++;
}

static void put_signature(struct batch *batch, struct job *job)
{
    enum found_record found =
        job->kind == WANT_NSEC3
            ? change_put_nsec3_signatures(&batch->change, job->version, job->hash, &job->run)
            : change_put_signatures(&batch->change, job->version, &job->owner, job->type,
                                    &job->run);
    if (found == RECORD_THERE) {
        join_segment(batch, job);
        batch->stored++;
        count_signature(job);
    }
    /* RECORD_ABSENT: the zone has moved on. RECORD_CORRUPT fails the change. */
}

static struct job **collect_done(struct keeper *keeper, size_t *count)
{
    struct jobs *jobs = &keeper->jobs;
    struct job **list = reallocarray(NULL, jobs->done_count, sizeof *list);

    if (!list)
        return NULL;
    *count = 0;
    for (struct job *job = jobs->done; job; job = job->next_done)
        list[(*count)++] = job;
    qsort(list, *count, sizeof *list, compare_jobs);
    return list;
}

/* Whether all signatures of the zone are there now. */
static bool is_complete(const struct keeper_zone *zone)
{
    return zone->row.rrsets_signed >= zone->row.rrsets &&
           zone->row.denials_signed >= zone->row.denials;
}

static void put_rows(struct batch *batch)
{
    for (size_t i = 0; i < batch->touched_count; i++) {
        struct zone *row = &batch->touched[i]->row;
        if (!(row->flags & ZONE_FULLY_SIGNED) && is_complete(batch->touched[i])) {
            row->flags |= ZONE_FULLY_SIGNED;
            row->signed_at = batch->keeper->now;
        }
        change_put_zone(&batch->change, row);
    }
}

static void end_jobs(struct batch *batch, uint64_t transaction)
{
    struct keeper *keeper = batch->keeper;

    keeper->jobs.done = NULL;
    keeper->jobs.done_count = 0;
    for (size_t i = 0; i < batch->count; i++) {
        struct job *job = batch->jobs[i];
        job->zone->in_flight--;
        if (!transaction)
            schedule_zone(job->zone);
        wanted_tell(keeper, job, transaction);
        jobs_end(&keeper->jobs, job);
    }
}

/* The counts rose before the write; if it failed they are read again. */
static void read_rows_again(struct batch *batch)
{
    struct keeper *keeper = batch->keeper;

    if (snapshot_renew(&keeper->view) != RENEWAL_READY)
        return;
    for (size_t i = 0; i < batch->touched_count; i++) {
        struct zone row;
        if (zone_get(&keeper->view, &batch->touched[i]->name, &row) == RECORD_THERE)
            batch->touched[i]->row = row;
    }
    snapshot_rest(&keeper->view);
}

static enum result write_batch(struct batch *batch)
{
    enum result result = commit_begin(batch->keeper, &batch->change);

    if (result)
        return result;
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->jobs[i]->version == batch->jobs[i]->zone->row.version &&
            touch(batch, batch->jobs[i]->zone))
            put_signature(batch, batch->jobs[i]);
    }
    end_segment(batch);
    put_rows(batch);
    return commit_end(batch->keeper, &batch->change, false, batch->touched, batch->touched_count);
}

void commit_signatures(struct keeper *keeper)
{
    struct batch batch = {.keeper = keeper};

    keeper->commit_now = false;
    if (keeper->jobs.done_count == 0 || !keeper->settled)
        return;
    batch.jobs = collect_done(keeper, &batch.count);
    if (!batch.jobs)
        return; /* tried again at the next tick */
    enum result result = write_batch(&batch);
    if (result) {
        for (size_t i = 0; i < batch.touched_count; i++)
            keeper_zone_problem(batch.touched[i], "signatures could not be stored: %s",
                                keeper->store.problem);
        read_rows_again(&batch);
    }
    metric_add(keeper->metrics, METRIC_SIGNATURES_STORED, result ? 0 : batch.stored);
    end_jobs(&batch, result ? 0 : keeper->transaction);
    for (size_t i = 0; i < batch.touched_count; i++) {
        if (!result && is_complete(batch.touched[i]))
            control_zone_event(batch.touched[i]);
        schedule_settle(batch.touched[i]);
    }
    free(batch.jobs);
}
