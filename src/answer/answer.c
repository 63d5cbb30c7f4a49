/* answer.c - the pipeline: zone, place, then the one way to answer that belongs to it. */
#include "avow/answer/answer.h"

#include <string.h>

#include "making.h"

/* Added to the hash of a name, so that what answers share is charged apart from the name itself. */
enum charge { CHARGE_NAME, CHARGE_WILDCARD, CHARGE_ZONE, CHARGE_CUT };

/* Eight octets in lower case at once: bit 7 of each octet tells where to set bit 5. The sums are of
 * seven bits each, so no octet carries into its neighbour. */
static uint64_t lower_eight(uint64_t word)
{
    const uint64_t each = UINT64_C(0x0101010101010101);
    uint64_t low = word & each * 0x7f;
    uint64_t from_a = low + each * (0x80 - 'A'), past_z = low + each * (0x7f - 'Z');

    return word | ((from_a ^ past_z) & ~word & each * 0x80) >> 2;
}

/* Every query pays for this once: length octets are below 'A', so labels need not be looked at. */
static void copy_lower(struct name *to, const struct name *from)
{
    unsigned i = 0;

    to->length = from->length;
    to->labels = from->labels;
    for (; i + 8 <= from->length; i += 8) {
        uint64_t word;
        memcpy(&word, from->octets + i, sizeof word);
        word = lower_eight(word);
        memcpy(to->octets + i, &word, sizeof word);
    }
    for (; i < from->length; i++)
        to->octets[i] = octet_lower(from->octets[i]);
}

uint64_t making_hash(const struct making *making, const struct name *name)
{
    LEFT_UNSET struct name lowered;

    copy_lower(&lowered, name);
    return hash_octets(&making->answerer->charge_key, lowered.octets, lowered.length);
}

const struct served_zone *answer_zone_of(const struct answerer *answerer, const struct name *name,
                                         uint16_t type)
{
    const struct zone_table *zones = answerer->zones;
    const struct served_zone *zone = zone_table_find(zones, name);

    /* DS belongs to the parent's side of a cut (RFC 4035 section 3.1.4.1). */
    if (zone && type == TYPE_DS && zone->apex.length == name->length) {
        const struct served_zone *parent = zone_table_find_parent(zones, name);
        if (parent)
            return parent;
    }
    return zone;
}

void making_enter(struct making *making, const struct served_zone *zone)
{
    making->zone = zone;
    making->prove = zone->flags & ZONE_SIGNED;
    making->sign = making->prove && making->query->edns.dnssec_ok;
}

/* Whom a rate limiter charges, by what was found for the question's own name. */
static void charge(struct making *making)
{
    LEFT_UNSET struct name name;
    enum charge by = CHARGE_NAME;
    unsigned labels = making->place.encloser_labels;

    switch (making->place.place) {
    case PLACE_WILDCARD:
        by = CHARGE_WILDCARD;
        break;
    case PLACE_ABSENT:
        by = CHARGE_ZONE;
        labels = making->zone->apex.labels;
        break;
    case PLACE_CUT_ABOVE:
    case PLACE_DNAME_ABOVE:
        by = CHARGE_CUT;
        break;
    default:
        making->outcome->charge = making->name_hash;
        return;
    }
    name_suffix(&making->name, labels, &name);
    making->outcome->charge = making_hash(making, &name) + by;
}

/* The name exists, or a wildcard stands for it. */
static enum step answer_node(struct making *making)
{
    const struct node_view *node = &making->place.node;

    if (node->flags & NODE_CUT && making->type != TYPE_DS) {
        referral_answer(making);
        return STEP_DONE;
    }
    if (node->count)
        return positive_answer(making);
    if (making->place.place == PLACE_WILDCARD) /* `*` as an empty non-terminal, RFC 4592 2.2.2 */
        negative_wildcard_no_data(making);
    else
        negative_no_data(making);
    return STEP_DONE;
}

static enum step answer_place(struct making *making)
{
    switch (making->place.place) {
    case PLACE_EXACT:
    case PLACE_EMPTY:
    case PLACE_WILDCARD:
        return answer_node(making);
    case PLACE_CUT_ABOVE:
        referral_answer(making);
        return STEP_DONE;
    case PLACE_DNAME_ABOVE:
        return chase_dname(making);
    case PLACE_ABSENT:
        negative_name(making);
        return STEP_DONE;
    case PLACE_CORRUPT:
        break;
    }
    making->corrupt = true;
    return STEP_DONE;
}

static void answer_zone(struct making *making, const struct served_zone *zone)
{
    enum step step = STEP_AGAIN;

    making_enter(making, zone);
    making->authoritative = making->query->question.class_ == CLASS_IN;
    while (step == STEP_AGAIN) {
        lookup_name(making->answerer->snapshot, making->zone->version, &making->name,
                    &making->place);
        if (making->links == 0)
            charge(making);
        step = answer_place(making);
    }
    if (making->outcome->kind != ANSWER_REFERRAL) /* there they come before the glue */
        making_put_proofs(making);
}

static void begin(struct making *making, const struct answerer *answerer, const struct query *query,
                  const struct answer_facts *facts, struct outcome *outcome)
{
    making->answerer = answerer;
    making->query = query;
    making->facts = facts;
    making->outcome = outcome;
    making->zone = NULL;
    making->now = facts->now;
    making->expires = UINT64_MAX;
    making->type = query->question_end > MESSAGE_HEADER_OCTETS ? query->question.type : TYPE_NONE;
    making->rcode = RCODE_NOERROR;
    making->extended_error = EDE_NONE;
    making->prove = making->sign = making->authoritative = false;
    making->truncated = making->glue_left_out = making->corrupt = making->several_zones = false;
    making->links = making->proof_count = making->proofs_put = making->dname_count = 0;
    making->piece = NULL;
    outcome->verdict = ANSWER_SEND;
    outcome->kind = ANSWER_POSITIVE;
    outcome->charge = ANSWER_POSITIVE;
    outcome->truncated = outcome->from_cache = outcome->corrupt = false;
    outcome->rcode = RCODE_NOERROR;
    outcome->length = 0;
    outcome->question_end = query->question_end;
    outcome->opt_at = outcome->opt_length = 0;
    outcome->wanted_count = 0;
}

static struct kept_question kept_question_of(const struct making *making)
{
    return (struct kept_question){.name_hash = making->name_hash,
                                  .name = &making->lowered,
                                  .type = making->type,
                                  .dnssec_ok = making->query->edns.dnssec_ok};
}

/* False when there is none, or it does not fit. */
static bool answer_from_cache(struct making *making)
{
    const struct kept_question question = kept_question_of(making);
    struct kept_answer kept;
    struct builder *builder = &making->builder;

    if (!kept_find(making->answerer, &question, making->now, &kept))
        return false;
    uint8_t *body = writer_claim(&builder->writer, kept.length);
    if (!body)
        return false;
    memcpy(body, kept.body, kept.length);
    for (unsigned i = SECTION_ANSWER; i < SECTIONS; i++)
        builder->counts[i] = kept.counts[i];
    making->rcode = kept.rcode;
    making->authoritative = kept.authoritative;
    making->outcome->kind = kept.kind;
    making->outcome->charge = kept.charge;
    making->outcome->from_cache = true;
    return true;
}

static void offer_to_cache(struct making *making)
{
    const struct kept_question question = kept_question_of(making);
    const struct builder *builder = &making->builder;
    size_t start = making->start.length;

    /* Of one zone, so that one last change tells whether it is still good; and nothing left out. */
    if (making->corrupt || making->truncated || making->glue_left_out || making->several_zones ||
        making->outcome->wanted_count || making->outcome->verdict != ANSWER_SEND)
        return;
    struct kept_answer kept = {.body = builder->writer.octets + start,
                               .length = (uint16_t)(builder->writer.length - start),
                               .rcode = making->rcode,
                               .kind = (uint8_t)making->outcome->kind,
                               .authoritative = making->authoritative,
                               .charge = making->outcome->charge,
                               .made = making->now,
                               .expires = making->expires};
    memcpy(kept.counts, builder->counts, sizeof kept.counts);
    kept_offer(making->answerer, &question, making->zone, &kept);
}

static void answer_data(struct making *making)
{
    bool cacheable = making->answerer->cache && making->query->question.class_ == CLASS_IN;

    copy_lower(&making->lowered, &making->query->question.name);
    making->name_hash =
        hash_octets(&making->answerer->charge_key, making->lowered.octets, making->lowered.length);
    if (cacheable && answer_from_cache(making))
        return;
    finish_open(making);
    name_copy(&making->name, &making->query->question.name);
    const struct served_zone *zone = answer_zone_of(making->answerer, &making->name, making->type);
    if (!zone) {
        finish_error(making, RCODE_REFUSED, EDE_NOT_AUTHORITATIVE);
        return;
    }
    answer_zone(making, zone);
    if (cacheable)
        offer_to_cache(making);
}

/* A cookie alone was asked for (RFC 7873 section 5.4); where there are none, nothing was. */
static void answer_no_question(struct making *making)
{
    if (making->facts->cookie)
        finish_open(making);
    else
        finish_error(making, RCODE_FORMERR, EDE_NONE);
}

static void answer_question(struct making *making)
{
    const struct query *query = making->query;

    if (query->rcode)
        finish_error(making, query->rcode, EDE_NONE);
    else if (making->facts->bad_cookie)
        finish_error(making, RCODE_BADCOOKIE, EDE_NONE);
    else if (query->question_end == MESSAGE_HEADER_OCTETS)
        answer_no_question(making);
    else if (query->question.class_ == CLASS_IN || query->question.class_ == CLASS_ANY)
        answer_data(making);
    else if (query->question.class_ == CLASS_CH)
        chaos_answer(making);
    else
        finish_error(making, RCODE_REFUSED, EDE_NOT_SUPPORTED);
}

void answer_query(struct answerer *answerer, const struct query *query,
                  const struct answer_facts *facts, uint8_t *out, size_t size,
                  struct outcome *outcome)
{
    LEFT_UNSET struct making making;

    begin(&making, answerer, query, facts, outcome);
    finish_begin(&making, out, size);
    answer_question(&making);
    finish_end(&making);
}

void answer_refuse(const struct answerer *answerer, const struct query *query,
                   const struct answer_facts *facts, uint16_t rcode, uint16_t extended_error,
                   uint8_t *out, size_t size, struct outcome *outcome)
{
    LEFT_UNSET struct making making;

    begin(&making, answerer, query, facts, outcome);
    finish_begin(&making, out, size);
    finish_error(&making, rcode, extended_error);
    finish_end(&making);
}
