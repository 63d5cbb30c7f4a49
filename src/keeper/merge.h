/*
 * merge.h - a reload of a zone that updates have changed since its file was loaded.
 */
#ifndef KEEPER_MERGE_H
#define KEEPER_MERGE_H

#include "internal.h"

/*
 * Take out of a reload's edits (edits.h) every RRset that an update has changed since the zone's
 * file was last loaded: these stay as the updates left them, all others follow the file.
 *
 * Returns RESULT_REFUSED when the journal does not say all that updates have changed since then;
 * RESULT_CORRUPT, RESULT_SYSTEM.
 */
MUST_CHECK enum result merge_edits(struct keeper_zone *zone, struct buffer *edits);

#endif
