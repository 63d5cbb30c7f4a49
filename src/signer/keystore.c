/* keystore.c - one token: opened, lost and opened again by its clerk; lent by sessions to workers.
 */
#include "keystore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "avow/base/clock.h"
#include "avow/base/cores.h"
#include "avow/base/log.h"

static enum result make_places(struct keystore *keystore, uint32_t sessions, unsigned most)
{
    if (sessions == 0)
        sessions = cores_usable();
    keystore->sessions = sessions < most ? sessions : most;
    keystore->places = calloc(keystore->sessions, sizeof *keystore->places);
    return keystore->places ? RESULT_OK : RESULT_SYSTEM;
}

/* The PIN of the configuration, or of the file that the URI names. */
static enum result take_pin(struct keystore *keystore, const struct config_keystore *config,
                            struct pkcs11_failure *failure)
{
    if (config->pin && config->pin_length) {
        enum result result = pkcs11_pin_set(&keystore->pin, config->pin, config->pin_length);
        if (result)
            (void)snprintf(failure->text, sizeof failure->text, "%s",
                           result == RESULT_FORMAT ? "its PIN is too long" : "out of memory");
        return result;
    }
    if (keystore->location.pin_file[0])
        return pkcs11_pin_read(&keystore->pin, keystore->location.pin_file, failure);
    return RESULT_OK;
}

enum result keystore_init(struct keystore *keystore, const struct config_keystore *config,
                          struct keystore_module *module, unsigned most_sessions)
{
    struct pkcs11_failure failure = {.code = 0};

    *keystore = (struct keystore){.module = module, .state = KEYSTORE_CLOSED};
    (void)snprintf(keystore->name, sizeof keystore->name, "%s", config->name);
    (void)snprintf(keystore->text, sizeof keystore->text, "the token has not been opened yet");
    if (pthread_mutex_init(&keystore->lock, NULL) || pthread_cond_init(&keystore->back, NULL) ||
        make_places(keystore, config->sessions, most_sessions))
        return RESULT_SYSTEM;
    if (pkcs11_location_parse(&keystore->location, config->uri, &failure) ||
        take_pin(keystore, config, &failure)) {
        keystore_set_down(keystore, KEYSTORE_REFUSED, failure.text);
        return RESULT_FORMAT;
    }
    return RESULT_OK;
}

void keystore_wipe(struct keystore *keystore)
{
    pkcs11_pin_wipe(&keystore->pin);
    pkcs11_location_wipe(&keystore->location);
}

/* With the lock held. */
static void set_state(struct keystore *keystore, enum keystore_state state)
{
    keystore->state = state;
    atomic_store_explicit(&keystore->up, state == KEYSTORE_UP, memory_order_relaxed);
    pthread_cond_broadcast(&keystore->back);
}

/* ---- the clerk ------------------------------------------------------------------------------ */

void keystore_begin_anew(struct keystore *keystore, struct watch *watch)
{
    struct keystore_module *module = keystore->module;

    watch_begin(watch, keystore->name, "unloading its module", WATCH_OPEN_MS);
    watch_in(watch, clock_monotonic_ns());
    pthread_mutex_lock(&module->lock);
    if (module->users == 0)
        pkcs11_module_unload(&module->module);
    pthread_mutex_unlock(&module->lock);
    watch_out(watch);
}

/* From then on the keystore is one of its users. */
static enum result load(struct keystore *keystore, struct pkcs11_failure *failure)
{
    struct keystore_module *module = keystore->module;
    enum result result = RESULT_OK;

    pthread_mutex_lock(&module->lock);
    if (!module->module.functions) {
        log_debug("loading the module %s", module->path);
        result = pkcs11_module_load(&module->module, module->path, NULL, 0, failure);
    }
    module->users += !result;
    pthread_mutex_unlock(&module->lock);
    return result;
}

static void leave_module(struct keystore *keystore)
{
    struct keystore_module *module = keystore->module;

    pthread_mutex_lock(&module->lock);
    module->users--;
    pthread_mutex_unlock(&module->lock);
}

static enum result find_token(struct keystore *keystore, struct pkcs11_failure *failure)
{
    const struct pkcs11_module *module = &keystore->module->module;

    enum result result =
        pkcs11_location_find(&keystore->location, module, &keystore->token, failure);
    if (result)
        return result;
    keystore->at_hand = true;
    return pkcs11_mechanisms_read(&keystore->mechanisms, module, &keystore->token, failure);
}

static enum result log_in(struct keystore *keystore, struct pkcs11_failure *failure)
{
    struct pkcs11_session *anchor = &keystore->anchor;

    enum result result =
        pkcs11_session_open(anchor, &keystore->module->module, &keystore->token, PKCS11_READ_ONLY);
    if (!result)
        result = pkcs11_session_login(anchor, &keystore->pin);
    if (result)
        *failure = anchor->failure;
    return result;
}

/* As many as the token lets us have, one at least. */
static enum result open_places(struct keystore *keystore, struct pkcs11_failure *failure)
{
    for (unsigned i = 0; i < keystore->sessions; i++) {
        struct pkcs11_session *session = &keystore->places[i].session;
        if (pkcs11_session_open(session, &keystore->module->module, &keystore->token,
                                PKCS11_READ_ONLY) == RESULT_OK)
            continue;
        *failure = session->failure;
        if (i == 0)
            return RESULT_TOKEN;
        log_warning("keystore %s: only %u of %u sessions: %s", keystore->name, i,
                    keystore->sessions, failure->text);
        break;
    }
    keystore->free = NULL;
    for (unsigned i = keystore->sessions; i-- > 0;) {
        struct keystore_place *place = &keystore->places[i];
        if (!place->session.open)
            continue;
        place->next = keystore->free;
        keystore->free = place;
    }
    return RESULT_OK;
}

static void close_all(struct keystore *keystore)
{
    for (unsigned i = 0; i < keystore->sessions; i++)
        pkcs11_session_close(&keystore->places[i].session);
    pkcs11_session_close(&keystore->anchor);
    leave_module(keystore);
}

/* All that needs the module. */
static enum result open_token(struct keystore *keystore, struct pkcs11_failure *failure)
{
    enum result result = find_token(keystore, failure);
    if (!result)
        result = log_in(keystore, failure);
    if (!result)
        result = open_places(keystore, failure);
    if (result)
        close_all(keystore);
    return result;
}

enum result keystore_open(struct keystore *keystore, struct watch *watch,
                          struct pkcs11_failure *failure)
{
    watch_begin(watch, keystore->name, "opening the token", WATCH_OPEN_MS);
    watch_in(watch, clock_monotonic_ns());
    keystore->epoch++;
    keystore->at_hand = false;
    enum result result = load(keystore, failure);
    if (!result)
        result = open_token(keystore, failure);
    watch_out(watch);
    return result;
}

void keystore_up(struct keystore *keystore, uint64_t now_ms)
{
    pthread_mutex_lock(&keystore->lock);
    set_state(keystore, KEYSTORE_UP);
    (void)snprintf(keystore->text, sizeof keystore->text, "token \"%s\" (slot 0x%lx), %u sessions",
                   keystore->token.label, keystore->token.slot, keystore->sessions);
    pthread_mutex_unlock(&keystore->lock);
    keystore->up_since_ms = now_ms;
}

void keystore_close(struct keystore *keystore, struct watch *watch)
{
    pthread_mutex_lock(&keystore->lock);
    if (keystore->state == KEYSTORE_UP)
        set_state(keystore, KEYSTORE_LOST);
    while (keystore->lent > 0)
        pthread_cond_wait(&keystore->back, &keystore->lock);
    pthread_mutex_unlock(&keystore->lock);

    watch_begin(watch, keystore->name, "closing its sessions", WATCH_OPEN_MS);
    watch_in(watch, clock_monotonic_ns());
    close_all(keystore);
    watch_out(watch);
}

void keystore_set_down(struct keystore *keystore, enum keystore_state state, const char *text)
{
    pthread_mutex_lock(&keystore->lock);
    set_state(keystore, state);
    (void)snprintf(keystore->text, sizeof keystore->text, "%s", text);
    pthread_mutex_unlock(&keystore->lock);
}

enum keystore_state keystore_state(struct keystore *keystore)
{
    pthread_mutex_lock(&keystore->lock);
    enum keystore_state state = keystore->state;
    pthread_mutex_unlock(&keystore->lock);
    return state;
}

void keystore_reason(struct keystore *keystore, char *text, size_t size)
{
    pthread_mutex_lock(&keystore->lock);
    (void)snprintf(text, size, "%s", keystore->text);
    pthread_mutex_unlock(&keystore->lock);
}

/* ---- workers -------------------------------------------------------------------------------- */

struct keystore_place *keystore_borrow(struct keystore *keystore, char *text, size_t size)
{
    struct keystore_place *place = NULL;

    pthread_mutex_lock(&keystore->lock);
    while (keystore->state == KEYSTORE_UP && !keystore->free)
        pthread_cond_wait(&keystore->back, &keystore->lock);
    if (keystore->state == KEYSTORE_UP) {
        place = keystore->free;
        keystore->free = place->next;
        keystore->lent++;
    } else {
        (void)snprintf(text, size, "%s", keystore->text);
    }
    pthread_mutex_unlock(&keystore->lock);
    return place;
}

void keystore_return(struct keystore *keystore, struct keystore_place *place)
{
    atomic_fetch_add_explicit(&keystore->made, place->made, memory_order_relaxed);
    place->made = 0;
    pthread_mutex_lock(&keystore->lock);
    place->next = keystore->free;
    keystore->free = place;
    keystore->lent--;
    if (keystore->state == KEYSTORE_UP)
        pthread_cond_signal(&keystore->back);
    else
        pthread_cond_broadcast(&keystore->back);
    pthread_mutex_unlock(&keystore->lock);
}

bool keystore_lost(struct keystore *keystore, const struct pkcs11_failure *failure)
{
    pthread_mutex_lock(&keystore->lock);
    bool first = keystore->state == KEYSTORE_UP;
    if (first) {
        set_state(keystore, KEYSTORE_LOST);
        (void)snprintf(keystore->text, sizeof keystore->text, "%s", failure->text);
    }
    pthread_mutex_unlock(&keystore->lock);
    if (first)
        log_error("keystore %s: the token is gone: %s", keystore->name, failure->text);
    return first;
}
