/*
 * journal.h - writing the journal of a zone, and keeping it within its bounds.
 *
 * Floor: change. What an entry is: store/journal.h.
 */
#ifndef AVOW_CHANGE_JOURNAL_H
#define AVOW_CHANGE_JOURNAL_H

#include "avow/change/change.h"
#include "avow/store/journal.h"

struct journal_bounds {
    uint64_t octets;  /* of all entries of a zone */
    uint32_t entries; /* 0: no journal is kept */
};

/*
 * Add an entry to a zone's journal in a change, and remove the oldest ones until the bounds hold.
 *
 * row    The zone's, with the version that it belongs to; its journal_ members are brought up to
 *        date, the caller puts the row. When the entry does not follow on the newest one
 *        (`from` is not where the line ends: row->serial before the change) the line begins anew.
 * entry  version, from, to, origin, time; pieces and octets are filled in.
 * rows   All rows of the entry (journal_add), cut into pieces here between rows. An entry larger
 *        than the bounds is not kept: the line is then broken, and empty.
 */
void change_put_journal(struct change *change, struct zone *row, struct journal_entry *entry,
                        const struct buffer *rows, const struct journal_bounds *bounds);

/* Remove all entries of the zone, at most `limit` records in this change; the caller puts the row.
 * For a zone whose content changed without an entry: nothing leads from what was to what is. The
 * records that are left then belong to no line and go with the version. */
void change_clear_journal(struct change *change, struct zone *row, size_t limit);

#endif
