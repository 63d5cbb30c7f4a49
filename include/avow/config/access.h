/*
 * access.h - entries of allow-transfer and allow-update as structs. A part of config.h, which
 * includes it.
 *
 * Floor: config.
 */
#ifndef AVOW_CONFIG_ACCESS_H
#define AVOW_CONFIG_ACCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "avow/config/address.h"
#include "avow/wire/name.h"

struct config_tsig;

/* Names that an update may touch. */
enum config_scope {
    CONFIG_SCOPE_NAME,          /* this one */
    CONFIG_SCOPE_SUBDOMAIN,     /* this one and those below */
    CONFIG_SCOPE_WILDCARD,      /* `*.` before something: all that is below it, not it itself */
    CONFIG_SCOPE_SELF,          /* the name of the key that signed the update */
    CONFIG_SCOPE_SELF_SUBDOMAIN /* that and those below it */
};

struct config_name_rule {
    enum config_scope scope;
    struct name name; /* the root with SELF and SELF_SUBDOMAIN */
};

/* One entry of allow-transfer or allow-update: grants.h judges by it. Within an entry all that is
 * given must match. */
struct config_acl_entry {
    const struct config_tsig *key; /* NULL: no key asked for */
    struct config_prefix address;  /* family 0: any address */
    bool insecure;                 /* an address alone is meant to be enough */
    bool tls;                      /* it must come by TLS; so it must with the next two */
    uint8_t *certificate_pin;      /* CONFIG_PIN_OCTETS of a client's certificate; NULL: any */
    size_t certificate_pin_length;
    struct name *certificate_name; /* one that an authority vouches for; NULL: any */
    /* For allow-update only: */
    struct config_name_rule *names; /* none: every name of the zone */
    size_t name_count;
    /* None: every type but DNSKEY, CDS, CDNSKEY and CSYNC, which must be named. RRSIG, NSEC, NSEC3
     * and NSEC3PARAM are never among them. */
    uint16_t *types;
    size_t type_count;
    uint32_t records_per_name; /* that a name may have in all after an update; 0: no limit */
};

#endif
