/* scrub_zone.h - a pass over one zone, and what becomes of what it finds. */
#ifndef KEEPER_SCRUB_ZONE_H
#define KEEPER_SCRUB_ZONE_H

#include "scrub.h"

/* What is told of findings. */
struct check_task scrub_task(struct scrub *scrub);

/* Begin with a zone that has a version. */
void scrub_zone_begin(struct scrub *scrub, struct keeper_zone *zone);

/* Look at some records of it, through keeper->view. RECORD_ABSENT: it is done, or another one;
 * RECORD_CORRUPT: go on with another snapshot. */
MUST_CHECK enum found_record scrub_zone_step(struct scrub *scrub, size_t limit);

/* Draw conclusions. keeper->view must be at rest. */
void scrub_zone_end(struct scrub *scrub);
void scrub_rows_end(struct scrub *scrub);

/* What was walked to its end is not what a keeper died of before. */
void scrub_acquit(struct keeper *keeper, uint32_t version);

/* The zone whose version is scrub->deadly cannot even be looked at. */
void scrub_condemn(struct scrub *scrub);

/* In control_scrub.c: a pass has ended; those who wait for it are told. */
void scrub_report(struct keeper *keeper);

#endif
