/* owner.c - all RRsets of one owner, brought together from gathered records. */
#include "avow/zonefile/owner.h"

#include <stdlib.h>
#include <string.h>

static enum result grow_sets(struct owner_sets *owner)
{
    size_t capacity = owner->capacity ? owner->capacity * 2 : 16;
    struct zone_set *sets = reallocarray(owner->sets, capacity, sizeof *sets);
    if (sets)
        owner->sets = sets;
    struct buffer *runs = reallocarray(owner->runs, capacity, sizeof *runs);
    if (runs)
        owner->runs = runs;
    if (!sets || !runs)
        return RESULT_SYSTEM;
    memset(runs + owner->capacity, 0, (capacity - owner->capacity) * sizeof *runs);
    owner->capacity = capacity;
    return RESULT_OK;
}

/* Begin a set behind the others. */
static enum result add_set(struct owner_sets *owner, const struct zone_set *set)
{
    if (owner->count == owner->capacity && grow_sets(owner))
        return RESULT_SYSTEM;
    owner->sets[owner->count] = *set;
    buffer_clear(&owner->runs[owner->count]);
    owner->count++;
    return RESULT_OK;
}

static enum result add_record(struct owner_sets *owner, const struct gathered *record)
{
    if (owner->count == 0 || owner->sets[owner->count - 1].type != record->type) {
        struct zone_set set = {.type = record->type,
                               .file = (uint16_t)record->file,
                               .line = record->line,
                               .ttl = record->ttl,
                               .ttl_highest = record->ttl};
        enum result result = add_set(owner, &set);
        if (result)
            return result;
    }
    struct zone_set *set = &owner->sets[owner->count - 1];
    if (record->ttl < set->ttl)
        set->ttl = record->ttl;
    if (record->ttl > set->ttl_highest)
        set->ttl_highest = record->ttl;
    bool added;
    return rdata_run_insert(&owner->runs[owner->count - 1], &set->rdata.count, record->type,
                            record->rdata, record->rdata_length, &added);
}

void owner_sets_clear(struct owner_sets *owner)
{
    owner->count = 0;
}

enum result owner_sets_collect(struct owner_sets *owner, struct gather *gather)
{
    struct gathered first, record;

    owner->count = 0;
    if (gather_peek(gather, &first) == FOUND_NOT)
        return RESULT_OK;
    while (gather_peek(gather, &record) == FOUND_YES && record.key_length == first.key_length &&
           memcmp(record.key, first.key, first.key_length) == 0) {
        enum result result = add_record(owner, &record);
        if (result)
            return result;
        gather->next++;
    }
    for (size_t i = 0; i < owner->count; i++) {
        owner->sets[i].rdata.octets = owner->runs[i].octets;
        owner->sets[i].rdata.length = (uint32_t)owner->runs[i].length;
    }
    return RESULT_OK;
}

struct zone_set *owner_sets_find(const struct owner_sets *owner, uint16_t type)
{
    for (size_t i = 0; i < owner->count; i++) {
        if (owner->sets[i].type == type && !owner->sets[i].dropped)
            return &owner->sets[i];
    }
    return NULL;
}

enum result owner_sets_insert(struct owner_sets *owner, const struct zone_set *set)
{
    size_t at = 0;

    while (at < owner->count && owner->sets[at].type < set->type)
        at++;
    enum result result = add_set(owner, set);
    if (result)
        return result;
    /* The new run was made at the end: its buffer comes along to its place. */
    size_t behind = owner->count - 1 - at;
    struct buffer run = owner->runs[owner->count - 1];
    memmove(&owner->sets[at + 1], &owner->sets[at], behind * sizeof *owner->sets);
    memmove(&owner->runs[at + 1], &owner->runs[at], behind * sizeof *owner->runs);
    buffer_add(&run, set->rdata.octets, set->rdata.length);
    owner->runs[at] = run;
    owner->sets[at] = *set;
    owner->sets[at].rdata.octets = run.octets;
    return buffer_check(&run);
}

void owner_sets_free(struct owner_sets *owner)
{
    for (size_t i = 0; i < owner->capacity; i++)
        buffer_free(&owner->runs[i]);
    free(owner->runs);
    free(owner->sets);
    *owner = (struct owner_sets){.sets = NULL};
}
