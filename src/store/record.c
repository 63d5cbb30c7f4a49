/* record.c - the seal at the end of a record. */
#include "avow/store/record.h"

void record_seal(const struct store *store, enum store_table table, const uint8_t *key,
                 size_t key_length, struct buffer *value)
{
    struct store_record record = {.key = key, .key_length = key_length, .value = value->octets};

    if (!value->failed)
        buffer_u64(value, record_hash(store, table, &record, value->length));
}
