/*
 * zone_digest.h - the ZONEMD digest of a zone as it will be: what is stored, with a stage over it.
 *
 * SIMPLE (RFC 8976 section 3.3.1) is a digest of everything in order, so each costs a walk over the
 * whole zone. For a thread of its own: it only reads.
 */
#ifndef KEEPER_ZONE_DIGEST_H
#define KEEPER_ZONE_DIGEST_H

#include <stdatomic.h>

#include "avow/dnssec/digest.h"
#include "avow/store/snapshot.h"
#include "stage.h"

struct zone_digest {
    struct snapshot *snapshot; /* renewed, held by the caller */
    uint32_t version;
    const struct name *apex;
    const struct stage *stage; /* settled and signed; nobody changes it meanwhile; NULL: none */
    enum digest digest;
    const atomic_bool *cancelled; /* set by another thread to end it; may be NULL */
};

/* Make it. Names that the stage adds are not looked for: it may only change names that are stored.
 * RESULT_CORRUPT, RESULT_SYSTEM; RESULT_REFUSED when it was cancelled. */
MUST_CHECK enum result zone_digest_make(const struct zone_digest *zone,
                                        uint8_t hash[DIGEST_MAX_OCTETS]);

#endif
