/* share.c - the part of the configuration that one room may know, as octets and back. */
#include "avow/config/share.h"

#include <string.h>

#include "arena.h"
#include "avow/base/hash.h"
#include "avow/wire/reader.h"

/*
 * One walk over the structs does both writing and reading, so that the two cannot differ. When
 * writing, fields are only read: the one cast away from const, in share_write, relies on it.
 */
struct post {
    enum share_room room;
    struct buffer *out;   /* writing; else NULL */
    struct reader in;     /* reading */
    struct arena *memory; /* reading: of the config */
};

static const char share_version[] = "avow share 5 " AVOW_VERSION;

static bool is_reading(const struct post *post)
{
    return !post->out;
}

/* Where what is read is kept: with the rest, or with secrets. */
typedef char *copy_function(struct arena *arena, const char *octets, size_t length);
typedef void *take_function(struct arena *arena, size_t count, size_t size);

/* ---- fields -----------------------------------------------------------------------------------*/

/* A number of up to `most`. */
static uint64_t post_number(struct post *post, uint64_t value, uint64_t most)
{
    if (!is_reading(post)) {
        buffer_u64(post->out, value);
        return value;
    }
    value = reader_u64(&post->in);
    if (value > most)
        reader_fail(&post->in);
    return value > most ? 0 : value;
}

/* A field of any unsigned type, bool or enum. */
#define POST_NUMBER(post, field, most)                                                             \
    do {                                                                                           \
        uint64_t number = post_number(post, (uint64_t)(field), most);                              \
        if (is_reading(post))                                                                      \
            (field) = (__typeof__(field))number;                                                   \
    } while (0)

/* Octets that may be NULL; a NUL is put behind them. */
static void post_octets_into(struct post *post, copy_function *copy, uint8_t **octets,
                             size_t *length)
{
    if (!is_reading(post)) {
        buffer_u8(post->out, *octets != NULL);
        if (*octets) {
            buffer_u32(post->out, (uint32_t)*length);
            buffer_add(post->out, *octets, *length);
        }
        return;
    }
    *octets = NULL;
    *length = 0;
    if (!reader_u8(&post->in))
        return;
    size_t given = reader_u32(&post->in);
    const uint8_t *place = reader_take(&post->in, given);
    if (!place)
        return;
    *octets = (uint8_t *)copy(post->memory, (const char *)place, given);
    *length = *octets ? given : 0;
}

static void post_octets(struct post *post, uint8_t **octets, size_t *length)
{
    post_octets_into(post, arena_text, octets, length);
}

static void post_secret(struct post *post, uint8_t **octets, size_t *length)
{
    post_octets_into(post, arena_secret, octets, length);
}

/* Octets whose number is known. */
static void post_fixed(struct post *post, uint8_t *octets, size_t length)
{
    if (!is_reading(post)) {
        buffer_add(post->out, octets, length);
        return;
    }
    const uint8_t *place = reader_take(&post->in, length);
    if (place)
        memcpy(octets, place, length);
}

static void post_text(struct post *post, char **text)
{
    uint8_t *octets = (uint8_t *)*text;
    size_t length = *text ? strlen(*text) : 0;

    post_octets(post, &octets, &length);
    if (!is_reading(post))
        return;
    if (octets && strlen((const char *)octets) != length)
        reader_fail(&post->in);
    *text = (char *)octets;
}

static void post_name(struct post *post, struct name *name)
{
    if (is_reading(post))
        name_read_plain(&post->in, name);
    else
        buffer_add(post->out, name->octets, name->length);
}

/* A name that may be NULL. */
static void post_name_pointer(struct post *post, struct name **name)
{
    bool there = *name;

    POST_NUMBER(post, there, true);
    if (is_reading(post))
        *name = there ? arena_take(post->memory, 1, sizeof(**name)) : NULL;
    if (*name)
        post_name(post, *name);
}

/* The count of an array, whose memory is taken when reading. */
static void post_array_into(struct post *post, take_function *take, void *array, size_t *count,
                            size_t size)
{
    void *items = NULL;

    POST_NUMBER(post, *count, UINT32_MAX);
    if (!is_reading(post))
        return;
    if (*count > reader_left(&post->in)) /* each item takes an octet at least */
        reader_fail(&post->in);
    if (!post->in.failed)
        items = take(post->memory, *count, size);
    if (!items)
        *count = 0;
    memcpy(array, &items, sizeof(items));
}

static void post_array(struct post *post, void *array, size_t *count, size_t size)
{
    post_array_into(post, arena_take, array, count, size);
}

/* A pointer into an array, as the place in it; 0 for NULL. */
static const void *post_reference(struct post *post, const void *target, const void *array,
                                  size_t count, size_t size)
{
    const unsigned char *start = array;
    uint64_t place = 0;

    if (!is_reading(post) && target && count)
        place = (uint64_t)((const unsigned char *)target - start) / size + 1;
    POST_NUMBER(post, place, count);
    if (!is_reading(post))
        return target;
    return place ? start + (place - 1) * size : NULL;
}

#define POST_REFERENCE(post, pointer, array, count)                                                \
    do {                                                                                           \
        const void *target = post_reference(post, pointer, array, count, sizeof(*(array)));        \
        if (is_reading(post))                                                                      \
            (pointer) = target;                                                                    \
    } while (0)

static void post_address(struct post *post, struct config_address *address)
{
    POST_NUMBER(post, address->family, 6);
    for (size_t i = 0; i < sizeof(address->octets); i++)
        POST_NUMBER(post, address->octets[i], UINT8_MAX);
    POST_NUMBER(post, address->port, UINT16_MAX);
}

static void post_prefix(struct post *post, struct config_prefix *prefix)
{
    POST_NUMBER(post, prefix->family, 6);
    POST_NUMBER(post, prefix->length, prefix->family == 6 ? 128 : 32);
    for (size_t i = 0; i < sizeof(prefix->octets); i++)
        POST_NUMBER(post, prefix->octets[i], UINT8_MAX);
}

/* ---- structs ----------------------------------------------------------------------------------*/

/* Everybody may know where it is served; the rest is the veil's, the seal also the desk's. */
static void post_tls(struct post *post, struct config_tls *tls)
{
    post_array(post, &tls->listen, &tls->listen_count, sizeof(*tls->listen));
    for (size_t i = 0; i < tls->listen_count; i++)
        post_address(post, &tls->listen[i]);
    if (post->room == SHARE_VEIL || post->room == SHARE_DESK)
        post_fixed(post, tls->seal, sizeof(tls->seal));
    if (post->room != SHARE_VEIL)
        return;
    POST_NUMBER(post, tls->clients, UINT32_MAX);
    post_octets(post, &tls->certificate, &tls->certificate_length);
    post_secret(post, &tls->key, &tls->key_length);
    post_octets(post, &tls->client_ca, &tls->client_ca_length);
}

static void post_server(struct post *post, struct config_server *server)
{
    post_array(post, &server->listen, &server->listen_count, sizeof(*server->listen));
    for (size_t i = 0; i < server->listen_count; i++)
        post_address(post, &server->listen[i]);
    POST_NUMBER(post, server->workers, UINT32_MAX);
    post_text(post, &server->state); /* the signer's: what its confinement forbids by name */
    post_text(post, &server->user);
    POST_NUMBER(post, server->log_target, CONFIG_LOG_FILE);
    POST_NUMBER(post, server->log_level, LOG_LEVEL_DEBUG);
    POST_NUMBER(post, server->store_size, UINT64_MAX);
    POST_NUMBER(post, server->scrub, UINT32_MAX);
    POST_NUMBER(post, server->scrub_first, true);
    POST_NUMBER(post, server->keep_removed, UINT32_MAX);
    post_text(post, &server->identity);
    post_text(post, &server->version);
    POST_NUMBER(post, server->udp_payload, UINT16_MAX);
    POST_NUMBER(post, server->tcp_clients, UINT32_MAX);
    POST_NUMBER(post, server->tcp_per_address, UINT32_MAX);
    POST_NUMBER(post, server->tcp_per_network, UINT32_MAX);
    POST_NUMBER(post, server->tcp_idle, UINT32_MAX);
    POST_NUMBER(post, server->tcp_pipeline, UINT32_MAX);
    post_tls(post, &server->tls);
}

static void post_cookies(struct post *post, struct config_cookies *cookies)
{
    POST_NUMBER(post, cookies->enabled, true);
    POST_NUMBER(post, cookies->require, CONFIG_COOKIES_ALWAYS);
    post_array_into(post, arena_take_secret, &cookies->secrets, &cookies->secret_count,
                    sizeof(*cookies->secrets));
    for (size_t i = 0; i < cookies->secret_count; i++)
        post_fixed(post, cookies->secrets[i].octets, sizeof(cookies->secrets[i].octets));
}

static void post_keystore(struct post *post, struct config_keystore *keystore)
{
    post_text(post, &keystore->name);
    POST_NUMBER(post, keystore->sessions, UINT32_MAX);
    if (post->room != SHARE_SIGNER)
        return;
    post_text(post, &keystore->module);
    post_text(post, &keystore->uri);
    POST_NUMBER(post, keystore->network, true);
    post_secret(post, &keystore->pin, &keystore->pin_length);
    post_array(post, &keystore->environment, &keystore->environment_count,
               sizeof(*keystore->environment));
    for (size_t i = 0; i < keystore->environment_count; i++) {
        post_text(post, &keystore->environment[i].name);
        post_text(post, &keystore->environment[i].value);
    }
}

static void post_tsig(struct post *post, struct config_tsig *tsig)
{
    char *algorithm = (char *)tsig->algorithm; /* post_text writes to it only when reading */

    post_name(post, &tsig->name);
    post_text(post, &algorithm);
    if (is_reading(post))
        tsig->algorithm = algorithm;
    post_secret(post, &tsig->secret, &tsig->secret_length);
}

static void post_policy(struct post *post, struct config *config, struct config_policy *policy)
{
    post_text(post, &policy->name);
    POST_NUMBER(post, policy->denial, CONFIG_DENIAL_NSEC);
    if (post->room != SHARE_SIGNER && post->room != SHARE_KEEPER)
        return;
    POST_REFERENCE(post, policy->keystore, config->keystores, config->keystore_count);
    POST_NUMBER(post, policy->algorithm, UINT8_MAX);
    POST_NUMBER(post, policy->rsa_size, UINT16_MAX);
    POST_NUMBER(post, policy->keys, CONFIG_KEYS_CSK);
    POST_NUMBER(post, policy->zsk_lifetime, UINT32_MAX);
    POST_NUMBER(post, policy->ksk_lifetime, UINT32_MAX);
    POST_NUMBER(post, policy->dnskey_ttl, UINT32_MAX);
    POST_NUMBER(post, policy->signature_validity, UINT32_MAX);
    POST_NUMBER(post, policy->signature_refresh, UINT32_MAX);
    POST_NUMBER(post, policy->signature_jitter, UINT32_MAX);
    POST_NUMBER(post, policy->nsec3_iterations, UINT16_MAX);
    POST_NUMBER(post, policy->nsec3_salt_length, UINT8_MAX);
    POST_NUMBER(post, policy->nsec3_opt_out, true);
    POST_NUMBER(post, policy->verify_signatures, CONFIG_VERIFY_NEVER);
}

/* The name of its key, where an entry means that, in words of somebody who has no keys. */
static void name_self(struct config_name_rule *rule, const struct config_tsig *key)
{
    bool is_self = rule->scope == CONFIG_SCOPE_SELF;

    if (!key || (!is_self && rule->scope != CONFIG_SCOPE_SELF_SUBDOMAIN))
        return;
    rule->scope = is_self ? CONFIG_SCOPE_NAME : CONFIG_SCOPE_SUBDOMAIN;
    name_copy(&rule->name, &key->name);
}

/* What an entry lets somebody change. */
static void post_grant(struct post *post, struct config_acl_entry *entry)
{
    post_array(post, &entry->names, &entry->name_count, sizeof(*entry->names));
    for (size_t i = 0; i < entry->name_count; i++) {
        struct config_name_rule rule = entry->names[i];
        if (post->room == SHARE_KEEPER)
            name_self(&rule, entry->key);
        POST_NUMBER(post, rule.scope, CONFIG_SCOPE_SELF_SUBDOMAIN);
        post_name(post, &rule.name);
        if (is_reading(post))
            entry->names[i] = rule;
    }
    post_array(post, &entry->types, &entry->type_count, sizeof(*entry->types));
    for (size_t i = 0; i < entry->type_count; i++)
        POST_NUMBER(post, entry->types[i], UINT16_MAX);
    POST_NUMBER(post, entry->records_per_name, UINT32_MAX);
}

static void post_entry(struct post *post, struct config *config, struct config_acl_entry *entry)
{
    POST_REFERENCE(post, entry->key, config->tsig, config->tsig_count);
    post_prefix(post, &entry->address);
    POST_NUMBER(post, entry->insecure, true);
    POST_NUMBER(post, entry->tls, true);
    post_octets(post, &entry->certificate_pin, &entry->certificate_pin_length);
    if (entry->certificate_pin && entry->certificate_pin_length != CONFIG_PIN_OCTETS)
        reader_fail(&post->in);
    post_name_pointer(post, &entry->certificate_name);
    post_grant(post, entry);
}

static void post_access(struct post *post, struct config *config, struct config_zone *zone)
{
    POST_NUMBER(post, zone->transfer_tls_only, true);
    post_array(post, &zone->allow_transfer, &zone->allow_transfer_count,
               sizeof(*zone->allow_transfer));
    for (size_t i = 0; i < zone->allow_transfer_count; i++)
        post_entry(post, config, &zone->allow_transfer[i]);
    post_array(post, &zone->allow_update, &zone->allow_update_count, sizeof(*zone->allow_update));
    for (size_t i = 0; i < zone->allow_update_count; i++)
        post_entry(post, config, &zone->allow_update[i]);
}

/* The keeper is told what entries let somebody change, not whom: they match nobody. */
static void post_grants(struct post *post, struct config_zone *zone)
{
    post_array(post, &zone->allow_update, &zone->allow_update_count, sizeof(*zone->allow_update));
    for (size_t i = 0; i < zone->allow_update_count; i++) {
        post_grant(post, &zone->allow_update[i]);
        if (is_reading(post))
            zone->allow_update[i].address.family = CONFIG_FAMILY_NONE;
    }
}

static void post_notify(struct post *post, struct config *config, struct config_zone *zone)
{
    post_array(post, &zone->notify, &zone->notify_count, sizeof(*zone->notify));
    for (size_t i = 0; i < zone->notify_count; i++) {
        post_address(post, &zone->notify[i].address);
        if (post->room == SHARE_DESK)
            POST_REFERENCE(post, zone->notify[i].key, config->tsig, config->tsig_count);
    }
}

static void hash_text(const struct hash_key *key, uint64_t *hash, const char *text)
{
    *hash = hash_pair(key, hash, sizeof *hash, text ? text : "", text ? strlen(text) : 0);
}

/* All that is said of a hook as one number; 0: there is none. */
static uint64_t hash_hook(const struct config_hook *hook)
{
    uint8_t seed[HASH_SEED_OCTETS] = {1}; /* the same in every share */
    struct hash_key key;
    uint64_t hash = hook->deadline;

    if (!hook->program)
        return 0;
    hash_key_from_seed(&key, seed);
    hash_text(&key, &hash, hook->program);
    hash_text(&key, &hash, hook->user);
    for (size_t i = 0; i < hook->argument_count; i++)
        hash_text(&key, &hash, hook->arguments[i]);
    return hash | 1;
}

/* The keeper is told whether there is a hook and whether it has changed, not which program it is.
 */
static void post_loading(struct post *post, struct config_zone *zone)
{
    uint64_t hook = is_reading(post) ? 0 : hash_hook(&zone->hook);

    POST_NUMBER(post, zone->reload_check.largest_deletion, 100);
    POST_NUMBER(post, zone->reload_check.free_deletions, UINT32_MAX);
    POST_NUMBER(post, zone->reload_check.apex, true);
    POST_NUMBER(post, zone->zonemd, CONFIG_ZONEMD_REQUIRE);
    POST_NUMBER(post, zone->publish_zonemd, CONFIG_DIGEST_SHA512);
    POST_NUMBER(post, hook, UINT64_MAX);
    if (!is_reading(post))
        return;
    zone->hook.settings = hook;
    zone->hook.program = hook ? arena_text(post->memory, "", 0) : NULL;
}

static void post_settings(struct post *post, struct config_zone *zone)
{
    post_text(post, &zone->file);
    post_loading(post, zone);
    POST_NUMBER(post, zone->serial, CONFIG_SERIAL_DATE);
    POST_NUMBER(post, zone->zone_file, CONFIG_ZONE_FILE_WRITE);
    POST_NUMBER(post, zone->reload, CONFIG_RELOAD_MERGE);
    POST_NUMBER(post, zone->journal_size, UINT64_MAX);
    POST_NUMBER(post, zone->journal_depth, UINT32_MAX);
}

static void post_zone(struct post *post, struct config *config, struct config_zone *zone)
{
    post_name(post, &zone->name);
    POST_REFERENCE(post, zone->policy, config->policies, config->policy_count);
    if (post->room == SHARE_KEEPER) {
        post_settings(post, zone);
        post_grants(post, zone);
    }
    if (post->room == SHARE_DESK)
        post_access(post, config, zone);
    if (post->room == SHARE_KEEPER || post->room == SHARE_DESK)
        post_notify(post, config, zone);
    if (post->room == SHARE_FRONT)
        POST_NUMBER(post, zone->rate_limit, true);
}

static void post_transfers(struct post *post, struct config_transfers *transfers)
{
    POST_NUMBER(post, transfers->total, UINT32_MAX);
    POST_NUMBER(post, transfers->per_peer, UINT32_MAX);
    POST_NUMBER(post, transfers->idle, UINT32_MAX);
    POST_NUMBER(post, transfers->longest, UINT32_MAX);
    POST_NUMBER(post, transfers->clients, UINT32_MAX);
}

static void post_updates(struct post *post, struct config_updates *updates)
{
    POST_NUMBER(post, updates->queue, UINT32_MAX);
    POST_NUMBER(post, updates->queue_size, UINT64_MAX);
    POST_NUMBER(post, updates->deadline, UINT32_MAX);
}

static void post_rate_limit(struct post *post, struct config_rate_limit *limit)
{
    POST_NUMBER(post, limit->responses_per_second, UINT32_MAX);
    for (size_t i = 0; i < CONFIG_CLASSES; i++)
        POST_NUMBER(post, limit->classes[i], UINT32_MAX);
    POST_NUMBER(post, limit->window, UINT32_MAX);
    POST_NUMBER(post, limit->slip, UINT32_MAX);
    POST_NUMBER(post, limit->leak, UINT32_MAX);
    POST_NUMBER(post, limit->dry_run, true);
    post_array(post, &limit->exempt, &limit->exempt_count, sizeof(*limit->exempt));
    for (size_t i = 0; i < limit->exempt_count; i++)
        post_prefix(post, &limit->exempt[i]);
}

/* Who gets which section stands here, and nowhere else. */
static void post_config(struct post *post, struct config *config)
{
    post_server(post, &config->server);
    if (post->room == SHARE_SIGNER || post->room == SHARE_KEEPER) {
        post_array(post, &config->keystores, &config->keystore_count, sizeof(*config->keystores));
        for (size_t i = 0; i < config->keystore_count; i++)
            post_keystore(post, &config->keystores[i]);
    }
    if (post->room == SHARE_DESK) {
        post_array(post, &config->tsig, &config->tsig_count, sizeof(*config->tsig));
        for (size_t i = 0; i < config->tsig_count; i++)
            post_tsig(post, &config->tsig[i]);
    }
    if (post->room == SHARE_VEIL)
        return; /* it knows of no zone */
    post_array(post, &config->policies, &config->policy_count, sizeof(*config->policies));
    for (size_t i = 0; i < config->policy_count; i++)
        post_policy(post, config, &config->policies[i]);
    post_array(post, &config->zones, &config->zone_count, sizeof(*config->zones));
    for (size_t i = 0; i < config->zone_count; i++)
        post_zone(post, config, &config->zones[i]);
    if (post->room == SHARE_DESK)
        post_transfers(post, &config->transfers);
    if (post->room == SHARE_DESK || post->room == SHARE_KEEPER)
        post_updates(post, &config->updates);
    if (post->room == SHARE_FRONT) {
        post_cookies(post, &config->server.cookies);
        post_rate_limit(post, &config->rate_limit);
    }
}

enum result share_write(const struct config *config, enum share_room room, struct buffer *share)
{
    struct post post = {.room = room, .out = share};

    share->secret = true;
    buffer_add(share, share_version, sizeof(share_version));
    buffer_u8(share, (uint8_t)room);
    post_config(&post, (struct config *)config);
    return buffer_check(share);
}

enum result share_read(const uint8_t *octets, size_t length, struct config *config)
{
    struct post post = {.in = reader_over(octets, length)};

    *config = (struct config){.memory = NULL};
    const uint8_t *version = reader_take(&post.in, sizeof(share_version));
    uint8_t room = reader_u8(&post.in);
    if (post.in.failed || memcmp(version, share_version, sizeof(share_version)) != 0 ||
        room >= SHARE_ROOMS)
        return RESULT_FORMAT;
    post.room = (enum share_room)room;
    post.memory = config->memory = arena_make();
    if (!config->memory)
        return RESULT_SYSTEM;
    post_config(&post, config);
    enum result result = arena_failed(config->memory) ? RESULT_SYSTEM : reader_finish(&post.in);
    if (result)
        config_free(config);
    return result;
}
