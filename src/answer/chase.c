/*
 * chase.c - CNAME and DNAME, as far as the zones served here lead, and never further than
 * ANSWER_CHAIN links.
 *
 * A loop, or a longer chain, ends with what was found so far and NOERROR: the resolver that follows
 * it further finds out by itself (peers do one or the other: SERVFAIL would say that the fault is
 * here).
 */
#include <string.h>

#include "making.h"

bool chase_follows(uint16_t type)
{
    /* Asking for the alias itself, or for what may stand beside it (RFC 4035 section 2.5). NSEC
     * may, too, and where it does it is found first; where it does not, a denial of it that shows a
     * CNAME in its bitmap is one that validators refuse (RFC 6840 section 4.3). */
    return type != TYPE_CNAME && type != TYPE_ANY && type != TYPE_RRSIG;
}

static bool was_visited(const struct making *making, uint64_t hash)
{
    for (unsigned i = 0; i < making->links; i++)
        if (making->visited[i] == hash)
            return true;
    return false;
}

/* Go on with this name, if that makes sense. */
static enum step chase_to(struct making *making, const struct name *target)
{
    if (making->links == ANSWER_CHAIN || making->truncated || making->corrupt)
        return STEP_DONE;
    making->visited[making->links] =
        making->links ? making_hash(making, &making->name) : making->name_hash;
    making->links++;
    if (was_visited(making, making_hash(making, target)))
        return STEP_DONE;
    name_copy(&making->name, target);
    const struct served_zone *zone = answer_zone_of(making->answerer, &making->name, making->type);
    if (!zone)
        return STEP_DONE; /* elsewhere: the resolver goes on there */
    if (zone != making->zone) {
        making->several_zones = true;
        making_enter(making, zone);
    }
    return STEP_AGAIN;
}

/* The name in the only record of the RRset; false, and noted, when it is not what it must be. */
static bool read_target(struct making *making, const struct rrset_view *rrset, struct name *target)
{
    struct reader run = rdata_run_reader(&rrset->rdata), rdata;

    if (rrset->rdata.count != 1 || !rdata_next(&run, &rdata)) {
        making->corrupt = true;
        return false;
    }
    name_read_plain(&rdata, target);
    if (reader_finish(&rdata))
        making->corrupt = true;
    return !making->corrupt;
}

enum step chase_cname(struct making *making, const struct rrset_view *cname)
{
    LEFT_UNSET struct name target;

    return read_target(making, cname, &target) ? chase_to(making, &target) : STEP_DONE;
}

/* A CNAME that nobody stored: TTL of the DNAME (RFC 6672 section 3.1), no signature (5.3.1). */
static void put_synthesised(struct making *making, const struct name *target, uint32_t ttl)
{
    LEFT_UNSET uint8_t octets[2 + NAME_MAX_OCTETS];
    struct writer run = writer_over(octets, sizeof octets);

    writer_u16(&run, target->length);
    name_write(&run, target);
    const struct rrset_view cname = {
        .type = TYPE_CNAME,
        .ttl = ttl,
        .rdata = {.octets = octets, .length = (uint32_t)run.length, .count = 1}};
    making->truncated |= !making_put_unsigned(making, SECTION_ANSWER, &making->name, &cname);
}

/* A DNAME is passed more than once when its target is below it. */
static void put_dname(struct making *making, const struct name *owner,
                      const struct rrset_view *dname)
{
    for (unsigned i = 0; i < making->dname_count; i++)
        if (making->dnames[i] == making->place.node.key)
            return;
    if (making->dname_count < ANSWER_CHAIN)
        making->dnames[making->dname_count++] = making->place.node.key;
    making_put(making, SECTION_ANSWER, owner, &making->place.node, dname);
}

enum step chase_dname(struct making *making)
{
    LEFT_UNSET struct rrset_view dname;
    LEFT_UNSET struct name owner, target;

    if (node_find(&making->place.node, TYPE_DNAME, &dname) != RECORD_THERE) {
        making->corrupt = true;
        return STEP_DONE;
    }
    name_suffix(&making->name, making->place.encloser_labels, &owner);
    if (!read_target(making, &dname, &target))
        return STEP_DONE;
    put_dname(making, &owner, &dname);
    if (name_replace_suffix(&making->name, &owner, &target, &target)) {
        making->rcode = RCODE_YXDOMAIN; /* RFC 6672 section 2.2 */
        making->outcome->kind = ANSWER_ERROR;
        return STEP_DONE;
    }
    put_synthesised(making, &target, dname.ttl);
    return chase_follows(making->type) ? chase_to(making, &target) : STEP_DONE;
}
