/* shares.c - whether a client, or a network around it, has had its share of the signatures. */
#include "shares.h"

void shares_measure(struct shares *shares, uint32_t rate)
{
    limiter_rules_for_signatures(&shares->rules[false], LIMITER_SIGNATURES, rate);
    limiter_rules_for_signatures(&shares->rules[true], LIMITER_SIGNATURES_PROVEN, rate);
    shares->known = true;
}

static void look(const struct shares *shares, const union address *client, bool proven,
                 uint64_t now_ms, struct limiter_visit *visit)
{
    const struct limiter_address address = limiter_address_of(&client->any);

    limiter_look(shares->limiter, &shares->rules[proven], &address, false, limiter_ticks(now_ms),
                 visit);
}

bool shares_heavy(const struct shares *shares, const union address *client, bool proven,
                  uint64_t now_ms)
{
    struct limiter_visit visit;

    if (!shares->limiter || !shares->known)
        return false;
    look(shares, client, proven, now_ms, &visit);
    return visit.state >= LIMITER_OVER;
}

void shares_charge(const struct shares *shares, const union address *client, bool proven,
                   unsigned count, uint64_t now_ms)
{
    struct limiter_visit visit;

    if (!shares->limiter || !shares->known || count == 0)
        return;
    look(shares, client, proven, now_ms, &visit);
    limiter_charge(&shares->rules[proven], &visit, CONFIG_CLASS_POSITIVE, count * LIMITER_PLAIN);
}
