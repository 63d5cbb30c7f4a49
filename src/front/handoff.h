/*
 * handoff.h - messages to the desk, unread, and its answers.
 */
#ifndef AVOW_SRC_FRONT_HANDOFF_H
#define AVOW_SRC_FRONT_HANDOFF_H

#include <stdbool.h>

#include "avow/ipc/channel.h"
#include "avow/ipc/dispatch.h"
#include "origin.h"

struct worker;

struct handoff {
    struct worker *worker;
    struct channel *channel; /* NULL: the desk is away */
    struct dispatch_state dispatch;
};

/* A new channel to the desk; takes the descriptor over. */
void handoff_connect(struct handoff *handoff, int descriptor);

/* Hand a message over. False: the desk is away or takes no more. */
bool handoff_send(struct handoff *handoff, const struct request *request);

void handoff_close(struct handoff *handoff);

#endif
