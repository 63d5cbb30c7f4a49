/*
 * loader.h - the thread that turns a zone file into slices.
 *
 * The thread reads, sorts, judges and composes, on memory of its own; the main thread writes. A
 * bounded queue between them: composing goes on while a slice is being flushed.
 */
#ifndef KEEPER_LOADER_H
#define KEEPER_LOADER_H

#include <ev.h>
#include <pthread.h>
#include <stdatomic.h>

#include "avow/base/complaint.h"
#include "avow/config/loading.h"
#include "avow/store/store.h"

#include "compose.h"
#include "load_check.h"

enum {
    LOADER_SLICE_OCTETS = 8 << 20,
    LOADER_QUEUE = 4,
    LOADER_COMPLAINTS = 65536 /* octets of text that are kept */
};

/* What somebody should know who wonders why a file cannot be read. */
#define LOADER_FOLDERS                                                                             \
    "the keeper may only read folders that zone files of the configuration lay in when it started"

/* What to load. The thread owns it until it ends. */
struct load_task {
    struct name zone;
    char *file;
    const struct store *store;
    uint32_t source;        /* version that is composed anew, instead of the file; 0: the file */
    uint32_t served;        /* version to compare with; 0: compose a new one */
    uint32_t served_serial; /* of that version, or the highest ever handed out */
    bool has_serial;
    bool any_difference; /* difference mode only: never fall back to a new version */
    bool forced;         /* it may drop what updates have changed */
    bool merged;         /* the file is merged with what updates have changed */
    bool show;           /* nothing is loaded: the difference as text is the only slice */
    uint32_t guarded;    /* version that a load of the file may not change oddly; 0: none */
    struct load_bounds bounds;
    enum config_zonemd zonemd;
    bool no_digest; /* ZONEMD records are made here, and none of the file is taken */
    bool hook;      /* the zone's hook is asked */
    char *state;    /* folder for the zone as text, for the hook */
    struct compose_signing signing;
    struct buffer dnskeys; /* run; signing.dnskeys leads into it */
};

enum load_mode { LOAD_NEW, LOAD_DIFFERENCE };

/* How it ended. */
struct load_end {
    enum result result;
    enum load_mode mode;
    struct compose_totals totals;
    uint32_t said; /* serial in the file */
    uint64_t changes, added, removed, changed;
    uint64_t file_size, file_time;
    uint64_t lines_removed, lines_added; /* of a difference that is shown */
    uint32_t errors, warnings;
    struct buffer text; /* complaints, a line each, NUL behind it */
    struct load_look look;
    enum hold_reason hold; /* HOLD_NONE: it goes on, unless `result` says otherwise */
    char hold_text[HOLD_TEXT];
    uint64_t parse_ns, sort_ns, compose_ns;
};

/* The thread waits for the hook (load_gate.h). */
struct loader_question {
    bool asked; /* and nobody has taken it yet */
    bool answered;
    int descriptor;
};

struct loader_thread {
    pthread_t thread;
    bool running;
    struct load_task task;
    struct load_end end;

    pthread_mutex_t mutex;
    pthread_cond_t room; /* a slice was taken, the hook has ended, or the load is to be given up */
    struct loader_question question;
    struct buffer slices[LOADER_QUEUE];
    unsigned first, count;
    bool ended;
    atomic_bool cancelled;
    struct ev_loop *loop;
    ev_async *wake; /* the main thread */
};

/* Start with loader->task filled in. RESULT_SYSTEM when there can be no thread. */
MUST_CHECK enum result loader_thread_start(struct loader_thread *loader);

/* Take the next slice (to be freed by the caller). FOUND_NOT: none at hand; `*ended` tells whether
 * none will come: then join. */
enum found loader_thread_take(struct loader_thread *loader, struct buffer *slice, bool *ended);

/* Wait for the thread's end, which is near when it has said so, or after cancelling. */
void loader_thread_join(struct loader_thread *loader);
void loader_thread_cancel(struct loader_thread *loader);

#endif
