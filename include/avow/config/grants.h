/*
 * grants.h - who may transfer a zone, and what of it somebody may change.
 *
 * Within an entry of allow-transfer or allow-update all that is given must match; of the entries
 * one is enough. For the desk, whose share has the entries whole; the keeper's says what may be
 * changed, and matches nobody. Floor: config. Pure: no allocation, no clock, no shared state.
 */
#ifndef AVOW_CONFIG_GRANTS_H
#define AVOW_CONFIG_GRANTS_H

#include "avow/config/config.h"

/* Who asks. */
struct config_peer {
    const struct config_tsig *key; /* with which the message was signed, and verified; NULL: none */
    uint8_t family;                /* 4 or 6; an IPv4-mapped IPv6 address counts as IPv4 */
    const uint8_t *address;        /* 4 or 16 octets in network order */
    bool tls;                      /* it came by TLS, ALPN "dot" agreed on */
    const uint8_t *pin;       /* CONFIG_PIN_OCTETS of its certificate; NULL: it has shown none */
    const struct name *names; /* of that certificate, vouched for by an authority */
    size_t name_count;
};

/* Whether all that the entry gives of key, address and TLS matches. Keys are the same when their
 * names are: the peer's may be of a configuration that was replaced since. */
bool config_acl_matches(const struct config_acl_entry *entry, const struct config_peer *peer);

bool config_transfer_allowed(const struct config_zone *zone, const struct config_peer *peer);

/* Whether any entry of allow-update matches the peer: whether what it sends is to be looked at. */
bool config_update_allowed(const struct config_zone *zone, const struct config_peer *peer);

/*
 * The grant by which a peer may change records.
 *
 * owner    Their name, in any letter case.
 * type     Their type. TYPE_ANY: all RRsets of the name are deleted (RFC 2136 section 2.5.3); an
 *          entry grants that when it has no types. It is no grant for DNSKEY, CDS, CDNSKEY and
 *          CSYNC, which whoever carries the deletion out must leave as they are.
 *
 * Returns  The first entry that matches the peer, the name and the type; its records_per_name is
 *          what holds. NULL when there is none, when the name is not in the zone, and for types
 *          that no update may touch (RRSIG, NSEC, NSEC3, NSEC3PARAM, meta types).
 * Source   RFC 2136 section 3.3; RFC 3007 section 3.1.
 */
const struct config_acl_entry *config_grant_find(const struct config_zone *zone,
                                                 const struct config_peer *peer,
                                                 const struct name *owner, uint16_t type);

/* Whether any entry lets anybody change these, whoever it is, with so many records a name at most
 * (0: any number): what the desk may ask of the keeper. Name and type as above. */
bool config_grant_exists(const struct config_zone *zone, const struct name *owner, uint16_t type,
                         uint32_t limit);

#endif
