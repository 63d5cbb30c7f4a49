/* load_task.c - what a load is to be about. */
#include "load_task.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "avow/base/random.h"
#include "avow/wire/type.h"

/* ---- the file ---------------------------------------------------------------------------------
 */

bool loader_file_changed(const struct keeper_zone *zone)
{
    struct stat status;

    if (!zone->config || stat(zone->config->file, &status))
        return true; /* loading it will say what is wrong */
    uint64_t time = (uint64_t)status.st_mtim.tv_sec * 1000000000 + (uint64_t)status.st_mtim.tv_nsec;
    uint64_t size = (uint64_t)status.st_size;
    if (size == zone->row.file_size && time == zone->row.file_time)
        return false;
    /* What a keeper wrote that ended before it could say so says what was served. */
    return zone->row.file_hash != load_file_hash(size, time);
}

uint64_t load_file_hash(uint64_t size, uint64_t time)
{
    uint8_t seed[HASH_SEED_OCTETS] = {2}; /* the same for ever: it is compared over restarts */
    uint64_t numbers[2] = {size, time};
    struct hash_key key;

    hash_key_from_seed(&key, seed);
    return hash_octets(&key, numbers, sizeof numbers) | 1;
}

/* ---- how it is signed -------------------------------------------------------------------------
 */

uint64_t loader_fingerprint(const struct keeper_zone *zone)
{
    const struct config_policy *policy = zone->config->policy;
    struct hash_key key;
    uint8_t seed[HASH_SEED_OCTETS] = {1}; /* the same for ever: it is compared over restarts */
    char text[256];

    if (!policy)
        return 0;
    hash_key_from_seed(&key, seed);
    int length =
        snprintf(text, sizeof text, "%d %u %u %d %u", policy->denial, policy->nsec3_iterations,
                 policy->nsec3_salt_length, policy->nsec3_opt_out, policy->dnskey_ttl);
    uint64_t hash = hash_octets(&key, text, length > 0 ? (size_t)length : 0);
    for (unsigned i = 0; i < zone->key_count; i++)
        hash ^= hash_octets(&key, zone->keys[i].row.dnskey, zone->keys[i].row.dnskey_length);
    return hash | 1; /* never that of an unsigned zone */
}

/* The salt stays from version to version: another one would be another chain. */
static enum result choose_salt(const struct keeper_zone *zone, struct nsec3_parameters *nsec3)
{
    nsec3->salt_length = zone->config->policy->nsec3_salt_length;
    if (zone->row.version && zone->row.salt_length == nsec3->salt_length) {
        memcpy(nsec3->salt, zone->row.salt, nsec3->salt_length);
        return RESULT_OK;
    }
    return random_fill(nsec3->salt, nsec3->salt_length);
}

static enum result describe_signing(const struct keeper_zone *zone, struct load_task *task)
{
    const struct config_policy *policy = zone->config->policy;
    struct compose_signing *signing = &task->signing;

    if (!policy)
        return RESULT_OK;
    signing->denial = policy->denial == CONFIG_DENIAL_NSEC3 ? COMPOSE_NSEC3 : COMPOSE_NSEC;
    signing->nsec3.algorithm = NSEC3_SHA1;
    signing->nsec3.iterations = policy->nsec3_iterations;
    signing->nsec3.flags = policy->nsec3_opt_out ? NSEC3_FLAG_OPT_OUT : 0;
    signing->zone_room = keyring_room(zone, TYPE_SOA);
    signing->key_room = keyring_room(zone, TYPE_DNSKEY);
    signing->dnskey_ttl = policy->dnskey_ttl;
    enum result result = keyring_publish(zone, &task->dnskeys, &signing->dnskeys.count);
    signing->dnskeys.octets = task->dnskeys.octets;
    signing->dnskeys.length = (uint32_t)task->dnskeys.length;
    return result ? result : choose_salt(zone, &signing->nsec3);
}

void load_task_free(struct load_task *task)
{
    free(task->file);
    free(task->state);
    buffer_free(&task->dnskeys);
    *task = (struct load_task){.file = NULL};
}

/* Whether what updates have changed here would be lost with the file. */
static bool holds_edits(const struct keeper_zone *zone)
{
    return zone->row.version && zone->row.flags & ZONE_EDITED && !zone->forced;
}

bool load_must_ask(const struct keeper_zone *zone)
{
    return holds_edits(zone) && zone->config->reload == CONFIG_RELOAD_ASK;
}

bool load_is_merged(const struct keeper_zone *zone)
{
    return holds_edits(zone) && zone->config->reload == CONFIG_RELOAD_MERGE;
}

/* What the file may change unasked. Its serial counts where that of the zone follows it. */
static struct load_bounds describe_bounds(const struct keeper_zone *zone)
{
    const struct config_reload_check *check = &zone->config->reload_check;

    return (struct load_bounds){.largest_deletion = check->largest_deletion,
                                .free_deletions = check->free_deletions,
                                .apex = check->apex,
                                .has_serial = zone->has_said &&
                                              zone->config->serial == CONFIG_SERIAL_INCREMENT,
                                .serial = zone->said};
}

/* Records that vanished are no measure for a file, and looking at them may be deadly. */
static bool is_in_doubt(const struct keeper_zone *zone)
{
    return zone->row.flags & ZONE_DOUBTFUL;
}

/* Whether the file is as it was when it was loaded, and passes the gate as it did then. */
static bool load_mends(const struct keeper_zone *zone)
{
    return zone->mends && !(zone->row.flags & ZONE_EDITED) && !loader_file_changed(zone);
}

static enum result fill_task(struct keeper_zone *zone, const char *file, struct load_task *task)
{
    *task = (struct load_task){.file = strdup(file),
                               .state = strdup(zone->keeper->config->server.state),
                               .store = &zone->keeper->store,
                               .served_serial = zone->row.serial,
                               .has_serial = zone->row.version != 0,
                               .forced = zone->forced || load_mends(zone),
                               .merged = load_is_merged(zone),
                               .guarded = is_in_doubt(zone) ? 0 : zone->row.version,
                               .bounds = describe_bounds(zone),
                               .zonemd = zone->config->zonemd,
                               .no_digest = zone->config->publish_zonemd != CONFIG_DIGEST_OFF,
                               .hook = zone->config->hook.program != NULL};
    name_copy(&task->zone, &zone->name);
    return task->file && task->state ? describe_signing(zone, task) : RESULT_SYSTEM;
}

bool load_is_of_store(const struct keeper_zone *zone)
{
    return zone->whole && zone->row.version && (!zone->load_wanted || holds_edits(zone));
}

/* A difference to what is in doubt, or a copy of it, would be as doubtful. The file is not, where
 * nothing else is to be kept. */
static enum result describe_in_doubt(const struct keeper_zone *zone)
{
    return holds_edits(zone) && zone->config->reload != CONFIG_RELOAD_REPLACE ? RESULT_CORRUPT
                                                                              : RESULT_OK;
}

enum result load_describe(struct keeper_zone *zone, struct load_task *task)
{
    enum result result = fill_task(zone, zone->config->file, task);

    task->any_difference = task->merged;
    if (result || is_in_doubt(zone))
        return result ? result : describe_in_doubt(zone);
    if (load_is_of_store(zone))
        task->source = zone->row.version;
    else if (zone->row.version && !zone->whole &&
             zone->row.policy_fingerprint == loader_fingerprint(zone))
        task->served = zone->row.version;
    return result;
}

bool load_refresh(const struct keeper_zone *zone, struct load_task *task)
{
    task->served_serial = zone->row.serial;
    if (task->forced || !(zone->row.version && zone->row.flags & ZONE_EDITED))
        return true;
    /* A new version would have nothing of them. */
    task->merged = task->any_difference = zone->config->reload == CONFIG_RELOAD_MERGE;
    return task->merged ? task->served != 0 : zone->config->reload == CONFIG_RELOAD_REPLACE;
}

enum result load_describe_comparison(struct keeper_zone *zone, const char *file,
                                     struct load_task *task)
{
    enum result result = fill_task(zone, file, task);

    task->served = zone->row.version;
    task->any_difference = true;
    task->show = true;
    return result;
}
