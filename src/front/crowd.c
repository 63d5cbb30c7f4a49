/* crowd.c - how many connections each client network has open. */
#include "crowd.h"

#include <stdlib.h>
#include <string.h>

enum { NOBODY = UINT32_MAX };

enum result crowd_open(struct crowd *crowd, uint32_t connections)
{
    *crowd = (struct crowd){.members = calloc(connections, sizeof *crowd->members),
                            .buckets = calloc(connections, sizeof *crowd->buckets),
                            .limit = connections};
    if (!crowd->members || !crowd->buckets || hash_key_random(&crowd->key)) {
        crowd_close(crowd);
        return RESULT_SYSTEM;
    }
    for (uint32_t i = 0; i < connections; i++) {
        crowd->buckets[i] = NOBODY;
        crowd->members[i].next = i + 1 < connections ? i + 1 : NOBODY;
    }
    return RESULT_OK;
}

void crowd_close(struct crowd *crowd)
{
    free(crowd->members);
    free(crowd->buckets);
    *crowd = (struct crowd){.members = NULL};
}

static uint64_t network_of(const union address *client)
{
    uint64_t network = 0;

    if (client->any.sa_family == AF_INET)
        return ntohl(client->four.sin_addr.s_addr) >> 8;
    /* 56 bits; a one above them keeps the families apart. */
    for (unsigned i = 0; i < 7; i++)
        network = network << 8 | client->six.sin6_addr.s6_addr[i];
    return network | (uint64_t)1 << 56;
}

static uint32_t *bucket_of(const struct crowd *crowd, uint64_t network)
{
    return &crowd->buckets[hash_octets(&crowd->key, &network, sizeof network) % crowd->limit];
}

static uint32_t find(const struct crowd *crowd, uint64_t network)
{
    uint32_t member = *bucket_of(crowd, network);

    while (member != NOBODY && crowd->members[member].network != network)
        member = crowd->members[member].next;
    return member;
}

uint32_t crowd_count(const struct crowd *crowd, const union address *client)
{
    uint32_t member = find(crowd, network_of(client));
    return member == NOBODY ? 0 : crowd->members[member].count;
}

bool crowd_is_same(const union address *a, const union address *b)
{
    return network_of(a) == network_of(b);
}

uint32_t crowd_enter(struct crowd *crowd, const union address *client)
{
    uint64_t network = network_of(client);
    uint32_t member = find(crowd, network);

    if (member == NOBODY) {
        uint32_t *bucket = bucket_of(crowd, network);
        member = crowd->free;
        crowd->free = crowd->members[member].next;
        crowd->members[member] = (struct crowd_member){.network = network, .next = *bucket};
        *bucket = member;
    }
    crowd->members[member].count++;
    return member;
}

void crowd_leave(struct crowd *crowd, uint32_t member)
{
    struct crowd_member *leaving = &crowd->members[member];

    if (--leaving->count)
        return;
    uint32_t *link = bucket_of(crowd, leaving->network);
    while (*link != member)
        link = &crowd->members[*link].next;
    *link = leaving->next;
    leaving->next = crowd->free;
    crowd->free = member;
}
