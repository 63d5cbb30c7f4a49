/* zone_text.c - a stored zone as its file would say it. */
#include "zone_text.h"

#include "avow/wire/type.h"
#include "recall.h"

void zone_text_open(struct zone_text *text, struct snapshot *snapshot, const struct name *zone,
                    bool is_signed)
{
    text->snapshot = snapshot;
    text->is_signed = is_signed;
    text->records = 0;
    name_copy(&text->zone, zone);
    zone_printer_init(&text->printer, PRINT_PLAIN);
}

static enum result is_made_here(struct zone_text *text, uint16_t type, const struct reader *rdata,
                                bool *made)
{
    *made = false;
    return text->is_signed && type == TYPE_DNSKEY
               ? recall_is_own_key(text->snapshot, &text->zone, rdata, made)
               : RESULT_OK;
}

static enum result print_rrset(struct zone_text *text, const struct name *owner,
                               const struct rrset_view *view, struct buffer *out)
{
    struct rrset rrset = {.owner = owner, .type = view->type, .class_ = CLASS_IN, .ttl = view->ttl};
    struct reader rdata;

    for (struct reader rest = rdata_run_reader(&view->rdata); rdata_next(&rest, &rdata);) {
        bool made;
        enum result result = is_made_here(text, view->type, &rdata, &made);
        if (result)
            return result;
        if (made)
            continue;
        zone_print_record(&text->printer, &rrset, rdata.at, reader_left(&rdata), out);
        text->records++;
    }
    return RESULT_OK;
}

/* The SOA, or all other RRsets of a node. */
static enum result print_part(struct zone_text *text, const struct node_view *node,
                              const struct name *owner, bool soa, struct buffer *out)
{
    struct rrset_view view;
    enum result result = RESULT_OK;

    for (struct reader rows = node->rows; !result && node_next(&rows, &view);) {
        if ((view.type == TYPE_SOA) != soa ||
            (text->is_signed && (type_is_made_by_signer(view.type) ||
                                 (view.type == TYPE_ZONEMD && node->flags & NODE_APEX))))
            continue;
        result = node_fetch(node, &view);
        if (!result)
            result = print_rrset(text, owner, &view, out);
    }
    return result;
}

enum result zone_text_node(struct zone_text *text, const struct node_view *node, struct name *owner,
                           struct buffer *out)
{
    enum result result = node_name(node, owner);

    if (!result && owner->labels == text->zone.labels)
        result = print_part(text, node, owner, true, out);
    return result ? result : print_part(text, node, owner, false, out);
}
