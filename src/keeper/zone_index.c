/* zone_index.c - zones by name, and by the version that they serve: there may be many thousands. */
#include <stdlib.h>

#include "internal.h"

enum { BUCKETS = 16384 };

static struct keeper_zone **bucket_of_name(const struct keeper *keeper, const struct name *name)
{
    uint8_t octets[NAME_MAX_OCTETS];

    for (unsigned i = 0; i < name->length; i++)
        octets[i] = octet_lower(name->octets[i]);
    return &keeper->named[hash_octets(&keeper->jobs.key, octets, name->length) % BUCKETS];
}

/* Versions are counted up: they spread by themselves. */
static struct keeper_zone **bucket_of_version(const struct keeper *keeper, uint32_t version)
{
    return &keeper->named[BUCKETS + version % BUCKETS];
}

enum result zone_index_open(struct keeper *keeper)
{
    keeper->named = calloc((size_t)2 * BUCKETS, sizeof(struct keeper_zone *));
    return keeper->named ? RESULT_OK : RESULT_SYSTEM;
}

void zone_index_close(struct keeper *keeper)
{
    free(keeper->named);
    keeper->named = NULL;
}

static void leave_version(struct keeper_zone *zone)
{
    if (!zone->indexed_version)
        return;
    struct keeper_zone **at = bucket_of_version(zone->keeper, zone->indexed_version);
    while (*at != zone)
        at = &(*at)->next_version;
    *at = zone->next_version;
    zone->indexed_version = 0;
}

void zone_index_version(struct keeper_zone *zone)
{
    if (zone->indexed_version == zone->row.version)
        return;
    leave_version(zone);
    if (!zone->row.version)
        return;
    struct keeper_zone **bucket = bucket_of_version(zone->keeper, zone->row.version);
    zone->next_version = *bucket;
    *bucket = zone;
    zone->indexed_version = zone->row.version;
}

void zone_index_add(struct keeper_zone *zone)
{
    struct keeper_zone **bucket = bucket_of_name(zone->keeper, &zone->name);

    zone->next_named = *bucket;
    *bucket = zone;
    zone_index_version(zone);
}

void zone_index_remove(struct keeper_zone *zone)
{
    struct keeper_zone **at = bucket_of_name(zone->keeper, &zone->name);

    leave_version(zone);
    while (*at != zone)
        at = &(*at)->next_named;
    *at = zone->next_named;
}

struct keeper_zone *keeper_zone_find(const struct keeper *keeper, const struct name *name)
{
    struct keeper_zone *zone = keeper->named ? *bucket_of_name(keeper, name) : NULL;

    while (zone && !name_equal(&zone->name, name))
        zone = zone->next_named;
    return zone;
}

struct keeper_zone *keeper_zone_of_version(const struct keeper *keeper, uint32_t version)
{
    struct keeper_zone *zone =
        version && keeper->named ? *bucket_of_version(keeper, version) : NULL;

    while (zone && zone->row.version != version)
        zone = zone->next_version;
    return zone;
}
