/*
 * judge.h - the gathered records of a file before the rules.
 *
 * For whoever wants to know whether a file is fit to be served, and nothing else of it.
 * Floor: zonefile.
 */
#ifndef AVOW_ZONEFILE_JUDGE_H
#define AVOW_ZONEFILE_JUDGE_H

#include "avow/zonefile/gather.h"
#include "avow/zonefile/rules.h"

/*
 * Judge all sorted records; the gather stands at its beginning again afterwards.
 *
 * names  OUT: so many owners were met.
 *
 * Returns RESULT_OK; RESULT_FORMAT when the zone broke a rule; RESULT_FULL for an RRset of more
 * than 65535 records; RESULT_SYSTEM without memory.
 */
MUST_CHECK enum result zone_judge(struct gather *gather, const struct zone_rules_options *options,
                                  uint64_t *names);

#endif
