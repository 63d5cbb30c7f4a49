/* worker_key.c - a worker's keys: looked up once, then at hand with handle and verifier. */
#include "worker.h"

#include <stdio.h>

#include "avow/base/clock.h"

/* The session copy of a key that is let go; best effort: it ends with its session anyway. */
static void destroy_copy(struct worker *worker, const struct worker_key *at)
{
    const struct key *key = at->key;

    if (worker->keystore != key->keystore || !worker->place || at->epoch != key->keystore->epoch ||
        at->handle == key->pair.private_handle)
        return;
    struct pkcs11_key copy = {.name = key->pair.name, .private_handle = at->handle};
    if (pkcs11_key_destroy(&copy, &worker->place->session))
        log_debug("a key's copy stays: %s", worker->place->session.failure.text);
}

void worker_key_clear(struct worker *worker, struct worker_key *at)
{
    if (!at->key)
        return;
    destroy_copy(worker, at);
    worker->tables -= at->verifier.table != NULL;
    if (at->prepared)
        verifier_close(&at->verifier);
    key_drop(at->key);
    *at = (struct worker_key){.key = NULL};
}

struct worker_key *worker_key_find(struct worker *worker, uint32_t number)
{
    struct worker_key *at = &worker->keys[number % WORKER_KEYS];

    if (at->key && at->key->number == number &&
        !atomic_load_explicit(&at->key->forgotten, memory_order_acquire))
        return at;
    worker_key_clear(worker, at);
    at->key = keys_find(worker->pool->means.keys, number);
    return at->key ? at : NULL;
}

void worker_key_rest(struct worker *worker)
{
    if (worker->place)
        keystore_return(worker->keystore, worker->place);
    worker->place = NULL;
    worker->keystore = NULL;
}

static enum result borrow(struct worker *worker, struct keystore *keystore)
{
    if (worker->keystore == keystore && atomic_load_explicit(&keystore->up, memory_order_relaxed))
        return RESULT_OK;
    worker_key_rest(worker);
    worker->place = keystore_borrow(keystore, worker->text, sizeof worker->text);
    if (!worker->place)
        return RESULT_TOKEN;
    worker->keystore = keystore;
    return RESULT_OK;
}

enum result worker_key_ready(struct worker *worker, struct worker_key *at)
{
    struct key *key = at->key;

    if (borrow(worker, key->keystore))
        return RESULT_TOKEN;
    /* A key that was forgotten meanwhile missed that the token was opened anew. */
    if (!key->usable || key->epoch != key->keystore->epoch) {
        (void)snprintf(worker->text, sizeof worker->text, "%s",
                       key->trouble ? key->trouble : "the key is not at hand");
        return RESULT_TOKEN;
    }
    if (at->handle && at->epoch == key->epoch)
        return RESULT_OK;
    watch_begin(&worker->watch, key->keystore->name, "copying a key", WATCH_SIGN_MS);
    watch_in(&worker->watch, clock_monotonic_ns());
    at->handle = pkcs11_key_session_copy(&key->pair, &worker->place->session);
    watch_out(&worker->watch);
    at->epoch = key->epoch;
    at->proven = false;
    return RESULT_OK;
}

struct verifier *worker_key_verifier(struct worker_key *at)
{
    if (!at->prepared && verifier_open(&at->verifier, &at->key->dnskey) == RESULT_OK)
        at->prepared = true;
    return at->prepared ? &at->verifier : NULL;
}

/* Room for another table: that of a key that is not in use any more goes. */
static bool make_room(struct worker *worker)
{
    struct worker_key *oldest = NULL;

    if (worker->tables < WORKER_TABLES)
        return true;
    for (unsigned i = 0; i < WORKER_KEYS; i++) {
        struct worker_key *at = &worker->keys[i];
        if (at->verifier.table && (!oldest || at->verified < oldest->verified))
            oldest = at;
    }
    if (!oldest || worker->verified - oldest->verified < WORKER_TABLE_IDLE)
        return false;
    verifier_drop_table(&oldest->verifier);
    worker->tables--;
    return true;
}

void worker_key_quicken(struct worker *worker)
{
    struct worker_key *at = worker->frequent;

    worker->frequent = NULL;
    /* The place may have another key by now. */
    if (!at || !verifier_wants_table(&at->verifier) || !make_room(worker))
        return;
    verifier_make_table(&at->verifier);
    worker->tables += at->verifier.table != NULL;
}
