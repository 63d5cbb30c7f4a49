/*
 * jobs.h - signatures under way: asked for, made, not yet stored.
 *
 * A job is found by its number when the signer answers, and by what it signs when somebody else
 * wants the same: then there is one signature for all who wait (single flight).
 */
#ifndef KEEPER_JOBS_H
#define KEEPER_JOBS_H

#include <stdbool.h>
#include <sys/queue.h>

#include "avow/base/buffer.h"
#include "avow/base/hash.h"
#include "avow/ipc/messages.h"
#include "avow/wire/rrset.h"

struct keeper_zone;
struct round;
struct asked_lane;

enum { JOBS_LIMIT = 16384, JOBS_BUCKETS = 16384, JOB_WAITERS = 64 };

/* Who asked for a signature, the most important first (asked.h). */
enum asked_class { ASKED_APEX, ASKED_PROVEN, ASKED_UNPROVEN, ASKED_CLASSES };

/* Somebody in the front who waits. */
struct job_waiter {
    struct job_waiter *next;
    uint64_t id;
    uint32_t generation;
    uint16_t front;
};

struct job {
    struct job *next;      /* in its bucket, or in the list of free ones */
    struct job *next_done; /* in the list of those to be stored */
    uint64_t number;       /* place and generation */
    struct keeper_zone *zone;
    uint32_t version;
    enum want_kind kind;
    uint16_t type;
    bool in_use;
    bool urgent;
    bool first;    /* the RRset had no signature: the counts rise when it is stored */
    bool bulk;     /* the signer has it, from the background's channel */
    bool waited;   /* ... and a query waits for it */
    bool pressing; /* ... and it runs out soon, or is an apex's */
    bool asked;    /* the signer has it, as a query asked for it */
    bool stale;    /* what it signs is not what is stored any more: not to be stored, not found */
    bool held;     /* made, and held by its zone for the next round */
    bool damaged;  /* the record that it belongs to cannot be written */
    uint64_t segment; /* jobs that become due together have one number; 0: stands alone */
    uint32_t expiration;
    uint64_t sequence; /* in the order of the walk */
    uint64_t sent_ms;
    struct name owner;
    uint8_t hash[20];
    uint8_t *signatures; /* run of RRSIG RDATA; owned */
    struct rdata_run run;
    struct job_waiter *waiters;
    unsigned waiter_count;
    struct asked_lane *lane;     /* that it waits in for the signer (asked.h); NULL: in none */
    struct job *before, *behind; /* in the lane */
    enum asked_class class;      /* of the lane */
    struct round *round;         /* that it signs for (round.h); NULL: for what is stored */
    size_t set;                  /* which of its RRsets */
};

struct jobs {
    struct job *places; /* JOBS_LIMIT */
    struct job *free;
    struct job **buckets;
    struct job *done; /* made, to be stored; the newest first */
    size_t done_count;
    size_t held; /* made, and held by their zones for the next round */
    size_t in_use;
    uint64_t sequence;
    struct hash_key key;
    struct job_waiter *spare;
};

/* What a job signs. */
struct job_subject {
    uint32_t version;
    enum want_kind kind;
    uint16_t type;
    const struct name *owner; /* WANT_RRSET */
    const uint8_t *hash;      /* WANT_NSEC3 */
};

MUST_CHECK enum result jobs_open(struct jobs *jobs);
void jobs_close(struct jobs *jobs);

/* The job that signs this; NULL when there is none. */
struct job *jobs_find(const struct jobs *jobs, const struct job_subject *subject);

/* What a job signs; as long as the job stands. */
struct job_subject jobs_subject(const struct job *job);

/* The job with this number; NULL when it ended. */
struct job *jobs_by_number(const struct jobs *jobs, uint64_t number);

/* A new one; NULL when too many are under way. */
struct job *jobs_make(struct jobs *jobs, struct keeper_zone *zone,
                      const struct job_subject *subject);

/* A new one that signs what is staged in a round: nobody finds it but by its number. */
struct job *jobs_make_staged(struct jobs *jobs, struct keeper_zone *zone, struct round *round,
                             size_t set);

/* What this job signs has just been changed in place. */
void jobs_outdate_one(struct jobs *jobs, struct job *job);

/* What the zone's jobs sign (`type` 0: of all types) has just been changed in place: signatures of
 * what was before must never lie beside what is now. Returns how many jobs there were. */
size_t jobs_outdate(struct jobs *jobs, const struct keeper_zone *zone, uint16_t type);

/* Take a job out and forget it; its waiters must have been told. */
void jobs_end(struct jobs *jobs, struct job *job);

/* Keep what the signer made. RESULT_REFUSED when it has been answered already; RESULT_FORMAT when
 * there is no signature; RESULT_SYSTEM. The caller puts the job on a list of those to be stored. */
MUST_CHECK enum result jobs_keep(struct job *job, const struct rdata_run *run);

/* Put it on the list of those that are stored as they are. */
void jobs_done(struct jobs *jobs, struct job *job);

/* RESULT_FULL when too many wait already. */
MUST_CHECK enum result jobs_wait(struct jobs *jobs, struct job *job, uint16_t front,
                                 uint32_t generation, uint64_t id);
void jobs_free_waiters(struct jobs *jobs, struct job *job);

#endif
