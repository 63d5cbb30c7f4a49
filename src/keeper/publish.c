/* publish.c - ZONEMD records that are published: when, and by which thread. */
#include "publish.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "avow/base/clock.h"
#include "avow/base/log.h"
#include "avow/dnssec/zonemd.h"
#include "avow/store/lookup.h"
#include "avow/wire/type.h"
#include "zone_digest.h"

enum {
    QUIET_MS = 2000,  /* without a change */
    COST_SHARE = 20,  /* a digest that took so long is not made again before so many times that */
    FAILED_MS = 30000 /* nor so soon after one that failed */
};

/* One at a time. */
struct digest_thread {
    struct keeper *keeper;
    struct round *round; /* whose digest it makes; NULL: idle */
    pthread_t thread;
    const struct store *store;
    struct zone_digest task;
    uint8_t hash[DIGEST_MAX_OCTETS];
    enum result result;
    uint64_t took_ms;
    atomic_bool cancelled, ended;
    ev_async wake;
};

static enum digest chosen(const struct keeper_zone *zone)
{
    return zone->config->publish_zonemd == CONFIG_DIGEST_SHA512 ? DIGEST_SHA512 : DIGEST_SHA384;
}

/* ---- the thread -------------------------------------------------------------------------------
 */

static void *run(void *context)
{
    struct digest_thread *digest = context;
    uint64_t begun = clock_monotonic_ms();
    struct snapshot snapshot;

    digest->result = snapshot_open(&snapshot, digest->store, NULL, 0);
    if (!digest->result) {
        digest->task.snapshot = &snapshot;
        digest->result = snapshot_renew(&snapshot) == RENEWAL_READY
                             ? zone_digest_make(&digest->task, digest->hash)
                             : RESULT_SYSTEM;
        snapshot_rest(&snapshot);
        snapshot_close(&snapshot);
    }
    digest->took_ms = clock_monotonic_ms() - begun;
    atomic_store(&digest->ended, true);
    ev_async_send(digest->keeper->loop, &digest->wake);
    return NULL;
}

/* It ends soon, or has ended. */
static void join(struct digest_thread *digest)
{
    (void)pthread_join(digest->thread, NULL);
    digest->round = NULL;
}

static void wait_after(struct digest_thread *digest, struct keeper_zone *zone, uint64_t least_ms)
{
    uint64_t wait = digest->took_ms * COST_SHARE;

    zone->digest.not_before_ms = digest->keeper->now_ms + (wait > least_ms ? wait : least_ms);
}

static void woken(struct ev_loop *loop, ev_async *watcher, int events)
{
    struct digest_thread *digest = watcher->data;
    struct round *round = digest->round;
    uint8_t rdata[ZONEMD_MAX_OCTETS];
    struct writer writer = writer_over(rdata, sizeof rdata);

    (void)loop, (void)events;
    if (!round || !atomic_load(&digest->ended))
        return;
    struct keeper_zone *zone = round->stage.zone;
    join(digest);
    if (digest->result) {
        wait_after(digest, zone, FAILED_MS);
        round_fail(zone, round, digest->result, round_why(digest->result));
        return;
    }
    wait_after(digest, zone, 0);
    zonemd_write(&writer,
                 &(struct zonemd){.serial = round->serial,
                                  .scheme = ZONEMD_SIMPLE,
                                  .algorithm = digest->task.digest == DIGEST_SHA512 ? ZONEMD_SHA512
                                                                                    : ZONEMD_SHA384,
                                  .digest = digest->hash,
                                  .length = digest_octets(digest->task.digest)});
    round_take_digest(round, rdata, writer.length);
}

void publish_make(struct round *round)
{
    struct keeper_zone *zone = round->stage.zone;
    struct digest_thread *digest = zone->keeper->digest;

    if (digest->round)
        return; /* another zone's; it is asked for again */
    digest->store = &zone->keeper->store;
    digest->task = (struct zone_digest){.version = zone->row.version,
                                        .apex = &zone->name,
                                        .stage = &round->stage,
                                        .digest = chosen(zone),
                                        .cancelled = &digest->cancelled};
    atomic_store(&digest->cancelled, false);
    atomic_store(&digest->ended, false);
    if (pthread_create(&digest->thread, NULL, run, digest))
        return; /* at the next turn */
    digest->round = round;
    round->digest = ROUND_DIGEST_RUNS;
}

void publish_abandon(struct round *round)
{
    struct digest_thread *digest = round->stage.zone ? round->stage.zone->keeper->digest : NULL;

    if (!digest || digest->round != round)
        return;
    atomic_store(&digest->cancelled, true);
    join(digest);
}

/* ---- when -------------------------------------------------------------------------------------
 */

void publish_stored(struct keeper_zone *zone)
{
    char name[NAME_MAX_TEXT];

    zone->digest.done = true;
    zone->digest.serial = zone->row.serial;
    zone->digest.hash = zone->config->publish_zonemd;
    log_info("%s has a ZONEMD: serial %u, digest made in %.2f s", name_to_text(&zone->name, name),
             zone->row.serial, (double)zone->keeper->digest->took_ms / 1000);
    metric_add(zone->keeper->metrics, METRIC_DIGESTS, 1);
}

/* Another keeper may have published what is served. */
static void look(struct keeper_zone *zone)
{
    struct snapshot *view = &zone->keeper->view;
    struct node_view node;
    struct rrset_view rrset;
    struct zonemd zonemd;

    if (snapshot_renew(view) != RENEWAL_READY)
        return;
    zone->digest.looked = true;
    if (lookup_node(view, zone->row.version, &zone->name, &node) == RECORD_THERE &&
        node_find(&node, TYPE_ZONEMD, &rrset) == RECORD_THERE && rrset.rdata.count == 1 &&
        !zonemd_read(rrset.rdata.octets + 2, rrset.rdata.length - 2, &zonemd) &&
        zonemd.serial == zone->row.serial) {
        zone->digest.done = true;
        zone->digest.serial = zonemd.serial;
        zone->digest.hash =
            zonemd.algorithm == ZONEMD_SHA512 ? CONFIG_DIGEST_SHA512 : CONFIG_DIGEST_SHA384;
    }
    snapshot_rest(view);
}

/* Since when nothing has changed. */
static bool is_quiet(struct keeper_zone *zone)
{
    struct keeper *keeper = zone->keeper;

    if (zone->digest.seen != zone->row.serial || round_is_wanted(zone)) {
        zone->digest.seen = zone->row.serial;
        zone->digest.since_ms = keeper->now_ms;
    }
    return keeper->now_ms - zone->digest.since_ms >= QUIET_MS;
}

static bool is_done(const struct keeper_zone *zone)
{
    return zone->digest.done && zone->digest.serial == zone->row.serial &&
           zone->digest.hash == zone->config->publish_zonemd;
}

static bool is_due(struct keeper_zone *zone)
{
    if (!zone->config || zone->config->publish_zonemd == CONFIG_DIGEST_OFF || !zone->row.version)
        return false;
    if (!zone->digest.looked)
        look(zone);
    return !is_done(zone) && is_quiet(zone) && keeper_zone_is_whole(zone) && !zone->whole &&
           zone->phase != PHASE_LOADING && zone->phase != PHASE_QUEUED && !zone->write.step &&
           zone->keeper->now_ms >= zone->digest.not_before_ms &&
           (!keeper_zone_signs(zone) || keyring_at_hand(zone));
}

void publish_turn(struct keeper *keeper)
{
    if (!commit_is_possible(keeper) || keeper->watermark.level == WATERMARK_NO_UPDATES)
        return;
    for (struct keeper_zone *zone = keeper->zones; zone; zone = zone->next) {
        if (!is_due(zone))
            continue;
        zone->digest.not_before_ms = keeper->now_ms + FAILED_MS; /* unless it goes well */
        round_begin_digest(zone, chosen(zone));
        if (zone->round && zone->round->digest)
            return; /* one at a time */
    }
}

/* ---- beginning and end ------------------------------------------------------------------------
 */

enum result publish_open(struct keeper *keeper)
{
    struct digest_thread *digest = calloc(1, sizeof *digest);

    if (!digest)
        return RESULT_SYSTEM;
    digest->keeper = keeper;
    keeper->digest = digest;
    ev_async_init(&digest->wake, woken);
    digest->wake.data = digest;
    ev_async_start(keeper->loop, &digest->wake);
    return RESULT_OK;
}

void publish_close(struct keeper *keeper)
{
    struct digest_thread *digest = keeper->digest;

    if (!digest)
        return;
    if (digest->round)
        publish_abandon(digest->round);
    ev_async_stop(keeper->loop, &digest->wake);
    free(digest);
    keeper->digest = NULL;
}
