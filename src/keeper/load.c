/* load.c - zone files to versions: the main thread's side. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "round.h"

#include "avow/base/random.h"
#include "avow/change/version.h"
#include "avow/wire/type.h"
#include "loader.h"
#include "merge.h"
#include "slice.h"
#include "soa.h"

enum { DELAY_FIRST_MS = 1000, DELAY_MOST_MS = 60000 /* until a load that could not be signed */ };

struct loader {
    struct keeper *keeper;
    struct loader_thread thread;
    struct keeper_zone *zone; /* whose file is being loaded; NULL: idle */
    uint32_t version;         /* that is being written; 0: none yet */
    struct buffer difference; /* edits, for a round */
    enum result failed;       /* to write */
    uint64_t started_ms;
    uint64_t fingerprint; /* of what it is composed for: the policy may change meanwhile */
    ev_async wake;
};

/* ---- what to load -----------------------------------------------------------------------------
 */

bool loader_file_changed(const struct keeper_zone *zone)
{
    struct stat status;

    if (!zone->config || stat(zone->config->file, &status))
        return true; /* loading it will say what is wrong */
    uint64_t time = (uint64_t)status.st_mtim.tv_sec * 1000000000 + (uint64_t)status.st_mtim.tv_nsec;
    return (uint64_t)status.st_size != zone->row.file_size || time != zone->row.file_time;
}

uint64_t loader_fingerprint(const struct keeper_zone *zone)
{
    const struct config_policy *policy = zone->config->policy;
    struct hash_key key;
    uint8_t seed[HASH_SEED_OCTETS] = {1}; /* the same for ever: it is compared over restarts */
    char text[256];

    if (!policy)
        return 0;
    hash_key_from_seed(&key, seed);
    int length =
        snprintf(text, sizeof text, "%d %u %u %d %u", policy->denial, policy->nsec3_iterations,
                 policy->nsec3_salt_length, policy->nsec3_opt_out, policy->dnskey_ttl);
    uint64_t hash = hash_octets(&key, text, length > 0 ? (size_t)length : 0);
    for (unsigned i = 0; i < zone->key_count; i++)
        hash ^= hash_octets(&key, zone->keys[i].row.dnskey, zone->keys[i].row.dnskey_length);
    return hash | 1; /* never that of an unsigned zone */
}

/* The salt stays from version to version: another one would be another chain. */
static enum result choose_salt(const struct keeper_zone *zone, struct nsec3_parameters *nsec3)
{
    nsec3->salt_length = zone->config->policy->nsec3_salt_length;
    if (zone->row.version && zone->row.salt_length == nsec3->salt_length) {
        memcpy(nsec3->salt, zone->row.salt, nsec3->salt_length);
        return RESULT_OK;
    }
    return random_fill(nsec3->salt, nsec3->salt_length);
}

static enum result describe_signing(const struct keeper_zone *zone, struct load_task *task)
{
    const struct config_policy *policy = zone->config->policy;
    struct compose_signing *signing = &task->signing;

    if (!policy)
        return RESULT_OK;
    signing->denial = policy->denial == CONFIG_DENIAL_NSEC3 ? COMPOSE_NSEC3 : COMPOSE_NSEC;
    signing->nsec3.algorithm = NSEC3_SHA1;
    signing->nsec3.iterations = policy->nsec3_iterations;
    signing->nsec3.flags = policy->nsec3_opt_out ? NSEC3_FLAG_OPT_OUT : 0;
    signing->zone_room = keyring_room(zone, TYPE_SOA);
    signing->key_room = keyring_room(zone, TYPE_DNSKEY);
    signing->dnskey_ttl = policy->dnskey_ttl;
    enum result result = keyring_publish(zone, &task->dnskeys, &signing->dnskeys.count);
    signing->dnskeys.octets = task->dnskeys.octets;
    signing->dnskeys.length = (uint32_t)task->dnskeys.length;
    return result ? result : choose_salt(zone, &signing->nsec3);
}

static void task_free(struct load_task *task)
{
    free(task->file);
    buffer_free(&task->dnskeys);
    *task = (struct load_task){.file = NULL};
}

/* Whether what updates have changed here would be lost with the file. */
static bool holds_edits(const struct keeper_zone *zone)
{
    return zone->row.version && zone->row.flags & ZONE_EDITED && !zone->forced;
}

static bool must_ask(const struct keeper_zone *zone)
{
    return holds_edits(zone) && zone->config->reload == CONFIG_RELOAD_ASK;
}

static bool is_merged(const struct keeper_zone *zone)
{
    return holds_edits(zone) && zone->config->reload == CONFIG_RELOAD_MERGE;
}

static enum result describe_task(struct keeper_zone *zone, struct load_task *task)
{
    *task = (struct load_task){.file = strdup(zone->config->file),
                               .store = &zone->keeper->store,
                               .served_serial = zone->row.serial,
                               .has_serial = zone->row.version != 0,
                               .any_difference = is_merged(zone)};
    name_copy(&task->zone, &zone->name);
    if (zone->whole && zone->row.version && (!zone->load_wanted || holds_edits(zone)))
        task->source = zone->row.version;
    else if (zone->row.version && !zone->whole &&
             zone->row.policy_fingerprint == loader_fingerprint(zone))
        task->served = zone->row.version;
    if (!task->file)
        return RESULT_SYSTEM;
    return describe_signing(zone, task);
}

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
    row->loaded_at = loader->keeper->now;
    row->loaded_serial = row->serial;
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
    (void)jobs_outdate(&loader->keeper->jobs, zone, 0);
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
                               .merged = is_merged(loader->zone)};
}

/* The file says what is served: only that it was read is noted. */
static enum result finish_same(struct loader *loader)
{
    struct keeper_zone *zone = loader->zone;
    struct zone before = zone->row;

    fill_file(loader, &zone->row);
    if (!is_merged(zone))
        zone->row.flags &= (uint16_t)~ZONE_EDITED;
    enum result result = commit_zone(zone, false);
    if (result)
        zone->row = before;
    return result;
}

/* A difference becomes a round of the zone, which calls load_ended. `*later`: it will. */
static enum result finish_difference(struct loader *loader, bool *later)
{
    struct keeper_zone *zone = loader->zone;
    struct round_load load = describe_end(loader);
    enum result result = RESULT_OK;

    if (load.merged)
        result = merge_edits(zone, &loader->difference);
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
             (unsigned long long)(row->rrsets + row->denials));
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

static void say_failure(struct keeper_zone *zone, uint32_t errors, enum result result)
{
    const struct store *store = &zone->keeper->store;

    if (result == RESULT_TOKEN)
        keeper_zone_problem(zone, "not loaded: what has changed could not be signed in time; it is "
                                  "tried again");
    else if (errors)
        keeper_zone_problem(zone, "%s has %u error%s%s", zone->config->file, errors,
                            errors == 1 ? "" : "s",
                            zone->row.version ? "; the zone is served as it was" : "");
    else if (result == RESULT_REFUSED || (result == RESULT_FULL && is_merged(zone)))
        keeper_zone_problem(zone,
                            "its file cannot be merged with what updates have changed: %s; "
                            "zone reload --force drops their changes",
                            result == RESULT_FULL ? "too much differs"
                                                  : "the journal does not reach back to the load");
    else
        keeper_zone_problem(zone, "it could not be loaded: %s",
                            is_of_store(store, result) ? store->problem : result_sentence(result));
}

/* How a load has ended, whatever it was. */
static void end_load(struct keeper_zone *zone, enum result result, uint32_t errors)
{
    zone->load_later = result == RESULT_TOKEN;
    zone->forced &= zone->load_later;
    if (zone->load_later) {
        zone->load_delay_ms = zone->load_delay_ms ? zone->load_delay_ms * 2 : DELAY_FIRST_MS;
        if (zone->load_delay_ms > DELAY_MOST_MS)
            zone->load_delay_ms = DELAY_MOST_MS;
        zone->load_after_ms = zone->keeper->now_ms + zone->load_delay_ms;
    } else {
        zone->load_delay_ms = 0;
    }
    if (result || !zone->config) {
        metric_add(zone->keeper->metrics, METRIC_LOADS_FAILED, 1);
        zone->phase = PHASE_FAILED;
        forget_version(zone);
        if (zone->config)
            say_failure(zone, errors, result);
    } else {
        zone->phase = PHASE_IDLE;
        zone->whole = false;
        metric_add(zone->keeper->metrics, METRIC_LOADS, 1);
        keeper_zone_fine(zone, true);
    }
    keeper_zone_advance(zone);
    control_zone_event(zone);
}

void load_ended(struct keeper_zone *zone, const struct round_load *load, enum result result)
{
    if (!result)
        log_difference(zone, load);
    end_load(zone, result, 0);
}

static void start_next(struct loader *loader);

/* The loader is free for the next zone. */
static void clean_up(struct loader *loader)
{
    loader->zone = NULL;
    loader->version = 0;
    loader->failed = RESULT_OK;
    buffer_free(&loader->difference);
    buffer_free(&loader->thread.end.text);
    task_free(&loader->thread.task);
}

static void finish(struct loader *loader)
{
    struct keeper_zone *zone = loader->zone;
    const struct load_end *end = &loader->thread.end;
    bool later = false;

    loader_thread_join(&loader->thread);
    enum result result = loader->failed ? loader->failed : end->result;
    log_complaints(end);
    if (end->text.octets)
        control_zone_complaint(zone, (const char *)end->text.octets);
    if (!result && zone->config && end->mode == LOAD_DIFFERENCE)
        result = finish_difference(loader, &later);
    else if (!result && zone->config)
        result = finish_version(loader);
    uint32_t errors = end->errors;
    if (!result && zone->config && !later && end->mode == LOAD_NEW)
        log_version(zone, loader->started_ms);
    clean_up(loader);
    if (!later)
        end_load(zone, result, errors);
    if (!later && !result && !(zone->row.flags & ZONE_SIGNED))
        keeper_zone_changed(zone);
    start_next(loader);
}

/* ---- the queue --------------------------------------------------------------------------------
 */

static void start(struct loader *loader, struct keeper_zone *zone)
{
    loader->zone = zone;
    loader->started_ms = loader->keeper->now_ms;
    loader->fingerprint = loader_fingerprint(zone);
    zone->phase = PHASE_LOADING;
    loader->thread.loop = loader->keeper->loop;
    loader->thread.wake = &loader->wake;
    enum result result = describe_task(zone, &loader->thread.task);
    zone->load_wanted = false;
    if (!result)
        result = loader_thread_start(&loader->thread);
    if (!result)
        return;
    task_free(&loader->thread.task);
    loader->zone = NULL;
    zone->phase = PHASE_FAILED;
    keeper_zone_problem(zone, "it could not be loaded: %s", result_sentence(result));
    control_zone_event(zone);
}

static void start_next(struct loader *loader)
{
    for (struct keeper_zone *zone = loader->keeper->zones; zone && !loader->zone;
         zone = zone->next) {
        if (zone->phase != PHASE_QUEUED || zone->round)
            continue;
        if (zone->config)
            start(loader, zone);
        else
            zone->phase = PHASE_IDLE; /* it is going */
    }
}

static void woken(struct ev_loop *loop, ev_async *watcher, int events)
{
    struct loader *loader = watcher->data;
    struct buffer slice;
    bool ended;

    (void)loop, (void)events;
    if (!loader->zone)
        return;
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
    if (keeper->loader && !keeper->loader->zone)
        start_next(keeper->loader);
}

bool loader_waits_for(const struct keeper_zone *zone)
{
    return zone->phase == PHASE_QUEUED && !zone->keeper->loader->zone;
}

/* A load that cannot even begin. */
static void refuse(struct keeper_zone *zone, const char *text)
{
    zone->phase = PHASE_FAILED;
    zone->load_wanted = false;
    keeper_zone_problem(zone, "%s", text);
    control_zone_event(zone);
}

void loader_queue(struct keeper_zone *zone)
{
    struct loader *loader = zone->keeper->loader;

    if (zone->phase == PHASE_QUEUED || zone->phase == PHASE_LOADING)
        return;
    if (zone->keeper->watermark.level != WATERMARK_NORMAL) {
        refuse(zone, "not loaded: the store is more than 80 % full");
        return;
    }
    if (zone->load_wanted && !zone->whole && must_ask(zone)) {
        refuse(zone, "not loaded: updates have changed it since its file was loaded; zone reload "
                     "--force drops their changes, zone write keeps them in the file");
        return;
    }
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
    task_free(&loader->thread.task);
    free(loader);
    keeper->loader = NULL;
}
