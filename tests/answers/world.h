/*
 * world.h - a store of a few zones, signed by a key of the test's own, for tests of answers.
 *
 * Zones go the keeper's way from text to nodes (gather, compose), so that what is answered from is
 * what a load would have stored. Whatever goes wrong ends the program with a message.
 */
#ifndef TESTS_ANSWERS_WORLD_H
#define TESTS_ANSWERS_WORLD_H

#include "avow/answer/answer.h"
#include "avow/dnssec/digest.h"
#include "avow/dnssec/dnskey.h"
#include "avow/store/store.h"

enum {
    WORLD_NOW = 1800000000, /* seconds since 1970 at which tests ask */
    WORLD_DAY = 86400,
    WORLD_ZONES = 16
};

enum world_denial { WORLD_UNSIGNED, WORLD_NSEC, WORLD_NSEC3, WORLD_OPT_OUT, WORLD_DENIALS };

enum world_signing {
    WORLD_SIGNED,     /* by the key: signatures verify */
    WORLD_IMITATED,   /* random octets in the form of signatures, for large zones */
    WORLD_NOT_YET,    /* none made so far */
    WORLD_OUT_OF_DATE /* by the key, ended yesterday */
};

struct world_zone {
    const char *apex;
    const char *file; /* a path, or NULL */
    const char *text; /* or the zone itself */
    size_t length;
    enum world_denial denial;
    enum world_signing signing;
    uint16_t iterations;
    const char *salt;
};

/* Zeroed: closed. */
struct world {
    char *folder;
    struct store store;
    struct snapshot snapshot; /* in use between world_ready and world_close */
    struct zone_table zones;
    struct evp_pkey_st *key;
    struct dnskey dnskey;
    uint16_t key_tag;
    struct digest_context digests;
    unsigned zone_count;
    struct name apexes[WORLD_ZONES];
    enum world_denial denials[WORLD_ZONES];
};

void world_open(struct world *world, uint64_t map_octets);
void world_load(struct world *world, const struct world_zone *zone);

/* Everything is loaded: renew the snapshot, build the table, fill the answerer in. */
void world_ready(struct world *world, struct answerer *answerer);

void world_close(struct world *world);

/* The zone that answers for a name, by number; -1 when there is none. */
int world_zone_of(const struct world *world, const struct name *name);

/* Ask: a query in wire form for `name`, `type`, with or without EDNS. */
struct world_question {
    struct name name;
    uint16_t type;
    uint16_t class_;
    bool edns;
    bool dnssec_ok;
    uint16_t payload;
    enum answer_transport transport;
};
size_t world_query(const struct world_question *question, uint8_t *octets, size_t size);

#endif
