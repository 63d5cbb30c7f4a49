/*
 * load_check.h - what a load of a file would do to a zone that is served, and whether that is so
 * odd that somebody should be asked.
 *
 * What is held here are the accidents that operators tell of: half a file, an empty export, the
 * file of another zone, an old copy, a number without its unit.
 */
#ifndef KEEPER_LOAD_CHECK_H
#define KEEPER_LOAD_CHECK_H

#include "avow/store/snapshot.h"
#include "avow/zonefile/gather.h"
#include "order.h"
#include "soa.h"

/* Why a load is held, until it is forced. */
enum hold_reason {
    HOLD_NONE,
    HOLD_EDITED,     /* it would drop changes by update */
    HOLD_DELETION,   /* too many names would go */
    HOLD_APEX,       /* NS, SOA or TTLs change oddly */
    HOLD_ZONEMD,     /* the file's digest is wrong, or missing */
    HOLD_HOOK,       /* the program refuses it */
    HOLD_HOOK_FAILED /* the program has failed, or could not be asked: it may say yes next time */
};

enum { HOLD_TEXT = 1280 /* what a hook says, or all that is odd about a file */ };

struct load_apex {
    bool there; /* a SOA was found */
    struct soa soa;
    struct name primary;  /* MNAME of the SOA */
    uint32_t servers;     /* NS records */
    uint32_t longest_ttl; /* of the whole zone */
};

/* The file beside what is served. */
struct load_look {
    bool served; /* there is something to compare with, and it is not damaged */
    uint64_t names, names_served, gone, fresh;
    struct load_apex before, after;
    uint32_t servers_kept; /* NS records that both have */
};

/* What may change. */
struct load_bounds {
    uint32_t largest_deletion; /* percent */
    uint32_t free_deletions;
    bool apex;
    bool has_serial; /* the file's serial counts, and this is that of the file loaded last */
    uint32_t serial;
};

/*
 * Look at the sorted records of a file.
 *
 * snapshot  Of what is served; NULL when nothing is.
 * touched   RRsets that the load leaves as they are (merge.h); NULL: none.
 *
 * Returns RESULT_SYSTEM, RESULT_FORMAT. What is stored and damaged counts as not there.
 */
MUST_CHECK enum result load_look(struct load_look *look, struct gather *gather,
                                 const struct name *apex, struct snapshot *snapshot,
                                 uint32_t version, const struct order *touched);

/* HOLD_DELETION, HOLD_APEX or HOLD_NONE: the first reason of those that `text` tells. */
enum hold_reason load_judge(const struct load_look *look, const struct load_bounds *bounds,
                            char text[HOLD_TEXT]);

/* Put one more reason behind those that are there; "": none yet. */
void load_add_reason(char text[HOLD_TEXT], const char *format, ...) PRINTF_LIKE(2, 3);

#endif
