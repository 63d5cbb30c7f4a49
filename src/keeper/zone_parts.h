/* zone_parts.h - what the keeper remembers of a zone for one concern or another. */
#ifndef KEEPER_ZONE_PARTS_H
#define KEEPER_ZONE_PARTS_H

#include "avow/config/config.h"
#include "avow/store/node.h"
#include "avow/wire/name.h"

#include "load_check.h"

enum { ZONE_PROBLEM_OCTETS = 512 }; /* of a text that says what is wrong; "" = nothing is */

/* Where the background signing of a zone stands. */
struct cursor {
    enum { CURSOR_IDLE, CURSOR_NODES, CURSOR_NSEC3 } at;
    bool started; /* `name` or `hash` was visited */
    struct name name;
    uint8_t hash[NODE_HASH_OCTETS];
    unsigned segment_left; /* names that still share the expiration */
    uint32_t segment_expiration;
    uint64_t segment;    /* number of the segment at hand */
    uint64_t not_before; /* monotonic ms: after a failure, wait */
};

/* What becomes of a zone's file (write_back.h). */
struct zone_write {
    enum { WRITE_IDLE, WRITE_PREPARE, WRITE_RENAME } step;
    bool wanted, forced;    /* somebody asks for it */
    uint32_t seen;          /* serial when the zone was last looked at */
    uint64_t changed_ms;    /* since when it has that serial */
    uint64_t since_ms;      /* the first change that the file does not have; 0: none seen */
    uint64_t not_before_ms; /* after a failure */
    char problem[ZONE_PROBLEM_OCTETS]; /* why it could not be written */
};

/* What the last pass over the zone's records found (scrub.h). */
struct zone_scrub {
    uint64_t at;      /* seconds since 1970; 0: there was none */
    uint32_t version; /* that it looked at */
    uint64_t damaged; /* records */
    uint64_t signatures, bad_signatures;
    uint64_t journal_damaged;          /* records of it, met by the pass under way */
    char problem[ZONE_PROBLEM_OCTETS]; /* "": nothing that stays */
};

/* A load that is held until somebody forces it, or the file is another one. */
struct zone_hold {
    enum hold_reason reason; /* HOLD_NONE: nothing is held */
    uint64_t since;          /* seconds since 1970 */
    uint64_t file_size, file_time;
    struct config_reload_check check; /* as configured then, with the next: did that change? */
    enum config_zonemd zonemd;
    enum config_serial serial;
    bool has_hook;
    uint64_t hook;                             /* its settings */
    uint64_t names, names_served, gone, fresh; /* of the file; 0: it was not read */
    char text[HOLD_TEXT];
};

/* Where the ZONEMD that is published stands (publish.h). */
struct zone_publishing {
    bool looked, done;     /* done: what is served has one, for this serial and hash: */
    uint32_t serial, seen; /* seen: when it was looked at last */
    enum config_digest hash;
    uint64_t since_ms; /* since when it has that serial, and nothing waits */
    uint64_t not_before_ms;
};

#endif
