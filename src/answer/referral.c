/* referral.c - a cut: NS, DS or the proof that there is none, and glue. */
#include "making.h"

/* An address RRset of a name server. False when it does not fit. */
static bool put_glue(struct making *making, const struct name *server, const struct node_view *node,
                     uint16_t type)
{
    LEFT_UNSET struct rrset_view addresses;

    switch (node_find(node, type, &addresses)) {
    case RECORD_THERE:
        return making_put_unsigned(making, SECTION_ADDITIONAL, server, &addresses);
    case RECORD_ABSENT:
        return true;
    default:
        making->corrupt = true;
        return true;
    }
}

/*
 * The addresses of one name server. What is below this cut is required (RFC 9471 section 3.1); what
 * is below another cut of the zone may be needed to get out of a circle, and is put when it fits
 * (section 3.2). Others the resolver can ask for.
 */
static void put_server(struct making *making, const struct name *cut, const struct name *server)
{
    LEFT_UNSET struct node_view node;
    bool required = name_is_within(server, cut);

    if (!required && !name_is_within(server, &making->zone->apex))
        return;
    switch (lookup_node(making->answerer->snapshot, making->zone->version, server, &node)) {
    case RECORD_ABSENT:
        return;
    case RECORD_CORRUPT:
        making->corrupt = true;
        return;
    case RECORD_THERE:
        break;
    }
    if (!required && !(node.flags & (NODE_BELOW_CUT | NODE_CUT)))
        return;
    bool fits = put_glue(making, server, &node, TYPE_A);
    fits = put_glue(making, server, &node, TYPE_AAAA) && fits;
    if (required && !fits)
        making->glue_left_out = true;
}

static void put_servers(struct making *making, const struct name *cut, const struct rrset_view *ns,
                        bool within)
{
    struct reader run = rdata_run_reader(&ns->rdata), rdata;
    LEFT_UNSET struct name server;

    while (rdata_next(&run, &rdata)) {
        name_read_plain(&rdata, &server);
        if (reader_finish(&rdata)) {
            making->corrupt = true;
            return;
        }
        if (name_is_within(&server, cut) == within)
            put_server(making, cut, &server);
    }
}

/* RFC 4035 section 3.1.4: DS, or the proof that there is none. */
static void put_security(struct making *making, const struct name *cut)
{
    LEFT_UNSET struct rrset_view ds;

    if (!making->prove)
        return;
    switch (node_find(&making->place.node, TYPE_DS, &ds)) {
    case RECORD_THERE:
        if (making->sign)
            making_put(making, SECTION_AUTHORITY, cut, &making->place.node, &ds);
        break;
    case RECORD_ABSENT:
        if (!making->sign)
            return; /* a referral denies nothing to those who cannot see the proof */
        if (making->place.place == PLACE_WILDCARD)
            proof_wildcard_no_type(making, TYPE_DS);
        else
            proof_no_type(making, TYPE_DS);
        break;
    default:
        making->corrupt = true;
    }
}

void referral_answer(struct making *making)
{
    LEFT_UNSET struct rrset_view ns;
    LEFT_UNSET struct name cut;
    bool expanded = making->place.place == PLACE_WILDCARD;

    making->outcome->kind = ANSWER_REFERRAL;
    if (making->links == 0)
        making->authoritative = false; /* RFC 1034 section 4.3.2 step 3b */
    if (node_find(&making->place.node, TYPE_NS, &ns) != RECORD_THERE) {
        making->corrupt = true;
        return;
    }
    /* NS of a wildcard are undefined (RFC 4592 section 4.2): the name itself becomes the cut. */
    name_suffix(&making->name, expanded ? making->name.labels : making->place.encloser_labels,
                &cut);
    making->truncated |= !making_put_unsigned(making, SECTION_AUTHORITY, &cut, &ns);
    put_security(making, &cut);
    making_put_proofs(making);
    if (making->truncated)
        return;
    put_servers(making, &cut, &ns, true); /* what is required goes first */
    put_servers(making, &cut, &ns, false);
}
