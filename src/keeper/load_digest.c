/* load_digest.c - the ZONEMD records of a file, and what the policy says of them. */
#include "load_digest.h"

#include <stdio.h>

#include "avow/dnssec/zonemd_verify.h"

static bool next_record(void *context, struct zonemd_record *record)
{
    struct gathered found;

    if (gather_next(context, &found) != FOUND_YES)
        return false;
    *record = (struct zonemd_record){.key = found.key,
                                     .key_length = found.key_length,
                                     .type = found.type,
                                     .ttl = found.ttl,
                                     .rdata = found.rdata,
                                     .rdata_length = found.rdata_length};
    return true;
}

static void rewind_records(void *context)
{
    struct gather *gather = context;

    gather->next = 0;
}

enum result load_digest(struct gather *gather, const struct name *apex, enum config_zonemd policy,
                        enum hold_reason *hold, char text[HOLD_TEXT])
{
    const struct zonemd_zone zone = {
        .apex = apex, .next = next_record, .rewind = rewind_records, .context = gather};
    struct zonemd_finding finding;

    text[0] = '\0';
    *hold = HOLD_NONE;
    if (policy == CONFIG_ZONEMD_IGNORE)
        return RESULT_OK;
    enum result result = zonemd_verify(&zone, &finding);
    gather->next = 0;
    if (result || finding.verdict == ZONEMD_RIGHT)
        return result;
    bool required = policy == CONFIG_ZONEMD_REQUIRE;
    if (required || finding.verdict == ZONEMD_WRONG || finding.verdict == ZONEMD_STALE)
        *hold = HOLD_ZONEMD;
    if (required || finding.verdict != ZONEMD_ABSENT)
        (void)snprintf(text, HOLD_TEXT, "%s%s", zonemd_tell(&finding, (char[ZONEMD_TEXT]){0}),
                       finding.verdict == ZONEMD_ABSENT ? ", which is required" : "");
    return RESULT_OK;
}
