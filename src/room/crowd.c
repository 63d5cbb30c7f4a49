/* crowd.c - which client network has how many connections, and which could be done without. */
#include "avow/room/crowd.h"

#include <stdlib.h>
#include <string.h>

enum {
    NOBODY = UINT32_MAX,
    /* How many of a network's row are looked at for the fullest address: enough to find one that
     * has a large part of them, and few enough to be done with every new connection. */
    LOOK_AT = 64,
    EVERYBODYS = 16 /* connections that anybody may have ... */
};

/* ... or this part of all, whichever is more. */
static const uint32_t parts[CROWD_LEVELS] = {[CROWD_ADDRESS] = 8, [CROWD_NETWORK] = 4};

static const uint8_t bits_of_four[CROWD_LEVELS] = {[CROWD_ADDRESS] = 32, [CROWD_NETWORK] = 24};
static const uint8_t bits_of_six[CROWD_LEVELS] = {[CROWD_ADDRESS] = 128, [CROWD_NETWORK] = 56};

/* ---- open and close --------------------------------------------------------------------------*/

enum result crowd_open(struct crowd *crowd, uint32_t connections)
{
    uint32_t places = connections * CROWD_LEVELS;

    *crowd = (struct crowd){.groups = calloc(places, sizeof *crowd->groups),
                            .buckets = calloc(places, sizeof *crowd->buckets),
                            .ranks = calloc((size_t)connections + 1, sizeof *crowd->ranks),
                            .limit = connections,
                            .places = places};
    if (!crowd->groups || !crowd->buckets || !crowd->ranks || hash_key_random(&crowd->key)) {
        crowd_close(crowd);
        return RESULT_SYSTEM;
    }
    for (uint32_t i = 0; i < places; i++) {
        crowd->buckets[i] = NOBODY;
        crowd->groups[i].next = i + 1 < places ? i + 1 : NOBODY;
    }
    for (uint32_t i = 0; i <= connections; i++)
        TAILQ_INIT(&crowd->ranks[i]);
    return RESULT_OK;
}

void crowd_close(struct crowd *crowd)
{
    free(crowd->groups);
    free(crowd->buckets);
    free(crowd->ranks);
    *crowd = (struct crowd){.groups = NULL};
}

/* ---- groups ----------------------------------------------------------------------------------*/

static struct crowd_prefix prefix_of(const union address *client, enum crowd_level level)
{
    bool four = client->any.sa_family == AF_INET;
    struct crowd_prefix prefix = {.family = four ? 4 : 6,
                                  .bits = four ? bits_of_four[level] : bits_of_six[level]};

    memcpy(prefix.octets,
           four ? (const void *)&client->four.sin_addr : (const void *)&client->six.sin6_addr,
           prefix.bits / 8);
    return prefix;
}

static bool is_same(const struct crowd_prefix *a, const struct crowd_prefix *b)
{
    return a->family == b->family && a->bits == b->bits &&
           memcmp(a->octets, b->octets, sizeof a->octets) == 0;
}

static uint32_t *bucket_of(const struct crowd *crowd, const struct crowd_prefix *prefix)
{
    return &crowd->buckets[hash_octets(&crowd->key, prefix, sizeof *prefix) % crowd->places];
}

static uint32_t find(const struct crowd *crowd, const struct crowd_prefix *prefix)
{
    uint32_t group = *bucket_of(crowd, prefix);

    while (group != NOBODY && !is_same(&crowd->groups[group].prefix, prefix))
        group = crowd->groups[group].next;
    return group;
}

static uint32_t find_or_make(struct crowd *crowd, const struct crowd_prefix *prefix)
{
    uint32_t found = find(crowd, prefix);

    if (found != NOBODY)
        return found;
    uint32_t *bucket = bucket_of(crowd, prefix), made = crowd->free;
    struct crowd_group *group = &crowd->groups[made];
    crowd->free = group->next;
    *group = (struct crowd_group){.prefix = *prefix, .next = *bucket};
    TAILQ_INIT(&group->row);
    *bucket = made;
    return made;
}

static void drop_group(struct crowd *crowd, uint32_t dropped)
{
    struct crowd_group *group = &crowd->groups[dropped];
    uint32_t *link = bucket_of(crowd, &group->prefix);

    while (*link != dropped)
        link = &crowd->groups[*link].next;
    *link = group->next;
    group->next = crowd->free;
    crowd->free = dropped;
}

uint32_t crowd_count(const struct crowd *crowd, enum crowd_level level, const union address *client)
{
    struct crowd_prefix prefix = prefix_of(client, level);
    uint32_t group = find(crowd, &prefix);

    return group == NOBODY ? 0 : crowd->groups[group].members;
}

uint32_t crowd_part(uint32_t limit, uint32_t chosen, enum crowd_level level)
{
    uint32_t most = limit / parts[level];

    if (most < EVERYBODYS)
        most = EVERYBODYS;
    if (chosen)
        most = chosen;
    return most < limit ? most : limit;
}

/* ---- coming and going ------------------------------------------------------------------------*/

void crowd_enter(struct crowd *crowd, struct crowd_member *member, const union address *client)
{
    *member = (struct crowd_member){.waits = false};
    for (unsigned level = 0; level < CROWD_LEVELS; level++) {
        struct crowd_prefix prefix = prefix_of(client, level);
        member->groups[level] = find_or_make(crowd, &prefix);
        crowd->groups[member->groups[level]].members++;
    }
}

void crowd_leave(struct crowd *crowd, struct crowd_member *member)
{
    crowd_wait_no_more(crowd, member);
    for (unsigned level = 0; level < CROWD_LEVELS; level++) {
        if (--crowd->groups[member->groups[level]].members == 0)
            drop_group(crowd, member->groups[level]);
    }
}

/* ---- rows and ranks --------------------------------------------------------------------------*/

static void leave_rank(struct crowd *crowd, struct crowd_group *network)
{
    if (network->waiting)
        TAILQ_REMOVE(&crowd->ranks[network->waiting], network, rank);
}

/* Behind those of its rank: the first one is that whose last sign of life is longest ago. */
static void join_rank(struct crowd *crowd, struct crowd_group *network)
{
    if (network->waiting) {
        TAILQ_INSERT_TAIL(&crowd->ranks[network->waiting], network, rank);
        if (crowd->longest < network->waiting)
            crowd->longest = network->waiting;
    }
    while (crowd->longest && TAILQ_EMPTY(&crowd->ranks[crowd->longest]))
        crowd->longest--; /* a row grows and shrinks by one: so does this */
}

void crowd_wait(struct crowd *crowd, struct crowd_member *member)
{
    struct crowd_group *network = &crowd->groups[member->groups[CROWD_NETWORK]];

    leave_rank(crowd, network);
    for (unsigned level = 0; level < CROWD_LEVELS; level++) {
        struct crowd_group *group = &crowd->groups[member->groups[level]];
        if (member->waits)
            TAILQ_REMOVE(&group->row, member, rows[level]);
        else
            group->waiting++;
        TAILQ_INSERT_TAIL(&group->row, member, rows[level]);
    }
    member->waits = true;
    join_rank(crowd, network);
}

void crowd_wait_no_more(struct crowd *crowd, struct crowd_member *member)
{
    struct crowd_group *network = &crowd->groups[member->groups[CROWD_NETWORK]];

    if (!member->waits)
        return;
    leave_rank(crowd, network);
    for (unsigned level = 0; level < CROWD_LEVELS; level++) {
        struct crowd_group *group = &crowd->groups[member->groups[level]];
        TAILQ_REMOVE(&group->row, member, rows[level]);
        group->waiting--;
    }
    member->waits = false;
    join_rank(crowd, network);
}

/* ---- whom to send away -----------------------------------------------------------------------*/

struct crowd_member *crowd_idlest_of_address(const struct crowd *crowd, const union address *client)
{
    struct crowd_prefix prefix = prefix_of(client, CROWD_ADDRESS);
    uint32_t group = find(crowd, &prefix);

    return group == NOBODY ? NULL : TAILQ_FIRST(&crowd->groups[group].row);
}

static struct crowd_member *idlest_in(const struct crowd *crowd, const struct crowd_group *network)
{
    struct crowd_member *member, *found = NULL;
    uint32_t most = 0;
    unsigned looked_at = 0;

    TAILQ_FOREACH(member, &network->row, rows[CROWD_NETWORK])
    {
        uint32_t members = crowd->groups[member->groups[CROWD_ADDRESS]].members;
        if (looked_at++ == LOOK_AT)
            break;
        if (members <= most)
            continue;
        found = member;
        most = members;
    }
    return found;
}

struct crowd_member *crowd_idlest_of_network(const struct crowd *crowd, const union address *client)
{
    struct crowd_prefix prefix = prefix_of(client, CROWD_NETWORK);
    uint32_t group = find(crowd, &prefix);

    return group == NOBODY ? NULL : idlest_in(crowd, &crowd->groups[group]);
}

struct crowd_member *crowd_idlest(const struct crowd *crowd)
{
    return crowd->longest ? idlest_in(crowd, TAILQ_FIRST(&crowd->ranks[crowd->longest])) : NULL;
}
