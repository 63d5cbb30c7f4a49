/* pool.c - letters of jobs, urgent ones first, and the threads that work on them. */
#include "pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "avow/base/log.h"
#include "worker.h"

/* ---- letters -------------------------------------------------------------------------------- */

struct letter *letter_make(struct link *link, bool urgent, const struct message_sign *sign)
{
    struct letter *letter = malloc(sizeof *letter + sign->jobs.length);

    if (!letter)
        return NULL;
    *letter = (struct letter){.link = link_hold(link),
                              .urgent = urgent,
                              .count = sign->count,
                              .length = sign->jobs.length};
    if (sign->jobs.length)
        memcpy(letter->jobs, sign->jobs.octets, sign->jobs.length);
    return letter;
}

void letter_free(struct letter *letter)
{
    link_drop(letter->link);
    free(letter);
}

static void append(struct letter_queue *queue, struct letter *letter)
{
    letter->next = NULL;
    *queue->last = letter;
    queue->last = &letter->next;
    queue->count++;
    queue->octets += letter->length;
}

static struct letter *take_first(struct letter_queue *queue)
{
    struct letter *letter = queue->first;

    if (!letter)
        return NULL;
    queue->first = letter->next;
    if (!queue->first)
        queue->last = &queue->first;
    queue->count--;
    queue->octets -= letter->length;
    return letter;
}

/* ---- the pool ------------------------------------------------------------------------------- */

/* Waits have deadlines that no change of the wall clock moves. */
static enum result init_conditions(struct pool *pool)
{
    pthread_condattr_t monotonic;
    int failed;

    if (pthread_condattr_init(&monotonic))
        return RESULT_SYSTEM;
    failed = pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) ||
             pthread_cond_init(&pool->wanted, NULL) || pthread_cond_init(&pool->idle, &monotonic) ||
             pthread_mutex_init(&pool->lock, NULL);
    pthread_condattr_destroy(&monotonic);
    return failed ? RESULT_SYSTEM : RESULT_OK;
}

enum result pool_init(struct pool *pool, const struct pool_means *means)
{
    *pool = (struct pool){.means = *means};
    for (int kind = 0; kind < LETTER_KINDS; kind++)
        pool->queues[kind].last = &pool->queues[kind].first;
    return init_conditions(pool);
}

enum result pool_start(struct pool *pool, unsigned threads)
{
    if (threads > POOL_MOST_THREADS)
        threads = POOL_MOST_THREADS;
    pool->workers = calloc(threads, sizeof *pool->workers);
    for (unsigned i = 0; pool->workers && i < threads; i++) {
        struct worker *worker = &pool->workers[i];
        if (worker_init(worker, pool, i) ||
            pthread_create(&worker->thread, NULL, worker_run, worker)) {
            worker_free(worker);
            break;
        }
        atomic_store_explicit(&pool->worker_count, i + 1, memory_order_release);
    }
    unsigned started = atomic_load_explicit(&pool->worker_count, memory_order_relaxed);
    if (started > 0 && started < threads)
        log_warning("only %u of %u signing threads could be started", started, threads);
    return started ? RESULT_OK : RESULT_SYSTEM;
}

static const unsigned limits[LETTER_KINDS] = {
    [LETTER_BULK] = POOL_BULK_LETTERS, [LETTER_URGENT] = POOL_URGENT_LETTERS};

static enum letter_kind kind_of(const struct letter *letter)
{
    return letter->urgent ? LETTER_URGENT : LETTER_BULK;
}

/* Each kind is counted for itself: a stock of bulk letters must not keep an urgent one out. */
bool pool_put(struct pool *pool, struct letter *letter)
{
    enum letter_kind kind = kind_of(letter);
    struct letter_queue *queue = &pool->queues[kind];

    pthread_mutex_lock(&pool->lock);
    append(queue, letter);
    if (kind == LETTER_URGENT)
        atomic_fetch_add_explicit(&pool->urgent_waiting, 1, memory_order_relaxed);
    bool full = queue->count >= limits[kind] || queue->octets >= POOL_OCTETS;
    if (full)
        queue->full = true;
    pthread_cond_signal(&pool->wanted);
    pthread_mutex_unlock(&pool->lock);
    return full;
}

bool pool_is_full(struct pool *pool, enum letter_kind kind)
{
    pthread_mutex_lock(&pool->lock);
    bool full = pool->queues[kind].full;
    pthread_mutex_unlock(&pool->lock);
    return full;
}

/* With the lock held: whether to tell that more is welcome. */
static bool gets_hungry(struct pool *pool, enum letter_kind kind)
{
    struct letter_queue *queue = &pool->queues[kind];

    if (!queue->full || queue->count > limits[kind] / 2 || queue->octets > POOL_OCTETS / 2)
        return false;
    queue->full = false;
    return true;
}

/* With the lock held. */
static struct letter *take(struct pool *pool, enum letter_kind kind)
{
    struct letter *letter = take_first(&pool->queues[kind]);

    if (letter && kind == LETTER_URGENT)
        atomic_fetch_sub_explicit(&pool->urgent_waiting, 1, memory_order_relaxed);
    return letter;
}

/* With the lock held, which is let go of: the worker has the letter. */
static struct letter *hand_out(struct pool *pool, struct worker *worker, struct letter *letter)
{
    bool hungry = false;

    if (letter) {
        worker->at_hand[kind_of(letter)] = letter;
        pool->working++;
        hungry = gets_hungry(pool, kind_of(letter));
    }
    pthread_mutex_unlock(&pool->lock);
    if (hungry)
        pool->means.hungry(pool->means.context);
    return letter;
}

struct letter *pool_take(struct pool *pool, struct worker *worker)
{
    struct letter *letter = NULL;

    pthread_mutex_lock(&pool->lock);
    for (;;) {
        letter = take(pool, LETTER_URGENT);
        if (!letter)
            letter = take(pool, LETTER_BULK);
        if (letter || pool->stopping)
            break;
        pthread_cond_wait(&pool->wanted, &pool->lock);
    }
    return hand_out(pool, worker, letter);
}

struct letter *pool_take_urgent(struct pool *pool, struct worker *worker)
{
    if (atomic_load_explicit(&pool->urgent_waiting, memory_order_relaxed) == 0)
        return NULL;
    pthread_mutex_lock(&pool->lock);
    return hand_out(pool, worker, take(pool, LETTER_URGENT));
}

static bool is_idle(const struct pool *pool)
{
    return pool->working == 0 && !pool->queues[LETTER_URGENT].first &&
           !pool->queues[LETTER_BULK].first;
}

void pool_done(struct pool *pool, struct worker *worker, struct letter *letter)
{
    pthread_mutex_lock(&pool->lock);
    worker->at_hand[kind_of(letter)] = NULL;
    pool->working--;
    if (is_idle(pool))
        pthread_cond_broadcast(&pool->idle);
    pthread_mutex_unlock(&pool->lock);
    letter_free(letter);
}

/* ---- the watch ------------------------------------------------------------------------------ */

const struct watch *pool_overdue(struct pool *pool, uint64_t now_ns, bool *all)
{
    unsigned count = atomic_load_explicit(&pool->worker_count, memory_order_acquire);
    const struct watch *worst = NULL;
    uint64_t longest = 0;

    *all = count > 0;
    for (unsigned i = 0; i < count; i++) {
        uint64_t overdue = watch_overdue(&pool->workers[i].watch, now_ns);
        *all = *all && overdue;
        if (overdue <= longest)
            continue;
        longest = overdue;
        worst = &pool->workers[i].watch;
    }
    return worst;
}

void pool_excuse_overdue(struct pool *pool, uint64_t now_ns, pool_excuse *excuse, void *context)
{
    unsigned count = atomic_load_explicit(&pool->worker_count, memory_order_acquire);

    pthread_mutex_lock(&pool->lock); /* what is at hand is not freed meanwhile */
    for (unsigned i = 0; i < count; i++) {
        struct worker *worker = &pool->workers[i];
        for (int kind = 0; kind < LETTER_KINDS; kind++) {
            struct letter *letter = worker->at_hand[kind];
            if (!letter || !watch_overdue(&worker->watch, now_ns) ||
                atomic_exchange_explicit(&letter->excused, true, memory_order_relaxed))
                continue;
            excuse(context, letter);
        }
    }
    pthread_mutex_unlock(&pool->lock);
}

void pool_excuse_waiting(struct pool *pool, pool_excuse *excuse, void *context)
{
    for (int kind = 0; kind < LETTER_KINDS; kind++) {
        struct letter *letter;
        do {
            pthread_mutex_lock(&pool->lock);
            letter = take(pool, (enum letter_kind)kind);
            bool hungry = gets_hungry(pool, (enum letter_kind)kind);
            pthread_mutex_unlock(&pool->lock);
            if (hungry)
                pool->means.hungry(pool->means.context);
            if (!letter)
                continue;
            excuse(context, letter);
            letter_free(letter);
        } while (letter);
    }
}

bool pool_finish(struct pool *pool, unsigned milliseconds)
{
    unsigned count = atomic_load_explicit(&pool->worker_count, memory_order_acquire);
    struct timespec until;
    int waited = 0;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += milliseconds / 1000;
    until.tv_nsec += (long)(milliseconds % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    pthread_cond_broadcast(&pool->wanted);
    while (count > 0 && !is_idle(pool) && waited == 0)
        waited = pthread_cond_timedwait(&pool->idle, &pool->lock, &until);
    bool done = count == 0 || is_idle(pool);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; done && i < count; i++)
        pthread_join(pool->workers[i].thread, NULL);
    return done;
}
