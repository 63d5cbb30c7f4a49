/*
 * pool.h - letters of jobs, and the threads that work on them.
 *
 * The main thread alone reads the keeper's channels and puts letters here; threads take them,
 * urgent ones first, and send the results themselves. (Threads reading the sockets would save a
 * copy of a few microseconds per 32 signatures, but then KEY_ENSURE and SIGN, which share a
 * channel, would need to be told apart by threads that are in the middle of something else, every
 * idle thread would wake for each letter, since it must wait for two sockets, and a channel that
 * ends would have to be taken from under them.) A thread in the middle of a bulk letter looks for
 * urgent ones before each job: on a token that makes 13 signatures a second a letter takes seconds.
 */
#ifndef SIGNER_POOL_H
#define SIGNER_POOL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "avow/room/metrics.h"
#include "keys.h"
#include "link.h"
#include "watch.h"

/* Letters that wait before the main thread stops to read: the sockets hold the rest. */
enum { POOL_BULK_LETTERS = 64, POOL_URGENT_LETTERS = 1024, POOL_MOST_THREADS = 128 };

/* A SIGN that came. Owned by whoever holds it. */
struct letter {
    struct letter *next;
    struct link *link; /* held */
    bool urgent;
    uint16_t count;
    uint32_t length;
    uint8_t jobs[]; /* packed */
};

struct letter *letter_make(struct link *link, bool urgent, const struct message_sign *sign);
void letter_free(struct letter *letter);

struct letter_queue {
    struct letter *first;
    struct letter **last;
    unsigned count;
};

struct worker;

/* What the workers need of the room. */
struct pool_means {
    struct keys *keys;
    struct metrics_page *metrics;
    unsigned first_stripe;         /* the first worker's; the others' follow */
    void (*lost)(void *context);   /* a keystore was lost: from any worker */
    void (*hungry)(void *context); /* few letters are left after there were many: likewise */
    void *context;
};

struct pool {
    struct pool_means means;
    pthread_mutex_t lock;
    pthread_cond_t wanted; /* a letter, or the end */
    pthread_cond_t idle;   /* nothing waits and nobody works */
    struct letter_queue urgent, bulk;
    _Atomic unsigned urgent_waiting; /* of urgent.count, to be looked at without the lock */
    bool full;                       /* hungry is owed */
    bool stopping;
    unsigned working;
    struct worker *workers;
    _Atomic unsigned worker_count; /* threads that run */
};

MUST_CHECK enum result pool_init(struct pool *pool, const struct pool_means *means);

/* Start the threads, from any thread, once. RESULT_SYSTEM when not even one starts. */
MUST_CHECK enum result pool_start(struct pool *pool, unsigned threads);

/* Take over a letter. True: enough of this kind are here, read no more until `hungry`. */
bool pool_put(struct pool *pool, struct letter *letter);

/* Wait until all letters are done, at most so long, and send the threads home. True when they are
 * done. */
bool pool_finish(struct pool *pool, unsigned milliseconds);

/* The threads' watches, for the main thread; NULL beyond the last. */
const struct watch *pool_watch(struct pool *pool, unsigned index);

/* ---- for workers ---------------------------------------------------------------------------- */

struct letter *pool_take(struct pool *pool); /* waits; NULL: go home */
void pool_done(struct pool *pool);           /* with the letter of pool_take */
struct letter *pool_take_urgent(struct pool *pool);

#endif
