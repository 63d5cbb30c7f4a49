/*
 * zones.h - the row of each zone, and the table by which readers find the zone of a name.
 *
 * Floor: store.
 */
#ifndef AVOW_STORE_ZONES_H
#define AVOW_STORE_ZONES_H

#include "avow/store/digest.h"
#include "avow/store/snapshot.h"
#include "avow/wire/name.h"

enum zone_flag {
    ZONE_SIGNED = 1 << 0,       /* answers carry signatures and denial is proved */
    ZONE_NSEC3 = 1 << 1,        /* denial by NSEC3, else by NSEC */
    ZONE_OPT_OUT = 1 << 2,      /* NSEC3 with opt-out */
    ZONE_FULLY_SIGNED = 1 << 3, /* every signature of the served version is stored */
    ZONE_EXPIRED = 1 << 4,      /* not to be answered from (later: secondary zones) */
    ZONE_EDITED = 1 << 5,       /* holds changes by update that its file does not have */
    ZONE_DOUBTFUL = 1 << 6      /* its records are not those that its digest is of: not answered */
};

enum { ZONE_MAX_SALT = 255 };

/* Times are seconds since 1970 unless said; 0 = never. */
struct zone {
    struct name apex;
    uint32_t version;        /* served; 0 = none yet */
    uint32_t loading;        /* being written beside it; 0 = none */
    uint32_t serial;         /* SOA serial of the served version */
    uint32_t highest_serial; /* ever handed out, by RFC 1982 order: the next is above it */
    uint32_t denial_ttl;     /* of NSEC and NSEC3: min(SOA TTL, MINIMUM), RFC 9077 */
    uint16_t flags;          /* of enum zone_flag */
    uint16_t iterations;     /* NSEC3 */
    uint8_t salt_length;
    uint8_t salt[ZONE_MAX_SALT];
    uint64_t policy_fingerprint; /* of what the served version was signed by */
    uint64_t names;              /* records in the nodes table */
    uint64_t records;            /* resource records, those made by the signer not counted */
    uint64_t rrsets;             /* to be signed, NSEC and NSEC3 not counted */
    uint64_t rrsets_signed;
    uint64_t denials; /* NSEC or NSEC3 records */
    uint64_t denials_signed;
    uint64_t file_size; /* of the source, with the next two: did it change? */
    uint64_t file_time; /* nanoseconds since 1970 */
    uint64_t file_hash;
    uint64_t loaded_at;
    uint32_t loaded_serial; /* that the zone had when its file was last loaded, or written */
    uint64_t changed_at;
    uint64_t signed_at;   /* when the version was last fully signed */
    uint64_t last_change; /* transaction id of the last commit that touched the zone's data */
    /* The journal of the served version (journal.h): entries from this serial on lead, one to the
     * next, to `serial`. Without entries the first is 0. */
    uint32_t journal_oldest;
    uint32_t journal_entries;
    uint64_t journal_octets;
    struct version_digest digest; /* of the served version; kept by change_put_zone */
    uint64_t retired_at; /* left the configuration, and is not served; 0 = it is configured */
};

/* Whether all signatures of the served version are counted as stored. */
static inline bool zone_is_complete(const struct zone *zone)
{
    return zone->rrsets_signed >= zone->rrsets && zone->denials_signed >= zone->denials;
}

/* Whether answers are made from the served version. */
static inline bool zone_is_answered(const struct zone *zone)
{
    return zone->version && !zone->retired_at && !(zone->flags & (ZONE_EXPIRED | ZONE_DOUBTFUL));
}

/* Read a zone's row through a snapshot. */
MUST_CHECK enum found_record zone_get(struct snapshot *snapshot, const struct name *apex,
                                      struct zone *zone);

/* Walk all rows: `after` is the apex behind which to go on, NULL for the first. */
MUST_CHECK enum found_record zone_walk(struct snapshot *snapshot, const struct name *after,
                                       struct zone *zone);

/* The row behind the one that zone_walk or zone_next found last in this snapshot, as the rows
 * stand: a damaged key leads it neither back nor away. Nothing else may have looked for a zone
 * since. */
MUST_CHECK enum found_record zone_next(struct snapshot *snapshot, struct zone *zone);

/* The row's payload, both ways. RESULT_CORRUPT when malformed. */
MUST_CHECK enum result zone_open(struct reader payload, struct zone *zone);
void zone_compose(const struct zone *zone, struct buffer *value);

/* ---- the table ------------------------------------------------------------------------------ */

struct zone_slot;

/* All zones that have a served version, in memory, by apex. A zeroed table is empty. One per
 * thread; never changed by a look-up. */
struct zone_table {
    struct zone_slot *slots; /* open addressing, a power of two */
    size_t capacity;
    size_t count;
    uint64_t generation; /* of the snapshot that it was built from */
    uint64_t labels[2];  /* bit n: some apex has n labels */
    struct hash_key key;
    bool built;
};

/* What a query needs to know of its zone. */
struct served_zone {
    struct name apex;
    uint32_t version;
    uint32_t denial_ttl;
    uint16_t flags; /* of enum zone_flag */
    uint16_t iterations;
    uint16_t bucket; /* pages_bucket of the apex */
    uint8_t salt_length;
    const uint8_t *salt; /* NULL when its length is 0 */
};

/*
 * Bring the table up to the snapshot: nothing when the generation is the same, else build it
 * anew. RESULT_CORRUPT when some row is damaged: that zone is in the table with version 0, under
 * which every look-up finds damage (so it is answered SERVFAIL, not REFUSED, and not by a zone
 * above it); the others are served, and the table counts as built. A zone that is ZONE_DOUBTFUL is
 * in it in the same way. RESULT_SYSTEM without memory: the old table stays.
 */
MUST_CHECK enum result zone_table_refresh(struct zone_table *table, struct snapshot *snapshot);

void zone_table_free(struct zone_table *table);

/* The zone that answers for a name: the one with the longest apex that the name is within. NULL
 * when there is none. Lives until the next refresh. */
const struct served_zone *zone_table_find(const struct zone_table *table, const struct name *name);

/* The same, of the zones strictly above the name: who answers for DS at an apex (RFC 4035 section
 * 3.1.4.1). NULL when the parent is not served here. */
const struct served_zone *zone_table_find_parent(const struct zone_table *table,
                                                 const struct name *name);

/* Transaction id of the last commit that may have changed what this zone answers: an answer made
 * from a snapshot with at least this id is still good. From the pages; without them the
 * snapshot's own id, so that nothing outlives a commit. */
uint64_t zone_last_change(const struct snapshot *snapshot, const struct served_zone *zone);

#endif
