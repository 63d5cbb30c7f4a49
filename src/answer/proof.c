/*
 * proof.c - which NSEC or NSEC3 records deny what is not there (RFC 4035 section 3.1.3, RFC 5155
 * section 7.2).
 *
 * Every denial in a signed zone goes through here, also when the answer will not carry the proof:
 * what the nodes say is absent must be denied by a record of the chain. Where the two contradict
 * each other the zone is damaged, and that is never answered by NXDOMAIN.
 */
#include <string.h>

#include "avow/dnssec/nsec.h"
#include "avow/dnssec/nsec3.h"

#include "making.h"

/* ---- what both kinds share ------------------------------------------------------------------ */

/* Keep a record for the authority section, unless it is there. */
static void keep(struct making *making, const uint8_t *key, uint16_t key_length,
                 const struct rrset_view *rrset)
{
    if (!making->sign ||
        (making->piece && key_length == NODE_HASH_OCTETS && piece_has(making->piece, key)))
        return;
    for (unsigned i = 0; i < making->proof_count; i++)
        if (making->proofs[i].key == key) /* pointers into the same snapshot */
            return;
    if (making->proof_count == MAKING_PROOFS) {
        making->corrupt = true; /* each link keeps one, the end at most five */
        return;
    }
    making->proofs[making->proof_count++] =
        (struct proof){.zone = making->zone, .key = key, .key_length = key_length, .rrset = *rrset};
}

/* The RDATA behind the fields that chain.c has checked; empty when malformed. */
static struct reader single_rdata(const struct rrset_view *rrset)
{
    struct reader run = rdata_run_reader(&rrset->rdata), rdata = reader_over(NULL, 0);

    (void)rdata_next(&run, &rdata);
    return rdata;
}

/* A denial of this type must not have it in its bitmap; nor CNAME, which would answer it. */
static void check_types(struct making *making, const uint8_t *bitmap, size_t length, uint16_t type)
{
    if (!bitmap || nsec_bitmap_has(bitmap, length, type) ||
        (chase_follows(type) && nsec_bitmap_has(bitmap, length, TYPE_CNAME)))
        making->corrupt = true;
}

/* ---- NSEC3 ---------------------------------------------------------------------------------- */

static void hash_suffix(const struct making *making, const struct name *name, unsigned labels,
                        uint8_t hash[NODE_HASH_OCTETS])
{
    const struct served_zone *zone = making->zone;
    LEFT_UNSET struct nsec3_parameters parameters;
    unsigned at = 0;

    parameters.algorithm = NSEC3_SHA1;
    parameters.flags = 0;
    parameters.iterations = zone->iterations;
    parameters.salt_length = zone->salt_length;
    if (zone->salt_length)
        memcpy(parameters.salt, zone->salt, zone->salt_length);
    for (unsigned skip = name->labels - labels; skip > 0; skip--)
        at += name->octets[at] + 1U;
    nsec3_hash_octets(&parameters, name->octets + at, name->length - (size_t)at, hash);
}

/* Find the record for a hash; CHAIN_CORRUPT is noted. */
static enum chain find_nsec3(struct making *making, const uint8_t *hash, struct chain_nsec3 *nsec3)
{
    enum chain found = chain_nsec3(making->answerer->snapshot, making->zone->version, hash, nsec3);

    if (found == CHAIN_CORRUPT)
        making->corrupt = true;
    return found;
}

static void keep_nsec3(struct making *making, const struct chain_nsec3 *nsec3)
{
    keep(making, nsec3->hash, NODE_HASH_OCTETS, &nsec3->rrset);
}

/* The name with this hash does not exist. Returns whether the record is one of opt-out. */
static bool cover_nsec3(struct making *making, const uint8_t *hash)
{
    LEFT_UNSET struct chain_nsec3 nsec3;

    if (find_nsec3(making, hash, &nsec3) != CHAIN_COVER) {
        making->corrupt = true;
        return false;
    }
    keep_nsec3(making, &nsec3);
    return nsec3.opt_out;
}

static void check_nsec3_types(struct making *making, const struct chain_nsec3 *nsec3, uint16_t type)
{
    struct reader rdata = single_rdata(&nsec3->rrset);
    const uint8_t *bitmap = nsec3->next + NODE_HASH_OCTETS;

    if (type != TYPE_NONE)
        check_types(making, bitmap, (size_t)(rdata.end - bitmap), type);
}

/* Whether the name with this hash has a record, which is kept. `type` is what it must not have;
 * TYPE_NONE: any. */
static enum chain match_nsec3(struct making *making, const uint8_t *hash, uint16_t type)
{
    LEFT_UNSET struct chain_nsec3 nsec3;
    enum chain found = find_nsec3(making, hash, &nsec3);

    if (found == CHAIN_MATCH) {
        check_nsec3_types(making, &nsec3, type);
        keep_nsec3(making, &nsec3);
    } else if (found == CHAIN_COVER && !nsec3.opt_out) {
        making->corrupt = true; /* it exists, and the chain says it does not */
    }
    return found;
}

/*
 * Show that an ancestor of the name exists: the one with `labels` labels, or, under opt-out, the
 * next above it that has a record (RFC 5155 section 7.2.1). Returns its labels.
 */
static unsigned prove_encloser(struct making *making, unsigned labels, const uint8_t *known)
{
    uint8_t hash[NODE_HASH_OCTETS];

    if (known)
        memcpy(hash, known, sizeof hash);
    else
        hash_suffix(making, &making->name, labels, hash);
    while (match_nsec3(making, hash, TYPE_NONE) == CHAIN_COVER && !making->corrupt) {
        if (labels == making->zone->apex.labels)
            making->corrupt = true; /* the apex always has one */
        else
            hash_suffix(making, &making->name, --labels, hash);
    }
    return labels;
}

/* ... and that the name one label longer does not. When it does exist and only has no record, what
 * covers it must be a record of opt-out. */
static void deny_next_closer(struct making *making, unsigned labels, bool may_exist)
{
    uint8_t hash[NODE_HASH_OCTETS];

    if (making->corrupt)
        return;
    hash_suffix(making, &making->name, labels + 1, hash);
    if (!cover_nsec3(making, hash) && may_exist)
        making->corrupt = true;
}

/* `*.` before the last `labels` labels of the name. */
static void hash_wildcard(const struct making *making, unsigned labels,
                          uint8_t hash[NODE_HASH_OCTETS])
{
    LEFT_UNSET struct name encloser, wildcard;

    name_suffix(&making->name, labels, &encloser);
    if (name_wildcard_of(&encloser, &wildcard)) /* such a name cannot exist: nor can it be hashed */
        name_copy(&wildcard, &encloser);
    hash_suffix(making, &wildcard, wildcard.labels, hash);
}

static void nsec3_no_type(struct making *making, uint16_t type)
{
    const struct node_view *node = &making->place.node;
    unsigned labels = making->place.encloser_labels;
    uint8_t hash[NODE_HASH_OCTETS];

    if (node->hash)
        memcpy(hash, node->hash, sizeof hash);
    else
        hash_suffix(making, &making->name, labels, hash);
    if (match_nsec3(making, hash, type) != CHAIN_COVER || making->corrupt)
        return;
    /* Opt-out: an insecure delegation, or a name that only leads to such (section 7.2.4). */
    if (labels == making->zone->apex.labels)
        making->corrupt = true;
    else
        deny_next_closer(making, prove_encloser(making, labels - 1, NULL), true);
}

static void nsec3_no_name_shared(struct making *making)
{
    const struct lookup *place = &making->place;
    const uint8_t *wildcard = place->encloser.wildcard_hash;
    unsigned labels = prove_encloser(making, place->encloser_labels, place->encloser.hash);
    uint8_t hash[NODE_HASH_OCTETS];

    making->provable_labels = (uint8_t)labels;
    if (making->corrupt)
        return;
    if (!wildcard || labels != place->encloser_labels) {
        hash_wildcard(making, labels, hash);
        wildcard = hash;
    }
    (void)cover_nsec3(making, wildcard);
}

/* RFC 5155 section 7.2.5. */
static void nsec3_wildcard_no_type(struct making *making, uint16_t type)
{
    const struct lookup *place = &making->place;
    const uint8_t *wildcard = place->node.hash;
    uint8_t hash[NODE_HASH_OCTETS];

    unsigned labels = prove_encloser(making, place->encloser_labels, place->encloser.hash);

    deny_next_closer(making, labels, labels < place->encloser_labels);
    if (making->corrupt)
        return;
    if (!wildcard) {
        hash_wildcard(making, place->encloser_labels, hash);
        wildcard = hash;
    }
    (void)match_nsec3(making, wildcard, type);
}

/* ---- NSEC ----------------------------------------------------------------------------------- */

static void prove_nsec(struct making *making, const struct name *name, enum chain expected,
                       uint16_t type)
{
    LEFT_UNSET struct chain_nsec nsec;
    LEFT_UNSET struct nsec fields;
    enum chain found = chain_nsec(making->answerer->snapshot, making->zone->version,
                                  &making->zone->apex, name, &nsec);
    struct reader rdata;

    if (found != expected) {
        making->corrupt = true;
        return;
    }
    if (found == CHAIN_MATCH) {
        rdata = single_rdata(&nsec.rrset);
        if (nsec_read(&rdata, &fields))
            making->corrupt = true;
        else
            check_types(making, fields.bitmap, fields.bitmap_length, type);
    }
    keep(making, nsec.owner.key, nsec.owner.key_length, &nsec.rrset);
}

/* An empty non-terminal has no NSEC; the one that covers it leads below it (RFC 4035 section
 * 3.1.3.2). */
static enum chain nsec_of(const struct node_view *node)
{
    return node->count == 0 ? CHAIN_COVER : CHAIN_MATCH;
}

static void nsec_of_wildcard(struct making *making, enum chain expected, uint16_t type)
{
    LEFT_UNSET struct name encloser, wildcard;

    name_suffix(&making->name, making->place.encloser_labels, &encloser);
    if (name_wildcard_of(&encloser, &wildcard) == RESULT_OK)
        prove_nsec(making, &wildcard, expected, type);
    /* else no wildcard can be there: nothing is left to be denied */
}

/* ---- what is to be proved ------------------------------------------------------------------- */

static bool by_nsec3(const struct making *making)
{
    return making->zone->flags & ZONE_NSEC3;
}

void proof_no_type(struct making *making, uint16_t type)
{
    LEFT_UNSET struct name cut;

    if (!making->prove)
        return;
    if (by_nsec3(making)) {
        nsec3_no_type(making, type);
        return;
    }
    name_suffix(&making->name, making->place.encloser_labels, &cut);
    prove_nsec(making, &cut, nsec_of(&making->place.node), type);
}

void proof_expanded(struct making *making)
{
    uint8_t hash[NODE_HASH_OCTETS];

    if (!making->prove)
        return;
    if (by_nsec3(making)) {
        hash_suffix(making, &making->name, making->place.encloser_labels + 1, hash);
        (void)cover_nsec3(making, hash);
    } else {
        prove_nsec(making, &making->name, CHAIN_COVER, TYPE_NONE);
    }
}

void proof_wildcard_no_type(struct making *making, uint16_t type)
{
    if (!making->prove)
        return;
    if (by_nsec3(making)) {
        nsec3_wildcard_no_type(making, type);
        return;
    }
    prove_nsec(making, &making->name, CHAIN_COVER, TYPE_NONE);
    nsec_of_wildcard(making, nsec_of(&making->place.node), type);
}

bool proof_no_name_shared(struct making *making)
{
    if (!by_nsec3(making))
        return false;
    nsec3_no_name_shared(making);
    return making->provable_labels == making->place.encloser_labels;
}

void proof_no_name_own(struct making *making)
{
    unsigned labels = making->provable_labels;

    if (!making->prove)
        return;
    if (by_nsec3(making)) {
        deny_next_closer(making, labels, labels < making->place.encloser_labels);
        return;
    }
    prove_nsec(making, &making->name, CHAIN_COVER, TYPE_NONE);
    nsec_of_wildcard(making, CHAIN_COVER, TYPE_NONE);
}
