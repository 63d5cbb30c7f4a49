/* public.c - the public half of a key, from a token's forms to the DNSKEY's. */
#include <string.h>

#include "cryptoki.h"

enum { EC_PARAMS_OCTETS = 64, DER_OCTET_STRING = 0x04, DER_BIT_STRING = 0x03 };

#define CURVE(octets_)                                                                             \
    {                                                                                              \
        .octets = (const uint8_t *)(octets_), .length = sizeof(octets_) - 1                        \
    }

/* The curves and how tokens name them: by OID (RFC 5480, RFC 8410), or the Edwards ones by a
 * PrintableString (PKCS#11 3.0 section 2.3.5 has both). */
static const struct curve {
    uint8_t algorithm;
    uint8_t point_octets; /* of the raw point, as DNSSEC has it */
    uint8_t signature_octets;
    uint16_t bits;
    struct pkcs11_octets names[2];
} curves[] = {
    {13, 64, 64, 256, {CURVE("\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07")}},
    {14, 96, 96, 384, {CURVE("\x06\x05\x2b\x81\x04\x00\x22")}},
    {15,
     32,
     64,
     256,
     {CURVE("\x06\x03\x2b\x65\x70"), CURVE("\x13\x0c"
                                           "edwards25519")}},
    {16,
     57,
     114,
     456,
     {CURVE("\x06\x03\x2b\x65\x71"), CURVE("\x13\x0a"
                                           "edwards448")}},
};

static const struct curve *curve_of(uint8_t algorithm)
{
    for (size_t i = 0; i < COUNT(curves); i++)
        if (curves[i].algorithm == algorithm)
            return &curves[i];
    return NULL;
}

const struct pkcs11_octets *pkcs11_curve(uint8_t algorithm, unsigned nth)
{
    const struct curve *curve = curve_of(algorithm);

    if (!curve || nth >= COUNT(curve->names) || !curve->names[nth].octets)
        return NULL;
    return &curve->names[nth];
}

static bool octets_equal(const uint8_t *octets, size_t length, const struct pkcs11_octets *other)
{
    return length == other->length && memcmp(octets, other->octets, length) == 0;
}

/* Whether an object lies on the curve; a token that does not tell is judged by its point alone. */
static bool on_curve(struct pkcs11_session *session, CK_OBJECT_HANDLE object,
                     const struct curve *curve)
{
    uint8_t octets[EC_PARAMS_OCTETS];
    long length = pkcs11_attribute(session, object, CKA_EC_PARAMS, octets, sizeof(octets));
    const struct pkcs11_octets *name;

    if (length <= 0)
        return true;
    for (unsigned i = 0; (name = pkcs11_curve(curve->algorithm, i)); i++)
        if (octets_equal(octets, (size_t)length, name))
            return true;
    return false;
}

/* The raw point inside CKA_EC_POINT: as it is, or in a DER OCTET STRING or BIT STRING, before which
 * only the length tells apart what begins with 04 either way; NULL when it is none of these. */
static const uint8_t *unwrap_point(const uint8_t *octets, size_t length, size_t wanted)
{
    if (length == wanted)
        return octets;
    if (length == wanted + 2 && octets[0] == DER_OCTET_STRING && octets[1] == wanted)
        return octets + 2;
    if (length == wanted + 3 && octets[0] == DER_BIT_STRING && octets[1] == wanted + 1 &&
        octets[2] == 0)
        return octets + 3;
    return NULL;
}

/* Weierstrass points begin with 04, uncompressed (SEC 1 section 2.3.3), which DNSSEC leaves out
 * (RFC 6605 section 4); Edwards points have nothing before them (RFC 8080 section 3). */
static bool take_point(struct pkcs11_key *key, struct pkcs11_session *session,
                       CK_OBJECT_HANDLE object, const struct curve *curve)
{
    enum { UNCOMPRESSED = 4, LARGEST = 1 + 96 + 3 };
    uint8_t octets[LARGEST];
    bool edwards = key->scheme.sign_mechanism == CKM_EDDSA;
    size_t wanted = curve->point_octets + (edwards ? 0u : 1u);
    long length = pkcs11_attribute(session, object, CKA_EC_POINT, octets, sizeof(octets));
    const uint8_t *point = length > 0 ? unwrap_point(octets, (size_t)length, wanted) : NULL;

    if (!point || (!edwards && *point != UNCOMPRESSED))
        return false;
    memcpy(key->public_key, point + (edwards ? 0 : 1), curve->point_octets);
    key->public_octets = curve->point_octets;
    key->signature_octets = curve->signature_octets;
    key->bits = curve->bits;
    return true;
}

/* Leading zeros are prohibited in both numbers (RFC 3110 section 2). */
static void strip_zeros(const uint8_t **octets, size_t *length)
{
    while (*length > 0 && **octets == 0) {
        ++*octets;
        --*length;
    }
}

static uint32_t bit_length(const uint8_t *octets, size_t length)
{
    uint32_t bits = (uint32_t)(length * 8);

    for (unsigned mask = 0x80; bits > 0 && !(octets[0] & mask); mask >>= 1)
        bits--;
    return bits;
}

static bool take_rsa(struct pkcs11_key *key, struct pkcs11_session *session,
                     CK_OBJECT_HANDLE object)
{
    enum { EXPONENT_LARGEST = 7, SPARE = 8 };
    uint8_t modulus[PKCS11_SIGNATURE_OCTETS + SPARE], exponent[SPARE + EXPONENT_LARGEST];
    const uint8_t *n = modulus, *e = exponent;
    long n_read = pkcs11_attribute(session, object, CKA_MODULUS, modulus, sizeof(modulus));
    long e_read =
        pkcs11_attribute(session, object, CKA_PUBLIC_EXPONENT, exponent, sizeof(exponent));

    if (n_read <= 0 || e_read <= 0)
        return false;
    size_t n_length = (size_t)n_read, e_length = (size_t)e_read;
    strip_zeros(&n, &n_length);
    strip_zeros(&e, &e_length);
    if (n_length == 0 || n_length > PKCS11_SIGNATURE_OCTETS || e_length == 0 ||
        e_length > EXPONENT_LARGEST)
        return false;
    key->public_key[0] = (uint8_t)e_length;
    memcpy(key->public_key + 1, e, e_length);
    memcpy(key->public_key + 1 + e_length, n, n_length);
    key->public_octets = 1 + e_length + n_length;
    key->signature_octets = n_length;
    key->bits = bit_length(n, n_length);
    return true;
}

/* The public key object first; some tokens have none, but tell by the private key. */
enum result pkcs11_public_read(struct pkcs11_key *key, struct pkcs11_session *session)
{
    const struct curve *curve = curve_of(key->scheme.algorithm);
    const CK_OBJECT_HANDLE objects[] = {key->public_handle, key->private_handle};
    char text[256];

    pkcs11_key_name_text(&key->name, text, sizeof(text));
    for (size_t i = 0; i < COUNT(objects); i++) {
        if (objects[i] == 0)
            continue;
        if (curve && !on_curve(session, objects[i], curve))
            return pkcs11_refuse_token(&session->failure, &session->token,
                                       "key %s lies on another curve than that of %s", text,
                                       pkcs11_algorithm_name(key->scheme.algorithm));
        if (curve ? take_point(key, session, objects[i], curve)
                  : take_rsa(key, session, objects[i]))
            return RESULT_OK;
    }
    return pkcs11_refuse_token(&session->failure, &session->token,
                               "key %s has no public half that fits %s", text,
                               pkcs11_algorithm_name(key->scheme.algorithm));
}
