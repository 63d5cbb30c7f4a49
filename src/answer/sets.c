/* sets.c - RRsets into the message, each with the signatures that are good now. */
#include <string.h>

#include "avow/dnssec/nsec3.h"
#include "avow/dnssec/rrsig.h"

#include "making.h"

/* The signatures of a run that are valid now. */
struct current {
    unsigned count;   /* of these */
    unsigned others;  /* expired, not yet valid or malformed */
    uint64_t expires; /* the earliest end of these */
};

static bool is_current(const struct making *making, struct reader rdata, uint64_t *expires)
{
    struct rrsig_summary summary;
    uint32_t now = rrsig_stamp(making->now);

    if (rrsig_read_summary(rdata, &summary) || rrsig_stamp_compare(summary.inception, now) > 0 ||
        rrsig_stamp_compare(now, summary.expiration) > 0)
        return false;
    *expires = rrsig_stamp_time(summary.expiration, making->now);
    return true;
}

static struct current find_current(const struct making *making, const struct rdata_run *signatures)
{
    struct current current = {.expires = UINT64_MAX};
    struct reader run = rdata_run_reader(signatures), rdata;

    while (rdata_next(&run, &rdata)) {
        uint64_t expires;
        if (!is_current(making, rdata, &expires)) {
            current.others++;
            continue;
        }
        current.count++;
        if (expires < current.expires)
            current.expires = expires;
    }
    return current;
}

/* ---- what is missing ------------------------------------------------------------------------ */

/* A place for a new reference; NULL when there are enough for once. */
static struct answer_wanted *want(struct making *making, enum answer_wanted_kind kind,
                                  uint16_t type)
{
    struct outcome *outcome = making->outcome;

    if (outcome->wanted_count == ANSWER_WANTED_LIMIT)
        return NULL;
    struct answer_wanted *wanted = &outcome->wanted[outcome->wanted_count++];
    wanted->kind = kind;
    wanted->version = making->zone->version;
    wanted->type = type;
    wanted->apex = false;
    memset(wanted->hash, 0, sizeof wanted->hash);
    name_root(&wanted->owner);
    return wanted;
}

/* One that is the same as another is taken back. */
static void want_once(struct making *making)
{
    struct outcome *outcome = making->outcome;
    const struct answer_wanted *last = &outcome->wanted[outcome->wanted_count - 1];

    for (unsigned i = 0; i + 1 < outcome->wanted_count; i++) {
        const struct answer_wanted *other = &outcome->wanted[i];
        if (other->kind == last->kind && other->version == last->version &&
            other->type == last->type && memcmp(other->hash, last->hash, sizeof last->hash) == 0 &&
            name_equal(&other->owner, &last->owner)) {
            outcome->wanted_count--;
            return;
        }
    }
}

static void want_rrset(struct making *making, const struct node_view *node, uint16_t type)
{
    struct answer_wanted *wanted = want(making, ANSWER_WANTED_RRSET, type);

    if (!wanted)
        return;
    if (node_name(node, &wanted->owner))
        making->corrupt = true;
    wanted->apex = node->flags & NODE_APEX;
    want_once(making);
}

static void want_nsec3(struct making *making, const uint8_t *hash)
{
    struct answer_wanted *wanted = want(making, ANSWER_WANTED_NSEC3, TYPE_NSEC3);

    if (!wanted)
        return;
    memcpy(wanted->hash, hash, NODE_HASH_OCTETS);
    name_copy(&wanted->owner, &making->zone->apex);
    want_once(making);
}

/* ---- putting -------------------------------------------------------------------------------- */

static struct rrset rrset_of(const struct name *owner, const struct rrset_view *view)
{
    return (struct rrset){.owner = owner,
                          .type = view->type,
                          .class_ = CLASS_IN,
                          .ttl = view->ttl,
                          .rdata = view->rdata};
}

/* Those of the run that are valid now, one by one. */
static bool put_some(struct making *making, enum section section, const struct rrset *rrset,
                     const struct rdata_run *signatures)
{
    struct reader run = rdata_run_reader(signatures), rdata;
    const uint8_t *at = run.at;

    for (; rdata_next(&run, &rdata); at = run.at) {
        uint64_t expires;
        struct rdata_run one = {.octets = at, .length = (uint32_t)(run.at - at), .count = 1};
        if (is_current(making, rdata, &expires) &&
            !builder_signatures(&making->builder, section, rrset, &one))
            return false;
    }
    return true;
}

/* False when they do not fit. `*missing` when there are none that are good now. */
static bool put_signatures(struct making *making, enum section section, const struct rrset *rrset,
                           const struct rdata_run *signatures, bool *missing)
{
    struct current current = find_current(making, signatures);

    *missing = current.count == 0;
    if (*missing)
        return true;
    if (current.expires < making->expires)
        making->expires = current.expires;
    return current.others ? put_some(making, section, rrset, signatures)
                          : builder_signatures(&making->builder, section, rrset, signatures);
}

/* An RRset with its signatures, or nothing of it. */
static bool put_signed(struct making *making, enum section section, const struct name *owner,
                       const struct rrset_view *view, bool *missing)
{
    struct builder_mark mark = builder_mark(&making->builder);
    struct rrset rrset = rrset_of(owner, view);

    if (builder_rrset(&making->builder, section, &rrset) &&
        put_signatures(making, section, &rrset, &view->signatures, missing))
        return true;
    builder_rewind(&making->builder, &mark);
    making->truncated = true;
    return false;
}

void making_put(struct making *making, enum section section, const struct name *owner,
                const struct node_view *node, const struct rrset_view *rrset)
{
    bool missing = false;

    if (!making->sign) {
        making->truncated |= !making_put_unsigned(making, section, owner, rrset);
        return;
    }
    (void)put_signed(making, section, owner, rrset, &missing);
    if (missing)
        want_rrset(making, node, rrset->type);
}

bool making_put_unsigned(struct making *making, enum section section, const struct name *owner,
                         const struct rrset_view *rrset)
{
    struct rrset whole = rrset_of(owner, rrset);

    return builder_rrset(&making->builder, section, &whole);
}

void making_put_rrsigs(struct making *making, const struct name *owner,
                       const struct node_view *node, const struct rrset_view *rrset)
{
    struct rrset whole = rrset_of(owner, rrset);
    bool missing;

    making->truncated |=
        !put_signatures(making, SECTION_ANSWER, &whole, &rrset->signatures, &missing);
    if (missing)
        want_rrset(making, node, rrset->type);
}

/* ---- proofs --------------------------------------------------------------------------------- */

static void put_nsec3(struct making *making, const struct proof *proof)
{
    LEFT_UNSET struct name owner;
    bool missing = false;

    if (nsec3_owner(proof->key, &proof->zone->apex, &owner)) {
        making->corrupt = true; /* no such record can have been stored */
        return;
    }
    (void)put_signed(making, SECTION_AUTHORITY, &owner, &proof->rrset, &missing);
    if (missing)
        want_nsec3(making, proof->key);
}

static void put_nsec(struct making *making, const struct proof *proof)
{
    LEFT_UNSET struct name owner;
    const struct node_view node = {.key = proof->key, .key_length = proof->key_length};

    if (node_name(&node, &owner))
        making->corrupt = true;
    else
        making_put(making, SECTION_AUTHORITY, &owner, &node, &proof->rrset);
}

void making_put_proofs(struct making *making)
{
    const struct served_zone *zone = making->zone;

    while (making->proofs_put < making->proof_count) {
        const struct proof *proof = &making->proofs[making->proofs_put++];
        making->zone = proof->zone; /* a chain may have passed through others */
        if (proof->rrset.type == TYPE_NSEC3)
            put_nsec3(making, proof);
        else
            put_nsec(making, proof);
    }
    making->zone = zone;
}
