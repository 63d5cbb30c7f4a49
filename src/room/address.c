/* address.c - an address out of a letter. */
#include "avow/room/address.h"

#include <string.h>

bool address_take(struct span octets, union address *address)
{
    memset(address, 0, sizeof *address);
    if (octets.length < sizeof address->any.sa_family || octets.length > sizeof *address)
        return false;
    memcpy(address, octets.octets, octets.length);
    sa_family_t family = address->any.sa_family;
    return (family == AF_INET || family == AF_INET6) && octets.length == address_length(family);
}
