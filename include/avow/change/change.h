/*
 * change.h - the only code that writes the store: begin, put, commit or abandon.
 *
 * One change at a time, one thread (LMDB's single write lock). Nothing is visible to anybody before
 * the commit, and a commit has been flushed when it returns. The first failure of any put is kept:
 * further puts do nothing, and the commit fails with it. Floor: change.
 */
#ifndef AVOW_CHANGE_CHANGE_H
#define AVOW_CHANGE_CHANGE_H

#include "avow/store/expiry.h"
#include "avow/store/keys.h"
#include "avow/store/node.h"
#include "avow/store/snapshot.h"
#include "avow/store/zones.h"

/*
 * Where a walk over the records of a version stands that goes on from commit to commit
 * (change/check.h): what it has passed must be told to it when it changes. Zeroed: at the
 * beginning.
 */
struct store_scan {
    enum store_table table;
    uint32_t version;             /* 0: all of the table's records */
    struct buffer key;            /* of the last record that was passed; empty: none was */
    struct version_digest digest; /* of what was passed, of all tables that a digest covers */
    unsigned skipped;             /* damaged records behind that one, passed too */
    bool broken;                  /* there was no way on: records may have been missed */
};

/* A zeroed change is none. */
struct change {
    struct store *store;
    struct snapshot view;  /* see change_view */
    struct buffer scratch; /* record being composed */
    struct buffer parts;   /* octets of a node being changed */
    struct buffer rows;    /* its RRsets, by reference to parts */
    uint64_t octets;       /* put so far: keys and values */
    struct buffer digests; /* struct digest_change of each version that is touched */
    struct MDB_cursor *cursors[STORE_TABLES]; /* for tables that a digest covers */
    const struct store_scan *scan;            /* set behind change_begin; NULL: there is none */
    struct version_digest scanned;            /* to be added to its digest after the commit */
    bool touched;                             /* something was put or removed */
    enum result failed;                       /* the first failure */
    int error; /* of LMDB or errno, with RESULT_SYSTEM and RESULT_FULL */
};

/* For store_options.make: write the format's number and the seed of the seals. */
MUST_CHECK enum result change_make_store(struct store *store, struct MDB_txn *transaction,
                                         const uint8_t seed[HASH_SEED_OCTETS]);

/*
 * Begin. Blocks while another change is running (there must be none: one write thread).
 *
 * Returns RESULT_OK; RESULT_REFUSED when the store is not open for writing or writes are off
 * because a flush failed; RESULT_SYSTEM. Unless RESULT_OK the change is none.
 */
MUST_CHECK enum result change_begin(struct change *change, struct store *store);

/* What the store would be with what was put so far: for lookup, chain, zone_get and the rest.
 * Views read through it are void after the next put or delete. */
struct snapshot *change_view(struct change *change);

/* Octets put so far: commit and begin anew when a slice is large enough. */
uint64_t change_octets(const struct change *change);

/*
 * Commit. The change has ended whatever is returned.
 *
 * transaction  Receives the id of the snapshot that now is the newest; NULL when not wanted.
 *
 * Returns RESULT_OK: flushed. Else nothing of it happened: RESULT_FULL, map or disk (ENOSPC) full;
 * RESULT_SYSTEM, I/O error: the store's writes are off until it is reopened, reading goes on;
 * or the first failure of a put. store->problem tells a person.
 */
MUST_CHECK enum result change_commit(struct change *change, uint64_t *transaction);

/* Forget it. Takes any state. */
void change_abandon(struct change *change);

/* ---- nodes ----------------------------------------------------------------------------------- */

/* Write a whole node over whatever was there, RRsets kept apart included. Calls node_divide. What
 * the parts point to may come from change_view: it is copied first. */
void change_put_node(struct change *change, uint32_t version, const struct name *name,
                     struct node_parts *parts);

/*
 * Give one RRset of a node its signatures (a run of RRSIG RDATA). When they fit the room that was
 * reserved, the record keeps its size; else it is written anew. RECORD_ABSENT when there is no
 * such node or RRset (any more); RECORD_CORRUPT when it is damaged, which fails the change.
 */
MUST_CHECK enum found_record change_put_signatures(struct change *change, uint32_t version,
                                                   const struct name *name, uint16_t type,
                                                   const struct rdata_run *signatures);

/* Put or replace one RRset of a node that is there, keeping its flags and its other RRsets.
 * RECORD_ABSENT when there is no such node. */
MUST_CHECK enum found_record change_put_rrset(struct change *change, uint32_t version,
                                              const struct name *name,
                                              const struct node_rrset *rrset);

/* Take one RRset from a node. RECORD_ABSENT when there is no such node or RRset. The node stays,
 * also without RRsets: the caller decides whether it becomes NODE_EMPTY or is deleted. */
MUST_CHECK enum found_record change_delete_rrset(struct change *change, uint32_t version,
                                                 const struct name *name, uint16_t type);

/* Remove a node and what it keeps apart. No failure when it is not there. */
void change_delete_node(struct change *change, uint32_t version, const struct name *name);

/* ---- the NSEC3 chain ------------------------------------------------------------------------- */

void change_put_nsec3(struct change *change, uint32_t version, const uint8_t hash[NODE_HASH_OCTETS],
                      const struct node_rrset *rrset);
MUST_CHECK enum found_record change_put_nsec3_signatures(struct change *change, uint32_t version,
                                                         const uint8_t hash[NODE_HASH_OCTETS],
                                                         const struct rdata_run *signatures);
void change_delete_nsec3(struct change *change, uint32_t version,
                         const uint8_t hash[NODE_HASH_OCTETS]);

/* ---- rows ------------------------------------------------------------------------------------ */

/* Put the row; its digest is brought up to what this change has done so far to the records of its
 * version. To be called behind these. */
void change_put_zone(struct change *change, struct zone *zone);

/* Add to a digest what this change has done so far to the records of a version, which is not told
 * again: for a version that is not served yet, or a row that is put later. */
void change_take_digest(struct change *change, uint32_t version, struct version_digest *digest);
void change_delete_zone(struct change *change, const struct name *apex);
void change_put_key(struct change *change, const struct key_row *key);
void change_delete_key(struct change *change, const struct name *zone, uint32_t number);

/* Chooses expiry->sequence. An entry for the same segment at the same time is not put twice. */
void change_put_expiry(struct change *change, struct expiry *expiry);
void change_delete_expiry(struct change *change, const struct expiry *expiry);

#endif
