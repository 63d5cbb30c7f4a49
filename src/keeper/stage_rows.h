/*
 * stage_rows.h - what a stage changes, as rows of the journal.
 */
#ifndef KEEPER_STAGE_ROWS_H
#define KEEPER_STAGE_ROWS_H

#include "avow/base/buffer.h"
#include "avow/wire/rrset.h"

/* In the order in which they stand in an entry. Zeroed: none. */
enum stage_part { PART_OLD_SOA, PART_REMOVED, PART_NEW_SOA, PART_ADDED, STAGE_PARTS };
struct stage_rows {
    struct buffer parts[STAGE_PARTS];
    bool off; /* nothing is noted */
};

/* One side of an RRset that changes; no records: it is not there. */
struct stage_side {
    uint32_t ttl;
    struct rdata_run rdata;
    struct rdata_run signatures;
};

/* Note which records of an RRset go and which come, its signatures among them. */
void stage_rows_note(struct stage_rows *rows, const struct name *owner, uint16_t type,
                     const struct stage_side *before, const struct stage_side *after);

/* All parts joined in the first; RESULT_SYSTEM without memory. */
MUST_CHECK enum result stage_rows_join(struct stage_rows *rows);

void stage_rows_free(struct stage_rows *rows);

#endif
