/* schema_loading.c - the part of the table that is about what may be loaded without being asked. */
#include "avow/config/config.h"
#include "rules.h"
#include "schema_rows.h"

/* Some fields are pointers, and their own size is meant: NOLINTBEGIN(bugprone-sizeof-expression) */

/* These come twice, in zone-defaults and in zones; what holds when one is left out differs. */
#define LARGEST_DELETION                                                                           \
    .name = "largest-deletion",                                                                    \
    .help = "Percent of the zone's names that a load may delete. 100 means no limit.",             \
    .kind = SCHEMA_COUNT, .most = 100, INTO(config_zone, reload_check.largest_deletion)
#define FREE_DELETIONS                                                                             \
    .name = "free-deletions",                                                                      \
    .help = "So many names may go in any case, so that small zones are not held.",                 \
    .kind = SCHEMA_COUNT, .most = 1000000000, INTO(config_zone, reload_check.free_deletions)
#define CHECK_APEX                                                                                 \
    .name = "apex",                                                                                \
    .help = "Hold a load of which no name server at the apex was one before; that changes the "    \
            "primary server of the SOA together with the name servers; whose serial is before "    \
            "that of the file loaded last (with serial: increment); that makes EXPIRE of the SOA " \
            "less than an hour, less than REFRESH and RETRY together or more than a year; or "     \
            "that makes MINIMUM more than 7 days, or a TTL more than 30 days, where none was.",    \
    .kind = SCHEMA_SWITCH, INTO(config_zone, reload_check.apex)

static const struct schema_key default_check_keys[] = {
    {LARGEST_DELETION, .fallback = "30"},
    {FREE_DELETIONS, .fallback = "20"},
    {CHECK_APEX, .fallback = "on"},
};
const struct schema_table schema_default_check = {.what = "reload-check",
                                                  TABLE(default_check_keys)};

static const struct schema_key check_keys[] = {
    {LARGEST_DELETION, INHERITED},
    {FREE_DELETIONS, INHERITED},
    {CHECK_APEX, INHERITED},
};
const struct schema_table schema_check = {.what = "reload-check", TABLE(check_keys)};

#define HOOK_PROGRAM                                                                               \
    .name = "program",                                                                             \
    .help = "The program, by its absolute path; none means no hook. Only its owner may be able "   \
            "to write it.",                                                                        \
    .kind = SCHEMA_PATH, INTO(config_zone, hook.program)
#define HOOK_ARGUMENTS                                                                             \
    .name = "arguments", .help = "Its arguments.", .kind = SCHEMA_TEXT, .most = 4096,              \
    LIST_INTO(config_zone, hook.arguments, hook.argument_count)
#define HOOK_USER                                                                                  \
    .name = "user", .help = "User that it runs as when the daemon was started as root.",           \
    .kind = SCHEMA_LABEL, INTO(config_zone, hook.user)
#define HOOK_DEADLINE                                                                              \
    .name = "deadline", .help = "It is killed after so long, and the load is held.",               \
    .kind = SCHEMA_DURATION, .least = 1, .most = 3600, INTO(config_zone, hook.deadline)

static const struct schema_key default_hook_keys[] = {
    {HOOK_PROGRAM, .otherwise = "no hook"},
    {HOOK_ARGUMENTS, .otherwise = "none"},
    {HOOK_USER, .otherwise = "server.user"},
    {HOOK_DEADLINE, .fallback = "1m"},
};
const struct schema_table schema_default_hook = {
    .what = "hook", TABLE(default_hook_keys), .check = rules_hook};

static const struct schema_key hook_keys[] = {
    {HOOK_PROGRAM, INHERITED},
    {HOOK_ARGUMENTS, INHERITED},
    {HOOK_USER, INHERITED},
    {HOOK_DEADLINE, INHERITED},
};
const struct schema_table schema_hook = {.what = "hook", TABLE(hook_keys), .check = rules_hook};

/* NOLINTEND(bugprone-sizeof-expression) */
