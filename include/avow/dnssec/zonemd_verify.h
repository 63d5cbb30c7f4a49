/*
 * zonemd_verify.h - the ZONEMD records of a zone against all of its records (RFC 8976 section 4).
 *
 * Floor: dnssec.
 */
#ifndef AVOW_DNSSEC_ZONEMD_VERIFY_H
#define AVOW_DNSSEC_ZONEMD_VERIFY_H

#include <stdbool.h>

#include "avow/base/result.h"
#include "avow/wire/name.h"

/* A record; what it points to lives as long as the zone that is verified. */
struct zonemd_record {
    const uint8_t *key; /* of its owner (wire/name.h) */
    size_t key_length;
    uint16_t type;
    uint32_t ttl;
    const uint8_t *rdata;
    size_t rdata_length;
};

/* A zone: who walks it. */
struct zonemd_zone {
    const struct name *apex;
    /* The next record, in canonical order of owners and then by type, in any order of RDATA, the
     * apex first; everything that the zone has, signatures too. False at the end. */
    bool (*next)(void *context, struct zonemd_record *record);
    /* Begin anew. */
    void (*rewind)(void *context);
    void *context;
};

enum zonemd_verdict {
    ZONEMD_ABSENT,
    ZONEMD_RIGHT,   /* one at least is */
    ZONEMD_WRONG,   /* none of those that can be verified is right */
    ZONEMD_STALE,   /* for another serial */
    ZONEMD_UNUSABLE /* no scheme and hash is known and there once */
};

struct zonemd_finding {
    enum zonemd_verdict verdict;
    uint32_t serial; /* of the SOA */
    uint32_t stale;  /* that the record is for, when it is stale */
};

/* Verify. RESULT_FORMAT for a key or RDATA that is none, RESULT_SYSTEM. */
MUST_CHECK enum result zonemd_verify(const struct zonemd_zone *zone,
                                     struct zonemd_finding *finding);

enum { ZONEMD_TEXT = 128 };

/* The finding as a clause about the zone, or its file: "its ZONEMD is wrong: ...". Returns `text`.
 */
const char *zonemd_tell(const struct zonemd_finding *finding, char text[ZONEMD_TEXT]);

/* One word for it, for JSON: none, right, wrong, stale, unusable. */
const char *zonemd_word(enum zonemd_verdict verdict);

#endif
