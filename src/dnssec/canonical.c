/* canonical.c - RRsets as they are signed. */
#include "avow/dnssec/canonical.h"

#include "avow/wire/rdata.h"

enum { PREFIX_OCTETS = NAME_MAX_OCTETS + 8 }; /* owner, type, class, TTL */

uint8_t canonical_labels(const struct name *owner)
{
    return (uint8_t)(owner->labels - (name_is_wildcard(owner) ? 1 : 0));
}

/* Octets of a name in lower case. A length octet is at most 63, below 'A', and so stays. */
static void write_lower(struct writer *writer, const uint8_t *octets, size_t length)
{
    uint8_t *place = writer_claim(writer, length);
    for (size_t i = 0; place && i < length; i++)
        place[i] = octet_lower(octets[i]);
}

/* The owner as it was signed: itself, or the wildcard that it was expanded from. */
static void write_owner(struct writer *writer, const struct name *owner, uint8_t labels)
{
    size_t skip = 0;

    if (labels < canonical_labels(owner)) {
        for (unsigned left = owner->labels; left > labels; left--)
            skip += 1u + owner->octets[skip];
        writer_add(writer, "\001*", 2);
    }
    write_lower(writer, owner->octets + skip, owner->length - skip);
}

static enum result add_rdata(struct buffer *octets, uint16_t type, const struct reader *rdata)
{
    size_t length = (size_t)(rdata->end - rdata->at);

    buffer_u16(octets, (uint16_t)length);
    if (!rdata_has_canonical_names(type)) {
        buffer_add(octets, rdata->at, length);
        return buffer_check(octets);
    }

    uint8_t *place = buffer_claim(octets, length);
    if (!place)
        return RESULT_SYSTEM;
    struct writer canonical = writer_over(place, length);
    rdata_write_canonical(&canonical, type, rdata->at, length);
    return canonical.failed || canonical.length != length ? RESULT_FORMAT : RESULT_OK;
}

enum result canonical_rrset(const struct rrset *rrset, const struct canonical_view *view,
                            struct buffer *octets)
{
    uint8_t prefix[PREFIX_OCTETS];
    struct writer writer = writer_over(prefix, sizeof(prefix));
    struct reader run = rdata_run_reader(&rrset->rdata), rdata;
    uint32_t count = 0;

    if (view->labels > canonical_labels(rrset->owner))
        return RESULT_FORMAT;
    write_owner(&writer, rrset->owner, view->labels);
    writer_u16(&writer, rrset->type);
    writer_u16(&writer, rrset->class_);
    writer_u32(&writer, view->original_ttl);

    while (rdata_next(&run, &rdata)) {
        buffer_add(octets, prefix, writer.length);
        enum result result = add_rdata(octets, rrset->type, &rdata);
        if (result)
            return result;
        count++;
    }
    return count == rrset->rdata.count ? reader_finish(&run) : RESULT_FORMAT;
}

enum result canonical_record(const struct rrset *rrset, const uint8_t *rdata, size_t length,
                             struct buffer *octets)
{
    uint8_t prefix[PREFIX_OCTETS];
    struct writer writer = writer_over(prefix, sizeof(prefix));
    struct reader reader = reader_over(rdata, length);

    write_owner(&writer, rrset->owner, canonical_labels(rrset->owner));
    writer_u16(&writer, rrset->type);
    writer_u16(&writer, rrset->class_);
    writer_u32(&writer, rrset->ttl);
    buffer_add(octets, prefix, writer.length);
    return add_rdata(octets, rrset->type, &reader);
}
