/* clerk.c - the thread that speaks to a token about anything but signatures. */
#include "clerk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "avow/base/clock.h"
#include "avow/base/log.h"

enum {
    FIRST_PAUSE_MS = 1000,
    LONGEST_PAUSE_MS = 30000,
    STEADY_MS = 10000, /* up for so long: the next loss begins with short pauses again */
    PROBE_MS = 10000,  /* how often a token that signs nothing is asked whether it is there */
    TICK_MS = 1000,    /* rates are told, orders that wait are looked at */
    HOPELESS_FAILURES = 5
};

/* ---- telling the keeper --------------------------------------------------------------------- */

static void tell(struct clerk *clerk)
{
    struct keystore *keystore = clerk->means.keystore;
    char text[PKCS11_FAILURE_OCTETS];
    bool up = keystore_state(keystore) == KEYSTORE_UP;
    struct message letter = {
        .kind = MESSAGE_TOKEN,
        .token = {
            .keystore = keystore->name, .up = up, .rate = up ? keystore->rate : 0, .text = text}};

    keystore_reason(keystore, text, sizeof text);
    metric_set(clerk->means.stripe, METRIC_TOKENS_UP, up);
    if (clerk->link)
        link_send(clerk->link, &letter, clerk->frame);
}

static void tell_rate(struct clerk *clerk, uint64_t passed)
{
    struct keystore *keystore = clerk->means.keystore;
    uint64_t made = atomic_load_explicit(&keystore->made, memory_order_relaxed);
    uint32_t rate = (uint32_t)((made - keystore->rate_mark) * 1000 / passed);
    bool news = rate || keystore->rate;

    keystore->rate_mark = made;
    keystore->rate = rate;
    if (news && keystore_state(keystore) == KEYSTORE_UP)
        tell(clerk);
}

/* ---- opening -------------------------------------------------------------------------------- */

static uint64_t pause_ms(unsigned tries)
{
    uint64_t pause = tries < 16 ? (uint64_t)FIRST_PAUSE_MS << tries : LONGEST_PAUSE_MS;
    return pause < LONGEST_PAUSE_MS ? pause : LONGEST_PAUSE_MS;
}

static void refuse(struct clerk *clerk, const struct pkcs11_failure *failure)
{
    struct keystore *keystore = clerk->means.keystore;
    char text[PKCS11_FAILURE_OCTETS];

    (void)snprintf(text, sizeof text, "%.900s; not tried again until the configuration is reloaded",
                   failure->text);
    keystore_set_down(keystore, KEYSTORE_REFUSED, text);
    log_error("keystore %s: %s", keystore->name, text);
    tell(clerk);
}

static void try_later(struct clerk *clerk, const struct pkcs11_failure *failure)
{
    struct keystore *keystore = clerk->means.keystore;
    char before[PKCS11_FAILURE_OCTETS];
    uint64_t pause = pause_ms(keystore->tries++);

    keystore_reason(keystore, before, sizeof before);
    keystore_set_down(keystore, KEYSTORE_CLOSED, failure->text);
    keystore->next_try_ms = clerk->now_ms + pause;
    keystore->failures++;
    if (strcmp(before, failure->text) != 0) {
        log_error("keystore %s: %s; trying again", keystore->name, failure->text);
        tell(clerk);
    }
    if (failure->trouble == PKCS11_TROUBLE_GONE && keystore->at_hand &&
        keystore->failures >= HOPELESS_FAILURES)
        atomic_store_explicit(&clerk->hopeless, true, memory_order_relaxed);
}

static void attempt(struct clerk *clerk)
{
    struct keystore *keystore = clerk->means.keystore;
    struct pkcs11_failure failure = {.code = 0};

    if (keystore->failures > 0)
        keystore_begin_anew(keystore, &clerk->watch);
    enum result result = keystore_open(keystore, &clerk->watch, &failure);
    if (!result) {
        metric_add(clerk->means.stripe, METRIC_TOKEN_LOGINS, 1);
        result = clerk_key_refind(clerk, &failure);
        if (result)
            keystore_close(keystore, &clerk->watch);
    }
    if (result) {
        if (failure.trouble == PKCS11_TROUBLE_PIN)
            refuse(clerk, &failure);
        else
            try_later(clerk, &failure);
        return;
    }
    keystore_up(keystore, clerk->now_ms);
    keystore->failures = 0;
    atomic_store_explicit(&clerk->hopeless, false, memory_order_relaxed);
    log_info("keystore %s: token \"%s\" (slot 0x%lx) is at hand, %u sessions", keystore->name,
             keystore->token.label, keystore->token.slot, keystore->sessions);
    tell(clerk);
    clerk_key_count(clerk);
}

/* Everything is closed; the first attempt follows at once, unless this happens all the time. */
static void bury(struct clerk *clerk)
{
    struct keystore *keystore = clerk->means.keystore;
    char text[PKCS11_FAILURE_OCTETS];

    keystore_reason(keystore, text, sizeof text);
    tell(clerk);
    keystore_close(keystore, &clerk->watch);
    if (clerk->now_ms - keystore->up_since_ms >= STEADY_MS)
        keystore->tries = 0;
    keystore->next_try_ms = clerk->now_ms + (keystore->tries ? pause_ms(keystore->tries - 1) : 0);
    keystore->tries++;
    keystore_set_down(keystore, KEYSTORE_CLOSED, text);
    tell(clerk);
    clerk_key_count(clerk);
}

static void tend(struct clerk *clerk)
{
    struct keystore *keystore = clerk->means.keystore;

    if (!keystore)
        return;
    if (keystore_state(keystore) == KEYSTORE_LOST)
        bury(clerk);
    if (keystore_state(keystore) == KEYSTORE_CLOSED && clerk->now_ms >= keystore->next_try_ms)
        attempt(clerk);
}

/* A token that is gone shows only when it is asked; logging in is asking whether we still are. */
static void probe(struct clerk *clerk)
{
    struct keystore *keystore = clerk->means.keystore;
    uint64_t made = atomic_load_explicit(&keystore->made, memory_order_relaxed);
    bool busy = made != keystore->probe_mark;

    if (clerk->now_ms - clerk->seen_ms < PROBE_MS)
        return;
    clerk->seen_ms = clerk->now_ms;
    keystore->probe_mark = made;
    if (busy || keystore_state(keystore) != KEYSTORE_UP)
        return;
    watch_begin(&clerk->watch, keystore->name, "asking whether it is there", WATCH_OPEN_MS);
    watch_in(&clerk->watch, clock_monotonic_ns());
    enum result result = pkcs11_session_login(&keystore->anchor, &keystore->pin);
    watch_out(&clerk->watch);
    if (result)
        (void)keystore_lost(keystore, &keystore->anchor.failure);
}

/* ---- orders --------------------------------------------------------------------------------- */

static void free_order(struct clerk_order *order)
{
    link_drop(order->link);
    free(order);
}

static void drop_waiting(struct clerk *clerk)
{
    while (clerk->waiting) {
        struct clerk_order *order = clerk->waiting;
        clerk->waiting = order->next;
        free_order(order);
    }
}

/* Also what was not carried out yet. */
static void forget(struct clerk *clerk, uint32_t number)
{
    struct clerk_order **at = &clerk->waiting;

    keys_forget(clerk->means.keys, clerk->means.keystore, number);
    while (*at) {
        struct clerk_order *order = *at;
        if (order->number != number) {
            at = &order->next;
            continue;
        }
        *at = order->next;
        free_order(order);
    }
}

/* One more attempt for a PIN that was refused. */
static void forgive(struct clerk *clerk)
{
    struct keystore *keystore = clerk->means.keystore;

    if (keystore_state(keystore) != KEYSTORE_REFUSED || !keystore->location.uri)
        return;
    keystore->next_try_ms = clerk->now_ms;
    keystore->tries = 0;
    keystore_set_down(keystore, KEYSTORE_CLOSED, "the token is being opened");
}

static bool is_heard(const struct clerk_order *order)
{
    return !atomic_load_explicit(&order->link->closed, memory_order_relaxed);
}

/* True: the order is done with. */
static bool carry_out(struct clerk *clerk, struct clerk_order *order)
{
    struct keystore *keystore = clerk->means.keystore;

    switch (order->kind) {
    case CLERK_ENSURE:
        return !is_heard(order) || clerk_key_ensure(clerk, order);
    case CLERK_FORGET:
        forget(clerk, order->number);
        break;
    case CLERK_LINK:
        link_drop(clerk->link);
        clerk->link = order->link;
        order->link = NULL;
        drop_waiting(clerk);
        if (keystore)
            tell(clerk);
        break;
    case CLERK_AGAIN:
        if (keystore)
            forgive(clerk);
        break;
    case CLERK_TELL:
        if (keystore)
            tell(clerk);
        break;
    }
    return true;
}

static void look_at(struct clerk *clerk, struct clerk_order *order)
{
    if (carry_out(clerk, order)) {
        free_order(order);
        return;
    }
    order->next = clerk->waiting;
    clerk->waiting = order;
}

static void look_at_waiting(struct clerk *clerk)
{
    struct clerk_order *order = clerk->waiting;

    clerk->waiting = NULL;
    while (order) {
        struct clerk_order *next = order->next;
        look_at(clerk, order);
        order = next;
    }
}

/* ---- the thread ----------------------------------------------------------------------------- */

static struct timespec after(clockid_t clock, uint64_t milliseconds)
{
    struct timespec until;

    (void)clock_gettime(clock, &until);
    until.tv_sec += (time_t)(milliseconds / 1000);
    until.tv_nsec += (long)(milliseconds % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    return until;
}

/* How long nothing has to be done by itself. */
static uint64_t leisure_ms(struct clerk *clerk)
{
    struct keystore *keystore = clerk->means.keystore;

    if (!keystore || keystore_state(keystore) != KEYSTORE_CLOSED)
        return TICK_MS;
    uint64_t left =
        keystore->next_try_ms > clerk->now_ms ? keystore->next_try_ms - clerk->now_ms : 0;
    return left < TICK_MS ? left : TICK_MS;
}

static struct clerk_order *next_order(struct clerk *clerk)
{
    struct timespec until = after(CLOCK_MONOTONIC, leisure_ms(clerk));
    int waited = 0;

    pthread_mutex_lock(&clerk->lock);
    while (!clerk->first && !clerk->lost && !clerk->stopping && waited == 0)
        waited = pthread_cond_timedwait(&clerk->wanted, &clerk->lock, &until);
    clerk->lost = false;
    struct clerk_order *order = clerk->first;
    if (order) {
        clerk->first = order->next;
        if (!clerk->first)
            clerk->last = &clerk->first;
        clerk->order_count--;
    }
    pthread_mutex_unlock(&clerk->lock);
    return order;
}

static void tick(struct clerk *clerk)
{
    uint64_t told_ms = clerk->told_ms;

    if (clerk->now_ms - clerk->told_ms < TICK_MS)
        return;
    clerk->told_ms = clerk->now_ms;
    look_at_waiting(clerk);
    if (!clerk->means.keystore)
        return;
    tell_rate(clerk, clerk->now_ms - told_ms);
    probe(clerk);
    clerk_key_count(clerk);
}

static bool goes_on(struct clerk *clerk)
{
    pthread_mutex_lock(&clerk->lock);
    bool goes_on = !clerk->stopping;
    pthread_mutex_unlock(&clerk->lock);
    return goes_on;
}

static void *run(void *context)
{
    struct clerk *clerk = context;

    while (goes_on(clerk)) {
        clerk->now_ms = clock_monotonic_ms();
        tend(clerk);
        struct clerk_order *order = next_order(clerk);
        clerk->now_ms = clock_monotonic_ms();
        tend(clerk); /* what was lost meanwhile is not what the order is to meet */
        if (order)
            look_at(clerk, order);
        tick(clerk);
    }
    return NULL;
}

/* ---- from outside --------------------------------------------------------------------------- */

enum result clerk_init(struct clerk *clerk, const struct clerk_means *means)
{
    pthread_condattr_t monotonic;

    *clerk = (struct clerk){.means = *means, .frame = frame_make()};
    clerk->last = &clerk->first;
    clerk->told_ms = clerk->seen_ms = clock_monotonic_ms();
    if (!clerk->frame || digest_context_open(&clerk->digests) || pthread_condattr_init(&monotonic))
        return RESULT_SYSTEM;
    int failed = pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) ||
                 pthread_cond_init(&clerk->wanted, &monotonic) ||
                 pthread_mutex_init(&clerk->lock, NULL);
    pthread_condattr_destroy(&monotonic);
    return failed ? RESULT_SYSTEM : RESULT_OK;
}

enum result clerk_start(struct clerk *clerk)
{
    return pthread_create(&clerk->thread, NULL, run, clerk) ? RESULT_SYSTEM : RESULT_OK;
}

void clerk_put(struct clerk *clerk, struct clerk_order *order)
{
    pthread_mutex_lock(&clerk->lock);
    bool fits = clerk->order_count < CLERK_MOST_ORDERS;
    if (fits) {
        order->next = NULL;
        *clerk->last = order;
        clerk->last = &order->next;
        clerk->order_count++;
        pthread_cond_signal(&clerk->wanted);
    }
    pthread_mutex_unlock(&clerk->lock);
    if (fits)
        return;
    log_error("too many orders about keys: one is not heard");
    free_order(order);
}

bool clerk_finish(struct clerk *clerk, unsigned milliseconds)
{
    struct timespec until = after(CLOCK_REALTIME, milliseconds);

    pthread_mutex_lock(&clerk->lock);
    clerk->stopping = true;
    pthread_cond_signal(&clerk->wanted);
    pthread_mutex_unlock(&clerk->lock);
    return pthread_timedjoin_np(clerk->thread, NULL, &until) == 0;
}

void clerk_wake(struct clerk *clerk)
{
    pthread_mutex_lock(&clerk->lock);
    clerk->lost = true;
    pthread_cond_signal(&clerk->wanted);
    pthread_mutex_unlock(&clerk->lock);
}
