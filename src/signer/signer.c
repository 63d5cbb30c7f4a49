/*
 * signer.c - the room of the token: channels to the keeper, and a watch over all who call the
 * module.
 *
 * The main thread never calls the module. It reads the keeper's letters, gives jobs to the pool and
 * orders about keys to the clerk, and ends the process when a call does not come back: there is no
 * other way to get out of one.
 *
 * A reload that changes keystores or policies ends the process too, once what is under way is done;
 * the supervisor starts it anew with the new configuration, and the keeper tells its keys again.
 * That is the one way by which a module's environment, a PIN and a key's bounds can change without
 * a moment in which half of it is old. Zones that come and go are taken over as they are.
 */
#include "avow/signer/signer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "avow/base/clock.h"
#include "avow/base/log.h"
#include "avow/config/diff.h"
#include "clerk.h"
#include "pool.h"

enum { STRIPE_MAIN, STRIPE_CLERK, STRIPE_WORKERS };

enum { FINISH_MS = 2000 }; /* the supervisor waits for 5 s */

enum { RELOAD_TEXT_OCTETS = 256 }; /* room.h */

static const double watch_seconds = 1.0;

struct signer;

/* A channel of the keeper's. */
struct line {
    struct signer *signer;
    uint16_t index; /* SIGNING_ORDERS or SIGNING_BULK */
    struct channel *channel;
    struct link *link;
    struct dispatch_state letters;
    bool paused; /* the pool has enough of what comes this way */
};

struct signer {
    struct room *room;
    struct line lines[SIGNING_CHANNELS];
    struct keystore_module *modules;
    size_t module_count;
    struct keystore *keystores;
    size_t keystore_count;
    struct keys keys;
    struct pool pool;
    struct clerk clerk;
    ev_timer watch;
    ev_async hungry;      /* the pool wants letters again */
    pthread_mutex_t lock; /* over config, which the clerk looks at */
    const struct config *config;
};

/* ---- ends ----------------------------------------------------------------------------------- */

static void wipe(struct signer *signer)
{
    for (size_t i = 0; i < signer->keystore_count; i++)
        keystore_wipe(&signer->keystores[i]);
}

/* From the clerk, who alone reads PINs. */
static void give_up(void *context, const char *why)
{
    log_error("this process cannot use the token any more and ends, to be started anew: %s", why);
    wipe(context);
    _exit(EXIT_FAILURE);
}

static void check_watch(const struct watch *watch, uint64_t now_ns)
{
    uint64_t overdue = watch_overdue(watch, now_ns);

    if (!overdue)
        return;
    log_error("keystore %s: %s has taken %llu s and does not end; the process ends, to be started "
              "anew",
              atomic_load_explicit(&watch->keystore, memory_order_relaxed),
              atomic_load_explicit(&watch->doing, memory_order_relaxed),
              (unsigned long long)(overdue / 1000));
    _exit(EXIT_FAILURE);
}

static void on_watch(struct ev_loop *loop, ev_timer *timer, int happened)
{
    struct signer *signer = timer->data;
    uint64_t now_ns = clock_monotonic_ns();
    const struct watch *watch;
    (void)loop, (void)happened;

    check_watch(&signer->clerk.watch, now_ns);
    for (unsigned i = 0; (watch = pool_watch(&signer->pool, i)); i++)
        check_watch(watch, now_ns);
}

/* ---- letters -------------------------------------------------------------------------------- */

/* The line that brought too much, and no other: what is urgent does not wait behind what is not. */
static void pause_line(struct line *line)
{
    line->paused = true;
    if (line->channel)
        channel_pause(line->channel);
}

static void on_hungry(struct ev_loop *loop, ev_async *async, int happened)
{
    struct signer *signer = async->data;
    (void)loop, (void)happened;

    for (unsigned i = 0; i < SIGNING_CHANNELS; i++) {
        struct line *line = &signer->lines[i];
        if (line->paused && line->channel)
            channel_resume(line->channel);
        line->paused = false;
    }
}

static void on_sign(void *context, const struct message *message, struct frame *frame)
{
    struct line *line = context;
    struct signer *signer = line->signer;
    struct letter *letter = letter_make(line->link, line->index == SIGNING_ORDERS, &message->sign);
    (void)frame;

    if (!letter)
        log_error("out of memory: a letter of %u jobs is lost", message->sign.count);
    else if (pool_put(&signer->pool, letter))
        pause_line(line);
}

static struct clerk_order *make_order(struct line *line, enum clerk_order_kind kind)
{
    struct clerk_order *order = calloc(1, sizeof *order);

    if (!order) {
        log_error("out of memory: an order about a key is lost");
        return NULL;
    }
    order->kind = kind;
    order->link = line && line->link ? link_hold(line->link) : NULL;
    order->since_ms = clock_monotonic_ms();
    return order;
}

static void on_key_ensure(void *context, const struct message *message, struct frame *frame)
{
    struct line *line = context;
    const struct message_key_ensure *asked = &message->key_ensure;
    (void)frame;

    if (asked->id.length > PKCS11_ID_OCTETS || strlen(asked->keystore) >= KEYSTORE_NAME_OCTETS) {
        metric_add(room_stripe(line->signer->room, STRIPE_MAIN), METRIC_LETTERS_REFUSED, 1);
        log_warning("a KEY_ENSURE from the keeper asks for what cannot be");
        return;
    }
    struct clerk_order *order = make_order(line, CLERK_ENSURE);
    if (!order)
        return;
    order->request = asked->request;
    order->number = asked->number;
    name_copy(&order->zone, &asked->zone);
    (void)snprintf(order->keystore, sizeof order->keystore, "%s", asked->keystore);
    order->algorithm = asked->algorithm;
    order->role = asked->role;
    order->flags = asked->flags;
    order->bits = asked->bits;
    order->validity = asked->validity;
    order->may_generate = asked->may_generate;
    order->name.id_length = (uint8_t)asked->id.length;
    if (asked->id.length)
        memcpy(order->name.id, asked->id.octets, asked->id.length);
    clerk_put(&line->signer->clerk, order);
}

static void on_key_forget(void *context, const struct message *message, struct frame *frame)
{
    struct line *line = context;
    struct clerk_order *order = make_order(line, CLERK_FORGET);
    (void)frame;

    if (!order)
        return;
    order->number = message->key_forget.number;
    clerk_put(&line->signer->clerk, order);
}

/* Keys are ordered on one channel alone: two would have no order between them. */
static const struct dispatch_table from_keeper[SIGNING_CHANNELS] = {
    [SIGNING_ORDERS] = {.link = LINK_SIGNING,
                        .self = LINK_LOWER,
                        .handlers = {[MESSAGE_KEY_ENSURE] = on_key_ensure,
                                     [MESSAGE_KEY_FORGET] = on_key_forget,
                                     [MESSAGE_SIGN] = on_sign}},
    [SIGNING_BULK] = {
        .link = LINK_SIGNING, .self = LINK_LOWER, .handlers = {[MESSAGE_SIGN] = on_sign}}};

static void on_frame(void *context, struct channel *channel, struct frame *frame)
{
    struct line *line = context;
    struct metrics_stripe *stripe = room_stripe(line->signer->room, STRIPE_MAIN);
    (void)channel;

    metric_add(stripe, METRIC_LETTERS, 1);
    if (dispatch_frame(&from_keeper[line->index], &line->letters, frame, line) != DISPATCH_HANDLED)
        metric_add(stripe, METRIC_LETTERS_REFUSED, 1);
}

/* ---- channels ------------------------------------------------------------------------------- */

static void close_line(struct line *line)
{
    channel_free(line->channel);
    line->channel = NULL;
    if (line->link)
        atomic_store_explicit(&line->link->closed, true, memory_order_relaxed);
    link_drop(line->link);
    line->link = NULL;
}

/* The keys go with the channel they were ordered by: another keeper numbers them anew. */
static void tell_clerk(struct line *line)
{
    struct clerk_order *order = make_order(line, CLERK_LINK);

    if (!order) { /* with keys of the old numbers nothing could be trusted */
        log_error("out of memory: the process ends, to be started anew");
        _exit(EXIT_FAILURE);
    }
    clerk_put(&line->signer->clerk, order);
}

static void on_closed(void *context, struct channel *channel)
{
    struct line *line = context;
    (void)channel;

    close_line(line);
    if (line->index == SIGNING_ORDERS)
        tell_clerk(line);
}

static const struct channel_events line_events = {.frame = on_frame, .closed = on_closed};

static void on_peer(void *context, enum room_kind kind, uint16_t index, int descriptor)
{
    struct signer *signer = context;
    struct channel_bounds bounds = {0};

    if (kind != ROOM_KEEPER || index >= SIGNING_CHANNELS) {
        close(descriptor);
        return;
    }
    struct line *line = &signer->lines[index];
    close_line(line);
    line->letters = (struct dispatch_state){.peer = "the keeper"};
    line->link = link_make(descriptor);
    line->channel = channel_open(signer->room->loop, descriptor, &line_events, line, bounds);
    if (!line->link || !line->channel) {
        log_error("out of memory: the keeper is not heard");
        close_line(line);
        return;
    }
    if (line->paused)
        channel_pause(line->channel);
    if (index == SIGNING_ORDERS)
        tell_clerk(line);
}

/* ---- configuration -------------------------------------------------------------------------- */

static bool find_policy(void *context, const struct name *zone, struct config_policy *policy)
{
    struct signer *signer = context;
    bool found = false;

    pthread_mutex_lock(&signer->lock);
    const struct config_zone *configured = config_zone_find(signer->config, zone);
    if (configured && configured->policy) {
        *policy = *configured->policy;
        found = true;
    }
    pthread_mutex_unlock(&signer->lock);
    policy->name = NULL; /* what these lead to may go with the next reload */
    policy->keystore = NULL;
    return found;
}

/* The PINs of the configuration in use have been wiped; here are those that count. */
static bool same_pins(const struct signer *signer, const struct config *config)
{
    for (size_t i = 0; i < config->keystore_count && i < signer->keystore_count; i++) {
        const struct config_keystore *fresh = &config->keystores[i];
        const struct pkcs11_pin *pin = &signer->keystores[i].pin;
        if (signer->keystores[i].location.pin_file[0])
            continue; /* then it is not in the configuration */
        if (fresh->pin_length != pin->length ||
            (pin->length && memcmp(fresh->pin, pin->octets, pin->length) != 0))
            return false;
    }
    return true;
}

/* Whether zones come or go and nothing else that concerns us. */
static bool is_small(const struct config_diff *diff)
{
    bool small = !diff->keystores && diff->policy_count == 0;

    for (size_t i = 0; i < diff->zone_count; i++) {
        if (diff->zones[i].before && diff->zones[i].after &&
            diff->zones[i].parts & CONFIG_ZONE_POLICY)
            small = false;
    }
    return small;
}

static enum result on_reload(void *context, const struct config *config, char *text)
{
    struct signer *signer = context;
    struct config_diff diff;

    if (config_diff(signer->config, config, &diff)) {
        (void)snprintf(text, RELOAD_TEXT_OCTETS, "out of memory");
        return RESULT_SYSTEM;
    }
    bool small = is_small(&diff) && same_pins(signer, config);
    config_diff_free(&diff);
    if (!small) {
        log_info("keystores or policies have changed: the signer starts anew");
        room_end(signer->room);
        return RESULT_OK;
    }
    config_wipe_secrets((struct config *)config); /* ours have them; it is the room's own copy */
    pthread_mutex_lock(&signer->lock);
    signer->config = config;
    pthread_mutex_unlock(&signer->lock);
    struct clerk_order *again = make_order(NULL, CLERK_AGAIN);
    if (again)
        clerk_put(&signer->clerk, again);
    return RESULT_OK;
}

/* ---- the start ------------------------------------------------------------------------------ */

/* The value that an earlier keystore wants for a variable; NULL: none does. */
static const char *wanted_before(const struct config *config, size_t before, const char *name)
{
    for (size_t i = 0; i < before; i++) {
        const struct config_keystore *keystore = &config->keystores[i];
        for (size_t j = 0; j < keystore->environment_count; j++) {
            if (strcmp(keystore->environment[j].name, name) == 0)
                return keystore->environment[j].value;
        }
    }
    return NULL;
}

/* What modules read from the environment is put there before there is any thread. */
static enum result set_environment(const struct config *config)
{
    for (size_t i = 0; i < config->keystore_count; i++) {
        const struct config_keystore *keystore = &config->keystores[i];
        for (size_t j = 0; j < keystore->environment_count; j++) {
            const struct config_variable *variable = &keystore->environment[j];
            const char *before = wanted_before(config, i, variable->name);
            if (before && strcmp(before, variable->value) != 0)
                log_warning("two keystores want different values of %s in the environment of one "
                            "process: that of %s counts",
                            variable->name, keystore->name);
            if (setenv(variable->name, variable->value, 1))
                return RESULT_SYSTEM;
        }
    }
    return RESULT_OK;
}

/* One for each path: a module that is initialised twice in a process refuses. */
static struct keystore_module *module_of(struct signer *signer, const char *path)
{
    for (size_t i = 0; i < signer->module_count; i++) {
        if (signer->modules[i].path && strcmp(signer->modules[i].path, path) == 0)
            return &signer->modules[i];
    }
    struct keystore_module *module = &signer->modules[signer->module_count];
    module->path = strdup(path);
    if (!module->path)
        return NULL;
    signer->module_count++;
    return module;
}

static enum result make_keystores(struct signer *signer)
{
    const struct config *config = signer->config;
    size_t count = config->keystore_count;

    signer->modules = calloc(count + 1, sizeof *signer->modules);
    signer->keystores = calloc(count + 1, sizeof *signer->keystores);
    if (!signer->modules || !signer->keystores || set_environment(config))
        return RESULT_SYSTEM;
    for (size_t i = 0; i < count; i++) {
        struct keystore *keystore = &signer->keystores[i];
        struct keystore_module *module = module_of(signer, config->keystores[i].module);
        enum result result =
            module ? keystore_init(keystore, &config->keystores[i], module) : RESULT_SYSTEM;
        if (result == RESULT_SYSTEM)
            return result;
        signer->keystore_count++;
        if (result)
            log_error("keystore %s: %s", keystore->name, keystore->text);
    }
    config_wipe_secrets((struct config *)config); /* the room's own copy; the keystores have them */
    return RESULT_OK;
}

static void on_lost(void *context)
{
    struct signer *signer = context;
    clerk_wake(&signer->clerk);
}

static void on_room_for_more(void *context)
{
    struct signer *signer = context;
    ev_async_send(signer->room->loop, &signer->hungry);
}

/* As many threads as the keystore with most sessions can use; one at least, to say "no". */
static unsigned thread_count(const struct signer *signer)
{
    unsigned most = 1;

    for (size_t i = 0; i < signer->keystore_count; i++) {
        if (signer->keystores[i].sessions > most)
            most = signer->keystores[i].sessions;
    }
    return most;
}

static enum result prepare(struct signer *signer)
{
    struct pool_means pool = {.keys = &signer->keys,
                              .metrics = signer->room->metrics,
                              .first_stripe = STRIPE_WORKERS,
                              .lost = on_lost,
                              .hungry = on_room_for_more,
                              .context = signer};

    if (pthread_mutex_init(&signer->lock, NULL) || keys_init(&signer->keys) ||
        pool_init(&signer->pool, &pool))
        return RESULT_SYSTEM;
    for (unsigned i = 0; i < SIGNING_CHANNELS; i++)
        signer->lines[i] = (struct line){.signer = signer, .index = (uint16_t)i};
    return make_keystores(signer);
}

static enum result start(struct signer *signer)
{
    struct clerk_means clerk = {.keystores = signer->keystores,
                                .keystore_count = signer->keystore_count,
                                .keys = &signer->keys,
                                .stripe = room_stripe(signer->room, STRIPE_CLERK),
                                .policy = find_policy,
                                .give_up = give_up,
                                .context = signer};

    ev_async_init(&signer->hungry, on_hungry);
    signer->hungry.data = signer;
    ev_async_start(signer->room->loop, &signer->hungry);
    ev_timer_init(&signer->watch, on_watch, watch_seconds, watch_seconds);
    signer->watch.data = signer;
    ev_timer_start(signer->room->loop, &signer->watch);
    if (clerk_init(&signer->clerk, &clerk) || pool_start(&signer->pool, thread_count(signer)))
        return RESULT_SYSTEM;
    return clerk_start(&signer->clerk);
}

static const struct room_events events = {.peer = on_peer, .reload = on_reload};

int signer_main(struct room *room)
{
    struct signer *signer = calloc(1, sizeof *signer);

    if (!signer)
        return room_fail(room, "out of memory");
    signer->room = room;
    signer->config = room->config;
    if (prepare(signer))
        return room_fail(room, "its keystores could not be prepared: out of memory");
    if (room_confine(room))
        return room_fail(room, "it could not be confined");
    if (start(signer))
        return room_fail(room, "its threads could not be started");
    int code = room_run(room, &events, signer);
    if (!pool_finish(&signer->pool, FINISH_MS))
        log_warning("signatures under way are given up");
    /* A PIN that is just being used is left alone: half of one would be a wrong one. */
    if (clerk_finish(&signer->clerk, FINISH_MS / 2))
        wipe(signer);
    /* Not exit: modules crash in their atexit handlers, and threads may be inside one for ever. */
    _exit(code);
}
