/*
 * record.h - sealing a record and checking its seal.
 *
 * Every record but the format number and the seed ends in 8 octets: a keyed hash over its table,
 * its key and its payload. A bit that flips in either is found before the record is used.
 * Floor: store.
 */
#ifndef AVOW_STORE_RECORD_H
#define AVOW_STORE_RECORD_H

#include "avow/base/buffer.h"
#include "avow/store/store.h"
#include "avow/wire/reader.h"

enum { RECORD_SEAL_OCTETS = 8, RECORD_MAX_KEY_OCTETS = 511, RECORD_PREFIX_OCTETS = 4 };

/* Whether a record is there; a damaged one is neither. */
enum found_record { RECORD_CORRUPT, RECORD_ABSENT, RECORD_THERE };

struct store_record {
    const uint8_t *key;
    const uint8_t *value; /* payload and seal */
    size_t key_length, value_length;
};

static inline uint64_t record_hash(const struct store *store, enum store_table table,
                                   const struct store_record *record, size_t payload_length)
{
    return hash_pair(&store->checksum_keys[table], record->key, record->key_length, record->value,
                     payload_length);
}

/* A reader over the payload of a record whose seal is good; RESULT_CORRUPT otherwise. */
MUST_CHECK static inline enum result record_open(const struct store *store, enum store_table table,
                                                 const struct store_record *record,
                                                 struct reader *payload)
{
    struct reader value = reader_over(record->value, record->value_length);
    if (record->value_length < RECORD_SEAL_OCTETS)
        return RESULT_CORRUPT;
    size_t length = record->value_length - RECORD_SEAL_OCTETS;
    *payload = reader_part(&value, length);
    return reader_u64(&value) == record_hash(store, table, record, length) ? RESULT_OK
                                                                           : RESULT_CORRUPT;
}

/* Append the seal to a payload that is all of `value`. A failure stays in the buffer. */
void record_seal(const struct store *store, enum store_table table, const uint8_t *key,
                 size_t key_length, struct buffer *value);

#endif
