/*
 * diff.h - what differs between a zone as composed and the version that is served.
 *
 * A sink for compose.h: it walks the served version beside what is composed, both in order, and
 * collects as edits (edits.h) the RRsets that differ. What follows from them - empty non-terminals,
 * what a cut hides, the denial chain, signatures - is the stage's business.
 */
#ifndef KEEPER_DIFF_H
#define KEEPER_DIFF_H

#include <stdatomic.h>

#include "compose.h"

#include "avow/store/snapshot.h"

struct diff {
    struct snapshot *snapshot; /* held by the caller for the whole walk */
    uint32_t version;
    uint64_t limit;               /* edits beyond which a difference is not worth it */
    bool no_digest;               /* ZONEMD at the apex is not the file's business */
    const atomic_bool *cancelled; /* set by another thread to end it; may be NULL */

    struct buffer edits;
    uint64_t count;                   /* edits */
    uint64_t added, removed, changed; /* names */

    struct name at; /* last stored name that was passed */
    bool started, ended;
};

/* The sink of a difference. From compose_zone RESULT_FULL: too much differs; RESULT_REFUSED: it was
 * cancelled. */
struct compose_sink diff_sink(struct diff *diff);

/* After compose_zone: what is left in the served version goes. */
MUST_CHECK enum result diff_finish(struct diff *diff);

void diff_free(struct diff *diff);

#endif
