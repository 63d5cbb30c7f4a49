/* load.h - the load that is under way: one at a time. */
#ifndef KEEPER_LOAD_H
#define KEEPER_LOAD_H

#include "internal.h"
#include "loader.h"

struct loader {
    struct keeper *keeper;
    struct loader_thread thread;
    struct keeper_zone *zone;     /* whose file is being loaded; NULL: idle */
    uint32_t version;             /* that is being written; 0: none yet */
    struct version_digest digest; /* of what was written of it */
    struct buffer difference;     /* edits, for a round */
    enum result failed;           /* to write */
    uint64_t started_ms;
    uint64_t fingerprint;       /* of what it is composed for: the policy may change meanwhile */
    uint32_t hook;              /* number of the last one that was asked for */
    enum hold_reason hook_hold; /* how it ended, with the text, once hook_ended */
    bool hook_ended;            /* the thread is to be told as soon as the zone has no round */
    char hook_text[HOLD_TEXT];
    ev_async wake;
};

/* ---- load_hook.c ------------------------------------------------------------------------------
 */

/* The thread has written out the zone: the supervisor, who alone may execute anything, is asked.
 * The descriptor is taken over. */
void load_hook_ask(struct loader *loader, int descriptor);

/* The thread goes on, once the hook has ended and no round of the zone is under way: it compares
 * with what is then. */
void load_hook_go_on(struct loader *loader);

#endif
