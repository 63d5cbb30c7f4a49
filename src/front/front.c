/* front.c - the room for strangers: its start, its workers, its end. */
#include "avow/front/front.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "avow/base/random.h"
#include "avow/base/vault.h"
#include "avow/config/config.h"
#include "worker.h"

enum {
    CACHE_OCTETS = 64 * 1024 * 1024,     /* of finished answers, for all workers together */
    CACHE_LEAST_OCTETS = 4 * 1024 * 1024 /* for each */
};

struct front {
    struct room *room;
    struct store store;
    struct pages pages;
    struct worker *workers;
    unsigned open; /* workers that were opened */
    struct settings settings;
    struct hash_key charge_key;
    struct limiter limiter;
    uint8_t cookie_secret[COOKIE_SECRET_OCTETS]; /* for when none is configured */
    ev_async broken;                             /* a worker met a store that it cannot read */
    bool failed;
};

/* ---- the store -------------------------------------------------------------------------------*/

static int open_store(struct front *front)
{
    const struct config_server *server = &front->room->config->server;
    char *folder;

    if (pages_open_reader(&front->pages, front->room->published, front->room->readers[ROOM_FRONT]))
        return room_fail(front->room, "the store's shared pages cannot be used");
    if (asprintf(&folder, "%s/store", server->state) < 0)
        return room_fail(front->room, "out of memory");
    struct store_options options = {.folder = folder,
                                    .access = STORE_READER,
                                    .map_octets = server->store_size,
                                    .pages = &front->pages};
    enum result result = store_await(&front->store, &options);
    free(folder);
    return result ? room_fail(front->room, "%s", front->store.problem) : 0;
}

/* ---- workers ---------------------------------------------------------------------------------*/

/* From a worker's thread. */
static void on_worker_failed(void *context)
{
    struct front *front = context;
    ev_async_send(front->room->loop, &front->broken);
}

static void on_broken(struct ev_loop *loop, ev_async *watcher, int happened)
{
    struct front *front = watcher->data;
    (void)loop, (void)happened;

    front->failed = true; /* the supervisor starts another front, which opens the store anew */
    room_end(front->room);
}

static size_t cache_octets(const struct room *room)
{
    size_t share = CACHE_OCTETS / room->workers;
    return share < CACHE_LEAST_OCTETS ? CACHE_LEAST_OCTETS : share;
}

/* The settings for all workers; without memory the limits stay as they were. The secrets of cookies
 * stay there alone: `config` is the room's own copy. */
static enum result take_settings(struct front *front, const struct config *config)
{
    struct limits *old = front->settings.limits, *limits;
    const uint32_t clients = room_clients(front->room, config->server.tcp_clients);
    enum result result = limits_make(&limits, config);

    settings_from(&front->settings, &config->server, clients, front->room->workers,
                  front->cookie_secret);
    config_wipe_secrets((struct config *)config);
    front->settings.limits = result ? old : limits;
    if (!result)
        limits_let_go(old);
    return result;
}

static int open_workers(struct front *front)
{
    struct room *room = front->room;

    /* Secrets of cookies are in there. */
    front->workers = vault_take(room->workers * sizeof *front->workers);
    if (!front->workers || hash_key_random(&front->charge_key) ||
        random_fill(front->cookie_secret, sizeof front->cookie_secret) ||
        limiter_open(&front->limiter, &front->charge_key) || take_settings(front, room->config))
        return room_fail(room, "out of memory");
    for (unsigned i = 0; i < room->workers; i++) {
        struct worker_order order = {.index = i,
                                     .store = &front->store,
                                     .pages = &front->pages,
                                     .sockets = room->sockets,
                                     .socket_count = room->socket_count,
                                     .settings = &front->settings,
                                     .limiter = &front->limiter,
                                     .charge_key = &front->charge_key,
                                     .cache_octets = cache_octets(room),
                                     .metrics = room_stripe(room, i),
                                     .failed = on_worker_failed,
                                     .context = front};
        if (worker_open(&front->workers[i], &order))
            return room_fail(room, "not enough memory or descriptors for worker %u", i);
        front->open++;
    }
    return 0;
}

static int start_workers(struct front *front)
{
    for (unsigned i = 0; i < front->open; i++) {
        if (worker_start(&front->workers[i]))
            return room_fail(front->room, "no thread for worker %u", i);
    }
    return 0;
}

static void stop_workers(struct front *front)
{
    for (unsigned i = 0; i < front->open; i++)
        worker_stop(&front->workers[i]);
}

/* ---- what the supervisor says ----------------------------------------------------------------*/

static void on_peer(void *context, enum room_kind kind, uint16_t index, int descriptor)
{
    struct front *front = context;

    if (index >= front->open || (kind != ROOM_KEEPER && kind != ROOM_DESK && kind != ROOM_VEIL)) {
        close(descriptor);
        return;
    }
    worker_connect(&front->workers[index], kind, descriptor);
}

static enum result on_reload(void *context, const struct config *config, char *text)
{
    struct front *front = context;

    text[0] = '\0'; /* nothing can be wrong with what the workers need of it */
    if (take_settings(front, config))
        log_warning("no memory for other limits: rate-limit stays as it was");
    for (unsigned i = 0; i < front->open; i++)
        worker_configure(&front->workers[i], &front->settings);
    return RESULT_OK;
}

static void on_stop(void *context)
{
    struct front *front = context;

    stop_workers(front);
    room_end(front->room);
}

static const struct room_events events = {.peer = on_peer, .reload = on_reload, .stop = on_stop};

/* ---- start and end ---------------------------------------------------------------------------*/

static void close_all(struct front *front)
{
    stop_workers(front);
    for (unsigned i = 0; i < front->open; i++)
        worker_close(&front->workers[i]);
    vault_drop(front->workers);
    limits_let_go(front->settings.limits);
    limiter_close(&front->limiter);
    ev_async_stop(front->room->loop, &front->broken);
    store_close(&front->store);
    pages_close(&front->pages);
}

int front_main(struct room *room)
{
    struct front *front = vault_take(sizeof *front);

    if (!front)
        return room_fail(room, "out of memory");
    front->room = room;
    urgency_limit();
    ev_async_init(&front->broken, on_broken);
    front->broken.data = front;
    ev_async_start(room->loop, &front->broken);
    int code = open_store(front);
    if (!code)
        code = open_workers(front);
    if (!code && room_confine(room))
        code = room_fail(room, "it could not be confined");
    if (!code)
        code = start_workers(front);
    if (!code)
        code = room_run(room, &events, front);
    if (front->failed)
        code = EXIT_FAILURE;
    close_all(front);
    vault_drop(front);
    return code;
}
