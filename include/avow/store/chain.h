/*
 * chain.h - the NSEC3 or NSEC record that matches or covers.
 *
 * "Not found" proves nothing: what is returned is a stored record with a good seal whose span was
 * checked to hold the hash or name asked for, or CHAIN_CORRUPT. Floor: store.
 */
#ifndef AVOW_STORE_CHAIN_H
#define AVOW_STORE_CHAIN_H

#include "avow/store/node.h"
#include "avow/store/snapshot.h"

enum chain {
    CHAIN_CORRUPT, /* damaged, or there is no record that matches or covers: SERVFAIL */
    CHAIN_MATCH,   /* the record of this very hash or name */
    CHAIN_COVER    /* the record whose span holds it */
};

struct chain_nsec3 {
    struct rrset_view rrset; /* one NSEC3 RDATA and its signatures */
    const uint8_t *hash;     /* the owner's, NODE_HASH_OCTETS, in the map */
    const uint8_t *next;     /* next hashed owner, in the RDATA */
    bool opt_out;            /* the record's flag (RFC 5155 section 3.1.2.1) */
};

/* The NSEC3 record that matches `hash` in this version, or covers it (RFC 5155 section 7.2; the
 * last record of the chain also covers what is before the first). */
MUST_CHECK enum chain chain_nsec3(struct snapshot *snapshot, uint32_t version,
                                  const uint8_t hash[NODE_HASH_OCTETS], struct chain_nsec3 *out);

/* The record that a walk over the table found: seal and form checked. */
MUST_CHECK enum result chain_nsec3_open(const struct store_record *record,
                                        const struct store *store, struct chain_nsec3 *out);

struct chain_nsec {
    struct node_view owner;  /* node_name gives the owner */
    struct rrset_view rrset; /* one NSEC RDATA and its signatures */
};

/*
 * The NSEC record that matches `name` in this version, or covers it (RFC 4035 section 3.1.3). Names
 * that have none (empty non-terminals, names below cuts) are stepped over. `apex` is the zone's,
 * at which the last NSEC of the chain must point.
 */
MUST_CHECK enum chain chain_nsec(struct snapshot *snapshot, uint32_t version,
                                 const struct name *apex, const struct name *name,
                                 struct chain_nsec *out);

/* The next NSEC3 record in order, for transfers, exports and signing: behind `after`, or the first
 * when it is NULL. RECORD_ABSENT at the end of the version. */
MUST_CHECK enum found_record chain_nsec3_walk(struct snapshot *snapshot, uint32_t version,
                                              const uint8_t *after, struct chain_nsec3 *out);

/* The record behind the one that chain_nsec3_walk or chain_nsec3_next found last in this snapshot,
 * without a descent. Nothing else may have looked for an NSEC3 record since. */
MUST_CHECK enum found_record chain_nsec3_next(struct snapshot *snapshot, uint32_t version,
                                              struct chain_nsec3 *out);

#endif
