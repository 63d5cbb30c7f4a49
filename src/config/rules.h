/*
 * rules.h - what must hold between the keys of one mapping. Private to config.
 *
 * Each is the `check` of a table of schema.c: called once for each mapping of that table.
 */
#ifndef CONFIG_RULES_H
#define CONFIG_RULES_H

struct loader;
struct yaml_node;

void rules_server(struct loader *loader, const struct yaml_node *map, void *object);
void rules_keystore(struct loader *loader, const struct yaml_node *map, void *object);
void rules_tsig(struct loader *loader, const struct yaml_node *map, void *object);
void rules_policy(struct loader *loader, const struct yaml_node *map, void *object);
void rules_transfer_entry(struct loader *loader, const struct yaml_node *map, void *object);
void rules_update_entry(struct loader *loader, const struct yaml_node *map, void *object);
void rules_name_rule(struct loader *loader, const struct yaml_node *map, void *object);
void rules_zone(struct loader *loader, const struct yaml_node *map, void *object);
void rules_root(struct loader *loader, const struct yaml_node *map, void *object);

#endif
