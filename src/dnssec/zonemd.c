/* zonemd.c - digests of whole zones (RFC 8976), scheme SIMPLE. */
#include "avow/dnssec/zonemd.h"

#include <openssl/err.h>
#include <openssl/evp.h>

#include "avow/dnssec/canonical.h"
#include "avow/wire/type.h"

enum { FIXED_OCTETS = 6, SHORTEST_DIGEST = 12, CHUNK_OCTETS = 64 * 1024 };

enum result zonemd_read(const uint8_t *rdata, size_t length, struct zonemd *zonemd)
{
    struct reader reader = reader_over(rdata, length);

    zonemd->serial = reader_u32(&reader);
    zonemd->scheme = reader_u8(&reader);
    zonemd->algorithm = reader_u8(&reader);
    zonemd->length = length > FIXED_OCTETS ? length - FIXED_OCTETS : 0;
    zonemd->digest = reader_take(&reader, zonemd->length);
    return zonemd->length < SHORTEST_DIGEST ? RESULT_FORMAT : reader_finish(&reader);
}

void zonemd_write(struct writer *writer, const struct zonemd *zonemd)
{
    writer_u32(writer, zonemd->serial);
    writer_u8(writer, zonemd->scheme);
    writer_u8(writer, zonemd->algorithm);
    writer_add(writer, zonemd->digest, zonemd->length);
}

enum digest zonemd_digest(uint8_t algorithm)
{
    return algorithm == ZONEMD_SHA384   ? DIGEST_SHA384
           : algorithm == ZONEMD_SHA512 ? DIGEST_SHA512
                                        : DIGEST_NONE;
}

enum result zonemd_open(struct zonemd_sum *sum, unsigned wanted)
{
    static const char *const names[DIGESTS] = {
        [DIGEST_SHA384] = "SHA2-384", [DIGEST_SHA512] = "SHA2-512"};

    *sum = (struct zonemd_sum){.octets = {.octets = NULL}};
    for (unsigned digest = 0; digest < DIGESTS; digest++) {
        if (!(wanted & 1U << digest) || !names[digest])
            continue;
        EVP_MD *method = EVP_MD_fetch(NULL, names[digest], NULL);
        sum->running[digest] = method ? EVP_MD_CTX_new() : NULL;
        int begun =
            sum->running[digest] && EVP_DigestInit_ex2(sum->running[digest], method, NULL) == 1;
        EVP_MD_free(method); /* the context keeps it */
        if (begun)
            continue;
        ERR_clear_error();
        zonemd_close(sum);
        return RESULT_SYSTEM;
    }
    return RESULT_OK;
}

static enum result flush(struct zonemd_sum *sum)
{
    enum result result = buffer_check(&sum->octets);

    for (unsigned digest = 0; digest < DIGESTS && !result; digest++) {
        if (sum->running[digest] &&
            EVP_DigestUpdate(sum->running[digest], sum->octets.octets, sum->octets.length) != 1)
            result = RESULT_SYSTEM;
    }
    buffer_clear(&sum->octets);
    return result;
}

enum result zonemd_add(struct zonemd_sum *sum, const struct rrset *rrset, const uint8_t *rdata,
                       size_t length)
{
    enum result result = canonical_record(rrset, rdata, length, &sum->octets);

    return result || sum->octets.length < CHUNK_OCTETS ? result : flush(sum);
}

enum result zonemd_finish(struct zonemd_sum *sum, enum digest digest, uint8_t *hash)
{
    enum result result = flush(sum);

    if (!result &&
        (!sum->running[digest] || EVP_DigestFinal_ex(sum->running[digest], hash, NULL) != 1))
        result = RESULT_SYSTEM;
    return result;
}

void zonemd_close(struct zonemd_sum *sum)
{
    for (unsigned digest = 0; digest < DIGESTS; digest++)
        EVP_MD_CTX_free(sum->running[digest]);
    buffer_free(&sum->octets);
    *sum = (struct zonemd_sum){.octets = {.octets = NULL}};
}

bool zonemd_leaves_out(uint16_t type, const uint8_t *rdata, size_t length)
{
    struct reader reader = reader_over(rdata, length);

    return type == TYPE_ZONEMD ||
           (type == TYPE_RRSIG && reader_u16(&reader) == TYPE_ZONEMD && !reader.failed);
}
