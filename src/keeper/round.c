/* round.c - how a zone gets from one serial to the next. */
#include "round.h"

#include <stdlib.h>
#include <string.h>

#include "avow/base/clock.h"
#include "avow/wire/type.h"
#include "avow/dnssec/zonemd.h"
#include "denial.h"
#include "publish.h"
#include "edits.h"
#include "place.h"
#include "soa.h"

enum {
    ROUND_OCTETS = 16 << 20,   /* of a stage, when it takes no more updates */
    HOLD_MS = 60000,           /* the longest that a renewed signature waits for a round */
    HURRY_MS = 1000,           /* the same after the clock was set */
    HOLD_SIGNATURES = 1024,    /* or until so many do */
    HOLD_ALL = JOBS_LIMIT / 4, /* or, of all zones, so many */
    TURNS = 8                  /* of beginning and writing, before others have theirs */
};

/* ---- what waits -------------------------------------------------------------------------------
 */

void round_hold(struct keeper_zone *zone, struct job *job)
{
    struct keeper *keeper = zone->keeper;

    zone->in_flight--;
    job->held = true;
    job->next_done = zone->renewed;
    if (!zone->renewed)
        zone->renewed_ms = keeper->now_ms;
    zone->renewed = job;
    zone->renewed_count++;
    round_join(zone);
    keeper->jobs.held++;
    zone->renew_now |= job->urgent || job->waiters;
    keeper->rounds_waiting = true;
}

/* Time left until a signature that is due runs out bounds how long it may be held. Where the clock
 * was set, there may be none left. */
static uint64_t hold_ms(const struct keeper_zone *zone)
{
    uint64_t part = (uint64_t)zone->config->policy->signature_refresh * 1000 / 16;
    uint64_t most = zone->keeper->now_ms < zone->keeper->hurry_until_ms ? HURRY_MS : HOLD_MS;
    return part < most ? part : most;
}

static bool renewal_is_due(const struct keeper_zone *zone)
{
    const struct keeper *keeper = zone->keeper;

    if (!zone->renewed || !keeper_zone_is_signed(zone))
        return false;
    return zone->renew_now || zone->renewed_count >= HOLD_SIGNATURES ||
           keeper->jobs.held >= HOLD_ALL || keeper->now_ms - zone->renewed_ms >= hold_ms(zone);
}

bool round_is_wanted(const struct keeper_zone *zone)
{
    return zone->round || zone->updates || zone->renewed;
}

void round_join(struct keeper_zone *zone)
{
    struct keeper *keeper = zone->keeper;

    if (zone->changing)
        return;
    zone->changing = true;
    zone->next_changing = keeper->changing;
    keeper->changing = zone;
}

void rounds_sweep(struct keeper *keeper)
{
    struct keeper_zone **at = &keeper->changing;

    while (*at) {
        struct keeper_zone *zone = *at;
        if (round_is_wanted(zone)) {
            at = &zone->next_changing;
            continue;
        }
        *at = zone->next_changing;
        zone->changing = false;
    }
}

/* Whether what is served can be changed under the zone's configuration: what is signed needs a
 * policy, also while the version that follows it is being made. */
static bool may_change(const struct keeper_zone *zone)
{
    return zone->config && (keeper_zone_signs(zone) || !(zone->row.flags & ZONE_SIGNED));
}

static bool may_begin(const struct keeper_zone *zone)
{
    return may_change(zone) && !zone->round && zone->row.version &&
           (zone->phase != PHASE_LOADING || zone->hook_runs) && !loader_waits_for(zone) &&
           (zone->updates || renewal_is_due(zone));
}

/* A renewed signature is stored with the round, or will not be. */
void round_end_renewed(struct keeper *keeper, struct job *list, uint64_t transaction)
{
    while (list) {
        struct job *job = list;
        struct keeper_zone *zone = job->zone;
        list = job->next_done;
        keeper->jobs.held--;
        wanted_tell(keeper, job, transaction);
        jobs_end(&keeper->jobs, job);
        if (!transaction)
            schedule_again(zone, true);
    }
}

/* ---- staging ----------------------------------------------------------------------------------
 */

static void take_updates(struct round *round, struct keeper_zone *zone)
{
    unsigned most = zone->singly ? 1 : updates_admitted(zone->keeper);

    for (unsigned i = 0;
         i < most && zone->updates && !round->stage.failed && round->stage.octets < ROUND_OCTETS;
         i++) {
        struct update *update = zone->updates;
        if (round->patient || (update->alone && round->updates))
            break;
        zone->updates = update->next;
        update->next = NULL;
        *round->last_update = update;
        round->last_update = &update->next;
        round->patient = update->alone;
        update->outcome = update_apply(&round->stage, &update->request);
    }
    zone->singly = zone->updates && zone->singly ? zone->singly - 1 : 0;
    zone->keeper->rounds_waiting |= zone->updates != NULL;
}

static void stage_edits(struct stage *stage, const struct buffer *edits)
{
    struct reader reader = reader_over(edits->octets, edits->length);
    struct edit edit;

    while (!stage->failed && edits_next(&reader, &edit)) {
        struct staged_name *name = stage_name(stage, &edit.owner);
        if (name)
            staged_replace(stage, name, edit.type, edit.ttl, &edit.rdata);
        stage_mark(stage); /* nothing of it is taken back singly */
    }
    if (reader_finish(&reader))
        stage_fail(stage, RESULT_FORMAT);
}

/* The SOA gets the next serial: that of an update or a file when it is after the served one. */
static void stage_serial(struct round *round, bool said, uint32_t serial)
{
    struct stage *stage = &round->stage;
    const struct keeper_zone *zone = stage->zone;
    struct staged_name *apex = stage_name(stage, &zone->name);
    const struct staged_rrset *rrset = apex ? staged_find(apex, TYPE_SOA) : NULL;
    uint8_t octets[2 + 2 * NAME_MAX_OCTETS + 20];
    struct soa soa;

    if (!apex)
        return;
    struct rdata_run run = rrset ? staged_rdata(rrset) : (struct rdata_run){.count = 0};
    if (run.count != 1 || run.length > sizeof octets ||
        soa_read(run.octets + 2, run.length - 2, &soa)) {
        stage_fail(stage, RESULT_CORRUPT);
        return;
    }
    if (!said || !serial_is_after(serial, soa.serial))
        serial = soa.serial;
    round->serial = serial_is_after(serial, zone->row.serial) ? serial : keeper_zone_serial(zone);
    memcpy(octets, run.octets, run.length);
    soa_set_serial(octets + 2, run.length - 2, round->serial);
    run.octets = octets;
    staged_replace(stage, apex, TYPE_SOA, rrset->ttl, &run);
}

/* A renewed signature, unless what it signs is about to change. */
static void stage_renewed_name(struct stage *stage, const struct job *job)
{
    struct staged_name *name = stage_name(stage, &job->owner);
    struct staged_rrset *rrset = name ? staged_find(name, job->type) : NULL;

    if (!rrset || staged_differs(rrset) || !place_signs(name->flags, job->type))
        return;
    buffer_clear(&rrset->signatures);
    buffer_add(&rrset->signatures, job->run.octets, job->run.length);
    if (buffer_check(&rrset->signatures))
        stage_fail(stage, RESULT_SYSTEM);
    rrset->signature_count = job->run.count;
    rrset->expiration = job->expiration;
}

static void stage_renewed_link(struct stage *stage, const struct job *job)
{
    struct staged_link *link = denial_link(stage, job->hash);

    if (!link || !link->stored || !link->there || link->composed)
        return;
    buffer_clear(&link->signatures);
    buffer_add(&link->signatures, job->run.octets, job->run.length);
    if (buffer_check(&link->signatures))
        stage_fail(stage, RESULT_SYSTEM);
    link->signature_count = job->run.count;
    link->expiration = job->expiration;
}

static void take_renewed(struct round *round, struct keeper_zone *zone)
{
    round->renewed = zone->renewed;
    zone->renewed = NULL;
    zone->renewed_count = 0;
    zone->renew_now = false;
    for (struct job *job = round->renewed; job && !round->stage.failed; job = job->next_done) {
        if (job->stale || job->version != zone->row.version)
            continue;
        if (job->kind == WANT_NSEC3)
            stage_renewed_link(&round->stage, job);
        else
            stage_renewed_name(&round->stage, job);
    }
}

/* A ZONEMD is true of one serial: it goes with any other (RFC 8976 section 2.2.1), unless it is the
 * file's, which is served as it is. */
static void stage_digest(struct round *round)
{
    static const struct rdata_run none = {.octets = (const uint8_t *)""};
    struct stage *stage = &round->stage;
    const struct keeper_zone *zone = stage->zone;
    bool of_file = round->has_load && !round->load.merged &&
                   serial_is_after(round->load.said, zone->row.serial) &&
                   zone->config->publish_zonemd == CONFIG_DIGEST_OFF;
    struct staged_name *apex = of_file || round->digest ? NULL : stage_name(stage, &zone->name);

    if (apex && staged_find(apex, TYPE_ZONEMD))
        staged_replace(stage, apex, TYPE_ZONEMD, 0, &none);
}

/* Everything that follows from what was staged. */
static enum result settle(struct round *round)
{
    struct stage *stage = &round->stage;

    stage_digest(round);
    stage_mark(stage);
    place_settle(stage);
    if (!stage->failed)
        stage_serial(round, round->has_load, round->load.said);
    if (!stage->failed)
        denial_settle(stage);
    if (!stage->failed && !round->digest)
        take_renewed(round, stage->zone);
    return stage->failed ? stage->failed : round_list(round);
}

/* ---- beginning and end ------------------------------------------------------------------------
 */

static struct round *make_round(struct keeper_zone *zone)
{
    struct round *round = calloc(1, sizeof *round);

    if (!round)
        return NULL;
    stage_open(&round->stage, zone);
    round->last_update = &round->updates;
    round->origin = JOURNAL_UPDATE;
    round->begun_ms = round->signed_ms = zone->keeper->now_ms;
    round->row = zone->row;
    return round;
}

void round_free(struct round *round)
{
    publish_abandon(round);
    stage_close(&round->stage);
    free(round->sets);
    free(round);
}

const char *round_why(enum result result)
{
    switch (result) {
    case RESULT_CORRUPT:
        return DAMAGED_TEXT;
    case RESULT_FULL:
        return "it would hide or bring to light more names than one change may";
    default:
        return result_sentence(result);
    }
}

/* Whatever waited for the end of the zone's round. */
void round_over(struct keeper_zone *zone)
{
    zone->keeper->rounds_waiting |= zone->updates || zone->renewed;
    if (zone->phase == PHASE_QUEUED || zone->phase == PHASE_LOADING)
        loader_go_on(zone->keeper);
}

void round_fail(struct keeper_zone *zone, struct round *round, enum result result, const char *text)
{
    round_abandon(round);
    if (zone->round == round)
        zone->round = NULL;
    if (result == RESULT_CORRUPT)
        keeper_zone_trouble(zone, "%s", text);
    while (round->updates) {
        struct update *update = round->updates;
        round->updates = update->next;
        update_fail(zone, update, text);
    }
    round_end_renewed(zone->keeper, round->renewed, 0);
    if (round->has_load)
        load_ended(zone, &round->load, result ? result : RESULT_SYSTEM);
    round_free(round);
    round_over(zone);
}

/* What changed nothing is answered without a serial of its own. */
static void end_unchanged(struct keeper_zone *zone, struct round *round)
{
    while (round->updates) {
        struct update *update = round->updates;
        round->updates = update->next;
        update_end(zone, update, zone->row.serial, 0);
    }
    round_free(round);
}

/* The round is under way, unless it turns out to be nothing. `edits`: of a load; NULL. */
static enum result begin(struct keeper_zone *zone, struct round *round, const struct buffer *edits)
{
    struct keeper *keeper = zone->keeper;
    bool ahead = round->stage.view != &keeper->view;

    if (!ahead && commit_look(keeper))
        return RESULT_SYSTEM;
    if (edits)
        stage_edits(&round->stage, edits);
    else
        take_updates(round, zone);
    enum result result = round->stage.failed;
    round->edited = !edits && !stage_is_empty(&round->stage);
    round->nothing = !edits && !round->edited && !renewal_is_due(zone);
    if (!result && !round->nothing) {
        if (!round->edited && !edits)
            round->origin = JOURNAL_SIGNING;
        result = settle(round);
    }
    if (!ahead)
        snapshot_rest(&keeper->view);
    if (result)
        return result;
    if (round->nothing && !ahead) {
        end_unchanged(zone, round);
        return RESULT_OK;
    }
    zone->round = round;
    round_join(zone);
    keeper->rounds_ready |= round->unsigned_ == 0;
    round_send(round);
    return RESULT_OK;
}

/* One of a round's updates meets damage, or would change more than can be borne: that it is not the
 * end of its neighbours, all of them wait again, for a round each. Signatures that were renewed are
 * left out of these. */
static void take_apart(struct keeper_zone *zone, struct round *round, enum result result)
{
    bool by_one = result == RESULT_CORRUPT || result == RESULT_FULL || result == RESULT_FORMAT;
    size_t count = 0;

    if (!by_one || !round->updates || (!round->updates->next && !round->renewed))
        return;
    for (struct update *update = round->updates; update; update = update->next)
        count++;
    *round->last_update = zone->updates;
    if (!zone->updates)
        zone->last = round->last_update;
    zone->updates = round->updates;
    zone->singly += count;
    round->updates = NULL;
    round->last_update = &round->updates;
}

static void begin_or_fail(struct keeper_zone *zone, struct round *round)
{
    enum result result = begin(zone, round, NULL);

    if (!result)
        return;
    take_apart(zone, round, result);
    round_fail(zone, round, result, round_why(result));
}

static void begin_round(struct keeper_zone *zone)
{
    struct round *round = make_round(zone);

    if (round)
        begin_or_fail(zone, round);
    else
        updates_fail(zone, "no memory");
}

void round_begin_ahead(struct keeper_zone *zone, struct snapshot *view)
{
    bool begins = zone->updates && may_begin(zone) && updates_admitted(zone->keeper) > 0;
    struct round *round = begins ? make_round(zone) : NULL;

    if (!round)
        return; /* it begins after the commit */
    round->stage.view = view;
    begin_or_fail(zone, round);
    if (zone->round)
        zone->round->stage.view = &zone->keeper->view; /* the change ends; so does its view */
}

enum result round_begin_load(struct keeper_zone *zone, const struct buffer *edits,
                             const struct round_load *load)
{
    struct round *round = make_round(zone);

    if (!round)
        return RESULT_SYSTEM;
    round->origin = JOURNAL_RELOAD;
    round->load = *load;
    round->has_load = true;
    enum result result = begin(zone, round, edits);
    if (result) {
        round->has_load = false; /* the caller says so */
        round_fail(zone, round, result, round_why(result));
    }
    return result;
}

/* The record as long as it is going to be: NSEC and NSEC3 say that it is there. */
static void stage_placeholder(struct stage *stage, enum digest digest)
{
    uint8_t octets[2 + ZONEMD_MAX_OCTETS] = {0};
    struct staged_name *apex = stage_name(stage, &stage->zone->name);
    const struct staged_rrset *soa = apex ? staged_find(apex, TYPE_SOA) : NULL;
    struct writer writer = writer_over(octets, sizeof octets);
    struct rdata_run run = {.octets = octets, .count = 1};

    if (!soa) {
        stage_fail(stage, RESULT_CORRUPT);
        return;
    }
    writer_u16(&writer, (uint16_t)(6 + digest_octets(digest)));
    run.length = (uint32_t)(writer.length + 6 + digest_octets(digest));
    staged_replace(stage, apex, TYPE_ZONEMD, soa->ttl, &run);
}

void round_begin_digest(struct keeper_zone *zone, enum digest digest)
{
    struct keeper *keeper = zone->keeper;
    struct round *round = may_change(zone) && !zone->round ? make_round(zone) : NULL;

    if (!round)
        return; /* later */
    round->digest = ROUND_DIGEST_WAITS;
    round->origin = JOURNAL_SIGNING;
    round->patient = true;
    enum result result = commit_look(keeper);
    if (!result) {
        stage_placeholder(&round->stage, digest);
        result = round->stage.failed ? round->stage.failed : settle(round);
        snapshot_rest(&keeper->view);
    }
    if (result) {
        round_fail(zone, round, result, round_why(result));
        return;
    }
    zone->round = round;
    round_join(zone);
    round_send(round);
    keeper->rounds_ready = true; /* it may need no signature */
}

void round_drop_renewed(struct keeper_zone *zone, uint64_t transaction)
{
    struct job *renewed = zone->renewed;

    zone->renewed = NULL;
    zone->renewed_count = 0;
    zone->renew_now = false;
    round_end_renewed(zone->keeper, renewed, transaction);
}

void round_reconsider(struct keeper_zone *zone)
{
    if (may_change(zone))
        return;
    if (!zone->config)
        updates_fail(zone, "the zone is not served any more");
    if (zone->round)
        round_fail(zone, zone->round, RESULT_OK, "the zone's configuration is another one");
    round_drop_renewed(zone, 0);
}

void round_forget(struct keeper_zone *zone)
{
    updates_fail(zone, "the zone is not served any more");
    if (zone->round)
        round_fail(zone, zone->round, RESULT_OK, "the zone is not served any more");
    round_drop_renewed(zone, 0);
}

/* ---- turns ------------------------------------------------------------------------------------
 */

/* Digests can wait; those whose turn it is are begun. */
static void look_after_digests(struct keeper *keeper)
{
    for (struct keeper_zone *zone = keeper->changing; zone; zone = zone->next_changing) {
        struct round *round = zone->round;
        bool unmade = round && round->digest && round->digest != ROUND_DIGEST_MADE;
        if (unmade && (zone->updates || zone->renew_now))
            round_fail(zone, round, RESULT_OK, "a change goes first");
        else if (unmade && round->digest == ROUND_DIGEST_WAITS && round->unsigned_ == 0)
            publish_make(round);
    }
}

static void begin_waiting(struct keeper *keeper)
{
    keeper->rounds_waiting = false;
    for (struct keeper_zone *zone = keeper->changing; zone; zone = zone->next_changing) {
        if (zone->updates && keeper->now_ms < keeper->write_after_ms)
            updates_fail(zone, "the store could not be written a moment ago");
        bool admitted = !zone->updates || renewal_is_due(zone) || updates_admitted(keeper) > 0;
        if (may_begin(zone) && admitted && commit_is_possible(keeper))
            begin_round(zone);
    }
}

void rounds_turn(struct keeper *keeper)
{
    look_after_digests(keeper);
    for (unsigned i = 0; i < TURNS && (keeper->rounds_waiting || keeper->rounds_ready); i++) {
        if (keeper->rounds_ready)
            rounds_write(keeper);
        if (keeper->rounds_waiting)
            begin_waiting(keeper);
    }
    for (struct keeper_zone *zone = keeper->changing; zone; zone = zone->next_changing) {
        if (zone->round && zone->round->unsent)
            round_send(zone->round);
    }
    rounds_sweep(keeper);
}

void rounds_check_deadlines(struct keeper *keeper)
{
    updates_check_deadlines(keeper);
    for (struct keeper_zone *zone = keeper->changing; zone; zone = zone->next_changing) {
        struct round *round = zone->round;
        bool large = round && (round->has_load || round->patient);
        uint64_t since = large ? round->signed_ms : round ? round->begun_ms : 0;
        if (round && round->unsigned_ && keeper->now_ms - since >= UPDATE_SIGNED_MS)
            round_fail(zone, round, RESULT_TOKEN, "the signatures could not be had in time");
        keeper->rounds_waiting |= may_begin(zone);
    }
}
