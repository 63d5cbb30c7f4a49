/*
 * key.h - the keys of the tables.
 *
 * memcmp order is what each table is walked in: canonical order of names (RFC 4034 section 6.1),
 * hash order, time. Every key begins with what keeps versions or zones apart. Floor: store. Pure.
 */
#ifndef AVOW_STORE_KEY_H
#define AVOW_STORE_KEY_H

#include <string.h>

#include "avow/store/record.h"
#include "avow/wire/name.h"

struct store_key {
    uint16_t length;
    uint8_t octets[RECORD_MAX_KEY_OCTETS + 1];
};

/* TABLE_NODES: version, name. */
void store_key_node(struct store_key *key, uint32_t version, const struct name *name);

/* TABLE_RRSETS: a node's key and the type. */
void store_key_rrset(struct store_key *key, const uint8_t *node_key, size_t length, uint16_t type);

/* TABLE_NSEC3: version, hash. */
void store_key_nsec3(struct store_key *key, uint32_t version, const uint8_t *hash);

/* TABLE_ZONES: an octet 0 (the root's own key would be empty), name. */
void store_key_zone(struct store_key *key, const struct name *apex);

/* TABLE_KEYS: length of the name's key, that key, number: a zone's keys lie together. */
void store_key_key(struct store_key *key, const struct name *zone, uint32_t number);

/* TABLE_JOURNAL: version, the serial that the entry leads from, piece. */
void store_key_journal(struct store_key *key, uint32_t version, uint32_t from, uint16_t piece);

/* The version that a key of nodes, rrsets, nsec3 or journal begins with; 0 when it is too short. */
uint32_t store_key_version(const uint8_t *key, size_t length);

/* A record that is looked for: this key, no value yet. */
static inline struct store_record store_key_record(const struct store_key *key)
{
    return (struct store_record){.key = key->octets, .key_length = key->length};
}

static inline bool store_key_equal(const uint8_t *a, size_t a_length, const uint8_t *b,
                                   size_t b_length)
{
    return a_length == b_length && memcmp(a, b, a_length) == 0;
}

/* Order as LMDB's: octets, then length. */
static inline int store_key_compare(const uint8_t *a, size_t a_length, const uint8_t *b,
                                    size_t b_length)
{
    int order = memcmp(a, b, a_length < b_length ? a_length : b_length);
    return order ? order : (a_length > b_length) - (a_length < b_length);
}

#endif
