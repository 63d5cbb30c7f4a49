/* hash.c - XXH3 with a secret. */
#include "avow/base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "avow/base/random.h"

_Static_assert(HASH_SECRET_OCTETS >= XXH3_SECRET_SIZE_MIN, "the secret is too short for XXH3");

void hash_key_from_seed(struct hash_key *key, const uint8_t seed[HASH_SEED_OCTETS])
{
    /* Each 8 octets of the secret are a hash of the whole seed under a counter. */
    for (uint64_t i = 0; i < HASH_SECRET_OCTETS / 8; i++) {
        XXH64_canonical_t part;
        XXH64_canonicalFromHash(&part, XXH3_64bits_withSeed(seed, HASH_SEED_OCTETS, i + 1));
        for (unsigned j = 0; j < 8; j++)
            key->secret[i * 8 + j] = part.digest[j];
    }
}

enum result hash_key_random(struct hash_key *key)
{
    return random_fill(key->secret, sizeof key->secret);
}

uint64_t hash_octets(const struct hash_key *key, const void *octets, size_t length)
{
    return XXH3_64bits_withSecret(octets, length, key->secret, sizeof key->secret);
}

struct hash_wide hash_wide(const struct hash_key *key, const void *octets, size_t length)
{
    XXH128_hash_t hash = XXH3_128bits_withSecret(octets, length, key->secret, sizeof key->secret);
    return (struct hash_wide){.low = hash.low64, .high = hash.high64};
}

uint64_t hash_pair(const struct hash_key *key, const void *first, size_t first_length,
                   const void *second, size_t second_length)
{
    uint64_t parts[3] = {
        hash_octets(key, first, first_length),
        hash_octets(key, second, second_length),
        first_length,
    };
    return hash_octets(key, parts, sizeof parts);
}
