/*
 * hash.h - a keyed 64-bit hash (XXH3 with a secret), for tables and record checksums.
 *
 * The secret makes collisions unpredictable to strangers who choose what is hashed; it is no
 * signature. Floor: base.
 */
#ifndef AVOW_BASE_HASH_H
#define AVOW_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "avow/base/result.h"

enum { HASH_SEED_OCTETS = 32, HASH_SECRET_OCTETS = 192 };

struct hash_key {
    uint8_t secret[HASH_SECRET_OCTETS];
};

/* Make a key from a seed: the same seed gives the same key on every machine. */
void hash_key_from_seed(struct hash_key *key, const uint8_t seed[HASH_SEED_OCTETS]);

/* Make a key that nobody else has. */
MUST_CHECK enum result hash_key_random(struct hash_key *key);

/* The hash of `length` octets. */
uint64_t hash_octets(const struct hash_key *key, const void *octets, size_t length);

/* The same hash with twice the width. */
struct hash_wide {
    uint64_t low, high;
};
struct hash_wide hash_wide(const struct hash_key *key, const void *octets, size_t length);

/* The hash of two pieces, bound together: moving the border between them changes it. */
uint64_t hash_pair(const struct hash_key *key, const void *first, size_t first_length,
                   const void *second, size_t second_length);

#endif
