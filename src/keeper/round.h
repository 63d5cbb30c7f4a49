/*
 * round.h - how a zone gets from one serial to the next: many changes, one commit.
 *
 * A round takes what waits for a zone - updates, signatures that were renewed, the difference of a
 * reload -, stages it, has exactly what is new signed, and is then written together with whatever
 * rounds of other zones are ready: one transaction, one flush. Only then the answers go out. A
 * zone has one round at a time; what comes meanwhile waits for the next, which begins when this
 * one is put and not yet flushed. So the token's time never lies inside a write, and a round that
 * fails takes no other zone's along.
 */
#ifndef KEEPER_ROUND_H
#define KEEPER_ROUND_H

#include "internal.h"
#include "stage.h"
#include "update.h"

#include "avow/dnssec/digest.h"
#include "avow/store/journal.h"

/* An update on its way. Freed once it is answered. */
struct update {
    struct update *next;
    struct update_request request; /* leads into `octets` */
    uint64_t arrived_ms;
    struct update_outcome outcome; /* once it is staged */
    /* Called once; serial and transaction are of the zone with the change in it. */
    void (*answer)(const struct update *update, uint32_t serial, uint64_t transaction);
    void *context;
    uint64_t id;
    uint32_t generation; /* of whoever asked */
    bool alone;          /* in its round, which may take long to be signed */
    size_t length;       /* of octets */
    uint8_t octets[];    /* prerequisites, changes, who (a text) */
};

enum set_state { SET_WAITS, SET_SENT, SET_SIGNED };

/* An RRset that the round has to have signed. */
struct round_set {
    struct staged_name *name; /* with its place in there, or */
    size_t rrset;
    struct staged_link *link;
    enum set_state state;
};

/* What a reload brings beside its changes. */
struct round_load {
    uint64_t file_size, file_time;
    uint64_t added, removed, changed; /* names */
    uint64_t started_ms;
    uint32_t said; /* serial in the file */
    bool forced;   /* it may drop what updates have changed */
    bool merged;   /* with what updates have changed: it still differs from the file */
};

/* Whether a round brings a new ZONEMD (publish.h), and how far that is. */
enum round_digest { ROUND_DIGEST_NONE, ROUND_DIGEST_WAITS, ROUND_DIGEST_RUNS, ROUND_DIGEST_MADE };

struct round {
    struct stage stage;
    uint32_t serial;
    enum journal_origin origin;
    bool has_load;
    bool patient; /* it may take long to be signed */
    bool edited;  /* updates change something */
    bool nothing; /* begun ahead, and nothing is to be changed: its answers wait for the commit */
    struct round_load load;
    enum round_digest digest;
    struct update *updates, **last_update;
    struct job *renewed; /* whose signatures are in it; by next_done */
    struct round_set *sets;
    size_t set_count, unsent, unsigned_; /* unsigned_: those that are sent among them */
    size_t next_set;                     /* to be sent */
    uint64_t begun_ms, signed_ms;        /* when the last signature came */
    uint64_t send_after_ms;              /* one has failed: the token is not hammered */
    struct zone row;                     /* as it will be */
};

/* ---- updates.c: what waits --------------------------------------------------------------------
 */

/* Take an update, which is the keeper's from now on; it is answered at once when it cannot wait. */
void updates_take(struct keeper_zone *zone, struct update *update);

/* An update with room for its octets, to be filled; NULL without memory. */
struct update *update_make(const struct update_request *request, const char *who);
const char *update_who(const struct update *update);

/* Answer, and free. */
void update_end(struct keeper_zone *zone, struct update *update, uint32_t serial,
                uint64_t transaction);
void update_fail(struct keeper_zone *zone, struct update *update, const char *text);

/* Answer all that wait for a zone, for they will not be had. */
void updates_fail(struct keeper_zone *zone, const char *text);

/* How many updates a round may take now: what the token signs in half of the time that they have,
 * beside the rounds under way. What does not fit waits. */
unsigned updates_admitted(const struct keeper *keeper);

/* Those that have waited for too long. */
void updates_check_deadlines(struct keeper *keeper);

/* ---- round.c ----------------------------------------------------------------------------------
 */

/* Begin what waits, write what is ready, again as long as there is something. Once per turn of the
 * loop. */
void rounds_turn(struct keeper *keeper);

/* A signature of what is stored was renewed: held for the zone's next round. */
void round_hold(struct keeper_zone *zone, struct job *job);

/*
 * Begin a round with the difference that a load has found (edits.h), merged into nothing else. The
 * zone's phase is PHASE_LOADING until load_ended (load.c) is called.
 */
MUST_CHECK enum result round_begin_load(struct keeper_zone *zone, const struct buffer *edits,
                                        const struct round_load *load);

/* Begin a round that brings a new ZONEMD with this digest and changes nothing else. */
void round_begin_digest(struct keeper_zone *zone, enum digest digest);

/* Rounds whose signatures did not come in time. */
void rounds_check_deadlines(struct keeper *keeper);

/* Give up what a zone has: it is going. */
void round_forget(struct keeper_zone *zone);

/* The zone has another configuration: give up what cannot be carried through under it. */
void round_reconsider(struct keeper_zone *zone);

/* The renewed signatures that are held are of no use: another version is served since `transaction`
 * (0: they are lost). */
void round_drop_renewed(struct keeper_zone *zone, uint64_t transaction);

/* Whether the zone has a round, or something waits for one. */
bool round_is_wanted(const struct keeper_zone *zone);

/* Such a zone stands in keeper->changing, so that nobody looks at all zones: it is put there when
 * it gets something, and leaves with a sweep when it has nothing any more. */
void round_join(struct keeper_zone *zone);
void rounds_sweep(struct keeper *keeper);

/* A round fails, and all that is in it; the zone's, or one that is not yet, or no longer. Freed. */
void round_fail(struct keeper_zone *zone, struct round *round, enum result result,
                const char *text);
const char *round_why(enum result result);

/* Renewed signatures are stored with the round, or (transaction 0) will not be. */
void round_end_renewed(struct keeper *keeper, struct job *list, uint64_t transaction);

/* Begin the next round of a zone whose last one is put, and about to be flushed: so the signer
 * works while the disk does. If that commit fails, this round fails with it.
 *
 * view  Of the change: what will be stored. */
void round_begin_ahead(struct keeper_zone *zone, struct snapshot *view);

/* Whatever waited for the end of the zone's round. */
void round_over(struct keeper_zone *zone);
void round_free(struct round *round);

/* ---- round_write.c ----------------------------------------------------------------------------
 */

/* Write all rounds that have their signatures, in one commit; what cannot be written fails. */
void rounds_write(struct keeper *keeper);

/* ---- round_sign.c -----------------------------------------------------------------------------
 */

/* List what is to be signed; a ZONEMD only once it is made. RESULT_SYSTEM. */
MUST_CHECK enum result round_list(struct round *round);

/* The digest is made: the record, which is all that is left to be signed. */
void round_take_digest(struct round *round, const uint8_t *rdata, size_t length);

/* Send what waits to be signed, as far as it goes. */
void round_send(struct round *round);

/* The signatures of a set have come: the job is no more. */
void round_take(struct job *job, const struct rdata_run *signatures);

/* They will not come, for now: they are asked for again as long as there is time. */
void round_retry(struct job *job);

/* The same after a failure: not at once. */
void round_retry_later(struct job *job);

/* Forget the jobs under way. */
void round_abandon(struct round *round);

#endif
