/* load.c - zone files to versions: the main thread's side. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "round.h"

#include "avow/change/version.h"
#include "load.h"
#include "load_gate.h"
#include "load_task.h"
#include "merge.h"
#include "slice.h"
#include "soa.h"

enum { DELAY_FIRST_MS = 1000, DELAY_MOST_MS = 60000 /* until what is tried again */ };

/* ---- writing ----------------------------------------------------------------------------------
 */

/* The first slice of a new version: reserve its number and say in the zone's row that it is being
 * written, so that a keeper that starts after a crash knows what to remove. */
static enum result begin_version(struct loader *loader, struct change *change)
{
    enum result result = version_new(change, &loader->version);
    if (result)
        return result;
    loader->zone->row.loading = loader->version;
    change_put_zone(change, &loader->zone->row);
    return RESULT_OK;
}

static enum result write_slice(struct loader *loader, const struct buffer *slice)
{
    struct change change;
    enum result result = commit_begin(loader->keeper, &change);

    if (result)
        return result;
    if (!loader->version)
        result = begin_version(loader, &change);
    if (!result)
        result = slice_write(&change, loader->version, slice);
    if (result) {
        change_abandon(&change);
        return result;
    }
    change_take_digest(&change, loader->version, &loader->digest);
    return commit_end(loader->keeper, &change, false, NULL, 0);
}

static void take_slice(struct loader *loader, struct buffer *slice)
{
    if (loader->failed) {
        buffer_free(slice);
        return;
    }
    if (loader->thread.end.mode == LOAD_DIFFERENCE) {
        buffer_free(&loader->difference);
        loader->difference = *slice;
        return;
    }
    loader->failed = write_slice(loader, slice);
    buffer_free(slice);
    if (loader->failed)
        loader_thread_cancel(&loader->thread);
}

/* ---- the end of a load ------------------------------------------------------------------------
 */

static void fill_counts(struct loader *loader, struct zone *row)
{
    const struct load_end *end = &loader->thread.end;
    const struct load_task *task = &loader->thread.task;
    const struct nsec3_parameters *nsec3 = &task->signing.nsec3;

    row->denial_ttl = end->totals.denial_ttl;
    row->flags = task->source ? row->flags & ZONE_EDITED : 0;
    if (task->signing.denial != COMPOSE_UNSIGNED)
        row->flags |= ZONE_SIGNED;
    if (task->signing.denial == COMPOSE_NSEC3)
        row->flags |= ZONE_NSEC3;
    if (task->signing.denial == COMPOSE_NSEC3 && nsec3->flags & NSEC3_FLAG_OPT_OUT)
        row->flags |= ZONE_OPT_OUT;
    row->iterations = nsec3->iterations;
    row->salt_length = nsec3->salt_length;
    memcpy(row->salt, nsec3->salt, nsec3->salt_length);
    row->policy_fingerprint = loader->fingerprint;
    row->names = end->totals.names;
    row->records = end->totals.records;
    row->rrsets = task->signing.denial == COMPOSE_UNSIGNED ? 0 : end->totals.rrsets;
    row->denials = task->signing.denial == COMPOSE_UNSIGNED ? 0 : end->totals.denials;
    row->rrsets_signed = row->denials_signed = 0;
    row->changed_at = loader->keeper->now;
}

static void fill_file(struct loader *loader, struct zone *row)
{
    row->file_size = loader->thread.end.file_size;
    row->file_time = loader->thread.end.file_time;
    row->file_hash = 0;
    row->loaded_at = loader->keeper->now;
    row->loaded_serial = row->serial;
    keeper_zone_said(loader->zone, loader->thread.end.said);
}

static void fill_serial(struct zone *row, uint32_t serial)
{
    row->serial = serial;
    if (!row->highest_serial || serial_is_after(serial, row->highest_serial))
        row->highest_serial = serial;
}

/* Serve the new version; the old one is dropped by and by. */
static void switch_version(struct loader *loader, struct zone *row)
{
    loader->keeper->leftovers |= row->version != 0;
    row->version = loader->version;
    row->loading = 0;
    row->digest = loader->digest;
    row->signed_at = 0;
    /* Nothing leads from what was served to what is: the old version's journal goes with it. */
    row->journal_oldest = row->journal_entries = 0;
    row->journal_octets = 0;
    fill_counts(loader, row);
    fill_serial(row, loader->thread.end.totals.serial);
    if (!loader->thread.task.source)
        fill_file(loader, row);
}

/* A new version is whole in the store: from now on it is served. */
static enum result finish_version(struct loader *loader)
{
    struct keeper_zone *zone = loader->zone;
    struct zone row = zone->row;
    struct change change;
    enum result result = commit_begin(loader->keeper, &change);

    if (result)
        return result;
    switch_version(loader, &row);
    change_put_zone(&change, &row);
    result = commit_end(loader->keeper, &change, true, &zone, 1);
    if (result)
        return result;
    zone->row = row;
    zone_index_version(zone);
    (void)jobs_outdate(&loader->keeper->jobs, zone, 0);
    round_drop_renewed(zone, loader->keeper->transaction);
    schedule_reset(zone);
    return RESULT_OK;
}

static struct round_load describe_end(const struct loader *loader)
{
    const struct load_end *end = &loader->thread.end;

    return (struct round_load){.file_size = end->file_size,
                               .file_time = end->file_time,
                               .added = end->added,
                               .removed = end->removed,
                               .changed = end->changed,
                               .started_ms = loader->started_ms,
                               .said = end->said,
                               .merged = loader->thread.task.merged,
                               .forced = loader->thread.task.forced};
}

/* The file says what is served: only that it was read is noted. */
static enum result finish_same(struct loader *loader)
{
    struct keeper_zone *zone = loader->zone;
    struct zone before = zone->row;

    fill_file(loader, &zone->row);
    if (loader->thread.task.merged)
        zone->row.loaded_serial = before.loaded_serial; /* what updates changed since then stays */
    else
        zone->row.flags &= (uint16_t)~ZONE_EDITED;
    enum result result = commit_zone(zone, false);
    if (result)
        zone->row = before;
    return result;
}

static enum result merge(struct keeper_zone *zone, struct buffer *edits)
{
    struct snapshot *view = &zone->keeper->view;

    if (snapshot_renew(view) != RENEWAL_READY)
        return RESULT_SYSTEM;
    enum result result = merge_edits(view, &zone->row, edits);
    snapshot_rest(view);
    return result;
}

/* A difference becomes a round of the zone, which calls load_ended. `*later`: it will. */
static enum result finish_difference(struct loader *loader, bool *later)
{
    struct keeper_zone *zone = loader->zone;
    struct round_load load = describe_end(loader);
    enum result result = RESULT_OK;

    if (load.merged)
        result = merge(zone, &loader->difference);
    if (result)
        return result;
    if (loader->difference.length == 0 && !serial_is_after(load.said, zone->row.serial))
        return finish_same(loader);
    result = round_begin_load(zone, &loader->difference, &load);
    *later = !result;
    return result;
}

static void log_complaints(const struct load_end *end)
{
    const char *line = (const char *)end->text.octets;

    while (line && *line) {
        const char *next = strchr(line, '\n');
        int length = next ? (int)(next - line) : (int)strlen(line);
        if (end->errors)
            log_error("%.*s", length, line);
        else
            log_warning("%.*s", length, line);
        line = next ? next + 1 : NULL;
    }
}

static double seconds_since(const struct keeper *keeper, uint64_t started_ms)
{
    return (double)(keeper->now_ms - started_ms) / 1000;
}

static void log_version(const struct keeper_zone *zone, uint64_t started_ms)
{
    const struct zone *row = &zone->row;
    char name[NAME_MAX_TEXT];

    log_info("%s loaded: serial %u, %llu names, %llu records in %.2f s; %llu signatures to be made",
             name_to_text(&zone->name, name), row->serial, (unsigned long long)row->names,
             (unsigned long long)row->records, seconds_since(zone->keeper, started_ms),
             (unsigned long long)row->rrsets + row->denials);
}

static void log_difference(const struct keeper_zone *zone, const struct round_load *load)
{
    char name[NAME_MAX_TEXT];

    log_info("%s reloaded: serial %u, names added %llu, removed %llu, changed %llu in %.2f s",
             name_to_text(&zone->name, name), zone->row.serial, (unsigned long long)load->added,
             (unsigned long long)load->removed, (unsigned long long)load->changed,
             seconds_since(zone->keeper, load->started_ms));
}

/* Whether the store has said what was wrong. */
static bool is_of_store(const struct store *store, enum result result)
{
    return *store->problem &&
           (store->writes_off || result == RESULT_FULL || result == RESULT_SYSTEM);
}

static void forget_version(struct keeper_zone *zone)
{
    if (!zone->row.loading)
        return;
    /* What was written is dropped, once the row names it no longer. */
    zone->row.loading = 0;
    if (!commit_zone(zone, false))
        zone->keeper->leftovers = true;
}

/* How a load has ended. */
struct load_outcome {
    enum result result;
    uint32_t errors; /* in the file */
    bool merged;     /* or meant to be */
    bool forced;
    bool of_store;              /* what was loaded is what was served */
    const struct load_end *end; /* of a load that did not become a round */
};

static void say_failure(struct keeper_zone *zone, const struct load_outcome *outcome)
{
    enum result result = outcome->result;
    uint32_t errors = outcome->errors;
    const struct store *store = &zone->keeper->store;

    if (outcome->of_store) {
        keeper_zone_trouble(zone, "it could not be signed otherwise: %s; it is tried again",
                            is_of_store(store, result) ? store->problem : result_sentence(result));
    } else if (outcome->end && outcome->end->hold) {
        hold_set(zone, outcome->end->hold, outcome->end, outcome->end->hold_text);
        hold_say(zone);
    } else if (result == RESULT_TOKEN)
        keeper_zone_unloaded(zone,
                             "not loaded: what has changed could not be signed in time; it is "
                             "tried again");
    else if (errors)
        keeper_zone_unloaded(zone, "%s has %u error%s%s", zone->config->file, errors,
                             errors == 1 ? "" : "s",
                             keeper_zone_is_served(zone) ? "; the zone is served as it was" : "");
    else if (outcome->merged && (result == RESULT_REFUSED || result == RESULT_FULL))
        keeper_zone_unloaded(zone,
                             "its file cannot be merged with what updates have changed: %s; "
                             "zone reload --force drops their changes",
                             result == RESULT_FULL ? "too much differs"
                                                   : "the journal does not reach back to the load");
    else
        keeper_zone_unloaded(zone, "it could not be loaded: %s",
                             is_of_store(store, result) ? store->problem : result_sentence(result));
}

/* What is tried again by itself waits, longer each time. */
static void put_off(struct keeper_zone *zone)
{
    zone->load_delay_ms = zone->load_delay_ms ? zone->load_delay_ms * 2 : DELAY_FIRST_MS;
    if (zone->load_delay_ms > DELAY_MOST_MS)
        zone->load_delay_ms = DELAY_MOST_MS;
    zone->load_after_ms = zone->keeper->now_ms + zone->load_delay_ms;
}

/* A new version of what is stored leaves the file as it was before: not loaded, or held. */
static void end_well(struct keeper_zone *zone, const struct load_outcome *outcome)
{
    if (!outcome->of_store)
        keeper_zone_loaded(zone);
    zone->phase = *zone->load_problem ? PHASE_FAILED : PHASE_IDLE;
    zone->whole = false;
    metric_add(zone->keeper->metrics, METRIC_LOADS, 1);
    keeper_zone_fine(zone, true);
}

/* A load has ended, whatever it was. */
static void end_load(struct keeper_zone *zone, const struct load_outcome *outcome)
{
    zone->load_later = outcome->result == RESULT_TOKEN;
    zone->forced |= zone->load_later && outcome->forced;
    if (zone->load_later || (outcome->result && zone->whole)) {
        put_off(zone);
    } else {
        zone->load_delay_ms = 0;
        zone->load_after_ms = 0;
    }
    if (outcome->result && outcome->of_store && load_is_of_store(zone))
        zone->load_wanted = false; /* it would be of the same again, and the file not be read */
    if (outcome->result || !zone->config) {
        if (!outcome->end || !outcome->end->hold)
            metric_add(zone->keeper->metrics, METRIC_LOADS_FAILED, 1);
        zone->phase = PHASE_FAILED;
        forget_version(zone);
        if (zone->config)
            say_failure(zone, outcome);
    } else {
        end_well(zone, outcome);
    }
    keeper_zone_advance(zone);
    control_zone_event(zone);
}

void load_ended(struct keeper_zone *zone, const struct round_load *load, enum result result)
{
    if (!result) {
        log_difference(zone, load);
        keeper_zone_said(zone, load->said);
    }
    end_load(zone, &(struct load_outcome){
                       .result = result, .merged = load->merged, .forced = load->forced});
}

static void start_next(struct loader *loader);

/* The loader is free for the next zone. */
static void clean_up(struct loader *loader)
{
    loader->zone->hook_runs = false;
    loader->hook_ended = false;
    loader->zone = NULL;
    loader->version = 0;
    loader->digest = (struct version_digest){.low = 0};
    loader->failed = RESULT_OK;
    buffer_free(&loader->difference);
    buffer_free(&loader->thread.end.text);
    load_task_free(&loader->thread.task);
}

/* What was made of a version that is in doubt by now is no better. */
static bool is_of_doubt(const struct loader *loader)
{
    return loader->zone->row.flags & ZONE_DOUBTFUL &&
           (loader->thread.task.source || loader->thread.end.mode == LOAD_DIFFERENCE);
}

static void finish(struct loader *loader)
{
    struct keeper_zone *zone = loader->zone;
    const struct load_end *end = &loader->thread.end;
    bool later = false;

    loader_thread_join(&loader->thread);
    enum result result = loader->failed ? loader->failed : end->result;
    if (!result && is_of_doubt(loader))
        result = RESULT_CORRUPT;
    log_complaints(end);
    if (end->text.octets)
        control_zone_complaint(zone, (const char *)end->text.octets);
    if (!result && zone->config && end->mode == LOAD_DIFFERENCE)
        result = finish_difference(loader, &later);
    else if (!result && zone->config)
        result = finish_version(loader);
    struct load_outcome outcome = {.result = result,
                                   .errors = end->errors,
                                   .merged = loader->thread.task.merged,
                                   .forced = loader->thread.task.forced,
                                   .of_store = loader->thread.task.source != 0,
                                   .end = end};
    if (!result && zone->config && !later && end->mode == LOAD_NEW)
        log_version(zone, loader->started_ms);
    clean_up(loader);
    if (!later)
        end_load(zone, &outcome);
    if (!later && !result && !(zone->row.flags & ZONE_SIGNED))
        keeper_zone_changed(zone);
    start_next(loader);
}

/* ---- the queue --------------------------------------------------------------------------------
 */

/* A load that cannot even begin. */
static void refuse(struct keeper_zone *zone, const char *text)
{
    zone->phase = PHASE_FAILED;
    zone->load_wanted = zone->forced = zone->mends = false;
    if (text)
        keeper_zone_unloaded(zone, "%s", text);
    else
        hold_say(zone);
    control_zone_event(zone);
}

/* What is wanted stays so: keeper_zone_advance comes by again. But not a pass through what asks,
 * which was meant for what was stored, or was the file, then. */
static void wait_for_room(struct keeper_zone *zone)
{
    zone->phase = PHASE_FAILED;
    zone->forced = false;
    zone->mends = zone->mends && !loader_file_changed(zone);
    if (load_is_of_store(zone))
        keeper_zone_trouble(zone, "not signed otherwise: %s; it is tried again when there is room",
                            watermark_shortage(&zone->keeper->watermark));
    else
        keeper_zone_unloaded(zone, "not loaded: %s; it is tried again when there is room",
                             watermark_shortage(&zone->keeper->watermark));
    control_zone_event(zone);
}

/* Whether a load must not begin because it would drop what updates have changed. */
static bool asks(struct keeper_zone *zone)
{
    if (!zone->load_wanted || zone->whole || !load_must_ask(zone))
        return false;
    hold_set(zone, HOLD_EDITED, NULL, hold_edited_text(zone));
    refuse(zone, NULL);
    return true;
}

/* It may be tried again by itself, later. */
static void refuse_start(struct keeper_zone *zone, enum result result)
{
    put_off(zone);
    if (result == RESULT_CORRUPT)
        refuse(zone, "not loaded: what is stored is in doubt, and updates have changed the zone "
                     "since its file was loaded; zone reload --force drops their changes");
    else
        refuse(zone, "it could not be loaded: there is no memory, or no thread");
}

static void start(struct loader *loader, struct keeper_zone *zone)
{
    loader->zone = zone;
    loader->started_ms = loader->keeper->now_ms;
    loader->fingerprint = loader_fingerprint(zone);
    zone->phase = PHASE_LOADING;
    loader->thread.loop = loader->keeper->loop;
    loader->thread.wake = &loader->wake;
    enum result result = load_describe(zone, &loader->thread.task);
    if (!result && !loader->thread.task.source) {
        zone->load_wanted = zone->forced = zone->mends = false;
        hold_clear(zone);
    }
    if (!result)
        result = loader_thread_start(&loader->thread);
    if (!result)
        return;
    load_task_free(&loader->thread.task);
    loader->zone = NULL;
    refuse_start(zone, result);
}

static void start_next(struct loader *loader)
{
    for (struct keeper_zone *zone = loader->keeper->zones; zone && !loader->zone;
         zone = zone->next) {
        if (zone->phase != PHASE_QUEUED || zone->round || zone->write.step)
            continue;
        if (!zone->config)
            zone->phase = PHASE_IDLE; /* it is going */
        else if (!asks(zone))         /* updates may have come while it waited */
            start(loader, zone);
    }
}

static void woken(struct ev_loop *loop, ev_async *watcher, int events)
{
    struct loader *loader = watcher->data;
    struct buffer slice;
    bool ended;
    int descriptor;

    (void)loop, (void)events;
    if (!loader->zone)
        return;
    if (load_gate_asks(&loader->thread, &descriptor))
        load_hook_ask(loader, descriptor);
    enum found found = loader_thread_take(&loader->thread, &slice, &ended);
    if (found == FOUND_YES)
        take_slice(loader, &slice);
    if (ended)
        finish(loader);
    else if (found == FOUND_YES)
        ev_async_send(loader->keeper->loop, &loader->wake); /* others have a turn in between */
}

void loader_go_on(struct keeper *keeper)
{
    if (!keeper->loader)
        return;
    if (keeper->loader->zone)
        load_hook_go_on(keeper->loader);
    else
        start_next(keeper->loader);
}

bool loader_waits_for(const struct keeper_zone *zone)
{
    return zone->phase == PHASE_QUEUED && !zone->keeper->loader->zone;
}

void loader_queue(struct keeper_zone *zone)
{
    struct loader *loader = zone->keeper->loader;

    if (zone->phase == PHASE_QUEUED || zone->phase == PHASE_LOADING)
        return;
    zone->lacks_room = zone->keeper->watermark.level != WATERMARK_NORMAL;
    if (zone->lacks_room) {
        wait_for_room(zone);
        return;
    }
    if (asks(zone))
        return;
    zone->phase = PHASE_QUEUED;
    start_next(loader);
}

enum result loader_open(struct keeper *keeper)
{
    struct loader *loader = calloc(1, sizeof *loader);

    if (!loader)
        return RESULT_SYSTEM;
    loader->keeper = keeper;
    keeper->loader = loader;
    ev_async_init(&loader->wake, woken);
    loader->wake.data = loader;
    ev_async_start(keeper->loop, &loader->wake);
    return RESULT_OK;
}

void loader_close(struct keeper *keeper)
{
    struct loader *loader = keeper->loader;

    if (!loader)
        return;
    if (loader->thread.running) {
        loader_thread_cancel(&loader->thread);
        loader_thread_join(&loader->thread);
    }
    ev_async_stop(keeper->loop, &loader->wake);
    buffer_free(&loader->difference);
    buffer_free(&loader->thread.end.text);
    load_task_free(&loader->thread.task);
    free(loader);
    keeper->loader = NULL;
}
