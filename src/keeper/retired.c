/* retired.c - zones that have left the configuration, and are kept as they were for a while. */
#include "retired.h"

/* Keys stay in any case, in store and token. */
static enum result drop(struct keeper_zone *zone)
{
    struct change change;
    enum result result = commit_begin(zone->keeper, &change);

    if (result)
        return result;
    change_delete_zone(&change, &zone->name);
    result = commit_end(zone->keeper, &change, true, &zone, 1);
    zone->keeper->leftovers |= !result;
    return result;
}

enum result retired_begin(struct keeper_zone *zone)
{
    struct keeper *keeper = zone->keeper;

    if (!zone->row.version || !keeper->config->server.keep_removed)
        return drop(zone);
    zone->row.loading = 0;
    zone->row.retired_at = keeper->now;
    return commit_zone(zone, true);
}

enum result retired_end(struct keeper_zone *zone)
{
    char name[NAME_MAX_TEXT];
    uint64_t since = zone->row.retired_at;

    zone->row.retired_at = 0;
    enum result result = commit_zone(zone, true);
    if (result)
        zone->row.retired_at = since;
    else
        log_info("%s is served again as it was when it left the configuration: serial %u",
                 name_to_text(&zone->name, name), zone->row.serial);
    zone->keeper->retired_due = zone->keeper->now;
    return result;
}

/* One row that no zone of the configuration has. */
static enum result judge(struct keeper *keeper, const struct zone *row)
{
    struct keeper_zone zone = {.keeper = keeper, .row = *row};
    char name[NAME_MAX_TEXT];
    uint64_t since = row->retired_at ? row->retired_at : keeper->now;
    uint64_t end = since + keeper->config->server.keep_removed;

    name_copy(&zone.name, &row->apex);
    if (!row->version || end <= keeper->now) {
        log_info("%s, which is not configured any more, is dropped from the store",
                 name_to_text(&zone.name, name));
        return drop(&zone);
    }
    if (!row->retired_at && retired_begin(&zone))
        return RESULT_SYSTEM;
    keeper->retired_count++;
    if (end < keeper->retired_due)
        keeper->retired_due = end;
    return RESULT_OK;
}

enum result retired_sweep(struct keeper *keeper)
{
    struct name after;
    bool first = true;
    struct zone row;
    enum result result = RESULT_OK;

    keeper->retired_due = UINT64_MAX;
    keeper->retired_count = 0;
    while (!result) {
        if (snapshot_renew(&keeper->view) != RENEWAL_READY)
            return RESULT_SYSTEM;
        enum found_record found = zone_walk(&keeper->view, first ? NULL : &after, &row);
        snapshot_rest(&keeper->view);
        if (found != RECORD_THERE)
            break;
        first = false;
        name_copy(&after, &row.apex);
        if (!keeper_zone_find(keeper, &row.apex))
            result = judge(keeper, &row);
    }
    return result;
}
