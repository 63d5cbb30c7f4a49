/*
 * veil.h - the veil, as the supervisor's program starts it.
 *
 * The room that holds the TLS certificate's key: TLS to strangers, plain streams to the front.
 *
 * Floor: veil.
 */
#ifndef AVOW_VEIL_VEIL_H
#define AVOW_VEIL_VEIL_H

#include "avow/room/room.h"

/* Be the veil until told to stop. `room` comes from room_open and stays the caller's. Returns the
 * exit code. */
int veil_main(struct room *room);

#endif
