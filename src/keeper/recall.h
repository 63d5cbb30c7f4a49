/*
 * recall.h - a zone as it is stored, back to the records that it was made of.
 */
#ifndef KEEPER_RECALL_H
#define KEEPER_RECALL_H

#include "avow/store/snapshot.h"
#include "avow/zonefile/gather.h"

/*
 * Gather all records of a version but those that a signer makes and the DNSKEYs of the zone's own
 * keys: what its file would say.
 *
 * snapshot  Renewed, held by the caller.
 *
 * Returns   RESULT_CORRUPT for damage; RESULT_SYSTEM without memory.
 */
MUST_CHECK enum result recall_zone(struct snapshot *snapshot, uint32_t version,
                                   const struct name *zone, struct gather *gather);

/* Whether a DNSKEY is that of a key of the zone, of whatever state. RESULT_CORRUPT. */
MUST_CHECK enum result recall_is_own_key(struct snapshot *snapshot, const struct name *zone,
                                         const struct reader *rdata, bool *own);

#endif
