/* mechanism.c - DNSSEC algorithms put together from what a token says that it can do. */
#include "avow/pkcs11/mechanism.h"

#include <stdlib.h>

#include "cryptoki.h"

enum { RSA_SMALLEST_BITS = 1024, RSA_LARGEST_BITS = 4096 };

/* One way to do an algorithm; ways of the same algorithm stand in order of preference. */
static const struct way {
    uint8_t algorithm;
    uint16_t bits; /* 0: the caller chooses (RSA) */
    uint16_t digest_octets;
    enum pkcs11_input input;
    CK_MECHANISM_TYPE sign;
    CK_MECHANISM_TYPE generate;
} ways[] = {
    /* The token hashes where it can: CKM_RSA_PKCS is a decryption to some (tpm2-pkcs11), which a
     * key that is for signing only refuses. */
    {8, 0, 0, PKCS11_INPUT_MESSAGE, CKM_SHA256_RSA_PKCS, CKM_RSA_PKCS_KEY_PAIR_GEN},
    {8, 0, 32, PKCS11_INPUT_DIGEST, CKM_RSA_PKCS, CKM_RSA_PKCS_KEY_PAIR_GEN},
    {10, 0, 0, PKCS11_INPUT_MESSAGE, CKM_SHA512_RSA_PKCS, CKM_RSA_PKCS_KEY_PAIR_GEN},
    {10, 0, 64, PKCS11_INPUT_DIGEST, CKM_RSA_PKCS, CKM_RSA_PKCS_KEY_PAIR_GEN},
    {13, 256, 32, PKCS11_INPUT_DIGEST, CKM_ECDSA, CKM_EC_KEY_PAIR_GEN},
    {14, 384, 48, PKCS11_INPUT_DIGEST, CKM_ECDSA, CKM_EC_KEY_PAIR_GEN},
    {15, 255, 0, PKCS11_INPUT_MESSAGE, CKM_EDDSA, CKM_EC_EDWARDS_KEY_PAIR_GEN},
    {16, 448, 0, PKCS11_INPUT_MESSAGE, CKM_EDDSA, CKM_EC_EDWARDS_KEY_PAIR_GEN},
};

/* What a token says that it can do. Only what is on the list is asked about: some modules complain
 * on standard error when they are asked about anything else. */
struct offers {
    const struct pkcs11_module *module;
    const struct pkcs11_token *token;
    CK_MECHANISM_TYPE *list; /* owned */
    CK_ULONG count;
};

/* A mechanism's sizes; `able` when it is there and has the flag. */
struct offer {
    bool able;
    CK_ULONG smallest, largest;
};

static bool listed(const struct offers *offers, CK_MECHANISM_TYPE mechanism)
{
    for (CK_ULONG i = 0; i < offers->count; i++)
        if (offers->list[i] == mechanism)
            return true;
    return false;
}

static struct offer ask(const struct offers *offers, CK_MECHANISM_TYPE mechanism, CK_FLAGS flag)
{
    CK_MECHANISM_INFO info;

    if (!listed(offers, mechanism) ||
        cryptoki(offers->module)->C_GetMechanismInfo(offers->token->slot, mechanism, &info) !=
            CKR_OK)
        return (struct offer){.able = false};
    return (struct offer){
        .able = info.flags & flag, .smallest = info.ulMinKeySize, .largest = info.ulMaxKeySize};
}

/* Whether a curve lies in the range. Tokens count the Edwards curves' bits from 255 to 256 and from
 * 448 to 456, or count in octets, or tell nothing. */
static bool offers_curve(const struct offer *offer, uint16_t bits)
{
    CK_ULONG rounded = ((CK_ULONG)bits + 7) / 8 * 8;

    if (offer->largest == 0)
        return true;
    if (offer->largest < 100)
        return rounded / 8 >= offer->smallest && rounded / 8 <= offer->largest;
    return rounded >= offer->smallest && bits <= offer->largest;
}

static void bound_rsa(struct pkcs11_scheme *scheme, const struct offer *offer)
{
    scheme->smallest_bits = RSA_SMALLEST_BITS;
    scheme->largest_bits = RSA_LARGEST_BITS;
    if (offer->smallest > RSA_SMALLEST_BITS)
        scheme->smallest_bits = (uint32_t)offer->smallest;
    if (offer->largest >= RSA_SMALLEST_BITS && offer->largest < RSA_LARGEST_BITS)
        scheme->largest_bits = (uint32_t)offer->largest;
}

static void take_way(struct pkcs11_scheme *scheme, const struct way *way,
                     const struct offers *offers)
{
    struct offer sign = ask(offers, way->sign, CKF_SIGN);
    if (!sign.able || (way->bits && !offers_curve(&sign, way->bits)))
        return;
    struct offer make = ask(offers, way->generate, CKF_GENERATE_KEY_PAIR);
    *scheme = (struct pkcs11_scheme){
        .algorithm = way->algorithm,
        .input = way->input,
        .digest_octets = way->digest_octets,
        .generates = make.able && (!way->bits || offers_curve(&make, way->bits)),
        .smallest_bits = way->bits,
        .largest_bits = way->bits,
        .sign_mechanism = way->sign,
        .generate_mechanism = way->generate,
    };
    if (!way->bits)
        bound_rsa(scheme, make.able ? &make : &sign);
}

static CK_RV read_list(struct offers *offers)
{
    enum { MOST_MECHANISMS = 65536 };
    CK_FUNCTION_LIST *call = cryptoki(offers->module);
    CK_SLOT_ID slot = offers->token->slot;

    CK_RV code = call->C_GetMechanismList(slot, NULL, &offers->count);
    if (code != CKR_OK || offers->count == 0)
        return code;
    if (offers->count > MOST_MECHANISMS)
        return CKR_HOST_MEMORY;
    offers->list = calloc(offers->count, sizeof(*offers->list));
    if (!offers->list)
        return CKR_HOST_MEMORY;
    return call->C_GetMechanismList(slot, offers->list, &offers->count);
}

enum result pkcs11_mechanisms_read(struct pkcs11_mechanisms *mechanisms,
                                   const struct pkcs11_module *module,
                                   const struct pkcs11_token *token, struct pkcs11_failure *failure)
{
    struct offers offers = {.module = module, .token = token};

    *mechanisms = (struct pkcs11_mechanisms){.scheme = {{0}}};
    CK_RV code = read_list(&offers);
    for (size_t i = 0; code == CKR_OK && i < COUNT(ways); i++) {
        struct pkcs11_scheme *scheme = &mechanisms->scheme[ways[i].algorithm];
        if (scheme->algorithm == 0)
            take_way(scheme, &ways[i], &offers);
    }
    free(offers.list);
    if (code != CKR_OK)
        return pkcs11_fail_token(failure, token, code, "cannot ask what it can do");
    return RESULT_OK;
}

const struct pkcs11_scheme *pkcs11_mechanisms_for(const struct pkcs11_mechanisms *mechanisms,
                                                  uint8_t algorithm)
{
    if (algorithm >= PKCS11_ALGORITHMS || mechanisms->scheme[algorithm].algorithm == 0)
        return NULL;
    return &mechanisms->scheme[algorithm];
}

const char *pkcs11_algorithm_name(uint8_t algorithm)
{
    static const char *const names[PKCS11_ALGORITHMS] = {
        [8] = "RSASHA256",        [10] = "RSASHA512", [13] = "ECDSAP256SHA256",
        [14] = "ECDSAP384SHA384", [15] = "ED25519",   [16] = "ED448",
    };

    return algorithm < PKCS11_ALGORITHMS && names[algorithm] ? names[algorithm] : "algorithm ?";
}
