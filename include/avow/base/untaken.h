/*
 * untaken.h - what of a TCP connection its client does not take.
 *
 * Floor: base. System calls.
 */
#ifndef AVOW_BASE_UNTAKEN_H
#define AVOW_BASE_UNTAKEN_H

#include <stddef.h>

/* Octets that the kernel has and could not send yet, for the client's window or the way to it is
 * full. 0 for what is no TCP connection. */
size_t untaken_octets(int descriptor);

/* When the connection is closed they are to go with it, instead of being offered to the client for
 * minutes: it is reset. */
void untaken_forget(int descriptor);

#endif
