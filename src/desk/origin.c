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

static struct config_address peer_of(const union address *client)
{
    struct config_address peer = {.family = client->any.sa_family == AF_INET ? 4 : 6};

    if (peer.family == 4) {
        memcpy(peer.octets, &client->four.sin_addr, sizeof client->four.sin_addr);
        peer.port = ntohs(client->four.sin_port);
    } else {
        memcpy(peer.octets, &client->six.sin6_addr, sizeof client->six.sin6_addr);
        peer.port = ntohs(client->six.sin6_port);
    }
    return peer;
}

bool origin_take(struct origin *origin, struct span client, struct span local)
{
    if (!take(client, &origin->client) || !take(local, &origin->local))
        return false;
    origin->peer = peer_of(&origin->client);
    return true;
}
