/* loader.c - the thread that turns a zone file into slices. */
#include "loader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "avow/base/clock.h"
#include "avow/store/zones.h"
#include "avow/wire/type.h"
#include "avow/zonefile/judge.h"
#include "avow/zonefile/parser.h"
#include "diff.h"
#include "lines.h"
#include "load_gate.h"
#include "merge.h"
#include "recall.h"
#include "slice.h"
#include "soa.h"

enum { DIFFERENCE_LIMIT = 200000 /* RRsets */ };

/* What one load needs. */
struct load {
    struct loader_thread *thread;
    struct load_task *task;
    struct load_end *end;
    struct gather gather;
    struct zonefile_files files;
    struct complaints complaints;
    uint64_t left_out; /* records that only a signer makes */
    struct buffer slice, scratch;
};

/* ---- complaints -------------------------------------------------------------------------------
 */

static void take_complaint(void *context, const struct complaint *complaint)
{
    struct load_end *end = context;
    char text[4096];

    (void)complaint_text(complaint, text, sizeof text);
    text[sizeof text - 1] = '\0';
    if (end->text.length + strlen(text) + 2 > LOADER_COMPLAINTS)
        return; /* they are counted all the same */
    buffer_text(&end->text, text);
    buffer_u8(&end->text, '\n');
}

static void complain_of_file(struct load *load, const char *what)
{
    struct complaint complaint = {
        .weight = COMPLAINT_ERROR, .file = load->task->file, .what = what};
    complain(&load->complaints, &complaint);
}

/* ---- reading ----------------------------------------------------------------------------------
 */

static bool is_cancelled(struct loader_thread *thread)
{
    return atomic_load_explicit(&thread->cancelled, memory_order_relaxed);
}

/* What only a signer makes is made anew; a digest (RFC 8976) is verified with it before it goes. */
static bool leaves_out(const struct load *load, uint16_t type)
{
    return load->task->signing.denial != COMPOSE_UNSIGNED && type_is_made_by_signer(type);
}

static enum result take_record(void *context, const struct zonefile_record *record)
{
    struct load *load = context;

    if (is_cancelled(load->thread))
        return RESULT_REFUSED;
    if (load->task->zonemd == CONFIG_ZONEMD_IGNORE && leaves_out(load, record->type)) {
        load->left_out++;
        return RESULT_OK;
    }
    return gather_add(&load->gather, record->owner,
                      &(struct gathered){.type = record->type,
                                         .ttl = record->ttl,
                                         .file = record->file,
                                         .line = record->line,
                                         .rdata = record->rdata,
                                         .rdata_length = record->length});
}

static void note_file(struct load *load)
{
    struct stat status;

    if (stat(load->task->file, &status))
        return; /* the parser says so */
    load->end->file_size = (uint64_t)status.st_size;
    load->end->file_time =
        (uint64_t)status.st_mtim.tv_sec * 1000000000 + (uint64_t)status.st_mtim.tv_nsec;
}

/* A folder that is new in the configuration looks like a lack of rights, which it is: but to nobody
 * who looks at the file. */
static void explain_refusal(struct load *load)
{
    int descriptor = open(load->task->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (descriptor >= 0) {
        (void)close(descriptor);
        return;
    }
    struct complaint complaint = {
        .weight = COMPLAINT_NOTE, .file = load->task->file, .what = LOADER_FOLDERS};
    if (errno == EACCES)
        complain(&load->complaints, &complaint);
}

static enum result read_file(struct load *load)
{
    struct zonefile_options options = {.path = load->task->file,
                                       .zone = &load->task->zone,
                                       .complaints = &load->complaints,
                                       .files = &load->files,
                                       .record = take_record,
                                       .context = load};
    uint64_t start = clock_monotonic_ns();

    note_file(load);
    gather_open(&load->gather, &load->task->zone);
    enum result result = zonefile_parse(&options, NULL);
    if (result == RESULT_SYSTEM)
        explain_refusal(load);
    uint64_t parsed = clock_monotonic_ns();
    load->end->parse_ns = parsed - start;
    if (!result)
        result = gather_sort(&load->gather);
    load->end->sort_ns = clock_monotonic_ns() - parsed;
    return result;
}

/* Before the digest was verified they were needed. */
static void leave_out(struct load *load)
{
    if (load->task->signing.denial != COMPOSE_UNSIGNED)
        load->left_out += gather_leave_out(&load->gather, type_is_made_by_signer);
    if (load->left_out) {
        char what[128];
        (void)snprintf(what, sizeof what,
                       "%llu records that only a signer makes were left out (RRSIG, NSEC, NSEC3)",
                       (unsigned long long)load->left_out);
        struct complaint complaint = {
            .weight = COMPLAINT_WARNING, .file = load->task->file, .what = what};
        complain(&load->complaints, &complaint);
    }
}

static struct zone_rules_options rules_options(struct load *load)
{
    return (struct zone_rules_options){.zone = &load->task->zone,
                                       .signing = load->task->signing.denial == COMPOSE_UNSIGNED
                                                      ? ZONE_AS_IT_IS
                                                      : ZONE_SIGNED_HERE,
                                       .complaints = &load->complaints,
                                       .files = &load->files};
}

/* Errors of a file come before what it is held for: they would be left when it is forced. */
static enum result judge_held(struct load *load)
{
    const struct zone_rules_options options = rules_options(load);
    uint64_t names;
    enum result result = zone_judge(&load->gather, &options, &names);

    if (result)
        load->end->hold = HOLD_NONE;
    return result ? result : RESULT_REFUSED;
}

static enum result read_and_judge(struct load *load)
{
    enum result result = read_file(load);

    if (!result)
        result = load_gate_digest(load->thread, &load->gather);
    leave_out(load);
    if (!result)
        result = load_gate(load->thread, &load->gather);
    return result == RESULT_REFUSED && load->end->hold ? judge_held(load) : result;
}

/* The zone as it is served, without what the signer makes and without our keys. */
static enum result read_store(struct load *load)
{
    const struct load_task *task = load->task;
    struct snapshot snapshot;
    enum result result = snapshot_open(&snapshot, task->store, NULL, 0);

    if (result)
        return result;
    gather_open(&load->gather, &task->zone);
    result = snapshot_renew(&snapshot) == RENEWAL_READY
                 ? recall_zone(&snapshot, task->source, &task->zone, &load->gather)
                 : RESULT_SYSTEM;
    snapshot_close(&snapshot);
    return result ? result : gather_sort(&load->gather);
}

/* ---- composing --------------------------------------------------------------------------------
 */

/* Hand a slice over; waits while the queue is full. RESULT_REFUSED: the load was given up. */
static enum result hand_over(struct loader_thread *thread, struct buffer *slice)
{
    (void)pthread_mutex_lock(&thread->mutex);
    while (thread->count == LOADER_QUEUE && !thread->cancelled)
        (void)pthread_cond_wait(&thread->room, &thread->mutex);
    bool cancelled = thread->cancelled;
    if (!cancelled) {
        thread->slices[(thread->first + thread->count++) % LOADER_QUEUE] = *slice;
        *slice = (struct buffer){.octets = NULL};
    }
    (void)pthread_mutex_unlock(&thread->mutex);
    ev_async_send(thread->loop, thread->wake);
    return cancelled ? RESULT_REFUSED : RESULT_OK;
}

static enum result hand_over_full(struct load *load, size_t limit)
{
    if (load->slice.length < limit)
        return RESULT_OK;
    return hand_over(load->thread, &load->slice);
}

static enum result sink_node(void *context, const uint8_t *key, size_t key_length,
                             struct node_parts *parts)
{
    struct load *load = context;
    enum result result = slice_add_node(&load->slice, key, key_length, parts, &load->scratch);
    return result ? result : hand_over_full(load, LOADER_SLICE_OCTETS);
}

static enum result sink_nsec3(void *context, const uint8_t hash[NSEC3_HASH_OCTETS],
                              const struct node_rrset *rrset)
{
    struct load *load = context;
    enum result result = slice_add_nsec3(&load->slice, hash, rrset, &load->scratch);
    return result ? result : hand_over_full(load, LOADER_SLICE_OCTETS);
}

static uint32_t new_serial(void *context, uint32_t said)
{
    struct load *load = context;

    load->end->said = said;
    return load->task->has_serial ? serial_next(load->task->served_serial, said) : said;
}

/* In a difference the SOA is compared as served, so that its serial alone is no difference. */
static uint32_t served_serial(void *context, uint32_t said)
{
    struct load *load = context;

    load->end->said = said;
    return load->task->served_serial;
}

static enum result compose(struct load *load, struct compose_sink sink,
                           uint32_t (*serial)(void *, uint32_t))
{
    const struct zone_rules_options options = rules_options(load);
    struct compose walk = {.apex = &load->task->zone,
                           .signing = &load->task->signing,
                           .files = &load->files,
                           .sink = sink,
                           .plain = load->end->mode == LOAD_DIFFERENCE,
                           .no_digest = load->task->no_digest,
                           .serial = serial,
                           .serial_context = load};
    enum result result = zone_rules_make(&walk.rules, &options);
    uint64_t start = clock_monotonic_ns();

    if (!result)
        result = compose_zone(&walk, &load->gather);
    zone_rules_free(walk.rules);
    load->end->compose_ns += clock_monotonic_ns() - start;
    load->end->totals = walk.totals;
    return result;
}

static enum result compose_new(struct load *load)
{
    struct compose_sink sink = {.node = sink_node, .nsec3 = sink_nsec3, .context = load};

    load->end->mode = LOAD_NEW;
    enum result result = compose(load, sink, new_serial);
    if (!result && load->slice.length)
        result = hand_over(load->thread, &load->slice);
    return result;
}

/* Complaints of a walk that is made again would come twice. */
static void forget_complaints(struct load *load, size_t text, const struct complaints *before)
{
    load->end->text.length = text;
    load->complaints.errors = before->errors;
    load->complaints.warnings = before->warnings;
}

/* A quarter of the zone's records or so: beyond that a new version is cheaper. A difference is
 * staged in memory. */
static uint64_t worthwhile(const struct load *load)
{
    uint64_t limit = load->task->show ? DIFFERENCE_LIMIT : 1000 + load->gather.count / 4;
    return limit < DIFFERENCE_LIMIT ? limit : DIFFERENCE_LIMIT;
}

/* The row as it is in the snapshot that is compared with: updates may have come since the task was
 * made. RESULT_REFUSED when another version is served by now. */
static enum result read_row(struct load *load, struct snapshot *snapshot, struct zone *row)
{
    enum found_record found = zone_get(snapshot, &load->task->zone, row);

    if (found != RECORD_THERE)
        return found == RECORD_CORRUPT ? RESULT_CORRUPT : RESULT_REFUSED;
    load->task->served_serial = row->serial;
    return row->version == load->task->served ? RESULT_OK : RESULT_REFUSED;
}

/* The difference as text takes the place of the edits. */
static enum result show(struct load *load, struct diff *diff, const struct zone *row)
{
    struct lines lines;
    enum result result = RESULT_OK;

    if (load->task->merged)
        result = merge_edits(diff->snapshot, row, &diff->edits);
    lines_open(&lines, diff->snapshot, &load->task->zone);
    if (!result)
        result = lines_edits(&lines, diff->version, &diff->edits, load->end->said);
    load->end->lines_removed = lines.removed;
    load->end->lines_added = lines.added;
    if (!result && lines.text.length)
        result = hand_over(load->thread, &lines.text);
    lines_close(&lines);
    return result;
}

static enum result compare(struct load *load, struct diff *diff)
{
    struct zone row;
    enum result result = load->task->show ? read_row(load, diff->snapshot, &row) : RESULT_OK;

    if (!result)
        result = compose(load, diff_sink(diff), served_serial);
    if (!result)
        result = diff_finish(diff);
    return result || !load->task->show ? result : show(load, diff, &row);
}

static enum result compose_difference(struct load *load)
{
    struct diff diff = {.version = load->task->served,
                        .limit = worthwhile(load),
                        .no_digest = load->task->no_digest,
                        .cancelled = &load->thread->cancelled};
    struct snapshot snapshot;
    enum result result = snapshot_open(&snapshot, load->task->store, NULL, 0);

    if (result)
        return result;
    load->end->mode = LOAD_DIFFERENCE;
    if (snapshot_renew(&snapshot) != RENEWAL_READY)
        result = RESULT_SYSTEM;
    diff.snapshot = &snapshot;
    if (!result)
        result = compare(load, &diff);
    snapshot_rest(&snapshot);
    snapshot_close(&snapshot);
    load->end->changes = diff.count;
    load->end->added = diff.added;
    load->end->removed = diff.removed;
    load->end->changed = diff.changed;
    if (!result && diff.count && !load->task->show)
        result = hand_over(load->thread, &diff.edits);
    diff_free(&diff);
    return result;
}

static enum result compose_what_fits(struct load *load)
{
    struct complaints before = load->complaints;
    size_t text = load->end->text.length;

    if (!load->task->served)
        return compose_new(load);
    enum result result = compose_difference(load);
    /* Too much differs, or what is stored is damaged: a new version mends both. */
    if ((result != RESULT_FULL && result != RESULT_CORRUPT) || load->task->any_difference)
        return result;
    forget_complaints(load, text, &before);
    return compose_new(load);
}

static void *run(void *context)
{
    struct loader_thread *thread = context;
    struct load load = {.thread = thread, .task = &thread->task, .end = &thread->end};

    load.complaints =
        (struct complaints){.take = take_complaint, .context = load.end, .limit = 100};
    enum result result = thread->task.source ? read_store(&load) : read_and_judge(&load);
    if (!result)
        result = compose_what_fits(&load);
    if (result && result != RESULT_REFUSED && load.complaints.errors == 0)
        complain_of_file(&load, result_sentence(result));
    load.end->result = result;
    load.end->errors = load.complaints.errors;
    load.end->warnings = load.complaints.warnings;
    buffer_u8(&load.end->text, 0);

    gather_close(&load.gather);
    zonefile_files_free(&load.files);
    buffer_free(&load.slice);
    buffer_free(&load.scratch);
    (void)pthread_mutex_lock(&thread->mutex);
    thread->ended = true;
    (void)pthread_mutex_unlock(&thread->mutex);
    ev_async_send(thread->loop, thread->wake);
    return NULL;
}

/* ---- the main thread's side -------------------------------------------------------------------
 */

enum result loader_thread_start(struct loader_thread *loader)
{
    loader->end = (struct load_end){.result = RESULT_OK};
    loader->first = loader->count = 0;
    loader->ended = false;
    atomic_store(&loader->cancelled, false);
    if (pthread_mutex_init(&loader->mutex, NULL) || pthread_cond_init(&loader->room, NULL) ||
        pthread_create(&loader->thread, NULL, run, loader))
        return RESULT_SYSTEM;
    loader->running = true;
    return RESULT_OK;
}

enum found loader_thread_take(struct loader_thread *loader, struct buffer *slice, bool *ended)
{
    enum found found = FOUND_NOT;

    (void)pthread_mutex_lock(&loader->mutex);
    if (loader->count) {
        *slice = loader->slices[loader->first];
        loader->slices[loader->first] = (struct buffer){.octets = NULL};
        loader->first = (loader->first + 1) % LOADER_QUEUE;
        loader->count--;
        found = FOUND_YES;
        (void)pthread_cond_signal(&loader->room);
    }
    *ended = loader->ended && loader->count == 0;
    (void)pthread_mutex_unlock(&loader->mutex);
    return found;
}

void loader_thread_cancel(struct loader_thread *loader)
{
    (void)pthread_mutex_lock(&loader->mutex);
    atomic_store(&loader->cancelled, true);
    (void)pthread_cond_signal(&loader->room);
    (void)pthread_mutex_unlock(&loader->mutex);
}

void loader_thread_join(struct loader_thread *loader)
{
    if (!loader->running)
        return;
    (void)pthread_join(loader->thread, NULL);
    (void)pthread_mutex_destroy(&loader->mutex);
    (void)pthread_cond_destroy(&loader->room);
    for (unsigned i = 0; i < LOADER_QUEUE; i++)
        buffer_free(&loader->slices[i]);
    loader->running = false;
}
