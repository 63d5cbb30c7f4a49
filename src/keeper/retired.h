/*
 * retired.h - zones that have left the configuration, and are kept as they were for a while.
 *
 * An entry that is gone may be a slip, and what updates have made is nowhere but in the store; and
 * a zone that came back with a lower serial would be lost to its secondaries. So the row stays, and
 * with it everything that it names; readers leave it out.
 */
#ifndef KEEPER_RETIRED_H
#define KEEPER_RETIRED_H

#include "internal.h"

/* Nothing is under way for the zone: answers from it end. RESULT_FULL, RESULT_SYSTEM: not now. */
MUST_CHECK enum result retired_begin(struct keeper_zone *zone);

/* The zone is configured again: answers from it begin. RESULT_SYSTEM and the like: not now. */
MUST_CHECK enum result retired_end(struct keeper_zone *zone);

/* Once the store may be written, after each configuration and then as their times come: those that
 * were kept for long enough are dropped; rows that left the configuration while no keeper ran begin
 * their time. */
MUST_CHECK enum result retired_sweep(struct keeper *keeper);

#endif
