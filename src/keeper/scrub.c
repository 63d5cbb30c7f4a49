/* scrub.c - a pass over the whole store: when, how fast, and what comes next. */
#include "scrub.h"

#include <stdlib.h>

#include "avow/base/clock.h"
#include "avow/store/meta.h"
#include "scrub_zone.h"

enum {
    SLICE_NS = 1000000, /* of work at a time: what a change waits for at most, and a record more */
    SHARE_USUAL = 20,   /* one part in so many of a processor */
    SHARE_HURRIED = 3,  /* when asked for, or late */
    RECORDS_AT_ONCE = 64,       /* between two looks at the clock */
    VERIFIED_AT_ONCE = 2,       /* the same, when signatures are verified */
    JOBS_BUSY = JOBS_LIMIT / 2, /* signatures under way: what is to be made anew must wait */
    WAIT_MS = 250,
    AGAIN_SECONDS = 3600 /* until the pass that follows one that could not mend everything */
};

/* What stands for the tables that belong to no version. */
#define ROWS UINT32_MAX

/* ---- what comes next --------------------------------------------------------------------------
 */

/* The zone behind the one at which the pass was, which may be gone by now. */
static struct keeper_zone *zone_behind(const struct keeper *keeper, const struct name *name)
{
    struct keeper_zone *zone = keeper_zone_find(keeper, name);

    if (zone)
        return zone->next;
    for (zone = keeper->zones; zone && name_compare(&zone->name, name) <= 0;)
        zone = zone->next;
    return zone;
}

static void begin_rows(struct scrub *scrub)
{
    scrub->rows = true;
    scrub->found = (struct store_check){.octets = 0};
    scrub->lines = 0;
    store_scan_begin(&scrub->keeper->scan, TABLE_ZONES, 0);
}

static void remember(struct scrub *scrub, uint64_t at)
{
    struct change change;

    if (commit_begin(scrub->keeper, &change))
        return; /* a keeper that starts will do it once more */
    change_put_scrubbed(&change, at);
    if (commit_end(scrub->keeper, &change, false, NULL, 0))
        log_debug("when the store was looked through could not be stored");
}

static void plan(struct scrub *scrub, uint64_t since)
{
    uint32_t period = scrub->keeper->config->server.scrub;

    scrub->due = since + period;
    if (scrub->last.left && period > AGAIN_SECONDS)
        scrub->due = since + AGAIN_SECONDS;
}

/* The store was an old one, and each zone's row now says what comes of that: from here on it is
 * what it should be, for who opens it next, too. */
static void settle_old(struct scrub *scrub)
{
    struct keeper *keeper = scrub->keeper;
    struct change change;

    if (!keeper->store.rolled_back || scrub->undecided || commit_begin(keeper, &change))
        return; /* the next pass tries again */
    keeper->store.rolled_back = false;
    change.touched = true; /* its number is all that it has */
    keeper->store.rolled_back = commit_end(keeper, &change, false, NULL, 0) != RESULT_OK;
    if (!keeper->store.rolled_back)
        keeper->old_versions = 0;
}

/* Every zone was judged: what is in doubt is known to be, and the rest may be answered for. */
static void reveal(struct scrub *scrub)
{
    struct keeper *keeper = scrub->keeper;

    if (keeper->pins.revealed || scrub->undecided)
        return;
    pins_reveal(&keeper->pins);
    log_info("answers begin: all zones were looked through in %.1f s",
             (double)(keeper->now_ms - scrub->begun_ms) / 1000);
}

static uint64_t count_doubtful(const struct keeper *keeper)
{
    uint64_t count = 0;

    for (const struct keeper_zone *zone = keeper->zones; zone; zone = zone->next)
        count += (zone->row.flags & ZONE_DOUBTFUL) != 0;
    return count;
}

static void end_pass(struct scrub *scrub)
{
    struct keeper *keeper = scrub->keeper;
    bool whole = scrub->pass == SCRUB_SIGNATURES;

    settle_old(scrub);
    metric_set(keeper->metrics, METRIC_ZONES_DOUBTFUL, count_doubtful(keeper));
    scrub->now.ended = keeper->now;
    scrub->last = scrub->now;
    scrub->pass = scrub->now.pass = SCRUB_REST;
    scrub->asked = false;
    scrub->started = keeper->pins.revealed; /* else once more, until all is judged */
    store_scan_begin(&keeper->scan, TABLE_NODES, 0);
    metric_add(keeper->metrics, METRIC_SCRUBS, 1);
    log_info("the store was looked through: %llu records, %llu damaged; %llu signatures, %llu bad; "
             "%llu zones in doubt",
             (unsigned long long)scrub->last.records, (unsigned long long)scrub->last.damaged,
             (unsigned long long)scrub->last.signatures,
             (unsigned long long)scrub->last.bad_signatures,
             (unsigned long long)scrub->last.doubtful);
    if (whole) {
        remember(scrub, keeper->now);
        plan(scrub, keeper->now);
    }
    scrub_report(keeper);
}

static void begin_next(struct scrub *scrub, struct keeper_zone *zone)
{
    while (zone && (!zone->row.version || !zone->config || zone->row.version == scrub->deadly))
        zone = zone->next;
    if (zone) {
        scrub_zone_begin(scrub, zone);
        return;
    }
    reveal(scrub);
    if (scrub->deadly != ROWS)
        begin_rows(scrub);
    else
        end_pass(scrub);
}

/* ---- a slice ----------------------------------------------------------------------------------
 */

static enum found_record scan_rows(struct scrub *scrub)
{
    struct keeper *keeper = scrub->keeper;
    struct store_scan *scan = &keeper->scan;
    struct check_task task = scrub_task(scrub);
    enum found_record found = store_scan_part(&task, scan, RECORDS_AT_ONCE);

    if (found == RECORD_THERE || scan->table + 1 == STORE_TABLES)
        return found == RECORD_THERE ? found : RECORD_ABSENT;
    store_scan_table(scan, scan->table + 1);
    return found == RECORD_CORRUPT ? found : RECORD_THERE;
}

/* RECORD_ABSENT: the zone, or the rows, are done; RECORD_CORRUPT: with another snapshot. */
static enum found_record step(struct scrub *scrub)
{
    if (scrub->rows)
        return scan_rows(scrub);
    return scrub_zone_step(scrub,
                           scrub->pass == SCRUB_SIGNATURES ? VERIFIED_AT_ONCE : RECORDS_AT_ONCE);
}

static void move_on(struct scrub *scrub)
{
    if (scrub->rows) {
        scrub_acquit(scrub->keeper, ROWS);
        scrub_rows_end(scrub);
        end_pass(scrub);
        return;
    }
    struct keeper_zone *next = zone_behind(scrub->keeper, &scrub->zone);
    scrub_zone_end(scrub);
    begin_next(scrub, next);
}

static bool is_late(const struct scrub *scrub)
{
    uint64_t half = (uint64_t)scrub->keeper->config->server.scrub * 500;

    return half && scrub->keeper->now_ms - scrub->begun_ms > half;
}

static double pause_after(const struct scrub *scrub, uint64_t spent_ns)
{
    unsigned share = !scrub->keeper->pins.revealed    ? 1
                     : scrub->asked || is_late(scrub) ? SHARE_HURRIED
                                                      : SHARE_USUAL;

    return (double)(spent_ns * (share - 1)) / 1e9;
}

static void rest_until(struct scrub *scrub, double seconds)
{
    ev_timer_stop(scrub->keeper->loop, &scrub->pace);
    ev_timer_set(&scrub->pace, seconds, 0);
    ev_timer_start(scrub->keeper->loop, &scrub->pace);
}

static void slice(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct scrub *scrub = watcher->data;
    struct keeper *keeper = scrub->keeper;
    enum found_record found = RECORD_THERE;

    (void)loop, (void)events;
    if (scrub->pass == SCRUB_REST)
        return; /* there was nothing to be looked at */
    keeper->now_ms = clock_monotonic_ms();
    keeper->now = clock_wall_seconds();
    /* A store that is to be opened anew must be left alone, or that would be put off for ever. */
    bool busy = scrub->pass == SCRUB_SIGNATURES && keeper->jobs.in_use > JOBS_BUSY;
    if (keeper->store.writes_off || busy || commit_look(keeper)) {
        rest_until(scrub, WAIT_MS / 1e3);
        return;
    }
    uint64_t begun = clock_monotonic_ns();
    metric_set(keeper->metrics, METRIC_SCRUB_VERSION, scrub->rows ? ROWS : keeper->scan.version);
    while (found == RECORD_THERE && clock_monotonic_ns() - begun < SLICE_NS)
        found = step(scrub);
    metric_set(keeper->metrics, METRIC_SCRUB_VERSION, 0);
    snapshot_rest(&keeper->view);
    if (found == RECORD_ABSENT)
        move_on(scrub);
    if (scrub->pass != SCRUB_REST)
        rest_until(scrub, pause_after(scrub, clock_monotonic_ns() - begun));
}

/* ---- when -------------------------------------------------------------------------------------
 */

static void begin_pass(struct scrub *scrub, enum scrub_pass pass)
{
    struct keeper *keeper = scrub->keeper;

    scrub->pass = pass;
    scrub->rows = scrub->undecided = false;
    scrub->begun_ms = keeper->now_ms;
    scrub->now = (struct scrub_facts){.pass = pass, .begun = keeper->now};
    zone_signatures_close(&scrub->signatures);
    begin_next(scrub, keeper->zones);
    rest_until(scrub, 0);
}

void scrub_ask(struct keeper *keeper)
{
    struct scrub *scrub = keeper->scrub;

    if (scrub->pass != SCRUB_SIGNATURES)
        begin_pass(scrub, SCRUB_SIGNATURES);
    scrub->asked = true;
}

/* A store that was never looked through is new: its turn comes when the time has passed. */
static void find_due(struct scrub *scrub)
{
    struct keeper *keeper = scrub->keeper;

    if (commit_look(keeper))
        return;
    uint64_t last = scrubbed_at(&keeper->view);
    snapshot_rest(&keeper->view);
    if (!last || last > keeper->now) {
        last = keeper->now;
        remember(scrub, last);
    }
    plan(scrub, last);
}

/*
 * The pass of the start. There are pages that LMDB does not survive: a keeper that died while it
 * looked at a zone may have met one, and one that did so at the same zone again surely has.
 */
static void begin_first(struct scrub *scrub)
{
    struct keeper *keeper = scrub->keeper;
    uint64_t died_at = metric_get(keeper->metrics, METRIC_SCRUB_VERSION);

    scrub->started = true;
    metric_set(keeper->metrics, METRIC_SCRUB_VERSION, 0);
    if (died_at && died_at == metric_get(keeper->metrics, METRIC_SCRUB_SUSPECT)) {
        scrub->deadly = (uint32_t)died_at;
        scrub_condemn(scrub);
    }
    if (died_at)
        metric_set(keeper->metrics, METRIC_SCRUB_SUSPECT, died_at);
    begin_pass(scrub, SCRUB_RECORDS);
}

void scrub_tick(struct keeper *keeper)
{
    struct scrub *scrub = keeper->scrub;

    if (!scrub || !keeper->settled || keeper->store.writes_off || scrub->pass != SCRUB_REST)
        return;
    if (!scrub->started) {
        begin_first(scrub);
        return;
    }
    if (keeper->config->server.scrub == 0) {
        scrub->due = 0; /* it may be switched on again */
        return;
    }
    if (!scrub->due)
        find_due(scrub);
    else if (keeper->now >= scrub->due)
        begin_pass(scrub, SCRUB_SIGNATURES);
}

void scrub_look(struct keeper *keeper)
{
    if (snapshot_renew(&keeper->view) != RENEWAL_READY)
        return;
    keeper->store.rolled_back = !store_is_of_its_commit(&keeper->view);
    if (keeper->store.rolled_back &&
        meta_last_version(&keeper->view, &keeper->old_versions) != RECORD_THERE)
        keeper->old_versions = UINT32_MAX;
    snapshot_rest(&keeper->view);
    if (keeper->store.rolled_back)
        log_error("the store is older than its last commit: what it holds is in doubt");
}

bool scrub_is_clean(const struct scrub_facts *facts)
{
    return facts->damaged == facts->mended && facts->doubtful == 0 && facts->left == 0;
}

/* ---- start and end ----------------------------------------------------------------------------
 */

enum result scrub_open(struct keeper *keeper)
{
    struct scrub *scrub = calloc(1, sizeof *scrub);

    if (!scrub)
        return RESULT_SYSTEM;
    scrub->keeper = keeper;
    ev_timer_init(&scrub->pace, slice, 0, 0);
    scrub->pace.data = scrub;
    keeper->scrub = scrub;
    return RESULT_OK;
}

void scrub_close(struct keeper *keeper)
{
    struct scrub *scrub = keeper->scrub;

    if (!scrub)
        return;
    ev_timer_stop(keeper->loop, &scrub->pace);
    zone_signatures_close(&scrub->signatures);
    store_scan_free(&keeper->scan);
    free(scrub);
    keeper->scrub = NULL;
}
