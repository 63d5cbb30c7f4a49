/*
 * wire_size.c - how large the signed zones of a store are in wire form, as an uncompressed
 * transfer.
 *
 *   wire_size FOLDER      FOLDER is that of the store; the daemon must not run
 *
 * Prints one line of JSON: records, octets in wire form, octets of the store's file and of its
 * pages in use, and the ratio of file to wire.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <lmdb.h>

#include "avow/change/watermark.h"
#include "avow/store/chain.h"
#include "avow/store/lookup.h"
#include "avow/store/zones.h"

enum { FIXED_OCTETS = 10, HASHED_LABEL_OCTETS = 33 /* of an NSEC3 owner, beside the apex */ };

struct sum {
    unsigned long long records, signatures, octets;
};

static void stop(const char *what)
{
    fprintf(stderr, "wire_size: %s\n", what);
    exit(1);
}

/* A run has two octets of length before each RDATA, as the wire has. */
static void add_run(struct sum *sum, size_t owner, const struct rdata_run *run)
{
    sum->octets += run->count * (owner + FIXED_OCTETS - 2) + run->length;
    sum->records += run->count;
}

static void add_set(struct sum *sum, size_t owner, const struct rrset_view *set)
{
    add_run(sum, owner, &set->rdata);
    add_run(sum, owner, &set->signatures);
    sum->signatures += set->signatures.count;
}

static void add_nodes(struct sum *sum, struct snapshot *snapshot, const struct zone *zone)
{
    enum walk walk = WALK_FROM;
    struct node_view node;
    struct rrset_view set;
    struct name name;
    enum found_record found;

    while ((found = lookup_walk(snapshot, zone->version, walk, &zone->apex, &node)) ==
           RECORD_THERE) {
        walk = WALK_NEXT;
        if (node_name(&node, &name))
            stop("a name is damaged");
        for (struct reader rows = node.rows; node_next(&rows, &set);) {
            if (set.apart) {
                /* Fetching moves another table's cursor only. */
                if (node_fetch(&node, &set))
                    stop("an RRset is damaged");
            }
            add_set(sum, name.length, &set);
        }
    }
    if (found == RECORD_CORRUPT)
        stop("a node is damaged");
}

static void add_chain(struct sum *sum, struct snapshot *snapshot, const struct zone *zone)
{
    uint8_t hash[NODE_HASH_OCTETS];
    struct chain_nsec3 nsec3;
    bool started = false;
    enum found_record found;

    while ((found = chain_nsec3_walk(snapshot, zone->version, started ? hash : NULL, &nsec3)) ==
           RECORD_THERE) {
        started = true;
        memcpy(hash, nsec3.hash, sizeof hash);
        add_set(sum, zone->apex.length + HASHED_LABEL_OCTETS, &nsec3.rrset);
    }
    if (found == RECORD_CORRUPT)
        stop("an NSEC3 record is damaged");
}

static void add_zones(struct sum *sum, struct snapshot *snapshot)
{
    struct zone zone;
    struct name after;
    bool started = false;

    while (zone_walk(snapshot, started ? &after : NULL, &zone) == RECORD_THERE) {
        started = true;
        name_copy(&after, &zone.apex);
        if (zone.version == 0)
            continue;
        add_nodes(sum, snapshot, &zone);
        add_chain(sum, snapshot, &zone);
    }
}

/* Octets of the pages that any table has in use, LMDB's own two (0: free pages) and its meta pages
 * among them. */
static unsigned long long used_octets(const struct snapshot *snapshot)
{
    unsigned long long pages = 2;
    MDB_stat table = {.ms_psize = 0};

    for (MDB_dbi i = 0; mdb_stat(snapshot->transaction, i, &table) == 0; i++)
        pages += table.ms_branch_pages + table.ms_leaf_pages + table.ms_overflow_pages;
    return pages * table.ms_psize;
}

int main(int count, char **arguments)
{
    struct store_options options = {.folder = arguments[1], .access = STORE_OFFLINE};
    struct snapshot snapshot = {.store = NULL};
    struct sum sum = {.records = 0};
    struct stat status;
    struct store store;
    char path[4096];

    if (count != 2)
        stop("usage: wire_size FOLDER");
    if (store_open(&store, &options))
        stop(store.problem);
    if (snapshot_open(&snapshot, &store, NULL, 0) || snapshot_renew(&snapshot) != RENEWAL_READY)
        stop("the store cannot be read");
    add_zones(&sum, &snapshot);
    (void)snprintf(path, sizeof path, "%s/data.mdb", options.folder);
    if (stat(path, &status))
        stop("the store's file cannot be measured");
    unsigned long long used = used_octets(&snapshot);
    snapshot_close(&snapshot);
    store_close(&store);
    printf("{\"records\": %llu, \"signatures\": %llu, \"wire_octets\": %llu, "
           "\"store_octets\": %lld, \"used_octets\": %llu, \"ratio\": %.3f}\n",
           sum.records, sum.signatures, sum.octets, (long long)status.st_size, used,
           sum.octets ? (double)status.st_size / (double)sum.octets : 0.0);
    return 0;
}
