/*
 * fuzz_sign_job.c - jobs as a keeper that was taken over might write them.
 *
 * Whatever can be read is judged; what policy lets pass lies within the zone, within its times, and
 * can be laid out to be signed. What was read and is written again is the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "avow/base/buffer.h"
#include "avow/dnssec/rrsig.h"
#include "avow/ipc/message.h"
#include "avow/wire/type.h"
#include "src/signer/permit.h"

enum { NOW = 1800000000, VALIDITY = 14 * 86400 };

static void must(int holds)
{
    if (!holds)
        abort();
}

static void check_written(const struct sign_job *job, const uint8_t *octets, size_t length)
{
    uint8_t *again = malloc(length);
    struct writer writer = writer_over(again, length);

    must(again != NULL);
    sign_job_write(&writer, job);
    must(!writer.failed && writer.length == length && memcmp(again, octets, length) == 0);
    free(again);
}

/* What was allowed, the worker lays out without asking again. */
static void check_allowed(const struct sign_job *job, const struct permit_grant *grant)
{
    struct buffer octets = {.octets = NULL};
    struct rrset rrset = {.owner = &job->owner,
                          .type = job->type,
                          .class_ = CLASS_IN,
                          .ttl = job->ttl,
                          .rdata = job->rdata};
    struct rrsig_fields fields = {.covered = job->type,
                                  .algorithm = ALGORITHM_ED25519,
                                  .labels = rrsig_labels(&job->owner),
                                  .original_ttl = job->ttl,
                                  .expiration = job->expiration,
                                  .inception = job->inception};

    name_copy(&fields.signer, grant->zone);
    must(name_is_within(&job->owner, grant->zone));
    must(job->expiration - NOW <= VALIDITY && job->expiration != NOW);
    must(NOW - job->inception <= 86400);
    must(rdata_run_valid(&job->rdata));
    must(rrsig_octets_to_sign(&fields, &rrset, &octets) == RESULT_OK);
    buffer_free(&octets);
}

static void judge(const struct sign_job *job, unsigned labels)
{
    bool allowed[SIGNING_CSK + 1], in_form = permit_rrset(job) == PERMIT_ALLOWED;
    struct name zone;

    name_suffix(&job->owner, labels % (job->owner.labels + 1u), &zone);
    for (unsigned role = 0; role <= SIGNING_CSK; role++) {
        struct permit_grant grant = {
            .zone = &zone, .role = (enum signing_role)role, .validity = VALIDITY};
        enum permit permit = permit_key(&grant, job, NOW);
        must(permit_sentence(permit) != NULL);
        allowed[role] = permit == PERMIT_ALLOWED;
        if (allowed[role] && in_form)
            check_allowed(job, &grant);
    }
    /* Nothing is for both keys, and together they are as good as one. */
    must(!(allowed[SIGNING_KSK] && allowed[SIGNING_ZSK]));
    must(allowed[SIGNING_CSK] == (allowed[SIGNING_KSK] || allowed[SIGNING_ZSK]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader jobs = reader_over(data, size);
    struct sign_job job;
    unsigned labels = (unsigned)size;

    while (reader_left(&jobs) > 0) {
        const uint8_t *start = jobs.at;
        sign_job_read(&jobs, &job);
        if (jobs.failed)
            break;
        check_written(&job, start, (size_t)(jobs.at - start));
        judge(&job, labels++);
    }
    return 0;
}
