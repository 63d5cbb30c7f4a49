/*
 * internal.h - what the keeper's files share: the room's state, its zones and their keys.
 *
 * One thread, one loop; the loader's thread (load.c) works on memory of its own and hands slices
 * over. Whoever changes the store goes through commit.c.
 */
#ifndef KEEPER_INTERNAL_H
#define KEEPER_INTERNAL_H

#include "avow/base/clock_watch.h"
#include "avow/change/change.h"
#include "avow/change/pins.h"
#include "avow/change/watermark.h"
#include "avow/config/config.h"
#include "avow/room/room.h"
#include "avow/store/expiry.h"
#include "avow/store/zones.h"

#include "asked.h"
#include "budget.h"
#include "jobs.h"
#include "zone_parts.h"

struct loader;
struct load_end;
struct comparison;
struct write_back;
struct digest_thread;
struct transaction;
struct secondaries;
struct control;
struct scrub;
struct round;
struct update;

enum {
    ZONE_MAX_KEYS = 8,
    INCEPTION_OFFSET = 3600, /* seconds: for validators whose clocks are late */
    TICK_MS = 250,
    TOKENS_LIMIT = 16
};

/* A key of a zone, as the keeper sees it. */
struct zone_key {
    struct key_row row;
    uint32_t handle;    /* its number in letters to the signer */
    bool stored;        /* row is in the store */
    bool asked;         /* KEY_ENSURE is under way */
    uint64_t asked_ms;  /* since when */
    bool ready;         /* the signer has proved it */
    uint32_t signature; /* octets of an RRSIG RDATA made with it, its length field included */
};

enum zone_phase {
    PHASE_IDLE,    /* nothing under way but signatures */
    PHASE_QUEUED,  /* waits for the loader */
    PHASE_LOADING, /* the loader has it */
    PHASE_FAILED   /* the last load failed; what was served before still is */
};

/* Of a record that was met by chance; with what helps while the daemon runs. */
#define DAMAGED_TEXT                                                                               \
    "a record of the store is damaged: avowctl scrub start finds all that are and mends what it "  \
    "can; zone reload --force makes the zone what its file says"

struct keeper_zone {
    struct keeper_zone *next;          /* in canonical order of names */
    struct keeper_zone *next_named;    /* in the bucket of its name (zone_index.c) */
    struct keeper_zone *next_version;  /* in that of its version */
    struct keeper_zone *next_changing; /* that have something for a round, in no order */
    struct keeper_zone *next_walking;  /* that have a walk under way */
    uint32_t indexed_version;          /* 0: in no bucket */
    bool changing, walking;
    struct keeper *keeper;
    struct name name;
    const struct config_zone *config; /* NULL: no longer configured, about to go */
    struct zone row;                  /* as in the store */
    enum zone_phase phase;
    bool load_wanted;    /* as soon as keys and loader are at hand */
    bool looked_through; /* a walk was begun since the start of the keeper */
    bool whole;          /* a new version: what signs it has changed */
    bool forced;         /* the load may drop what updates have changed */
    bool mends;          /* the load is of the file that was loaded before: it passes the gate */
    bool lacks_room;     /* the load waits for it, and counts as failed until then */
    bool load_later;     /* it could not be signed: again when the token is at hand */
    uint32_t load_delay_ms;
    uint64_t load_after_ms;
    struct zone_hold hold;
    struct zone_publishing digest;
    bool hook_runs; /* the load waits for the zone's hook, and has not looked at what is served */
    bool has_said;  /* a file was loaded by this keeper, and `said` is its serial */
    uint32_t said;
    struct zone_key keys[ZONE_MAX_KEYS];
    unsigned key_count;
    bool keys_read; /* all rows of its keys */
    struct cursor cursor;
    unsigned in_flight;             /* jobs for what is stored */
    struct asked_lanes asked;       /* of these, asked for and not given to the signer yet */
    struct round *round;            /* what leads to the next serial; NULL: nothing under way */
    struct update *updates, **last; /* that wait for the next round */
    size_t singly;                  /* so many of these have a round each: one of them fails */
    struct job *renewed;            /* signatures that do; by next_done */
    unsigned renewed_count;
    uint64_t renewed_ms; /* since when the first of them does */
    bool renew_now;      /* somebody waits for one */
    bool walked;         /* the walk has ended; what it sent is still under way */
    uint64_t walk_sent;  /* jobs of the walk */
    bool again;          /* something was lost behind the walk's back: another one follows */
    bool damage;         /* the walk met a damaged record */
    uint32_t delay_ms;   /* until a walk that follows a failure; doubled by each */
    char load_problem[ZONE_PROBLEM_OCTETS]; /* why the last load failed, or is held */
    char problem[ZONE_PROBLEM_OCTETS];      /* of its keys and signatures */
    struct zone_write write;
    struct zone_scrub scrub;
    struct transaction *transaction; /* of avowctl; NULL: none is open */
    struct secondaries *secondaries; /* what is known of them; NULL: nothing */
    uint64_t problem_until_ms; /* seen by chance: stays for a while, if nothing shows that it is
                                  mended */
};

/* What the signer said of a keystore's token last. */
struct token_fact {
    char keystore[64];
    bool up;
    uint32_t rate; /* signatures in the last second */
    char text[256];
};

/* The desk. */
struct desk_link {
    struct channel *channel; /* NULL while it is away */
    struct dispatch_state letters;
    uint32_t generation; /* moves when it is another one: what the old one asked is void */
};

struct keeper {
    struct room *room;
    struct ev_loop *loop;
    const struct config *config;
    struct metrics_stripe *metrics;

    struct store store;
    struct pages pages;
    struct pins pins;
    struct snapshot view;    /* for reading; renewed and rested by whoever reads */
    bool settled;            /* every reader has left the predecessor's snapshots */
    uint64_t transaction;    /* newest commit */
    bool publish_owed;       /* a commit could not be published: before the next change it must */
    uint64_t write_after_ms; /* a write failed: until then nothing is signed */
    uint64_t restart_ms;     /* when a reader's restart was last asked for */
    struct log_budget write_budget;
    struct watermark watermark;

    struct keeper_zone *zones;    /* in canonical order of names */
    struct keeper_zone **named;   /* the same by name, and by version (zone_index.c) */
    struct keeper_zone *changing; /* those that have something for a round (round.h) */
    struct keeper_zone *walking;  /* those that have a walk under way (schedule.c) */
    struct keeper_zone *turn;     /* of these, whose turn it is next; NULL: the first */
    bool compared;                /* the rows were looked at, since the store can be written */
    bool returned;                /* rows of zones that are configured again say that they left */
    uint64_t retired_due;         /* when rows of zones that are not configured are looked at */
    uint64_t retired_count;
    uint32_t next_handle;
    uint32_t next_request;

    struct channel *orders, *bulk; /* NULL while the signer is away */
    struct dispatch_state signer_letters;
    struct token_fact tokens[TOKENS_LIMIT];
    unsigned token_count;
    bool token_up;        /* at least one is */
    struct budget budget; /* what the tokens make together */
    struct asked asked;   /* what queries asked for and the signer has not been given yet */
    uint32_t told_rate;   /* of the budget, when the front was last told of it; 0: never */
    unsigned bulk_jobs;   /* sent for the background, not answered */
    unsigned bulk_waited, bulk_pressing; /* of these */
    unsigned bulk_window; /* how many of these there may be: about a second of the token's work */
    uint64_t window_ms;   /* when it was last made smaller */
    uint64_t answered_ms; /* when signatures last came */

    struct jobs jobs;
    struct front_link *fronts; /* one per worker of the front, and one for the desk */
    unsigned front_count;
    struct desk_link desk;

    size_t updates_waiting, update_octets; /* queued or in rounds */
    bool rounds_ready;                     /* some round has all its signatures */
    bool rounds_waiting;                   /* something waits for a round to be begun */

    struct loader *loader;
    struct comparison *comparison;
    struct write_back *write_back;
    struct digest_thread *digest;
    struct control *control;
    struct scrub *scrub;
    struct store_scan scan; /* of it: commits tell it what they change */
    uint32_t old_versions;  /* up to this one, versions are of a store that was older, at our
                             * start, than its last commit; 0: it was not */

    ev_timer tick;
    ev_timer commit_soon;
    ev_prepare prepare;
    ev_idle idle;
    bool watching; /* the watchers above */
    bool commit_now;
    bool configure_again;   /* not all zones could be prepared */
    bool walk_on;           /* a walk only paused for other events */
    bool due_on;            /* not all that is due could be sent yet */
    bool due_more;          /* it only paused for other events */
    struct expiry due_rest; /* the entry of the index that is taken, with what is left of it */
    bool leftovers;         /* versions that nobody serves may be there, to be dropped */
    uint64_t now_ms;        /* monotonic, as of the last tick or event */
    uint64_t now;           /* wall, seconds */
    struct clock_watch clock_watch;
    uint64_t furthest;      /* the latest wall time so far: what is signed began before it */
    uint64_t look_again_ms; /* 0: not */
    int64_t clock_set; /* by how much the clock was last set, and what it showed then; 0: never */
    uint64_t clock_set_at;
    uint64_t hurry_until_ms; /* until then what is renewed is not held for long */
    uint64_t rate_at;        /* when rate was last worked out */
    uint64_t rate_mark;
    uint32_t rate; /* signatures stored in the last second */
    uint64_t last_expiry_ms, last_keys_ms;
    uint64_t next_segment;
    /* Have another room killed and started anew. */
    void (*restart)(struct keeper *keeper, enum room_kind kind, const char *reason);
};

/* A worker of the front. */
struct front_link {
    struct keeper *keeper;
    struct channel *channel; /* NULL while it is away */
    struct dispatch_state letters;
    uint32_t generation; /* moves when the worker is another one: waiters of the old are void */
};

/* ---- loop.c: the whole ------------------------------------------------------------------------
 */

/* Open the store and all else, and watch; a zeroed keeper but for `restart`. Peers and zones
 * follow. Whatever is returned, keeper_close is due. store.problem may say what was wrong. */
MUST_CHECK enum result keeper_open(struct keeper *keeper, struct room *room);
void keeper_close(struct keeper *keeper);

/* A configuration, at the start or another one: the zones lead into it afterwards, also when not
 * all could be prepared (it is then tried again). */
MUST_CHECK enum result keeper_configure(struct keeper *keeper, const struct config *config);

void keeper_connect_front(struct keeper *keeper, unsigned index, int descriptor);

/* ---- clock_set.c ------------------------------------------------------------------------------
 */

/* Whether somebody has set the clock, and what follows; with keeper->now and now_ms as they are. */
void clock_set_look(struct keeper *keeper);

/* ---- desk_link.c ------------------------------------------------------------------------------
 */

void desk_link_connect(struct keeper *keeper, int descriptor);
void desk_link_close(struct keeper *keeper);

/* Tell the desk that a zone has another serial. */
void desk_link_changed(struct keeper_zone *zone);

/* ---- zone_index.c: zones by name, and by version ----------------------------------------------
 */

MUST_CHECK enum result zone_index_open(struct keeper *keeper);
void zone_index_close(struct keeper *keeper);
void zone_index_add(struct keeper_zone *zone);
void zone_index_remove(struct keeper_zone *zone);

/* The zone serves another version. */
void zone_index_version(struct keeper_zone *zone);

struct keeper_zone *keeper_zone_find(const struct keeper *keeper, const struct name *name);
struct keeper_zone *keeper_zone_of_version(const struct keeper *keeper, uint32_t version);

/* ---- zones.c: the list ------------------------------------------------------------------------
 */

/* Bring the list in line with the configuration: at start, and on reload. */
MUST_CHECK enum result keeper_zones_configure(struct keeper *keeper);
void keeper_zones_free(struct keeper *keeper);

/* Say what is wrong with a zone's keys or signatures; logged when it is news. */
void keeper_zone_problem(struct keeper_zone *zone, const char *format, ...) PRINTF_LIKE(2, 3);

/* The same of a load: it stays until one goes well, whatever becomes of the keys. */
void keeper_zone_unloaded(struct keeper_zone *zone, const char *format, ...) PRINTF_LIKE(2, 3);

/* A load has gone well, or need not be made up for. */
void keeper_zone_loaded(struct keeper_zone *zone);

/* The same for what may come a thousand times: while such a problem stands, others are silent. It
 * stands for a minute, or until a load or a walk has gone well. */
void keeper_zone_trouble(struct keeper_zone *zone, const char *format, ...) PRINTF_LIKE(2, 3);

/* Keys and signatures are fine, as far as the caller can see. `surely`: what was met by chance is
 * mended. */
void keeper_zone_fine(struct keeper_zone *zone, bool surely);

/* All signatures are stored: tell who waits; the log, when it is the `first` time for a version. */
void keeper_zone_complete(struct keeper_zone *zone, bool first);

/* Free zones that are configured no more and for which nothing is under way any more. */
void keeper_zones_remove(struct keeper *keeper);

/* Whether the store can be changed, and what is in it is answered. */
static inline bool keeper_is_ready(const struct keeper *keeper)
{
    return keeper->settled && keeper->pins.revealed;
}

/* Whether the zone's policy signs it. */
static inline bool keeper_zone_signs(const struct keeper_zone *zone)
{
    return zone->config && zone->config->policy;
}

/* Whether what is served is signed, and still to be. A policy that has come or gone holds from the
 * next version on. Nothing that is in doubt is signed. */
static inline bool keeper_zone_is_signed(const struct keeper_zone *zone)
{
    return keeper_zone_signs(zone) &&
           (zone->row.flags & (ZONE_SIGNED | ZONE_DOUBTFUL)) == ZONE_SIGNED;
}

/* Whether the zone is answered for. */
static inline bool keeper_zone_is_served(const struct keeper_zone *zone)
{
    return zone_is_answered(&zone->row);
}

/* The zone has another serial, or is transferable now: its secondaries are to be told. */
void keeper_zone_changed(struct keeper_zone *zone);

/* The serial that follows on the served one by the zone's configuration. */
uint32_t keeper_zone_serial(const struct keeper_zone *zone);

/* Whether the zone is whole: unsigned, or with all its signatures. */
static inline bool keeper_zone_is_whole(const struct keeper_zone *zone)
{
    return zone->row.version &&
           (!(zone->row.flags & ZONE_SIGNED) || zone->row.flags & ZONE_FULLY_SIGNED);
}

/* Begin what the zone needs next: keys, a load, signatures. */
void keeper_zone_advance(struct keeper_zone *zone);

/* ---- keyring.c: keys --------------------------------------------------------------------------
 */

/* Read the zone's keys from the store. */
MUST_CHECK enum result keyring_read(struct keeper_zone *zone);

/* Ask the signer for the keys that the zone lacks. True when all are ready. */
bool keyring_ensure(struct keeper_zone *zone);

/* The signer was restarted: no key is ready any more. */
void keyring_forget(struct keeper *keeper);

void keyring_take(struct keeper *keeper, const struct message_key *key);

/* Handles of the keys that sign a type now; returns how many, at most SIGN_JOB_KEYS. */
unsigned keyring_signers(const struct keeper_zone *zone, uint16_t type, uint32_t *handles);

/* Whether a key with this tag and algorithm signs the type now. */
bool keyring_has_signer(const struct keeper_zone *zone, uint16_t type, uint16_t tag,
                        uint8_t algorithm);

/* Whether the zone can be signed: keys proved, and their tokens not known to be away. */
bool keyring_at_hand(const struct keeper_zone *zone);

/* The signer does not know the keys of a type: they are asked for again. */
void keyring_doubt(struct keeper_zone *zone, uint16_t type);

/* The zone is going: the signer need not hold its keys. */
void keyring_release(struct keeper_zone *zone);

/* Whether all keys of the policy exist and are stored: enough for a load, if not for signing. */
bool keyring_known(const struct keeper_zone *zone);

/* The DNSKEY RRset of our keys, as a run; `count` records. RESULT_SYSTEM. */
MUST_CHECK enum result keyring_publish(const struct keeper_zone *zone, struct buffer *run,
                                       uint16_t *count);

/* Octets that the signatures of an RRset of the type take. */
uint32_t keyring_room(const struct keeper_zone *zone, uint16_t type);

/* ---- load.c -----------------------------------------------------------------------------------
 */

MUST_CHECK enum result loader_open(struct keeper *keeper);
void loader_queue(struct keeper_zone *zone);
void loader_close(struct keeper *keeper);

/* A load has ended, by itself or with the round that had its difference (round.h). */
struct round_load;
void load_ended(struct keeper_zone *zone, const struct round_load *load, enum result result);

/* Begin what is queued, when nothing is being loaded. */
void loader_go_on(struct keeper *keeper);

/* Whether a load of the zone begins as soon as the zone has no round. */
bool loader_waits_for(const struct keeper_zone *zone);

/* Whether the zone's file is another one than that which was loaded. */
bool loader_file_changed(const struct keeper_zone *zone);

/* The file that was loaded, or written, has this serial. */
static inline void keeper_zone_said(struct keeper_zone *zone, uint32_t serial)
{
    zone->has_said = true;
    zone->said = serial;
}

/* What decides how a version is signed; another value asks for a new version. */
uint64_t loader_fingerprint(const struct keeper_zone *zone);

/* The supervisor says how the hook of a load ended. */
void loader_hooked(struct keeper *keeper, const struct message_hooked *hooked);

/* ---- hold.c: loads that are held --------------------------------------------------------------
 */

/* A load is held. `end`: how it ended; NULL: it did not begin. */
void hold_set(struct keeper_zone *zone, enum hold_reason reason, const struct load_end *end,
              const char *text);
void hold_clear(struct keeper_zone *zone);

/* Why HOLD_EDITED. */
const char *hold_edited_text(const struct keeper_zone *zone);

/* Make it the problem of the zone's load. */
void hold_say(struct keeper_zone *zone);

/* Whether the same file would only be held again, as far as can be told without reading it. */
bool hold_stands(const struct keeper_zone *zone);

/* ---- compare.c: a file beside what is served --------------------------------------------------
 */

MUST_CHECK enum result comparison_open(struct keeper *keeper);
void comparison_close(struct keeper *keeper);

/* ---- write_back.c: zones to their files -------------------------------------------------------
 */

MUST_CHECK enum result write_back_open(struct keeper *keeper);
void write_back_close(struct keeper *keeper);

/* Begin what is due. Every tick, and when somebody asks. */
void write_back_turn(struct keeper *keeper);

/* The keeper stops: write what is not written, here and now. */
void write_back_all(struct keeper *keeper);

/* ---- transaction.c: changes that people collect -----------------------------------------------
 */

/* When the zone's transaction was begun and how many changes it holds; false: none is open. */
bool transaction_is_open(const struct keeper_zone *zone, uint64_t *begun, unsigned *changes);

/* The zone is going, or the keeper. */
void transaction_forget(struct keeper_zone *zone);

/* ---- schedule.c: what is signed when ----------------------------------------------------------
 */

/* Send background work as long as the signer takes it. */
void schedule_pump(struct keeper *keeper);

/* Look for signatures that are due. */
void schedule_due(struct keeper *keeper);

/* Begin (again) the walk that signs what has no signature. */
void schedule_zone(struct keeper_zone *zone);

/* Work for the zone was lost or failed: a walk will find it, but not at once when `failed`. */
void schedule_again(struct keeper_zone *zone, bool failed);

/* The zone is going. */
void schedule_leave(struct keeper_zone *zone);

/* Settle all zones that have a walk. Every tick. */
void schedule_settle_all(struct keeper *keeper);

/* Forget how far the walk has come: the zone is another one. */
void schedule_reset(struct keeper_zone *zone);

/* Nothing of a zone is under way any more: was everything signed, or is another walk due? */
void schedule_settle(struct keeper_zone *zone);

/* Whether signatures of an RRset are missing, wrong or due. */
bool schedule_needs(const struct keeper_zone *zone, uint16_t flags, const struct rrset_view *rrset);

/* When signatures made now run out; spread by `name` over the policy's jitter. */
uint32_t schedule_expiration(const struct keeper_zone *zone, const uint8_t *octets, size_t length);

/* ---- wanted.c: signatures that the front waits for --------------------------------------------
 */

void wanted_take(struct front_link *front, const struct message_want *want);

/* Have the stored RRset signed anew, for nobody who waits; also fine when it is under way. It is
 * read through keeper->view, which is in use. RESULT_REFUSED when there is no such RRset or nothing
 * signs it now; RESULT_FULL; RESULT_TOKEN. */
MUST_CHECK enum result wanted_anew(struct keeper_zone *zone, const struct job_subject *wanted);

/* Tell all who wait for a job how it ended; `transaction` 0: it failed. */
void wanted_tell(struct keeper *keeper, struct job *job, uint64_t transaction);

/* Give the signer what is its turn, as much as it may have at once. */
void wanted_turn(struct keeper *keeper);

/* Tell the front what it may ask for, when that is something else than before; `all`: in any case.
 * Now and then. */
void wanted_tell_rate(struct keeper *keeper, bool all);

/* ---- sign.c: to the signer and back -----------------------------------------------------------
 */

void sign_connect(struct keeper *keeper, unsigned index, int descriptor);

/* Send one urgent job now. RESULT_FULL, RESULT_TOKEN. */
MUST_CHECK enum result sign_urgent(struct keeper *keeper, struct job *job,
                                   const struct rrset *rrset);

/* Whether the signer may have one more now that a query asked for. */
bool sign_may_ask(const struct keeper *keeper, enum asked_class class);

/* What the signer has of the background. */
enum budget_background sign_background(const struct keeper *keeper);

/* Jobs for one letter, by one of the two channels. */
struct sign_batch {
    unsigned channel; /* SIGNING_ORDERS or SIGNING_BULK */
    struct writer writer;
    uint16_t count;
    bool full; /* a job did not fit */
    struct job *jobs[256];
};
void sign_batch_begin(struct keeper *keeper, struct sign_batch *batch);
/* Add a job; false when the batch is full: send it first. */
MUST_CHECK bool sign_batch_add(struct sign_batch *batch, struct job *job,
                               const struct rrset *rrset);
/* Whether the job is too large even for an empty batch. */
bool sign_batch_is_too_small(const struct sign_batch *batch);
MUST_CHECK enum result sign_batch_send(struct keeper *keeper, struct sign_batch *batch);

/* The job could not be sent: tell who waits, and forget it. */
void sign_abandon(struct keeper *keeper, struct job *job);

/* Jobs that the signer has had for too long: it hangs, or lost them. */
void sign_check_deadlines(struct keeper *keeper);

/* ---- commit.c: the only way to the store ------------------------------------------------------
 */

/* Write what was signed. */
void commit_signatures(struct keeper *keeper);

/* Whether it makes sense to make signatures: not while they cannot be stored. */
bool commit_is_possible(const struct keeper *keeper);

/* Publish what could not be when it was committed; nothing when there is none. */
void commit_publish(struct keeper *keeper);

/* The newest commit in keeper->view, which is to be rested. RESULT_SYSTEM: not now; when it will
 * never be, the store is opened anew as after a write that failed. */
MUST_CHECK enum result commit_look(struct keeper *keeper);

/* Begin, and end with publication. On failure it is logged and the result returned. commit_end: a
 * commit that could not be published has been made all the same; it is published later. */
MUST_CHECK enum result commit_begin(struct keeper *keeper, struct change *change);
MUST_CHECK enum result commit_end(struct keeper *keeper, struct change *change, bool zones_changed,
                                  struct keeper_zone *const *touched, size_t count);

/* Store one zone's row by itself. */
MUST_CHECK enum result commit_zone(struct keeper_zone *zone, bool zones_changed);

/* ---- control.c --------------------------------------------------------------------------------
 */

MUST_CHECK enum result control_open(struct keeper *keeper);
void control_close(struct keeper *keeper);

/* Something happened to a zone: those who wait for it look again. */
void control_zone_event(struct keeper_zone *zone);

/* A complaint of a load, for the one who asked for it. */
void control_zone_complaint(struct keeper_zone *zone, const char *text);

#endif
