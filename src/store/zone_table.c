/* zone_table.c - all served zones in memory, by apex. */
#include <stdlib.h>
#include <string.h>

#include "avow/store/key.h"
#include "avow/store/zones.h"

struct zone_slot {
    uint64_t hash;
    struct served_zone *zone; /* NULL: free; the salt lies behind it */
};

enum { TABLE_SMALLEST = 16 };

static uint64_t hash_apex(const struct zone_table *table, const uint8_t *lowered, size_t length)
{
    return hash_octets(&table->key, lowered, length);
}

static void place_zone(struct zone_slot *slots, size_t capacity, uint64_t hash,
                       struct served_zone *zone)
{
    size_t i = hash & (capacity - 1);

    while (slots[i].zone)
        i = (i + 1) & (capacity - 1);
    slots[i] = (struct zone_slot){.hash = hash, .zone = zone};
}

static enum result grow(struct zone_table *table)
{
    size_t capacity = table->capacity ? table->capacity * 2 : TABLE_SMALLEST;
    struct zone_slot *slots = calloc(capacity, sizeof *slots);

    if (!slots)
        return RESULT_SYSTEM;
    for (size_t i = 0; i < table->capacity; i++)
        if (table->slots[i].zone)
            place_zone(slots, capacity, table->slots[i].hash, table->slots[i].zone);
    free(table->slots);
    table->slots = slots;
    table->capacity = capacity;
    return RESULT_OK;
}

static struct served_zone *make_served(const struct zone *zone)
{
    struct served_zone *served = calloc(1, sizeof *served + zone->salt_length);
    struct store_key key;

    if (!served)
        return NULL;
    name_copy(&served->apex, &zone->apex);
    served->version = zone->version;
    served->denial_ttl = zone->denial_ttl;
    served->flags = zone->flags;
    served->iterations = zone->iterations;
    served->salt_length = zone->salt_length;
    if (zone->salt_length) {
        uint8_t *salt = (uint8_t *)(served + 1);
        memcpy(salt, zone->salt, zone->salt_length);
        served->salt = salt;
    }
    store_key_zone(&key, &zone->apex);
    served->bucket = (uint16_t)pages_bucket(key.octets + 1, key.length - 1U);
    return served;
}

static enum result add_zone(struct zone_table *table, const struct zone *zone)
{
    struct name lowered;

    if (2 * (table->count + 1) > table->capacity && grow(table))
        return RESULT_SYSTEM;
    struct served_zone *served = make_served(zone);
    if (!served)
        return RESULT_SYSTEM;
    name_copy(&lowered, &zone->apex);
    name_lower(&lowered);
    place_zone(table->slots, table->capacity, hash_apex(table, lowered.octets, lowered.length),
               served);
    table->labels[zone->apex.labels / 64] |= (uint64_t)1 << zone->apex.labels % 64;
    table->count++;
    return RESULT_OK;
}

/*
 * RESULT_CORRUPT when some row was damaged; the rest is in. From row to row as they stand, for a
 * damaged name would lead a search astray. A damaged or doubtful zone stands there with version 0,
 * so that its names are not somebody else's.
 */
static enum result add_all(struct zone_table *table, struct snapshot *snapshot)
{
    enum result result = RESULT_OK;
    struct zone zone = {.version = 0};
    enum found_record found = zone_walk(snapshot, NULL, &zone);

    for (; found != RECORD_ABSENT; found = zone_next(snapshot, &zone)) {
        if (found == RECORD_CORRUPT)
            result = RESULT_CORRUPT;
        if (snapshot->spoiled)
            return RESULT_CORRUPT; /* a page is damaged: there is no way on */
        bool served = zone.version && !(zone.flags & ZONE_EXPIRED) && !zone.retired_at;
        if (zone.flags & ZONE_DOUBTFUL)
            zone.version = 0;
        if ((served || found == RECORD_CORRUPT) && add_zone(table, &zone))
            return RESULT_SYSTEM;
    }
    return result;
}

enum result zone_table_refresh(struct zone_table *table, struct snapshot *snapshot)
{
    struct zone_table fresh = {.generation = snapshot->zones_generation, .built = true};

    if (table->built && table->generation == fresh.generation)
        return RESULT_OK;
    if (hash_key_random(&fresh.key))
        return RESULT_SYSTEM;
    enum result result = add_all(&fresh, snapshot);
    if (result == RESULT_SYSTEM) {
        zone_table_free(&fresh);
        return result;
    }
    zone_table_free(table);
    *table = fresh;
    return result;
}

void zone_table_free(struct zone_table *table)
{
    for (size_t i = 0; i < table->capacity; i++)
        free(table->slots[i].zone);
    free(table->slots);
    *table = (struct zone_table){.slots = NULL};
}

static const struct served_zone *find_apex(const struct zone_table *table, const uint8_t *lowered,
                                           size_t length)
{
    uint64_t hash = hash_apex(table, lowered, length);

    for (size_t i = hash & (table->capacity - 1);; i = (i + 1) & (table->capacity - 1)) {
        const struct zone_slot *slot = &table->slots[i];
        if (!slot->zone)
            return NULL;
        if (slot->hash != hash || slot->zone->apex.length != length)
            continue;
        size_t j = 0;
        while (j < length && octet_lower(slot->zone->apex.octets[j]) == lowered[j])
            j++;
        if (j == length)
            return slot->zone;
    }
}

/* The longest apex among the name's suffixes that have at most `labels` labels. */
static const struct served_zone *find_from(const struct zone_table *table, const struct name *name,
                                           unsigned labels)
{
    struct name lowered;
    size_t at = 0;

    if (table->count == 0)
        return NULL;
    name_copy(&lowered, name);
    name_lower(&lowered);
    for (unsigned left = lowered.labels;; left--) {
        if (left <= labels && table->labels[left / 64] >> left % 64 & 1) {
            const struct served_zone *zone =
                find_apex(table, lowered.octets + at, lowered.length - at);
            if (zone)
                return zone;
        }
        if (left == 0)
            return NULL;
        at += 1U + lowered.octets[at];
    }
}

const struct served_zone *zone_table_find(const struct zone_table *table, const struct name *name)
{
    return find_from(table, name, name->labels);
}

const struct served_zone *zone_table_find_parent(const struct zone_table *table,
                                                 const struct name *name)
{
    return name->labels ? find_from(table, name, name->labels - 1U) : NULL;
}

uint64_t zone_last_change(const struct snapshot *snapshot, const struct served_zone *zone)
{
    if (!snapshot->pages)
        return snapshot->id;
    return atomic_load(&snapshot->pages->published->last_change[zone->bucket]);
}
