/*
 * udp.h - datagrams in and out, a batch at a time.
 */
#ifndef AVOW_SRC_FRONT_UDP_H
#define AVOW_SRC_FRONT_UDP_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>

#include "avow/base/result.h"
#include "origin.h"

struct worker;
struct udp_batch;

struct udp_socket {
    ev_io readable;
    struct worker *worker;
    int descriptor;      /* the room's */
    uint32_t index;      /* in the worker's sockets */
    bool wildcard;       /* each datagram says which address it came to */
    bool behind;         /* so much waits in it that denials are left out */
    union address local; /* what it is bound to */
};

struct udp {
    struct udp_socket *sockets;
    uint32_t count;
    struct udp_batch *batch;   /* one for all sockets, for they take turns */
    struct udp_socket *paused; /* whose batch waits for the store; all sockets are stopped */
};

/* Take the worker's sockets and begin to watch them. RESULT_SYSTEM without memory, or when a socket
 * is none. */
MUST_CHECK enum result udp_open(struct udp *udp, struct worker *worker);

/* Answers may be so large from now on. RESULT_SYSTEM without memory: they stay as they are. */
MUST_CHECK enum result udp_configure(struct udp *udp, uint16_t payload);

/* The worker can go on: answer the batch that waits, if one does. */
void udp_resume(struct udp *udp);

/* One answer outside a batch. */
void udp_send(struct worker *worker, const struct origin *origin, const uint8_t *octets,
              size_t length);

/* Stop watching; takes any state. The sockets stay open: they are the room's. */
void udp_close(struct udp *udp);

#endif
