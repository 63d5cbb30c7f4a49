/*
 * compose.h - gathered records to whole nodes, in canonical order, with the chain that denies.
 *
 * One walk over the sorted records: brings an owner's RRsets together, judges them by the zone's
 * rules, adds what the keeper itself publishes at the apex, makes empty non-terminals, finds out
 * what kind of place each name is, and hands node after node to a sink. For NSEC3 the hashes are
 * collected on the way and the chain is handed out afterwards, in hash order.
 */
#ifndef KEEPER_COMPOSE_H
#define KEEPER_COMPOSE_H

#include "avow/dnssec/nsec3.h"
#include "avow/store/node.h"
#include "avow/zonefile/gather.h"
#include "avow/zonefile/rules.h"

enum compose_denial { COMPOSE_UNSIGNED, COMPOSE_NSEC3, COMPOSE_NSEC };

/* What the policy and the keys add to a zone. */
struct compose_signing {
    enum compose_denial denial;
    struct nsec3_parameters nsec3; /* with flags: opt-out */
    uint32_t zone_room;            /* octets that the signatures of an RRset will take */
    uint32_t key_room;             /* the same for DNSKEY */
    struct rdata_run dnskeys;      /* ours; joined by what the zone itself has */
    uint32_t dnskey_ttl;
};

/* Who takes what is composed. Everything lives during the call only. */
struct compose_sink {
    /* A node; `key` without version. */
    enum result (*node)(void *context, const uint8_t *key, size_t key_length,
                        struct node_parts *parts);
    /* An NSEC3 record, in ascending order of hashes, after all nodes. */
    enum result (*nsec3)(void *context, const uint8_t hash[NSEC3_HASH_OCTETS],
                         const struct node_rrset *rrset);
    void *context;
};

struct compose_totals {
    uint64_t names; /* nodes that are not occluded, empty non-terminals included */
    uint64_t records;
    uint64_t rrsets;  /* to be signed */
    uint64_t denials; /* NSEC or NSEC3 records, likewise */
    uint32_t serial;  /* that the records say, or that was set */
    uint32_t denial_ttl;
};

struct compose {
    const struct name *apex;
    const struct compose_signing *signing;
    struct zone_rules *rules;
    const struct zonefile_files *files;
    struct compose_sink sink;
    bool no_digest; /* ZONEMD at the apex is left out: one is made here */
    bool plain;     /* what the zone is to hold is all that is asked for: no chain, no hashes */
    /* The serial of the SOA: given that of the records, the one to publish. NULL: as it is. */
    uint32_t (*serial)(void *context, uint32_t said);
    void *serial_context;
    struct compose_totals totals;
};

/*
 * Walk sorted records.
 *
 * compose  All but `totals` set by the caller.
 *
 * Returns  RESULT_OK; RESULT_FORMAT when the zone breaks a rule (complaints were made by the
 *          rules); RESULT_SYSTEM; or what the sink returned.
 */
MUST_CHECK enum result compose_zone(struct compose *compose, struct gather *gather);

#endif
