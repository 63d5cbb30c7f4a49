/*
 * journal.h - what changed from one serial of a zone to the next, in the form of IXFR.
 *
 * An entry leads from one serial to another and holds every record that went and every record that
 * came, signatures and the chain of denial included, so that whoever has the zone as it was and
 * applies the entry has it as it is, octet for octet. Entries are found by the serial that they
 * lead from; those of a version form a line that ends at the serial that is served. Where the line
 * is broken (evicted, or a new version was loaded) a secondary gets the whole zone.
 *
 * An entry is stored in pieces of some 64 KiB, small ones in smaller pieces. Each piece is a row of
 * whole RRsets, or parts of RRsets, by TTL and type; first everything that went, the old SOA at its
 * head, then what came, the new SOA at its head. A record that stays is in neither.
 *
 * While a zone's row counts entries, its version has the records of that line and no others, and
 * from a serial that the line does not pass no entry is found. Serials are only compared, never
 * reckoned with: 0 is one like any other. Floor: store. Source: RFC 1995.
 */
#ifndef AVOW_STORE_JOURNAL_H
#define AVOW_STORE_JOURNAL_H

#include "avow/store/snapshot.h"
#include "avow/wire/rrset.h"

/* Where a change came from. */
enum journal_origin {
    JOURNAL_UPDATE,  /* dynamic update, or a change by avowctl */
    JOURNAL_RELOAD,  /* the zone's file */
    JOURNAL_SIGNING, /* signatures that were due */
    JOURNAL_ORIGINS
};

/* What the first piece says of the whole. */
struct journal_entry {
    uint32_t version; /* of the zone */
    uint32_t from, to;
    enum journal_origin origin;
    uint64_t time;   /* of the commit, seconds since 1970 */
    uint16_t pieces; /* at least 1 */
    uint64_t octets; /* of the rows in all pieces; heads, keys and seals not counted */
};

enum journal_act { JOURNAL_REMOVED, JOURNAL_ADDED };

/* Records of one owner, type and TTL; the run points into what was read. */
struct journal_rrset {
    enum journal_act act;
    struct name owner;
    uint16_t type;
    uint32_t ttl;
    struct rdata_run rdata;
};

/* The entry that leads from a serial. RECORD_ABSENT: none does, send the whole zone. Whoever
 * follows a line takes no more steps than the zone's row has entries. */
MUST_CHECK enum found_record journal_get(struct snapshot *snapshot, uint32_t version, uint32_t from,
                                         struct journal_entry *entry);

/* A piece of an entry that journal_get found, 0 to pieces - 1: a reader for journal_next. It lives
 * as long as the snapshot. RECORD_CORRUPT when it is damaged or missing. */
MUST_CHECK enum found_record journal_piece(struct snapshot *snapshot,
                                           const struct journal_entry *entry, uint16_t piece,
                                           struct reader *rows);

/* The next RRset of a piece: at least one record, the run valid. False at the end, or when it is
 * malformed (then the reader failed). */
bool journal_next(struct reader *rows, struct journal_rrset *rrset);

/* ---- composing ---------------------------------------------------------------------------------
 */

/* Append a row to an entry that is being made; nothing for an RRset without records. A failure
 * stays in the buffer. */
void journal_add(struct buffer *rows, const struct journal_rrset *rrset);

/* The head of an entry's first piece, both ways; version and from are in the key. The reader is
 * left at the first row. RESULT_CORRUPT when malformed. */
enum { JOURNAL_FORM = 1, JOURNAL_HEAD_OCTETS = 24, JOURNAL_KEY_OCTETS = 10 };
MUST_CHECK enum result journal_open(struct reader *payload, struct journal_entry *entry);
void journal_compose(const struct journal_entry *entry, struct buffer *value);

#endif
