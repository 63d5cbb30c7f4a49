/* loop.c - what the keeper does when: its turns, its ticks, its start and its end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "publish.h"
#include "retired.h"
#include "round.h"
#include "scrub.h"

#include "avow/base/clock.h"
#include "avow/base/cores.h"
#include "avow/change/version.h"

enum {
    BATCH_JOBS = 2048,    /* signatures that are stored at once, without waiting longer */
    COMMIT_MS = 100,      /* the longest that a signature waits to be stored */
    DROP_RECORDS = 20000, /* of an old version, in one go */
    LAG_MS = 5000,        /* a reader that holds an old snapshot for longer is restarted */
    RESTART_MS = 10000,   /* until a restart is asked for again */
    DUE_MS = 1000,        /* how often the expiry index is asked */
    ASK_KEYS_MS = 5000    /* how often a signer without token is asked again */
};

/* ---- turns of the loop ------------------------------------------------------------------------
 */

/* Store what is signed: at once when somebody waits, else when there is enough of it. */
static void settle_signatures(struct keeper *keeper)
{
    if (keeper->commit_now || keeper->jobs.done_count >= BATCH_JOBS) {
        commit_signatures(keeper);
        ev_timer_stop(keeper->loop, &keeper->commit_soon);
    } else if (keeper->jobs.done_count && !ev_is_active(&keeper->commit_soon)) {
        ev_timer_set(&keeper->commit_soon, COMMIT_MS / 1000.0, 0);
        ev_timer_start(keeper->loop, &keeper->commit_soon);
    }
}

/* Before the loop waits: everything that came in this turn is in one commit. */
static void before_waiting(struct ev_loop *loop, ev_prepare *watcher, int events)
{
    struct keeper *keeper = watcher->data;

    (void)events;
    rounds_turn(keeper);
    wanted_turn(keeper);
    settle_signatures(keeper);
    if (keeper->due_on)
        schedule_due(keeper);
    schedule_pump(keeper);
    bool go_on =
        keeper->walk_on || keeper->due_more || keeper->rounds_ready || keeper->rounds_waiting;
    if (go_on && !ev_is_active(&keeper->idle))
        ev_idle_start(loop, &keeper->idle);
    if (!go_on && ev_is_active(&keeper->idle))
        ev_idle_stop(loop, &keeper->idle);
}

/* Only there to keep the loop turning while there is something left to do. */
static void go_on(struct ev_loop *loop, ev_idle *watcher, int events)
{
    (void)loop, (void)watcher, (void)events;
}

static void commit_time(struct ev_loop *loop, ev_timer *watcher, int events)
{
    (void)loop, (void)events;
    commit_signatures(watcher->data);
}

/* ---- once in a while --------------------------------------------------------------------------
 */

/* Drop what nobody serves, a slice at a time. */
static void drop_leftovers(struct keeper *keeper)
{
    struct change change;
    uint32_t version;
    bool done = false;

    if (snapshot_renew(&keeper->view) != RENEWAL_READY)
        return;
    enum found_record found = version_leftover(&keeper->view, 0, &version);
    snapshot_rest(&keeper->view);
    if (found != RECORD_THERE)
        keeper->leftovers = false; /* none, or a damaged row that might name it */
    if (found != RECORD_THERE || commit_begin(keeper, &change))
        return;
    if (version_drop(&change, version, DROP_RECORDS, &done)) {
        change_abandon(&change);
        keeper->leftovers = false; /* the next start tries again */
        return;
    }
    if (commit_end(keeper, &change, false, NULL, 0))
        keeper->leftovers = false;
}

static void check_readers(struct keeper *keeper)
{
    struct laggard laggard;
    char reason[128];

    pins_sweep(&keeper->pins);
    if (!pins_laggard(&keeper->pins, keeper->now_ms, &laggard)) {
        metric_set(keeper->metrics, METRIC_READER_LAG_MS, 0);
        return;
    }
    metric_set(keeper->metrics, METRIC_READER_LAG_MS, laggard.behind_ms);
    if (laggard.behind_ms < LAG_MS || keeper->now_ms < keeper->restart_ms + RESTART_MS)
        return;
    keeper->restart_ms = keeper->now_ms;
    (void)snprintf(reason, sizeof reason, "thread %u has held an old snapshot for %llu ms",
                   laggard.slot, (unsigned long long)laggard.behind_ms);
    keeper->restart(keeper, laggard.page == 0 ? ROOM_FRONT : ROOM_DESK, reason);
}

static void count_rate(struct keeper *keeper)
{
    uint64_t stored = metric_get(keeper->metrics, METRIC_SIGNATURES_STORED), pending = 0;
    uint64_t doubtful = 0;
    uint64_t passed = keeper->now_ms - keeper->rate_at;

    if (passed < 1000)
        return;
    keeper->rate = (uint32_t)((stored - keeper->rate_mark) * 1000 / passed);
    keeper->rate_mark = stored;
    keeper->rate_at = keeper->now_ms;
    for (struct keeper_zone *zone = keeper->zones; zone; zone = zone->next) {
        const struct zone *row = &zone->row;
        uint64_t all = row->rrsets + row->denials;
        uint64_t signed_ = row->rrsets_signed + row->denials_signed;
        pending += all > signed_ ? all - signed_ : 0;
        doubtful += (row->flags & ZONE_DOUBTFUL) != 0;
    }
    metric_set(keeper->metrics, METRIC_SIGNATURES_PENDING, pending);
    metric_set(keeper->metrics, METRIC_ZONES_DOUBTFUL, doubtful);
}

static void measure_store(struct keeper *keeper)
{
    enum watermark_level before = keeper->watermark.level;

    if (snapshot_renew(&keeper->view) != RENEWAL_READY)
        return;
    enum result result = watermark_read(&keeper->view, &keeper->watermark);
    snapshot_rest(&keeper->view);
    if (result || keeper->watermark.map_octets == 0)
        return;
    uint64_t used = keeper->watermark.file_octets - keeper->watermark.free_octets;
    metric_set(keeper->metrics, METRIC_STORE_USED_PERMILLE,
               used * 1000 / keeper->watermark.map_octets);
    if (keeper->watermark.level == WATERMARK_NORMAL && before != WATERMARK_NORMAL)
        log_info("the store has room again");
    if (keeper->watermark.level <= before)
        return;
    if (keeper->watermark.level == WATERMARK_NO_LOADS)
        log_warning("%s: zone files are not loaded any more",
                    watermark_shortage(&keeper->watermark));
    else
        log_error("%s: nothing but signatures that are due goes in any more",
                  watermark_shortage(&keeper->watermark));
}

static void check_keys(struct keeper *keeper)
{
    for (struct keeper_zone *zone = keeper->zones; zone; zone = zone->next)
        keeper_zone_advance(zone);
}

static void every_second(struct keeper *keeper)
{
    if (keeper->now_ms - keeper->last_expiry_ms < DUE_MS)
        return;
    keeper->last_expiry_ms = keeper->now_ms;
    schedule_due(keeper);
    keeper_zones_remove(keeper);
    retired_tick(keeper);
    sign_check_deadlines(keeper);
    measure_store(keeper);
    scrub_tick(keeper);
    if (keeper->now_ms - keeper->last_keys_ms >= ASK_KEYS_MS) {
        keeper->last_keys_ms = keeper->now_ms;
        check_keys(keeper);
    }
}

/* Memory or the store failed: what could not be done is tried again. */
static void try_configuring(struct keeper *keeper)
{
    bool said = keeper->configure_again;

    keeper->configure_again = keeper_zones_configure(keeper) != RESULT_OK;
    if (keeper->configure_again && !said)
        log_error("not all zones could be prepared; it is tried again");
}

/* A keeper that has just started writes only when no reader uses what its predecessor held; one
 * that goes on doing so is restarted. */
static void check_settled(struct keeper *keeper)
{
    check_readers(keeper);
    if (!pins_settled(&keeper->pins))
        return;
    keeper->settled = true;
    keeper->leftovers = true;
    try_configuring(keeper);
    if (!keeper->pins.revealed)
        scrub_tick(keeper); /* answers wait for it */
}

/* After a flush that failed nobody knows what the kernel has of the store in memory and what of it
 * is on the disk: it is opened anew, by another process, so that updates go on by themselves. */
static void check_writes(struct keeper *keeper)
{
    if (keeper->store.writes_off && keeper->now_ms >= keeper->write_after_ms &&
        keeper->now_ms >= keeper->restart_ms + RESTART_MS) {
        keeper->restart_ms = keeper->now_ms;
        keeper->restart(keeper, ROOM_KEEPER, "a write of the store could not be flushed");
    }
}

static void tick(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct keeper *keeper = watcher->data;

    (void)loop, (void)events;
    keeper->now_ms = clock_monotonic_ms();
    keeper->now = clock_wall_seconds();
    if (!keeper->settled) {
        check_settled(keeper);
        return;
    }
    clock_set_look(keeper);
    if (keeper->configure_again)
        try_configuring(keeper);
    check_readers(keeper);
    commit_publish(keeper);
    check_writes(keeper);
    count_rate(keeper);
    budget_measure(&keeper->budget, keeper->now_ms);
    wanted_tell_rate(keeper, false);
    rounds_check_deadlines(keeper);
    schedule_settle_all(keeper);
    every_second(keeper);
    write_back_turn(keeper);
    publish_turn(keeper);
    if (keeper->leftovers)
        drop_leftovers(keeper);
}

/* ---- the front
 * ------------------------------------------------------------------------------------
 */

static void take_want(void *context, const struct message *message, struct frame *frame)
{
    (void)frame;
    wanted_take(context, &message->want);
}

static const struct dispatch_table front_table = {
    .link = LINK_WANTED, .self = LINK_UPPER, .handlers = {[MESSAGE_WANT] = take_want}};

static void front_frame(void *context, struct channel *channel, struct frame *frame)
{
    struct front_link *front = context;

    (void)channel;
    metric_add(front->keeper->metrics, METRIC_LETTERS, 1);
    if (dispatch_frame(&front_table, &front->letters, frame, front) != DISPATCH_HANDLED)
        metric_add(front->keeper->metrics, METRIC_LETTERS_REFUSED, 1);
}

static void front_closed(void *context, struct channel *channel)
{
    struct front_link *front = context;

    front->channel = NULL;
    front->generation++;
    channel_free(channel);
}

static const struct channel_events front_events = {.frame = front_frame, .closed = front_closed};

void keeper_connect_front(struct keeper *keeper, unsigned index, int descriptor)
{
    if (index >= keeper->front_count) {
        (void)close(descriptor);
        return;
    }
    struct front_link *front = &keeper->fronts[index];
    if (front->channel)
        front_closed(front, front->channel);
    front->channel = channel_open(keeper->loop, descriptor, &front_events, front,
                                  (struct channel_bounds){.octets = 0});
    wanted_tell_rate(keeper, true);
}

/* ---- start and end ----------------------------------------------------------------------------
 */

static uint32_t count_sessions(const struct keeper *keeper)
{
    uint32_t count = 0;

    for (size_t i = 0; i < keeper->config->keystore_count; i++)
        count += budget_sessions(&keeper->budget, &keeper->config->keystores[i]);
    return count;
}

enum result keeper_configure(struct keeper *keeper, const struct config *config)
{
    keeper->config = config;
    keeper->budget.cores = cores_usable();
    keeper->budget.sessions = count_sessions(keeper);
    keeper->now_ms = clock_monotonic_ms();
    keeper->now = clock_wall_seconds();
    log_set_level(config->server.log_level);
    enum result result = keeper_zones_configure(keeper);
    keeper->configure_again = result != RESULT_OK;
    return result;
}

static void start_watchers(struct keeper *keeper)
{
    ev_timer_init(&keeper->tick, tick, 0, TICK_MS / 1000.0);
    ev_timer_init(&keeper->commit_soon, commit_time, COMMIT_MS / 1000.0, 0);
    ev_prepare_init(&keeper->prepare, before_waiting);
    ev_idle_init(&keeper->idle, go_on);
    keeper->tick.data = keeper->commit_soon.data = keeper->prepare.data = keeper->idle.data =
        keeper;
    ev_timer_start(keeper->loop, &keeper->tick);
    ev_prepare_start(keeper->loop, &keeper->prepare);
    keeper->watching = true;
}

static void stop_watchers(struct keeper *keeper)
{
    if (!keeper->watching)
        return;
    ev_timer_stop(keeper->loop, &keeper->tick);
    ev_timer_stop(keeper->loop, &keeper->commit_soon);
    ev_prepare_stop(keeper->loop, &keeper->prepare);
    ev_idle_stop(keeper->loop, &keeper->idle);
}

/* Whether readers are to wait until the store was looked through: not those who have answered from
 * it, when it is the keeper alone that starts again. */
static bool answers_wait(const struct keeper *keeper)
{
    return keeper->room->config->server.scrub_first &&
           atomic_load(&keeper->pages.published->ticket) == 0;
}

static enum result open_store(struct keeper *keeper)
{
    struct room *room = keeper->room;
    char *folder;

    if (asprintf(&folder, "%s/store", room->config->server.state) < 0)
        return RESULT_SYSTEM;
    struct store_options options = {.folder = folder,
                                    .access = STORE_WRITER,
                                    .make = change_make_store,
                                    .map_octets = room->config->server.store_size};
    enum result result = store_open(&keeper->store, &options);
    free(folder);
    if (result)
        return result;
    const int readers[] = {room->readers[ROOM_FRONT], room->readers[ROOM_DESK]};
    result = pages_open_keeper(&keeper->pages, room->published, readers, COUNT(readers));
    if (!result)
        result = pins_open(&keeper->pins, &keeper->store, &keeper->pages);
    if (!result && answers_wait(keeper))
        log_info("answers begin when all zones have been looked through (server.scrub-first)");
    else if (!result)
        pins_reveal(&keeper->pins);
    if (!result)
        result = snapshot_open(&keeper->view, &keeper->store, NULL, 0);
    if (result)
        return result;
    keeper->transaction = pages_transaction(keeper->pins.ticket);
    scrub_look(keeper);
    return RESULT_OK;
}

enum result keeper_open(struct keeper *keeper, struct room *room)
{
    keeper->room = room;
    keeper->loop = room->loop;
    keeper->metrics = room_stripe(room, 0);
    keeper->front_count = room->workers + 1U; /* the desk asks like a worker of the front */
    keeper->fronts = calloc(keeper->front_count, sizeof *keeper->fronts);
    if (!keeper->fronts)
        return RESULT_SYSTEM;
    for (unsigned i = 0; i < keeper->front_count; i++)
        keeper->fronts[i] = (struct front_link){.keeper = keeper, .generation = 1};
    asked_open(&keeper->asked);
    keeper->now_ms = clock_monotonic_ms();
    keeper->now = clock_wall_seconds();
    clock_set_look(keeper); /* a clock that is set before the first tick is noticed, too */
    enum result result = jobs_open(&keeper->jobs);
    if (!result)
        result = zone_index_open(keeper);
    if (!result)
        result = loader_open(keeper);
    if (!result)
        result = comparison_open(keeper);
    if (!result)
        result = write_back_open(keeper);
    if (!result)
        result = publish_open(keeper);
    if (!result)
        result = control_open(keeper);
    if (!result)
        result = scrub_open(keeper);
    if (!result)
        result = open_store(keeper);
    if (!result)
        start_watchers(keeper);
    return result;
}

void keeper_close(struct keeper *keeper)
{
    stop_watchers(keeper);
    loader_close(keeper);
    comparison_close(keeper);
    write_back_close(keeper);
    publish_close(keeper);
    control_close(keeper);
    scrub_close(keeper);
    for (unsigned i = 0; i < keeper->front_count && keeper->fronts; i++) {
        channel_free(keeper->fronts[i].channel);
        keeper->fronts[i].channel = NULL;
    }
    desk_link_close(keeper);
    keeper->settled = false; /* nothing is begun any more, nothing written */
    for (struct keeper_zone *zone = keeper->zones; zone; zone = zone->next)
        round_forget(zone);
    channel_free(keeper->orders);
    channel_free(keeper->bulk);
    jobs_close(&keeper->jobs);
    snapshot_close(&keeper->view);
    pins_close(&keeper->pins);
    pages_close(&keeper->pages);
    store_close(&keeper->store);
    keeper_zones_free(keeper);
    zone_index_close(keeper);
    free(keeper->fronts);
    *keeper = (struct keeper){.room = NULL};
}
