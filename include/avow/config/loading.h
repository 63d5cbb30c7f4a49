/*
 * loading.h - what a zone's configuration says of loads of its file.
 *
 * Floor: config.
 */
#ifndef AVOW_CONFIG_LOADING_H
#define AVOW_CONFIG_LOADING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a load of the file may change without being forced. */
struct config_reload_check {
    uint32_t largest_deletion; /* percent of the names that may go; 100: no limit */
    uint32_t free_deletions;   /* names that may go in any case */
    bool apex;                 /* whether odd changes of NS, SOA and TTLs are held */
};

/* What is done about the ZONEMD records of a file. */
enum config_zonemd {
    CONFIG_ZONEMD_IGNORE,
    CONFIG_ZONEMD_VERIFY, /* where there are some, one of them must be right */
    CONFIG_ZONEMD_REQUIRE /* there must be one that is right */
};

/* The ZONEMD record that is made for the zone and kept right. */
enum config_digest { CONFIG_DIGEST_OFF, CONFIG_DIGEST_SHA384, CONFIG_DIGEST_SHA512 };

/* A program that sees each load of the file before it is served. */
struct config_hook {
    char *program;     /* absolute; NULL: none. The keeper is only told whether there is one: "", */
    uint64_t settings; /* and, by this hash, whether it is still the same; 0 elsewhere */
    char **arguments;
    size_t argument_count;
    char *user;        /* to run as when started as root; NULL: server.user */
    uint32_t deadline; /* seconds after which it is killed */
};

#endif
