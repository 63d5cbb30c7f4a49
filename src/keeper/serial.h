/*
 * serial.h - moving a served zone's serial.
 */
#ifndef KEEPER_SERIAL_H
#define KEEPER_SERIAL_H

#include "internal.h"

/* Give the zone's SOA another serial in a change; its signature goes, and the counts of `row` with
 * it. RESULT_CORRUPT when the SOA is not as it should be. */
MUST_CHECK enum result serial_put(struct change *change, struct zone *row, uint32_t serial);

/* Signatures that were renewed become part of a new version of the zone: one step of the serial for
 * all that were renewed since the last one, at most once a minute. */
void serial_follow(struct keeper_zone *zone);

#endif
