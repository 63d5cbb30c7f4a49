/* rules.c - what must hold between the keys of one mapping; in zones: rules_zone.c. */
#include "rules.h"

#include <ctype.h>
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "load.h"
#include "scalar.h"

void rules_warn_unreadable(struct loader *loader, const struct yaml_node *map, const char *key,
                           const char *path)
{
    if (loader->depth == CONFIG_TEXT || !path || !yaml_tree_find(map, key) ||
        access(path, R_OK) == 0)
        return;
    int error = errno;
    loader_warning(loader, &yaml_tree_find(map, key)->place, "%s cannot be read: %s", path,
                   strerror(error));
}

bool rules_folder(const char *path, char folder[RULES_FOLDER_OCTETS])
{
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) : 0;

    if (!slash || length >= RULES_FOLDER_OCTETS)
        return false;
    memcpy(folder, length ? path : "/", length ? length : 1);
    folder[length ? length : 1] = '\0';
    return true;
}

/* ---- server -----------------------------------------------------------------------------------*/

const struct yaml_node *rules_list_item(const struct yaml_node *list, size_t index)
{
    const struct yaml_node *item = list ? list->first : NULL;

    while (item && index--)
        item = item->next;
    return item;
}

static void check_listen(struct loader *loader, const struct yaml_node *map,
                         const struct config_server *server)
{
    const struct yaml_node *list = yaml_tree_find(map, "listen");
    char text[CONFIG_ADDRESS_TEXT];

    for (size_t i = 1; i < server->listen_count; i++)
        for (size_t j = 0; j < i; j++)
            if (server->listen[i].family &&
                scalar_same_address(&server->listen[i], &server->listen[j])) {
                loader_error(loader, &rules_list_item(list, i)->place,
                             "%s is listed twice (first in line %u)",
                             config_address_to_text(&server->listen[i], text),
                             rules_list_item(list, j)->place.line);
                break;
            }
}

static void check_tls_listen(struct loader *loader, const struct yaml_node *map,
                             const struct config_server *server)
{
    char text[CONFIG_ADDRESS_TEXT];

    for (size_t i = 0; i < server->tls.listen_count; i++)
        for (size_t j = 0; j < server->listen_count; j++)
            if (server->listen[j].family &&
                scalar_same_address(&server->tls.listen[i], &server->listen[j]))
                loader_error(loader, loader_place(map, "tls"),
                             "%s is listed for TLS, and in 'listen'",
                             config_address_to_text(&server->tls.listen[i], text));
}

static void set_identity(struct loader *loader, const struct yaml_node *map,
                         struct config_server *server)
{
    char host[256] = "";

    if (!yaml_tree_find(map, "version"))
        server->version =
            arena_text(loader->config->memory, "avow " AVOW_VERSION, strlen("avow " AVOW_VERSION));
    if (yaml_tree_find(map, "identity") || gethostname(host, sizeof(host) - 1) || !*host)
        return;
    server->identity = arena_text(loader->config->memory, host, strlen(host));
}

/* A file that is not there is made, a folder is not. */
static void check_log(struct loader *loader, const struct yaml_node *log,
                      const struct config_server *server)
{
    char folder[RULES_FOLDER_OCTETS];
    struct stat status;

    if (loader->depth == CONFIG_TEXT || !server->log_file ||
        !rules_folder(server->log_file, folder))
        return;
    if (stat(server->log_file, &status) == 0 && S_ISDIR(status.st_mode))
        loader_error(loader, loader_place(log, "target"), "%s is a folder", server->log_file);
    else if (stat(folder, &status) && (errno == ENOENT || errno == ENOTDIR))
        loader_error(loader, loader_place(log, "target"),
                     "%s cannot be written: there is no folder %s", server->log_file, folder);
}

void rules_server(struct loader *loader, const struct yaml_node *map, void *object)
{
    struct config_server *server = object;

    check_listen(loader, map, server);
    check_tls_listen(loader, map, server);
    set_identity(loader, map, server);
    if (server->control && strlen(server->control) >= CONFIG_CONTROL_PATH_OCTETS)
        loader_error(loader, loader_place(map, "control"),
                     "the path of a socket has at most %d characters, '%s' has %zu",
                     CONFIG_CONTROL_PATH_OCTETS - 1, server->control, strlen(server->control));
    check_log(loader, yaml_tree_find(map, "log"), server);
    if (loader->depth != CONFIG_TEXT && server->user && !getpwnam(server->user))
        loader_error(loader, loader_place(map, "user"), "there is no user '%s' on this system",
                     server->user);
}

/* Those that stand in the file itself were read like anything else: to where secrets are kept. */
static void keep_cookie_secrets(struct loader *loader, struct config_cookies *cookies)
{
    struct config_cookie_secret *read = cookies->secrets;
    size_t octets = cookies->secret_count * sizeof(*read);

    cookies->secrets = loader->depth == CONFIG_SECRETS
                           ? arena_take_secret(loader->config->memory, octets, 1)
                           : NULL;
    if (cookies->secrets)
        memcpy(cookies->secrets, read, octets);
    else
        cookies->secret_count = 0;
    explicit_bzero(read, octets);
}

static void check_cookie_secrets(struct loader *loader, const struct yaml_node *list,
                                 struct config_cookies *cookies)
{
    if (cookies->secret_count > CONFIG_COOKIE_SECRETS)
        loader_error(loader, &list->key_place, "there may be %d secrets, not %zu",
                     CONFIG_COOKIE_SECRETS, cookies->secret_count);
    if (loader->others_can_read && cookies->secret_count)
        loader_error(loader, &list->key_place,
                     "others than its owner can read the configuration file, which holds secrets; "
                     "use secret-files, or: chmod 0600 %s",
                     loader->document->path);
    if (cookies->secrets)
        keep_cookie_secrets(loader, cookies);
}

void rules_cookies(struct loader *loader, const struct yaml_node *map, void *object)
{
    struct config_cookies *cookies = object;
    const struct yaml_node *secrets = yaml_tree_find(map, "secrets"),
                           *files = yaml_tree_find(map, "secret-files");

    if (secrets && files)
        loader_error(loader, &secrets->key_place,
                     "secrets and secret-files are both given; one is allowed");
    else if (secrets)
        check_cookie_secrets(loader, secrets, cookies);
    else if (files && loader->depth != CONFIG_TEXT)
        secrets_read_cookies(loader, files, cookies);
}

/* ---- keystores and TSIG keys ------------------------------------------------------------------*/

/* The value of a hexadecimal digit; 16 when it is none. */
static unsigned hex_value(char character)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = character ? strchr(digits, tolower((unsigned char)character)) : NULL;

    return at ? (unsigned)(at - digits) : 16;
}

/* The path of pin-source=file:PATH or file:///PATH (RFC 7512 section 2.4), unescaped; NULL when the
 * URI has none. */
static char *pin_source(struct loader *loader, const char *uri, bool *given)
{
    const char *at = strstr(uri, "pin-source=");

    *given = at != NULL;
    if (!at)
        return NULL;
    at += strlen("pin-source=");
    if (strncmp(at, "file:", 5) != 0)
        return NULL;
    at += 5;
    at += strncmp(at, "//", 2) == 0 ? 2 : 0;
    size_t length = strcspn(at, "&;"), used = 0;
    char *path = arena_take(loader->document->memory, length + 1, 1);
    if (!path)
        return NULL;
    for (size_t i = 0; i < length; used++) {
        unsigned high = at[i] == '%' && i + 2 < length ? hex_value(at[i + 1]) : 16;
        unsigned low = high < 16 ? hex_value(at[i + 2]) : 16;
        if (low < 16)
            path[used] = (char)(high << 4 | low);
        else
            path[used] = at[i];
        i += low < 16 ? 3 : 1;
    }
    return *path && strlen(path) == used ? loader_path(loader, path) : NULL;
}

static void check_pin(struct loader *loader, const struct yaml_node *map,
                      struct config_keystore *keystore)
{
    const struct yaml_node *uri = yaml_tree_find(map, "uri");
    bool given = false;
    char *path = keystore->uri ? pin_source(loader, keystore->uri, &given) : NULL;

    if (given && keystore->pin_file) {
        loader_error(loader, loader_place(map, "pin-file"),
                     "the PIN is named twice: by pin-file and by pin-source in 'uri'");
        return;
    }
    if (given && !path) {
        loader_error(loader, &uri->place, "pin-source must be file:PATH");
        return;
    }
    if (given)
        keystore->pin_file = path;
    if (keystore->pin_file && loader->depth != CONFIG_TEXT)
        secrets_read_pin(loader, given ? &uri->place : &yaml_tree_find(map, "pin-file")->place,
                         keystore);
}

void rules_keystore(struct loader *loader, const struct yaml_node *map, void *object)
{
    struct config_keystore *keystore = object;

    rules_warn_unreadable(loader, map, "module", keystore->module);
    check_pin(loader, map, keystore);
}

void rules_tsig(struct loader *loader, const struct yaml_node *map, void *object)
{
    struct config_tsig *tsig = object;
    const struct yaml_node *file = yaml_tree_find(map, "secret-file"),
                           *secret = yaml_tree_find(map, "secret");

    if (!tsig->name.length)
        name_root(&tsig->name);
    if (file && secret)
        loader_error(loader, &secret->key_place,
                     "secret and secret-file are both given; one is allowed");
    if (!file && !secret)
        loader_error(loader, &map->place, "a TSIG key needs secret-file");
    if (secret && loader->others_can_read)
        loader_error(loader, &secret->key_place,
                     "others than its owner can read the configuration file, which holds a secret; "
                     "use secret-file, or: chmod 0600 %s",
                     loader->document->path);
    if (secret && tsig->secret)
        secrets_judge_length(loader, &secret->place, "'secret'", tsig->secret_length);
    if (tsig->algorithm && !strcmp(tsig->algorithm, "hmac-sha1"))
        loader_warning(loader, loader_place(map, "algorithm"),
                       "hmac-sha1 is not recommended (RFC 8945 section 6); use hmac-sha256");
    if (tsig->secret_file && loader->depth != CONFIG_TEXT)
        secrets_read_tsig(loader, &file->place, tsig);
    if (secret && loader->depth != CONFIG_SECRETS && tsig->secret) {
        explicit_bzero(tsig->secret, tsig->secret_length);
        tsig->secret = NULL;
        tsig->secret_length = 0;
    }
}

/* ---- policies ---------------------------------------------------------------------------------*/

static void check_times(struct loader *loader, const struct yaml_node *map,
                        const struct config_policy *policy)
{
    uint64_t spent = (uint64_t)policy->signature_refresh + policy->signature_jitter;
    char validity[LOADER_WORD_OCTETS], refresh[LOADER_WORD_OCTETS], jitter[LOADER_WORD_OCTETS];

    if (spent < policy->signature_validity)
        return;
    const char *key = yaml_tree_find(map, "signature-validity")  ? "signature-validity"
                      : yaml_tree_find(map, "signature-refresh") ? "signature-refresh"
                                                                 : "signature-jitter";
    loader_error(loader, loader_place(map, key),
                 "signature-validity (%s) must be longer than signature-refresh (%s) and "
                 "signature-jitter (%s) together",
                 value_duration_to_text(policy->signature_validity, validity),
                 value_duration_to_text(policy->signature_refresh, refresh),
                 value_duration_to_text(policy->signature_jitter, jitter));
}

static void warn_nsec3(struct loader *loader, const struct yaml_node *map,
                       const struct config_policy *policy)
{
    const struct yaml_node *nsec3 = yaml_tree_find(map, "nsec3");

    if (policy->denial == CONFIG_DENIAL_NSEC && nsec3)
        loader_warning(loader, &nsec3->key_place, "'nsec3' has no effect with denial: nsec");
    if (policy->nsec3_iterations)
        loader_warning(loader, loader_place(nsec3, "iterations"),
                       "NSEC3 iterations should be 0 (RFC 9276 section 3.1): resolvers may treat "
                       "the zone as unsigned or broken");
    if (policy->nsec3_salt_length)
        loader_warning(loader, loader_place(nsec3, "salt-length"),
                       "an NSEC3 salt does not help (RFC 9276 section 3.1); salt-length should be "
                       "0");
}

void rules_policy(struct loader *loader, const struct yaml_node *map, void *object)
{
    const struct config_policy *policy = object;
    const struct yaml_node *size = yaml_tree_find(map, "rsa-size"),
                           *zsk = yaml_tree_find(map, "zsk-lifetime");

    if (policy->name && !strcmp(policy->name, "none"))
        loader_error(loader, &yaml_tree_find(map, "name")->place,
                     "'none' means a zone that is not signed; give the policy another name");
    check_times(loader, map, policy);
    warn_nsec3(loader, map, policy);
    if (size && policy->algorithm != 8 && policy->algorithm != 10)
        loader_warning(loader, &size->key_place,
                       "'rsa-size' has no effect: the algorithm is not RSA");
    if (zsk && policy->keys == CONFIG_KEYS_CSK)
        loader_warning(loader, &zsk->key_place,
                       "'zsk-lifetime' has no effect with keys: csk; ksk-lifetime is for the one "
                       "key");
}

/* ---- the rate limit ---------------------------------------------------------------------------*/

void rules_classes(struct loader *loader, const struct yaml_node *map, void *object)
{
    static const char *const names[CONFIG_CLASSES] = {
        [CONFIG_CLASS_POSITIVE] = "positive", [CONFIG_CLASS_NODATA] = "nodata",
        [CONFIG_CLASS_NXDOMAIN] = "nxdomain", [CONFIG_CLASS_REFERRAL] = "referral",
        [CONFIG_CLASS_ERROR] = "error",
    };
    struct config_rate_limit *limit = object;
    (void)loader;

    for (size_t i = 0; i < CONFIG_CLASSES; i++)
        if (!yaml_tree_find(map, names[i]))
            limit->classes[i] = limit->responses_per_second;
}

void rules_rate_limit(struct loader *loader, const struct yaml_node *map, void *object)
{
    const struct config_rate_limit *limit = object;
    bool limits = false;

    for (size_t i = 0; i < CONFIG_CLASSES; i++)
        limits |= limit->classes[i] != 0;
    if (limit->slip == 0 && limits)
        loader_warning(loader, loader_place(map, "slip"),
                       "with slip: 0 whoever shares an address with an attacker gets no answer by "
                       "UDP, and does not learn that TCP would do");
    if (limit->leak == 1 && limits)
        loader_warning(loader, loader_place(map, "leak"),
                       "leak: 1 sends every answer, so that there is no limit");
}

/* ---- the whole --------------------------------------------------------------------------------*/

/* Something that must be the only one of its name. */
struct named {
    const void *object; /* with the name at its beginning; for zones: of the copy */
    const char *label;  /* the name as a text; NULL: it is a struct name */
    const struct name *name;
    const struct yaml_node *node; /* the mapping */
};

static int compare_names(const struct named *a, const struct named *b)
{
    return a->name ? name_compare(a->name, b->name) : strcmp(a->label, b->label);
}

static int compare_named(const void *left, const void *right)
{
    const struct named *a = left, *b = right;
    int order = compare_names(a, b);

    if (order)
        return order;
    if (a->node->place.line != b->node->place.line)
        return a->node->place.line < b->node->place.line ? -1 : 1;
    return a->node->place.column < b->node->place.column ? -1 : 1;
}

/* Sort; complain of each name that came before. */
static void refuse_twins(struct loader *loader, const char *what, struct named *items, size_t count)
{
    char text[NAME_MAX_TEXT];
    size_t first = 0;

    if (count)
        qsort(items, count, sizeof(*items), compare_named);
    for (size_t i = 1; i < count; i++) {
        if (compare_names(&items[first], &items[i])) {
            first = i;
            continue;
        }
        loader_error(loader, &yaml_tree_find(items[i].node, "name")->place,
                     "the %s '%s' is defined twice (first in line %u)", what,
                     items[i].name ? name_to_text(items[i].name, text) : items[i].label,
                     items[first].node->place.line);
    }
}

/* Names that were not given, or refused, have been complained of: they are no twins. */
static bool is_named(const struct yaml_node *node, const char *label, const struct name *name)
{
    const struct yaml_node *value = yaml_tree_find(node, "name");

    if (!value || value->kind != YAML_SCALAR)
        return false;
    return label || (name && (name->length > 1 || !strcmp(value->text, ".")));
}

static void check_keystores(struct loader *loader, const struct yaml_node *list)
{
    const struct config *config = loader->config;
    struct named *items =
        arena_take(loader->document->memory, config->keystore_count, sizeof(*items));
    const struct yaml_node *node = rules_list_item(list, 0);
    size_t count = 0;

    for (size_t i = 0; items && i < config->keystore_count && node; i++, node = node->next)
        if (is_named(node, config->keystores[i].name, NULL))
            items[count++] = (struct named){.label = config->keystores[i].name, .node = node};
    refuse_twins(loader, "keystore", items, count);
}

static void check_policies(struct loader *loader, const struct yaml_node *list)
{
    const struct config *config = loader->config;
    struct named *items =
        arena_take(loader->document->memory, config->policy_count, sizeof(*items));
    const struct yaml_node *node = rules_list_item(list, 0);
    size_t count = 0;

    for (size_t i = 0; items && i < config->policy_count && node; i++, node = node->next)
        if (is_named(node, config->policies[i].name, NULL))
            items[count++] = (struct named){.label = config->policies[i].name, .node = node};
    refuse_twins(loader, "policy", items, count);
}

static void check_tsig(struct loader *loader, const struct yaml_node *list)
{
    const struct config *config = loader->config;
    struct named *items = arena_take(loader->document->memory, config->tsig_count, sizeof(*items));
    const struct yaml_node *node = rules_list_item(list, 0);
    size_t count = 0;

    for (size_t i = 0; items && i < config->tsig_count && node; i++, node = node->next)
        if (is_named(node, NULL, &config->tsig[i].name))
            items[count++] = (struct named){.name = &config->tsig[i].name, .node = node};
    refuse_twins(loader, "TSIG key", items, count);
}

/* Zones are sorted for good: by a copy, since they are found by their names from now on. */
static void check_zones(struct loader *loader, const struct yaml_node *list)
{
    struct config *config = loader->config;
    struct arena *memory = loader->document->memory;
    struct named *items = arena_take(memory, config->zone_count, sizeof(*items));
    struct config_zone *copy = arena_take(memory, config->zone_count, sizeof(*copy));
    const struct yaml_node *node = rules_list_item(list, 0);
    size_t count = 0;

    if (!items || !copy || !config->zone_count)
        return;
    memcpy(copy, config->zones, config->zone_count * sizeof(*copy));
    for (size_t i = 0; i < config->zone_count && node; i++, node = node->next)
        if (is_named(node, NULL, &copy[i].name))
            items[count++] =
                (struct named){.object = &copy[i], .name = &copy[i].name, .node = node};
    refuse_twins(loader, "zone", items, count);
    if (count == config->zone_count) /* else there was an error, and nothing will be searched */
        for (size_t i = 0; i < count; i++)
            memcpy(&config->zones[i], items[i].object, sizeof(config->zones[i]));
}

/* Zones by their files: one that is written must not be another zone's as well. */
static void check_zone_files(struct loader *loader, const struct yaml_node *list)
{
    const struct config *config = loader->config;
    struct named *items = arena_take(loader->document->memory, config->zone_count, sizeof(*items));
    const struct yaml_node *node = rules_list_item(list, 0);
    size_t count = 0, first = 0;
    bool written = false;

    for (size_t i = 0; items && i < config->zone_count && node; i++, node = node->next) {
        const struct config_zone *zone = &config->zones[i];
        written = written || zone->zone_file == CONFIG_ZONE_FILE_WRITE;
        if (zone->file && yaml_tree_find(node, "file"))
            items[count++] = (struct named){.object = zone, .label = zone->file, .node = node};
    }
    if (!written || !count)
        return;
    qsort(items, count, sizeof(*items), compare_named);
    for (size_t i = 1; i < count; i++) {
        const struct config_zone *zone = items[i].object, *other = items[first].object;
        if (compare_names(&items[first], &items[i]))
            first = i;
        else if (zone->zone_file == CONFIG_ZONE_FILE_WRITE ||
                 other->zone_file == CONFIG_ZONE_FILE_WRITE)
            loader_error(loader, &yaml_tree_find(items[i].node, "file")->place,
                         "with zone-file: write a file must be that of one zone alone; %s is also "
                         "that of the zone in line %u",
                         zone->file, items[first].node->place.line);
    }
}

void rules_root(struct loader *loader, const struct yaml_node *map, void *object)
{
    (void)object; /* it is loader->config */
    check_keystores(loader, yaml_tree_find(map, "keystores"));
    check_tsig(loader, yaml_tree_find(map, "tsig"));
    check_policies(loader, yaml_tree_find(map, "policies"));
    check_zone_files(loader, yaml_tree_find(map, "zones")); /* before they are sorted */
    check_zones(loader, yaml_tree_find(map, "zones"));
}
