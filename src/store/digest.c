/* digest.c - what one record adds to the digest of its version. */
#include "avow/store/digest.h"

#include <string.h>

struct version_digest digest_of_record(const struct store *store, enum store_table table,
                                       const struct store_record *record)
{
    uint8_t octets[RECORD_MAX_KEY_OCTETS + RECORD_SEAL_OCTETS];
    size_t key = record->key_length < RECORD_MAX_KEY_OCTETS ? record->key_length
                                                            : (size_t)RECORD_MAX_KEY_OCTETS;
    size_t seal = record->value_length < RECORD_SEAL_OCTETS ? record->value_length
                                                            : (size_t)RECORD_SEAL_OCTETS;

    memcpy(octets, record->key, key);
    memcpy(octets + key, record->value + record->value_length - seal, seal);
    struct hash_wide hash = hash_wide(&store->checksum_keys[table], octets, key + seal);
    return (struct version_digest){.low = hash.low, .high = hash.high, .records = 1};
}
