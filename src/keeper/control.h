/*
 * control.h - avowctl's side of the keeper: calls and what answers them.
 */
#ifndef KEEPER_CONTROL_H
#define KEEPER_CONTROL_H

#include "internal.h"
#include "json.h"
#include "loader.h"

/* avowctl's exit codes (avowctl(8)). */
enum {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_NO_OBJECT = 4,
    EXIT_FORBIDDEN = 5,
    EXIT_WOULD_CHANGE = 6,
    EXIT_HELD = 7
};

enum {
    CALL_ARGUMENTS = 256,
    CALL_LIMIT = 64,
    ZONE_PROBLEMS = 4, /* of the store, of a load, of keys and signatures, of the file */
    ZONE_PROBLEMS_TEXT = ZONE_PROBLEMS * (ZONE_PROBLEM_OCTETS + 2)
};

/* What somebody else of the keeper will end a call for. */
enum call_wait { WAIT_NOTHING, WAIT_COMMIT, WAIT_WRITE, WAIT_COMPARISON, WAIT_SCRUB };

/* One connection of avowctl: one call. */
struct call {
    struct call *next;
    struct control *control;
    struct channel *channel;
    struct dispatch_state letters;
    char *arguments; /* copy; NUL between */
    const char *words[CALL_ARGUMENTS];
    unsigned word_count;
    struct name zone; /* that it waits for or walks */
    bool has_zone;
    /* Called when something happened to the zone; true: the call has ended. NULL: does not wait. */
    bool (*look)(struct call *call, struct keeper_zone *zone);
    enum call_wait wait; /* for something about the zone; see control_waiting */
    /* Called when there is room for more output. NULL: nothing is being streamed. */
    void (*more)(struct call *call);
    void *stream;
    void (*stream_free)(void *stream);
    uint64_t deadline_ms;     /* 0: none; not while it streams */
    struct buffer complaints; /* of the load that it waits for */
    bool ended;
    bool lost; /* its last word could not be sent, or it stays for nothing: to be hung up on */
};

struct control {
    struct keeper *keeper;
    ev_io accept;
    ev_timer tick;
    int listener;
    struct call *calls;
    unsigned count;
    struct log_budget shortage_lines;
};

/* End a call. `json` may be NULL. */
void call_end(struct call *call, int code, struct json *json, const char *format, ...)
    PRINTF_LIKE(4, 5);

/* Send a text from `*sent` on, which is moved. RESULT_FULL: go on when `more` is called. */
MUST_CHECK enum result call_chunk(struct call *call, const struct buffer *text, size_t *sent);

/* Send a whole text, which the call takes over, and then end with a code and a sentence. `json` may
 * be NULL; else its text is taken over. */
void call_send(struct call *call, struct buffer *text, int code, struct json *json,
               const char *sentence);

/* From now on the call waits for something about its zone, however long it takes. */
void call_await(struct call *call, enum call_wait wait);

/* A call that waits for this about a zone; NULL. To be ended. */
struct call *control_waiting(struct keeper *keeper, const struct name *zone, enum call_wait wait);

/* Whether a word is an option of the call; it is taken out of the words. */
bool call_option(struct call *call, const char *option);

/* The zone that a word names; ends the call when there is none. */
struct keeper_zone *call_zone(struct call *call, const char *word);

/* ---- status.c ---------------------------------------------------------------------------------
 */
void verb_status(struct call *call);
void verb_zone_list(struct call *call);
void verb_zone_status(struct call *call);
void verb_key_list(struct call *call);
void verb_ds(struct call *call);
void verb_dnskey(struct call *call);

/* ---- status_zone.c ----------------------------------------------------------------------------
 */

/* What the list has of a zone beside its state, and what its status has beyond that. */
void put_zone_change(struct json *json, const struct keeper_zone *zone);
void put_zone_files(struct json *json, const struct keeper_zone *zone);

/* The load that is held. */
void put_hold(struct json *json, const struct keeper_zone *zone);

/* All that is wrong with the zone and its file, into `text`; NULL, and "": nothing is. */
const char *zone_problem(const struct keeper_zone *zone, char text[ZONE_PROBLEMS_TEXT]);

/* End a call that needs a zone that is loaded: this one is not. */
void call_end_unloaded(struct call *call, const struct keeper_zone *zone);

/* ---- transaction.c ----------------------------------------------------------------------------
 */
void verb_zone_begin(struct call *call);
void verb_zone_set(struct call *call);
void verb_zone_unset(struct call *call);
void verb_zone_commit(struct call *call);
void verb_zone_abort(struct call *call);

/* What the open transaction would change. */
void transaction_diff(struct call *call, struct keeper_zone *zone);

/* ---- compare.c --------------------------------------------------------------------------------
 */
void verb_zone_diff(struct call *call);

/* ---- write_back.c -----------------------------------------------------------------------------
 */
void verb_zone_write(struct call *call);

/* ---- control_scrub.c --------------------------------------------------------------------------
 */
void verb_scrub_start(struct call *call);
void verb_scrub_status(struct call *call);
void scrub_put(struct json *json, const struct keeper *keeper);
void scrub_put_zone(struct json *json, const struct keeper_zone *zone);

/* ---- export.c ---------------------------------------------------------------------------------
 */
void verb_zone_export(struct call *call);

#endif
