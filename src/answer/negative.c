/* negative.c - no such type, no such name: the SOA and what proves it. */
#include "making.h"

/* The last four octets of SOA RDATA: how long a denial may be remembered (RFC 2308 section 4). */
static bool soa_minimum(const struct rrset_view *soa, uint32_t *minimum)
{
    struct reader run = rdata_run_reader(&soa->rdata), rdata;

    if (!rdata_next(&run, &rdata) || reader_left(&rdata) < 4)
        return false;
    reader_take(&rdata, reader_left(&rdata) - 4);
    *minimum = reader_u32(&rdata);
    return true;
}

static bool find_apex(struct making *making, struct node_view *apex)
{
    if (making->place.encloser.flags & NODE_APEX) {
        *apex = making->place.encloser;
        return true;
    }
    return lookup_node(making->answerer->snapshot, making->zone->version, &making->zone->apex,
                       apex) == RECORD_THERE;
}

/* RFC 2308 section 3: with the lesser of its TTL and its minimum. */
static void make_soa(struct making *making)
{
    LEFT_UNSET struct node_view apex;
    LEFT_UNSET struct rrset_view soa;
    uint32_t minimum;

    if (!find_apex(making, &apex) || node_find(&apex, TYPE_SOA, &soa) != RECORD_THERE ||
        !soa_minimum(&soa, &minimum)) {
        making->corrupt = true;
        return;
    }
    if (minimum < soa.ttl)
        soa.ttl = minimum;
    making_put(making, SECTION_AUTHORITY, &making->zone->apex, &apex, &soa);
}

static void put_soa(struct making *making)
{
    bool first = making->builder.writer.length == making->start.length;

    if (piece_put(making, PIECE_SOA))
        return;
    make_soa(making);
    if (first)
        piece_keep(making, PIECE_SOA);
}

void negative_no_data(struct making *making)
{
    making->outcome->kind = ANSWER_NODATA;
    proof_no_type(making, making->type);
    put_soa(making);
}

void negative_wildcard_no_data(struct making *making)
{
    making->outcome->kind = ANSWER_NODATA;
    proof_wildcard_no_type(making, making->type);
    put_soa(making);
}

/* What is the same for all names below this encloser, from octets kept or anew. */
static void put_shared(struct making *making)
{
    bool first = making->builder.writer.length == making->start.length && making->links == 0;

    making->provable_labels = (uint8_t)making->place.encloser_labels;
    making->piece = piece_put(making, PIECE_NO_NAME);
    if (making->piece)
        return;
    put_soa(making);
    bool whole = proof_no_name_shared(making);
    if (!first || !whole)
        return;
    making_put_proofs(making);
    piece_keep(making, PIECE_NO_NAME);
}

void negative_name(struct making *making)
{
    making->outcome->kind = ANSWER_NXDOMAIN;
    making->rcode = RCODE_NXDOMAIN;
    if (making->facts->patience == ANSWER_NAMES) {
        making->outcome->verdict = ANSWER_DROP;
        return;
    }
    if (making->prove)
        put_shared(making);
    else
        put_soa(making);
    proof_no_name_own(making);
}
