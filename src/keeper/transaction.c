/* transaction.c - changes that people collect and then have made at one blow. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "avow/wire/rdata.h"
#include "avow/wire/type.h"
#include "control.h"
#include "lines.h"
#include "record_words.h"
#include "round.h"

enum {
    CHANGES_LIMIT = 50000, /* fits the count of an update */
    OCTETS_LIMIT = 8 << 20,
    RECORD_OCTETS = 2 * NAME_MAX_OCTETS + RDATA_MAX_OCTETS
};

/* It ends with the keeper: what was not committed was never there. */
struct transaction {
    uint64_t begun;        /* seconds since 1970 */
    struct buffer changes; /* update_record_write, one behind the other */
    uint16_t count;
    bool committing;
};

bool transaction_is_open(const struct keeper_zone *zone, uint64_t *begun, unsigned *changes)
{
    if (!zone->transaction)
        return false;
    *begun = zone->transaction->begun;
    *changes = zone->transaction->count;
    return true;
}

void transaction_forget(struct keeper_zone *zone)
{
    if (!zone->transaction)
        return;
    buffer_free(&zone->transaction->changes);
    free(zone->transaction);
    zone->transaction = NULL;
}

/* The zone whose transaction is open and at rest; ends the call when there is none. */
static struct keeper_zone *open_zone(struct call *call)
{
    struct keeper_zone *zone = call_zone(call, call->words[2]);

    if (zone && !zone->transaction) {
        call_end(call, EXIT_FAILED, NULL, "no transaction is open: begin one with zone begin");
        return NULL;
    }
    if (zone && zone->transaction->committing) {
        call_end(call, EXIT_FAILED, NULL, "the transaction is being committed");
        return NULL;
    }
    return zone;
}

/* ---- begin, abort -----------------------------------------------------------------------------
 */

static void say_open(struct call *call, const struct transaction *transaction)
{
    struct json json = {.first = true};

    json_open(&json, NULL, '{');
    json_dns_name(&json, "zone", &call->zone);
    json_time(&json, "since", transaction->begun);
    json_number(&json, "changes", transaction->count);
    json_close(&json, '}');
    call_end(call, EXIT_DONE, &json, "%u change%s", transaction->count,
             transaction->count == 1 ? "" : "s");
}

void verb_zone_begin(struct call *call)
{
    struct keeper_zone *zone = call_zone(call, call->words[2]);

    if (!zone)
        return;
    if (zone->transaction) {
        call_end(call, EXIT_FAILED, NULL,
                 "a transaction is open already, with %u changes: commit or abort it",
                 zone->transaction->count);
        return;
    }
    if (!zone->row.version) {
        call_end(call, EXIT_FAILED, NULL, "the zone is not loaded");
        return;
    }
    zone->transaction = calloc(1, sizeof *zone->transaction);
    if (!zone->transaction) {
        call_end(call, EXIT_FAILED, NULL, "no memory");
        return;
    }
    zone->transaction->begun = zone->keeper->now;
    say_open(call, zone->transaction);
}

void verb_zone_abort(struct call *call)
{
    struct keeper_zone *zone = open_zone(call);

    if (!zone)
        return;
    unsigned count = zone->transaction->count;
    transaction_forget(zone);
    call_end(call, EXIT_DONE, NULL, "%u changes forgotten", count);
}

/* ---- trying it out ----------------------------------------------------------------------------
 */

/* The changes carried out over what is stored, in memory. */
struct trial {
    struct keeper_zone *zone;
    struct stage stage;
    unsigned number; /* of the change at hand, from 1 */
    char why[512];   /* what is refused */
};

static bool holds(const struct staged_rrset *rrset, const struct span *rdata)
{
    struct rdata_run run = staged_rdata(rrset);
    struct reader other;

    for (struct reader rest = rdata_run_reader(&run); rdata_next(&rest, &other);) {
        if (rdata_compare(rrset->type, other.at, reader_left(&other), rdata->octets,
                          rdata->length) == 0)
            return true;
    }
    return false;
}

/* RFC 2136 section 3.4.2 passes over what it does not allow without a word; people want to know.
 * Why the change was passed over; NULL when it was not. */
static const char *why_passed_over(struct trial *trial, const struct update_record *record)
{
    const struct staged_name *name = stage_find(&trial->stage, &record->owner);
    const struct staged_rrset *rrset =
        name && record->type != TYPE_ANY ? staged_find(name, record->type) : NULL;
    bool there = rrset && (record->class_ == CLASS_ANY || holds(rrset, &record->rdata));

    if (record->class_ == CLASS_IN && !there)
        return record->type == TYPE_SOA ? "the serial of a SOA must be after the served one"
                                        : "a CNAME has no other records beside it";
    if (record->class_ == CLASS_ANY && there && record->type != TYPE_DNSKEY)
        return "the SOA and NS records of the zone stay";
    if (record->class_ == CLASS_NONE && there)
        return "the SOA and the last NS record of the zone stay";
    return NULL;
}

static enum result refuse(struct trial *trial, const struct update_record *record, const char *why)
{
    char owner[NAME_MAX_TEXT], type[TYPE_MAX_TEXT];

    (void)snprintf(trial->why, sizeof trial->why, "change %u, %.200s %s: %s", trial->number,
                   name_to_text(&record->owner, owner),
                   record->type == TYPE_ANY ? "all types" : type_to_text(record->type, type), why);
    return RESULT_REFUSED;
}

static enum result try_one(struct trial *trial, struct span octets,
                           const struct update_record *record)
{
    struct update_request request = {.changes = octets, .change_count = 1};
    struct update_outcome outcome = update_apply(&trial->stage, &request);

    if (trial->stage.failed)
        return trial->stage.failed;
    if (outcome.rcode)
        return refuse(trial, record, outcome.text ? outcome.text : rcode_to_text(outcome.rcode));
    const char *why = why_passed_over(trial, record);
    return why ? refuse(trial, record, why) : RESULT_OK;
}

static enum result try_all(struct trial *trial)
{
    const struct transaction *transaction = trial->zone->transaction;
    struct reader reader = reader_over(transaction->changes.octets, transaction->changes.length);
    struct update_record record;

    for (trial->number = 1; trial->number <= transaction->count; trial->number++) {
        const uint8_t *start = reader.at;
        update_record_read(&reader, &record);
        if (reader.failed)
            return RESULT_FORMAT;
        enum result result = try_one(trial, span_of(start, (size_t)(reader.at - start)), &record);
        if (result)
            return result;
    }
    return RESULT_OK;
}

static struct lines_side before(const struct staged_rrset *rrset)
{
    return (struct lines_side){.ttl = rrset->stored_ttl, .rdata = rrset->stored};
}

static struct lines_side after(const struct staged_rrset *rrset)
{
    return (struct lines_side){.ttl = rrset->ttl, .rdata = staged_rdata(rrset)};
}

static enum result print_name(struct lines *lines, const struct staged_name *name)
{
    enum result result = RESULT_OK;

    for (size_t i = 0; i < name->count && !result; i++) {
        const struct staged_rrset *rrset = &name->rrsets[i];
        struct lines_side old = before(rrset), new = after(rrset);
        if (rrset->touched)
            result = lines_rrset(lines, &name->name, rrset->type, &old, &new);
    }
    return result;
}

/* Try the transaction out, and print what it does. `trial->why` tells what is refused. */
static enum result try_and_print(struct trial *trial, struct lines *lines)
{
    struct snapshot *view = &trial->zone->keeper->view;

    lines_open(lines, view, &trial->zone->name);
    if (snapshot_renew(view) != RENEWAL_READY)
        return RESULT_SYSTEM;
    stage_open(&trial->stage, trial->zone);
    enum result result = try_all(trial);
    for (struct staged_name *name = stage_first(&trial->stage); name && !result;
         name = staged_next(name))
        result = print_name(lines, name);
    stage_close(&trial->stage);
    snapshot_rest(view);
    return result;
}

/* The same for a call, which is ended when the transaction cannot be made as it is. */
static bool try_for(struct call *call, struct keeper_zone *zone, struct lines *lines)
{
    struct trial trial = {.zone = zone};
    enum result result = try_and_print(&trial, lines);

    if (!result)
        return true;
    lines_close(lines);
    call_end(call, EXIT_FAILED, NULL, "%s", *trial.why ? trial.why : round_why(result));
    return false;
}

/* ---- set, unset -------------------------------------------------------------------------------
 */

/* The TTL of the RRset as it would be with what is collected so far: 0 when it is not there. */
static bool find_collected_ttl(const struct transaction *transaction,
                               const struct record_words *words, uint32_t *ttl)
{
    struct reader reader = reader_over(transaction->changes.octets, transaction->changes.length);
    struct update_record record;
    bool found = false;

    for (unsigned i = 0; i < transaction->count && !reader.failed; i++) {
        update_record_read(&reader, &record);
        if (record.class_ != CLASS_IN || record.type != words->type ||
            !name_equal(&record.owner, &words->owner))
            continue;
        *ttl = record.ttl;
        found = true;
    }
    return found;
}

static bool find_stored_ttl(struct keeper_zone *zone, const struct name *owner, uint16_t type,
                            uint32_t *ttl)
{
    struct stage stage;

    stage_open(&stage, zone);
    const struct staged_name *name = stage_name(&stage, owner);
    const struct staged_rrset *rrset = name ? staged_find(name, type) : NULL;
    bool found = rrset != NULL;
    if (found)
        *ttl = rrset->ttl;
    stage_close(&stage);
    return found;
}

/* A record joins its RRset's TTL; a new RRset gets that of the SOA, as it would with $TTL. */
static enum result fill_ttl(struct keeper_zone *zone, struct record_words *words)
{
    struct snapshot *view = &zone->keeper->view;

    if (words->has_ttl || find_collected_ttl(zone->transaction, words, &words->ttl))
        return RESULT_OK;
    if (snapshot_renew(view) != RENEWAL_READY)
        return RESULT_SYSTEM;
    bool found = find_stored_ttl(zone, &words->owner, words->type, &words->ttl) ||
                 find_stored_ttl(zone, &zone->name, TYPE_SOA, &words->ttl);
    snapshot_rest(view);
    return found ? RESULT_OK : RESULT_CORRUPT;
}

static enum result append(struct transaction *transaction, const struct update_record *record)
{
    struct buffer *changes = &transaction->changes;
    size_t before_it = changes->length;

    if (transaction->count >= CHANGES_LIMIT ||
        before_it + record->rdata.length + record->owner.length > OCTETS_LIMIT)
        return RESULT_FULL;
    uint8_t *place = buffer_claim(changes, RECORD_OCTETS);
    if (!place) {
        changes->failed = false; /* what is collected is as it was */
        return RESULT_SYSTEM;
    }
    struct writer writer = writer_over(place, RECORD_OCTETS);
    update_record_write(&writer, record);
    changes->length = before_it + (writer.failed ? 0 : writer.length);
    transaction->count += !writer.failed;
    return writer.failed ? RESULT_FULL : RESULT_OK;
}

static void collect(struct call *call, struct keeper_zone *zone, const struct record_words *words,
                    uint16_t class_)
{
    struct update_record record = {.type = words->type, .class_ = class_, .ttl = words->ttl};

    name_copy(&record.owner, &words->owner);
    record.rdata = span_of(words->rdata.octets, words->rdata.length);
    enum result result = append(zone->transaction, &record);
    if (result == RESULT_FULL)
        call_end(call, EXIT_FAILED, NULL, "the transaction is full: commit it first");
    else if (result)
        call_end(call, EXIT_FAILED, NULL, "no memory");
    else
        say_open(call, zone->transaction);
}

void verb_zone_set(struct call *call)
{
    struct keeper_zone *zone = open_zone(call);
    struct record_words words;

    if (!zone)
        return;
    enum result result =
        record_words_read(&words, &zone->name, call->words + 3, call->word_count - 3);
    if (result)
        call_end(call, EXIT_USAGE, NULL, "%s", words.why);
    else if (!words.has_rdata)
        call_end(call, EXIT_USAGE, NULL, "usage: zone set ZONE OWNER [TTL] TYPE RDATA...");
    else if (fill_ttl(zone, &words))
        call_end(call, EXIT_FAILED, NULL, "the zone cannot be read");
    else
        collect(call, zone, &words, CLASS_IN);
    record_words_free(&words);
}

void verb_zone_unset(struct call *call)
{
    struct keeper_zone *zone = open_zone(call);
    struct record_words words;

    if (!zone)
        return;
    enum result result =
        record_words_read(&words, &zone->name, call->words + 3, call->word_count - 3);
    if (result)
        call_end(call, EXIT_USAGE, NULL, "%s", words.why);
    else if (words.has_ttl)
        call_end(call, EXIT_USAGE, NULL, "usage: zone unset ZONE OWNER [TYPE [RDATA...]]");
    else
        collect(call, zone, &words, words.has_rdata ? CLASS_NONE : CLASS_ANY);
    record_words_free(&words);
}

/* ---- diff, commit -----------------------------------------------------------------------------
 */

static void send_lines(struct call *call, struct keeper_zone *zone, struct lines *lines)
{
    struct json json = {.first = true};
    char sentence[128];
    bool changes = lines->removed || lines->added;

    json_open(&json, NULL, '{');
    json_dns_name(&json, "zone", &zone->name);
    json_bool(&json, "would_change", changes);
    json_number(&json, "removed", lines->removed);
    json_number(&json, "added", lines->added);
    json_close(&json, '}');
    (void)snprintf(sentence, sizeof sentence, "%llu records would go, %llu would come",
                   (unsigned long long)lines->removed, (unsigned long long)lines->added);
    call_send(call, &lines->text, changes ? EXIT_WOULD_CHANGE : EXIT_DONE, &json, sentence);
}

void transaction_diff(struct call *call, struct keeper_zone *zone)
{
    struct lines lines;

    if (try_for(call, zone, &lines))
        send_lines(call, zone, &lines);
}

static void say_committed(struct call *call, const struct update_outcome *outcome, uint32_t serial)
{
    struct json json = {.first = true};
    int code = outcome->rcode == RCODE_NOERROR   ? EXIT_DONE
               : outcome->rcode == RCODE_REFUSED ? EXIT_FORBIDDEN
                                                 : EXIT_FAILED;

    json_open(&json, NULL, '{');
    json_dns_name(&json, "zone", &call->zone);
    json_text(&json, "rcode", rcode_to_text(outcome->rcode));
    json_bool(&json, "changed", outcome->changed);
    json_number(&json, "serial", serial);
    json_close(&json, '}');
    if (code == EXIT_DONE)
        call_end(call, code, &json, "%s: serial %u",
                 outcome->changed ? "stored and signed" : "nothing to change", serial);
    else
        call_end(call, code, &json, "not committed, the transaction stays open: %s%s%s",
                 rcode_to_text(outcome->rcode), outcome->text ? ", " : "",
                 outcome->text ? outcome->text : "");
}

/* The update is stored, or will not be. Whoever asked may be gone. */
static void committed(const struct update *update, uint32_t serial, uint64_t transaction)
{
    struct keeper_zone *zone = update->context;
    struct call *call = control_waiting(zone->keeper, &zone->name, WAIT_COMMIT);

    (void)transaction;
    if (zone->transaction)
        zone->transaction->committing = false;
    if (update->outcome.rcode == RCODE_NOERROR)
        transaction_forget(zone);
    if (call)
        say_committed(call, &update->outcome, serial);
}

static void commit(struct call *call, struct keeper_zone *zone)
{
    struct transaction *transaction = zone->transaction;
    struct update_request request = {
        .changes = span_of(transaction->changes.octets, transaction->changes.length),
        .change_count = transaction->count};
    struct update *update = update_make(&request, "avowctl");

    if (!update) {
        call_end(call, EXIT_FAILED, NULL, "no memory");
        return;
    }
    update->answer = committed;
    update->context = zone;
    update->alone = true;
    transaction->committing = true;
    call_await(call, WAIT_COMMIT);
    updates_take(zone, update);
}

void verb_zone_commit(struct call *call)
{
    bool dry = call_option(call, "--dry-run");
    struct keeper_zone *zone = call->word_count == 3 ? open_zone(call) : NULL;
    struct lines lines;

    if (!zone && !call->ended)
        call_end(call, EXIT_USAGE, NULL, "usage: zone commit ZONE [--dry-run]");
    if (!zone || !try_for(call, zone, &lines))
        return;
    if (dry) {
        send_lines(call, zone, &lines);
        return;
    }
    lines_close(&lines);
    commit(call, zone);
}
