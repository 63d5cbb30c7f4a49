/* origin.c - addresses out of a letter. */
#include "origin.h"

#include <stdlib.h>
#include <string.h>

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
    if (!address_take(client, &origin->client) || !address_take(local, &origin->local))
        return false;
    origin->peer = address_peer(&origin->client);
    return true;
}

bool origin_identify(struct origin *origin, struct span identity, int descriptor,
                     const uint8_t key[IDENTITY_KEY_OCTETS])
{
    uint64_t socket;

    if (identity.length == 0)
        return true;
    struct identity *read = malloc(sizeof *read);
    if (!read || identity_socket(descriptor, &socket) ||
        identity_read(identity, key, socket, read)) {
        free(read);
        return false;
    }
    origin->encrypted = true;
    origin->identity = read;
    origin->pinned = read->has_pin;
    memcpy(origin->pin, read->pin, sizeof origin->pin);
    return true;
}
