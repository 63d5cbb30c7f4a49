/* compare.c - what loading a file would change, without loading it: zone diff. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "control.h"
#include "load_task.h"

/* One at a time: it takes a thread and the memory of a load. */
struct comparison {
    struct keeper *keeper;
    struct loader_thread thread;
    struct name zone;
    struct buffer text; /* the difference */
    bool busy;
    ev_async wake;
};

/* ---- the answer -------------------------------------------------------------------------------
 */

static void say_failure(struct call *call, const struct loader_thread *thread)
{
    const struct load_end *end = &thread->end;
    size_t sent = 0;
    struct buffer text = end->text;

    if (text.length)
        text.length--; /* its NUL */
    if (end->result != RESULT_REFUSED && end->result != RESULT_FULL &&
        call_chunk(call, &text, &sent))
        log_debug("a caller of the control socket is gone");
    if (end->result == RESULT_FULL)
        call_end(call, EXIT_WOULD_CHANGE, NULL, "more would change than can be shown");
    else if (end->result == RESULT_REFUSED)
        call_end(call, EXIT_FAILED, NULL,
                 thread->task.merged
                     ? "the file cannot be merged with what updates have changed: the journal does "
                       "not reach back to the load"
                     : "the zone has become another version meanwhile; ask again");
    else if (end->result == RESULT_SYSTEM)
        call_end(call, EXIT_FAILED, NULL, "%s could not be read; " LOADER_FOLDERS,
                 thread->task.file);
    else
        call_end(call, EXIT_FAILED, NULL, "%s has %u error%s", thread->task.file, end->errors,
                 end->errors == 1 ? "" : "s");
}

static void say_difference(struct call *call, struct comparison *comparison,
                           const struct keeper_zone *zone)
{
    const struct load_end *end = &comparison->thread.end;
    uint64_t lines = end->lines_removed + end->lines_added;
    struct json json = {.first = true};
    char sentence[HOLD_TEXT + 256];

    json_open(&json, NULL, '{');
    json_dns_name(&json, "zone", &comparison->zone);
    json_text(&json, "file", comparison->thread.task.file);
    json_bool(&json, "would_change", lines != 0);
    json_number(&json, "removed", end->lines_removed);
    json_number(&json, "added", end->lines_added);
    json_bool(&json, "asks", load_must_ask(zone));
    json_text(&json, "held", end->hold ? end->hold_text : NULL);
    json_close(&json, '}');
    (void)snprintf(sentence, sizeof sentence, "%llu records would go, %llu would come%s%s%s",
                   (unsigned long long)end->lines_removed, (unsigned long long)end->lines_added,
                   load_must_ask(zone) ? "; updates have changed the zone: a reload needs --force"
                                       : "",
                   end->hold ? "; it would be held: " : "", end->hold ? end->hold_text : "");
    call_send(call, &comparison->text, lines ? EXIT_WOULD_CHANGE : EXIT_DONE, &json, sentence);
}

static void finish(struct comparison *comparison)
{
    struct keeper *keeper = comparison->keeper;
    struct keeper_zone *zone = keeper_zone_find(keeper, &comparison->zone);
    struct call *call = control_waiting(keeper, &comparison->zone, WAIT_COMPARISON);

    loader_thread_join(&comparison->thread);
    if (call && (!zone || !zone->config))
        call_end(call, EXIT_NO_OBJECT, NULL, "the zone is gone");
    else if (call && comparison->thread.end.result)
        say_failure(call, &comparison->thread);
    else if (call)
        say_difference(call, comparison, zone);
    buffer_free(&comparison->text);
    buffer_free(&comparison->thread.end.text);
    load_task_free(&comparison->thread.task);
    comparison->busy = false;
}

static void woken(struct ev_loop *loop, ev_async *watcher, int events)
{
    struct comparison *comparison = watcher->data;
    struct buffer slice;
    bool ended = false;

    (void)loop, (void)events;
    if (!comparison->busy)
        return;
    while (loader_thread_take(&comparison->thread, &slice, &ended) == FOUND_YES) {
        buffer_free(&comparison->text);
        comparison->text = slice;
    }
    if (ended)
        finish(comparison);
    else if (!control_waiting(comparison->keeper, &comparison->zone, WAIT_COMPARISON))
        loader_thread_cancel(&comparison->thread); /* whoever asked is gone */
}

/* ---- the question -----------------------------------------------------------------------------
 */

/* Opening a pipe or a device could last for ever. */
static bool is_plain(struct call *call, const char *file)
{
    struct stat status;

    if (stat(file, &status) == 0 && S_ISREG(status.st_mode))
        return true;
    call_end(call, EXIT_FAILED, NULL, "%s is no plain file that can be read; " LOADER_FOLDERS,
             file);
    return false;
}

static void compare(struct call *call, struct keeper_zone *zone, const char *file)
{
    struct comparison *comparison = call->control->keeper->comparison;
    struct loader_thread *thread = &comparison->thread;

    if (!is_plain(call, file))
        return;

    if (!zone->row.version || (keeper_zone_signs(zone) && !keyring_known(zone))) {
        call_end_unloaded(call, zone);
        return;
    }
    if (comparison->busy) {
        call_end(call, EXIT_FAILED, NULL, "another file is being compared; ask again");
        return;
    }
    name_copy(&comparison->zone, &zone->name);
    thread->loop = comparison->keeper->loop;
    thread->wake = &comparison->wake;
    enum result result = load_describe_comparison(zone, file, &thread->task);
    if (!result)
        result = loader_thread_start(thread);
    if (result) {
        load_task_free(&thread->task);
        call_end(call, EXIT_FAILED, NULL, "%s", result_sentence(result));
        return;
    }
    comparison->busy = true;
    call_await(call, WAIT_COMPARISON);
}

void verb_zone_diff(struct call *call)
{
    struct keeper_zone *zone = call_zone(call, call->words[2]);
    uint64_t begun;
    unsigned changes;

    if (!zone)
        return;
    if (call->word_count == 4 && call->words[3][0] != '/')
        call_end(call, EXIT_USAGE, NULL, "the daemon needs the file's whole path");
    else if (call->word_count == 4)
        compare(call, zone, call->words[3]);
    else if (transaction_is_open(zone, &begun, &changes))
        transaction_diff(call, zone);
    else
        compare(call, zone, zone->config->file);
}

/* ---- start and end ----------------------------------------------------------------------------
 */

enum result comparison_open(struct keeper *keeper)
{
    struct comparison *comparison = calloc(1, sizeof *comparison);

    if (!comparison)
        return RESULT_SYSTEM;
    comparison->keeper = keeper;
    keeper->comparison = comparison;
    ev_async_init(&comparison->wake, woken);
    comparison->wake.data = comparison;
    ev_async_start(keeper->loop, &comparison->wake);
    return RESULT_OK;
}

void comparison_close(struct keeper *keeper)
{
    struct comparison *comparison = keeper->comparison;

    if (!comparison)
        return;
    if (comparison->busy) {
        loader_thread_cancel(&comparison->thread);
        loader_thread_join(&comparison->thread);
    }
    ev_async_stop(keeper->loop, &comparison->wake);
    buffer_free(&comparison->text);
    buffer_free(&comparison->thread.end.text);
    load_task_free(&comparison->thread.task);
    free(comparison);
    keeper->comparison = NULL;
}
