/*
 * load_digest.h - the ZONEMD records of a file against all of its records (RFC 8976 section 4).
 */
#ifndef KEEPER_LOAD_DIGEST_H
#define KEEPER_LOAD_DIGEST_H

#include "avow/config/loading.h"
#include "avow/wire/name.h"
#include "avow/zonefile/gather.h"
#include "load_check.h"

/*
 * Verify.
 *
 * gather  Sorted, with everything that the file has, signatures too.
 * hold    HOLD_ZONEMD when the policy is not met; `text` says why, or, with HOLD_NONE and not
 *         empty, what should be known all the same.
 *
 * Returns RESULT_OK, RESULT_SYSTEM.
 */
MUST_CHECK enum result load_digest(struct gather *gather, const struct name *apex,
                                   enum config_zonemd policy, enum hold_reason *hold,
                                   char text[HOLD_TEXT]);

#endif
