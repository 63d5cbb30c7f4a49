/*
 * origin.h - where a message came from, and thus where its answer goes.
 */
#ifndef AVOW_SRC_FRONT_ORIGIN_H
#define AVOW_SRC_FRONT_ORIGIN_H

#include <stdint.h>

#include "avow/answer/answer.h"
#include "avow/room/address.h"

struct origin {
    enum answer_transport transport;
    uint32_t socket;     /* UDP: which of the worker's */
    uint64_t connection; /* TCP: its id */
    bool encrypted;      /* TCP: it came by TLS */
    union address client;
    union address local; /* what was asked; for UDP the answer leaves from there */
};

/* A message as it came in. Nothing in it outlives the call that it is given to. */
struct request {
    const uint8_t *octets;
    size_t length;
    enum answer_transport transport;
    uint32_t socket;
    uint64_t connection;
    bool encrypted;
    const union address *client;
    const union address *local;
};

static inline struct origin origin_of(const struct request *request)
{
    return (struct origin){.transport = request->transport,
                           .socket = request->socket,
                           .connection = request->connection,
                           .encrypted = request->encrypted,
                           .client = *request->client,
                           .local = *request->local};
}

#endif
