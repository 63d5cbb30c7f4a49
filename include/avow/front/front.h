/*
 * front.h - the front, as the supervisor's program starts it.
 *
 * The room for strangers: network in, store read only, no secret but those of cookies.
 *
 * Floor: front.
 */
#ifndef AVOW_FRONT_FRONT_H
#define AVOW_FRONT_FRONT_H

#include "avow/room/room.h"

/* Be the front until told to stop. `room` comes from room_open and stays the caller's. Returns the
 * exit code. */
int front_main(struct room *room);

#endif
