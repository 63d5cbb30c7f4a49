/* round_write.c - rounds that have all their signatures, into the store: those of several zones in
 * one commit. */
#include "round.h"

#include <stdlib.h>

#include "avow/wire/type.h"
#include "denial.h"
#include "publish.h"
#include "soa.h"
#include "stage_write.h"

/* Rounds of several zones in one commit. */
struct write {
    struct keeper *keeper;
    struct change change;
    struct keeper_zone **zones;
    struct written {
        struct round *round;
        struct zone before; /* the zone's row */
    } * written;            /* of each */
    size_t count;
    bool tables; /* a table of zones is to be built anew */
};

static enum result write_round(struct write *write, struct keeper_zone *zone)
{
    struct round *round = zone->round;
    struct zone *row = &round->row;

    *row = zone->row;
    if (round->nothing)
        return RESULT_OK;
    enum result result =
        stage_write(&round->stage, &write->change, row, round->serial, round->origin);
    if (result)
        return result;
    row->serial = round->serial;
    if (!row->highest_serial || serial_is_after(row->serial, row->highest_serial))
        row->highest_serial = row->serial;
    row->changed_at = write->keeper->now;
    if (round->edited)
        row->flags |= ZONE_EDITED;
    if (round->has_load) {
        row->file_size = round->load.file_size;
        row->file_time = round->load.file_time;
        row->file_hash = 0;
        row->loaded_at = write->keeper->now;
    }
    if (round->has_load && !round->load.merged) {
        row->flags &= (uint16_t)~ZONE_EDITED;
        row->loaded_serial = row->serial;
    }
    write->tables |= row->denial_ttl != zone->row.denial_ttl;
    change_put_zone(&write->change, row);
    return write->change.failed;
}

/* Signatures of the background over what was there before must never lie beside what is now. */
static void outdate_name(struct keeper *keeper, uint32_t version, const struct staged_name *name)
{
    for (size_t i = 0; i < name->count; i++) {
        const struct staged_rrset *rrset = &name->rrsets[i];
        struct job_subject subject = {
            .version = version, .kind = WANT_RRSET, .type = rrset->type, .owner = &name->name};
        struct job *job = jobs_find(&keeper->jobs, &subject);
        if (job && (staged_differs(rrset) || name->flags != name->stored_flags || !name->there))
            jobs_outdate_one(&keeper->jobs, job);
    }
}

static void outdate(struct keeper *keeper, const struct round *round)
{
    uint32_t version = round->row.version;

    for (struct staged_name *name = stage_first(&round->stage); name; name = staged_next(name))
        outdate_name(keeper, version, name);
    for (struct staged_link *link = denial_first(&round->stage); link; link = denial_next(link)) {
        struct job_subject subject = {
            .version = version, .kind = WANT_NSEC3, .type = TYPE_NSEC3, .hash = link->hash};
        struct job *job = jobs_find(&keeper->jobs, &subject);
        if (job && (link->composed || !link->there))
            jobs_outdate_one(&keeper->jobs, job);
    }
}

static void end_written(struct keeper_zone *zone, struct round *round)
{
    struct keeper *keeper = zone->keeper;

    metric_add(keeper->metrics, METRIC_SIGNATURES_STORED, round->set_count);
    metric_add(keeper->metrics, METRIC_JOURNAL_ENTRIES,
               !round->nothing && round->row.journal_entries != 0);
    while (round->updates) {
        struct update *update = round->updates;
        round->updates = update->next;
        update_end(zone, update, zone->row.serial, round->nothing ? 0 : keeper->transaction);
    }
    round_end_renewed(keeper, round->renewed, keeper->transaction);
    if (round->has_load)
        load_ended(zone, &round->load, RESULT_OK);
    if (round->digest)
        publish_stored(zone);
    bool late = round->stage.late_denial;
    if (!round->nothing)
        keeper_zone_changed(zone);
    round_free(round);
    round_over(zone);
    if (late)
        keeper_zone_advance(zone);
}

/* ---- the commit, and what begins meanwhile ----------------------------------------------------
 */

/* From here on the zones are as they will be stored; what waits for them begins over that. */
static void step_forward(struct write *write)
{
    for (size_t i = 0; i < write->count; i++) {
        struct keeper_zone *zone = write->zones[i];
        write->written[i] = (struct written){.round = zone->round, .before = zone->row};
        outdate(write->keeper, zone->round);
        zone->row = zone->round->row;
        zone->round = NULL;
    }
    for (size_t i = 0; i < write->count; i++)
        round_begin_ahead(write->zones[i], change_view(&write->change));
}

static const char *why_not_written(const struct write *write, enum result result)
{
    const char *problem = write->keeper->store.problem;
    return *problem ? problem : result_sentence(result);
}

/* Nothing of it is stored: what was begun over it falls with it. */
static void step_back(struct write *write, enum result result)
{
    const char *text = why_not_written(write, result);

    for (size_t i = 0; i < write->count; i++)
        write->zones[i]->row = write->written[i].before;
    for (size_t i = 0; i < write->count; i++) {
        struct keeper_zone *zone = write->zones[i];
        if (zone->round)
            round_fail(zone, zone->round, result, text);
        round_fail(zone, write->written[i].round, result, text);
        if (keeper_zone_signs(zone))
            schedule_again(zone, false); /* jobs of the background were given up for it */
    }
}

/* Put all that are ready. One that cannot be put is left out of the next try, and failed. */
static enum result put_rounds(struct write *write, struct keeper_zone **culprit)
{
    enum result result = commit_begin(write->keeper, &write->change);

    *culprit = NULL;
    if (result)
        return result;
    for (size_t i = 0; i < write->count && !result; i++) {
        result = write_round(write, write->zones[i]);
        if (result == RESULT_CORRUPT || result == RESULT_FORMAT)
            *culprit = write->zones[i];
    }
    if (result)
        change_abandon(&write->change);
    return result;
}

static bool is_ready(const struct keeper_zone *zone)
{
    const struct round *round = zone->round;

    return round && round->unsigned_ == 0 && (!round->digest || round->digest == ROUND_DIGEST_MADE);
}

static void collect_ready(struct write *write)
{
    write->count = 0;
    write->tables = false;
    for (struct keeper_zone *zone = write->keeper->changing; zone; zone = zone->next_changing) {
        if (is_ready(zone))
            write->zones[write->count++] = zone;
    }
}

static size_t count_ready(const struct keeper *keeper)
{
    size_t count = 0;

    for (const struct keeper_zone *zone = keeper->changing; zone; zone = zone->next_changing)
        count += is_ready(zone);
    return count;
}

static void fail_rounds(struct write *write, enum result result)
{
    const char *text = why_not_written(write, result);

    for (size_t i = 0; i < write->count; i++)
        round_fail(write->zones[i], write->zones[i]->round, result, text);
}

/* Put what can be put; the change is open when there is anything. */
static enum result put_what_goes(struct write *write)
{
    struct keeper_zone *culprit;
    enum result result;

    do {
        collect_ready(write);
        if (write->count == 0)
            return RESULT_OK;
        result = put_rounds(write, &culprit);
        if (culprit)
            round_fail(culprit, culprit->round, result, round_why(result));
    } while (result && culprit);
    if (result)
        fail_rounds(write, result);
    return result;
}

static void flush(struct write *write)
{
    step_forward(write);
    enum result result =
        commit_end(write->keeper, &write->change, write->tables, write->zones, write->count);
    if (result) {
        step_back(write, result);
        return;
    }
    for (size_t i = 0; i < write->count; i++)
        end_written(write->zones[i], write->written[i].round);
    metric_add(write->keeper->metrics, METRIC_ROUNDS, 1);
}

void rounds_write(struct keeper *keeper)
{
    struct write write = {.keeper = keeper};
    size_t most = count_ready(keeper) + 1;

    write.zones = reallocarray(NULL, most, sizeof(struct keeper_zone *));
    write.written = reallocarray(NULL, most, sizeof *write.written);
    if (write.zones && write.written) { /* else at the next turn */
        keeper->rounds_ready = false;
        if (put_what_goes(&write) == RESULT_OK && write.count)
            flush(&write);
    }
    free(write.zones);
    free(write.written);
}
