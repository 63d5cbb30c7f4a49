/* sign.c - to the signer and back. */
#include "round.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "avow/base/clock.h"
#include "avow/wire/type.h"

enum {
    HANG_MS = 10000,           /* without any signature for so long the signer is taken to hang */
    LOST_MS = 120000,          /* after so long a job is taken to be lost, though others are done */
    KEY_MS = 900000,           /* the same for a key: a small token makes an RSA key in minutes */
    BATCH_OCTETS = 120 * 1024, /* jobs of one letter */
    WINDOW_LEAST = 8,          /* jobs of the background that the signer has at once */
    WINDOW_MOST = 2048,
    WINDOW_FAST_MS = 300, /* answered sooner: it may have more */
    WINDOW_SLOW_MS = 1000 /* answered later: less */
};

/* ---- sending ----------------------------------------------------------------------------------
 */

/* Fill in who signs and until when. */
static enum result describe(struct job *job, const struct rrset *rrset, struct sign_job *letter)
{
    const struct keeper *keeper = job->zone->keeper;

    *letter = (struct sign_job){.job = job->number,
                                .inception = (uint32_t)(keeper->now - INCEPTION_OFFSET),
                                .expiration = job->expiration,
                                .type = rrset->type,
                                .ttl = rrset->ttl,
                                .rdata = rrset->rdata};
    name_copy(&letter->owner, rrset->owner);
    letter->key_count = (uint8_t)keyring_signers(job->zone, rrset->type, letter->keys);
    return letter->key_count ? RESULT_OK : RESULT_TOKEN;
}

void sign_batch_begin(struct keeper *keeper, struct sign_batch *batch)
{
    (void)keeper;
    batch->count = 0;
    batch->full = false;
    batch->writer.length = 0;
    batch->writer.failed = false;
}

bool sign_batch_is_too_small(const struct sign_batch *batch)
{
    return batch->count == 0 && batch->full;
}

bool sign_batch_add(struct sign_batch *batch, struct job *job, const struct rrset *rrset)
{
    struct sign_job letter;
    size_t mark = batch->writer.length;

    if (batch->count == COUNT(batch->jobs) || describe(job, rrset, &letter))
        return false;
    sign_job_write(&batch->writer, &letter);
    if (batch->writer.failed) {
        writer_rewind(&batch->writer, mark);
        batch->full = true;
        return false;
    }
    batch->jobs[batch->count++] = job;
    return true;
}

/* What queries and the background have at the signer. */
enum budget_background sign_background(const struct keeper *keeper)
{
    return keeper->bulk_pressing ? BACKGROUND_PRESSING
           : keeper->bulk_waited ? BACKGROUND_WAITED
           : keeper->bulk_jobs   ? BACKGROUND_ROUTINE
                                 : BACKGROUND_NONE;
}

bool sign_may_ask(const struct keeper *keeper, enum asked_class class)
{
    return budget_may_ask(&keeper->budget, sign_background(keeper), class == ASKED_APEX);
}

/* The signer does not have it any more, or it counts no longer that it has. */
static void leave_signer(struct keeper *keeper, struct job *job)
{
    if (job->asked)
        budget_asked_came(&keeper->budget);
    if (job->bulk)
        budget_background_came(&keeper->budget, sign_background(keeper));
    keeper->bulk_jobs -= job->bulk;
    keeper->bulk_waited -= job->bulk && job->waited;
    keeper->bulk_pressing -= job->bulk && job->pressing;
    job->asked = job->bulk = false;
}

void sign_abandon(struct keeper *keeper, struct job *job)
{
    struct keeper_zone *zone = job->zone;

    if (job->round) {
        round_retry(job);
        return;
    }
    asked_remove(&keeper->asked, job);
    leave_signer(keeper, job);
    zone->in_flight--;
    wanted_tell(keeper, job, 0);
    jobs_end(&keeper->jobs, job);
    schedule_again(zone, false);
}

enum result sign_batch_send(struct keeper *keeper, struct sign_batch *batch)
{
    struct message letter = {.kind = MESSAGE_SIGN,
                             .sign = {.count = batch->count,
                                      .jobs = span_of(batch->writer.octets, batch->writer.length)}};
    struct channel *channel = batch->channel == SIGNING_BULK ? keeper->bulk : keeper->orders;
    enum result result = channel ? channel_send(channel, &letter) : RESULT_TOKEN;
    bool bulk = !result && batch->channel == SIGNING_BULK;

    if (!result)
        budget_sent(&keeper->budget, batch->count, keeper->now_ms);
    for (unsigned i = 0; i < batch->count; i++) {
        batch->jobs[i]->sent_ms = keeper->now_ms;
        batch->jobs[i]->bulk = bulk;
        keeper->bulk_jobs += bulk;
        keeper->bulk_pressing += bulk && batch->jobs[i]->pressing;
        if (result)
            sign_abandon(keeper, batch->jobs[i]);
    }
    sign_batch_begin(keeper, batch);
    return result;
}

enum result sign_urgent(struct keeper *keeper, struct job *job, const struct rrset *rrset)
{
    struct sign_job letter;
    uint8_t *octets = malloc(BATCH_OCTETS);
    enum result result = octets ? describe(job, rrset, &letter) : RESULT_SYSTEM;

    if (!result) {
        struct writer writer = writer_over(octets, BATCH_OCTETS);
        sign_job_write(&writer, &letter);
        struct message message = {.kind = MESSAGE_SIGN,
                                  .sign = {.count = 1, .jobs = span_of(octets, writer.length)}};
        result = writer.failed     ? RESULT_FULL
                 : !keeper->orders ? RESULT_TOKEN
                                   : channel_send(keeper->orders, &message);
        job->sent_ms = keeper->now_ms;
        job->urgent = true;
    }
    if (!result) {
        budget_sent(&keeper->budget, 1, keeper->now_ms);
        if (!job->asked)
            budget_ask(&keeper->budget, sign_background(keeper));
        job->asked = true;
    }
    free(octets);
    return result;
}

/* ---- receiving --------------------------------------------------------------------------------
 */

/* The job did not end in a signature: what the walk missed, the next walk finds. */
static void fail_job(struct keeper *keeper, struct job *job, const char *text)
{
    struct keeper_zone *zone = job->zone;
    char owner[NAME_MAX_TEXT], type[TYPE_MAX_TEXT];

    metric_add(keeper->metrics, METRIC_SIGNATURES_FAILED, 1);
    if (job->round) {
        keeper_zone_trouble(zone, "a change could not be signed: %s", text);
        round_retry_later(job);
        return;
    }
    if (job->kind == WANT_NSEC3)
        keeper_zone_trouble(zone, "an NSEC3 record could not be signed: %s", text);
    else
        keeper_zone_trouble(zone, "%s %s could not be signed: %s", name_to_text(&job->owner, owner),
                            type_to_text(job->type, type), text);
    sign_abandon(keeper, job);
    schedule_again(zone, true);
}

/* Of a zone that secondaries may have whole, a signature is renewed together with the serial; all
 * others are stored as they come. */
static void store_later(struct keeper *keeper, struct job *job)
{
    if (!job->stale && !job->first && keeper_zone_is_whole(job->zone)) {
        round_hold(job->zone, job);
        return;
    }
    jobs_done(&keeper->jobs, job);
    if (job->urgent || job->waiters)
        keeper->commit_now = true;
}

static void take_result(struct keeper *keeper, const struct sign_result *result)
{
    struct job *job = jobs_by_number(&keeper->jobs, result->job);

    if (!job || job->signatures)
        return; /* an answer to what was given up, or a second one */
    leave_signer(keeper, job);
    if (result->outcome == SIGNING_UNKNOWN_KEY)
        keyring_doubt(job->zone, job->type);
    if (result->outcome != SIGNING_DONE) {
        fail_job(keeper, job, result->text);
        return;
    }
    if (job->round && result->signatures.count) {
        round_take(job, &result->signatures);
        return;
    }
    enum result kept = jobs_keep(job, &result->signatures);
    if (kept)
        fail_job(keeper, job, kept == RESULT_SYSTEM ? "no memory" : "the signer sent no signature");
    else
        store_later(keeper, job);
}

/* A letter of the background was answered after so long: about a second's work is under way, so
 * that a slow token is not taken to hang, and a fast one never waits for us. */
static void adapt_window(struct keeper *keeper, uint64_t passed_ms, unsigned answered)
{
    if (passed_ms <= WINDOW_FAST_MS) {
        keeper->bulk_window += answered;
        if (keeper->bulk_window > WINDOW_MOST)
            keeper->bulk_window = WINDOW_MOST;
    } else if (passed_ms >= WINDOW_SLOW_MS && keeper->now_ms - keeper->window_ms >= passed_ms) {
        keeper->window_ms = keeper->now_ms;
        keeper->bulk_window /= 2;
        if (keeper->bulk_window < WINDOW_LEAST)
            keeper->bulk_window = WINDOW_LEAST;
    }
}

static void note_answer(struct keeper *keeper, uint64_t number, unsigned count)
{
    const struct job *job = jobs_by_number(&keeper->jobs, number);

    keeper->answered_ms = keeper->now_ms;
    if (job && job->bulk)
        adapt_window(keeper, keeper->now_ms - job->sent_ms, count);
}

static void take_signatures(void *context, const struct message *message, struct frame *frame)
{
    struct keeper *keeper = context;
    struct reader results = span_reader(message->signatures.results);
    unsigned made = 0;

    (void)frame;
    for (unsigned i = 0; i < message->signatures.count; i++) {
        struct sign_result result;
        sign_result_read(&results, &result);
        if (results.failed) {
            log_warning("the signer sent a malformed batch of results");
            break;
        }
        if (i == 0)
            note_answer(keeper, result.job, message->signatures.count);
        made += result.outcome == SIGNING_DONE;
        take_result(keeper, &result);
    }
    budget_came(&keeper->budget, message->signatures.count, made, keeper->now_ms);
}

static void take_key(void *context, const struct message *message, struct frame *frame)
{
    (void)frame;
    keyring_take(context, &message->key);
}

static struct token_fact *token_of(struct keeper *keeper, const char *keystore)
{
    for (unsigned i = 0; i < keeper->token_count; i++) {
        if (strcmp(keeper->tokens[i].keystore, keystore) == 0)
            return &keeper->tokens[i];
    }
    if (keeper->token_count == TOKENS_LIMIT)
        return NULL;
    struct token_fact *token = &keeper->tokens[keeper->token_count++];
    (void)snprintf(token->keystore, sizeof token->keystore, "%s", keystore);
    return token;
}

static void take_token(void *context, const struct message *message, struct frame *frame)
{
    struct keeper *keeper = context;
    struct token_fact *token = token_of(keeper, message->token.keystore);

    (void)frame;
    if (!token)
        return;
    bool came_back = message->token.up && !token->up;
    if (token->up && !message->token.up)
        log_error("keystore %s: %s; what is signed already is served all the same", token->keystore,
                  message->token.text);
    token->up = message->token.up;
    token->rate = message->token.rate;
    (void)snprintf(token->text, sizeof token->text, "%s", message->token.text);
    keeper->token_up = false;
    for (unsigned i = 0; i < keeper->token_count; i++)
        keeper->token_up |= keeper->tokens[i].up;
    for (struct keeper_zone *zone = came_back ? keeper->zones : NULL; zone; zone = zone->next)
        keeper_zone_advance(zone);
}

static void forget_tokens(struct keeper *keeper)
{
    for (unsigned i = 0; i < keeper->token_count; i++) {
        keeper->tokens[i].up = false;
        keeper->tokens[i].rate = 0;
        (void)snprintf(keeper->tokens[i].text, sizeof keeper->tokens[i].text,
                       "the signer is being started");
    }
    keeper->token_up = false;
}

static const struct dispatch_table signer_table = {
    .link = LINK_SIGNING,
    .self = LINK_UPPER,
    .handlers = {[MESSAGE_KEY] = take_key,
                 [MESSAGE_SIGNATURES] = take_signatures,
                 [MESSAGE_TOKEN] = take_token},
};

static void signer_frame(void *context, struct channel *channel, struct frame *frame)
{
    struct keeper *keeper = context;

    keeper->now_ms = clock_monotonic_ms();
    metric_add(keeper->metrics, METRIC_LETTERS, 1);
    if (dispatch_frame(&signer_table, &keeper->signer_letters, frame, keeper) != DISPATCH_HANDLED)
        metric_add(keeper->metrics, METRIC_LETTERS_REFUSED, 1);
    (void)channel;
}

/* Everything that was under way with a signer that is gone has failed; the walks find it again. */
static void give_up_all(struct keeper *keeper)
{
    for (size_t i = 0; i < JOBS_LIMIT; i++) {
        struct job *job = &keeper->jobs.places[i];
        if (job->in_use && !job->signatures)
            sign_abandon(keeper, job);
    }
}

/* Both channels end together: they lead to one process. */
static void signer_closed(void *context, struct channel *channel)
{
    struct keeper *keeper = context;

    (void)channel;
    channel_free(keeper->orders);
    channel_free(keeper->bulk);
    keeper->orders = keeper->bulk = NULL;
    forget_tokens(keeper);
    keyring_forget(keeper);
    give_up_all(keeper);
    budget_lost(&keeper->budget, keeper->now_ms);
    keeper->bulk_window = WINDOW_LEAST;
}

static const struct channel_events signer_events = {.frame = signer_frame, .closed = signer_closed};

void sign_connect(struct keeper *keeper, unsigned index, int descriptor)
{
    struct channel **place = index == SIGNING_ORDERS ? &keeper->orders : &keeper->bulk;

    if (*place)
        signer_closed(keeper, *place);
    *place = channel_open(keeper->loop, descriptor, &signer_events, keeper,
                          (struct channel_bounds){.octets = 0});
    if (!*place)
        log_error("no memory for the channel to the signer");
    keeper->bulk_window = WINDOW_LEAST;
    keeper->answered_ms = clock_monotonic_ms();
    if (!keeper->orders || !keeper->bulk)
        return;
    for (struct keeper_zone *zone = keeper->zones; zone; zone = zone->next)
        keeper_zone_advance(zone);
}

/* A job that was lost between us and the signer would be waited for for ever. */
static void fail_lost(struct keeper *keeper)
{
    for (size_t i = 0; i < JOBS_LIMIT; i++) {
        struct job *job = &keeper->jobs.places[i];
        if (job->in_use && !job->signatures && job->sent_ms &&
            keeper->now_ms - job->sent_ms >= LOST_MS)
            fail_job(keeper, job, "the signer did not answer");
    }
}

static uint64_t oldest_sent(const struct keeper *keeper)
{
    uint64_t oldest = keeper->now_ms;

    for (size_t i = 0; i < JOBS_LIMIT; i++) {
        const struct job *job = &keeper->jobs.places[i];
        if (job->in_use && !job->signatures && job->sent_ms && job->sent_ms < oldest)
            oldest = job->sent_ms;
    }
    return oldest;
}

static void ask_keys_again(struct keeper *keeper)
{
    for (struct keeper_zone *zone = keeper->zones; zone; zone = zone->next) {
        for (unsigned i = 0; i < zone->key_count; i++) {
            struct zone_key *key = &zone->keys[i];
            if (key->asked && keeper->now_ms - key->asked_ms >= KEY_MS)
                key->asked = false;
        }
    }
}

void sign_check_deadlines(struct keeper *keeper)
{
    uint64_t since = oldest_sent(keeper);

    ask_keys_again(keeper);
    /* A slow token is no hang: only when nothing comes at all. */
    if (keeper->answered_ms > since)
        since = keeper->answered_ms;
    bool idle = keeper->jobs.in_use ==
                keeper->jobs.done_count + keeper->jobs.held + asked_count(&keeper->asked);
    if (idle)
        budget_lost(&keeper->budget, keeper->now_ms);
    if (keeper->now_ms < since + HANG_MS || idle) {
        fail_lost(keeper);
        return;
    }
    log_error("the signer has not answered for %llu s; it is being restarted",
              (unsigned long long)((keeper->now_ms - since) / 1000));
    keeper->answered_ms = keeper->now_ms;
    give_up_all(keeper);
    keeper->restart(keeper, ROOM_SIGNER, "it does not answer");
}
