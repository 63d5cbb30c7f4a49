/* recall.c - a zone as it is stored, back to the records that it was made of. */
#include "recall.h"

#include <string.h>

#include "avow/store/keys.h"
#include "avow/store/lookup.h"
#include "avow/wire/type.h"

enum result recall_is_own_key(struct snapshot *snapshot, const struct name *zone,
                              const struct reader *rdata, bool *own)
{
    struct key_row key = {.number = 0};
    enum found_record found;

    *own = false;
    while ((found = key_walk(snapshot, zone, key.number, &key)) == RECORD_THERE && !*own)
        *own = key.dnskey_length == reader_left(rdata) &&
               memcmp(key.dnskey, rdata->at, key.dnskey_length) == 0;
    return found == RECORD_CORRUPT ? RESULT_CORRUPT : RESULT_OK;
}

static enum result recall_rrset(struct snapshot *snapshot, const struct name *zone,
                                const struct name *owner, const struct rrset_view *rrset,
                                struct gather *gather)
{
    struct reader run = rdata_run_reader(&rrset->rdata), rdata;
    enum result result = RESULT_OK;

    while (!result && rdata_next(&run, &rdata)) {
        bool own = false;
        if (rrset->type == TYPE_DNSKEY)
            result = recall_is_own_key(snapshot, zone, &rdata, &own);
        if (result || own)
            continue;
        result = gather_add(gather, owner,
                            &(struct gathered){.type = rrset->type,
                                               .ttl = rrset->ttl,
                                               .rdata = rdata.at,
                                               .rdata_length = (uint16_t)reader_left(&rdata)});
    }
    return result;
}

static enum result recall_node(struct snapshot *snapshot, const struct name *zone,
                               const struct node_view *node, struct name *owner,
                               struct gather *gather)
{
    struct rrset_view rrset;
    enum result result = node_name(node, owner);

    for (struct reader rows = node->rows; !result && node_next(&rows, &rrset);) {
        /* A digest would be wrong: what it is of is about to be another zone. */
        if (type_is_made_by_signer(rrset.type) ||
            (rrset.type == TYPE_ZONEMD && node->flags & NODE_APEX))
            continue;
        result = node_fetch(node, &rrset);
        if (!result)
            result = recall_rrset(snapshot, zone, owner, &rrset, gather);
    }
    return result;
}

enum result recall_zone(struct snapshot *snapshot, uint32_t version, const struct name *zone,
                        struct gather *gather)
{
    struct node_view node;
    struct name owner;
    enum walk walk = WALK_FROM;
    enum found_record found;

    name_copy(&owner, zone);
    while ((found = lookup_walk(snapshot, version, walk, &owner, &node)) == RECORD_THERE) {
        enum result result = recall_node(snapshot, zone, &node, &owner, gather);
        if (result)
            return result;
        walk = WALK_BEHIND;
    }
    return found == RECORD_CORRUPT ? RESULT_CORRUPT : RESULT_OK;
}
