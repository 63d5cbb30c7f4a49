/* keys.c - the keys that the keeper has named, by number. */
#include "keys.h"

#include <stdlib.h>

enum result keys_init(struct keys *keys)
{
    *keys = (struct keys){.count = 0};
    return pthread_mutex_init(&keys->lock, NULL) ? RESULT_SYSTEM : RESULT_OK;
}

struct key *keys_make(void)
{
    struct key *key = calloc(1, sizeof *key);

    if (key)
        atomic_init(&key->holders, 1);
    return key;
}

void key_drop(struct key *key)
{
    if (!key || atomic_fetch_sub_explicit(&key->holders, 1, memory_order_acq_rel) != 1)
        return;
    free(key->trouble);
    free(key);
}

static struct key **find(struct keys *keys, uint32_t number)
{
    struct key **at = &keys->buckets[number % KEYS_BUCKETS];

    while (*at && (*at)->number != number)
        at = &(*at)->next;
    return at;
}

/* Take out what `at` points to; the table lets go of it. */
static void take_out(struct keys *keys, struct key **at)
{
    struct key *key = *at;

    *at = key->next;
    keys->count--;
    atomic_store_explicit(&key->forgotten, true, memory_order_release);
    key_drop(key);
}

enum result keys_put(struct keys *keys, struct key *key)
{
    enum result result = RESULT_FULL;

    pthread_mutex_lock(&keys->lock);
    struct key **at = find(keys, key->number);
    if (*at)
        take_out(keys, at);
    if (keys->count < KEYS_MOST) {
        key->next = keys->buckets[key->number % KEYS_BUCKETS];
        keys->buckets[key->number % KEYS_BUCKETS] = key;
        atomic_fetch_add_explicit(&key->holders, 1, memory_order_relaxed);
        keys->count++;
        result = RESULT_OK;
    }
    pthread_mutex_unlock(&keys->lock);
    return result;
}

struct key *keys_find(struct keys *keys, uint32_t number)
{
    pthread_mutex_lock(&keys->lock);
    struct key *key = *find(keys, number);
    if (key)
        atomic_fetch_add_explicit(&key->holders, 1, memory_order_relaxed);
    pthread_mutex_unlock(&keys->lock);
    return key;
}

void keys_forget(struct keys *keys, uint32_t number)
{
    pthread_mutex_lock(&keys->lock);
    struct key **at = find(keys, number);
    if (*at)
        take_out(keys, at);
    pthread_mutex_unlock(&keys->lock);
}

void keys_forget_all(struct keys *keys)
{
    pthread_mutex_lock(&keys->lock);
    for (unsigned i = 0; i < KEYS_BUCKETS; i++) {
        while (keys->buckets[i])
            take_out(keys, &keys->buckets[i]);
    }
    pthread_mutex_unlock(&keys->lock);
}

void keys_each(struct keys *keys, void (*visit)(void *context, struct key *key), void *context)
{
    for (unsigned i = 0; i < KEYS_BUCKETS; i++) {
        for (struct key *key = keys->buckets[i]; key; key = key->next)
            visit(context, key);
    }
}
