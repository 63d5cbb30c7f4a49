/* diff.c - what a new configuration changes. */
#include "avow/config/diff.h"

#include <stdlib.h>
#include <string.h>

#include "scalar.h"

static bool same_text(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

static bool same_octets(const uint8_t *a, size_t a_length, const uint8_t *b, size_t b_length)
{
    return a_length == b_length && (a_length == 0 || !memcmp(a, b, a_length));
}

/* ---- server -----------------------------------------------------------------------------------*/

static bool same_addresses(const struct config_address *a, size_t a_count,
                           const struct config_address *b, size_t b_count)
{
    if (a_count != b_count)
        return false;
    for (size_t i = 0; i < a_count; i++)
        if (!scalar_same_address(&a[i], &b[i]))
            return false;
    return true;
}

/* What the files hold counts when both were loaded with it. */
static bool same_file(const char *a, const uint8_t *a_octets, size_t a_length, const char *b,
                      const uint8_t *b_octets, size_t b_length)
{
    return same_text(a, b) &&
           (!a_octets || !b_octets || same_octets(a_octets, a_length, b_octets, b_length));
}

static bool same_tls(const struct config_tls *a, const struct config_tls *b)
{
    return a->clients == b->clients &&
           same_file(a->certificate_file, a->certificate, a->certificate_length,
                     b->certificate_file, b->certificate, b->certificate_length) &&
           same_file(a->key_file, a->key, a->key_length, b->key_file, b->key, b->key_length) &&
           same_file(a->client_ca_file, a->client_ca, a->client_ca_length, b->client_ca_file,
                     b->client_ca, b->client_ca_length);
}

static bool same_cookies(const struct config_cookies *a, const struct config_cookies *b)
{
    if (a->enabled != b->enabled || a->require != b->require ||
        a->secret_file_count != b->secret_file_count)
        return false;
    for (size_t i = 0; i < a->secret_file_count; i++)
        if (!same_text(a->secret_files[i], b->secret_files[i]))
            return false;
    return same_octets((const uint8_t *)a->secrets, a->secret_count * sizeof(*a->secrets),
                       (const uint8_t *)b->secrets, b->secret_count * sizeof(*b->secrets));
}

static void compare_server(const struct config_server *a, const struct config_server *b,
                           struct config_diff *diff)
{
    const struct {
        const char *key;
        bool same;
    } fixed[] = {
        {"server.listen", same_addresses(a->listen, a->listen_count, b->listen, b->listen_count)},
        {"server.tls.listen",
         same_addresses(a->tls.listen, a->tls.listen_count, b->tls.listen, b->tls.listen_count)},
        {"server.workers", a->workers == b->workers},
        {"server.state", same_text(a->state, b->state)},
        {"server.control", same_text(a->control, b->control)},
        {"server.user", same_text(a->user, b->user)},
        {"server.pid-file", same_text(a->pid_file, b->pid_file)},
        {"server.store-size", a->store_size == b->store_size},
    };
    _Static_assert(COUNT(fixed) <= CONFIG_RESTART_KEYS, "one place for each key");

    for (size_t i = 0; i < COUNT(fixed); i++)
        if (!fixed[i].same)
            diff->restart[diff->restart_count++] = fixed[i].key;
    diff->tls = !same_tls(&a->tls, &b->tls);
    diff->log = a->log_target != b->log_target || a->log_level != b->log_level ||
                !same_text(a->log_file, b->log_file);
    diff->server = a->scrub != b->scrub || a->scrub_first != b->scrub_first ||
                   a->keep_removed != b->keep_removed || !same_text(a->identity, b->identity) ||
                   !same_text(a->version, b->version) || a->udp_payload != b->udp_payload ||
                   a->tcp_clients != b->tcp_clients || a->tcp_per_address != b->tcp_per_address ||
                   a->tcp_per_network != b->tcp_per_network || a->tcp_idle != b->tcp_idle ||
                   a->tcp_pipeline != b->tcp_pipeline || !same_cookies(&a->cookies, &b->cookies);
}

/* ---- keystores, TSIG keys, limits -------------------------------------------------------------*/

static bool same_keystore(const struct config_keystore *a, const struct config_keystore *b)
{
    if (!same_text(a->name, b->name) || !same_text(a->module, b->module) ||
        !same_text(a->uri, b->uri) || !same_text(a->pin_file, b->pin_file) ||
        a->sessions != b->sessions || a->network != b->network ||
        a->environment_count != b->environment_count)
        return false;
    for (size_t i = 0; i < a->environment_count; i++)
        if (!same_text(a->environment[i].name, b->environment[i].name) ||
            !same_text(a->environment[i].value, b->environment[i].value))
            return false;
    /* A PIN that only one of them was loaded with is no difference. */
    return !a->pin || !b->pin || same_octets(a->pin, a->pin_length, b->pin, b->pin_length);
}

static bool same_keystores(const struct config *a, const struct config *b)
{
    if (a->keystore_count != b->keystore_count)
        return false;
    for (size_t i = 0; i < a->keystore_count; i++)
        if (!same_keystore(&a->keystores[i], &b->keystores[i]))
            return false;
    return true;
}

static bool same_tsig(const struct config_tsig *a, const struct config_tsig *b)
{
    if (!a || !b)
        return a == b;
    return name_equal(&a->name, &b->name) && same_text(a->algorithm, b->algorithm) &&
           same_text(a->secret_file, b->secret_file) &&
           (!a->secret || !b->secret ||
            same_octets(a->secret, a->secret_length, b->secret, b->secret_length));
}

static bool same_tsigs(const struct config *a, const struct config *b)
{
    if (a->tsig_count != b->tsig_count)
        return false;
    for (size_t i = 0; i < a->tsig_count; i++)
        if (!same_tsig(&a->tsig[i], &b->tsig[i]))
            return false;
    return true;
}

static bool same_rate_limit(const struct config_rate_limit *a, const struct config_rate_limit *b)
{
    if (a->responses_per_second != b->responses_per_second || a->window != b->window ||
        a->slip != b->slip || a->leak != b->leak || a->dry_run != b->dry_run ||
        a->exempt_count != b->exempt_count ||
        memcmp(a->classes, b->classes, sizeof(a->classes)) != 0)
        return false;
    for (size_t i = 0; i < a->exempt_count; i++)
        if (!scalar_same_prefix(&a->exempt[i], &b->exempt[i]))
            return false;
    return true;
}

static bool same_transfers(const struct config_transfers *a, const struct config_transfers *b)
{
    return a->total == b->total && a->per_peer == b->per_peer && a->idle == b->idle &&
           a->longest == b->longest && a->clients == b->clients;
}

static bool same_updates(const struct config_updates *a, const struct config_updates *b)
{
    return a->queue == b->queue && a->queue_size == b->queue_size && a->deadline == b->deadline;
}

/* ---- policies ---------------------------------------------------------------------------------*/

/* Policies are the same when they say the same; keystores count by name. */
static bool same_policy(const struct config_policy *a, const struct config_policy *b)
{
    if (!a || !b)
        return a == b;
    return same_text(a->name, b->name) &&
           same_text(a->keystore ? a->keystore->name : NULL,
                     b->keystore ? b->keystore->name : NULL) &&
           a->algorithm == b->algorithm && a->rsa_size == b->rsa_size && a->keys == b->keys &&
           a->zsk_lifetime == b->zsk_lifetime && a->ksk_lifetime == b->ksk_lifetime &&
           a->dnskey_ttl == b->dnskey_ttl && a->signature_validity == b->signature_validity &&
           a->signature_refresh == b->signature_refresh &&
           a->signature_jitter == b->signature_jitter && a->denial == b->denial &&
           a->nsec3_iterations == b->nsec3_iterations &&
           a->nsec3_salt_length == b->nsec3_salt_length && a->nsec3_opt_out == b->nsec3_opt_out &&
           a->verify_signatures == b->verify_signatures;
}

static const struct config_policy *find_policy(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->policy_count; i++)
        if (same_text(config->policies[i].name, name))
            return &config->policies[i];
    return NULL;
}

static enum result compare_policies(const struct config *before, const struct config *after,
                                    struct config_diff *diff)
{
    size_t most = before->policy_count + after->policy_count;

    diff->policies = calloc(most ? most : 1, sizeof(*diff->policies));
    if (!diff->policies)
        return RESULT_SYSTEM;
    for (size_t i = 0; i < before->policy_count; i++) {
        const struct config_policy *old = &before->policies[i];
        const struct config_policy *new = find_policy(after, old->name);
        if (!same_policy(old, new))
            diff->policies[diff->policy_count++] =
                (struct config_policy_change){.before = old, .after = new};
    }
    for (size_t i = 0; i < after->policy_count; i++)
        if (!find_policy(before, after->policies[i].name))
            diff->policies[diff->policy_count++] =
                (struct config_policy_change){.after = &after->policies[i]};
    return RESULT_OK;
}

/* ---- zones ------------------------------------------------------------------------------------*/

static bool same_demands(const struct config_acl_entry *a, const struct config_acl_entry *b)
{
    const struct name *left = a->certificate_name, *right = b->certificate_name;

    return a->tls == b->tls &&
           same_octets(a->certificate_pin, a->certificate_pin_length, b->certificate_pin,
                       b->certificate_pin_length) &&
           (left && right ? name_equal(left, right) : left == right);
}

static bool same_entry(const struct config_acl_entry *a, const struct config_acl_entry *b)
{
    if (!same_demands(a, b) || !same_tsig(a->key, b->key) ||
        !scalar_same_prefix(&a->address, &b->address) || a->insecure != b->insecure ||
        a->records_per_name != b->records_per_name || a->name_count != b->name_count ||
        a->type_count != b->type_count)
        return false;
    for (size_t i = 0; i < a->name_count; i++)
        if (a->names[i].scope != b->names[i].scope ||
            !name_equal(&a->names[i].name, &b->names[i].name))
            return false;
    return a->type_count == 0 || !memcmp(a->types, b->types, a->type_count * sizeof(*a->types));
}

static bool same_entries(const struct config_acl_entry *a, size_t a_count,
                         const struct config_acl_entry *b, size_t b_count)
{
    if (a_count != b_count)
        return false;
    for (size_t i = 0; i < a_count; i++)
        if (!same_entry(&a[i], &b[i]))
            return false;
    return true;
}

static bool same_notify(const struct config_zone *a, const struct config_zone *b)
{
    if (a->notify_count != b->notify_count)
        return false;
    for (size_t i = 0; i < a->notify_count; i++)
        if (!scalar_same_address(&a->notify[i].address, &b->notify[i].address) ||
            !same_tsig(a->notify[i].key, b->notify[i].key))
            return false;
    return true;
}

static bool same_hook(const struct config_hook *a, const struct config_hook *b)
{
    if (!same_text(a->program, b->program) || !same_text(a->user, b->user) ||
        a->deadline != b->deadline || a->argument_count != b->argument_count)
        return false;
    for (size_t i = 0; i < a->argument_count; i++)
        if (!same_text(a->arguments[i], b->arguments[i]))
            return false;
    return true;
}

static bool same_loading(const struct config_zone *a, const struct config_zone *b)
{
    return a->reload_check.largest_deletion == b->reload_check.largest_deletion &&
           a->reload_check.free_deletions == b->reload_check.free_deletions &&
           a->reload_check.apex == b->reload_check.apex && a->zonemd == b->zonemd &&
           a->publish_zonemd == b->publish_zonemd && same_hook(&a->hook, &b->hook);
}

static unsigned compare_zone(const struct config_zone *a, const struct config_zone *b)
{
    unsigned parts = 0;

    if (!same_text(a->file, b->file))
        parts |= CONFIG_ZONE_FILE;
    if (!same_policy(a->policy, b->policy))
        parts |= CONFIG_ZONE_POLICY;
    if (a->transfer_tls_only != b->transfer_tls_only ||
        !same_entries(a->allow_transfer, a->allow_transfer_count, b->allow_transfer,
                      b->allow_transfer_count))
        parts |= CONFIG_ZONE_ALLOW_TRANSFER;
    if (!same_entries(a->allow_update, a->allow_update_count, b->allow_update,
                      b->allow_update_count))
        parts |= CONFIG_ZONE_ALLOW_UPDATE;
    if (!same_notify(a, b))
        parts |= CONFIG_ZONE_NOTIFY;
    if (a->serial != b->serial || a->zone_file != b->zone_file || a->reload != b->reload)
        parts |= CONFIG_ZONE_CHANGING;
    if (a->journal_size != b->journal_size || a->journal_depth != b->journal_depth)
        parts |= CONFIG_ZONE_JOURNAL;
    if (a->rate_limit != b->rate_limit)
        parts |= CONFIG_ZONE_RATE_LIMIT;
    if (!same_loading(a, b))
        parts |= CONFIG_ZONE_LOADING;
    return parts;
}

/* Both lists are sorted: one pass over the two. */
static enum result compare_zones(const struct config *before, const struct config *after,
                                 struct config_diff *diff)
{
    size_t most = before->zone_count + after->zone_count, i = 0, j = 0;

    diff->zones = calloc(most ? most : 1, sizeof(*diff->zones));
    if (!diff->zones)
        return RESULT_SYSTEM;
    while (i < before->zone_count || j < after->zone_count) {
        const struct config_zone *old = i < before->zone_count ? &before->zones[i] : NULL;
        const struct config_zone *new = j < after->zone_count ? &after->zones[j] : NULL;
        int order = !old ? 1 : !new ? -1 : name_compare(&old->name, &new->name);
        struct config_zone_change change = {.before = order <= 0 ? old : NULL,
                                            .after = order >= 0 ? new : NULL};
        i += order <= 0;
        j += order >= 0;
        change.parts = order == 0 ? compare_zone(old, new) : 0;
        if (order != 0 || change.parts)
            diff->zones[diff->zone_count++] = change;
    }
    return RESULT_OK;
}

enum result config_diff(const struct config *before, const struct config *after,
                        struct config_diff *diff)
{
    *diff = (struct config_diff){.zones = NULL};
    compare_server(&before->server, &after->server, diff);
    diff->keystores = !same_keystores(before, after);
    diff->tsig = !same_tsigs(before, after);
    diff->rate_limit = !same_rate_limit(&before->rate_limit, &after->rate_limit);
    diff->transfers = !same_transfers(&before->transfers, &after->transfers);
    diff->updates = !same_updates(&before->updates, &after->updates);
    enum result result = compare_policies(before, after, diff);
    if (!result)
        result = compare_zones(before, after, diff);
    if (result)
        config_diff_free(diff);
    return result;
}

bool config_diff_is_empty(const struct config_diff *diff)
{
    return !diff->restart_count && !diff->server && !diff->tls && !diff->log && !diff->keystores &&
           !diff->tsig && !diff->transfers && !diff->updates && !diff->rate_limit &&
           !diff->policy_count && !diff->zone_count;
}

void config_diff_free(struct config_diff *diff)
{
    free(diff->policies);
    free(diff->zones);
    *diff = (struct config_diff){.zones = NULL};
}
