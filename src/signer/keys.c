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

struct key *key_hold(struct key *key)
{
    atomic_fetch_add_explicit(&key->holders, 1, memory_order_relaxed);
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

uint32_t keys_era(struct keys *keys)
{
    pthread_mutex_lock(&keys->lock);
    uint32_t era = keys->era;
    pthread_mutex_unlock(&keys->lock);
    return era;
}

enum result keys_put(struct keys *keys, struct key *key, uint32_t era)
{
    enum result result = RESULT_FULL;

    pthread_mutex_lock(&keys->lock);
    struct key **at = find(keys, key->number);
    if (era != keys->era)
        result = RESULT_REFUSED;
    else if (*at)
        take_out(keys, at);
    if (result == RESULT_FULL && keys->count < KEYS_MOST) {
        key->next = keys->buckets[key->number % KEYS_BUCKETS];
        keys->buckets[key->number % KEYS_BUCKETS] = key;
        (void)key_hold(key);
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
        (void)key_hold(key);
    pthread_mutex_unlock(&keys->lock);
    return key;
}

void keys_forget(struct keys *keys, const struct keystore *keystore, uint32_t number)
{
    pthread_mutex_lock(&keys->lock);
    struct key **at = find(keys, number);
    if (*at && (*at)->keystore == keystore)
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
    keys->era++;
    pthread_mutex_unlock(&keys->lock);
}

void keys_each(struct keys *keys, const struct keystore *keystore,
               void (*visit)(void *context, struct key *key), void *context)
{
    pthread_mutex_lock(&keys->lock);
    for (unsigned i = 0; i < KEYS_BUCKETS; i++) {
        for (struct key *key = keys->buckets[i]; key; key = key->next) {
            if (key->keystore == keystore)
                visit(context, key);
        }
    }
    pthread_mutex_unlock(&keys->lock);
}
