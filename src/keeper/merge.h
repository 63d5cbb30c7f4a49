/*
 * merge.h - a reload of a zone that updates have changed since its file was loaded.
 */
#ifndef KEEPER_MERGE_H
#define KEEPER_MERGE_H

#include "avow/base/buffer.h"
#include "avow/store/zones.h"
#include "order.h"

/* The RRsets that updates have changed since the zone's file was last loaded, by name key and type.
 * Freed by merge_forget, whatever is returned; results as of merge_edits. */
MUST_CHECK enum result merge_note(struct snapshot *view, const struct zone *row,
                                  struct order *touched);
void merge_forget(struct order *touched);

/*
 * Take out of a reload's edits (edits.h) every RRset that an update has changed since the zone's
 * file was last loaded: these stay as the updates left them, all others follow the file.
 *
 * view   Renewed, held by the caller; `row` is the zone's, as it is in there.
 *
 * Returns RESULT_REFUSED when the journal does not say all that updates have changed since then;
 * RESULT_CORRUPT, RESULT_SYSTEM.
 */
MUST_CHECK enum result merge_edits(struct snapshot *view, const struct zone *row,
                                   struct buffer *edits);

#endif
