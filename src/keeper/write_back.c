/* write_back.c - zones to their files: when asked, and by zone-file: write a while after a change.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "avow/base/clock.h"
#include "control.h"
#include "file_writer.h"
#include "load_task.h"
#include "round.h"

enum {
    QUIET_MS = 5000,  /* without a change, until the file is written */
    MOST_MS = 30000,  /* that a zone which changes all the time waits */
    RETRY_MS = 30000, /* after a failure */
    FILE_PROBLEM_CODE = EXIT_HELD
};

/* One file at a time. */
struct write_back {
    struct keeper *keeper;
    struct keeper_zone *zone; /* whose file is being written; NULL: idle. It stays meanwhile */
    struct file_task task;
    struct file_end end;
    pthread_t thread;
    bool running;
    atomic_bool ended, cancelled;
    ev_async wake;
};

/* ---- what came of it --------------------------------------------------------------------------
 */

static bool writes_itself(const struct keeper_zone *zone)
{
    return zone->config && zone->config->zone_file == CONFIG_ZONE_FILE_WRITE;
}

/* All that wait for the zone's file hear how it ended. */
static void tell(struct keeper_zone *zone, const struct file_end *end)
{
    struct call *call;
    char path[256];

    (void)snprintf(path, sizeof path, "%s", zone->config ? zone->config->file : "-");
    while ((call = control_waiting(zone->keeper, &zone->name, WAIT_WRITE))) {
        struct json json = {.first = true};
        json_open(&json, NULL, '{');
        json_dns_name(&json, "zone", &zone->name);
        json_text(&json, "file", path);
        json_bool(&json, "written", !end->result);
        json_number(&json, "serial", end->serial);
        json_number(&json, "records", end->records);
        json_number(&json, "octets", end->size);
        json_text(&json, "problem", end->result ? end->why : NULL);
        json_close(&json, '}');
        if (end->result)
            call_end(call, end->result == RESULT_REFUSED ? FILE_PROBLEM_CODE : EXIT_FAILED, &json,
                     "%s", end->why);
        else
            call_end(call, EXIT_DONE, &json, "%s written: serial %u, %llu records", path,
                     end->serial, (unsigned long long)end->records);
    }
}

static void log_end(const struct keeper_zone *zone, const struct file_end *end)
{
    char name[NAME_MAX_TEXT];

    (void)name_to_text(&zone->name, name);
    if (!end->result)
        log_info("%s written to its file: serial %u, %llu records", name, end->serial,
                 (unsigned long long)end->records);
    else if (strcmp(end->why, zone->write.problem) != 0)
        log_error("%s not written to its file: %s", name, end->why);
}

/* The row says that the file is the one that was written, and holds what is served. */
static enum result note_written(struct keeper_zone *zone, const struct file_end *end)
{
    struct zone before = zone->row;
    struct zone *row = &zone->row;

    row->file_size = end->size;
    row->file_time = end->time;
    row->file_hash = 0;
    row->loaded_serial = end->serial;
    if (row->serial == end->serial && !(row->flags & ZONE_DOUBTFUL))
        row->flags &= (uint16_t)~ZONE_EDITED;
    enum result result = commit_zone(zone, false);
    if (result)
        *row = before;
    else
        keeper_zone_said(zone, end->serial);
    return result;
}

/* The new file is about to take the old one's place: whatever happens, it is known as ours. Unless
 * RESULT_OK, `end` says why it may not. */
static enum result announce(struct keeper_zone *zone, struct file_end *end)
{
    struct zone before = zone->row;

    if (zone->row.flags & ZONE_DOUBTFUL) {
        file_writer_doubt(end); /* it was found while the file was written */
        return end->result;
    }
    zone->row.file_hash = load_file_hash(end->size, end->time);
    end->result = zone->config ? commit_zone(zone, false) : RESULT_SYSTEM;
    if (end->result) {
        zone->row = before;
        (void)snprintf(end->why, sizeof end->why, "the store could not be written: %.200s",
                       zone->keeper->store.problem);
    }
    return end->result;
}

/* The file has what the zone has: whatever kept another one from being loaded has gone with it. */
static void forget_failed_load(struct keeper_zone *zone)
{
    if (zone->phase != PHASE_FAILED || zone->whole || zone->load_wanted ||
        zone->row.flags & ZONE_EDITED)
        return;
    zone->phase = PHASE_IDLE;
    hold_clear(zone);
    keeper_zone_loaded(zone);
}

static void end_write(struct keeper_zone *zone, struct file_end *end)
{
    struct zone_write *write = &zone->write;
    struct keeper *keeper = zone->keeper;

    if (!end->result && note_written(zone, end)) {
        end->result = RESULT_SYSTEM;
        (void)snprintf(end->why, sizeof end->why, "it was written, but the store was not: %.200s",
                       keeper->store.problem);
    }
    log_end(zone, end);
    write->step = WRITE_IDLE;
    write->wanted = write->forced = false;
    write->since_ms = 0;
    write->not_before_ms = end->result ? keeper->now_ms + RETRY_MS : 0;
    (void)snprintf(write->problem, sizeof write->problem, "%s", end->why);
    if (!end->result) {
        write->problem[0] = '\0';
        forget_failed_load(zone);
    }
    metric_add(keeper->metrics, end->result ? METRIC_FILES_FAILED : METRIC_FILES_WRITTEN, 1);
    tell(zone, end);
}

/* ---- the thread -------------------------------------------------------------------------------
 */

static void *run(void *context)
{
    struct write_back *back = context;

    if (back->zone->write.step == WRITE_PREPARE)
        file_writer_prepare(&back->task, &back->end);
    else
        file_writer_rename(&back->task, &back->end);
    atomic_store(&back->ended, true);
    ev_async_send(back->keeper->loop, &back->wake);
    return NULL;
}

static enum result start_thread(struct write_back *back)
{
    atomic_store(&back->ended, false);
    back->running = pthread_create(&back->thread, NULL, run, back) == 0;
    return back->running ? RESULT_OK : RESULT_SYSTEM;
}

static enum result describe(struct write_back *back, struct keeper_zone *zone)
{
    back->task = (struct file_task){.path = strdup(zone->config->file),
                                    .store = &back->keeper->store,
                                    .forced = zone->write.forced,
                                    .now = back->keeper->now,
                                    .cancelled = &back->cancelled};
    name_copy(&back->task.zone, &zone->name);
    back->end = (struct file_end){.result = RESULT_SYSTEM, .why = "no memory"};
    return back->task.path ? RESULT_OK : RESULT_SYSTEM;
}

static void finish(struct write_back *back)
{
    struct keeper_zone *zone = back->zone;
    struct keeper *keeper = back->keeper;

    end_write(zone, &back->end);
    free(back->task.path);
    back->task.path = NULL;
    back->zone = NULL;
    if (keeper->settled)
        loader_go_on(keeper);
}

static void begin(struct write_back *back, struct keeper_zone *zone)
{
    back->zone = zone;
    zone->write.step = WRITE_PREPARE;
    if (describe(back, zone) || start_thread(back))
        finish(back);
}

/* A step has ended: the next, or the end. */
static void go_on(struct write_back *back)
{
    struct keeper_zone *zone = back->zone;
    struct file_end *end = &back->end;

    if (end->result || zone->write.step == WRITE_RENAME) {
        finish(back);
        return;
    }
    if (announce(zone, end)) {
        file_writer_discard(&back->task);
        finish(back);
        return;
    }
    zone->write.step = WRITE_RENAME;
    if (!start_thread(back)) /* sets running */
        return;
    file_writer_rename(&back->task, end);
    finish(back);
}

static void join(struct write_back *back)
{
    if (back->running)
        (void)pthread_join(back->thread, NULL);
    back->running = false;
}

static void woken(struct ev_loop *loop, ev_async *watcher, int events)
{
    struct write_back *back = watcher->data;

    (void)loop, (void)events;
    if (!back->running || !atomic_load(&back->ended))
        return;
    join(back);
    go_on(back);
    write_back_turn(back->keeper);
}

/* ---- when -------------------------------------------------------------------------------------
 */

/* Nothing but signatures may be on its way between the store and the file. */
static bool may_write(const struct keeper_zone *zone)
{
    return zone->config && zone->row.version && zone->phase != PHASE_LOADING &&
           zone->phase != PHASE_QUEUED && !(zone->round && zone->round->has_load);
}

/* Note since when the zone has changes that its file does not have. */
static void watch(struct keeper_zone *zone)
{
    struct zone_write *write = &zone->write;
    uint64_t now = zone->keeper->now_ms;

    if (!(zone->row.flags & ZONE_EDITED)) {
        write->since_ms = 0;
        write->problem[0] = '\0'; /* there is nothing to be written any more */
        return;
    }
    if (!write->since_ms || write->seen != zone->row.serial)
        write->changed_ms = now;
    if (!write->since_ms)
        write->since_ms = now;
    write->seen = zone->row.serial;
}

/* Whether the file is to be written unasked: not over what is good with what is in doubt. */
static bool has_news(const struct keeper_zone *zone)
{
    return writes_itself(zone) && (zone->row.flags & (ZONE_EDITED | ZONE_DOUBTFUL)) == ZONE_EDITED;
}

static bool is_due(const struct keeper_zone *zone)
{
    const struct zone_write *write = &zone->write;
    uint64_t now = zone->keeper->now_ms;

    if (write->wanted)
        return true;
    return has_news(zone) && write->since_ms && now >= write->not_before_ms &&
           (now - write->changed_ms >= QUIET_MS || now - write->since_ms >= MOST_MS);
}

void write_back_turn(struct keeper *keeper)
{
    struct write_back *back = keeper->write_back;

    for (struct keeper_zone *zone = keeper->zones; zone; zone = zone->next) {
        watch(zone);
        if (!back->zone && may_write(zone) && is_due(zone))
            begin(back, zone);
    }
}

/* One file, from beginning to end, while nothing else happens. */
static void write_now(struct write_back *back, struct keeper_zone *zone)
{
    back->zone = zone;
    zone->write.step = WRITE_PREPARE;
    if (!describe(back, zone))
        file_writer_prepare(&back->task, &back->end);
    if (!back->end.result && announce(zone, &back->end))
        file_writer_discard(&back->task);
    else if (!back->end.result)
        file_writer_rename(&back->task, &back->end);
    finish(back);
}

void write_back_all(struct keeper *keeper)
{
    struct write_back *back = keeper->write_back;

    while (back->zone) {
        join(back);
        go_on(back);
    }
    for (struct keeper_zone *zone = keeper->zones; zone && keeper->settled; zone = zone->next) {
        if (has_news(zone) && may_write(zone))
            write_now(back, zone);
    }
}

/* ---- zone write -------------------------------------------------------------------------------
 */

void verb_zone_write(struct call *call)
{
    bool forced = call_option(call, "--force");
    struct keeper_zone *zone = call->word_count == 3 ? call_zone(call, call->words[2]) : NULL;

    if (!zone && !call->ended)
        call_end(call, EXIT_USAGE, NULL, "usage: zone write ZONE [--force]");
    if (!zone)
        return;
    if (!writes_itself(zone)) {
        call_end(call, EXIT_FORBIDDEN, NULL,
                 "the configuration says zone-file: read; zone export --unsigned gives the text");
        return;
    }
    if (!may_write(zone) || zone->write.step) {
        call_end(call, EXIT_FAILED, NULL, "%s",
                 zone->write.step ? "its file is being written just now; ask again"
                                  : "the zone is not loaded, or is being loaded");
        return;
    }
    zone->write.wanted = true;
    zone->write.forced |= forced;
    call_await(call, WAIT_WRITE);
    write_back_turn(call->control->keeper);
}

/* ---- start and end ----------------------------------------------------------------------------
 */

enum result write_back_open(struct keeper *keeper)
{
    struct write_back *back = calloc(1, sizeof *back);

    if (!back)
        return RESULT_SYSTEM;
    back->keeper = keeper;
    keeper->write_back = back;
    ev_async_init(&back->wake, woken);
    back->wake.data = back;
    ev_async_start(keeper->loop, &back->wake);
    return RESULT_OK;
}

void write_back_close(struct keeper *keeper)
{
    struct write_back *back = keeper->write_back;

    if (!back)
        return;
    atomic_store(&back->cancelled, true);
    join(back);
    if (back->zone)
        file_writer_discard(&back->task);
    ev_async_stop(keeper->loop, &back->wake);
    free(back->task.path);
    free(back);
    keeper->write_back = NULL;
}
