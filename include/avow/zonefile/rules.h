/*
 * rules.h - what a zone must be before it is served.
 *
 * The rules see a zone owner by owner, in canonical order (RFC 4034 section 6.1), each owner with
 * all its RRsets; duplicates are already folded by whoever gathered them. Because descendants
 * directly follow their ancestor, the rules remember one cut and one DNAME at a time. The targets
 * of NS, MX and SRV are remembered, as many as the limit says, and looked at in the end.
 *
 * Errors: no SOA or NS at the apex, an SOA elsewhere, several SOA, CNAME or DNAME, something beside
 * CNAME (but RRSIG, NSEC, KEY), NS beside DNAME below the apex, data below DNAME, an owner outside
 * the zone, too large an RRset. Warnings: unequal TTLs in an RRset, data below a cut that is no
 * glue, missing glue, NS and DNAME at a wildcard, NS and MX that lead to a CNAME or nowhere, DS
 * without NS, CDS and the like below the apex; RRSIG, NSEC, NSEC3, NSEC3PARAM and ZONEMD in a zone
 * that is signed here are left out with one warning for all.
 *
 * Floor: zonefile.
 */
#ifndef AVOW_ZONEFILE_RULES_H
#define AVOW_ZONEFILE_RULES_H

#include "avow/base/complaint.h"
#include "avow/base/result.h"
#include "avow/wire/rrset.h"
#include "avow/zonefile/parser.h"

/* Where in the zone an owner stands. */
enum zone_place {
    ZONE_PLACE_APEX,
    ZONE_PLACE_DATA,        /* authoritative data */
    ZONE_PLACE_CUT,         /* NS below the apex */
    ZONE_PLACE_BELOW_CUT,   /* glue, or data that the cut hides */
    ZONE_PLACE_BELOW_DNAME, /* an error was told */
    ZONE_PLACE_OUTSIDE,     /* not in the zone; an error was told */
};

/* One RRset as gathered. */
struct zone_set {
    uint16_t type;
    uint16_t file;          /* of its first record */
    uint32_t line;          /* likewise */
    uint32_t ttl;           /* the lowest of its records: the TTL to serve */
    uint32_t ttl_highest;   /* the highest; a warning when it differs */
    struct rdata_run rdata; /* canonical order, no duplicates */
    bool dropped;           /* OUT: leave it out of the zone */
};

/* One owner with all its RRsets. */
struct zone_owner {
    const struct name *name;
    struct zone_set *sets;
    size_t count;
    enum zone_place place; /* OUT */
};

/* Who signs. */
enum zone_signing {
    ZONE_SIGNED_HERE, /* what only a signer makes is dropped from the source */
    ZONE_AS_IT_IS     /* served as the file says, also when that was signed elsewhere */
};

struct zone_rules_options {
    const struct name *zone;
    enum zone_signing signing;
    struct complaints *complaints;
    const struct zonefile_files *files; /* to name files in complaints; may be NULL */
    uint32_t records_per_set;           /* 0: 20000 */
    uint32_t targets;                   /* NS, MX and SRV targets to remember; 0: 65536 */
};

/* Opaque; the caller's storage is a pointer. */
struct zone_rules;

/* Make the rules' memory (2 MiB and what the targets need). RESULT_SYSTEM without memory. The
 * options are copied, what they point to is not. */
MUST_CHECK enum result zone_rules_make(struct zone_rules **rules,
                                       const struct zone_rules_options *options);

/*
 * Judge the next owner, which comes after all others in canonical order. Fills `place` and
 * `dropped`. An owner all of whose sets are dropped is not part of the zone.
 *
 * Returns  RESULT_OK also when it complained; RESULT_FORMAT once there are so many errors that
 *          going on helps nobody; RESULT_SYSTEM without memory.
 */
MUST_CHECK enum result zone_rules_owner(struct zone_rules *rules, struct zone_owner *owner);

/* After the last owner: what is missing. RESULT_FORMAT when the zone broke a rule (since make). */
MUST_CHECK enum result zone_rules_finish(struct zone_rules *rules);

/* Give the memory back; NULL is welcome. */
void zone_rules_free(struct zone_rules *rules);

#endif
