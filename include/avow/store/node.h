/*
 * node.h - a name's record: what kind of place it is, its RRsets, and their signatures beside them.
 *
 * Reading is without copies: views point into the map and live until the snapshot rests (or, seen
 * through a change, until the next write). Writing composes a whole record from its parts. Room for
 * signatures is reserved when a node is first written, so that a signature that is made later is
 * filled in without changing the record's size. Floor: store.
 */
#ifndef AVOW_STORE_NODE_H
#define AVOW_STORE_NODE_H

#include "avow/base/buffer.h"
#include "avow/store/record.h"
#include "avow/wire/rrset.h"

struct snapshot;

enum { NODE_HASH_OCTETS = 20, NODE_MAX_OCTETS = 1900 /* beyond it RRsets are kept apart */ };

enum node_flag {
    NODE_APEX = 1 << 0,
    NODE_CUT = 1 << 1,                /* has NS, is not the apex, is not below a cut or DNAME */
    NODE_DNAME = 1 << 2,              /* has DNAME, is not below a cut or DNAME */
    NODE_BELOW_CUT = 1 << 3,          /* occluded or glue; `above` counts the cut's labels */
    NODE_BELOW_DNAME = 1 << 4,        /* occluded; `above` counts the DNAME owner's labels */
    NODE_HAS_CHILDREN = 1 << 5,       /* some other name that is not occluded is below it */
    NODE_HAS_WILDCARD_CHILD = 1 << 6, /* `*.` before this name has a record of its own */
    NODE_EMPTY = 1 << 7,              /* an empty non-terminal (RFC 4592 section 2.2.2) */
    NODE_HAS_HASH = 1 << 8,           /* `hash` is there */
    NODE_HAS_WILDCARD_HASH = 1 << 9   /* `wildcard_hash` is there */
};
#define NODE_BELOW (NODE_BELOW_CUT | NODE_BELOW_DNAME)

/* ---- reading ------------------------------------------------------------------------------- */

/* A node in the map. Its RRsets were checked to be well-formed when it was opened. */
struct node_view {
    struct snapshot *snapshot;    /* for RRsets that are kept apart; NULL: none can be read */
    const uint8_t *key;           /* version + name key */
    const uint8_t *hash;          /* NSEC3 hash of the name, NODE_HASH_OCTETS; NULL without */
    const uint8_t *wildcard_hash; /* NSEC3 hash of `*.` before the name; NULL without */
    struct reader rows;           /* at the first RRset */
    uint16_t key_length;
    uint16_t flags; /* of enum node_flag */
    uint16_t count; /* RRsets */
    uint8_t above;  /* labels of the topmost cut or DNAME owner above it; 0 when not below */
};

struct rrset_view {
    struct rdata_run rdata;
    struct rdata_run signatures; /* RRSIG RDATA; count 0 while there is none */
    uint32_t ttl;
    uint32_t signature_room; /* octets reserved for the run of signatures, >= its length */
    uint16_t type;
    bool apart; /* kept in a record of its own: rdata and signatures still to be fetched */
};

/* Read a payload whose seal is good. RESULT_CORRUPT when it is malformed anywhere. */
MUST_CHECK enum result node_open(struct reader payload, struct node_view *view);

/* The RRset of `type`, also when it is kept apart. Nothing but RECORD_THERE fills `rrset`. */
MUST_CHECK enum found_record node_find(const struct node_view *view, uint16_t type,
                                       struct rrset_view *rrset);

/* Whether the node has the type. Costs a walk, no fetch. */
bool node_has(const struct node_view *view, uint16_t type);

/* Walk: `for (struct reader r = view.rows; node_next(&r, &rrset); )`, in order of type. An RRset
 * kept apart comes without RDATA; node_fetch gets it. */
bool node_next(struct reader *rows, struct rrset_view *rrset);

/* Fetch what is kept apart; does nothing to an RRset that is not. RESULT_CORRUPT when it is gone
 * or damaged: the node says it must be there. */
MUST_CHECK enum result node_fetch(const struct node_view *view, struct rrset_view *rrset);

/* The node's owner (lower-cased). RESULT_CORRUPT when its key is no name key. */
MUST_CHECK enum result node_name(const struct node_view *view, struct name *name);

/* Types at the node in ascending order, RRSIG, NSEC and NSEC3 not among them unless stored as
 * RRsets; returns how many there are, and writes at most `limit`. For bitmaps. */
size_t node_types(const struct node_view *view, uint16_t *types, size_t limit);

/* ---- composing ----------------------------------------------------------------------------- */

/* An RRset to be written. */
struct node_rrset {
    struct rdata_run rdata;
    struct rdata_run signatures;
    uint32_t ttl;
    uint32_t signature_room; /* reserve so many octets for signatures; raised to what they need */
    uint16_t type;
    bool apart; /* set by node_divide */
};

struct node_parts {
    struct node_rrset *rrsets; /* ascending types, none twice */
    size_t count;
    uint16_t flags;
    uint8_t above;
    uint8_t hash[NODE_HASH_OCTETS];          /* with NODE_HAS_HASH */
    uint8_t wildcard_hash[NODE_HASH_OCTETS]; /* with NODE_HAS_WILDCARD_HASH */
};

/* Decide which RRsets are kept apart so that the node stays within NODE_MAX_OCTETS: the largest
 * first; sets node_rrset.apart of each. One that is apart and comes without RDATA (as node_next
 * gives it) stays as it is. */
void node_divide(struct node_parts *parts);

/* Append the node's payload (no seal) to `value`. RESULT_FORMAT when types are not ascending or a
 * part is out of range; RESULT_SYSTEM without memory. */
MUST_CHECK enum result node_compose(const struct node_parts *parts, struct buffer *value);

/* One RRset as a payload of its own: TABLE_RRSETS and TABLE_NSEC3. */
MUST_CHECK enum result node_compose_rrset(const struct node_rrset *rrset, struct buffer *value);

/* Read such a payload. RESULT_CORRUPT when it is malformed. */
MUST_CHECK enum result node_open_rrset(struct reader payload, struct rrset_view *rrset);

/* A view as something to write again, by reference. */
struct node_rrset node_rrset_of(const struct rrset_view *view);

/* A run of RRSIG RDATA with one record more. Plain helper for callers that collect signatures. */
void node_signatures_add(struct buffer *run, const uint8_t *rrsig, uint16_t length);

#endif
