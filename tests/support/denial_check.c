/* denial_check.c - do these NSEC or NSEC3 records prove what an answer claims? */
#include "denial_check.h"

#include <openssl/evp.h>
#include <string.h>

#include "avow/wire/codec.h"
#include "avow/wire/type.h"

const char *denial_proof_text(enum denial_proof proof)
{
    static const char *const texts[] = {"nothing", "NXDOMAIN", "NODATA", "wildcard NODATA",
                                        "opted out"};
    return texts[proof];
}

/* ---- records ------------------------------------------------------------------------------- */

struct types {
    const uint8_t *octets;
    size_t length;
};

struct parsed {
    struct name owner;
    struct types types;
    struct name next; /* NSEC */
    uint8_t own[20];  /* NSEC3: the owner's hash */
    uint8_t next_hash[20];
    bool opt_out;
    unsigned iterations;
    const uint8_t *salt;
    uint8_t salt_length;
};

static bool has(const struct types *types, uint16_t type)
{
    size_t at = 0;

    while (at + 2 <= types->length) {
        unsigned window = types->octets[at], size = types->octets[at + 1];
        unsigned place = (type % 256) / 8;
        if (at + 2 + size > types->length)
            return false;
        if (window == type / 256)
            return place < size && (types->octets[at + 2 + place] >> (7 - type % 8)) % 2 == 1;
        at += 2 + size;
    }
    return false;
}

/* A delegation as the parent sees it: it says nothing of what is below or beside its NS and DS. */
static bool is_cut(const struct types *types)
{
    return has(types, TYPE_NS) && !has(types, TYPE_SOA);
}

static bool parse_nsec(const struct denial_record *record, struct parsed *nsec)
{
    struct reader rdata = reader_over(record->rdata, record->length);

    if (record->type != TYPE_NSEC)
        return false;
    *nsec = (struct parsed){.owner = record->owner};
    name_read_plain(&rdata, &nsec->next);
    nsec->types.length = reader_left(&rdata);
    nsec->types.octets = reader_take(&rdata, nsec->types.length);
    return !rdata.failed;
}

static bool parse_nsec3(const struct denial_evidence *evidence, const struct denial_record *record,
                        struct parsed *nsec3)
{
    struct reader rdata = reader_over(record->rdata, record->length);
    struct writer own = writer_over(nsec3->own, 20);

    if (record->type != TYPE_NSEC3)
        return false;
    if (record->owner.labels != evidence->apex.labels + 1 ||
        !name_is_within(&record->owner, &evidence->apex) || record->owner.octets[0] != 32 ||
        base32hex_read((const char *)record->owner.octets + 1, 32, &own))
        return false;
    nsec3->owner = record->owner;
    if (reader_u8(&rdata) != 1)
        return false;
    uint8_t flags = reader_u8(&rdata);
    if (flags > 1) /* RFC 5155 section 8.2 */
        return false;
    nsec3->opt_out = flags == 1;
    nsec3->iterations = reader_u16(&rdata);
    nsec3->salt_length = reader_u8(&rdata);
    nsec3->salt = reader_take(&rdata, nsec3->salt_length);
    if (reader_u8(&rdata) != 20)
        return false;
    const uint8_t *next = reader_take(&rdata, 20);
    nsec3->types.length = reader_left(&rdata);
    nsec3->types.octets = reader_take(&rdata, nsec3->types.length);
    if (next)
        memcpy(nsec3->next_hash, next, 20);
    return !rdata.failed;
}

static bool uses_nsec3(const struct denial_evidence *evidence)
{
    for (size_t i = 0; i < evidence->count; i++)
        if (evidence->records[i].type == TYPE_NSEC3)
            return true;
    return false;
}

/* ---- NSEC ---------------------------------------------------------------------------------- */

static bool nsec_matching(const struct denial_evidence *evidence, const struct name *name,
                          struct parsed *found)
{
    for (size_t i = 0; i < evidence->count; i++)
        if (parse_nsec(&evidence->records[i], found) && name_equal(&found->owner, name))
            return true;
    return false;
}

/* An NSEC whose span holds the name, and which may speak of it: the parent's side of a cut, or a
 * DNAME, denies nothing below itself (RFC 6840 section 4.1). */
static bool nsec_covering(const struct denial_evidence *evidence, const struct name *name,
                          struct parsed *found)
{
    for (size_t i = 0; i < evidence->count; i++) {
        if (!parse_nsec(&evidence->records[i], found) ||
            !name_is_within(&found->owner, &evidence->apex))
            continue;
        bool last = name_equal(&found->next, &evidence->apex);
        if (name_compare(&found->owner, name) >= 0 ||
            (!last && name_compare(name, &found->next) >= 0))
            continue;
        if (name_is_within(name, &found->owner) &&
            (is_cut(&found->types) || has(&found->types, TYPE_DNAME)))
            continue;
        return true;
    }
    return false;
}

/* A name that has itself no record but has names below it. */
static bool nsec_empty_non_terminal(const struct parsed *cover, const struct name *name)
{
    return name_is_within(&cover->next, name);
}

/* The type is denied by the record of the name itself (RFC 4035 section 5.4, RFC 6840 4.1, 4.3). */
static bool type_denied(const struct types *types, const struct name *name, const struct name *apex,
                        uint16_t type)
{
    if (has(types, type) || has(types, TYPE_CNAME))
        return false;
    if (type == TYPE_DS)
        return !has(types, TYPE_SOA) || name_equal(name, apex);
    return !is_cut(types);
}

static unsigned larger(unsigned a, unsigned b)
{
    return a > b ? a : b;
}

static struct denial nsec_check(const struct denial_evidence *evidence, const struct name *name,
                                uint16_t type)
{
    struct denial nothing = {DENIAL_NOTHING, false};
    struct parsed nsec, star;
    struct name encloser, wildcard;

    if (nsec_matching(evidence, name, &nsec)) {
        bool denied = type_denied(&nsec.types, name, &evidence->apex, type);
        return denied ? (struct denial){DENIAL_NODATA, false} : nothing;
    }
    if (!nsec_covering(evidence, name, &nsec))
        return nothing;
    if (nsec_empty_non_terminal(&nsec, name))
        return (struct denial){DENIAL_NODATA, false};

    /* Whatever of the name also stands in a neighbour exists. */
    name_suffix(name,
                larger(name_common_labels(name, &nsec.owner), name_common_labels(name, &nsec.next)),
                &encloser);
    if (name_wildcard_of(&encloser, &wildcard))
        return nothing;
    if (nsec_matching(evidence, &wildcard, &star)) {
        bool denied = type_denied(&star.types, &wildcard, &evidence->apex, type);
        return denied ? (struct denial){DENIAL_WILDCARD_NODATA, false} : nothing;
    }
    if (!nsec_covering(evidence, &wildcard, &star))
        return nothing;
    if (nsec_empty_non_terminal(&star, &wildcard))
        return (struct denial){DENIAL_WILDCARD_NODATA, false};
    return (struct denial){DENIAL_NXDOMAIN, false};
}

/* ---- NSEC3 --------------------------------------------------------------------------------- */

static bool hash_of(const struct parsed *like, const struct name *name, uint8_t hash[20])
{
    uint8_t octets[NAME_MAX_OCTETS + 255];
    struct name lower = *name;
    size_t length = name->length;

    name_lower(&lower);
    memcpy(octets, lower.octets, length);
    for (unsigned round = 0; round <= like->iterations; round++) {
        if (like->salt_length)
            memcpy(octets + length, like->salt, like->salt_length);
        if (EVP_Digest(octets, length + like->salt_length, hash, NULL, EVP_sha1(), NULL) != 1)
            return false;
        memcpy(octets, hash, 20);
        length = 20;
    }
    return true;
}

static bool nsec3_matching(const struct denial_evidence *evidence, const struct name *name,
                           struct parsed *found)
{
    uint8_t hash[20];

    for (size_t i = 0; i < evidence->count; i++)
        if (parse_nsec3(evidence, &evidence->records[i], found) && hash_of(found, name, hash) &&
            memcmp(found->own, hash, 20) == 0)
            return true;
    return false;
}

static bool nsec3_covering(const struct denial_evidence *evidence, const struct name *name,
                           struct parsed *found)
{
    uint8_t hash[20];

    for (size_t i = 0; i < evidence->count; i++) {
        if (!parse_nsec3(evidence, &evidence->records[i], found) || !hash_of(found, name, hash))
            continue;
        bool wraps = memcmp(found->own, found->next_hash, 20) >= 0;
        bool after = memcmp(hash, found->own, 20) > 0;
        bool before = memcmp(hash, found->next_hash, 20) < 0;
        bool same = memcmp(hash, found->own, 20) == 0;
        if (!same && (wraps ? after || before : after && before))
            return true;
    }
    return false;
}

/* The closest encloser proof (RFC 5155 section 8.3): *encloser exists, the name one label longer
 * does not. */
static bool closest_encloser(const struct denial_evidence *evidence, const struct name *name,
                             struct name *encloser, struct parsed *cover)
{
    struct parsed at;
    struct name next_closer;

    for (unsigned labels = name->labels; labels > evidence->apex.labels; labels--) {
        name_suffix(name, labels - 1, encloser);
        if (!nsec3_matching(evidence, encloser, &at))
            continue;
        if (is_cut(&at.types) || has(&at.types, TYPE_DNAME))
            return false;
        name_suffix(name, labels, &next_closer);
        return nsec3_covering(evidence, &next_closer, cover);
    }
    return false;
}

static struct denial nsec3_check(const struct denial_evidence *evidence, const struct name *name,
                                 uint16_t type)
{
    struct denial nothing = {DENIAL_NOTHING, false};
    struct parsed at, cover, star;
    struct name encloser, wildcard;

    if (nsec3_matching(evidence, name, &at)) {
        bool denied = type_denied(&at.types, name, &evidence->apex, type);
        return denied ? (struct denial){DENIAL_NODATA, false} : nothing;
    }
    if (!closest_encloser(evidence, name, &encloser, &cover) ||
        name_wildcard_of(&encloser, &wildcard))
        return nothing;
    if (nsec3_matching(evidence, &wildcard, &star)) {
        bool denied = type_denied(&star.types, &wildcard, &evidence->apex, type);
        return denied ? (struct denial){DENIAL_WILDCARD_NODATA, cover.opt_out} : nothing;
    }
    if (nsec3_covering(evidence, &wildcard, &star))
        return (struct denial){DENIAL_NXDOMAIN, cover.opt_out};
    if (type == TYPE_DS && cover.opt_out)
        return (struct denial){DENIAL_OPTED_OUT, true};
    return nothing;
}

/* ---- questions ----------------------------------------------------------------------------- */

struct denial denial_check(const struct denial_evidence *evidence, const struct name *name,
                           uint16_t type)
{
    if (!name_is_within(name, &evidence->apex))
        return (struct denial){DENIAL_NOTHING, false};
    return uses_nsec3(evidence) ? nsec3_check(evidence, name, type)
                                : nsec_check(evidence, name, type);
}

bool denial_check_expansion(const struct denial_evidence *evidence, const struct name *name,
                            unsigned labels)
{
    struct parsed cover;
    struct name next_closer;

    if (labels >= name->labels || labels < evidence->apex.labels)
        return false;
    name_suffix(name, labels + 1, &next_closer);
    if (uses_nsec3(evidence))
        return nsec3_covering(evidence, &next_closer, &cover);
    /* With NSEC the name itself is denied, and nothing between it and the wildcard's parent. */
    return nsec_covering(evidence, name, &cover) &&
           name_common_labels(name, &cover.owner) <= labels &&
           name_common_labels(name, &cover.next) <= labels;
}

bool denial_check_unsigned_cut(const struct denial_evidence *evidence, const struct name *cut)
{
    struct parsed at, cover;
    struct name encloser;
    bool nsec3 = uses_nsec3(evidence);

    if (nsec3 ? nsec3_matching(evidence, cut, &at) : nsec_matching(evidence, cut, &at))
        return is_cut(&at.types) && !has(&at.types, TYPE_DS);
    return nsec3 && closest_encloser(evidence, cut, &encloser, &cover) && cover.opt_out;
}
