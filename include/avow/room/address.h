/*
 * address.h - a client's address as sockets and letters have it.
 *
 * Floor: room. Pure.
 */
#ifndef AVOW_ROOM_ADDRESS_H
#define AVOW_ROOM_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "avow/ipc/message.h"

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

/* As a letter has it. */
static inline struct span address_span(const union address *address)
{
    return span_of(address, address_length(address->any.sa_family));
}

/* Out of a letter. False: it is none, and `address` is void. */
bool address_take(struct span octets, union address *address);

#endif
