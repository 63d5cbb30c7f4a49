/*
 * dump.h - a copy of the store that does not depend on its format, out and in.
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

#endif
