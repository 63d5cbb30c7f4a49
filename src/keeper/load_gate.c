/* load_gate.c - what stands between reading a file and serving it. */
#include "load_gate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "avow/base/log.h"
#include "avow/store/zones.h"
#include "avow/wire/type.h"
#include "avow/zonefile/printer.h"
#include "load_digest.h"
#include "merge.h"

enum { TEXT_OCTETS = 1 << 20, TEXT_MODE = 0600, PATH_OCTETS = 4096 };

/* ---- beside what is served --------------------------------------------------------------------
 */

/* A name that updates have made is not in the file, and a merge leaves it where it is. */
static enum result look_merged(struct loader_thread *thread, struct gather *gather,
                               struct snapshot *snapshot)
{
    const struct load_task *task = &thread->task;
    struct order touched = {.count = 0};
    struct zone row;
    enum result result = RESULT_OK;

    if (zone_get(snapshot, &task->zone, &row) == RECORD_THERE && row.version == task->guarded)
        result = merge_note(snapshot, &row, &touched);
    if (result == RESULT_REFUSED || result == RESULT_CORRUPT)
        result = RESULT_OK; /* the merge itself will say so */
    if (!result)
        result =
            load_look(&thread->end.look, gather, &task->zone, snapshot, task->guarded, &touched);
    merge_forget(&touched);
    return result;
}

static enum result look(struct loader_thread *thread, struct gather *gather)
{
    const struct load_task *task = &thread->task;
    struct load_look *found = &thread->end.look;
    struct snapshot snapshot;

    if (!task->guarded)
        return load_look(found, gather, &task->zone, NULL, 0, NULL);
    enum result result = snapshot_open(&snapshot, task->store, NULL, 0);
    if (result)
        return result;
    if (snapshot_renew(&snapshot) != RENEWAL_READY)
        result = RESULT_SYSTEM;
    else if (task->merged)
        result = look_merged(thread, gather, &snapshot);
    else
        result = load_look(found, gather, &task->zone, &snapshot, task->guarded, NULL);
    snapshot_rest(&snapshot);
    snapshot_close(&snapshot);
    return result;
}

/* ---- the zone as text -------------------------------------------------------------------------
 */

static bool write_all(int descriptor, struct buffer *text)
{
    const uint8_t *at = text->octets;
    size_t left = text->length;

    while (left) {
        ssize_t written = write(descriptor, at, left);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        at += written;
        left -= (size_t)written;
    }
    buffer_clear(text);
    return true;
}

/* Whether all of it was printed; records in the order of the zone, every name absolute. */
static bool print_records(struct loader_thread *thread, struct gather *gather, int descriptor)
{
    struct zone_printer printer;
    struct buffer text = {.octets = NULL};
    struct gathered record;
    struct name owner;
    bool fine = true;

    zone_printer_init(&printer, PRINT_PLAIN);
    gather->next = 0;
    while (fine && gather_next(gather, &record) == FOUND_YES) {
        struct rrset rrset = {
            .owner = &owner, .type = record.type, .class_ = CLASS_IN, .ttl = record.ttl};
        fine = !name_key_read(record.key, record.key_length, &owner) &&
               !atomic_load_explicit(&thread->cancelled, memory_order_relaxed);
        zone_print_record(&printer, &rrset, record.rdata, record.rdata_length, &text);
        if (fine && text.length >= TEXT_OCTETS)
            fine = !buffer_check(&text) && write_all(descriptor, &text);
    }
    fine = fine && !buffer_check(&text) && write_all(descriptor, &text);
    buffer_free(&text);
    gather->next = 0;
    return fine;
}

/* The zone in a file without a name, open to be read from its beginning; -1. One load at a time:
 * one name is enough, and what a crash has left is in nobody's way. */
static int make_text(struct loader_thread *thread, struct gather *gather)
{
    char path[PATH_OCTETS];
    int length = snprintf(path, sizeof path, "%s/loading.zone", thread->task.state);

    if (length < 0 || (size_t)length >= sizeof path)
        return -1;
    (void)unlink(path);
    int written = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, TEXT_MODE);
    if (written < 0)
        return -1;
    int reading = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    (void)unlink(path);
    if (reading >= 0 && !print_records(thread, gather, written)) {
        (void)close(reading);
        reading = -1;
    }
    (void)close(written);
    return reading;
}

/* ---- the hook ---------------------------------------------------------------------------------
 */

/* For the first of the reasons, and all are told. */
static enum result hold(struct loader_thread *thread, enum hold_reason reason, const char *text)
{
    struct load_end *end = &thread->end;

    if (!end->hold)
        end->hold = reason;
    if (reason)
        load_add_reason(end->hold_text, "%s", text);
    return end->hold ? RESULT_REFUSED : RESULT_OK;
}

/* Ask, and wait: others are served and updated meanwhile, this zone too. */
static enum result ask_hook(struct loader_thread *thread, struct gather *gather)
{
    struct loader_question *question = &thread->question;
    int descriptor = make_text(thread, gather);

    if (descriptor < 0)
        return hold(thread, HOLD_HOOK_FAILED, "the zone could not be written out for its hook");
    (void)pthread_mutex_lock(&thread->mutex);
    *question = (struct loader_question){.asked = true, .descriptor = descriptor};
    ev_async_send(thread->loop, thread->wake);
    while (!question->answered && !thread->cancelled)
        (void)pthread_cond_wait(&thread->room, &thread->mutex);
    bool answered = question->answered;
    if (question->asked)
        (void)close(descriptor); /* nobody has taken it */
    question->asked = false;
    (void)pthread_mutex_unlock(&thread->mutex);
    return answered && !thread->end.hold ? RESULT_OK : RESULT_REFUSED;
}

/* ---- public -----------------------------------------------------------------------------------
 */

/* The load goes on until all is known that it would be held for. */
static void hold_unless_forced(struct loader_thread *thread, enum hold_reason reason,
                               const char *text)
{
    char name[NAME_MAX_TEXT];

    if (!thread->task.forced)
        (void)hold(thread, reason, text);
    else
        log_warning("%s is loaded all the same, for it is forced: %s",
                    name_to_text(&thread->task.zone, name), text);
}

enum result load_gate_digest(struct loader_thread *thread, struct gather *gather)
{
    const struct load_task *task = &thread->task;
    enum hold_reason reason;
    char text[HOLD_TEXT], name[NAME_MAX_TEXT];
    enum result result = load_digest(gather, &task->zone, task->zonemd, &reason, text);

    if (result)
        return result;
    if (reason)
        hold_unless_forced(thread, reason, text);
    else if (*text)
        log_warning("%s: %s", name_to_text(&task->zone, name), text);
    return RESULT_OK;
}

enum result load_gate(struct loader_thread *thread, struct gather *gather)
{
    const struct load_task *task = &thread->task;
    char text[HOLD_TEXT];
    enum result result = look(thread, gather);

    if (result)
        return result;
    enum hold_reason reason = load_judge(&thread->end.look, &task->bounds, text);
    if (reason)
        hold_unless_forced(thread, reason, text);
    if (task->show)
        return RESULT_OK;
    if (thread->end.hold)
        return RESULT_REFUSED;
    return task->hook && !task->forced ? ask_hook(thread, gather) : RESULT_OK;
}

bool load_gate_asks(struct loader_thread *thread, int *descriptor)
{
    (void)pthread_mutex_lock(&thread->mutex);
    bool asks = thread->question.asked;
    *descriptor = thread->question.descriptor;
    thread->question.asked = false;
    (void)pthread_mutex_unlock(&thread->mutex);
    return asks;
}

void load_gate_answer(struct loader_thread *thread, enum hold_reason reason, const char *text)
{
    (void)pthread_mutex_lock(&thread->mutex);
    (void)hold(thread, reason, text);
    thread->question.answered = true;
    (void)pthread_cond_signal(&thread->room);
    (void)pthread_mutex_unlock(&thread->mutex);
}
