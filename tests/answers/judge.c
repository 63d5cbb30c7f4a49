/* judge.c - a response as a validator sees it: what must be signed, what must be proved. */
#include <string.h>

#include "avow/dnssec/rrsig.h"
#include "avow/dnssec/verify.h"
#include "denial_check.h"

#include "response.h"

enum { EVIDENCE = 64, LINKS = 32 };

struct trial {
    struct world *world;
    const struct response *response;
    struct verifier verifier;
};

static bool is_signed(const struct trial *trial, int zone)
{
    return zone >= 0 && trial->world->denials[zone] != WORLD_UNSIGNED;
}

static const struct response_record *find_rrsig(const struct trial *trial,
                                                const struct response_record *of)
{
    for (unsigned i = 0; i < trial->response->count; i++) {
        const struct response_record *record = &trial->response->records[i];
        if (record->type == TYPE_RRSIG && record->section == of->section && record->length > 2 &&
            (record->rdata[0] << 8 | record->rdata[1]) == of->type &&
            name_equal(&record->owner, &of->owner))
            return record;
    }
    return NULL;
}

/* The zone in which a name's records of a type stand: DS belongs to the parent. */
static int zone_of(const struct trial *trial, const struct name *owner, uint16_t type)
{
    struct name parent;

    if (type != TYPE_DS || owner->labels == 0)
        return world_zone_of(trial->world, owner);
    name_suffix(owner, owner->labels - 1U, &parent);
    int zone = world_zone_of(trial->world, &parent);
    return zone >= 0 ? zone : world_zone_of(trial->world, owner);
}

static bool same_set(const struct response_record *a, const struct response_record *b)
{
    return a->section == b->section && a->type == b->type && name_equal(&a->owner, &b->owner);
}

/* The zone of a record as it says itself: NSEC at a cut may be of either side. */
static int zone_by_signer(const struct trial *trial, const struct response_record *record)
{
    const struct response_record *found = find_rrsig(trial, record);
    struct rrsig rrsig;
    struct reader rdata = reader_over(found ? found->rdata : NULL, found ? found->length : 0);

    if (!found || record->type != TYPE_NSEC || rrsig_read(&rdata, &rrsig))
        return zone_of(trial, &record->owner, record->type);
    for (unsigned i = 0; i < trial->world->zone_count; i++)
        if (name_equal(&rrsig.fields.signer, &trial->world->apexes[i]) &&
            name_is_within(&record->owner, &rrsig.fields.signer))
            return (int)i;
    return -1;
}

/* ---- signatures ----------------------------------------------------------------------------- */

/* The RRset that begins at this record, in canonical order. */
static struct rrset gather(const struct trial *trial, unsigned first, struct buffer *run)
{
    const struct response *response = trial->response;
    const struct response_record *record = &response->records[first];
    struct rrset rrset = {.owner = &record->owner,
                          .type = record->type,
                          .class_ = record->class_,
                          .ttl = record->ttl};
    bool added;

    buffer_clear(run);
    for (unsigned i = first; i < response->count; i++)
        if (same_set(record, &response->records[i]) &&
            rdata_run_insert(run, &rrset.rdata.count, record->type, response->records[i].rdata,
                             response->records[i].length, &added))
            return rrset;
    rrset.rdata.octets = run->octets;
    rrset.rdata.length = (uint32_t)run->length;
    return rrset;
}

/* Whether a CNAME was made from a DNAME of the same answer. */
static bool is_synthesised(const struct trial *trial, const struct response_record *cname)
{
    for (unsigned i = 0; i < trial->response->count; i++) {
        const struct response_record *record = &trial->response->records[i];
        if (record->type == TYPE_DNAME && record->section == SECTION_ANSWER &&
            cname->owner.labels > record->owner.labels &&
            name_is_within(&cname->owner, &record->owner))
            return true;
    }
    return false;
}

/* RFC 4035 section 2.2: everything but NS at a cut, and glue. */
static bool wants_signature(const struct trial *trial, const struct response_record *record)
{
    if (record->section == SECTION_ADDITIONAL || record->type == TYPE_RRSIG)
        return false;
    if (record->type == TYPE_CNAME && is_synthesised(trial, record))
        return false;
    if (record->section == SECTION_AUTHORITY && record->type == TYPE_NS)
        return false;
    return is_signed(trial, zone_of(trial, &record->owner, record->type));
}

static const char *check_signature(struct trial *trial, unsigned first, struct buffer *run)
{
    const struct response_record *record = &trial->response->records[first];
    const struct response_record *found = find_rrsig(trial, record);
    struct rrset rrset = gather(trial, first, run);
    struct rrsig rrsig;

    if (!found)
        return "an RRset has no signature";
    if (found->ttl != record->ttl)
        return "a signature has another TTL than its RRset";
    struct reader rdata = reader_over(found->rdata, found->length);
    if (rrsig_read(&rdata, &rrsig))
        return "a signature is malformed";
    int zone = zone_by_signer(trial, record);
    if (zone < 0)
        return "a signature is of no zone that is served";
    const struct verify_request request = {
        .rrset = &rrset, .rrsig = &rrsig, .apex = &trial->world->apexes[zone], .now = WORLD_NOW};
    enum verdict verdict = verifier_check_rrset(&trial->verifier, &trial->world->digests, &request);
    return verdict == VERDICT_VALID ? NULL : verdict_sentence(verdict);
}

static const char *check_signatures(struct trial *trial)
{
    struct buffer run = {.octets = NULL};
    const char *wrong = NULL;

    for (unsigned i = 0; i < trial->response->count && !wrong; i++) {
        const struct response_record *record = &trial->response->records[i];
        bool repeated = false;
        for (unsigned j = 0; j < i; j++)
            repeated |= same_set(record, &trial->response->records[j]);
        if (!repeated && wants_signature(trial, record))
            wrong = check_signature(trial, i, &run);
    }
    buffer_free(&run);
    return wrong;
}

/* ---- proofs --------------------------------------------------------------------------------- */

struct evidence {
    struct denial_record records[EVIDENCE];
    struct denial_evidence all;
};

static void collect(const struct trial *trial, int zone, struct evidence *evidence)
{
    evidence->all = (struct denial_evidence){.records = evidence->records};
    name_copy(&evidence->all.apex, &trial->world->apexes[zone]);
    for (unsigned i = 0; i < trial->response->count && evidence->all.count < EVIDENCE; i++) {
        const struct response_record *record = &trial->response->records[i];
        if (record->section != SECTION_AUTHORITY ||
            (record->type != TYPE_NSEC && record->type != TYPE_NSEC3) ||
            zone_by_signer(trial, record) != zone)
            continue;
        struct denial_record *out = &evidence->records[evidence->all.count++];
        *out = (struct denial_record){
            .type = record->type, .rdata = record->rdata, .length = record->length};
        name_copy(&out->owner, &record->owner);
    }
}

/* A signature with fewer labels than the owner has: was there no closer match? */
static const char *check_expansion(const struct trial *trial, const struct response_record *record)
{
    static struct evidence evidence;
    const struct response_record *rrsig = find_rrsig(trial, record);
    int zone = zone_of(trial, &record->owner, record->type);

    if (!rrsig || !is_signed(trial, zone) || rrsig->length < 4 ||
        rrsig->rdata[3] == rrsig_labels(&record->owner))
        return NULL;
    collect(trial, zone, &evidence);
    return denial_check_expansion(&evidence.all, &record->owner, rrsig->rdata[3])
               ? NULL
               : "the name of an expanded wildcard is not denied";
}

static const struct response_record *find(const struct trial *trial, enum section section,
                                          const struct name *owner, uint16_t type)
{
    for (unsigned i = 0; i < trial->response->count; i++) {
        const struct response_record *record = &trial->response->records[i];
        if (record->section == section && record->type == type &&
            (!owner || name_equal(&record->owner, owner)))
            return record;
    }
    return NULL;
}

/* Where the chain of CNAMEs leads. */
static void follow(const struct trial *trial, struct name *name)
{
    uint16_t type = trial->response->question.type;

    name_copy(name, &trial->response->question.name);
    for (unsigned i = 0; i < LINKS && type != TYPE_CNAME && type != TYPE_ANY; i++) {
        const struct response_record *cname = find(trial, SECTION_ANSWER, name, TYPE_CNAME);
        if (!cname)
            return;
        struct reader rdata = reader_over(cname->rdata, cname->length);
        name_read_plain(&rdata, name);
    }
}

static const char *check_referral(const struct trial *trial, const struct response_record *ns)
{
    static struct evidence evidence;
    struct name parent;

    if (find(trial, SECTION_AUTHORITY, &ns->owner, TYPE_DS))
        return NULL; /* its signature was checked */
    name_suffix(&ns->owner, ns->owner.labels - 1U, &parent);
    int zone = world_zone_of(trial->world, &parent);
    if (!is_signed(trial, zone))
        return NULL;
    collect(trial, zone, &evidence);
    /* Of a wildcard's NS: that the wildcard has no DS. */
    return denial_check_unsigned_cut(&evidence.all, &ns->owner) ||
                   denial_check(&evidence.all, &ns->owner, TYPE_DS).proof == DENIAL_WILDCARD_NODATA
               ? NULL
               : "that a delegation is not signed is not proved";
}

static const char *check_denial(const struct trial *trial, const struct name *name)
{
    static struct evidence evidence;
    uint16_t type = trial->response->question.type;
    const struct response_record *soa = find(trial, SECTION_AUTHORITY, NULL, TYPE_SOA);
    int zone = zone_of(trial, name, type);

    if (!soa)
        return "a denial without SOA";
    if (!is_signed(trial, zone))
        return NULL;
    if (!name_equal(&soa->owner, &trial->world->apexes[zone]))
        return "the SOA is that of another zone";
    collect(trial, zone, &evidence);
    struct denial denial = denial_check(&evidence.all, name, type);
    if (trial->response->rcode == RCODE_NXDOMAIN)
        return denial.proof == DENIAL_NXDOMAIN ? NULL : "NXDOMAIN is not proved";
    /* A span of opt-out leaves open whether there is an unsigned delegation. */
    if ((denial.proof == DENIAL_OPTED_OUT || denial.opt_out) && type == TYPE_DS &&
        trial->world->denials[zone] == WORLD_OPT_OUT)
        return NULL;
    return denial.proof == DENIAL_NODATA || denial.proof == DENIAL_WILDCARD_NODATA
               ? NULL
               : "NODATA is not proved";
}

static const char *check_proofs(const struct trial *trial)
{
    const struct response *response = trial->response;
    uint16_t type = response->question.type;
    const char *wrong = NULL;
    struct name name;

    for (unsigned i = 0; i < response->count && !wrong; i++)
        if (response->records[i].section == SECTION_ANSWER)
            wrong = check_expansion(trial, &response->records[i]);
    if (wrong)
        return wrong;
    follow(trial, &name);
    const struct response_record *ns = find(trial, SECTION_AUTHORITY, NULL, TYPE_NS);
    if (ns)
        return check_referral(trial, ns);
    bool answered = find(trial, SECTION_ANSWER, &name, type) ||
                    (type == TYPE_ANY && response->header.counts[SECTION_ANSWER]);
    if (answered || response->rcode == RCODE_YXDOMAIN)
        return NULL;
    /* A chain that leads elsewhere, or round in a circle. */
    if (zone_of(trial, &name, type) < 0 || find(trial, SECTION_ANSWER, &name, TYPE_CNAME) ||
        (response->header.counts[SECTION_ANSWER] && !response->header.counts[SECTION_AUTHORITY]))
        return NULL;
    return check_denial(trial, &name);
}

const char *response_judge(struct world *world, const struct response *response)
{
    struct trial trial = {.world = world, .response = response};

    if (verifier_open(&trial.verifier, &world->dnskey))
        return "the key cannot be used";
    const char *wrong = check_signatures(&trial);
    if (!wrong && (response->rcode == RCODE_NOERROR || response->rcode == RCODE_NXDOMAIN))
        wrong = check_proofs(&trial);
    verifier_close(&trial.verifier);
    return wrong;
}
