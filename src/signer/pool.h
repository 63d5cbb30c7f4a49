/*
 * pool.h - letters of jobs for one keystore, and the threads that work on them.
 *
 * Each keystore has a pool, with a thread for each of its sessions: what a token does not do, or
 * does slowly, is waited for by its own letters alone. The main thread alone reads the keeper's
 * channels and puts letters here; threads take them, urgent ones first, and send the results
 * themselves. (Threads reading the sockets would save a copy of a few microseconds per 32
 * signatures, but then KEY_ENSURE and SIGN, which share a channel, would need to be told apart by
 * threads that are in the middle of something else, every idle thread would wake for each letter,
 * since it must wait for two sockets, and a channel that ends would have to be taken from under
 * them.) A thread in the middle of a bulk letter looks for urgent ones before each job: on a token
 * that makes 13 signatures a second a letter takes seconds.
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

/* What waits before the main thread stops to read: the sockets hold the rest. The letters are as
 * many as the keeper's jobs, and the octets are more than those of its jobs usually take: the line
 * is one for all keystores, and one that is slow should not stop it. */
enum {
    POOL_BULK_LETTERS = 2048,
    POOL_URGENT_LETTERS = 16384,
    POOL_OCTETS = 32 << 20,
    POOL_MOST_THREADS = 128
};

enum letter_kind { LETTER_BULK, LETTER_URGENT, LETTER_KINDS };

/* A SIGN that came. Owned by whoever holds it. */
struct letter {
    struct letter *next;
    struct link *link; /* held */
    bool urgent;
    _Atomic bool excused; /* its jobs were answered while they hung */
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
    size_t octets;
    bool full; /* hungry is owed */
};

struct worker;
struct keystore;

/* What the workers need of the room. */
struct pool_means {
    struct keys *keys;
    struct metrics_page *metrics;
    unsigned first_stripe; /* the first worker's; the others' follow */
    void (*lost)(void *context, struct keystore *keystore); /* it was: from any worker */
    void (*hungry)(void *context); /* few letters of a kind are left after there were many: likewise
                                    */
    void *context;
};

struct pool {
    struct pool_means means;
    pthread_mutex_t lock;
    pthread_cond_t wanted; /* a letter, or the end */
    pthread_cond_t idle;   /* nothing waits and nobody works */
    struct letter_queue queues[LETTER_KINDS];
    _Atomic unsigned urgent_waiting; /* of the urgent ones, to be looked at without the lock */
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

/* Whether there are enough of a kind, still. */
bool pool_is_full(struct pool *pool, enum letter_kind kind);

/* Wait until all letters are done, at most so long, and send the threads home. True when they are
 * done. */
bool pool_finish(struct pool *pool, unsigned milliseconds);

/* ---- for the main thread, which watches ----------------------------------------------------- */

/* What is to be said to the keeper for a letter whose jobs will not be done for now. */
typedef void pool_excuse(void *context, const struct letter *letter);

/* The watch of a thread whose call has lasted longest beyond its limit; NULL: there is none. `all`:
 * no thread is left that could take a letter. */
const struct watch *pool_overdue(struct pool *pool, uint64_t now_ns, bool *all);

/* Excuse, once each, the letters that threads have whose calls are overdue. What comes of them
 * after all is told the keeper too, who takes the first answer. */
void pool_excuse_overdue(struct pool *pool, uint64_t now_ns, pool_excuse *excuse, void *context);

/* Excuse all letters that wait, and drop them. */
void pool_excuse_waiting(struct pool *pool, pool_excuse *excuse, void *context);

/* ---- for workers ---------------------------------------------------------------------------- */

struct letter *pool_take(struct pool *pool, struct worker *worker); /* waits; NULL: go home */
struct letter *pool_take_urgent(struct pool *pool, struct worker *worker);

/* With a letter that was taken: free it. */
void pool_done(struct pool *pool, struct worker *worker, struct letter *letter);

#endif
