/* due.c - signatures that are due by the expiry index. */
#include "pump.h"

#include <stdlib.h>
#include <string.h>

#include "avow/store/lookup.h"

enum {
    DUE_ENTRIES = 64,   /* of the expiry index, taken at once */
    DUE_RECORDS = 8192, /* names of these, or thereabouts */
    LATE_PART = 4       /* signatures that have but this part of the time left that they were to be
                         * renewed in do not wait for what queries ask for */
};

/* Sign again what is due between the first and the last name of an entry, whose first becomes that
 * at which it stopped unless it is done. Nothing else is signed: each signature's own expiration is
 * looked at. */
static enum found_record renew_names(struct pump *pump, struct expiry *entry, bool *done)
{
    struct name first, last, owner;
    struct node_view node;
    enum found_record found;
    enum walk walk = WALK_FROM;

    if (name_key_read(entry->first, entry->first_length, &first) ||
        name_key_read(entry->last, entry->last_length, &last))
        return RECORD_CORRUPT;
    while ((found = lookup_walk(&pump->keeper->view, entry->version, walk, &first, &node)) ==
           RECORD_THERE) {
        if (node_name(&node, &owner))
            return RECORD_CORRUPT;
        if (name_compare(&owner, &last) > 0)
            break;
        if (pump_may_send(pump)) {
            pump_node(pump, &node, &owner);
            pump->budget--;
        }
        if (!pump_may_send(pump)) {
            struct writer key = writer_over(entry->first, sizeof entry->first);
            name_key_write(&key, &owner);
            entry->first_length = (uint16_t)key.length;
            return RECORD_THERE;
        }
        walk = WALK_NEXT;
    }
    *done = true;
    return found;
}

static enum found_record renew_hashes(struct pump *pump, struct expiry *entry, bool *done)
{
    struct snapshot *view = &pump->keeper->view;
    struct chain_nsec3 nsec3;
    uint8_t hash[NODE_HASH_OCTETS];
    enum chain chain = chain_nsec3(view, entry->version, entry->first, &nsec3);

    if (chain == CHAIN_CORRUPT)
        return RECORD_CORRUPT;
    memcpy(hash, entry->first, sizeof hash);
    /* The first of a segment need not be there (any more). */
    enum found_record found =
        chain == CHAIN_MATCH ? RECORD_THERE : chain_nsec3_walk(view, entry->version, hash, &nsec3);
    while (found == RECORD_THERE && memcmp(nsec3.hash, entry->last, NODE_HASH_OCTETS) <= 0) {
        pump_nsec3(pump, &nsec3);
        pump->budget -= pump->budget > 0;
        memcpy(hash, nsec3.hash, sizeof hash);
        if (!pump_may_send(pump)) {
            memcpy(entry->first, hash, sizeof hash);
            return RECORD_THERE;
        }
        found = chain_nsec3_walk(view, entry->version, hash, &nsec3);
    }
    *done = true;
    return found;
}

/* True: the entry can go, for its work is under way, or a walk over the zone will do it. Else it
 * begins later than it did: the walk goes on from there, however long the entry is. */
static bool renew_entry(struct pump *pump, struct expiry *entry)
{
    bool done = false;
    struct keeper_zone *zone = keeper_zone_of_version(pump->keeper, entry->version);

    if (!zone || !keeper_zone_is_signed(zone))
        return true; /* of a version that is gone */
    if (!keyring_at_hand(zone)) {
        zone->looked_through = false; /* others behind it shall not wait for its token */
        return true;
    }
    pump->zone = zone;
    uint64_t refresh = (uint64_t)zone->config->policy->signature_refresh;
    pump->pressing = pump->keeper->now >= entry->at + refresh - refresh / LATE_PART;
    pump_begin_segment(pump, entry->first, entry->first_length);
    enum found_record found = entry->kind == EXPIRY_NSEC3 ? renew_hashes(pump, entry, &done)
                                                          : renew_names(pump, entry, &done);
    if (found == RECORD_CORRUPT)
        schedule_again(zone, true);
    pump_flush(pump);
    pump->pressing = false;
    return done || found == RECORD_CORRUPT;
}

/* If the work fails, the walk over the zone that follows a failure finds what is still due. */
static void remove_entries(struct keeper *keeper, const struct expiry *entries, size_t count)
{
    struct change change;

    if (count == 0 || commit_begin(keeper, &change))
        return; /* they come up again */
    for (size_t i = 0; i < count; i++)
        change_delete_expiry(&change, &entries[i]);
    if (commit_end(keeper, &change, false, NULL, 0))
        log_warning("entries of the expiry index could not be removed; they come up again");
}

static bool is_same(const struct expiry *a, const struct expiry *b)
{
    return a->at == b->at && a->version == b->version && a->kind == b->kind &&
           a->sequence == b->sequence;
}

static size_t take_due(struct pump *pump, struct expiry *entries)
{
    struct keeper *keeper = pump->keeper;
    struct expiry *rest = &keeper->due_rest;
    size_t count = 0;

    keeper->due_on = true;
    while (count < DUE_ENTRIES && pump_may_send(pump)) {
        struct expiry *entry = &entries[count];
        enum found_record found = expiry_walk(&pump->keeper->view, count ? entry - 1 : NULL, entry);
        if (found == RECORD_ABSENT || entry->at > keeper->now) {
            keeper->due_on = false;
            break;
        }
        struct keeper_zone *zone = keeper_zone_of_version(pump->keeper, entry->version);
        if (found == RECORD_CORRUPT && zone)
            schedule_again(zone, false); /* which names it was for cannot be read any more */
        if (!is_same(rest, entry))
            *rest = *entry;
        if (found == RECORD_THERE && !renew_entry(pump, rest))
            break;
        rest->at = 0; /* nothing is left of it */
        count++;
    }
    return count;
}

void schedule_due(struct keeper *keeper)
{
    struct pump pump;
    struct expiry *entries = NULL;
    size_t count = 0;

    keeper->due_more = false;
    if (!pump_open(&pump, keeper, DUE_RECORDS))
        return;
    entries = calloc(DUE_ENTRIES, sizeof *entries);
    if (entries && snapshot_renew(&keeper->view) == RENEWAL_READY) {
        count = take_due(&pump, entries);
        snapshot_rest(&keeper->view);
    }
    remove_entries(keeper, entries, count);
    keeper->due_more = keeper->due_on && pump.budget == 0;
    free(entries);
    pump_close(&pump);
}
