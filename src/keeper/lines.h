/*
 * lines.h - what a change does to a zone, as text: a line per record, + or - before it.
 *
 * What a signer makes and the zone's own keys are no part of it: they follow from the rest.
 */
#ifndef KEEPER_LINES_H
#define KEEPER_LINES_H

#include "avow/store/snapshot.h"
#include "avow/zonefile/printer.h"

#include "soa.h"

struct lines {
    struct snapshot *snapshot; /* held by the caller */
    const struct name *zone;
    struct buffer text;
    uint64_t removed, added;
    struct zone_printer printer;
};

/* An RRset on one side of a change; count 0: it is not there. */
struct lines_side {
    uint32_t ttl;
    struct rdata_run rdata;
};

void lines_open(struct lines *lines, struct snapshot *snapshot, const struct name *zone);

/* Both sides of an RRset: records that differ become lines, those that go before those that come.
 * RESULT_CORRUPT when a key's row is damaged; RESULT_SYSTEM. */
MUST_CHECK enum result lines_rrset(struct lines *lines, const struct name *owner, uint16_t type,
                                   const struct lines_side *before, const struct lines_side *after);

/* What the edits of a reload (edits.h) do to a stored version. `serial`: that the file says; it is
 * a difference when it is after the one that is stored. */
MUST_CHECK enum result lines_edits(struct lines *lines, uint32_t version,
                                   const struct buffer *edits, uint32_t serial);

void lines_close(struct lines *lines);

#endif
