/*
 * signer.c - the room of the tokens: channels to the keeper, and a watch over all who call modules.
 *
 * The main thread never calls a module. It reads the keeper's letters, gives jobs and orders about
 * keys to the posts of their keystores, and ends the process when a call does not come back
 * (hang.h): there is no other way to get out of one.
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
#include "hang.h"
#include "keystores.h"
#include "post.h"
#include "results.h"
#include "sort.h"

enum { STRIPE_MAIN, STRIPE_POSTS }; /* then each post's clerk and workers */

enum { FINISH_MS = 2000 }; /* and half of it for the clerks; the supervisor waits for 5 s */

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
    bool paused; /* some pool has enough of what comes this way */
};

struct signer {
    struct room *room;
    struct line lines[SIGNING_CHANNELS];
    struct keystores keystores;
    struct keys keys;
    struct post *posts; /* one for each keystore, in their order, then that of the others */
    size_t post_count;
    struct hangs hangs;
    struct results results; /* the main thread's, for letters that are not done */
    struct frame *frame;
    ev_timer watch;
    ev_async hungry;      /* a pool wants letters again */
    pthread_mutex_t lock; /* over config, which the clerks look at */
    const struct config *config;
};

/* ---- calls that do not end ------------------------------------------------------------------ */

/* What the keeper is told of a keystore while its clerk may not be able to. */
static void tell_keeper(struct signer *signer, const struct post *post)
{
    struct link *link = signer->lines[SIGNING_ORDERS].link;
    char text[PKCS11_FAILURE_OCTETS];
    struct message letter = {.kind = MESSAGE_TOKEN,
                             .token = {.keystore = post->keystore->name, .text = post->text}};

    if (!post->stalled) {
        letter.token.up = keystore_state(post->keystore) == KEYSTORE_UP;
        letter.token.text = text;
        keystore_reason(post->keystore, text, sizeof text);
    }
    if (link)
        link_send(link, &letter, signer->frame);
}

static struct clerk_order *make_order(struct signer *signer, struct line *line,
                                      enum clerk_order_kind kind)
{
    struct clerk_order *order = calloc(1, sizeof *order);

    if (!order) {
        log_error("out of memory: an order about a key is lost");
        return NULL;
    }
    order->kind = kind;
    order->link = line && line->link ? link_hold(line->link) : NULL;
    order->since_ms = clock_monotonic_ms();
    order->era = keys_era(&signer->keys);
    return order;
}

/* What has come back is told by its clerk: it alone knows what happens next. */
static void on_stalled(void *context, struct post *post)
{
    struct signer *signer = context;

    if (!post->keystore)
        return;
    if (post->stalled) {
        tell_keeper(signer, post);
        return;
    }
    log_info("keystore %s: its calls have ended", post->keystore->name);
    struct clerk_order *order = make_order(signer, NULL, CLERK_TELL);
    if (order)
        clerk_put(&post->clerk, order);
}

static void on_excuse(void *context, const struct letter *letter, const char *why)
{
    struct signer *signer = context;
    struct reader jobs = reader_over(letter->jobs, letter->length);
    struct sign_job job;

    for (unsigned i = 0; i < letter->count; i++) {
        sign_job_read(&jobs, &job);
        if (jobs.failed)
            break;
        struct sign_result result = {.job = job.job, .outcome = SIGNING_TOKEN, .text = why};
        results_add(&signer->results, letter->link, signer->frame, &result);
    }
    results_send(&signer->results, letter->link, signer->frame);
}

static void on_watch(struct ev_loop *loop, ev_timer *timer, int happened)
{
    struct signer *signer = timer->data;
    (void)loop, (void)happened;

    if (hangs_end(&signer->hangs, clock_monotonic_ns()))
        _exit(EXIT_FAILURE);
}

/* ---- letters -------------------------------------------------------------------------------- */

/* The line that brought too much, and no other: what is urgent does not wait behind what is not. */
static void pause_line(struct line *line)
{
    line->paused = true;
    if (line->channel)
        channel_pause(line->channel);
}

static bool some_pool_is_full(struct signer *signer, enum letter_kind kind)
{
    for (size_t i = 0; i < signer->post_count; i++) {
        if (pool_is_full(&signer->posts[i].pool, kind))
            return true;
    }
    return false;
}

static enum letter_kind kind_of(const struct line *line)
{
    return line->index == SIGNING_ORDERS ? LETTER_URGENT : LETTER_BULK;
}

/* Each line by its own letters. */
static void on_hungry(struct ev_loop *loop, ev_async *async, int happened)
{
    struct signer *signer = async->data;
    (void)loop, (void)happened;

    for (unsigned i = 0; i < SIGNING_CHANNELS; i++) {
        struct line *line = &signer->lines[i];
        if (!line->paused || some_pool_is_full(signer, kind_of(line)))
            continue;
        if (line->channel)
            channel_resume(line->channel);
        line->paused = false;
    }
}

/* Part of a letter, or all of it. */
static void give_letter(void *context, size_t index, const struct message_sign *sign)
{
    struct line *line = context;
    struct post *post = &line->signer->posts[index];
    struct letter *letter = letter_make(line->link, kind_of(line) == LETTER_URGENT, sign);

    if (!letter) {
        log_error("out of memory: a letter of %u jobs is lost", sign->count);
    } else if (pool_put(&post->pool, letter)) {
        pause_line(line);
    }
}

static void on_sign(void *context, const struct message *message, struct frame *frame)
{
    struct line *line = context;
    struct signer *signer = line->signer;
    struct sort sort = {.keys = &signer->keys,
                        .keystores = signer->keystores.list,
                        .otherwise = signer->post_count - 1,
                        .take = give_letter,
                        .context = line};
    (void)frame;

    if (signer->post_count == 1)
        give_letter(line, 0, &message->sign);
    else
        sort_letter(&sort, &message->sign);
}

/* The post of a keystore; of none that is known: the last one. */
static struct post *find_post(struct signer *signer, const char *keystore)
{
    struct keystore *found = keystores_find(&signer->keystores, keystore);
    size_t index = found ? (size_t)(found - signer->keystores.list) : signer->post_count - 1;

    return &signer->posts[index];
}

/* The same to every clerk. False: somebody did not get it. */
static bool tell_clerks(struct signer *signer, struct line *line, enum clerk_order_kind kind,
                        uint32_t number)
{
    bool told = true;

    for (size_t i = 0; i < signer->post_count; i++) {
        struct clerk_order *order = make_order(signer, line, kind);
        told = told && order;
        if (!order)
            continue;
        order->number = number;
        clerk_put(&signer->posts[i].clerk, order);
    }
    return told;
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
    struct clerk_order *order = make_order(line->signer, line, CLERK_ENSURE);
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
    clerk_put(&find_post(line->signer, asked->keystore)->clerk, order);
}

/* The number does not say whose key it is. */
static void on_key_forget(void *context, const struct message *message, struct frame *frame)
{
    struct line *line = context;
    (void)frame;

    (void)tell_clerks(line->signer, line, CLERK_FORGET, message->key_forget.number);
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

/* The keys go with the channel they were ordered by: another keeper numbers them anew. A clerk that
 * is inside a module for long tells it nothing; so it hears of each keystore here first. */
static void begin_era(struct line *line)
{
    struct signer *signer = line->signer;

    keys_forget_all(&signer->keys);
    for (size_t i = 0; i < signer->keystores.count; i++)
        tell_keeper(signer, &signer->posts[i]);
    if (tell_clerks(signer, line, CLERK_LINK, 0))
        return;
    log_error("out of memory: the process ends, to be started anew");
    _exit(EXIT_FAILURE);
}

static void on_closed(void *context, struct channel *channel)
{
    struct line *line = context;
    (void)channel;

    close_line(line);
    if (line->index == SIGNING_ORDERS)
        begin_era(line);
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
        begin_era(line);
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
    for (size_t i = 0; i < config->keystore_count && i < signer->keystores.count; i++) {
        const struct config_keystore *fresh = &config->keystores[i];
        const struct pkcs11_pin *pin = &signer->keystores.list[i].pin;
        if (signer->keystores.list[i].location.pin_file[0])
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
    (void)tell_clerks(signer, NULL, CLERK_AGAIN, 0);
    return RESULT_OK;
}

/* ---- the start ------------------------------------------------------------------------------ */

static void on_lost(void *context, struct keystore *keystore)
{
    struct signer *signer = context;
    clerk_wake(&signer->posts[keystore - signer->keystores.list].clerk);
}

static void on_room_for_more(void *context)
{
    struct signer *signer = context;
    ev_async_send(signer->room->loop, &signer->hungry);
}

/* A thread for each session of the keystore; where there is none, one to say "no". */
static unsigned thread_count(const struct post *post)
{
    return post->keystore ? post->keystore->sessions : 1;
}

/* The stripes of a post's clerk and threads follow those of the posts before it. */
static enum result make_post(struct signer *signer, struct post *post, unsigned *stripe)
{
    struct clerk_means clerk = {.keystore = post->keystore,
                                .keys = &signer->keys,
                                .stripe = room_stripe(signer->room, *stripe),
                                .policy = find_policy,
                                .context = signer};
    struct pool_means pool = {.keys = &signer->keys,
                              .metrics = signer->room->metrics,
                              .first_stripe = *stripe + 1,
                              .lost = on_lost,
                              .hungry = on_room_for_more,
                              .context = signer};

    *stripe += 1 + thread_count(post);
    return clerk_init(&post->clerk, &clerk) || pool_init(&post->pool, &pool) ? RESULT_SYSTEM
                                                                             : RESULT_OK;
}

static enum result make_posts(struct signer *signer)
{
    size_t count = signer->keystores.count == 1 ? 1 : signer->keystores.count + 1;
    unsigned stripe = STRIPE_POSTS;

    signer->posts = calloc(count, sizeof *signer->posts);
    if (!signer->posts)
        return RESULT_SYSTEM;
    signer->post_count = count;
    for (size_t i = 0; i < count; i++) {
        signer->posts[i].keystore = i < signer->keystores.count ? &signer->keystores.list[i] : NULL;
        if (make_post(signer, &signer->posts[i], &stripe))
            return RESULT_SYSTEM;
    }
    return RESULT_OK;
}

static enum result prepare(struct signer *signer)
{
    signer->frame = frame_make();
    if (!signer->frame || results_init(&signer->results) ||
        pthread_mutex_init(&signer->lock, NULL) || keys_init(&signer->keys))
        return RESULT_SYSTEM;
    for (unsigned i = 0; i < SIGNING_CHANNELS; i++)
        signer->lines[i] = (struct line){.signer = signer, .index = (uint16_t)i};
    enum result result = keystores_init(&signer->keystores, signer->config, POOL_MOST_THREADS);
    if (!result)
        result = make_posts(signer);
    signer->hangs = (struct hangs){.posts = signer->posts,
                                   .count = signer->post_count,
                                   .stripe = room_stripe(signer->room, STRIPE_MAIN),
                                   .stalled = on_stalled,
                                   .excuse = on_excuse,
                                   .context = signer,
                                   .calm_ms = clock_monotonic_ms()};
    return result;
}

static enum result start(struct signer *signer)
{
    ev_async_init(&signer->hungry, on_hungry);
    signer->hungry.data = signer;
    ev_async_start(signer->room->loop, &signer->hungry);
    ev_timer_init(&signer->watch, on_watch, watch_seconds, watch_seconds);
    signer->watch.data = signer;
    ev_timer_start(signer->room->loop, &signer->watch);
    for (size_t i = 0; i < signer->post_count; i++) {
        struct post *post = &signer->posts[i];
        if (pool_start(&post->pool, thread_count(post)) || clerk_start(&post->clerk))
            return RESULT_SYSTEM;
    }
    return RESULT_OK;
}

/* ---- the end -------------------------------------------------------------------------------- */

/* Milliseconds that are left. */
static unsigned left_until(uint64_t end_ms)
{
    uint64_t now_ms = clock_monotonic_ms();
    return now_ms < end_ms ? (unsigned)(end_ms - now_ms) : 0;
}

static void finish(struct signer *signer)
{
    uint64_t end_ms = clock_monotonic_ms() + FINISH_MS;

    for (size_t i = 0; i < signer->post_count; i++) {
        if (!pool_finish(&signer->posts[i].pool, left_until(end_ms)))
            log_warning("signatures under way are given up");
    }
    /* A PIN that is just being used is left alone: half of one would be a wrong one. */
    end_ms += FINISH_MS / 2;
    for (size_t i = 0; i < signer->post_count; i++) {
        struct post *post = &signer->posts[i];
        if (clerk_finish(&post->clerk, left_until(end_ms)) && post->keystore)
            keystore_wipe(post->keystore);
    }
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
    finish(signer);
    /* Not exit: modules crash in their atexit handlers, and threads may be inside one for ever. */
    _exit(code);
}
