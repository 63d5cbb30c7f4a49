/*
 * rate_limit.h - how many answers an address may have by UDP.
 *
 * Floor: config.
 */
#ifndef AVOW_CONFIG_RATE_LIMIT_H
#define AVOW_CONFIG_RATE_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "avow/config/address.h"

/* Kinds of answers that have a rate of their own. */
enum config_answer_class {
    CONFIG_CLASS_POSITIVE,
    CONFIG_CLASS_NODATA,
    CONFIG_CLASS_NXDOMAIN,
    CONFIG_CLASS_REFERRAL,
    CONFIG_CLASS_ERROR,
    CONFIG_CLASSES
};

struct config_rate_limit {
    uint32_t responses_per_second; /* to one address: of classes that have no rate of their own */
    uint32_t classes[CONFIG_CLASSES]; /* responses per second of each; 0: no limit */
    uint32_t window; /* seconds: what is asked for beyond the limit is remembered for so long */
    uint32_t slip;   /* one in so many of the limited is sent truncated instead; 0: none */
    uint32_t leak;   /* one in so many of the limited is sent as it is; 0: none */
    bool dry_run;    /* count and log, and send all the same */
    struct config_prefix *exempt;
    size_t exempt_count;
};

#endif
