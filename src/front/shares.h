/*
 * shares.h - whether a client, or a network around it, has had its share of the signatures.
 *
 * The accounts lie in the table of the rate limit (limiter.h), apart from those of answers, and are
 * kept whether answers are limited or not. Those of clients that have shown their address cannot be
 * used up by others in its name.
 */
#ifndef AVOW_SRC_FRONT_SHARES_H
#define AVOW_SRC_FRONT_SHARES_H

#include <stdbool.h>
#include <stdint.h>

#include "limiter.h"
#include "origin.h"

/* A worker's. */
struct shares {
    struct limiter *limiter;       /* NULL in tests without one: then nobody has had too much */
    struct limiter_rules rules[2]; /* for the unproven, for the proven */
    bool known;                    /* what the tokens make, and thus what a share is */
};

/* What the tokens make: signatures a minute, not 0. */
void shares_measure(struct shares *shares, uint32_t rate);

bool shares_heavy(const struct shares *shares, const union address *client, bool proven,
                  uint64_t now_ms);

/* So many signatures are asked for. */
void shares_charge(const struct shares *shares, const union address *client, bool proven,
                   unsigned count, uint64_t now_ms);

#endif
