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
#include "avow/wire/record_walk.h"

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

/*
 * Verify.
 *
 * records  Everything that the zone has, signatures too. They are walked twice, and rewound at the
 *          end; what they point to lives until this returns.
 *
 * Returns RESULT_FORMAT for a key or RDATA that is none, RESULT_SYSTEM.
 */
MUST_CHECK enum result zonemd_verify(const struct name *apex, const struct record_walk *records,
                                     struct zonemd_finding *finding);

/* Whether the zone is another than its ZONEMD is of. */
static inline bool zonemd_refutes(enum zonemd_verdict verdict)
{
    return verdict == ZONEMD_WRONG || verdict == ZONEMD_STALE;
}

enum { ZONEMD_TEXT = 128 };

/* The finding as a clause about the zone, or its file: "its ZONEMD is wrong: ...". Returns `text`.
 */
const char *zonemd_tell(const struct zonemd_finding *finding, char text[ZONEMD_TEXT]);

/* One word for it, for JSON: none, right, wrong, stale, unusable. */
const char *zonemd_word(enum zonemd_verdict verdict);

#endif
