/* worker.c - a thread that makes signatures: a letter of jobs to letters of results. */
#include "worker.h"

#include <stdio.h>
#include <stdlib.h>

#include "avow/base/clock.h"
#include "avow/wire/type.h"

enum {
    SAMPLE_EVERY = 64,    /* bulk signatures, of which one is verified */
    LINES_PER_MINUTE = 10 /* about jobs that fail, per thread */
};

/* One job while it is worked on. */
struct work {
    const struct sign_job *job;
    struct rrset rrset;
    struct rrsig_fields fields;
    bool urgent;
    uint64_t now; /* seconds since 1970 */
    struct writer run;
};

/* ---- one signature -------------------------------------------------------------------------- */

/* What the token signs: octets or their digest. The octets stay in the worker's scratch. */
static enum result lay_out(struct worker *worker, const struct key *key, struct work *work,
                           uint8_t hash[DIGEST_MAX_OCTETS], struct pkcs11_octets *input)
{
    struct buffer *octets = &worker->digests.octets;
    size_t length;

    work->fields.algorithm = key->dnskey.algorithm;
    work->fields.key_tag = key->tag;
    if (key->pair.scheme.input == PKCS11_INPUT_DIGEST) {
        enum result result =
            rrsig_digest_to_sign(&worker->digests, &work->fields, &work->rrset, hash, &length);
        *input = (struct pkcs11_octets){.octets = hash, .length = length};
        return result;
    }
    buffer_clear(octets);
    enum result result = rrsig_octets_to_sign(&work->fields, &work->rrset, octets);
    *input = (struct pkcs11_octets){.octets = octets->octets, .length = octets->length};
    return result;
}

/* Always the first by each handle; then as the policy says. */
static bool is_to_be_verified(struct worker *worker, const struct worker_key *at, bool urgent)
{
    if (!at->proven)
        return true;
    switch (at->key->verify) {
    case CONFIG_VERIFY_ALWAYS:
        return true;
    case CONFIG_VERIFY_NEVER:
        return false;
    case CONFIG_VERIFY_SAMPLE:
        break;
    }
    if (urgent)
        return true;
    if (worker->sample > 0) {
        worker->sample--;
        return false;
    }
    worker->sample = SAMPLE_EVERY - 1;
    return true;
}

static enum verdict verify(struct worker *worker, struct worker_key *at,
                           const struct pkcs11_octets *input, const uint8_t *signature)
{
    struct verifier *verifier = worker_key_verifier(at);
    size_t length = at->key->pair.signature_octets;

    if (!verifier)
        return VERDICT_NO_MEANS;
    at->verified = ++worker->verified;
    if (verifier_wants_table(verifier))
        worker->frequent = at;
    if (at->key->pair.scheme.input == PKCS11_INPUT_DIGEST)
        return verifier_check_octets(verifier, input->octets, input->length, signature, length);
    struct reader message = reader_over(input->octets, input->length);
    return verifier_check_message(verifier, &worker->digests, &message, signature, length);
}

static enum result call_token(struct worker *worker, struct worker_key *at,
                              const struct pkcs11_octets *input, uint8_t *signature)
{
    struct key *key = at->key;
    struct pkcs11_session *session = &worker->place->session;

    watch_begin(&worker->watch, key->keystore->name, "signing", WATCH_SIGN_MS);
    uint64_t begun = clock_monotonic_ns();
    watch_in(&worker->watch, begun);
    enum result result = pkcs11_sign(session, &key->pair, at->handle, *input, signature);
    watch_out(&worker->watch);
    metric_add(worker->stripe, METRIC_SIGN_NANOSECONDS, clock_monotonic_ns() - begun);
    if (!result)
        return RESULT_OK;
    metric_add(worker->stripe, METRIC_SIGN_FAILURES, 1);
    (void)snprintf(worker->text, sizeof worker->text, "%s", session->failure.text);
    if (session->failure.trouble == PKCS11_TROUBLE_GONE &&
        keystore_lost(key->keystore, &session->failure))
        worker->pool->means.lost(worker->pool->means.context, key->keystore);
    return result;
}

/* A signature that is known not to hold is never handed out; the token gets a second chance. */
static enum result sign_checked(struct worker *worker, struct worker_key *at,
                                const struct pkcs11_octets *input, bool check, uint8_t *signature)
{
    enum verdict verdict = VERDICT_VALID;

    for (int attempt = 0; attempt < 2; attempt++) {
        enum result result = call_token(worker, at, input, signature);
        if (result)
            return result;
        verdict = check ? verify(worker, at, input, signature) : VERDICT_VALID;
        if (verdict == VERDICT_VALID) {
            at->proven = at->proven || check;
            return RESULT_OK;
        }
        metric_add(worker->stripe, METRIC_SIGN_FAILURES, 1);
        at->proven = false;
    }
    char text[256];
    (void)snprintf(worker->text, sizeof worker->text,
                   "token \"%s\": key %s, %s, twice made a signature that does not hold: %s",
                   worker->place->session.token.label,
                   pkcs11_key_name_text(&at->key->pair.name, text, sizeof text),
                   pkcs11_algorithm_name(at->key->dnskey.algorithm), verdict_sentence(verdict));
    log_limited(&worker->failures, LINES_PER_MINUTE, clock_monotonic_ms(),
                "ALERT: %s; it was not used", worker->text);
    return RESULT_TOKEN;
}

static enum result sign_one(struct worker *worker, struct worker_key *at, struct work *work)
{
    uint8_t hash[DIGEST_MAX_OCTETS], signature[PKCS11_SIGNATURE_OCTETS];
    struct pkcs11_octets input;

    enum result result = worker_key_ready(worker, at);
    if (result)
        return result;
    result = lay_out(worker, at->key, work, hash, &input);
    if (result) {
        (void)snprintf(worker->text, sizeof worker->text, "the octets to sign: %s",
                       result_sentence(result));
        return result;
    }
    bool check = is_to_be_verified(worker, at, work->urgent);
    result = sign_checked(worker, at, &input, check, signature);
    if (result)
        return result;
    size_t mark = writer_open_length(&work->run);
    rrsig_write(&work->run, &work->fields, signature, at->key->pair.signature_octets);
    writer_close_length(&work->run, mark);
    worker->place->made++;
    metric_add(worker->stripe, METRIC_SIGNATURES, 1);
    return writer_check(&work->run);
}

/* ---- one job -------------------------------------------------------------------------------- */

static enum signing_outcome refuse(struct worker *worker, const struct sign_job *job,
                                   enum permit permit)
{
    char owner[NAME_MAX_TEXT], type[TYPE_MAX_TEXT];

    metric_add(worker->stripe, METRIC_SIGN_REFUSALS, 1);
    (void)snprintf(worker->text, sizeof worker->text, "refused: %s", permit_sentence(permit));
    log_limited(&worker->refusals, LINES_PER_MINUTE, clock_monotonic_ms(),
                "refused to sign %.255s %s: %s", name_to_text(&job->owner, owner),
                type_to_text(job->type, type), permit_sentence(permit));
    return SIGNING_REFUSED;
}

/* Sign with one of the job's keys, if it may. */
static enum signing_outcome sign_with(struct worker *worker, struct work *work, uint32_t number)
{
    struct worker_key *at = worker_key_find(worker, number);

    if (!at) {
        (void)snprintf(worker->text, sizeof worker->text, "key number %u is not known", number);
        return SIGNING_UNKNOWN_KEY;
    }
    enum permit permit = permit_key(&at->key->grant, work->job, work->now);
    if (permit != PERMIT_ALLOWED)
        return refuse(worker, work->job, permit);
    name_copy(&work->fields.signer, &at->key->zone);
    return sign_one(worker, at, work) ? SIGNING_TOKEN : SIGNING_DONE;
}

static void begin_work(struct worker *worker, struct work *work)
{
    const struct sign_job *job = work->job;

    work->rrset = (struct rrset){.owner = &job->owner,
                                 .type = job->type,
                                 .class_ = CLASS_IN,
                                 .ttl = job->ttl,
                                 .rdata = job->rdata};
    work->fields.covered = job->type;
    work->fields.labels = rrsig_labels(&job->owner);
    work->fields.original_ttl = job->ttl;
    work->fields.expiration = job->expiration;
    work->fields.inception = job->inception;
    work->run = writer_over(worker->run, WORKER_RUN_OCTETS);
}

static enum signing_outcome do_job(struct worker *worker, struct work *work)
{
    const struct sign_job *job = work->job;

    enum permit permit = permit_rrset(job);
    if (permit != PERMIT_ALLOWED)
        return refuse(worker, job, permit);
    begin_work(worker, work);
    for (unsigned i = 0; i < job->key_count; i++) {
        enum signing_outcome outcome = sign_with(worker, work, job->keys[i]);
        if (outcome != SIGNING_DONE)
            return outcome;
    }
    return SIGNING_DONE;
}

/* ---- one letter ----------------------------------------------------------------------------- */

static void work_on(struct worker *worker, const struct letter *letter);

/* Whoever asks urgently does not wait for the rest of a bulk letter. */
static void let_urgent_pass(struct worker *worker)
{
    struct letter *letter;

    while ((letter = pool_take_urgent(worker->pool, worker))) {
        work_on(worker, letter);
        pool_done(worker->pool, worker, letter);
    }
}

static void answer_job(struct worker *worker, const struct letter *letter, struct results *results,
                       const struct sign_job *job)
{
    struct work work = {.job = job, .urgent = letter->urgent, .now = clock_wall_seconds()};

    enum signing_outcome outcome = do_job(worker, &work);
    bool done = outcome == SIGNING_DONE;
    struct sign_result result = {
        .job = job->job,
        .outcome = (uint8_t)outcome,
        .signatures = {.octets = worker->run,
                       .length = done ? (uint32_t)work.run.length : 0,
                       .count = done ? job->key_count : 0},
        .text = done ? "" : worker->text,
    };
    results_add(results, letter->link, worker->frame, &result);
}

/* Whether what becomes of the rest still matters. */
static bool is_heard(const struct letter *letter)
{
    return !atomic_load_explicit(&letter->link->closed, memory_order_relaxed) &&
           !atomic_load_explicit(&letter->excused, memory_order_relaxed);
}

static void work_on(struct worker *worker, const struct letter *letter)
{
    struct results *results = letter->urgent ? &worker->urgent : &worker->bulk;
    struct reader jobs = reader_over(letter->jobs, letter->length);
    struct sign_job job;

    for (unsigned i = 0; i < letter->count && is_heard(letter); i++) {
        if (!letter->urgent)
            let_urgent_pass(worker);
        sign_job_read(&jobs, &job);
        if (jobs.failed)
            break;
        answer_job(worker, letter, results, &job);
    }
    worker_key_rest(worker); /* sending may take its time: others can sign meanwhile */
    results_send(results, letter->link, worker->frame);
    if (reader_finish(&jobs) && is_heard(letter)) {
        metric_add(worker->stripe, METRIC_LETTERS_REFUSED, 1);
        log_limited(&worker->refusals, LINES_PER_MINUTE, clock_monotonic_ms(),
                    "a SIGN from the keeper holds a malformed job");
    }
}

void *worker_run(void *context)
{
    struct worker *worker = context;
    struct letter *letter;

    while ((letter = pool_take(worker->pool, worker))) {
        work_on(worker, letter);
        pool_done(worker->pool, worker, letter);
        worker_key_quicken(worker);
    }
    return NULL;
}

/* ---- beginning and end ---------------------------------------------------------------------- */

enum result worker_init(struct worker *worker, struct pool *pool, unsigned index)
{
    unsigned stripe = (pool->means.first_stripe + index) % METRICS_STRIPES;

    *worker = (struct worker){.pool = pool,
                              .stripe = &pool->means.metrics->stripes[stripe],
                              .frame = frame_make(),
                              .run = malloc(WORKER_RUN_OCTETS),
                              .keys = calloc(WORKER_KEYS, sizeof *worker->keys)};
    if (!worker->frame || !worker->run || !worker->keys || results_init(&worker->bulk) ||
        results_init(&worker->urgent))
        return RESULT_SYSTEM;
    return digest_context_open(&worker->digests);
}

void worker_free(struct worker *worker)
{
    for (unsigned i = 0; worker->keys && i < WORKER_KEYS; i++)
        worker_key_clear(worker, &worker->keys[i]);
    digest_context_close(&worker->digests);
    frame_free(worker->frame);
    free(worker->run);
    free(worker->keys);
    results_free(&worker->bulk);
    results_free(&worker->urgent);
    *worker = (struct worker){.pool = NULL};
}
