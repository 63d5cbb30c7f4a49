/*
 * stage_write.h - a stage, signed, into the store: nodes, chain, journal, expiry index and counts.
 */
#ifndef KEEPER_STAGE_WRITE_H
#define KEEPER_STAGE_WRITE_H

#include "avow/change/change.h"
#include "avow/store/journal.h"
#include "stage.h"

/*
 * Write a stage into a change that has begun.
 *
 * stage   Settled, its SOA with the new serial in it; everything that is to be signed is signed,
 *         unless the zone is not fully signed anyway.
 * row     The zone's as stored; becomes what it will be, put by the caller. serial and flags of
 *         what was edited are the caller's, too.
 * origin  For the journal, which gets an entry when whoever had the zone at row->serial before can
 *         have had it whole; else it is cleared.
 *
 * Returns RESULT_CORRUPT when the store is not as the stage found it; RESULT_SYSTEM. Failures of
 * puts are the change's.
 */
MUST_CHECK enum result stage_write(struct stage *stage, struct change *change, struct zone *row,
                                   uint32_t serial, enum journal_origin origin);

#endif
