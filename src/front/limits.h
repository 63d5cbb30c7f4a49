/*
 * limits.h - the rate limit of the configuration as the workers need it.
 *
 * Made once, never changed, and shared: a reload makes other ones, and the last worker that takes
 * them gives the old ones back.
 */
#ifndef AVOW_SRC_FRONT_LIMITS_H
#define AVOW_SRC_FRONT_LIMITS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "avow/base/result.h"
#include "avow/wire/name.h"
#include "limiter.h"

struct config;

struct limits_prefix {
    struct limiter_address address, mask;
    bool four; /* of IPv4 addresses; ::/0 holds none of these */
};

struct limits {
    _Atomic unsigned holders;
    struct limiter_rules rules;
    uint32_t slip; /* one in so many of the limited is sent truncated; 0: none */
    uint32_t leak; /* ... is sent as it is; 0: none */
    bool dry_run;
    bool every_class; /* has a limit: the address alone may decide */
    struct limits_prefix *exempt;
    size_t exempt_count;
    struct name *free_zones; /* that have no limit, in canonical order */
    size_t free_zone_count;
};

/* RESULT_SYSTEM without memory. `*limits` is NULL when nothing is to be limited; else the caller
 * holds it. */
MUST_CHECK enum result limits_make(struct limits **limits, const struct config *config);

/* One more holder; one less, the last of whom frees it. NULL is welcome. */
struct limits *limits_hold(struct limits *limits);
void limits_let_go(struct limits *limits);

bool limits_exempt(const struct limits *limits, const struct limiter_address *address);

/* Whether the zone of this apex has no limit. */
bool limits_zone_is_free(const struct limits *limits, const struct name *apex);

#endif
