/* zones.c - the list of zones, kept in line with the configuration. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "retired.h"
#include "round.h"
#include "secondaries.h"
#include "soa.h"

enum { TROUBLE_MS = 60000 };

/* ---- what is wrong ----------------------------------------------------------------------------
 */

static void set_problem(struct keeper_zone *zone, char *problem, const char *format,
                        va_list arguments) PRINTF_LIKE(3, 0);
static void set_problem(struct keeper_zone *zone, char *problem, const char *format,
                        va_list arguments)
{
    char text[ZONE_PROBLEM_OCTETS], name[NAME_MAX_TEXT];

    (void)vsnprintf(text, sizeof text, format, arguments);
    if (strcmp(text, problem) == 0)
        return; /* said already */
    memcpy(problem, text, sizeof text);
    log_error("%s %s", name_to_text(&zone->name, name), text);
}

void keeper_zone_problem(struct keeper_zone *zone, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    set_problem(zone, zone->problem, format, arguments);
    va_end(arguments);
    zone->problem_until_ms = 0;
}

void keeper_zone_unloaded(struct keeper_zone *zone, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    set_problem(zone, zone->load_problem, format, arguments);
    va_end(arguments);
}

void keeper_zone_loaded(struct keeper_zone *zone)
{
    zone->load_problem[0] = '\0';
}

void keeper_zone_trouble(struct keeper_zone *zone, const char *format, ...)
{
    va_list arguments;

    if (zone->keeper->now_ms < zone->problem_until_ms)
        return;
    va_start(arguments, format);
    set_problem(zone, zone->problem, format, arguments);
    va_end(arguments);
    zone->problem_until_ms = zone->keeper->now_ms + TROUBLE_MS;
}

void keeper_zone_fine(struct keeper_zone *zone, bool surely)
{
    if (!surely && zone->keeper->now_ms < zone->problem_until_ms)
        return;
    zone->problem[0] = '\0';
    zone->problem_until_ms = 0;
}

void keeper_zone_complete(struct keeper_zone *zone, bool first)
{
    char name[NAME_MAX_TEXT];

    if (first)
        log_info("%s is fully signed: serial %u, %llu signatures", name_to_text(&zone->name, name),
                 zone->row.serial, (unsigned long long)zone->row.rrsets + zone->row.denials);
    control_zone_event(zone);
    if (first)
        keeper_zone_changed(zone);
}

void keeper_zone_changed(struct keeper_zone *zone)
{
    desk_link_changed(zone);
    control_zone_event(zone);
}

uint32_t keeper_zone_serial(const struct keeper_zone *zone)
{
    uint32_t served = zone->row.serial;

    switch (zone->config->serial) {
    case CONFIG_SERIAL_UNIXTIME:
        return serial_next(served, (uint32_t)zone->keeper->now);
    case CONFIG_SERIAL_DATE:
        return serial_next(served, serial_of_day(zone->keeper->now));
    case CONFIG_SERIAL_INCREMENT:
        break;
    }
    return serial_next(served, served);
}

/* Nothing is under way. A file that cannot be loaded, or is held, keeps nobody from signing what is
 * served otherwise. */
static bool is_at_rest(const struct keeper_zone *zone)
{
    return zone->phase == PHASE_IDLE || zone->phase == PHASE_FAILED;
}

/* Whether a new version is to be made now: one that failed is not made again at once. */
static bool is_whole_due(const struct keeper_zone *zone)
{
    return zone->whole && is_at_rest(zone) && zone->keeper->now_ms >= zone->load_after_ms;
}

/* ---- what is next -----------------------------------------------------------------------------
 */

void keeper_zone_advance(struct keeper_zone *zone)
{
    struct keeper *keeper = zone->keeper;

    if (!zone->config || !keeper->settled || zone->row.retired_at)
        return;
    bool signs = keeper_zone_signs(zone);
    bool ready = !signs || keyring_ensure(zone);
    if (zone->load_later && keyring_at_hand(zone) && keeper->now_ms >= zone->load_after_ms) {
        zone->load_later = false;
        zone->load_wanted = true;
        zone->phase = PHASE_IDLE;
    }
    if (ready)
        keeper_zone_fine(zone, false);
    if (zone->row.version && zone->row.policy_fingerprint != loader_fingerprint(zone) &&
        (!signs || keyring_known(zone)) && !zone->whole && is_at_rest(zone) &&
        !(zone->row.flags & ZONE_DOUBTFUL)) {
        zone->whole = true; /* signed otherwise now: the denial chain or the keys are others */
    }
    if ((zone->load_wanted || is_whole_due(zone)) && (!signs || keyring_known(zone)))
        loader_queue(zone);
    /* Once after the start a walk looks at everything: what was due when the last keeper ended. */
    if (signs && ready && (!zone->looked_through || !(zone->row.flags & ZONE_FULLY_SIGNED))) {
        zone->looked_through |= zone->row.version != 0;
        schedule_zone(zone);
    }
}

/* ---- the list ---------------------------------------------------------------------------------
 */

static void read_row(struct keeper_zone *zone)
{
    struct keeper *keeper = zone->keeper;
    struct zone row;

    if (snapshot_renew(&keeper->view) != RENEWAL_READY)
        return;
    enum found_record found = zone_get(&keeper->view, &zone->name, &row);
    snapshot_rest(&keeper->view);
    if (found == RECORD_THERE)
        zone->row = row;
    if (found == RECORD_CORRUPT)
        keeper_zone_unloaded(zone, "its row in the store is damaged; it is loaded anew");
}

/* A new zone, into the list at its place. */
static struct keeper_zone *add_zone(struct keeper *keeper, const struct config_zone *config,
                                    struct keeper_zone **at)
{
    struct keeper_zone *zone = calloc(1, sizeof *zone);

    if (!zone)
        return NULL;
    zone->keeper = keeper;
    zone->config = config;
    name_copy(&zone->name, &config->name);
    name_copy(&zone->row.apex, &config->name);
    read_row(zone);
    if (keyring_read(zone))
        keeper_zone_problem(zone, "the row of one of its keys is damaged: nothing is signed");
    zone->load_wanted = zone->row.version == 0 || loader_file_changed(zone);
    keeper->returned |= zone->row.retired_at != 0;
    zone->next = *at;
    *at = zone;
    zone_index_add(zone);
    return zone;
}

/* Free a zone once nothing is under way for it. */
static bool try_remove(struct keeper_zone **at)
{
    struct keeper_zone *zone = *at;

    if (zone->phase != PHASE_LOADING)
        round_forget(zone);
    if (zone->in_flight || zone->phase == PHASE_LOADING || zone->write.step || retired_begin(zone))
        return false;
    transaction_forget(zone);
    secondaries_free(zone);
    char name[NAME_MAX_TEXT];
    keyring_release(zone);
    schedule_leave(zone);
    rounds_sweep(zone->keeper);
    zone_index_remove(zone);
    log_info("%s is no longer served%s", name_to_text(&zone->name, name),
             zone->row.retired_at ? "; it is kept as it is for a while, should it come back" : "");
    *at = zone->next;
    free(zone);
    return true;
}

void keeper_zones_remove(struct keeper *keeper)
{
    struct keeper_zone **at = &keeper->zones;

    if (!keeper->settled)
        return;

    while (*at) {
        if (!(*at)->config && try_remove(at))
            continue;
        at = &(*at)->next;
    }
}

/* What a load was writing when the last keeper ended, nobody will serve: the row may not name it
 * any longer, or it would never be dropped. */
static void forget_loads(struct keeper *keeper)
{
    for (struct keeper_zone *zone = keeper->zones; zone; zone = zone->next) {
        if (!zone->row.loading || zone->phase == PHASE_LOADING)
            continue;
        zone->row.loading = 0;
        if (commit_zone(zone, false))
            keeper_zone_trouble(zone, "its row could not be written: %s", keeper->store.problem);
    }
}

/* As soon as the store may be written. */
static void settle(struct keeper *keeper)
{
    if (!keeper->settled)
        return;
    if (!keeper->compared)
        forget_loads(keeper);
    keeper->compared = true;
    keeper_zones_remove(keeper);
    retired_tick(keeper);
}

enum result keeper_zones_configure(struct keeper *keeper)
{
    const struct config *config = keeper->config;

    for (struct keeper_zone *zone = keeper->zones; zone; zone = zone->next)
        zone->config = config_zone_find(config, &zone->name);
    for (struct keeper_zone *zone = keeper->zones; zone; zone = zone->next)
        round_reconsider(zone);
    /* Both are in canonical order: one walk. */
    struct keeper_zone **at = &keeper->zones;
    for (size_t i = 0; i < config->zone_count; i++) {
        while (*at && name_compare(&(*at)->name, &config->zones[i].name) < 0)
            at = &(*at)->next;
        struct keeper_zone *zone = keeper_zone_find(keeper, &config->zones[i].name);
        if (!zone && !add_zone(keeper, &config->zones[i], at))
            return RESULT_SYSTEM;
        /* A load that failed is tried again: what was wrong need not have been the file. */
        if (zone && (zone->phase == PHASE_FAILED || loader_file_changed(zone)) &&
            !hold_stands(zone))
            zone->load_wanted = true;
    }
    keeper->retired_due = 0;
    settle(keeper);
    for (struct keeper_zone *zone = keeper->zones; zone; zone = zone->next)
        keeper_zone_advance(zone);
    return RESULT_OK;
}

void keeper_zones_free(struct keeper *keeper)
{
    while (keeper->zones) {
        struct keeper_zone *next = keeper->zones->next;
        transaction_forget(keeper->zones);
        secondaries_free(keeper->zones);
        free(keeper->zones);
        keeper->zones = next;
    }
}
