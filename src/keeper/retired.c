/* retired.c - zones that have left the configuration, and are kept as they were for a while. */
#include "retired.h"

#include <stdlib.h>

enum {
    ROWS = 1024, /* in one commit */
    BEGUN = 64   /* in one sweep: each is a commit of its own */
};

enum result retired_begin(struct keeper_zone *zone)
{
    struct keeper *keeper = zone->keeper;
    struct zone before = zone->row;
    struct change change;
    enum result result;

    keeper->retired_due = 0;
    if (zone->row.version && keeper->config->server.keep_removed) {
        zone->row.loading = 0;
        zone->row.retired_at = keeper->now;
        result = commit_zone(zone, true);
        if (result)
            zone->row = before;
        return result;
    }
    result = commit_begin(keeper, &change);
    if (result)
        return result;
    change_delete_zone(&change, &zone->name);
    result = commit_end(keeper, &change, true, &zone, 1);
    keeper->leftovers |= !result;
    return result;
}

/* ---- what comes back --------------------------------------------------------------------------
 */

/* Zones that wait for it; how many. */
static size_t list_returned(struct keeper *keeper, struct keeper_zone *zones[ROWS])
{
    size_t count = 0;

    for (struct keeper_zone *zone = keeper->zones; zone && count < ROWS; zone = zone->next) {
        if (zone->config && zone->row.retired_at)
            zones[count++] = zone;
    }
    return count;
}

static enum result put_returned(struct keeper *keeper, struct keeper_zone *const *zones,
                                size_t count)
{
    struct change change;
    enum result result = commit_begin(keeper, &change);

    if (result)
        return result;
    for (size_t i = 0; i < count; i++) {
        struct zone row = zones[i]->row;
        row.retired_at = 0;
        change_put_zone(&change, &row);
    }
    return commit_end(keeper, &change, true, zones, count);
}

/* What is in doubt is its file's, if that is all that the zone was. */
static void go_on(struct keeper_zone *zone)
{
    char name[NAME_MAX_TEXT];

    zone->row.retired_at = 0;
    if ((zone->row.flags & (ZONE_DOUBTFUL | ZONE_EDITED)) == ZONE_DOUBTFUL)
        zone->whole = zone->load_wanted = zone->mends = true;
    log_info("%s is served again as it was when it left the configuration: serial %u",
             name_to_text(&zone->name, name), zone->row.serial);
    keeper_zone_advance(zone);
}

static void end_all(struct keeper *keeper)
{
    struct keeper_zone **zones;

    if (!keeper->returned || !keeper->settled ||
        !(zones = calloc(ROWS, sizeof(struct keeper_zone *))))
        return;
    size_t count = list_returned(keeper, zones);
    bool failed = count && put_returned(keeper, zones, count) != RESULT_OK;
    for (size_t i = 0; i < count; i++) {
        if (failed)
            keeper_zone_trouble(zones[i], "it is configured again, and not answered for yet: the "
                                          "store could not be written");
        else
            go_on(zones[i]);
    }
    keeper->returned = failed || count == ROWS;
    keeper->retired_due = 0;
    free(zones);
}

/* ---- what has gone ----------------------------------------------------------------------------
 */

struct sweep {
    struct keeper *keeper;
    struct name *due; /* ROWS: of which the rows are to go */
    struct zone *new; /* BEGUN: rows whose time is to begin */
    size_t due_count, new_count;
};

/* Judge a row that no zone of the configuration has: when it is to be looked at again, in seconds
 * since 1970; 0: never, it goes now. */
static uint64_t judge(struct sweep *sweep, const struct zone *row, bool damaged)
{
    struct keeper *keeper = sweep->keeper;
    uint64_t since = row->retired_at ? row->retired_at : keeper->now;
    uint64_t end = since + keeper->config->server.keep_removed;

    if (damaged || !row->version || end <= keeper->now) {
        if (sweep->due_count == ROWS)
            return keeper->now;
        name_copy(&sweep->due[sweep->due_count++], &row->apex);
        return 0;
    }
    if (row->retired_at)
        return end;
    if (sweep->new_count == BEGUN)
        return keeper->now;
    sweep->new[sweep->new_count++] = *row;
    return end;
}

/* A damaged row says by its key whose it is, or nobody knows. */
static enum result walk(struct sweep *sweep, uint64_t *next)
{
    struct keeper *keeper = sweep->keeper;
    struct zone row;

    keeper->retired_count = 0;
    if (snapshot_renew(&keeper->view) != RENEWAL_READY)
        return RESULT_SYSTEM;
    enum found_record found = zone_walk(&keeper->view, NULL, &row);
    for (; found != RECORD_ABSENT && !keeper->view.spoiled;
         found = zone_next(&keeper->view, &row)) {
        bool damaged = found == RECORD_CORRUPT;
        if (keeper_zone_find(keeper, &row.apex) || (damaged && row.apex.labels == 0))
            continue;
        uint64_t end = judge(sweep, &row, damaged);
        keeper->retired_count += end != 0;
        if (end && end < *next)
            *next = end;
    }
    snapshot_rest(&keeper->view);
    return RESULT_OK;
}

static void drop(const struct sweep *sweep)
{
    struct keeper *keeper = sweep->keeper;
    struct change change;
    char name[NAME_MAX_TEXT];

    if (sweep->due_count == 0 || commit_begin(keeper, &change))
        return;
    for (size_t i = 0; i < sweep->due_count; i++)
        change_delete_zone(&change, &sweep->due[i]);
    if (commit_end(keeper, &change, true, NULL, 0))
        return;
    keeper->leftovers = true;
    for (size_t i = 0; i < sweep->due_count; i++)
        log_info("%s, which is not configured any more, is dropped from the store",
                 name_to_text(&sweep->due[i], name));
}

/* Whether all went well. */
static bool begin_new(const struct sweep *sweep)
{
    bool well = true;

    for (size_t i = 0; i < sweep->new_count && well; i++) {
        struct keeper_zone zone = {.keeper = sweep->keeper, .row = sweep->new[i]};
        name_copy(&zone.name, &zone.row.apex);
        well = retired_begin(&zone) == RESULT_OK;
    }
    return well;
}

static void sweep_rows(struct sweep *sweep)
{
    struct keeper *keeper = sweep->keeper;
    uint64_t next = UINT64_MAX;

    if (walk(sweep, &next))
        return; /* again in a second */
    drop(sweep);
    bool again = sweep->due_count > 0 || !begin_new(sweep); /* to see that they have gone */
    keeper->retired_due = again ? keeper->now : next;
}

void retired_tick(struct keeper *keeper)
{
    struct sweep sweep = {.keeper = keeper};

    end_all(keeper);
    if (!keeper->settled || keeper->now < keeper->retired_due)
        return;
    sweep.due = calloc(ROWS, sizeof *sweep.due);
    sweep.new = calloc(BEGUN, sizeof *sweep.new);
    if (sweep.due && sweep.new)
        sweep_rows(&sweep);
    free(sweep.due);
    free(sweep.new);
}
