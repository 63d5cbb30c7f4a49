/*
 * store.h - the store: one LMDB environment in a folder, its tables and its checksums.
 *
 * Three ways in: the one writer (keeper), readers that run beside it without a lock file (front,
 * desk), and readers that need the store for themselves (avowctl, offline). A process opens a
 * store once, after fork, and shares it between its threads; each thread has its own snapshots.
 * Floor: store. LMDB stays behind this floor and `change`.
 */
#ifndef AVOW_STORE_STORE_H
#define AVOW_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "avow/base/hash.h"
#include "avow/base/result.h"

struct MDB_env;
struct pages;

enum { STORE_FORMAT = 3, STORE_PROBLEM_OCTETS = 320 };
#define STORE_MAP_OCTETS ((uint64_t)64 << 30) /* the address range that is reserved by default */

enum store_access {
    STORE_WRITER, /* makes the store when it is missing; refused while another writer has it */
    STORE_READER, /* read only, no lock file; needs a store that a writer has made, and pages */
    STORE_OFFLINE /* read only; refused while a writer has it, and keeps writers away */
};

enum store_table {
    TABLE_NODES,   /* version + name key -> node.h */
    TABLE_RRSETS,  /* version + name key + type -> an RRset kept apart from its node */
    TABLE_NSEC3,   /* version + hash -> one NSEC3 record and its signatures */
    TABLE_ZONES,   /* name key -> zones.h */
    TABLE_KEYS,    /* name key + number -> keys.h */
    TABLE_JOURNAL, /* version + serial + piece -> journal.h: a change in IXFR form */
    TABLE_EXPIRY,  /* time + version + kind + sequence -> expiry.h */
    TABLE_META,    /* format, seed of the checksums, counters */
    STORE_TABLES
};

struct store;
struct MDB_txn;

/* Writes format and seed into a new store. It lies in the floor above (change/change.h), so that
 * who only reads cannot so much as name what writes. */
typedef enum result store_maker(struct store *store, struct MDB_txn *transaction,
                                const uint8_t seed[HASH_SEED_OCTETS]);

struct store_options {
    const char *folder; /* made with mode 0700 for a writer when it is missing */
    enum store_access access;
    uint64_t map_octets;       /* 0: STORE_MAP_OCTETS; the same for writer and readers */
    store_maker *make;         /* STORE_WRITER: change_make_store, for a store that is new */
    const struct pages *pages; /* STORE_READER beside a running keeper: its pages ... */
    unsigned slot;             /* ... and a slot to use while opening; else NULL and 0 */
};

/* A zeroed store is a closed one. */
struct store {
    struct MDB_env *environment;
    unsigned tables[STORE_TABLES];
    unsigned main_table;       /* LMDB's table of tables */
    const uint8_t *first_page; /* where LMDB has mapped the file; NULL: not known */
    struct hash_key checksum_keys[STORE_TABLES];
    enum store_access access;
    uint64_t map_octets;
    int lock_plus_one; /* our own lock file's descriptor + 1; 0 when there is none */
    bool writes_off;   /* a flush failed: nothing more is written until the store is reopened */
    bool rolled_back;  /* it is older than its last commit (change/check.h) */
    char problem[STORE_PROBLEM_OCTETS];
};

/*
 * Open a store.
 *
 * Returns  RESULT_OK; RESULT_REFUSED when another process has it or its format is not
 *          STORE_FORMAT; RESULT_CORRUPT when it is no store; RESULT_SYSTEM otherwise (for
 *          STORE_READER also: no store there yet, or the keeper has not published: try again).
 *          Unless RESULT_OK the store is closed and store->problem is one line for a person.
 */
MUST_CHECK enum result store_open(struct store *store, const struct store_options *options);

/* The same for a room that starts beside the keeper: tries again for up to half a minute while the
 * store is being made, or is not published yet. Sleeps: to be called before there is a loop. */
MUST_CHECK enum result store_await(struct store *store, const struct store_options *options);

/* Takes a store in any state. Every snapshot and change must have ended. */
void store_close(struct store *store);

/* The table's name, for messages. */
const char *store_table_name(enum store_table table);

#endif
