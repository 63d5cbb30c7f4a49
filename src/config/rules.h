/*
 * rules.h - what must hold between the keys of one mapping. Private to config.
 *
 * Each is the `check` of a table of schema.c: called once for each mapping of that table.
 */
#ifndef CONFIG_RULES_H
#define CONFIG_RULES_H

#include <stdbool.h>
#include <stddef.h>

enum { RULES_FOLDER_OCTETS = 4096 };

struct loader;
struct yaml_node;

/* An item of a list, counted from 0; NULL when there is none. */
const struct yaml_node *rules_list_item(const struct yaml_node *list, size_t index);

/* A missing file is a warning where the daemon can serve without it, from the store. */
void rules_warn_unreadable(struct loader *loader, const struct yaml_node *map, const char *key,
                           const char *path);

/* The folder that an absolute path leads into; false when it is too long to be looked at. */
bool rules_folder(const char *path, char folder[RULES_FOLDER_OCTETS]);

void rules_server(struct loader *loader, const struct yaml_node *map, void *object);
void rules_tls(struct loader *loader, const struct yaml_node *map, void *object);
void rules_cookies(struct loader *loader, const struct yaml_node *map, void *object);
void rules_keystore(struct loader *loader, const struct yaml_node *map, void *object);
void rules_tsig(struct loader *loader, const struct yaml_node *map, void *object);
void rules_policy(struct loader *loader, const struct yaml_node *map, void *object);
void rules_transfer_entry(struct loader *loader, const struct yaml_node *map, void *object);
void rules_update_entry(struct loader *loader, const struct yaml_node *map, void *object);
void rules_name_rule(struct loader *loader, const struct yaml_node *map, void *object);
void rules_hook(struct loader *loader, const struct yaml_node *map, void *object);
void rules_zone(struct loader *loader, const struct yaml_node *map, void *object);
void rules_classes(struct loader *loader, const struct yaml_node *map, void *object);
void rules_rate_limit(struct loader *loader, const struct yaml_node *map, void *object);
void rules_root(struct loader *loader, const struct yaml_node *map, void *object);

#endif
