/* update.c - the sections of an UPDATE message, checked and packed for the keeper. */
#include "update.h"

#include "avow/wire/rdata.h"

#define TTL_TOP ((uint32_t)1 << 31)

/* A section on its way into its packed form. */
struct packing {
    const struct update_order *order;
    struct writer out;
    uint16_t count;
};

/* ---- one record ------------------------------------------------------------------------------*/

/* Append it; with its RDATA uncompressed and checked when it is to have any. Returns an RCODE: what
 * does not fit is refused, and not called SERVFAIL, since it never will. */
static uint16_t pack(struct packing *packing, struct record *record, bool with_rdata,
                     uint32_t limit)
{
    struct writer rdata = writer_over(packing->order->rdata, RDATA_MAX_OCTETS);
    /* With the top bit set it is to be taken for zero (RFC 2181 section 8). */
    struct update_record packed = {.type = record->type,
                                   .class_ = record->class_,
                                   .ttl = record->ttl & TTL_TOP ? 0 : record->ttl,
                                   .limit = limit};

    if (with_rdata && rdata_read(record->type, &record->rdata, &rdata))
        return RCODE_FORMERR;
    name_copy(&packed.owner, &record->owner);
    packed.rdata = span_of(rdata.octets, rdata.length);
    size_t mark = packing->out.length;
    update_record_write(&packing->out, &packed);
    if (packing->out.failed) {
        writer_rewind(&packing->out, mark);
        return RCODE_REFUSED;
    }
    packing->count++;
    return RCODE_NOERROR;
}

static bool is_empty(const struct record *record)
{
    return reader_left(&record->rdata) == 0;
}

/* ---- prerequisites ---------------------------------------------------------------------------*/

/* Section 3.2.5: an RCODE. */
static uint16_t check_prerequisite(const struct config_zone *zone, const struct record *record)
{
    if (record->ttl != 0)
        return RCODE_FORMERR;
    if (!name_is_within(&record->owner, &zone->name))
        return RCODE_NOTZONE;
    switch (record->class_) {
    case CLASS_ANY:
    case CLASS_NONE:
        return is_empty(record) ? RCODE_NOERROR : RCODE_FORMERR;
    case CLASS_IN: /* values are of types that have some */
        return type_is_meta(record->type) ? RCODE_FORMERR : RCODE_NOERROR;
    default:
        return RCODE_FORMERR;
    }
}

/* Pack so many, up to the first that is wrong; `values`: also those that compare values. Returns
 * the RCODE, and in `good` how many came before. */
static uint16_t pack_prerequisites(struct packing *packing, struct reader *message, uint16_t count,
                                   bool values, uint16_t *good)
{
    struct record record;

    for (*good = 0; *good < count; (*good)++) {
        record_read(message, &record);
        if (message->failed)
            return RCODE_FORMERR;
        uint16_t rcode = check_prerequisite(packing->order->zone, &record);
        bool is_value = record.class_ == CLASS_IN;
        if (!rcode && (values || !is_value))
            rcode = pack(packing, &record, is_value, 0);
        if (rcode)
            return rcode;
    }
    return RCODE_NOERROR;
}

/* Values are compared when all prerequisites have been read (section 3.2.5), so of those before a
 * wrong one only the others can fail before it. */
static uint16_t read_prerequisites(struct packing *packing, struct reader *message)
{
    struct reader start = *message;
    uint16_t good, again;
    uint16_t rcode =
        pack_prerequisites(packing, message, packing->order->prerequisites, true, &good);

    if (!rcode)
        return RCODE_NOERROR;
    writer_rewind(&packing->out, 0);
    packing->count = 0;
    (void)pack_prerequisites(packing, &start, good, false, &again);
    return rcode;
}

/* ---- changes ---------------------------------------------------------------------------------*/

/* Section 3.4.1: an RCODE. Of meta types only ANY can be meant, by deletion. */
static uint16_t check_change(const struct config_zone *zone, const struct record *record)
{
    bool meta = type_is_meta(record->type);

    if (!name_is_within(&record->owner, &zone->name))
        return RCODE_NOTZONE;
    switch (record->class_) {
    case CLASS_IN:
        return meta ? RCODE_FORMERR : RCODE_NOERROR;
    case CLASS_ANY:
        return record->ttl != 0 || !is_empty(record) || (meta && record->type != TYPE_ANY)
                   ? RCODE_FORMERR
                   : RCODE_NOERROR;
    case CLASS_NONE:
        return record->ttl != 0 || meta ? RCODE_FORMERR : RCODE_NOERROR;
    default:
        return RCODE_FORMERR;
    }
}

static bool is_of_dnssec(uint16_t type)
{
    return type_is_made_by_signer(type) || type == TYPE_DNSKEY || type == TYPE_CDS ||
           type == TYPE_CDNSKEY || type == TYPE_CSYNC;
}

/*
 * Section 3.3: the grant, or NULL and `refused`. What the prescan finds wrong with the name or the
 * type is left to it, for no grant could cover that; but types of DNSSEC's own are refused wherever
 * they are put.
 */
static const struct config_acl_entry *find_grant(const struct update_order *order,
                                                 const struct record *record, bool *refused)
{
    const struct name *owner = &record->owner;

    if (!name_is_within(owner, &order->zone->name)) {
        if (!is_of_dnssec(record->type))
            return NULL;
        owner = &order->zone->name;
    }
    if (type_is_meta(record->type) && (record->type != TYPE_ANY || record->class_ != CLASS_ANY))
        return NULL;
    const struct config_acl_entry *grant =
        config_grant_find(order->zone, order->peer, owner, record->type);
    *refused = !grant;
    return grant;
}

static uint16_t take_change(struct packing *packing, struct record *record, bool *refused)
{
    const struct update_order *order = packing->order;
    const struct config_acl_entry *grant = find_grant(order, record, refused);
    uint16_t rcode = check_change(order->zone, record);

    if (rcode || !grant)
        return rcode ? rcode : RCODE_REFUSED;
    return pack(packing, record, record->class_ != CLASS_ANY, grant->records_per_name);
}

/* What is not allowed comes before what is malformed (sections 3.3 and 3.4), also where it stands
 * behind it. */
static uint16_t read_changes(struct packing *packing, struct reader *message)
{
    uint16_t first = RCODE_NOERROR;
    bool refused = false;
    struct record record;

    for (uint16_t i = 0; i < packing->order->changes && !refused; i++) {
        record_read(message, &record);
        if (message->failed)
            return first ? first : RCODE_FORMERR;
        uint16_t rcode = take_change(packing, &record, &refused);
        if (!first)
            first = rcode;
    }
    return refused ? RCODE_REFUSED : first;
}

/* ---- both ------------------------------------------------------------------------------------*/

void update_read(struct reader *message, const struct update_order *order, struct update *update)
{
    struct packing packing = {.order = order,
                              .out = writer_over(order->packed, MESSAGE_PIECE_OCTETS)};

    *update = (struct update){.refusal = read_prerequisites(&packing, message)};
    size_t length = packing.out.length;
    update->prerequisites = span_of(order->packed, length);
    update->prerequisite_count = packing.count;
    if (update->refusal)
        return;
    packing = (struct packing){
        .order = order, .out = writer_over(order->packed + length, MESSAGE_PIECE_OCTETS - length)};
    update->refusal = read_changes(&packing, message);
    if (update->refusal)
        return;
    update->changes = span_of(packing.out.octets, packing.out.length);
    update->change_count = packing.count;
}
