/* grants.c - who may transfer a zone, and what of it somebody may change. */
#include "avow/config/grants.h"

#include <string.h>

#include "avow/wire/type.h"

static bool has_name(const struct config_peer *peer, const struct name *name)
{
    for (size_t i = 0; i < peer->name_count; i++)
        if (name_equal(&peer->names[i], name))
            return true;
    return false;
}

static bool tls_matches(const struct config_acl_entry *entry, const struct config_peer *peer)
{
    if ((entry->tls || entry->certificate_pin || entry->certificate_name) && !peer->tls)
        return false;
    /* Both are public: no time that a comparison takes tells anything. */
    if (entry->certificate_pin &&
        (!peer->pin || memcmp(entry->certificate_pin, peer->pin, CONFIG_PIN_OCTETS) != 0))
        return false;
    return !entry->certificate_name || has_name(peer, entry->certificate_name);
}

bool config_acl_matches(const struct config_acl_entry *entry, const struct config_peer *peer)
{
    if (entry->key && (!peer->key || !name_equal(&entry->key->name, &peer->key->name)))
        return false;
    return tls_matches(entry, peer) &&
           config_prefix_holds(&entry->address, peer->family, peer->address);
}

static bool any_matches(const struct config_acl_entry *entries, size_t count,
                        const struct config_peer *peer)
{
    for (size_t i = 0; i < count; i++)
        if (config_acl_matches(&entries[i], peer))
            return true;
    return false;
}

bool config_transfer_allowed(const struct config_zone *zone, const struct config_peer *peer)
{
    if (zone->transfer_tls_only && !peer->tls)
        return false;
    return any_matches(zone->allow_transfer, zone->allow_transfer_count, peer);
}

bool config_update_allowed(const struct config_zone *zone, const struct config_peer *peer)
{
    return any_matches(zone->allow_update, zone->allow_update_count, peer);
}

/* ---- names ------------------------------------------------------------------------------------*/

/* Below the name that stands behind the asterisk of `wildcard`. The asterisk itself is such a
 * label: the wildcard's own record may be changed, too. */
static bool is_below(const struct name *owner, const struct name *wildcard)
{
    unsigned labels = wildcard->labels > 0 ? wildcard->labels - 1U : 0;

    return owner->labels > labels && name_common_labels(owner, wildcard) >= labels;
}

/* `self`: the name of the key that the entry asks for and the peer has. */
static bool rule_covers(const struct config_name_rule *rule, const struct name *self,
                        const struct name *owner)
{
    switch (rule->scope) {
    case CONFIG_SCOPE_NAME:
        return name_equal(owner, &rule->name);
    case CONFIG_SCOPE_SUBDOMAIN:
        return name_is_within(owner, &rule->name);
    case CONFIG_SCOPE_WILDCARD:
        return is_below(owner, &rule->name);
    case CONFIG_SCOPE_SELF:
        return self && name_equal(owner, self);
    case CONFIG_SCOPE_SELF_SUBDOMAIN:
        return self && name_is_within(owner, self);
    }
    return false;
}

static bool grants_name(const struct config_acl_entry *entry, const struct name *owner)
{
    const struct name *self = entry->key ? &entry->key->name : NULL;

    for (size_t i = 0; i < entry->name_count; i++)
        if (rule_covers(&entry->names[i], self, owner))
            return true;
    return entry->name_count == 0;
}

/* ---- types ------------------------------------------------------------------------------------*/

/* What goes to the parent, or makes the chain of trust, is never granted in passing. */
static bool must_be_named(uint16_t type)
{
    return type == TYPE_DNSKEY || type == TYPE_CDS || type == TYPE_CDNSKEY || type == TYPE_CSYNC;
}

static bool grants_type(const struct config_acl_entry *entry, uint16_t type)
{
    for (size_t i = 0; i < entry->type_count; i++)
        if (entry->types[i] == type)
            return true;
    return entry->type_count == 0 && !must_be_named(type);
}

/* What no grant covers, whatever it says. */
static bool is_out_of_reach(const struct config_zone *zone, const struct name *owner, uint16_t type)
{
    return type_is_made_by_signer(type) || (type_is_meta(type) && type != TYPE_ANY) ||
           !name_is_within(owner, &zone->name);
}

static bool covers(const struct config_acl_entry *entry, const struct name *owner, uint16_t type)
{
    return grants_name(entry, owner) && grants_type(entry, type);
}

const struct config_acl_entry *config_grant_find(const struct config_zone *zone,
                                                 const struct config_peer *peer,
                                                 const struct name *owner, uint16_t type)
{
    if (is_out_of_reach(zone, owner, type))
        return NULL;
    for (size_t i = 0; i < zone->allow_update_count; i++) {
        const struct config_acl_entry *entry = &zone->allow_update[i];
        if (config_acl_matches(entry, peer) && covers(entry, owner, type))
            return entry;
    }
    return NULL;
}

bool config_grant_exists(const struct config_zone *zone, const struct name *owner, uint16_t type,
                         uint32_t limit)
{
    if (is_out_of_reach(zone, owner, type))
        return false;
    for (size_t i = 0; i < zone->allow_update_count; i++) {
        uint32_t most = zone->allow_update[i].records_per_name;
        if ((most == 0 || (limit && limit <= most)) && covers(&zone->allow_update[i], owner, type))
            return true;
    }
    return false;
}
