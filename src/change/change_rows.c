/* change_rows.c - rows of zones, keys and what is due. */
#include <lmdb.h>
#include <string.h>

#include "avow/change/change.h"

#include "put.h"

enum { SEQUENCE_TRIES = 1 << 16 };

void change_put_zone(struct change *change, struct zone *zone)
{
    struct store_key key;

    change_take_digest(change, zone->version, &zone->digest);
    store_key_zone(&key, &zone->apex);
    zone_compose(zone, put_begin(change));
    put_record(change, TABLE_ZONES, &key, 0);
}

void change_delete_zone(struct change *change, const struct name *apex)
{
    struct store_key key;

    store_key_zone(&key, apex);
    put_nothing(change, TABLE_ZONES, &key);
}

void change_put_key(struct change *change, const struct key_row *row)
{
    struct store_key key;

    store_key_key(&key, &row->zone, row->number);
    key_compose(row, put_begin(change));
    put_record(change, TABLE_KEYS, &key, 0);
}

void change_delete_key(struct change *change, const struct name *zone, uint32_t number)
{
    struct store_key key;

    store_key_key(&key, zone, number);
    put_nothing(change, TABLE_KEYS, &key);
}

static void expiry_store_key(const struct expiry *expiry, struct store_key *key)
{
    key->length = EXPIRY_KEY_OCTETS;
    expiry_key(expiry, key->octets);
}

enum place_taken { PLACE_FREE, PLACE_TAKEN, PLACE_SAME };

/* What lies at an entry's key: nothing, another segment, or the same one. */
static enum place_taken look_at(struct change *change, const struct store_key *key,
                                const struct expiry *expiry)
{
    struct store_record record = store_key_record(key);
    struct reader payload;
    struct expiry other;
    enum found_record found = snapshot_get(&change->view, TABLE_EXPIRY, &record, &payload);

    if (found == RECORD_ABSENT)
        return PLACE_FREE;
    if (found == RECORD_CORRUPT || expiry_open(key->octets, key->length, payload, &other))
        return PLACE_TAKEN;
    return store_key_equal(other.first, other.first_length, expiry->first, expiry->first_length) &&
                   store_key_equal(other.last, other.last_length, expiry->last, expiry->last_length)
               ? PLACE_SAME
               : PLACE_TAKEN;
}

/* A hash of where the segment begins, so that many segments of one moment do not crowd. */
static uint32_t first_sequence(const struct change *change, const struct expiry *expiry)
{
    return (uint32_t)hash_octets(&change->store->checksum_keys[TABLE_EXPIRY], expiry->first,
                                 expiry->first_length);
}

void change_put_expiry(struct change *change, struct expiry *expiry)
{
    struct store_key key;

    if (change->failed)
        return;
    expiry->sequence = first_sequence(change, expiry);
    for (unsigned tries = 0; tries < SEQUENCE_TRIES; tries++, expiry->sequence++) {
        expiry_store_key(expiry, &key);
        enum place_taken taken = look_at(change, &key, expiry);
        if (taken == PLACE_SAME)
            return;
        if (taken == PLACE_TAKEN)
            continue;
        expiry_compose(expiry, put_begin(change));
        put_record(change, TABLE_EXPIRY, &key, 0);
        return;
    }
    put_refused(change, RESULT_FULL);
}

void change_delete_expiry(struct change *change, const struct expiry *expiry)
{
    struct store_key key;

    expiry_store_key(expiry, &key);
    put_nothing(change, TABLE_EXPIRY, &key);
}
