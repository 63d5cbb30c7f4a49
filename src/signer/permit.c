/* permit.c - what policy forbids to sign. */
#include "permit.h"

#include "avow/dnssec/rrsig.h"
#include "avow/wire/rdata.h"
#include "avow/wire/type.h"

static const char *const sentences[] = {
#define PERMIT_SENTENCE(name, sentence) sentence,
    PERMITS(PERMIT_SENTENCE)
#undef PERMIT_SENTENCE
};

const char *permit_sentence(enum permit permit)
{
    return (unsigned)permit < PERMIT_VERDICTS ? sentences[permit] : "it is not allowed";
}

enum permit permit_rrset(const struct sign_job *job)
{
    struct reader run = rdata_run_reader(&job->rdata), rdata, before = {.start = NULL};

    if (job->ttl > INT32_MAX) /* RFC 2181 section 8 */
        return PERMIT_BAD_TTL;
    while (rdata_next(&run, &rdata)) {
        size_t length = reader_left(&rdata);
        if (rdata_check(job->type, rdata.at, length))
            return PERMIT_MALFORMED;
        if (before.start &&
            rdata_compare(job->type, before.at, reader_left(&before), rdata.at, length) >= 0)
            return PERMIT_UNORDERED;
        before = rdata;
    }
    return reader_finish(&run) ? PERMIT_MALFORMED : PERMIT_ALLOWED;
}

/* Signed with the key signing key: what parents and resolvers take a zone's keys from. */
static bool is_of_keys(uint16_t type)
{
    return type == TYPE_DNSKEY || type == TYPE_CDS || type == TYPE_CDNSKEY;
}

/* Where some types have to be. CDS and CDNSKEY may also lie below the apex, as signals for another
 * zone (RFC 9615 section 2). */
static bool may_be_at(const struct name *owner, const struct name *apex, uint16_t type)
{
    bool at_apex = owner->labels == apex->labels; /* it is within the zone */

    switch (type) {
    case TYPE_SOA:
    case TYPE_DNSKEY:
    case TYPE_NSEC3PARAM:
        return at_apex;
    case TYPE_DS: /* of the parent's side (RFC 4035 section 2.4) */
        return !at_apex;
    case TYPE_NSEC3: /* a hash below the apex (RFC 5155 section 3) */
        return owner->labels == apex->labels + 1;
    default:
        return true;
    }
}

static enum permit check_role(enum signing_role role, uint16_t type)
{
    if (role == SIGNING_ZSK && is_of_keys(type))
        return PERMIT_KEYS_BY_ZSK;
    if (role == SIGNING_KSK && !is_of_keys(type))
        return PERMIT_DATA_BY_KSK;
    return PERMIT_ALLOWED;
}

/* Distances between stamps, so that nothing ends in 2106; half the circle is the future. */
static enum permit check_times(const struct permit_grant *grant, const struct sign_job *job,
                               uint64_t now)
{
    uint32_t ahead = job->expiration - rrsig_stamp(now);
    uint32_t behind = rrsig_stamp(now) - job->inception;

    if (ahead == 0 || ahead > INT32_MAX)
        return PERMIT_EXPIRED;
    if (ahead > grant->validity)
        return PERMIT_TOO_LONG;
    if (behind > INT32_MAX)
        return PERMIT_FUTURE;
    return behind > PERMIT_OLDEST_INCEPTION ? PERMIT_OLD_INCEPTION : PERMIT_ALLOWED;
}

enum permit permit_key(const struct permit_grant *grant, const struct sign_job *job, uint64_t now)
{
    if (!name_is_within(&job->owner, grant->zone))
        return PERMIT_OUTSIDE;
    if (type_is_meta(job->type) || job->type == TYPE_RRSIG) /* RFC 4035 section 2.2 */
        return PERMIT_NO_DATA;
    if (!may_be_at(&job->owner, grant->zone, job->type))
        return PERMIT_NOT_HERE;
    enum permit permit = check_role(grant->role, job->type);
    return permit == PERMIT_ALLOWED ? check_times(grant, job, now) : permit;
}
