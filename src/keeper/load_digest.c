/* load_digest.c - the ZONEMD records of a file against all of its records. */
#include "load_digest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "avow/dnssec/zonemd.h"
#include "avow/store/key.h"
#include "avow/wire/rdata.h"
#include "avow/wire/type.h"
#include "soa.h"

enum { CLAIMS = 16 /* ZONEMD records that are looked at */ };

struct digesting {
    struct gather *gather;
    uint8_t apex[NAME_KEY_MAX_OCTETS];
    size_t apex_length;
    uint32_t serial;
    struct zonemd claims[CLAIMS];
    size_t count;
    struct zonemd_sum sum;
    struct gathered *group; /* records of one owner and type */
    size_t group_capacity;
    struct name owner;
};

/* ---- what is claimed --------------------------------------------------------------------------
 */

static bool is_apex(const struct digesting *digesting, const struct gathered *record)
{
    return store_key_equal(record->key, record->key_length, digesting->apex,
                           digesting->apex_length);
}

/* The same record twice is one. */
static bool is_known(const struct digesting *digesting, const struct zonemd *claim)
{
    for (size_t i = 0; i < digesting->count; i++) {
        const struct zonemd *other = &digesting->claims[i];
        if (other->serial == claim->serial && other->scheme == claim->scheme &&
            other->algorithm == claim->algorithm && other->length == claim->length &&
            memcmp(other->digest, claim->digest, claim->length) == 0)
            return true;
    }
    return false;
}

static void read_apex(struct digesting *digesting)
{
    struct gathered record;
    struct zonemd claim;
    struct soa soa;

    digesting->gather->next = 0;
    while (gather_next(digesting->gather, &record) == FOUND_YES && is_apex(digesting, &record)) {
        if (record.type == TYPE_SOA && !soa_read(record.rdata, record.rdata_length, &soa))
            digesting->serial = soa.serial;
        if (record.type == TYPE_ZONEMD && digesting->count < CLAIMS &&
            !zonemd_read(record.rdata, record.rdata_length, &claim) && !is_known(digesting, &claim))
            digesting->claims[digesting->count++] = claim;
    }
}

/* Two records of the same kind are no good, both (RFC 8976 section 4). */
static bool has_twin(const struct digesting *digesting, const struct zonemd *claim)
{
    for (size_t i = 0; i < digesting->count; i++) {
        const struct zonemd *other = &digesting->claims[i];
        if (other != claim && other->scheme == claim->scheme &&
            other->algorithm == claim->algorithm)
            return true;
    }
    return false;
}

/* The digest that a claim can be verified by. */
static enum digest claimed(const struct digesting *digesting, const struct zonemd *claim)
{
    enum digest digest = zonemd_digest(claim->algorithm);

    if (claim->scheme != ZONEMD_SIMPLE || !digest || claim->length != digest_octets(digest) ||
        has_twin(digesting, claim))
        return DIGEST_NONE;
    return digest;
}

/* Bits of the digests that are to be made. `stale`: a claim that is for another serial. */
static unsigned list_wanted(const struct digesting *digesting, const struct zonemd **stale)
{
    unsigned wanted = 0;

    *stale = NULL;
    for (size_t i = 0; i < digesting->count; i++) {
        const struct zonemd *claim = &digesting->claims[i];
        enum digest digest = claimed(digesting, claim);
        if (digest && claim->serial != digesting->serial)
            *stale = claim;
        else if (digest)
            wanted |= 1U << digest;
    }
    return wanted;
}

/* ---- the walk ---------------------------------------------------------------------------------
 */

static int compare_records(const void *left, const void *right)
{
    const struct gathered *a = left, *b = right;

    return rdata_compare(a->type, a->rdata, a->rdata_length, b->rdata, b->rdata_length);
}

static enum result add_group(struct digesting *digesting, size_t count)
{
    struct gathered *group = digesting->group;
    bool apex = is_apex(digesting, &group[0]);
    enum result result = RESULT_OK;

    if (count > 1)
        qsort(group, count, sizeof *group, compare_records);
    for (size_t i = 0; i < count && !result; i++) {
        struct rrset rrset = {.owner = &digesting->owner,
                              .type = group[i].type,
                              .class_ = CLASS_IN,
                              .ttl = group[i].ttl};
        if (i && compare_records(&group[i - 1], &group[i]) == 0)
            continue; /* the same record twice is one */
        if (apex && zonemd_leaves_out(rrset.type, group[i].rdata, group[i].rdata_length))
            continue;
        result = zonemd_add(&digesting->sum, &rrset, group[i].rdata, group[i].rdata_length);
    }
    return result;
}

/* The records of one owner and type, which stand together. */
static enum result take_group(struct digesting *digesting, size_t *count)
{
    struct gathered record;

    *count = 0;
    while (gather_peek(digesting->gather, &record) == FOUND_YES) {
        const struct gathered *first = digesting->group;
        if (*count &&
            (record.type != first->type ||
             !store_key_equal(record.key, record.key_length, first->key, first->key_length)))
            break;
        if (*count == digesting->group_capacity) {
            size_t capacity = *count ? *count * 2 : 16;
            struct gathered *more = reallocarray(digesting->group, capacity, sizeof *more);
            if (!more)
                return RESULT_SYSTEM;
            digesting->group = more;
            digesting->group_capacity = capacity;
        }
        digesting->group[(*count)++] = record;
        digesting->gather->next++;
    }
    return RESULT_OK;
}

static enum result walk(struct digesting *digesting)
{
    size_t count;
    enum result result = RESULT_OK;

    digesting->gather->next = 0;
    while (!result && !(result = take_group(digesting, &count)) && count) {
        result =
            name_key_read(digesting->group->key, digesting->group->key_length, &digesting->owner);
        if (!result)
            result = add_group(digesting, count);
    }
    return result;
}

/* ---- the verdict ------------------------------------------------------------------------------
 */

/* Whether a claim is true. */
static enum result compare(struct digesting *digesting, unsigned wanted, bool *right)
{
    uint8_t hashes[DIGESTS][DIGEST_MAX_OCTETS];
    enum result result = RESULT_OK;

    *right = false;
    for (unsigned digest = 0; digest < DIGESTS && !result; digest++) {
        if (wanted & 1U << digest)
            result = zonemd_finish(&digesting->sum, (enum digest)digest, hashes[digest]);
    }
    for (size_t i = 0; i < digesting->count && !result; i++) {
        const struct zonemd *claim = &digesting->claims[i];
        enum digest digest = claimed(digesting, claim);
        *right |= digest && claim->serial == digesting->serial &&
                  memcmp(hashes[digest], claim->digest, claim->length) == 0;
    }
    return result;
}

static enum result verify(struct digesting *digesting, unsigned wanted, bool *right)
{
    enum result result = zonemd_open(&digesting->sum, wanted);

    if (!result)
        result = walk(digesting);
    if (!result)
        result = compare(digesting, wanted, right);
    zonemd_close(&digesting->sum);
    return result;
}

static enum hold_reason judge_unverified(const struct digesting *digesting,
                                         const struct zonemd *stale, enum config_zonemd policy,
                                         char text[HOLD_TEXT])
{
    if (stale)
        (void)snprintf(text, HOLD_TEXT, "its ZONEMD is for serial %lu, not for %lu",
                       (unsigned long)stale->serial, (unsigned long)digesting->serial);
    else if (digesting->count)
        (void)snprintf(text, HOLD_TEXT,
                       "none of its ZONEMD records can be verified: no scheme and hash is known "
                       "and there once");
    else if (policy == CONFIG_ZONEMD_REQUIRE)
        (void)snprintf(text, HOLD_TEXT, "it has no ZONEMD, which is required");
    return stale || policy == CONFIG_ZONEMD_REQUIRE ? HOLD_ZONEMD : HOLD_NONE;
}

enum result load_digest(struct gather *gather, const struct name *apex, enum config_zonemd policy,
                        enum hold_reason *hold, char text[HOLD_TEXT])
{
    struct digesting digesting = {.gather = gather};
    struct writer writer = writer_over(digesting.apex, sizeof digesting.apex);
    const struct zonemd *stale;
    enum result result = RESULT_OK;
    bool right = false;

    text[0] = '\0';
    *hold = HOLD_NONE;
    if (policy == CONFIG_ZONEMD_IGNORE)
        return RESULT_OK;
    name_key_write(&writer, apex);
    digesting.apex_length = writer.length;
    read_apex(&digesting);
    unsigned wanted = list_wanted(&digesting, &stale);
    if (wanted)
        result = verify(&digesting, wanted, &right);
    else
        *hold = judge_unverified(&digesting, stale, policy, text);
    if (!result && wanted && !right) {
        *hold = HOLD_ZONEMD;
        (void)snprintf(text, HOLD_TEXT,
                       "its ZONEMD is wrong: the digest of its records is another one");
    }
    free(digesting.group);
    gather->next = 0;
    return result;
}
