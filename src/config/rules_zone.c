/* rules_zone.c - what must hold between the keys of a zone, and of who may transfer and update it.
 */
#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "load.h"
#include "rules.h"

/* ---- who may do what --------------------------------------------------------------------------*/

static bool names_certificate(const struct yaml_node *map)
{
    return yaml_tree_find(map, "certificate-pin") || yaml_tree_find(map, "certificate-name");
}

/* By more than an address. */
static bool names_somebody(const struct yaml_node *map)
{
    return yaml_tree_find(map, "key") || names_certificate(map);
}

/* What only TLS can show nobody can show where there is none. */
static void check_tls(struct loader *loader, const struct yaml_node *map,
                      const struct config_acl_entry *entry)
{
    const struct config_tls *tls = &loader->config->server.tls;

    if (tls->listen_count == 0 && (entry->tls || names_certificate(map)))
        loader_error(loader, &map->place,
                     "this entry is for clients that come by TLS, which server.tls does not serve");
    else if (yaml_tree_find(map, "certificate-name") && !tls->client_ca_file)
        loader_error(loader, loader_place(map, "certificate-name"),
                     "names in certificates need an authority: server.tls.client-ca-file");
}

/* An entry that names no key must say that it is meant so when it lets in everybody, or lets
 * somebody change the zone. Keys and addresses are judged by whether they are written: a refused
 * one must not cause a second complaint. */
static void check_peer(struct loader *loader, const struct yaml_node *map,
                       const struct config_acl_entry *entry, bool known)
{
    bool address = yaml_tree_find(map, "address");

    if (known && entry->insecure)
        loader_warning(loader, loader_place(map, "insecure"),
                       "'insecure' has no effect beside a key%s",
                       yaml_tree_find(map, "key") ? "" : " or certificate");
    if (known || entry->insecure)
        return;
    if (!address)
        loader_error(loader, &map->place,
                     "this entry is for everybody; it needs a key or a key and an address, or "
                     "insecure: true to say that it is meant so");
    else if (entry->address.family && entry->address.length == 0)
        loader_error(loader, loader_place(map, "address"),
                     "a prefix of length 0 is everybody; name a key or a longer prefix, or say "
                     "insecure: true to show that it is meant so");
}

static bool by_address_alone(const struct yaml_node *map, const struct config_acl_entry *entry)
{
    return yaml_tree_find(map, "address") && !names_somebody(map) && !entry->insecure &&
           (!entry->address.family || entry->address.length > 0);
}

void rules_transfer_entry(struct loader *loader, const struct yaml_node *map, void *object)
{
    check_peer(loader, map, object, names_somebody(map));
    check_tls(loader, map, object);
    if (by_address_alone(map, object))
        loader_warning(loader, loader_place(map, "address"),
                       "an address can be forged; add a key, or insecure: true to say that it is "
                       "meant so");
}

/* An empty list would read as "nothing" and mean "everything". */
static void refuse_empty(struct loader *loader, const struct yaml_node *map, const char *key)
{
    const struct yaml_node *node = yaml_tree_find(map, key);

    if (node && node->count == 0 && (node->kind == YAML_LIST || node->empty))
        loader_error(loader, &node->key_place,
                     "'%s' needs at least one entry; to allow all, leave the key out", key);
}

/* `self` is the name of the key: without one it means nobody. */
static void check_selves(struct loader *loader, const struct yaml_node *map)
{
    const struct yaml_node *rule = rules_list_item(yaml_tree_find(map, "names"), 0);

    if (yaml_tree_find(map, "key"))
        return;
    for (; rule; rule = rule->next)
        if (yaml_tree_find(rule, "self"))
            loader_error(loader, loader_place(rule, "self"),
                         "'self' is the name of the key that signed; the entry must have a key");
}

void rules_update_entry(struct loader *loader, const struct yaml_node *map, void *object)
{
    const struct config_acl_entry *entry = object;

    check_tls(loader, map, entry);
    /* It shows who is connected. What is asked went through the front, which strangers talk to. */
    if (names_certificate(map) && !yaml_tree_find(map, "key") && !entry->insecure)
        loader_error(loader, &map->place,
                     "a certificate is not enough to change a zone; add a key, or insecure: true "
                     "to allow it nevertheless");
    else
        check_peer(loader, map, entry, yaml_tree_find(map, "key"));
    if (by_address_alone(map, entry))
        loader_error(loader, loader_place(map, "address"),
                     "an address can be forged and is not enough to change a zone; add a key, or "
                     "insecure: true to allow it nevertheless");
    refuse_empty(loader, map, "names");
    refuse_empty(loader, map, "types");
    check_selves(loader, map);
}

static void check_wildcard(struct loader *loader, const struct yaml_node *map,
                           const struct config_name_rule *rule)
{
    const struct yaml_node *wildcard = yaml_tree_find(map, "wildcard"),
                           *subdomain = yaml_tree_find(map, "subdomain");
    char text[NAME_MAX_TEXT];

    if (rule->name.length == 1)
        return; /* it was refused, or is the root */
    if (wildcard && !name_is_wildcard(&rule->name))
        loader_error(loader, &wildcard->place,
                     "'wildcard' must begin with an asterisk: \"*.%s\" for all names below %s",
                     name_to_text(&rule->name, text), text);
    if (subdomain && name_is_wildcard(&rule->name))
        loader_warning(loader, &subdomain->place,
                       "these are the wildcard record and what is below it; all names that it "
                       "stands for are wildcard: \"%s\"",
                       name_to_text(&rule->name, text));
}

void rules_name_rule(struct loader *loader, const struct yaml_node *map, void *object)
{
    static const struct {
        const char *key;
        enum config_scope scope;
    } forms[] = {
        {"name", CONFIG_SCOPE_NAME},
        {"subdomain", CONFIG_SCOPE_SUBDOMAIN},
        {"wildcard", CONFIG_SCOPE_WILDCARD},
    };
    struct config_name_rule *rule = object;
    bool self = yaml_tree_find(map, "self");
    unsigned given = self;

    for (size_t i = 0; i < COUNT(forms); i++)
        if (yaml_tree_find(map, forms[i].key)) {
            rule->scope = self ? rule->scope : forms[i].scope;
            given++;
        }
    if (!rule->name.length)
        name_root(&rule->name);
    if (given != 1)
        loader_error(loader, &map->place,
                     "an entry of names must have one of name, subdomain, wildcard and self");
    else if (!self)
        check_wildcard(loader, map, rule);
}

/* ---- zones ------------------------------------------------------------------------------------*/

static bool is_self(const struct config_name_rule *rule)
{
    return rule->scope == CONFIG_SCOPE_SELF || rule->scope == CONFIG_SCOPE_SELF_SUBDOMAIN;
}

static void check_update_names(struct loader *loader, const struct yaml_node *map,
                               const struct config_zone *zone, const struct config_acl_entry *entry)
{
    const struct yaml_node *item = rules_list_item(yaml_tree_find(map, "names"), 0);
    char text[NAME_MAX_TEXT], apex[NAME_MAX_TEXT];

    for (size_t i = 0; i < entry->name_count && item; i++, item = item->next) {
        if (!item->first || item->first->kind != YAML_SCALAR)
            continue;
        bool self = is_self(&entry->names[i]);
        const struct name *name = &entry->names[i].name;
        if (self && entry->key)
            name = &entry->key->name;
        /* A refused name is the root, of which was complained; one that was written is not. */
        bool known = name->length > 1 || strcmp(item->first->text, ".") == 0;
        if (!known || name_is_within(name, &zone->name))
            continue;
        loader_error(loader, &item->first->place,
                     self ? "the key's name %s is not in the zone %s, so that 'self' is nothing"
                          : "%s is not in the zone %s",
                     name_to_text(name, text), name_to_text(&zone->name, apex));
    }
}

/* The file is written beside the old one and renamed: that takes a folder that can be written. */
static void warn_unwritable(struct loader *loader, const struct yaml_node *map,
                            const struct config_zone *zone)
{
    char folder[RULES_FOLDER_OCTETS];

    if (loader->depth == CONFIG_TEXT || zone->zone_file != CONFIG_ZONE_FILE_WRITE || !zone->file ||
        !rules_folder(zone->file, folder) || access(folder, W_OK) == 0)
        return;
    int error = errno;
    loader_warning(loader, &yaml_tree_find(map, "file")->place,
                   "zone-file: write needs to write into %s, which cannot be done: %s", folder,
                   strerror(error));
}

/* Only what its owner alone can change may decide what is served, and run as the supervisor says.
 */
static void judge_program(struct loader *loader, const struct yaml_node *node, const char *program)
{
    struct stat status;

    if (loader->depth == CONFIG_TEXT)
        return;
    if (stat(program, &status) || !S_ISREG(status.st_mode) || access(program, X_OK))
        loader_warning(loader, &node->place,
                       "%s cannot be executed: every load of the zone would be held", program);
    else if (status.st_mode & (S_IWGRP | S_IWOTH))
        loader_error(loader, &node->place,
                     "others than its owner can change %s; chmod go-w it first", program);
}

void rules_hook(struct loader *loader, const struct yaml_node *map, void *object)
{
    struct config_hook *hook = &((struct config_zone *)object)->hook;
    const struct yaml_node *program = yaml_tree_find(map, "program");

    if (!program || program->kind != YAML_SCALAR || !hook->program)
        return; /* as in zone-defaults; or refused already */
    if (!yaml_tree_find(map, "arguments")) {
        hook->arguments = NULL; /* those of zone-defaults are for another program */
        hook->argument_count = 0;
    }
    if (!strcmp(program->text, "none"))
        hook->program = NULL;
    else if (program->text[0] != '/')
        loader_error(loader, &program->place,
                     "'program' must be an absolute path, or none for no hook");
    else
        judge_program(loader, program, hook->program);
}

/* A daemon that root starts gives its hooks to a user. Who checks need not be who starts it. */
static void warn_hook_user(struct loader *loader, const struct yaml_node *map,
                           const struct config_zone *zone)
{
    const char *user = zone->hook.user;

    if (loader->depth == CONFIG_TEXT || !zone->hook.program)
        return;
    if (!user && !loader->config->server.user && geteuid() == 0)
        loader_warning(loader, loader_place(map, "hook"),
                       "started as root the daemon runs no hook without hook.user or server.user: "
                       "every load of the zone would be held");
    else if (user && !getpwnam(user))
        loader_warning(loader, loader_place(map, "hook"),
                       "there is no user '%s' on this system: started as root the daemon would "
                       "hold every load of the zone",
                       user);
}

static void warn_tls_only(struct loader *loader, const struct yaml_node *map,
                          const struct config_zone *zone)
{
    const char *key =
        yaml_tree_find(map, "transfer-tls-only") ? "transfer-tls-only" : "allow-transfer";

    if (zone->transfer_tls_only && zone->allow_transfer_count > 0 &&
        loader->config->server.tls.listen_count == 0)
        loader_warning(loader, loader_place(map, key),
                       "with transfer-tls-only and without server.tls nobody can transfer the "
                       "zone");
}

void rules_zone(struct loader *loader, const struct yaml_node *map, void *object)
{
    struct config_zone *zone = object;
    const struct yaml_node *entry = rules_list_item(yaml_tree_find(map, "allow-update"), 0);

    rules_warn_unreadable(loader, map, "file", zone->file);
    if (yaml_tree_find(map, "file"))
        warn_unwritable(loader, map, zone);
    warn_hook_user(loader, map, zone);
    warn_tls_only(loader, map, zone);
    if (!zone->name.length) {
        name_root(&zone->name);
        return; /* without a name nothing can be said about names in it */
    }
    for (size_t i = 0; i < zone->allow_update_count && entry; i++, entry = entry->next)
        check_update_names(loader, entry, zone, &zone->allow_update[i]);
}
