/* sign.c - to the signer and back. */
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "avow/base/clock.h"
#include "avow/wire/type.h"

enum {
    HANG_MS = 10000,         /* after so long the signer is taken to hang */
    BATCH_OCTETS = 60 * 1024 /* jobs of one letter */
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
    batch->writer.length = 0;
    batch->writer.failed = false;
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
        return false;
    }
    batch->jobs[batch->count++] = job;
    return true;
}

enum result sign_batch_send(struct keeper *keeper, struct sign_batch *batch)
{
    struct message letter = {.kind = MESSAGE_SIGN,
                             .sign = {.count = batch->count,
                                      .jobs = span_of(batch->writer.octets, batch->writer.length)}};
    enum result result = keeper->bulk ? channel_send(keeper->bulk, &letter) : RESULT_TOKEN;

    for (unsigned i = 0; i < batch->count; i++) {
        batch->jobs[i]->sent_ms = keeper->now_ms;
        if (!result)
            continue;
        batch->jobs[i]->zone->in_flight--;
        wanted_tell(keeper, batch->jobs[i], 0);
        jobs_end(&keeper->jobs, batch->jobs[i]);
    }
    if (!result)
        keeper->bulk_frames++;
    sign_batch_begin(keeper, batch);
    return result;
}

enum result sign_urgent(struct keeper *keeper, struct job *job, const struct rrset *rrset)
{
    struct sign_job letter;
    uint8_t *octets = malloc(BATCH_OCTETS * 2);
    enum result result = octets ? describe(job, rrset, &letter) : RESULT_SYSTEM;

    if (!result) {
        struct writer writer = writer_over(octets, BATCH_OCTETS * 2);
        sign_job_write(&writer, &letter);
        struct message message = {.kind = MESSAGE_SIGN,
                                  .sign = {.count = 1, .jobs = span_of(octets, writer.length)}};
        result = writer.failed     ? RESULT_FULL
                 : !keeper->orders ? RESULT_TOKEN
                                   : channel_send(keeper->orders, &message);
        job->sent_ms = keeper->now_ms;
        job->urgent = true;
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
    if (job->kind == WANT_NSEC3)
        keeper_zone_problem(zone, "an NSEC3 record could not be signed: %s", text);
    else
        keeper_zone_problem(zone, "%s %s could not be signed: %s", name_to_text(&job->owner, owner),
                            type_to_text(job->type, type), text);
    zone->in_flight--;
    zone->cursor.not_before = keeper->now_ms + 1000;
    schedule_zone(zone);
    wanted_tell(keeper, job, 0);
    jobs_end(&keeper->jobs, job);
}

static void take_result(struct keeper *keeper, const struct sign_result *result)
{
    struct job *job = jobs_by_number(&keeper->jobs, result->job);

    if (!job || job->signatures)
        return; /* an answer to what was given up, or a second one */
    if (result->outcome != SIGNING_DONE) {
        fail_job(keeper, job, result->text);
        return;
    }
    if (jobs_done(&keeper->jobs, job, &result->signatures)) {
        fail_job(keeper, job, "no memory");
        return;
    }
    if (job->urgent || job->waiters)
        keeper->commit_now = true;
}

static void take_signatures(void *context, const struct message *message, struct frame *frame)
{
    struct keeper *keeper = context;
    struct reader results = span_reader(message->signatures.results);

    (void)frame;
    for (unsigned i = 0; i < message->signatures.count; i++) {
        struct sign_result result;
        sign_result_read(&results, &result);
        if (results.failed) {
            log_warning("the signer sent a malformed batch of results");
            break;
        }
        take_result(keeper, &result);
    }
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
    if (channel == keeper->bulk && keeper->bulk_frames > 0)
        keeper->bulk_frames--;
}

/* Everything that was under way with a signer that is gone has failed; the walks find it again. */
static void give_up_all(struct keeper *keeper)
{
    for (size_t i = 0; i < JOBS_LIMIT; i++) {
        struct job *job = &keeper->jobs.places[i];
        if (!job->in_use || job->signatures)
            continue;
        job->zone->in_flight--;
        wanted_tell(keeper, job, 0);
        schedule_zone(job->zone);
        jobs_end(&keeper->jobs, job);
    }
    keeper->bulk_frames = 0;
}

static void signer_closed(void *context, struct channel *channel)
{
    struct keeper *keeper = context;

    if (channel == keeper->orders)
        keeper->orders = NULL;
    else
        keeper->bulk = NULL;
    channel_free(channel);
    forget_tokens(keeper);
    keyring_forget(keeper);
    give_up_all(keeper);
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
    if (!keeper->orders || !keeper->bulk)
        return;
    for (struct keeper_zone *zone = keeper->zones; zone; zone = zone->next)
        keeper_zone_advance(zone);
}

void sign_check_deadlines(struct keeper *keeper)
{
    uint64_t oldest = keeper->now_ms;

    for (size_t i = 0; i < JOBS_LIMIT; i++) {
        const struct job *job = &keeper->jobs.places[i];
        if (job->in_use && !job->signatures && job->sent_ms && job->sent_ms < oldest)
            oldest = job->sent_ms;
    }
    if (keeper->now_ms - oldest < HANG_MS)
        return;
    log_error("the signer has not answered for %llu s; it is being restarted",
              (unsigned long long)((keeper->now_ms - oldest) / 1000));
    give_up_all(keeper);
    room_ask_restart(keeper->room, ROOM_SIGNER, "it does not answer");
}
