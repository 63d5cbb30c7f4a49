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
    pool->urgent.last = &pool->urgent.first;
    pool->bulk.last = &pool->bulk.first;
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

/* Each kind is counted for itself: a stock of bulk letters must not keep an urgent one out. */
bool pool_put(struct pool *pool, struct letter *letter)
{
    struct letter_queue *queue = letter->urgent ? &pool->urgent : &pool->bulk;
    unsigned limit = letter->urgent ? POOL_URGENT_LETTERS : POOL_BULK_LETTERS;

    pthread_mutex_lock(&pool->lock);
    append(queue, letter);
    if (letter->urgent)
        atomic_fetch_add_explicit(&pool->urgent_waiting, 1, memory_order_relaxed);
    bool full = queue->count >= limit;
    if (full)
        pool->full = true;
    pthread_cond_signal(&pool->wanted);
    pthread_mutex_unlock(&pool->lock);
    return full;
}

/* With the lock held: whether to tell that more is welcome. */
static bool gets_hungry(struct pool *pool)
{
    if (!pool->full || pool->bulk.count > POOL_BULK_LETTERS / 2 ||
        pool->urgent.count > POOL_URGENT_LETTERS / 2)
        return false;
    pool->full = false;
    return true;
}

static struct letter *take_urgent(struct pool *pool)
{
    struct letter *letter = take_first(&pool->urgent);

    if (letter)
        atomic_fetch_sub_explicit(&pool->urgent_waiting, 1, memory_order_relaxed);
    return letter;
}

struct letter *pool_take(struct pool *pool)
{
    struct letter *letter = NULL;

    pthread_mutex_lock(&pool->lock);
    for (;;) {
        letter = take_urgent(pool);
        if (!letter)
            letter = take_first(&pool->bulk);
        if (letter || pool->stopping)
            break;
        pthread_cond_wait(&pool->wanted, &pool->lock);
    }
    pool->working += letter != NULL;
    bool hungry = gets_hungry(pool);
    pthread_mutex_unlock(&pool->lock);
    if (hungry)
        pool->means.hungry(pool->means.context);
    return letter;
}

struct letter *pool_take_urgent(struct pool *pool)
{
    if (atomic_load_explicit(&pool->urgent_waiting, memory_order_relaxed) == 0)
        return NULL;
    pthread_mutex_lock(&pool->lock);
    struct letter *letter = take_urgent(pool);
    bool hungry = gets_hungry(pool);
    pthread_mutex_unlock(&pool->lock);
    if (hungry)
        pool->means.hungry(pool->means.context);
    return letter;
}

static bool is_idle(const struct pool *pool)
{
    return pool->working == 0 && !pool->urgent.first && !pool->bulk.first;
}

void pool_done(struct pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->working--;
    if (is_idle(pool))
        pthread_cond_broadcast(&pool->idle);
    pthread_mutex_unlock(&pool->lock);
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

const struct watch *pool_watch(struct pool *pool, unsigned index)
{
    if (index >= atomic_load_explicit(&pool->worker_count, memory_order_acquire))
        return NULL;
    return &pool->workers[index].watch;
}
