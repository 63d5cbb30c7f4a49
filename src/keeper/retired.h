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

/* Once a second, and after each configuration. Zones that are configured again are answered for
 * again. When the time of some has come, those that were kept for long enough are dropped, and rows
 * that left the configuration while no keeper ran begin their time. Many at a time, but not all. */
void retired_tick(struct keeper *keeper);

#endif
