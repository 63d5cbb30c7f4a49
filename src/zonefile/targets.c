/* targets.c - do the names that NS, MX and SRV lead to have addresses in this zone? */
#include "targets.h"

#include <stdlib.h>
#include <string.h>

enum { FILTER_WORDS = 1 << 18, ALIASES_LIMIT = 1 << 18 };

/* ---- hashes -------------------------------------------------------------------------------- */

static uint64_t hash_of(const struct targets *targets, const uint8_t *octets, size_t length)
{
    uint64_t hash = hash_octets(&targets->key, octets, length);

    return hash ? hash : 1;
}

uint64_t targets_hash(const struct targets *targets, const struct name *name)
{
    struct name lower;

    name_copy(&lower, name);
    name_lower(&lower);
    return hash_of(targets, lower.octets, lower.length);
}

/* The slot of a hash, or the free one where it would go. There is always a free one. */
static uint64_t *find_slot(const struct hash_set *set, uint64_t hash)
{
    size_t at = hash & (set->capacity - 1);

    while (set->slots[at] && set->slots[at] != hash)
        at = (at + 1) & (set->capacity - 1);
    return &set->slots[at];
}

static bool set_has(const struct hash_set *set, uint64_t hash)
{
    return set->capacity && *find_slot(set, hash);
}

static enum result set_grow(struct hash_set *set)
{
    struct hash_set larger = {.capacity = set->capacity ? set->capacity * 2 : 1024,
                              .count = set->count,
                              .limit = set->limit};

    larger.slots = calloc(larger.capacity, sizeof *larger.slots);
    if (!larger.slots)
        return RESULT_SYSTEM;
    for (size_t i = 0; i < set->capacity; i++) {
        if (set->slots[i])
            *find_slot(&larger, set->slots[i]) = set->slots[i];
    }
    free(set->slots);
    *set = larger;
    return RESULT_OK;
}

/* Add a hash; `added` is false when it was there, or when the set holds as much as it may. */
static enum result set_add(struct hash_set *set, uint64_t hash, bool *added)
{
    *added = false;
    if (set->count >= set->limit)
        return RESULT_OK;
    if (set->count * 2 >= set->capacity && set_grow(set))
        return RESULT_SYSTEM;
    uint64_t *slot = find_slot(set, hash);
    if (*slot)
        return RESULT_OK;
    *slot = hash;
    set->count++;
    *added = true;
    return RESULT_OK;
}

/* ---- the filter ---------------------------------------------------------------------------- */

/* One word of the filter and four bits in it: one look at memory for each name. */
static uint64_t filter_bits(uint64_t hash)
{
    return UINT64_C(1) << (hash & 63) | UINT64_C(1) << (hash >> 6 & 63) |
           UINT64_C(1) << (hash >> 12 & 63) | UINT64_C(1) << (hash >> 18 & 63);
}

static uint64_t with_trait(uint64_t hash, enum trait trait)
{
    return trait == TRAIT_ADDRESS ? hash : hash ^ UINT64_C(0xa5a5a5a5a5a5a5a5);
}

static bool has_trait(const struct targets *targets, uint64_t hash, enum trait trait)
{
    uint64_t of = with_trait(hash, trait);
    uint64_t bits = filter_bits(of);

    return (targets->filter[(of >> 32) & (FILTER_WORDS - 1)] & bits) == bits;
}

void targets_add_trait(struct targets *targets, const struct name *name, enum trait trait)
{
    uint64_t of = with_trait(targets_hash(targets, name), trait);

    targets->filter[(of >> 32) & (FILTER_WORDS - 1)] |= filter_bits(of);
}

/* ---- targets ------------------------------------------------------------------------------- */

enum result targets_open(struct targets *targets, uint32_t limit)
{
    *targets = (struct targets){.aliases = {.limit = ALIASES_LIMIT}, .known = {.limit = limit}};
    if (hash_key_random(&targets->key))
        return RESULT_SYSTEM;
    targets->filter = calloc(FILTER_WORDS, sizeof *targets->filter);
    return targets->filter ? RESULT_OK : RESULT_SYSTEM;
}

void targets_close(struct targets *targets)
{
    free(targets->filter);
    free(targets->aliases.slots);
    free(targets->known.slots);
    buffer_free(&targets->noted);
    targets->filter = NULL;
    targets->aliases = targets->known = (struct hash_set){.slots = NULL};
}

enum result targets_add_alias(struct targets *targets, const struct name *name)
{
    bool added;

    return set_add(&targets->aliases, targets_hash(targets, name), &added);
}

enum result targets_note(struct targets *targets, const struct target *target)
{
    bool added;

    if (set_add(&targets->known, targets_hash(targets, &target->name), &added))
        return RESULT_SYSTEM;
    if (!added)
        return RESULT_OK;
    buffer_u16(&targets->noted, target->type);
    buffer_u16(&targets->noted, target->file);
    buffer_u32(&targets->noted, target->line);
    buffer_add(&targets->noted, target->name.octets, target->name.length);
    return buffer_check(&targets->noted);
}

bool targets_next(const struct targets *targets, size_t *at, struct target *target)
{
    struct reader noted = reader_over(targets->noted.octets, targets->noted.length);

    (void)reader_take(&noted, *at);
    target->type = reader_u16(&noted);
    target->file = reader_u16(&noted);
    target->line = reader_u32(&noted);
    name_read_plain(&noted, &target->name);
    if (noted.failed)
        return false;
    *at = (size_t)(noted.at - noted.start);
    return true;
}

/* Whether `*` before these octets, a name's last labels, has what a target needs. */
static bool wildcard_helps(const struct targets *targets, const uint8_t *tail, size_t length)
{
    uint8_t wildcard[2 + NAME_MAX_OCTETS] = {1, '*'};

    memcpy(wildcard + 2, tail, length);
    uint64_t hash = hash_of(targets, wildcard, length + 2);
    return has_trait(targets, hash, TRAIT_ADDRESS) || set_has(&targets->aliases, hash);
}

enum target_state targets_judge(const struct targets *targets, const struct name *target,
                                const struct name *zone)
{
    struct name lower;
    const uint8_t *tail = lower.octets;

    name_copy(&lower, target);
    name_lower(&lower);
    uint64_t hash = hash_of(targets, tail, lower.length);
    if (has_trait(targets, hash, TRAIT_ADDRESS) || has_trait(targets, hash, TRAIT_ELSEWHERE))
        return TARGET_FINE;
    if (set_has(&targets->aliases, hash))
        return TARGET_ALIAS;
    for (unsigned labels = lower.labels; labels > zone->labels; labels--) {
        tail += *tail + 1;
        size_t length = lower.length - (size_t)(tail - lower.octets);
        if (has_trait(targets, hash_of(targets, tail, length), TRAIT_ELSEWHERE) ||
            wildcard_helps(targets, tail, length))
            return TARGET_FINE;
    }
    return TARGET_NOWHERE;
}
