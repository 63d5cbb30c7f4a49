/*
 * origin.h - where a message came from, and thus where its answer goes.
 */
#ifndef AVOW_SRC_FRONT_ORIGIN_H
#define AVOW_SRC_FRONT_ORIGIN_H

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

#include "avow/answer/answer.h"

/* A sockaddr of the families that we listen on. */
union address {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
};

static inline socklen_t address_length(sa_family_t family)
{
    return family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

struct origin {
    enum answer_transport transport;
    uint32_t socket;     /* UDP: which of the worker's */
    uint64_t connection; /* TCP: its id */
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
    const union address *client;
    const union address *local;
};

static inline struct origin origin_of(const struct request *request)
{
    return (struct origin){.transport = request->transport,
                           .socket = request->socket,
                           .connection = request->connection,
                           .client = *request->client,
                           .local = *request->local};
}

#endif
