/* dump_fields.c - the fields of rows as a dump names them. */
#include "dump_fields.h"

#include <stddef.h>
#include <string.h>

#define ZONE(member)                                                                               \
    {                                                                                              \
#member, offsetof(struct zone, member), sizeof((struct zone *)0)->member                   \
    }
#define KEY(name, member)                                                                          \
    {                                                                                              \
        name, offsetof(struct key_row, member), sizeof((struct key_row *)0)->member                \
    }

/* Without the journal's members: they stay 0 in a row that is read (dump.c says why). */
const struct dump_field dump_zone_fields[] = {
    ZONE(version),        ZONE(loading),        ZONE(serial),
    ZONE(highest_serial), ZONE(denial_ttl),     ZONE(flags),
    ZONE(iterations),     ZONE(names),          ZONE(policy_fingerprint),
    ZONE(records),        ZONE(rrsets),         ZONE(rrsets_signed),
    ZONE(denials),        ZONE(denials_signed), ZONE(file_size),
    ZONE(file_time),      ZONE(file_hash),      ZONE(loaded_at),
    ZONE(changed_at),     ZONE(signed_at),      ZONE(last_change),
    ZONE(retired_at),
};
const size_t dump_zone_field_count = COUNT(dump_zone_fields);

const struct dump_field dump_key_fields[] = {
    KEY("number", number),
    KEY("predecessor", predecessor),
    KEY("successor", successor),
    KEY("role", role),
    KEY("state", state),
    KEY("goal", goal),
    KEY("algorithm", algorithm),
    KEY("flags", flags),
    KEY("tag", tag),
    KEY("bits", bits),
    KEY("dnskey_stage", records[KEY_DNSKEY].stage),
    KEY("dnskey_since", records[KEY_DNSKEY].since),
    KEY("dnskey_ttl", records[KEY_DNSKEY].ttl),
    KEY("zone_signatures_stage", records[KEY_ZONE_SIGNATURES].stage),
    KEY("zone_signatures_since", records[KEY_ZONE_SIGNATURES].since),
    KEY("zone_signatures_ttl", records[KEY_ZONE_SIGNATURES].ttl),
    KEY("dnskey_signatures_stage", records[KEY_DNSKEY_SIGNATURES].stage),
    KEY("dnskey_signatures_since", records[KEY_DNSKEY_SIGNATURES].since),
    KEY("dnskey_signatures_ttl", records[KEY_DNSKEY_SIGNATURES].ttl),
    KEY("ds_stage", records[KEY_DS].stage),
    KEY("ds_since", records[KEY_DS].since),
    KEY("ds_ttl", records[KEY_DS].ttl),
    KEY("created", created),
    KEY("published", published),
    KEY("active", active),
    KEY("retired", retired),
    KEY("removed", removed),
    KEY("ds_seen", ds_seen),
    KEY("ds_gone", ds_gone),
    KEY("fully_signed", fully_signed),
};
const size_t dump_key_field_count = COUNT(dump_key_fields);

uint64_t dump_field_get(const struct dump_field *field, const void *row)
{
    const uint8_t *place = (const uint8_t *)row + field->offset;
    uint64_t number = 0;

    /* Little-endian hosts only, as LMDB's file is: the low octets come first. */
    memcpy(&number, place, field->size);
    return number;
}

bool dump_field_set(const struct dump_field *field, void *row, uint64_t number)
{
    if (field->size < sizeof number && number >> (8 * field->size))
        return false;
    memcpy((uint8_t *)row + field->offset, &number, field->size);
    return true;
}

uint64_t dump_hash(uint64_t before, const void *line, size_t length)
{
    static const uint8_t seed[HASH_SEED_OCTETS] = DUMP_TITLE;
    struct hash_key key;

    hash_key_from_seed(&key, seed);
    return hash_pair(&key, &before, sizeof before, line, length);
}
