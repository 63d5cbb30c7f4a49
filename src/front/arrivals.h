/*
 * arrivals.h - connections that came by TLS: the veil hands over their plain side.
 */
#ifndef AVOW_SRC_FRONT_ARRIVALS_H
#define AVOW_SRC_FRONT_ARRIVALS_H

#include "avow/ipc/channel.h"
#include "avow/ipc/dispatch.h"

struct worker;

struct arrivals {
    struct worker *worker;
    struct channel *channel; /* NULL: there is no veil */
    struct dispatch_state dispatch;
};

/* A new channel to the veil; takes the descriptor over. */
void arrivals_connect(struct arrivals *arrivals, int descriptor);

void arrivals_close(struct arrivals *arrivals);

#endif
