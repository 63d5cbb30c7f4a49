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
 *        date, the caller puts the row.
 * entry  from, to, origin, time; version (the row's), pieces and octets are filled in. `from` is
 *        the serial that was served before: the caller vouches for it, and calls
 *        change_clear_journal when a serial came without an entry.
 * rows   All rows of the entry (journal_add), one at least, cut into pieces here between rows.
 *
 * The line begins anew when it has no entries, when its oldest is not there (the row's members are
 * another version's), or when an entry leads from `from` already. It ends, empty, when the entry is
 * larger than the bounds or leads nowhere (from == to), and when what must be evicted is damaged:
 * damage to a journal fails no change. What is left of an ended line is removed before another
 * begins, some thousands of records a change; until then entries are not kept. Malformed rows fail
 * the change with RESULT_FORMAT.
 */
void change_put_journal(struct change *change, struct zone *row, struct journal_entry *entry,
                        const struct buffer *rows, const struct journal_bounds *bounds);

/*
 * Make the line whole again, where something of it is damaged: it begins behind the last entry that
 * is not whole, for nothing leads over that. It ends where nobody can tell what is behind the
 * damage, or the line has none, so that it lies beside it. All of the zone's journal is read. The
 * caller puts the row.
 *
 * Returns whether something was cut; false: all is whole.
 */
bool change_mend_journal(struct change *change, struct zone *row);

/* Remove all entries of the zone, at most `limit` records in this change; the caller puts the row.
 * For a zone whose content changed without an entry: nothing leads from what was to what is. The
 * records that are left belong to no line: they go before a line begins again, or with the version.
 * A row that goes over to another version has its members set to 0 instead. */
void change_clear_journal(struct change *change, struct zone *row, size_t limit);

#endif
