/* siphash.c - SipHash-2-4 of libsodium. */
#include "avow/base/siphash.h"

#include <sodium/crypto_shorthash_siphash24.h>
#include <sodium/utils.h>

_Static_assert((unsigned)SIPHASH_KEY_OCTETS == crypto_shorthash_siphash24_KEYBYTES &&
                   (unsigned)SIPHASH_OCTETS == crypto_shorthash_siphash24_BYTES,
               "the sizes are those of SipHash-2-4 with a hash of 64 bits");

/* Neither function that is called here needs sodium_init: they choose nothing by the processor. */

void siphash(const uint8_t key[SIPHASH_KEY_OCTETS], const void *octets, size_t length,
             uint8_t hash[SIPHASH_OCTETS])
{
    (void)crypto_shorthash_siphash24(hash, octets, length, key);
}

bool siphash_fits(const uint8_t key[SIPHASH_KEY_OCTETS], const void *octets, size_t length,
                  const uint8_t hash[SIPHASH_OCTETS])
{
    uint8_t made[SIPHASH_OCTETS];

    siphash(key, octets, length, made);
    return sodium_memcmp(made, hash, sizeof made) == 0;
}
