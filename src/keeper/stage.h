/*
 * stage.h - what is to be changed in a zone, in memory, before it is signed and written.
 *
 * A stage lies over the version that is served: a name that was touched is held here whole, as it
 * is stored and as it will be; all others are as the store says. Changes go in by update.c (RFC
 * 2136) and edits of a reload; then place.c finds out what kind of place each name becomes,
 * denial.c keeps the chain, round.c has signed what is new, and stage_write.c writes all of it in
 * one commit. While a zone has a stage nothing but signatures of the zone is written otherwise.
 */
#ifndef KEEPER_STAGE_H
#define KEEPER_STAGE_H

#include "avow/base/buffer.h"
#include "avow/ipc/message.h"
#include "avow/store/node.h"

#include "order.h"

struct keeper_zone;

/* An RRset of a name: as it is stored, and as it will be. */
struct staged_rrset {
    uint16_t type;
    uint16_t count; /* records that it will have; 0: it will not be there */
    uint32_t ttl;
    bool touched;            /* `run` is what it will be; else it stays as it is stored */
    uint64_t noted;          /* mark of the stage under which its undo was noted last */
    uint32_t stored_ttl;     /* with `stored`: */
    struct rdata_run stored; /* count 0: it is not there */
    struct buffer run;
    struct buffer signatures; /* made for what it will be; a run */
    uint16_t signature_count;
    uint32_t expiration; /* of these */
};

/* A name that was touched. */
struct staged_name {
    struct order_item item; /* by its name key */
    struct name name;       /* lower-case */

    bool stored; /* has a record in the store; the next three are as there */
    uint16_t stored_flags;
    uint8_t stored_above;
    uint8_t hash[NODE_HASH_OCTETS], wildcard_hash[NODE_HASH_OCTETS]; /* as the flags say */

    bool marked;                    /* what place it is, is to be found out, or was (place.c) */
    struct staged_name *next_dirty; /* in the list of those that are left */
    bool there;                     /* it will have a record; as stored until place.c says */
    uint16_t flags;                 /* of enum node_flag, as it will be */
    uint8_t above;
    bool denial_dirty; /* its NSEC record is to be made anew (denial.c) */
    bool unlisted;     /* it had an NSEC record, and will have none */

    struct staged_rrset *rrsets; /* ascending types */
    size_t count, capacity;
    struct buffer before; /* what `stored` of the RRsets leads into */
    uint8_t key[];
};

/* What an update has done so far, so that it can be taken back. */
struct staged_undo {
    struct staged_name *name;
    uint16_t type, count;
    uint32_t ttl;
    bool touched;
    struct buffer run;
};

/* A record of the NSEC3 chain: as it is stored, and as it will be (denial.c). */
struct staged_link {
    struct order_item item; /* by its hash */
    uint8_t hash[NODE_HASH_OCTETS];
    bool stored, there;
    bool dirty;    /* it will be another one, or its signature will */
    bool retyped;  /* its types are those of `types`, not of the stored record */
    bool composed; /* `run` is what it will be; else only the signatures are others */
    uint16_t *types;
    size_t type_count;
    struct buffer run; /* the NSEC3 record that it will be */
    struct buffer signatures;
    uint16_t signature_count;
    uint32_t expiration;
};

/* Zeroed: none. */
struct stage {
    struct keeper_zone *zone;
    struct snapshot *view; /* of what it lies over: the keeper's, or that of a change (round.c) */
    struct order names;
    struct order links; /* by hash */
    struct staged_name *dirty;
    struct staged_undo *undo;
    size_t undo_count, undo_capacity;
    uint64_t mark;       /* how often stage_mark was called */
    size_t hidden;       /* names that are hidden or come to light */
    uint32_t denial_ttl; /* of NSEC and NSEC3 records, as it will be */
    bool late_denial;    /* they should have another TTL, but are too many for a stage:
                             the round leaves them to a new version of the zone */
    size_t octets;       /* about what it takes in memory */
    enum result failed;  /* memory, damage: it can only be given up */
};

/* Begin, over what is stored: the keeper's view must be renewed while anything is read through the
 * stage. */
void stage_open(struct stage *stage, struct keeper_zone *zone);

/* Give everything up. Takes any state. */
void stage_close(struct stage *stage);

/* Whether nothing of the zone's data would change. */
bool stage_is_empty(const struct stage *stage);

/* The name, read from the store at first; NULL when the stage has failed. */
struct staged_name *stage_name(struct stage *stage, const struct name *name);

/* The name if it was touched already; NULL. */
struct staged_name *stage_find(const struct stage *stage, const struct name *name);
struct staged_name *stage_find_key(const struct stage *stage, const uint8_t *key, size_t length);

/* Walk all names that were touched, in canonical order; NULL at the end. */
struct staged_name *stage_first(const struct stage *stage);
struct staged_name *staged_next(const struct staged_name *name);

/* Keep the first failure. */
void stage_fail(struct stage *stage, enum result result);

/* ---- RRsets as they will be -------------------------------------------------------------------
 */

/* The RRset of a type that is stored or will be there; NULL. */
struct staged_rrset *staged_any(const struct staged_name *name, uint16_t type);

/* Whether it is the zone's apex. */
bool staged_is_apex(const struct stage *stage, const struct staged_name *name);

/* The RRset of a type that will be there; NULL. */
struct staged_rrset *staged_find(const struct staged_name *name, uint16_t type);

/* Its records and TTL as they will be. */
struct rdata_run staged_rdata(const struct staged_rrset *rrset);

/* Whether it will differ from what is stored. */
bool staged_differs(const struct staged_rrset *rrset);

/* Whether the name will have data: any RRset but NSEC. */
bool staged_has_data(const struct staged_name *name);

/* The same as it is stored. */
bool staged_had_data(const struct staged_name *name);
bool staged_had(const struct staged_name *name, uint16_t type);

/* Records that the name will have, those that the signer makes not counted. */
uint32_t staged_records(const struct staged_name *name);

/* Add a record: the RRset gets its TTL. Remove one; replace a whole RRset (count 0: remove it).
 * Failures are the stage's. */
void staged_add(struct stage *stage, struct staged_name *name, uint16_t type, uint32_t ttl,
                struct span rdata);
void staged_remove(struct stage *stage, struct staged_name *name, uint16_t type, struct span rdata);
void staged_replace(struct stage *stage, struct staged_name *name, uint16_t type, uint32_t ttl,
                    const struct rdata_run *run);

/* ---- taking back ------------------------------------------------------------------------------
 */

/* From now on changes can be taken back to here. */
void stage_mark(struct stage *stage);
void stage_take_back(struct stage *stage);

/* Whether anything has become another since then. */
bool stage_has_changed(const struct stage *stage);

#endif
