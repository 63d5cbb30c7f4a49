/*
 * crowd.h - which client network has how many connections, and which of them could be done without.
 *
 * Connections are counted by address (IPv4 /32, IPv6 /128) and by network (IPv4 /24, IPv6 /56):
 * what one customer or one office usually has. Those that wait for their clients stand in a row,
 * per address and per network, the one that has waited for longest first; networks are ranked by
 * the length of their rows. So whom to send away is known at once, however many there are.
 *
 * Floor: room. Pure but for malloc; of fixed size.
 */
#ifndef AVOW_ROOM_CROWD_H
#define AVOW_ROOM_CROWD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "avow/base/hash.h"
#include "avow/base/result.h"
#include "avow/room/address.h"

enum crowd_level { CROWD_ADDRESS, CROWD_NETWORK, CROWD_LEVELS };

/* One connection's part; it lies in the connection. A zeroed one has not entered. */
struct crowd_member {
    TAILQ_ENTRY(crowd_member) rows[CROWD_LEVELS];
    uint32_t groups[CROWD_LEVELS]; /* of its address, of its network */
    bool waits;                    /* it stands in the rows */
};

TAILQ_HEAD(crowd_row, crowd_member);

/* What a group has in common: the bits of an address, zeros behind them. */
struct crowd_prefix {
    uint8_t octets[16];
    uint8_t family; /* 4 or 6 */
    uint8_t bits;
};

struct crowd_group {
    TAILQ_ENTRY(crowd_group) rank; /* of networks with rows as long as this one's */
    struct crowd_prefix prefix;
    struct crowd_row row;
    uint32_t members; /* 0: free */
    uint32_t waiting; /* of these, in the row */
    uint32_t next;    /* in its bucket, or of the free ones */
};

TAILQ_HEAD(crowd_rank, crowd_group);

/* A zeroed crowd is a closed one. */
struct crowd {
    struct crowd_group *groups;
    uint32_t *buckets;
    struct crowd_rank *ranks; /* by the length of the row: 1 to `limit` */
    uint32_t limit;
    uint32_t places; /* groups, and buckets */
    uint32_t longest;
    uint32_t free;
    struct hash_key key;
};

/* For so many connections at most. RESULT_SYSTEM without memory or random octets. */
MUST_CHECK enum result crowd_open(struct crowd *crowd, uint32_t connections);

/* Members need not have left. */
void crowd_close(struct crowd *crowd);

/* Connections that the client's address, or its network, has. */
uint32_t crowd_count(const struct crowd *crowd, enum crowd_level level,
                     const union address *client);

/* Connections that one address or network may have when there may be `limit` in all: `chosen`, or,
 * when that is 0, a part of them, but a few in any case. */
uint32_t crowd_part(uint32_t limit, uint32_t chosen, enum crowd_level level);

/* One more, which does not wait for its client yet. Not to be called for more connections than the
 * crowd was opened for. */
void crowd_enter(struct crowd *crowd, struct crowd_member *member, const union address *client);
void crowd_leave(struct crowd *crowd, struct crowd_member *member);

/* It waits for its client from now on, behind all others that do so; or it does not wait. */
void crowd_wait(struct crowd *crowd, struct crowd_member *member);
void crowd_wait_no_more(struct crowd *crowd, struct crowd_member *member);

/* Who has waited for longest among those of the client's address; NULL: nobody waits. */
struct crowd_member *crowd_idlest_of_address(const struct crowd *crowd,
                                             const union address *client);

/*
 * The same for the client's network, with regard to its addresses: of those that have waited for
 * longest, one whose address has most connections.
 */
struct crowd_member *crowd_idlest_of_network(const struct crowd *crowd,
                                             const union address *client);

/* The same for the network that has most of those who wait. */
struct crowd_member *crowd_idlest(const struct crowd *crowd);

#endif
