/*
 * diff.h - what a new configuration changes, for a reload.
 *
 * Floor: config. Everything in a diff points into the two configurations, which must outlive it.
 */
#ifndef AVOW_CONFIG_DIFF_H
#define AVOW_CONFIG_DIFF_H

#include <stdbool.h>
#include <stddef.h>

#include "avow/base/result.h"
#include "avow/config/config.h"

/* What differs in a zone that both configurations have. */
enum {
    CONFIG_ZONE_FILE = 1 << 0,           /* the path */
    CONFIG_ZONE_POLICY = 1 << 1,         /* another policy, or what its policy says */
    CONFIG_ZONE_ALLOW_TRANSFER = 1 << 2, /* also: what a key that it names is */
    CONFIG_ZONE_ALLOW_UPDATE = 1 << 3,
    CONFIG_ZONE_NOTIFY = 1 << 4,
    CONFIG_ZONE_CHANGING = 1 << 5, /* serial, zone-file, reload */
    CONFIG_ZONE_JOURNAL = 1 << 6,
    CONFIG_ZONE_RATE_LIMIT = 1 << 7,
    CONFIG_ZONE_LOADING = 1 << 8 /* reload-check, zonemd, hook */
};

struct config_zone_change {
    const struct config_zone *before; /* NULL: the zone is new */
    const struct config_zone *after;  /* NULL: the zone goes */
    unsigned parts;                   /* CONFIG_ZONE_...; 0 for a zone that is new or goes */
};

struct config_policy_change {
    const struct config_policy *before; /* NULL: new */
    const struct config_policy *after;  /* NULL: gone */
};

enum { CONFIG_RESTART_KEYS = 8 };

/* Zeroed: no difference. */
struct config_diff {
    const char *restart[CONFIG_RESTART_KEYS]; /* keys that only a restart can change, such as */
    size_t restart_count;                     /* "server.listen" */
    bool server;     /* another setting of the server that can change while running */
    bool tls;        /* its limit, or a file or what it holds */
    bool log;        /* where log lines go, or their level */
    bool keystores;  /* anything about any keystore */
    bool tsig;       /* any key, secrets too when both were loaded with them */
    bool transfers;  /* anything about them */
    bool updates;    /* likewise */
    bool rate_limit; /* anything about it */
    struct config_policy_change *policies; /* those that differ */
    size_t policy_count;
    struct config_zone_change *zones; /* those that differ, in canonical order */
    size_t zone_count;
};

/*
 * Compare two configurations.
 *
 * diff     Caller's storage, written here. Give back with config_diff_free.
 *
 * Returns  RESULT_OK, also when nothing differs; RESULT_SYSTEM when memory ran out.
 */
MUST_CHECK enum result config_diff(const struct config *before, const struct config *after,
                                   struct config_diff *diff);

/* Whether there is no difference at all. */
bool config_diff_is_empty(const struct config_diff *diff);

/* Give back the memory; takes a diff in any state, leaves it zeroed. */
void config_diff_free(struct config_diff *diff);

#endif
