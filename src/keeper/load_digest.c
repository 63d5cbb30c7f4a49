/* load_digest.c - the ZONEMD records of a file, and what the policy says of them. */
#include "load_digest.h"

#include <stdio.h>

#include "avow/dnssec/zonemd_verify.h"

enum result load_digest(struct gather *gather, const struct name *apex, enum config_zonemd policy,
                        enum hold_reason *hold, char text[HOLD_TEXT])
{
    const struct record_walk records = gather_walk(gather);
    struct zonemd_finding finding;

    text[0] = '\0';
    *hold = HOLD_NONE;
    if (policy == CONFIG_ZONEMD_IGNORE)
        return RESULT_OK;
    enum result result = zonemd_verify(apex, &records, &finding);
    if (result || finding.verdict == ZONEMD_RIGHT)
        return result;
    bool required = policy == CONFIG_ZONEMD_REQUIRE;
    if (required || zonemd_refutes(finding.verdict))
        *hold = HOLD_ZONEMD;
    if (required || finding.verdict != ZONEMD_ABSENT)
        (void)snprintf(text, HOLD_TEXT, "%s%s", zonemd_tell(&finding, (char[ZONEMD_TEXT]){0}),
                       finding.verdict == ZONEMD_ABSENT ? ", which is required" : "");
    return RESULT_OK;
}
