/*
 * signer.h - the signer, as the supervisor's program starts it.
 *
 * The room of the token: makes signatures; no network, no store.
 *
 * Floor: signer.
 */
#ifndef AVOW_SIGNER_SIGNER_H
#define AVOW_SIGNER_SIGNER_H

#include "avow/room/room.h"

/* Be the signer until told to stop. `room` comes from room_open and stays the caller's. Returns the
 * exit code when it could not start; otherwise it ends the process itself, by _exit, since modules
 * crash in their atexit handlers. */
int signer_main(struct room *room);

#endif
