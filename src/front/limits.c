/* limits.c - the rate limit of the configuration as the workers need it. */
#include "limits.h"

#include <stdlib.h>

#include "avow/config/config.h"

enum { FOUR_BITS = 96 }; /* before an IPv4 address, as IPv6 maps it */

static uint64_t mask_of(unsigned bits)
{
    return bits == 0 ? 0 : bits >= 64 ? UINT64_MAX : ~(UINT64_MAX >> bits);
}

static struct limits_prefix prefix_from(const struct config_prefix *from)
{
    unsigned length = from->length + (from->family == 4 ? FOUR_BITS : 0);
    struct limits_prefix prefix = {
        .mask = {mask_of(length), mask_of(length > 64 ? length - 64 : 0)}};

    for (unsigned i = 0; i < 8 && from->family == 6; i++) {
        prefix.address.high = prefix.address.high << 8 | from->octets[i];
        prefix.address.low = prefix.address.low << 8 | from->octets[8 + i];
    }
    if (from->family == 4)
        prefix.address.low = 0xffff;
    for (unsigned i = 0; i < 4 && from->family == 4; i++)
        prefix.address.low = prefix.address.low << 8 | from->octets[i];
    prefix.four = length >= FOUR_BITS && limiter_is_four(&prefix.address);
    return prefix;
}

static enum result copy_exempt(struct limits *limits, const struct config_rate_limit *from)
{
    limits->exempt = calloc(from->exempt_count + 1, sizeof *limits->exempt);
    if (!limits->exempt)
        return RESULT_SYSTEM;
    for (size_t i = 0; i < from->exempt_count; i++)
        limits->exempt[limits->exempt_count++] = prefix_from(&from->exempt[i]);
    return RESULT_OK;
}

static enum result copy_free_zones(struct limits *limits, const struct config *config)
{
    size_t count = 0;

    for (size_t i = 0; i < config->zone_count; i++)
        count += !config->zones[i].rate_limit;
    limits->free_zones = calloc(count + 1, sizeof *limits->free_zones);
    if (!limits->free_zones)
        return RESULT_SYSTEM;
    for (size_t i = 0; i < config->zone_count; i++)
        if (!config->zones[i].rate_limit)
            limits->free_zones[limits->free_zone_count++] = config->zones[i].name;
    return RESULT_OK;
}

enum result limits_make(struct limits **limits, const struct config *config)
{
    const struct config_rate_limit *from = &config->rate_limit;
    struct limits *made = *limits = NULL;
    struct limiter_rules rules;

    if (!limiter_rules_from(&rules, from))
        return RESULT_OK;
    made = calloc(1, sizeof *made);
    if (!made)
        return RESULT_SYSTEM;
    atomic_init(&made->holders, 1);
    made->rules = rules;
    made->slip = from->slip;
    made->leak = from->leak;
    made->dry_run = from->dry_run;
    made->every_class = true;
    for (unsigned i = 0; i < CONFIG_CLASSES; i++)
        made->every_class = made->every_class && from->classes[i];
    if (copy_exempt(made, from) || copy_free_zones(made, config)) {
        limits_let_go(made);
        return RESULT_SYSTEM;
    }
    *limits = made;
    return RESULT_OK;
}

struct limits *limits_hold(struct limits *limits)
{
    if (limits)
        atomic_fetch_add_explicit(&limits->holders, 1, memory_order_relaxed);
    return limits;
}

void limits_let_go(struct limits *limits)
{
    if (!limits || atomic_fetch_sub_explicit(&limits->holders, 1, memory_order_acq_rel) > 1)
        return;
    free(limits->exempt);
    free(limits->free_zones);
    free(limits);
}

bool limits_exempt(const struct limits *limits, const struct limiter_address *address)
{
    bool four = limiter_is_four(address);

    for (size_t i = 0; i < limits->exempt_count; i++) {
        const struct limits_prefix *prefix = &limits->exempt[i];
        if (prefix->four == four &&
            ((address->high ^ prefix->address.high) & prefix->mask.high) == 0 &&
            ((address->low ^ prefix->address.low) & prefix->mask.low) == 0)
            return true;
    }
    return false;
}

static int compare_names(const void *left, const void *right)
{
    return name_compare(left, right);
}

bool limits_zone_is_free(const struct limits *limits, const struct name *apex)
{
    return bsearch(apex, limits->free_zones, limits->free_zone_count, sizeof *limits->free_zones,
                   compare_names);
}
