/*
 * record_walk.h - records one by one, and walks over them.
 *
 * What looks at all records of a zone takes a walk, so that it need not know where they are kept.
 *
 * Floor: wire.
 */
#ifndef AVOW_WIRE_RECORD_WALK_H
#define AVOW_WIRE_RECORD_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A record, its owner as a key (name.h); what it points to is whose walk it came from. */
struct walked_record {
    const uint8_t *key;
    size_t key_length;
    uint16_t type;
    uint32_t ttl;
    const uint8_t *rdata;
    size_t rdata_length;
};

/* Records in order: by owner, canonically, then by type, then in any. */
struct record_walk {
    bool (*next)(void *context, struct walked_record *record); /* false at the end */
    void (*rewind)(void *context);                             /* begin anew */
    void *context;
};

#endif
