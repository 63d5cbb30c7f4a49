/* judge.c - the gathered records of a file before the rules. */
#include "avow/zonefile/judge.h"

#include "avow/zonefile/owner.h"

static enum result judge_owner(struct zone_rules *rules, struct owner_sets *sets,
                               struct gather *gather, const struct gathered *first)
{
    struct name name;
    enum result result = name_key_read(first->key, first->key_length, &name);

    if (!result)
        result = owner_sets_collect(sets, gather);
    struct zone_owner owner = {.name = &name, .sets = sets->sets, .count = sets->count};
    return result ? result : zone_rules_owner(rules, &owner);
}

enum result zone_judge(struct gather *gather, const struct zone_rules_options *options,
                       uint64_t *names)
{
    struct owner_sets sets = {.sets = NULL};
    struct zone_rules *rules = NULL;
    struct gathered record;
    enum result result = zone_rules_make(&rules, options);

    *names = 0;
    gather->next = 0;
    while (!result && gather_peek(gather, &record) == FOUND_YES) {
        result = judge_owner(rules, &sets, gather, &record);
        ++*names;
    }
    if (!result)
        result = zone_rules_finish(rules);
    gather->next = 0;
    zone_rules_free(rules);
    owner_sets_free(&sets);
    return result;
}
