/*
 * control.h - avowctl's side of the keeper: calls and what answers them.
 */
#ifndef KEEPER_CONTROL_H
#define KEEPER_CONTROL_H

#include "internal.h"
#include "json.h"

/* avowctl's exit codes (avowctl(8)). */
enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_NO_OBJECT = 4, EXIT_FORBIDDEN = 5 };

enum { CALL_ARGUMENTS = 16, CALL_LIMIT = 64 };

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
};

/* End a call. `json` may be NULL. */
void call_end(struct call *call, int code, struct json *json, const char *format, ...)
    PRINTF_LIKE(4, 5);

/* Send a text from `*sent` on, which is moved. RESULT_FULL: go on when `more` is called. */
MUST_CHECK enum result call_chunk(struct call *call, const struct buffer *text, size_t *sent);

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

/* ---- export.c ---------------------------------------------------------------------------------
 */
void verb_zone_export(struct call *call);

#endif
