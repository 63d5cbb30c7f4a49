/* jobs.c - signatures under way: asked for, made, not yet stored. */
#include "jobs.h"

#include <stdlib.h>
#include <string.h>

enum result jobs_open(struct jobs *jobs)
{
    *jobs = (struct jobs){.places = calloc(JOBS_LIMIT, sizeof(struct job)),
                          .buckets = calloc(JOBS_BUCKETS, sizeof(struct job *))};
    if (!jobs->places || !jobs->buckets || hash_key_random(&jobs->key))
        return RESULT_SYSTEM;
    for (size_t i = JOBS_LIMIT; i-- > 0;) {
        jobs->places[i].number = i;
        jobs->places[i].next = jobs->free;
        jobs->free = &jobs->places[i];
    }
    return RESULT_OK;
}

void jobs_close(struct jobs *jobs)
{
    for (size_t i = 0; jobs->places && i < JOBS_LIMIT; i++) {
        free(jobs->places[i].signatures);
        jobs_free_waiters(jobs, &jobs->places[i]);
    }
    while (jobs->spare) {
        struct job_waiter *next = jobs->spare->next;
        free(jobs->spare);
        jobs->spare = next;
    }
    free(jobs->places);
    free(jobs->buckets);
    *jobs = (struct jobs){.places = NULL};
}

static struct job **bucket_of(const struct jobs *jobs, const struct job_subject *subject)
{
    uint8_t octets[NAME_MAX_OCTETS + 8];
    struct writer writer = writer_over(octets, sizeof octets);

    writer_u32(&writer, subject->version);
    writer_u16(&writer, subject->type);
    if (subject->kind == WANT_NSEC3) {
        writer_add(&writer, subject->hash, 20);
    } else {
        for (unsigned i = 0; i < subject->owner->length; i++)
            writer_u8(&writer, octet_lower(subject->owner->octets[i]));
    }
    return &jobs->buckets[hash_octets(&jobs->key, octets, writer.length) % JOBS_BUCKETS];
}

static bool signs(const struct job *job, const struct job_subject *subject)
{
    if (job->version != subject->version || job->kind != subject->kind)
        return false;
    if (subject->kind == WANT_NSEC3)
        return memcmp(job->hash, subject->hash, sizeof job->hash) == 0;
    return job->type == subject->type && name_equal(&job->owner, subject->owner);
}

struct job *jobs_find(const struct jobs *jobs, const struct job_subject *subject)
{
    struct job *job = *bucket_of(jobs, subject);

    while (job && !signs(job, subject))
        job = job->next;
    return job;
}

struct job *jobs_by_number(const struct jobs *jobs, uint64_t number)
{
    struct job *job = &jobs->places[number % JOBS_LIMIT];
    return job->in_use && job->number == number ? job : NULL;
}

struct job_subject jobs_subject(const struct job *job)
{
    return (struct job_subject){.version = job->version,
                                .kind = job->kind,
                                .type = job->type,
                                .owner = &job->owner,
                                .hash = job->hash};
}

static struct job *take_free(struct jobs *jobs, struct keeper_zone *zone)
{
    struct job *job = jobs->free;

    if (!job)
        return NULL;
    jobs->free = job->next;
    jobs->in_use++;
    job->in_use = true;
    job->zone = zone;
    job->urgent = job->first = job->bulk = job->stale = job->held = job->damaged = false;
    job->waited = job->pressing = job->asked = false;
    job->lane = NULL;
    job->segment = 0;
    job->expiration = 0;
    job->sequence = ++jobs->sequence;
    job->sent_ms = 0;
    job->round = NULL;
    return job;
}

struct job *jobs_make_staged(struct jobs *jobs, struct keeper_zone *zone, struct round *round,
                             size_t set)
{
    struct job *job = take_free(jobs, zone);

    if (!job)
        return NULL;
    job->stale = true; /* it is in no bucket */
    job->round = round;
    job->set = set;
    return job;
}

struct job *jobs_make(struct jobs *jobs, struct keeper_zone *zone,
                      const struct job_subject *subject)
{
    struct job *job = take_free(jobs, zone);

    if (!job)
        return NULL;
    job->version = subject->version;
    job->kind = subject->kind;
    job->type = subject->type;
    if (subject->kind == WANT_NSEC3)
        memcpy(job->hash, subject->hash, sizeof job->hash);
    else
        name_copy(&job->owner, subject->owner);
    struct job **bucket = bucket_of(jobs, subject);
    job->next = *bucket;
    *bucket = job;
    return job;
}

/* From now on nobody who wants the same finds it. */
static void unlink_job(struct jobs *jobs, struct job *job)
{
    struct job_subject subject = jobs_subject(job);
    struct job **at = bucket_of(jobs, &subject);

    while (*at != job)
        at = &(*at)->next;
    *at = job->next;
}

void jobs_outdate_one(struct jobs *jobs, struct job *job)
{
    if (job->stale)
        return;
    unlink_job(jobs, job);
    job->stale = true;
}

size_t jobs_outdate(struct jobs *jobs, const struct keeper_zone *zone, uint16_t type)
{
    size_t count = 0;

    for (size_t i = 0; i < JOBS_LIMIT; i++) {
        struct job *job = &jobs->places[i];
        if (!job->in_use || job->stale || job->zone != zone || (type && job->type != type))
            continue;
        jobs_outdate_one(jobs, job);
        count++;
    }
    return count;
}

void jobs_end(struct jobs *jobs, struct job *job)
{
    if (!job->stale)
        unlink_job(jobs, job);
    free(job->signatures);
    job->signatures = NULL;
    jobs_free_waiters(jobs, job);
    job->in_use = false;
    job->number += JOBS_LIMIT; /* letters about the old job will not find the next */
    job->next = jobs->free;
    jobs->free = job;
    jobs->in_use--;
}

enum result jobs_keep(struct job *job, const struct rdata_run *run)
{
    if (job->signatures)
        return RESULT_REFUSED; /* answered twice */
    if (run->count == 0 || run->length == 0)
        return RESULT_FORMAT;
    job->signatures = malloc(run->length);
    if (!job->signatures)
        return RESULT_SYSTEM;
    memcpy(job->signatures, run->octets, run->length);
    job->run = *run;
    job->run.octets = job->signatures;
    return RESULT_OK;
}

void jobs_done(struct jobs *jobs, struct job *job)
{
    job->next_done = jobs->done;
    jobs->done = job;
    jobs->done_count++;
}

enum result jobs_wait(struct jobs *jobs, struct job *job, uint16_t front, uint32_t generation,
                      uint64_t id)
{
    if (job->waiter_count >= JOB_WAITERS)
        return RESULT_FULL;
    struct job_waiter *waiter = jobs->spare;
    if (waiter)
        jobs->spare = waiter->next;
    else
        waiter = malloc(sizeof *waiter);
    if (!waiter)
        return RESULT_SYSTEM;
    *waiter = (struct job_waiter){
        .next = job->waiters, .id = id, .generation = generation, .front = front};
    job->waiters = waiter;
    job->waiter_count++;
    return RESULT_OK;
}

void jobs_free_waiters(struct jobs *jobs, struct job *job)
{
    while (job->waiters) {
        struct job_waiter *waiter = job->waiters;
        job->waiters = waiter->next;
        waiter->next = jobs->spare;
        jobs->spare = waiter;
    }
    job->waiter_count = 0;
}
