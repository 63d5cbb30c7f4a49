/* load.c - zone files to versions: the main thread's side. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "internal.h"

#include "avow/base/random.h"
#include "avow/change/version.h"
#include "avow/wire/type.h"
#include "loader.h"
#include "serial.h"
#include "slice.h"
#include "soa.h"

struct loader {
    struct keeper *keeper;
    struct loader_thread thread;
    struct keeper_zone *zone; /* whose file is being loaded; NULL: idle */
    uint32_t version;         /* that is being written; 0: none yet */
    struct buffer difference; /* written in one piece, at the end */
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

static enum result describe_task(struct keeper_zone *zone, struct load_task *task)
{
    *task = (struct load_task){.file = strdup(zone->config->file),
                               .store = &zone->keeper->store,
                               .served_serial = zone->row.serial,
                               .has_serial = zone->row.version != 0};
    name_copy(&task->zone, &zone->name);
    if (zone->row.version && !zone->whole &&
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
    row->flags = 0;
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
    row->rrsets_signed = end->rrsets_signed;
    row->denials_signed = end->denials_signed;
    row->changed_at = loader->keeper->now;
}

static void fill_file(struct loader *loader, struct zone *row)
{
    row->file_size = loader->thread.end.file_size;
    row->file_time = loader->thread.end.file_time;
    row->loaded_at = loader->keeper->now;
}

static void fill_serial(struct zone *row, uint32_t serial)
{
    row->serial = serial;
    if (!row->highest_serial || serial_is_after(serial, row->highest_serial))
        row->highest_serial = serial;
}

/* Serve the new version; the old one is dropped by and by. */
static enum result switch_version(struct loader *loader, struct zone *row)
{
    loader->keeper->leftovers |= row->version != 0;
    row->version = loader->version;
    row->loading = 0;
    row->signed_at = 0;
    row->journal_oldest = row->journal_entries = 0; /* the journal stays with the old version */
    row->journal_octets = 0;
    fill_counts(loader, row);
    fill_file(loader, row);
    fill_serial(row, loader->thread.end.totals.serial);
    return RESULT_OK;
}

static enum result apply_difference(struct loader *loader, struct change *change, struct zone *row)
{
    const struct load_end *end = &loader->thread.end;
    enum result result = RESULT_OK;

    if (loader->difference.length)
        result = slice_write(change, row->version, &loader->difference);
    if (result)
        return result;
    uint32_t serial = serial_next(row->serial, end->said);
    fill_counts(loader, row);
    return serial_put(change, row, serial);
}

/* Write how the load ended into the store; `row` becomes the zone's. */
static enum result finish_row(struct loader *loader, struct zone *row)
{
    struct keeper_zone *zone = loader->zone;
    const struct load_end *end = &loader->thread.end;
    struct change change;
    bool fresh = end->mode == LOAD_NEW;
    bool moved = end->changes || serial_is_after(end->said, row->serial);
    enum result result = commit_begin(loader->keeper, &change);

    if (result)
        return result;
    if (fresh)
        result = switch_version(loader, row);
    else if (moved)
        result = apply_difference(loader, &change, row);
    fill_file(loader, row);
    change_put_zone(&change, row);
    if (result) {
        change_abandon(&change);
        return result;
    }
    result = commit_end(loader->keeper, &change, fresh || moved, &zone, 1);
    if (!result && (fresh || moved)) {
        (void)jobs_outdate(&loader->keeper->jobs, zone, 0);
        schedule_reset(zone);
        zone->refreshed = 0; /* the serial has just moved */
    }
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

static void log_success(struct loader *loader)
{
    const struct load_end *end = &loader->thread.end;
    const struct zone *row = &loader->zone->row;
    char name[NAME_MAX_TEXT];
    double seconds = (double)(loader->keeper->now_ms - loader->started_ms) / 1000;

    (void)name_to_text(&loader->zone->name, name);
    if (end->mode == LOAD_NEW)
        log_info("%s loaded: serial %u, %llu names, %llu records in %.2f s; %llu signatures to "
                 "be made",
                 name, row->serial, (unsigned long long)row->names,
                 (unsigned long long)row->records, seconds,
                 (unsigned long long)(row->rrsets + row->denials));
    else
        log_info("%s reloaded: serial %u, names added %llu, removed %llu, changed %llu in %.2f s",
                 name, row->serial, (unsigned long long)end->added,
                 (unsigned long long)end->removed, (unsigned long long)end->changed, seconds);
}

/* Whether the store has said what was wrong. */
static bool is_of_store(const struct store *store, enum result result)
{
    return *store->problem &&
           (store->writes_off || result == RESULT_FULL || result == RESULT_SYSTEM);
}

static void fail_load(struct loader *loader, enum result result)
{
    const struct load_end *end = &loader->thread.end;
    struct keeper_zone *zone = loader->zone;

    metric_add(loader->keeper->metrics, METRIC_LOADS_FAILED, 1);
    zone->phase = PHASE_FAILED;
    if (zone->row.loading) {
        /* What was written is dropped, once the row names it no longer. */
        zone->row.loading = 0;
        if (!commit_zone(zone, false))
            loader->keeper->leftovers = true;
    }
    if (!zone->config)
        return; /* it is going */
    if (end->errors)
        keeper_zone_problem(zone, "%s has %u error%s%s", zone->config->file, end->errors,
                            end->errors == 1 ? "" : "s",
                            zone->row.version ? "; the zone is served as it was" : "");
    else
        keeper_zone_problem(zone, "it could not be loaded: %s",
                            is_of_store(&loader->keeper->store, result)
                                ? loader->keeper->store.problem
                                : result_sentence(result));
}

static void start_next(struct loader *loader);

static void finish(struct loader *loader)
{
    struct keeper_zone *zone = loader->zone;
    struct zone row = zone->row;
    enum result result;

    loader_thread_join(&loader->thread);
    result = loader->failed ? loader->failed : loader->thread.end.result;
    log_complaints(&loader->thread.end);
    if (loader->thread.end.text.octets)
        control_zone_complaint(zone, (const char *)loader->thread.end.text.octets);
    if (!result && zone->config)
        result = finish_row(loader, &row);
    if (result || !zone->config) {
        fail_load(loader, result);
    } else {
        zone->row = row;
        zone->phase = PHASE_IDLE;
        zone->whole = false;
        metric_add(loader->keeper->metrics, METRIC_LOADS, 1);
        keeper_zone_fine(zone, true);
        log_success(loader);
    }
    loader->zone = NULL;
    loader->version = 0;
    loader->failed = RESULT_OK;
    buffer_free(&loader->difference);
    buffer_free(&loader->thread.end.text);
    task_free(&loader->thread.task);
    keeper_zone_advance(zone);
    control_zone_event(zone);
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
    zone->load_wanted = false;
    loader->thread.loop = loader->keeper->loop;
    loader->thread.wake = &loader->wake;
    enum result result = describe_task(zone, &loader->thread.task);
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
        if (zone->phase != PHASE_QUEUED)
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

void loader_queue(struct keeper_zone *zone)
{
    struct loader *loader = zone->keeper->loader;

    if (zone->phase == PHASE_QUEUED || zone->phase == PHASE_LOADING)
        return;
    if (zone->keeper->watermark.level != WATERMARK_NORMAL) {
        zone->phase = PHASE_FAILED;
        zone->load_wanted = false;
        keeper_zone_problem(zone, "not loaded: the store is more than 80 %% full");
        control_zone_event(zone);
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
