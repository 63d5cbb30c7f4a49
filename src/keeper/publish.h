/*
 * publish.h - ZONEMD records that are published (RFC 8976).
 *
 * A digest is true of one serial. So every round takes the record away (round.c), and a round that
 * changes nothing else brings a new one, when nothing has changed for a while: it gets all its
 * signatures but that of the record, a thread walks the zone as it will be, then the record is
 * signed and all is written at one blow. A change that comes meanwhile goes first.
 */
#ifndef KEEPER_PUBLISH_H
#define KEEPER_PUBLISH_H

#include "round.h"

MUST_CHECK enum result publish_open(struct keeper *keeper);
void publish_close(struct keeper *keeper);

/* Begin what is due. Every tick. */
void publish_turn(struct keeper *keeper);

/* A round has all signatures but that of its digest: make it. */
void publish_make(struct round *round);

/* The round is given up, or freed: nobody reads its stage any more. */
void publish_abandon(struct round *round);

/* It is stored. */
void publish_stored(struct keeper_zone *zone);

#endif
