/*
 * handoff.h - datagrams and connections to the desk, unread, and its answers to the former.
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

/* Hand a datagram over. False: the desk is away or takes no more. */
bool handoff_datagram(struct handoff *handoff, const struct request *request);

/* A connection, with what was read from it and is not answered. */
struct handoff_connection {
    int descriptor; /* stays the caller's, who closes it */
    const union address *client;
    const union address *local;
    const uint8_t *unread;
    size_t unread_length;
    struct span identity; /* of who came by TLS; empty: plain TCP */
};

/* Hand a connection over. False: the desk is away or takes no more. */
bool handoff_connection(struct handoff *handoff, const struct handoff_connection *connection);

void handoff_close(struct handoff *handoff);

#endif
