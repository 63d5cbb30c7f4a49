/*
 * dump.h - a copy of the store that does not depend on its format, out and in; and the check of
 * every record.
 *
 * The dump is text, a record or RRset a line; a line at the end tells how many lines there were
 * and their hash. It is how one goes from a format to the next. Floor: change.
 */
#ifndef AVOW_CHANGE_DUMP_H
#define AVOW_CHANGE_DUMP_H

#include <stdio.h>

#include "avow/change/change.h"

enum { DUMP_VERSION = 1 };

/* Write everything that a snapshot shows to `out`. RESULT_CORRUPT at the first damaged record;
 * RESULT_SYSTEM when `out` takes no more. `problem` is one line for a person. */
MUST_CHECK enum result dump_write(struct snapshot *snapshot, FILE *out,
                                  char problem[STORE_PROBLEM_OCTETS]);

/* Fill an empty store from a dump. RESULT_REFUSED when the store is not empty; RESULT_FORMAT for
 * a bad line or a dump that was cut short: what was read so far has gone in, throw the store away.
 */
MUST_CHECK enum result dump_read(struct store *store, FILE *in, char problem[STORE_PROBLEM_OCTETS]);

struct store_check {
    uint64_t records[STORE_TABLES];
    uint64_t damaged[STORE_TABLES]; /* bad seal, or malformed */
    uint64_t octets;                /* keys and values */
    uint64_t leftovers;             /* records of versions that no zone serves */
    uint64_t misplaced;             /* good records that contradict each other */
};

/*
 * Look at every record: its seal, its form, RRsets kept apart with their nodes, NSEC3 chains
 * closed.
 *
 * complain  Called for each finding, up to 100; may be NULL.
 *
 * Returns RESULT_OK, RESULT_CORRUPT when something was found, RESULT_SYSTEM.
 */
MUST_CHECK enum result store_check(struct snapshot *snapshot, struct store_check *check,
                                   void (*complain)(void *context, const char *line),
                                   void *context);

/* A part of the same for the background scrub: `limit` records of `table` behind `*key` (empty at
 * first; left empty at the end). Damaged ones are counted. */
MUST_CHECK enum result store_scrub(struct snapshot *snapshot, enum store_table table,
                                   struct buffer *key, size_t limit, struct store_check *check);

#endif
