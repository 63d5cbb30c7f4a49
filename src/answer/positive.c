/* positive.c - the name has records, its own or a wildcard's. */
#include "making.h"

static bool is_expanded(const struct making *making)
{
    return making->place.place == PLACE_WILDCARD;
}

/* RFC 4035 section 3.1.3.3: who gets records of a wildcard is shown that the name itself is not
 * there. Nothing is denied to the others, but the chain must agree. */
static void put_expanded(struct making *making, const struct rrset_view *rrset)
{
    making_put(making, SECTION_ANSWER, &making->name, &making->place.node, rrset);
    if (is_expanded(making))
        proof_expanded(making);
}

static enum step no_data(struct making *making)
{
    if (is_expanded(making))
        negative_wildcard_no_data(making);
    else
        negative_no_data(making);
    return STEP_DONE;
}

/*
 * One RRset, for those who ask for any (RFC 8482 section 4.1): the smallest, NSEC only if there is
 * nothing else. What is kept apart is too large to be chosen while there is another.
 */
static bool choose(const struct node_view *node, struct rrset_view *chosen)
{
    LEFT_UNSET struct rrset_view row;
    uint64_t best = UINT64_MAX;

    for (struct reader rows = node->rows; node_next(&rows, &row);) {
        uint64_t size = (uint64_t)row.rdata.length + row.signatures.length;
        if (row.type == TYPE_NSEC || row.apart)
            size |= UINT64_C(1) << 40;
        if (size < best) {
            best = size;
            *chosen = row;
        }
    }
    return best < UINT64_MAX;
}

static enum step answer_any(struct making *making)
{
    LEFT_UNSET struct rrset_view rrset;

    if (!choose(&making->place.node, &rrset))
        return no_data(making);
    if (node_fetch(&making->place.node, &rrset))
        making->corrupt = true;
    else
        put_expanded(making, &rrset);
    return STEP_DONE;
}

/* As for ANY: the signatures of one RRset. They are data here, whether or not DO was set. */
static enum step answer_rrsig(struct making *making)
{
    LEFT_UNSET struct rrset_view rrset;

    if (!choose(&making->place.node, &rrset))
        return no_data(making);
    if (node_fetch(&making->place.node, &rrset)) {
        making->corrupt = true;
        return STEP_DONE;
    }
    making_put_rrsigs(making, &making->name, &making->place.node, &rrset);
    if (is_expanded(making))
        proof_expanded(making);
    return STEP_DONE;
}

static enum step answer_alias(struct making *making)
{
    LEFT_UNSET struct rrset_view cname;

    switch (node_find(&making->place.node, TYPE_CNAME, &cname)) {
    case RECORD_THERE:
        put_expanded(making, &cname);
        return chase_cname(making, &cname);
    case RECORD_ABSENT:
        return no_data(making);
    default:
        making->corrupt = true;
        return STEP_DONE;
    }
}

enum step positive_answer(struct making *making)
{
    LEFT_UNSET struct rrset_view rrset;

    if (making->type == TYPE_ANY)
        return answer_any(making);
    if (making->type == TYPE_RRSIG && making->prove)
        return answer_rrsig(making);
    switch (node_find(&making->place.node, making->type, &rrset)) {
    case RECORD_THERE:
        put_expanded(making, &rrset);
        return STEP_DONE;
    case RECORD_ABSENT:
        return chase_follows(making->type) ? answer_alias(making) : no_data(making);
    default:
        making->corrupt = true;
        return STEP_DONE;
    }
}
