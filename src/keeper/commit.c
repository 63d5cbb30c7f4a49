/* commit.c - the only way to the store. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

#include "avow/wire/type.h"

enum {
    RETRY_MS = 2000,         /* after a write that failed */
    COMPLAINTS_A_MINUTE = 6, /* of writes that fail */
    DAMAGED_LIMIT = 16       /* records of one write that may turn out to be damaged */
};

/* ---- every write ------------------------------------------------------------------------------
 */

static void complain_of_write(struct keeper *keeper, const char *what)
{
    log_limited(&keeper->write_budget, COMPLAINTS_A_MINUTE, keeper->now_ms, "%s: %s", what,
                keeper->store.writes_off ? "writes are off until the store has been opened anew"
                                         : keeper->store.problem);
    keeper->write_after_ms = keeper->now_ms + RETRY_MS;
}

/* A commit whose snapshot could not be pinned: as long as it is not, pages that readers use could
 * be written over. Which zones it touched is forgotten by now. */
static enum result publish_owed(struct keeper *keeper)
{
    uint16_t *all = reallocarray(NULL, PAGES_BUCKETS, sizeof *all);
    enum result result = RESULT_SYSTEM;

    for (unsigned i = 0; all && i < PAGES_BUCKETS; i++)
        all[i] = (uint16_t)i;
    if (all)
        result = pins_publish(&keeper->pins, true, all, PAGES_BUCKETS);
    free(all);
    keeper->publish_owed = result != RESULT_OK;
    return result;
}

void commit_publish(struct keeper *keeper)
{
    if (keeper->publish_owed && publish_owed(keeper) == RESULT_OK)
        log_info("readers are told of all commits again");
}

bool commit_is_possible(const struct keeper *keeper)
{
    return keeper->settled && !keeper->store.writes_off && keeper->now_ms >= keeper->write_after_ms;
}

enum result commit_look(struct keeper *keeper)
{
    enum renewal renewal = snapshot_renew(&keeper->view);

    if (renewal == RENEWAL_READY)
        return RESULT_OK;
    keeper->store.writes_off |= renewal == RENEWAL_BROKEN;
    complain_of_write(keeper, "the store cannot be read");
    return RESULT_SYSTEM;
}

enum result commit_begin(struct keeper *keeper, struct change *change)
{
    if (!keeper->settled)
        return RESULT_REFUSED;
    enum result result = keeper->publish_owed ? publish_owed(keeper) : RESULT_OK;
    if (!result)
        result = change_begin(change, &keeper->store);
    change->scan = &keeper->scan;
    if (result)
        complain_of_write(keeper, "the store cannot be written");
    return result;
}

static uint16_t bucket_of(const struct keeper_zone *zone)
{
    uint8_t key[NAME_KEY_MAX_OCTETS];
    struct writer writer = writer_over(key, sizeof key);

    name_key_write(&writer, &zone->name);
    return (uint16_t)pages_bucket(key, writer.length);
}

enum result commit_end(struct keeper *keeper, struct change *change, bool zones_changed,
                       struct keeper_zone *const *touched, size_t count)
{
    uint16_t *buckets = reallocarray(NULL, count + 1, sizeof *buckets);

    if (!buckets) {
        change_abandon(change);
        return RESULT_SYSTEM;
    }
    for (size_t i = 0; i < count; i++)
        buckets[i] = bucket_of(touched[i]);
    struct version_digest scanned = change->scanned;
    enum result result = change_commit(change, NULL);
    metric_add(keeper->metrics, result ? METRIC_COMMITS_FAILED : METRIC_COMMITS, 1);
    if (!result)
        digest_add(&keeper->scan.digest, &scanned);
    if (result) {
        complain_of_write(keeper, "the store could not be written");
    } else if (pins_publish(&keeper->pins, zones_changed, buckets, count)) {
        keeper->publish_owed = true;
        metric_add(keeper->metrics, METRIC_PUBLISH_FAILED, 1);
        log_error("a commit could not be published; nothing is written until it is");
    }
    /* A change without anything in it makes no transaction: the newest is what is pinned. */
    keeper->transaction = pages_transaction(keeper->pins.ticket);
    free(buckets);
    return result;
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

/* A zone in a write, with its row as it will be. */
struct touched {
    struct keeper_zone *zone;
    struct zone row;
};

/* One write of many signatures. */
struct batch {
    struct keeper *keeper;
    struct change change;
    struct job **jobs; /* by version, kind and order of the walk */
    size_t count;
    struct touched *touched;
    struct keeper_zone **zones; /* the same, for commit_end */
    size_t touched_count, capacity;
    struct job *damaged; /* whose record made the write fail */
    struct expiry expiry;
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
    batch->segment_first = NULL;
    if (!keeper_zone_signs(first->zone))
        return;
    uint32_t at = first->expiration - first->zone->config->policy->signature_refresh;
    if (first->kind == WANT_NSEC3)
        expiry_of_hashes(&batch->expiry, at, first->version, first->hash, last->hash);
    else
        expiry_of_names(&batch->expiry, at, first->version, &first->owner, &last->owner);
    change_put_expiry(&batch->change, &batch->expiry);
}

static void join_segment(struct batch *batch, const struct job *job)
{
    const struct job *first = batch->segment_first;

    /* What was asked for by a query stands alone: what lies between is not signed yet. */
    if (first && (first->version != job->version || first->kind != job->kind || !job->segment ||
                  first->segment != job->segment || first->expiration != job->expiration))
        end_segment(batch);
    if (!batch->segment_first)
        batch->segment_first = job;
    batch->segment_last = job;
}

/* The zone's place in this write; NULL without memory. Jobs come in order of versions, so it is the
 * last one or a new one. */
static struct touched *touch(struct batch *batch, struct keeper_zone *zone)
{
    if (batch->touched_count && batch->zones[batch->touched_count - 1] == zone)
        return &batch->touched[batch->touched_count - 1];
    if (batch->touched_count == batch->capacity) {
        size_t capacity = batch->capacity ? batch->capacity * 4 : 4;
        struct touched *touched = reallocarray(batch->touched, capacity, sizeof *touched);
        if (touched)
            batch->touched = touched;
        struct keeper_zone **zones =
            reallocarray(batch->zones, capacity, sizeof(struct keeper_zone *));
        if (zones)
            batch->zones = zones;
        if (!touched || !zones)
            return NULL;
        batch->capacity = capacity;
    }
    struct touched *touched = &batch->touched[batch->touched_count];
    *touched = (struct touched){.zone = zone, .row = zone->row};
    batch->zones[batch->touched_count++] = zone;
    return touched;
}

static void count_signature(struct touched *touched, const struct job *job)
{
    if (!job->first)
        return;
    if (job->kind == WANT_NSEC3 || job->type == TYPE_NSEC)
        touched->row.denials_signed++;
    else
        touched->row.rrsets_signed++;
}

static enum result put_signature(struct batch *batch, struct job *job)
{
    struct touched *touched = touch(batch, job->zone);

    if (!touched)
        return RESULT_SYSTEM;
    enum found_record found =
        job->kind == WANT_NSEC3
            ? change_put_nsec3_signatures(&batch->change, job->version, job->hash, &job->run)
            : change_put_signatures(&batch->change, job->version, &job->owner, job->type,
                                    &job->run);
    if (found == RECORD_THERE) {
        join_segment(batch, job);
        batch->stored++;
        count_signature(touched, job);
    }
    if (found != RECORD_CORRUPT)
        return RESULT_OK; /* RECORD_ABSENT: the zone has moved on */
    if (batch->change.failed == RESULT_CORRUPT)
        batch->damaged = job;
    return batch->change.failed;
}

static struct job **collect_done(struct keeper *keeper, size_t *count)
{
    struct jobs *jobs = &keeper->jobs;
    struct job **list = reallocarray(NULL, jobs->done_count, sizeof(struct job *));

    if (!list)
        return NULL;
    *count = 0;
    for (struct job *job = jobs->done; job; job = job->next_done)
        list[(*count)++] = job;
    qsort(list, *count, sizeof(struct job *), compare_jobs);
    return list;
}

static void put_rows(struct batch *batch)
{
    for (size_t i = 0; i < batch->touched_count; i++) {
        struct zone *row = &batch->touched[i].row;
        if (!(row->flags & ZONE_FULLY_SIGNED) && zone_is_complete(row)) {
            row->flags |= ZONE_FULLY_SIGNED;
            row->signed_at = batch->keeper->now;
        }
        change_put_zone(&batch->change, row);
    }
}

/* Whether what the job signed is still what is stored. */
static bool is_current(const struct job *job)
{
    return !job->stale && !job->damaged && job->version == job->zone->row.version;
}

static enum result write_batch(struct batch *batch)
{
    enum result result = commit_begin(batch->keeper, &batch->change);

    if (result)
        return result;
    batch->touched_count = 0;
    batch->stored = 0;
    batch->segment_first = NULL;
    for (size_t i = 0; !result && i < batch->count; i++) {
        if (is_current(batch->jobs[i]))
            result = put_signature(batch, batch->jobs[i]);
    }
    end_segment(batch);
    put_rows(batch);
    if (!result)
        return commit_end(batch->keeper, &batch->change, false, batch->zones, batch->touched_count);
    change_abandon(&batch->change);
    return result;
}

/* One damaged record does not keep the signatures of all others out of the store. */
static enum result write_what_goes(struct batch *batch)
{
    enum result result = RESULT_CORRUPT;

    for (unsigned i = 0; i < DAMAGED_LIMIT && result == RESULT_CORRUPT; i++) {
        batch->damaged = NULL;
        result = write_batch(batch);
        if (!batch->damaged)
            break;
        batch->damaged->damaged = true;
        keeper_zone_trouble(batch->damaged->zone, DAMAGED_TEXT);
    }
    return result;
}

static void end_jobs(struct batch *batch, enum result result)
{
    struct keeper *keeper = batch->keeper;

    keeper->jobs.done = NULL;
    keeper->jobs.done_count = 0;
    for (size_t i = 0; i < batch->count; i++) {
        struct job *job = batch->jobs[i];
        bool failed = result || job->damaged;
        job->zone->in_flight--;
        if (failed)
            schedule_again(job->zone, true);
        wanted_tell(keeper, job, failed ? 0 : keeper->transaction);
        jobs_end(&keeper->jobs, job);
    }
}

static void take_over_rows(struct batch *batch)
{
    for (size_t i = 0; i < batch->touched_count; i++) {
        struct keeper_zone *zone = batch->touched[i].zone;
        bool first = !zone->row.signed_at;
        zone->row = batch->touched[i].row;
        if (zone_is_complete(&zone->row))
            keeper_zone_complete(zone, first);
    }
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
    enum result result = write_what_goes(&batch);
    if (result) {
        for (size_t i = 0; i < batch.touched_count; i++)
            keeper_zone_trouble(batch.zones[i], "signatures could not be stored: %s",
                                keeper->store.problem);
    } else {
        metric_add(keeper->metrics, METRIC_SIGNATURES_STORED, batch.stored);
        take_over_rows(&batch);
    }
    end_jobs(&batch, result);
    for (size_t i = 0; i < batch.touched_count; i++)
        schedule_settle(batch.zones[i]);
    free(batch.touched);
    free(batch.zones);
    free(batch.jobs);
}
