/* origin.c - addresses out of a letter. */
#include "origin.h"

#include <string.h>

static bool take(struct span octets, union address *address)
{
    memset(address, 0, sizeof *address);
    if (octets.length < sizeof address->any.sa_family || octets.length > sizeof *address)
        return false;
    memcpy(address, octets.octets, octets.length);
    sa_family_t family = address->any.sa_family;
    return (family == AF_INET || family == AF_INET6) && octets.length == address_length(family);
}

struct config_address address_peer(const union address *address)
{
    struct config_address peer = {.family = address->any.sa_family == AF_INET ? 4 : 6};

    if (peer.family == 4) {
        memcpy(peer.octets, &address->four.sin_addr, sizeof address->four.sin_addr);
        peer.port = ntohs(address->four.sin_port);
    } else {
        memcpy(peer.octets, &address->six.sin6_addr, sizeof address->six.sin6_addr);
        peer.port = ntohs(address->six.sin6_port);
    }
    return peer;
}

bool origin_take(struct origin *origin, struct span client, struct span local)
{
    if (!take(client, &origin->client) || !take(local, &origin->local))
        return false;
    origin->peer = address_peer(&origin->client);
    return true;
}
