/*
 * crowd.h - how many connections each client network has open.
 *
 * A network is an IPv4 /24 or an IPv6 /56: what one customer or one office usually has. Pure but
 * for malloc; of fixed size.
 */
#ifndef AVOW_SRC_FRONT_CROWD_H
#define AVOW_SRC_FRONT_CROWD_H

#include <stdint.h>

#include "avow/base/hash.h"
#include "avow/base/result.h"
#include "origin.h"

struct crowd_member {
    uint64_t network; /* its bits, which family included */
    uint32_t count;   /* 0: free */
    uint32_t next;    /* in its bucket, or of the free ones */
};

/* A zeroed crowd is a closed one. */
struct crowd {
    struct crowd_member *members;
    uint32_t *buckets;
    uint32_t limit;
    uint32_t free;
    struct hash_key key;
};

/* For so many connections at most. RESULT_SYSTEM without memory or random octets. */
MUST_CHECK enum result crowd_open(struct crowd *crowd, uint32_t connections);
void crowd_close(struct crowd *crowd);

/* Connections that the client's network has. */
uint32_t crowd_count(const struct crowd *crowd, const union address *client);

/* Whether two clients belong to one network. */
bool crowd_is_same(const union address *a, const union address *b);

/* One more. Returns which member it is, for crowd_leave and crowd_size. Not to be called for more
 * connections than the crowd was opened for. */
uint32_t crowd_enter(struct crowd *crowd, const union address *client);
void crowd_leave(struct crowd *crowd, uint32_t member);

static inline uint32_t crowd_size(const struct crowd *crowd, uint32_t member)
{
    return crowd->members[member].count;
}

#endif
