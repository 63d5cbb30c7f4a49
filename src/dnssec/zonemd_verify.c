/* zonemd_verify.c - the ZONEMD records of a zone against all of its records. */
#include "avow/dnssec/zonemd_verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "avow/dnssec/zonemd.h"
#include "avow/wire/rdata.h"
#include "avow/wire/type.h"

enum {
    CLAIMS = 16,            /* ZONEMD records that are looked at */
    SOA_NUMBERS_OCTETS = 20 /* at the end of its RDATA, the serial first */
};

struct verifying {
    const struct record_walk *records;
    uint8_t apex[NAME_KEY_MAX_OCTETS];
    size_t apex_length;
    uint32_t serial;
    struct zonemd claims[CLAIMS];
    size_t count;
    struct zonemd_sum sum;
    struct walked_record *group; /* records of one owner and type */
    size_t group_capacity;
    struct walked_record ahead; /* the next record, when there is one */
    bool is_ahead;
    struct name owner;
};

/* ---- what is claimed --------------------------------------------------------------------------
 */

static bool is_apex(const struct verifying *verifying, const struct walked_record *record)
{
    return record->key_length == verifying->apex_length &&
           memcmp(record->key, verifying->apex, verifying->apex_length) == 0;
}

/* The same record twice is one. */
static bool is_known(const struct verifying *verifying, const struct zonemd *claim)
{
    for (size_t i = 0; i < verifying->count; i++) {
        const struct zonemd *other = &verifying->claims[i];
        if (other->serial == claim->serial && other->scheme == claim->scheme &&
            other->algorithm == claim->algorithm && other->length == claim->length &&
            memcmp(other->digest, claim->digest, claim->length) == 0)
            return true;
    }
    return false;
}

static void read_apex(struct verifying *verifying)
{
    const struct record_walk *records = verifying->records;
    struct walked_record record;
    struct zonemd claim;

    records->rewind(records->context);
    while (records->next(records->context, &record) && is_apex(verifying, &record)) {
        if (record.type == TYPE_SOA && record.rdata_length > SOA_NUMBERS_OCTETS) {
            struct reader numbers = reader_over(
                record.rdata + record.rdata_length - SOA_NUMBERS_OCTETS, SOA_NUMBERS_OCTETS);
            verifying->serial = reader_u32(&numbers);
        }
        if (record.type == TYPE_ZONEMD && verifying->count < CLAIMS &&
            !zonemd_read(record.rdata, record.rdata_length, &claim) && !is_known(verifying, &claim))
            verifying->claims[verifying->count++] = claim;
    }
}

/* Two records of the same kind are no good, both (RFC 8976 section 4). */
static bool has_twin(const struct verifying *verifying, const struct zonemd *claim)
{
    for (size_t i = 0; i < verifying->count; i++) {
        const struct zonemd *other = &verifying->claims[i];
        if (other != claim && other->scheme == claim->scheme &&
            other->algorithm == claim->algorithm)
            return true;
    }
    return false;
}

/* The digest that a claim can be verified by. */
static enum digest claimed(const struct verifying *verifying, const struct zonemd *claim)
{
    enum digest digest = zonemd_digest(claim->algorithm);

    if (claim->scheme != ZONEMD_SIMPLE || !digest || claim->length != digest_octets(digest) ||
        has_twin(verifying, claim))
        return DIGEST_NONE;
    return digest;
}

/* Bits of the digests that are to be made. What no digest can say is found here. */
static unsigned list_wanted(const struct verifying *verifying, struct zonemd_finding *finding)
{
    unsigned wanted = 0;

    finding->serial = verifying->serial;
    finding->verdict = verifying->count ? ZONEMD_UNUSABLE : ZONEMD_ABSENT;
    for (size_t i = 0; i < verifying->count; i++) {
        const struct zonemd *claim = &verifying->claims[i];
        enum digest digest = claimed(verifying, claim);
        if (digest && claim->serial != verifying->serial) {
            finding->verdict = ZONEMD_STALE;
            finding->stale = claim->serial;
        } else if (digest) {
            wanted |= 1U << digest;
        }
    }
    return wanted;
}

/* ---- the walk ---------------------------------------------------------------------------------
 */

static int compare_records(const void *left, const void *right)
{
    const struct walked_record *a = left, *b = right;

    return rdata_compare(a->type, a->rdata, a->rdata_length, b->rdata, b->rdata_length);
}

static enum result add_group(struct verifying *verifying, size_t count)
{
    struct walked_record *group = verifying->group;
    bool apex = is_apex(verifying, &group[0]);
    enum result result = RESULT_OK;

    if (count > 1)
        qsort(group, count, sizeof *group, compare_records);
    for (size_t i = 0; i < count && !result; i++) {
        struct rrset rrset = {.owner = &verifying->owner,
                              .type = group[i].type,
                              .class_ = CLASS_IN,
                              .ttl = group[i].ttl};
        if (i && compare_records(&group[i - 1], &group[i]) == 0)
            continue; /* the same record twice is one */
        if (apex && zonemd_leaves_out(rrset.type, group[i].rdata, group[i].rdata_length))
            continue;
        result = zonemd_add(&verifying->sum, &rrset, group[i].rdata, group[i].rdata_length);
    }
    return result;
}

static void step(struct verifying *verifying)
{
    verifying->is_ahead = verifying->records->next(verifying->records->context, &verifying->ahead);
}

static bool is_of_group(const struct walked_record *first, const struct walked_record *record)
{
    return record->type == first->type && record->key_length == first->key_length &&
           memcmp(record->key, first->key, first->key_length) == 0;
}

/* The records of one owner and type, which stand together. */
static enum result take_group(struct verifying *verifying, size_t *count)
{
    *count = 0;
    while (verifying->is_ahead && (!*count || is_of_group(verifying->group, &verifying->ahead))) {
        if (*count == verifying->group_capacity) {
            size_t capacity = *count ? *count * 2 : 16;
            struct walked_record *more = reallocarray(verifying->group, capacity, sizeof *more);
            if (!more)
                return RESULT_SYSTEM;
            verifying->group = more;
            verifying->group_capacity = capacity;
        }
        verifying->group[(*count)++] = verifying->ahead;
        step(verifying);
    }
    return RESULT_OK;
}

static enum result walk(struct verifying *verifying)
{
    size_t count;
    enum result result = RESULT_OK;

    verifying->records->rewind(verifying->records->context);
    step(verifying);
    while (!result && !(result = take_group(verifying, &count)) && count) {
        result =
            name_key_read(verifying->group->key, verifying->group->key_length, &verifying->owner);
        if (!result)
            result = add_group(verifying, count);
    }
    return result;
}

/* ---- the verdict ------------------------------------------------------------------------------
 */

static enum result compare(struct verifying *verifying, unsigned wanted,
                           enum zonemd_verdict *verdict)
{
    uint8_t hashes[DIGESTS][DIGEST_MAX_OCTETS];
    enum result result = RESULT_OK;

    *verdict = ZONEMD_WRONG;
    for (unsigned digest = 0; digest < DIGESTS && !result; digest++) {
        if (wanted & 1U << digest)
            result = zonemd_finish(&verifying->sum, (enum digest)digest, hashes[digest]);
    }
    for (size_t i = 0; i < verifying->count && !result; i++) {
        const struct zonemd *claim = &verifying->claims[i];
        enum digest digest = claimed(verifying, claim);
        if (digest && claim->serial == verifying->serial &&
            memcmp(hashes[digest], claim->digest, claim->length) == 0)
            *verdict = ZONEMD_RIGHT;
    }
    return result;
}

static enum result verify(struct verifying *verifying, unsigned wanted,
                          enum zonemd_verdict *verdict)
{
    enum result result = zonemd_open(&verifying->sum, wanted);

    if (!result)
        result = walk(verifying);
    if (!result)
        result = compare(verifying, wanted, verdict);
    zonemd_close(&verifying->sum);
    return result;
}

enum result zonemd_verify(const struct name *apex, const struct record_walk *records,
                          struct zonemd_finding *finding)
{
    struct verifying verifying = {.records = records};
    struct writer writer = writer_over(verifying.apex, sizeof verifying.apex);

    *finding = (struct zonemd_finding){.verdict = ZONEMD_ABSENT};
    name_key_write(&writer, apex);
    verifying.apex_length = writer.length;
    read_apex(&verifying);
    unsigned wanted = list_wanted(&verifying, finding);
    enum result result = wanted ? verify(&verifying, wanted, &finding->verdict) : RESULT_OK;
    records->rewind(records->context);
    free(verifying.group);
    return result;
}

const char *zonemd_tell(const struct zonemd_finding *finding, char text[ZONEMD_TEXT])
{
    static const char *const clauses[] = {
        [ZONEMD_ABSENT] = "it has no ZONEMD",
        [ZONEMD_RIGHT] = "its ZONEMD is right",
        [ZONEMD_WRONG] = "its ZONEMD is wrong: the digest of its records is another one",
        [ZONEMD_STALE] = NULL, /* below */
        [ZONEMD_UNUSABLE] = "none of its ZONEMD can be verified: no known hash is there once"};

    if (finding->verdict == ZONEMD_STALE)
        (void)snprintf(text, ZONEMD_TEXT, "its ZONEMD is for serial %lu, not for %lu",
                       (unsigned long)finding->stale, (unsigned long)finding->serial);
    else
        (void)snprintf(text, ZONEMD_TEXT, "%s", clauses[finding->verdict]);
    return text;
}

const char *zonemd_word(enum zonemd_verdict verdict)
{
    static const char *const words[] = {[ZONEMD_ABSENT] = "none",
                                        [ZONEMD_RIGHT] = "right",
                                        [ZONEMD_WRONG] = "wrong",
                                        [ZONEMD_STALE] = "stale",
                                        [ZONEMD_UNUSABLE] = "unusable"};

    return words[verdict];
}
