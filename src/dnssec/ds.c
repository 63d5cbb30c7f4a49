/* ds.c - DS and CDS from a DNSKEY. */
#include "avow/dnssec/ds.h"

#include <string.h>

static enum digest digest_of_type(uint8_t digest_type)
{
    switch (digest_type) {
    case DS_SHA1:
        return DIGEST_SHA1;
    case DS_SHA256:
        return DIGEST_SHA256;
    case DS_SHA384:
        return DIGEST_SHA384;
    default:
        return DIGEST_NONE;
    }
}

enum result ds_read(struct reader *rdata, struct ds *ds)
{
    ds->key_tag = reader_u16(rdata);
    ds->algorithm = reader_u8(rdata);
    ds->digest_type = reader_u8(rdata);
    ds->length = 0;

    size_t length = reader_left(rdata);
    size_t expected = digest_octets(digest_of_type(ds->digest_type));
    const uint8_t *octets = reader_take(rdata, length);
    if (!octets || length == 0 || length > DS_MAX_DIGEST || (expected && length != expected))
        return RESULT_FORMAT;
    memcpy(ds->digest, octets, length);
    ds->length = (uint8_t)length;
    return reader_finish(rdata);
}

void ds_write(struct writer *rdata, const struct ds *ds)
{
    writer_u16(rdata, ds->key_tag);
    writer_u8(rdata, ds->algorithm);
    writer_u8(rdata, ds->digest_type);
    writer_add(rdata, ds->digest, ds->length);
}

void ds_write_delete(struct writer *rdata)
{
    writer_add(rdata, "\0\0\0\0\0", 5);
}

/* digest = H(owner in canonical form | DNSKEY RDATA) (RFC 4034 section 5.1.4). */
static enum result make(struct digest_context *digests, const struct name *owner,
                        const struct dnskey *key, struct ds *ds)
{
    enum digest digest = digest_of_type(ds->digest_type);
    uint8_t octets[NAME_MAX_OCTETS + DNSKEY_MAX_OCTETS];
    struct writer writer = writer_over(octets, sizeof(octets));
    struct name lower;

    if (digest == DIGEST_NONE)
        return RESULT_REFUSED;
    name_copy(&lower, owner);
    name_lower(&lower);
    name_write(&writer, &lower);
    dnskey_write(&writer, key);
    enum result result = writer_check(&writer);
    if (result)
        return result;

    ds->key_tag = dnskey_tag(key);
    ds->algorithm = key->algorithm;
    ds->length = (uint8_t)digest_octets(digest);
    return digest_make(digests, digest, octets, writer.length, ds->digest);
}

enum result ds_from_dnskey(struct digest_context *digests, const struct name *owner,
                           const struct dnskey *key, uint8_t digest_type, struct ds *ds)
{
    *ds = (struct ds){.digest_type = digest_type};
    if (digest_type == DS_SHA1)
        return RESULT_REFUSED;
    return make(digests, owner, key, ds);
}

enum result ds_matches(struct digest_context *digests, const struct name *owner,
                       const struct dnskey *key, const struct ds *ds, bool *matches)
{
    struct ds own = {.digest_type = ds->digest_type};

    *matches = false;
    enum result result = make(digests, owner, key, &own);
    if (result)
        return result;
    *matches = own.key_tag == ds->key_tag && own.algorithm == ds->algorithm &&
               own.length == ds->length && memcmp(own.digest, ds->digest, ds->length) == 0;
    return RESULT_OK;
}
