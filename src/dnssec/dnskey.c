/* dnskey.c - public keys and key tags. */
#include "avow/dnssec/dnskey.h"

#include <string.h>

#include "avow/dnssec/algorithm.h"

enum { RSA_MIN_OCTETS = 1024 / 8, RSA_MAX_OCTETS = 4096 / 8 };

enum result dnskey_read(struct reader *rdata, struct dnskey *key)
{
    key->flags = reader_u16(rdata);
    key->protocol = reader_u8(rdata);
    key->algorithm = reader_u8(rdata);
    key->length = 0;

    size_t length = reader_left(rdata);
    const uint8_t *octets = reader_take(rdata, length);
    if (!octets || length == 0 || length > DNSKEY_MAX_PUBLIC_KEY)
        return RESULT_FORMAT;
    memcpy(key->public_key, octets, length);
    key->length = (uint16_t)length;
    return reader_finish(rdata);
}

void dnskey_write(struct writer *rdata, const struct dnskey *key)
{
    writer_u16(rdata, key->flags);
    writer_u8(rdata, key->protocol);
    writer_u8(rdata, key->algorithm);
    writer_add(rdata, key->public_key, key->length);
}

void dnskey_write_delete(struct writer *rdata)
{
    writer_add(rdata, "\0\0\003\0\0", 5);
}

static const char *rsa_fault(const struct dnskey *key)
{
    struct dnskey_rsa rsa;

    if (dnskey_get_rsa(key, &rsa))
        return "the RSA public key is malformed";
    if (rsa.modulus_length < RSA_MIN_OCTETS || rsa.modulus_length > RSA_MAX_OCTETS)
        return "the RSA modulus must have 1024 to 4096 bits";
    if (!(rsa.modulus[rsa.modulus_length - 1] & 1))
        return "the RSA modulus is even";
    if (!(rsa.exponent[rsa.exponent_length - 1] & 1) ||
        (rsa.exponent_length == 1 && rsa.exponent[0] == 1))
        return "the RSA exponent is even or 1";
    return NULL;
}

const char *dnskey_fault(const struct dnskey *key)
{
    const struct algorithm *algorithm = algorithm_find(key->algorithm);

    if (key->protocol != DNSKEY_PROTOCOL)
        return "the protocol field is not 3";
    if (!(key->flags & DNSKEY_FLAG_ZONE))
        return "the zone key flag is not set";
    if (!algorithm)
        return "the algorithm is not implemented";
    if (algorithm->family == ALGORITHM_FAMILY_RSA)
        return rsa_fault(key);
    if (key->length != algorithm->public_key_octets)
        return "the public key has the wrong length for its algorithm";
    return NULL;
}

/* The sum of RFC 4034 appendix B over octets that begin at an even or odd place. */
static uint32_t tag_sum(const uint8_t *octets, size_t length)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < length; i++)
        sum += i & 1 ? octets[i] : (uint32_t)octets[i] << 8;
    return sum;
}

static uint16_t tag_fold(uint32_t sum)
{
    return (uint16_t)(sum + (sum >> 16));
}

uint16_t dnskey_tag_of_rdata(const uint8_t *rdata, size_t length)
{
    return tag_fold(tag_sum(rdata, length));
}

uint16_t dnskey_tag(const struct dnskey *key)
{
    uint32_t fixed = key->flags + ((uint32_t)key->protocol << 8) + key->algorithm;

    return tag_fold(fixed + tag_sum(key->public_key, key->length));
}

bool dnskey_equal(const struct dnskey *a, const struct dnskey *b)
{
    return a->flags == b->flags && a->protocol == b->protocol && a->algorithm == b->algorithm &&
           a->length == b->length && memcmp(a->public_key, b->public_key, a->length) == 0;
}

/* How many octets before the key itself are one of the known wrappings; -1 when none is. The
 * length alone tells which it can be, so that no x coordinate is ever taken for a wrapping. */
static int wrapping(const struct algorithm *algorithm, const uint8_t *point, size_t length)
{
    size_t plain = algorithm->public_key_octets;
    bool ecdsa = algorithm->family == ALGORITHM_FAMILY_ECDSA;

    if (length == plain)
        return 0;
    if (length == plain + 1 && ecdsa && point[0] == 0x04)
        return 1; /* uncompressed point, SEC 1 section 2.3.3 */
    if (length == plain + 2 && point[0] == 0x04 && point[1] == plain)
        return 2; /* OCTET STRING */
    if (length == plain + 3 && ecdsa && point[0] == 0x04 && point[1] == plain + 1 &&
        point[2] == 0x04)
        return 3; /* OCTET STRING of an uncompressed point */
    if (length == plain + 3 && !ecdsa && point[0] == 0x03 && point[1] == plain + 1 && point[2] == 0)
        return 3; /* BIT STRING */
    return -1;
}

enum result dnskey_set_point(struct dnskey *key, uint8_t algorithm, const uint8_t *point,
                             size_t length)
{
    const struct algorithm *row = algorithm_find(algorithm);
    if (!row || row->family == ALGORITHM_FAMILY_RSA)
        return RESULT_FORMAT;

    int before = wrapping(row, point, length);
    if (before < 0)
        return RESULT_FORMAT;
    memcpy(key->public_key, point + before, row->public_key_octets);
    key->length = row->public_key_octets;
    return RESULT_OK;
}

/* Drop leading zero octets, which RFC 3110 section 2 forbids and PKCS #11 does not. */
static void strip_zeros(const uint8_t **octets, uint16_t *length)
{
    while (*length > 0 && **octets == 0) {
        (*octets)++;
        (*length)--;
    }
}

enum result dnskey_set_rsa(struct dnskey *key, const struct dnskey_rsa *numbers)
{
    struct dnskey_rsa rsa = *numbers;
    struct writer field = writer_over(key->public_key, sizeof(key->public_key));

    strip_zeros(&rsa.exponent, &rsa.exponent_length);
    strip_zeros(&rsa.modulus, &rsa.modulus_length);
    if (rsa.exponent_length == 0 || rsa.exponent_length > RSA_MAX_OCTETS ||
        rsa.modulus_length == 0 || rsa.modulus_length > RSA_MAX_OCTETS)
        return RESULT_FORMAT;

    if (rsa.exponent_length < 256) {
        writer_u8(&field, (uint8_t)rsa.exponent_length);
    } else {
        writer_u8(&field, 0);
        writer_u16(&field, rsa.exponent_length);
    }
    writer_add(&field, rsa.exponent, rsa.exponent_length);
    writer_add(&field, rsa.modulus, rsa.modulus_length);
    key->length = (uint16_t)field.length;
    return field.failed ? RESULT_FORMAT : RESULT_OK;
}

enum result dnskey_get_rsa(const struct dnskey *key, struct dnskey_rsa *numbers)
{
    struct reader field = reader_over(key->public_key, key->length);

    numbers->exponent_length = reader_u8(&field);
    if (numbers->exponent_length == 0)
        numbers->exponent_length = reader_u16(&field);
    numbers->exponent = reader_take(&field, numbers->exponent_length);
    numbers->modulus_length = (uint16_t)reader_left(&field);
    numbers->modulus = reader_take(&field, numbers->modulus_length);

    if (field.failed || numbers->exponent_length == 0 || numbers->modulus_length == 0 ||
        numbers->exponent[0] == 0 || numbers->modulus[0] == 0)
        return RESULT_FORMAT;
    return RESULT_OK;
}

size_t dnskey_signature_octets(const struct dnskey *key)
{
    const struct algorithm *algorithm = algorithm_find(key->algorithm);
    struct dnskey_rsa rsa;

    if (!algorithm)
        return 0;
    if (algorithm->family != ALGORITHM_FAMILY_RSA)
        return algorithm->signature_octets;
    return dnskey_get_rsa(key, &rsa) == RESULT_OK ? rsa.modulus_length : 0;
}
