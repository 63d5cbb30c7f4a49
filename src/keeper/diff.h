/*
 * diff.h - what differs between a zone as composed and the version that is served.
 *
 * A sink for compose.h: it walks the served version beside what is composed, both in order, and
 * collects operations for what differs. Because whole nodes are compared, everything that a
 * change brings with it - empty non-terminals, flags of ancestors, the denial chain - shows
 * up by itself. Signatures of RRsets that stayed are carried over.
 */
#ifndef KEEPER_DIFF_H
#define KEEPER_DIFF_H

#include <stdatomic.h>

#include "compose.h"

#include "avow/store/snapshot.h"

struct diff {
    struct snapshot *snapshot; /* held by the caller for the whole walk */
    uint32_t version;
    uint64_t limit;               /* operations beyond which a difference is not worth it */
    const atomic_bool *cancelled; /* set by another thread to end it; may be NULL */

    struct buffer operations;               /* a slice */
    uint64_t count;                         /* operations */
    uint64_t added, removed, changed;       /* names */
    uint64_t rrsets_signed, denials_signed; /* of what is served afterwards */

    struct name at; /* last stored name that was passed */
    bool started, ended;
    bool chain_started, chain_ended;
    uint8_t hash[NODE_HASH_OCTETS]; /* next stored NSEC3 to be compared */
    struct buffer scratch;
};

/* The sink of a difference. From compose_zone RESULT_FULL: too much differs; RESULT_REFUSED: it was
 * cancelled. */
struct compose_sink diff_sink(struct diff *diff);

/* After compose_zone: what is left in the served version goes. */
MUST_CHECK enum result diff_finish(struct diff *diff);

void diff_free(struct diff *diff);

#endif
