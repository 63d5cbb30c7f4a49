/*
 * check.h - looking at every record: its seal, its form, what it must agree with, the signatures in
 * it, and that the records of a zone are those that its digest is of.
 *
 * In one go for avowctl, in parts for the scrub of a running keeper. Floor: change.
 */
#ifndef AVOW_CHANGE_CHECK_H
#define AVOW_CHANGE_CHECK_H

#include "avow/change/change.h"
#include "avow/dnssec/verify.h"

struct store_check {
    uint64_t records[STORE_TABLES];
    uint64_t damaged[STORE_TABLES]; /* bad seal, or malformed */
    uint64_t octets;                /* keys and values */
    uint64_t leftovers;             /* records of versions that no zone serves */
    uint64_t misplaced;             /* good records that contradict each other */
    uint64_t doubtful;              /* zones whose records are not those of their digest; all, when
                                     * the store is another than its last commit made it */
    uint64_t signatures;            /* RRsets whose signatures were verified */
    uint64_t bad_signatures;        /* of these, that have one that does not hold */
};

/* An RRset with a signature that does not hold, whenever it is asked for. */
struct bad_signature {
    uint32_t version;
    uint16_t type;
    struct name owner;
    const uint8_t *hash; /* TYPE_NSEC3: of its owner, NODE_HASH_OCTETS; else NULL */
    enum verdict verdict;
};

/* The keys of a version, prepared to verify what they signed. Zeroed: closed. */
struct zone_signatures {
    struct name apex;
    uint32_t version;
    bool tables;
    struct verifier *verifiers;
    size_t count;
    struct digest_context digests;
};

/* Prepare the DNSKEY RRset that the version has. A version without one, or where it is damaged, has
 * no keys: nothing is verified then. RESULT_SYSTEM. Close it whatever was returned.
 *
 * tables  Keys that verify often get tables, which holds a check up for 25 ms now and then.
 */
MUST_CHECK enum result zone_signatures_open(struct zone_signatures *signatures,
                                            struct snapshot *snapshot, const struct name *apex,
                                            uint32_t version, bool tables);
void zone_signatures_close(struct zone_signatures *signatures);

/* What a check is about, and who is told. Functions may be NULL. */
struct check_task {
    struct snapshot *snapshot;
    struct store_check *counts;
    struct zone_signatures *signatures; /* of the version that is scanned; NULL: not verified */
    /* A line for a person, for each finding. */
    void (*complain)(void *context, const char *line);
    /* A record with a bad seal or form. */
    void (*damaged)(void *context, enum store_table table, const struct store_record *record);
    void (*bad_signature)(void *context, const struct bad_signature *bad);
    void *context;
};

/*
 * Look at the next `limit` records of scan->table, and remember in `scan` where it stands; its
 * snapshot may be another one each time. Findings are counted and told.
 *
 * Returns RECORD_THERE when there may be more, RECORD_ABSENT at the end, RECORD_CORRUPT when there
 * is no way on (which is counted as a damaged record; the snapshot must be renewed).
 */
MUST_CHECK enum found_record store_scan_part(const struct check_task *task, struct store_scan *scan,
                                             size_t limit);

/* Begin, with a table and a version (0: all). */
void store_scan_begin(struct store_scan *scan, enum store_table table, uint32_t version);

/* Go on with another table: the digest goes on too. */
void store_scan_table(struct store_scan *scan, enum store_table table);
void store_scan_free(struct store_scan *scan);

/*
 * After a scan of all tables of a zone's version: whether its records are not those of its digest,
 * and what was found damaged (`counts`, of this scan) does not explain it. Then records that look
 * good may be old ones, and others may be missing.
 */
bool store_scan_is_doubtful(const struct store_scan *scan, const struct zone *zone,
                            const struct store_check *counts);

/*
 * Look at everything: each record, RRsets kept apart with their nodes, NSEC3 chains closed,
 * journals, digests.
 *
 * complain  Called for each finding, up to 100; may be NULL.
 *
 * Returns RESULT_OK, RESULT_CORRUPT when something was found, RESULT_SYSTEM.
 */
MUST_CHECK enum result store_check(struct snapshot *snapshot, struct store_check *check,
                                   void (*complain)(void *context, const char *line),
                                   void *context);

/* The same, and each stored signature is verified with its zone's keys: some 80 us each. */
MUST_CHECK enum result store_check_signatures(struct snapshot *snapshot, struct store_check *check,
                                              void (*complain)(void *context, const char *line),
                                              void *context);

/*
 * Whether what a snapshot shows is what the commit with its number wrote. It is not when LMDB's
 * topmost page came back from an earlier commit: then all is older, and agrees with itself. Each
 * commit notes its number for this; none does while store.rolled_back is set, or it would be
 * forgotten. Not for the view of a change.
 */
bool store_is_of_its_commit(struct snapshot *snapshot);

/* When the last pass over the whole store ended, in seconds since 1970; 0: never, or unreadable. */
uint64_t scrubbed_at(struct snapshot *snapshot);
void change_put_scrubbed(struct change *change, uint64_t at);

#endif
