/*
 * link.h - the way back to the keeper, for threads that answer by themselves.
 *
 * A channel ends when the keeper dies, and its descriptor's number goes to the next one. An answer
 * that is still being made must not end up there: the next keeper counts its jobs from zero again,
 * and would store a signature under another name. So whoever has something to answer holds the link
 * that the question came by, and the descriptor lives until the last one lets go.
 */
#ifndef SIGNER_LINK_H
#define SIGNER_LINK_H

#include <stdatomic.h>
#include <stdbool.h>

#include "avow/ipc/channel.h"

struct link {
    int descriptor; /* a duplicate of the channel's, our own */
    _Atomic unsigned holders;
    _Atomic bool closed; /* nobody listens any more */
};

/* A link with one holder, the caller; NULL without memory or descriptors. */
struct link *link_make(int descriptor);

struct link *link_hold(struct link *link); /* returns `link` */
void link_drop(struct link *link);         /* NULL is fine */

/* Send, waiting for room; what nobody hears any more is dropped. `frame`: the calling thread's. */
void link_send(struct link *link, const struct message *message, struct frame *frame);

#endif
