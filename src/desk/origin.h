/*
 * origin.h - where a request came from, and thus where its answer goes.
 */
#ifndef AVOW_SRC_DESK_ORIGIN_H
#define AVOW_SRC_DESK_ORIGIN_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "avow/config/config.h"
#include "avow/ipc/message.h"

/* A sockaddr of the families that the front listens on. */
union address {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
};

struct origin {
    bool udp;
    bool trusted;     /* UDP: it had a good TSIG */
    uint16_t worker;  /* UDP: of the front, who has the socket */
    uint32_t socket;  /* UDP: the worker's own number for it */
    uint64_t session; /* TCP */
    union address client;
    union address local;        /* UDP: what was asked; the answer leaves from there */
    struct config_address peer; /* the client, as the configuration has addresses */
};

static inline socklen_t address_length(sa_family_t family)
{
    return family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

static inline struct span address_span(const union address *address)
{
    return span_of(address, address_length(address->any.sa_family));
}

/* An address as the configuration has them. */
struct config_address address_peer(const union address *address);

/* Addresses as a letter has them. False: they are none, and the origin is void. */
bool origin_take(struct origin *origin, struct span client, struct span local);

#endif
