/* algorithm.c - DNSSEC algorithms: numbers, names, forms of keys and signatures. */
#include "avow/dnssec/algorithm.h"

#include <string.h>
#include <strings.h>

static const struct algorithm algorithms[] = {
    {.number = ALGORITHM_RSASHA256,
     .family = ALGORITHM_FAMILY_RSA,
     .digest = DIGEST_SHA256,
     .default_bits = 2048,
     .name = "rsasha256",
     .mnemonic = "RSASHA256"},
    {.number = ALGORITHM_RSASHA512,
     .family = ALGORITHM_FAMILY_RSA,
     .digest = DIGEST_SHA512,
     .default_bits = 2048,
     .name = "rsasha512",
     .mnemonic = "RSASHA512"},
    {.number = ALGORITHM_ECDSAP256SHA256,
     .family = ALGORITHM_FAMILY_ECDSA,
     .digest = DIGEST_SHA256,
     .public_key_octets = 64,
     .signature_octets = 64,
     .default_bits = 256,
     .name = "ecdsap256sha256",
     .mnemonic = "ECDSAP256SHA256"},
    {.number = ALGORITHM_ECDSAP384SHA384,
     .family = ALGORITHM_FAMILY_ECDSA,
     .digest = DIGEST_SHA384,
     .public_key_octets = 96,
     .signature_octets = 96,
     .default_bits = 384,
     .name = "ecdsap384sha384",
     .mnemonic = "ECDSAP384SHA384"},
    {.number = ALGORITHM_ED25519,
     .family = ALGORITHM_FAMILY_EDWARDS,
     .digest = DIGEST_NONE,
     .public_key_octets = 32,
     .signature_octets = 64,
     .default_bits = 256,
     .name = "ed25519",
     .mnemonic = "ED25519"},
    {.number = ALGORITHM_ED448,
     .family = ALGORITHM_FAMILY_EDWARDS,
     .digest = DIGEST_NONE,
     .public_key_octets = 57,
     .signature_octets = 114,
     .default_bits = 456,
     .name = "ed448",
     .mnemonic = "ED448"},
};

const struct algorithm *algorithm_find(uint8_t number)
{
    for (size_t i = 0; i < COUNT(algorithms); i++)
        if (algorithms[i].number == number)
            return &algorithms[i];
    return NULL;
}

const struct algorithm *algorithm_from_name(const char *name, size_t length)
{
    for (size_t i = 0; i < COUNT(algorithms); i++)
        if (strlen(algorithms[i].name) == length &&
            strncasecmp(algorithms[i].name, name, length) == 0)
            return &algorithms[i];
    return NULL;
}
