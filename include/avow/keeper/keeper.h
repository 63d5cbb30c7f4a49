/*
 * keeper.h - the keeper, as the supervisor's program starts it.
 *
 * The room of the only writer: zones, versions, signatures, avowctl's verbs.
 *
 * Floor: keeper.
 */
#ifndef AVOW_KEEPER_KEEPER_H
#define AVOW_KEEPER_KEEPER_H

#include "avow/room/room.h"

/* Be the keeper until told to stop. `room` comes from room_open and stays the caller's. Returns the
 * exit code. */
int keeper_main(struct room *room);

#endif
