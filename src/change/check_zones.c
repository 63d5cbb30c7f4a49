/* check_zones.c - zone by zone: are its records those that its digest is of, and do its signatures
 * hold? */
#include "check.h"

#include "avow/wire/type.h"

static void note_bad_signature(void *context, const struct bad_signature *bad)
{
    char owner[NAME_MAX_TEXT], type[TYPE_MAX_TEXT];

    check_complain(context, "%.200s %s: a signature does not hold: %s",
                   name_to_text(&bad->owner, owner), type_to_text(bad->type, type),
                   verdict_sentence(bad->verdict));
}

static void compare_digest(struct check *check, const struct zone *zone,
                           const struct store_scan *scan, const struct store_check *counts)
{
    char text[NAME_MAX_TEXT];

    if (!store_scan_is_doubtful(scan, zone, counts))
        return;
    check->counts->doubtful++;
    check_complain(check,
                   "zones: %.200s: its records are not those that its digest is of: %llu of %llu",
                   name_to_text(&zone->apex, text), (unsigned long long)scan->digest.records,
                   (unsigned long long)zone->digest.records);
}

static void scan_tables(const struct check_task *task, struct store_scan *scan)
{
    static const enum store_table tables[] = {TABLE_NODES, TABLE_RRSETS, TABLE_NSEC3};

    for (unsigned i = 0; i < COUNT(tables); i++) {
        store_scan_table(scan, tables[i]);
        if (store_scan_part(task, scan, SIZE_MAX) == RECORD_CORRUPT && !task->snapshot->of_change &&
            snapshot_renew(task->snapshot) != RENEWAL_READY)
            return;
    }
}

static enum result check_zone(struct check *check, const struct zone *zone, bool signatures)
{
    struct zone_signatures keys = {.count = 0};
    struct store_check counts = {.octets = 0};
    struct store_scan scan = {.version = 0};
    struct check_task task = {.snapshot = check->snapshot,
                              .counts = &counts,
                              .signatures = signatures ? &keys : NULL,
                              .bad_signature = note_bad_signature,
                              .context = check};
    enum result result = RESULT_OK;

    if (signatures)
        result = zone_signatures_open(&keys, check->snapshot, &zone->apex, zone->version, true);
    store_scan_begin(&scan, TABLE_NODES, zone->version);
    if (!result)
        scan_tables(&task, &scan);
    if (!result)
        compare_digest(check, zone, &scan, &counts);
    check->counts->signatures += counts.signatures;
    check->counts->bad_signatures += counts.bad_signatures;
    store_scan_free(&scan);
    zone_signatures_close(&keys);
    return result;
}

/* A damaged row has version 0; its name must not lead back. */
static enum found_record next_row(struct check *check, const struct zone *last, struct zone *zone)
{
    if (check->snapshot->spoiled)
        return RECORD_ABSENT; /* told of already */
    if (!last)
        return zone_walk(check->snapshot, NULL, zone);
    if (zone_walk(check->snapshot, &last->apex, zone) == RECORD_ABSENT)
        return RECORD_ABSENT;
    return name_compare(&zone->apex, &last->apex) > 0 ? RECORD_THERE : RECORD_ABSENT;
}

static bool is_rolled_back(struct check *check)
{
    if (check->snapshot->of_change || store_is_of_its_commit(check->snapshot))
        return false;
    check_complain(check, "meta: the store is older than its last commit");
    return true;
}

enum result check_zones(struct check *check, bool signatures)
{
    struct zone zone, last;
    enum result result = RESULT_OK;
    bool old = is_rolled_back(check);
    enum found_record found = next_row(check, NULL, &zone);

    while (found != RECORD_ABSENT && !result) {
        if (zone.version && old)
            check->counts->doubtful++;
        else if (zone.version)
            result = check_zone(check, &zone, signatures);
        last = zone;
        found = next_row(check, &last, &zone);
    }
    return result;
}
