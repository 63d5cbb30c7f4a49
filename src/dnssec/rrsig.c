/* rrsig.c - RRSIG RDATA and the octets to sign. */
#include "avow/dnssec/rrsig.h"

#include "avow/dnssec/canonical.h"

enum result rrsig_read(struct reader *rdata, struct rrsig *rrsig)
{
    struct rrsig_fields *fields = &rrsig->fields;

    fields->covered = reader_u16(rdata);
    fields->algorithm = reader_u8(rdata);
    fields->labels = reader_u8(rdata);
    fields->original_ttl = reader_u32(rdata);
    fields->expiration = reader_u32(rdata);
    fields->inception = reader_u32(rdata);
    fields->key_tag = reader_u16(rdata);
    name_read_plain(rdata, &fields->signer);
    rrsig->signature_length = reader_left(rdata);
    rrsig->signature = reader_take(rdata, rrsig->signature_length);

    return rrsig->signature_length == 0 ? RESULT_FORMAT : reader_finish(rdata);
}

enum result rrsig_read_summary(struct reader rdata, struct rrsig_summary *summary)
{
    summary->covered = reader_u16(&rdata);
    summary->algorithm = reader_u8(&rdata);
    reader_take(&rdata, 1 + 4); /* labels, original TTL */
    summary->expiration = reader_u32(&rdata);
    summary->inception = reader_u32(&rdata);
    summary->key_tag = reader_u16(&rdata);
    return rdata.failed ? RESULT_FORMAT : RESULT_OK;
}

void rrsig_write_fields(struct writer *rdata, const struct rrsig_fields *fields)
{
    writer_u16(rdata, fields->covered);
    writer_u8(rdata, fields->algorithm);
    writer_u8(rdata, fields->labels);
    writer_u32(rdata, fields->original_ttl);
    writer_u32(rdata, fields->expiration);
    writer_u32(rdata, fields->inception);
    writer_u16(rdata, fields->key_tag);

    /* In canonical form in the record as well as under the signature (RFC 4034 section 6.2). */
    uint8_t *place = writer_claim(rdata, fields->signer.length);
    for (size_t i = 0; place && i < fields->signer.length; i++)
        place[i] = octet_lower(fields->signer.octets[i]);
}

void rrsig_write(struct writer *rdata, const struct rrsig_fields *fields, const uint8_t *signature,
                 size_t length)
{
    rrsig_write_fields(rdata, fields);
    writer_add(rdata, signature, length);
}

uint8_t rrsig_labels(const struct name *owner)
{
    return canonical_labels(owner);
}

enum result rrsig_octets_to_sign(const struct rrsig_fields *fields, const struct rrset *rrset,
                                 struct buffer *octets)
{
    uint8_t head[RRSIG_FIXED_OCTETS + NAME_MAX_OCTETS];
    struct writer writer = writer_over(head, sizeof(head));
    struct canonical_view view = {.original_ttl = fields->original_ttl, .labels = fields->labels};

    if (rrset->type != fields->covered || rrset->rdata.count == 0)
        return RESULT_FORMAT;
    rrsig_write_fields(&writer, fields);
    enum result result = writer_check(&writer);
    if (result)
        return result;
    buffer_add(octets, head, writer.length);
    result = canonical_rrset(rrset, &view, octets);
    return result ? result : buffer_check(octets);
}

enum result rrsig_digest_to_sign(struct digest_context *digests, const struct rrsig_fields *fields,
                                 const struct rrset *rrset, uint8_t *hash, size_t *length)
{
    const struct algorithm *algorithm = algorithm_find(fields->algorithm);

    *length = 0;
    if (!algorithm || algorithm->digest == DIGEST_NONE)
        return RESULT_REFUSED;

    /* Laid out first and hashed in one call: copying costs less than a call for each piece. */
    buffer_clear(&digests->octets);
    enum result result = rrsig_octets_to_sign(fields, rrset, &digests->octets);
    if (result)
        return result;
    result = digest_make(digests, algorithm->digest, digests->octets.octets, digests->octets.length,
                         hash);
    if (result)
        return result;
    *length = digest_octets(algorithm->digest);
    return RESULT_OK;
}

/* SEQUENCE { SEQUENCE { OID, NULL }, OCTET STRING of the digest that follows } */
static const uint8_t info_sha256[] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                      0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};
static const uint8_t info_sha512[] = {0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                      0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04, 0x40};

const uint8_t *rrsig_digest_info(enum digest digest, size_t *length)
{
    switch (digest) {
    case DIGEST_SHA256:
        *length = sizeof(info_sha256);
        return info_sha256;
    case DIGEST_SHA512:
        *length = sizeof(info_sha512);
        return info_sha512;
    default:
        *length = 0;
        return NULL;
    }
}

int rrsig_stamp_compare(uint32_t a, uint32_t b)
{
    uint32_t ahead = a - b;

    if (ahead == 0)
        return 0;
    return ahead <= UINT32_C(0x80000000) ? 1 : -1;
}

uint64_t rrsig_stamp_time(uint32_t stamp, uint64_t now)
{
    uint32_t ahead = stamp - (uint32_t)now;

    if (ahead < UINT32_C(0x80000000))
        return now + ahead;
    uint32_t behind = 0u - ahead;
    return behind <= now ? now - behind : now + ahead;
}

bool rrsig_is_current(const struct rrsig_fields *fields, uint64_t now)
{
    uint32_t stamp = rrsig_stamp(now);

    return rrsig_stamp_compare(fields->inception, stamp) <= 0 &&
           rrsig_stamp_compare(stamp, fields->expiration) <= 0;
}
