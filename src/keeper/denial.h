/*
 * denial.h - the chain that denies, kept around what a stage changes.
 */
#ifndef KEEPER_DENIAL_H
#define KEEPER_DENIAL_H

#include "stage.h"

/*
 * After place_settle: find out which NSEC or NSEC3 records the changes add, remove or alter, their
 * neighbours included, and compose these. When the TTL of denials changes with the SOA, all of them
 * are composed anew; in a large zone that is left to a new version (stage->late_denial). Failures
 * are the stage's. Source: RFC 4035 section 2.3, RFC 5155 section 7, RFC 9077.
 */
void denial_settle(struct stage *stage);

/* The link of a hash, read from the store at first; NULL when the stage has failed. */
struct staged_link *denial_link(struct stage *stage, const uint8_t hash[NODE_HASH_OCTETS]);

/* Walk the links that were touched; NULL at the end. */
struct staged_link *denial_first(const struct stage *stage);
struct staged_link *denial_next(const struct staged_link *link);

#endif
