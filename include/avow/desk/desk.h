/*
 * desk.h - the desk, as the supervisor's program starts it.
 *
 * The room for peers with keys: TSIG secrets, store read only.
 *
 * Floor: desk.
 */
#ifndef AVOW_DESK_DESK_H
#define AVOW_DESK_DESK_H

#include "avow/room/room.h"

/* Be the desk until told to stop. `room` comes from room_open and stays the caller's. Returns the
 * exit code. */
int desk_main(struct room *room);

#endif
