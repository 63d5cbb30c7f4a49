/* hold.c - loads that are held: why, since when, and when one is worth another try. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "control.h"

static const char *const reasons[] = {
    [HOLD_EDITED] = "edited", [HOLD_DELETION] = "deletion", [HOLD_APEX] = "apex",
    [HOLD_ZONEMD] = "zonemd", [HOLD_HOOK] = "hook",         [HOLD_HOOK_FAILED] = "hook",
};

void hold_set(struct keeper_zone *zone, enum hold_reason reason, const struct load_end *end,
              const char *text)
{
    struct zone_hold *hold = &zone->hold;

    *hold = (struct zone_hold){.reason = reason,
                               .since = zone->keeper->now,
                               .check = zone->config->reload_check,
                               .zonemd = zone->config->zonemd,
                               .serial = zone->config->serial,
                               .has_hook = zone->config->hook.program != NULL,
                               .hook = zone->config->hook.settings};
    if (end) {
        hold->file_size = end->file_size;
        hold->file_time = end->file_time;
        hold->names = end->look.names;
        hold->names_served = end->look.names_served;
        hold->gone = end->look.gone;
        hold->fresh = end->look.fresh;
    }
    (void)snprintf(hold->text, sizeof hold->text, "%s", text);
    metric_add(zone->keeper->metrics, METRIC_LOADS_HELD, 1);
}

void hold_clear(struct keeper_zone *zone)
{
    zone->hold = (struct zone_hold){.reason = HOLD_NONE};
}

const char *hold_edited_text(const struct keeper_zone *zone)
{
    return zone->config->zone_file == CONFIG_ZONE_FILE_WRITE
               ? "updates have changed it since its file was loaded; zone write --force keeps "
                 "their changes in the file"
               : "updates have changed it since its file was loaded; zone export --unsigned shows "
                 "their changes";
}

/* Before anything of the file is forced. What is held for updates alone was not even read. */
static void advise(const struct keeper_zone *zone, char *text, size_t size)
{
    bool edited = zone->hold.reason == HOLD_EDITED, served = zone->row.version != 0;

    (void)snprintf(text, size, "%s; zone reload --force passes all checks%s%s",
                   keeper_zone_is_served(zone) && !edited ? "; the zone is served as it was" : "",
                   zone->row.flags & ZONE_EDITED ? " and drops what updates have changed" : "",
                   edited   ? ", zone diff shows what else would be held"
                   : served ? ", zone diff shows what would change"
                            : "");
}

/* As much of a text as there is room for; no character is cut (UTF-8). */
static void shorten(const char *text, char *out, size_t size)
{
    size_t length = size - sizeof "...";

    if (strlen(text) < size) {
        memcpy(out, text, strlen(text) + 1);
        return;
    }
    while (length && ((unsigned char)text[length] & 0xc0) == 0x80)
        length--;
    memcpy(out, text, length);
    memcpy(out + length, "...", sizeof "...");
}

/* Where room is short, that is the reason's loss: status has it whole, and the advice is nowhere
 * else. */
void hold_say(struct keeper_zone *zone)
{
    const char *what = zone->hold.reason == HOLD_EDITED ? "not loaded" : "its file is held";
    char advice[256], reason[sizeof zone->load_problem];

    advise(zone, advice, sizeof advice);
    shorten(zone->hold.text, reason, sizeof reason - strlen(what) - strlen(": ") - strlen(advice));
    keeper_zone_unloaded(zone, "%s: %s%s", what, reason, advice);
}

static bool same_check(const struct config_reload_check *a, const struct config_reload_check *b)
{
    return a->largest_deletion == b->largest_deletion && a->free_deletions == b->free_deletions &&
           a->apex == b->apex;
}

/* Whether what held it is still so configured. */
static bool same_configuration(const struct zone_hold *hold, const struct config_zone *config)
{
    return same_check(&hold->check, &config->reload_check) && hold->zonemd == config->zonemd &&
           hold->serial == config->serial && hold->has_hook == (config->hook.program != NULL) &&
           hold->hook == config->hook.settings;
}

bool hold_stands(const struct keeper_zone *zone)
{
    const struct zone_hold *hold = &zone->hold;
    struct stat status;

    if (hold->reason == HOLD_NONE || hold->reason == HOLD_EDITED ||
        hold->reason == HOLD_HOOK_FAILED || !zone->config ||
        !same_configuration(hold, zone->config) || stat(zone->config->file, &status))
        return false;
    return hold->file_size == (uint64_t)status.st_size &&
           hold->file_time ==
               (uint64_t)status.st_mtim.tv_sec * 1000000000 + (uint64_t)status.st_mtim.tv_nsec;
}

void put_hold(struct json *json, const struct keeper_zone *zone)
{
    const struct zone_hold *hold = &zone->hold;

    if (!hold->reason) {
        json_text(json, "held", NULL);
        return;
    }
    json_open(json, "held", '{');
    json_text(json, "reason", reasons[hold->reason]);
    json_text(json, "text", hold->text);
    json_time(json, "since", hold->since);
    json_number(json, "names", hold->names);
    json_number(json, "names_served", hold->names_served);
    json_number(json, "names_gone", hold->gone);
    json_number(json, "names_new", hold->fresh);
    json_close(json, '}');
}
