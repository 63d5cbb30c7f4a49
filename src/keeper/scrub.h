/*
 * scrub.h - looking through the whole store in the background, and mending what can be mended.
 *
 * A pass goes zone by zone over every record, some at a time, between the keeper's other work: a
 * small share of one processor, no snapshot that is held. At each start one looks at records and
 * digests alone; every server.scrub one verifies all stored signatures as well.
 */
#ifndef KEEPER_SCRUB_H
#define KEEPER_SCRUB_H

#include "avow/change/check.h"
#include "internal.h"

enum scrub_pass {
    SCRUB_REST,
    SCRUB_RECORDS,   /* seals, forms, digests */
    SCRUB_SIGNATURES /* and signatures */
};

/* What the last pass that ended has found, or this one so far. */
struct scrub_facts {
    enum scrub_pass pass;
    uint64_t begun, ended; /* seconds since 1970 */
    uint64_t records, damaged, signatures, bad_signatures;
    uint64_t zones, doubtful;
    uint64_t left;   /* bad signatures that could not be asked for anew */
    uint64_t mended; /* of the damaged records: nothing of them is left */
};

struct scrub {
    struct keeper *keeper;
    ev_timer pace;
    enum scrub_pass pass;
    bool started;             /* the pass of the start has begun */
    bool asked;               /* somebody asked for this pass */
    uint32_t deadly;          /* version that is not looked at: keepers have died of it; 0: none */
    bool rows;                /* behind the zones: tables that belong to no version */
    struct name zone;         /* at which the pass is */
    struct store_check found; /* in this zone, or in the rows */
    unsigned lines;           /* of the log about it */
    uint64_t left;            /* of its signatures */
    bool undecided;           /* some zone could not be judged, or that not be stored */
    struct zone_signatures signatures;
    uint64_t begun_ms;
    uint64_t due; /* when the next pass begins; 0: not known yet */
    struct scrub_facts now, last;
};

MUST_CHECK enum result scrub_open(struct keeper *keeper);
void scrub_close(struct keeper *keeper);

/* The store has been opened, and nothing is written yet: see what only shows now. */
void scrub_look(struct keeper *keeper);

/* Begin what is due. Every second. */
void scrub_tick(struct keeper *keeper);

/* Begin a pass over records and signatures now; one under way goes on, faster. */
void scrub_ask(struct keeper *keeper);

/* Whether the last pass that ended found nothing, or nothing that is left as it was. */
bool scrub_is_clean(const struct scrub_facts *facts);

#endif
