/* walk.c - the tree to structs, led by the table. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"
#include "scalar.h"

enum { WHAT_OCTETS = 1024, KEYS_OCTETS = 512 };

/* ---- complaints -------------------------------------------------------------------------------*/

void loader_complain(struct loader *loader, enum complaint_weight weight,
                     const struct yaml_place *place, const char *format, ...)
{
    char what[WHAT_OCTETS];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(what, sizeof(what), format, arguments);
    va_end(arguments);
    yaml_tree_complain(loader->document, loader->complaints, weight, place, what);
}

const struct yaml_place *loader_place(const struct yaml_node *map, const char *key)
{
    const struct yaml_node *entry = yaml_tree_find(map, key);

    if (entry)
        return &entry->key_place;
    return map ? &map->place : NULL;
}

char *loader_word(const char *text, char word[LOADER_WORD_OCTETS])
{
    size_t length = 0;

    for (; text[length] && length < LOADER_WORD_OCTETS - 4; length++) {
        word[length] = text[length];
        if ((unsigned char)text[length] < 0x20 || text[length] == 0x7f)
            word[length] = '?';
    }
    if (text[length]) {
        memcpy(word + length, "...", 4);
        return word;
    }
    word[length] = '\0';
    return word;
}

char *loader_path(struct loader *loader, const char *path)
{
    struct arena *memory = loader->config->memory;

    if (path[0] == '/')
        return arena_text(memory, path, strlen(path));
    if (!strncmp(path, "./", 2))
        path += 2;
    size_t folder = strlen(loader->folder), size = folder + 1 + strlen(path) + 1;
    bool slash = folder > 0 && loader->folder[folder - 1] != '/';
    char *joined = arena_take(memory, size, 1);
    if (joined)
        (void)snprintf(joined, size, "%s%s%s", loader->folder, slash ? "/" : "", path);
    return joined;
}

const char *loader_nearest(const char *text, const char *const *words, size_t count)
{
    unsigned limit = strlen(text) < 4 ? 1 : strlen(text) < 9 ? 2 : 3, best = limit + 1;
    const char *nearest = NULL;

    for (size_t i = 0; i < count; i++) {
        unsigned distance = scalar_distance(text, words[i], limit);
        if (distance < best) {
            best = distance;
            nearest = words[i];
        }
    }
    return nearest;
}

/* ---- keys -------------------------------------------------------------------------------------*/

/* The names of a table's keys, parted by commas. */
static char *list_keys(const struct schema_table *table, char text[KEYS_OCTETS])
{
    size_t used = 0;

    text[0] = '\0';
    for (size_t i = 0; i < table->count; i++) {
        int length =
            snprintf(text + used, KEYS_OCTETS - used, "%s%s", i ? ", " : "", table->keys[i].name);
        used += length > 0 && (size_t)length < KEYS_OCTETS - used ? (size_t)length : 0;
    }
    return text;
}

static void refuse_unknown_key(struct loader *loader, const struct yaml_node *entry,
                               const struct schema_table *table)
{
    const char *names[64];
    char word[LOADER_WORD_OCTETS], allowed[KEYS_OCTETS];
    size_t count = table->count < COUNT(names) ? table->count : COUNT(names);

    for (size_t i = 0; i < count; i++)
        names[i] = table->keys[i].name;
    const char *nearest = loader_nearest(entry->key, names, count);
    loader_word(entry->key, word);
    if (nearest)
        loader_error(loader, &entry->key_place, "unknown key '%s'; did you mean '%s'?", word,
                     nearest);
    else
        loader_error(loader, &entry->key_place, "unknown key '%s' in %s; allowed: %s", word,
                     table->what, list_keys(table, allowed));
}

static void refuse_unknown_keys(struct loader *loader, const struct yaml_node *map,
                                const struct schema_table *table)
{
    for (const struct yaml_node *entry = map ? map->first : NULL; entry; entry = entry->next) {
        bool known = false;
        for (size_t i = 0; i < table->count && !known; i++)
            known = !strcmp(entry->key, table->keys[i].name);
        if (!known)
            refuse_unknown_key(loader, entry, table);
    }
}

/* A plain 0, none or an empty list asks for nothing: then nothing is said. */
static bool asks_for_something(const struct yaml_node *node)
{
    if (node->kind != YAML_SCALAR)
        return node->count > 0;
    return !node->empty && strcmp(node->text, "0") != 0;
}

static void tell_inactive(struct loader *loader, const struct schema_key *key,
                          const struct yaml_node *node)
{
    for (size_t i = 0; i < loader->told_count; i++)
        if (loader->told[i] == key)
            return;
    if (loader->told_count == LOADER_TOLD || !asks_for_something(node))
        return;
    loader->told[loader->told_count++] = key;
    loader_complain(loader, COMPLAINT_NOTE, &node->key_place,
                    "'%s' is checked, but this version does not act on it", key->name);
}

static void walk_list(struct loader *loader, const struct schema_key *key,
                      const struct yaml_node *node, void *object)
{
    unsigned char *items;
    char allowed[KEYS_OCTETS];
    size_t count = node->count;

    if (node->kind == YAML_SCALAR && node->empty)
        count = 0;
    else if (node->kind != YAML_LIST) {
        loader_error(loader, &node->place, "'%s' must be a list: [..., ...], or lines with dashes",
                     key->name);
        return;
    }
    if (count == 0 && key->required)
        loader_error(loader, &node->key_place, "'%s' needs at least one entry", key->name);
    items = arena_take(loader->config->memory, count, key->width);
    if (!items)
        return;
    memcpy((unsigned char *)object + key->offset, &items, sizeof(items));
    memcpy((unsigned char *)object + key->count_offset, &count, sizeof(count));
    for (const struct yaml_node *item = node->first; item; item = item->next) {
        if (complaints_exhausted(loader->complaints))
            return;
        if (key->kind == SCHEMA_MAP && item->kind != YAML_MAP)
            loader_error(loader, &item->place,
                         "%s must be a mapping: {KEY: VALUE, ...}; allowed keys: %s",
                         key->table->what, list_keys(key->table, allowed));
        else if (key->kind == SCHEMA_MAP)
            walk_map(loader, item, key->table, items);
        else
            value_write(loader, key, item, items, items);
        items += key->width;
    }
}

static void walk_default(struct loader *loader, const struct schema_key *key,
                         const struct yaml_node *map, void *object)
{
    void *place = (unsigned char *)object + key->offset;

    if (key->kind == SCHEMA_MAP && !key->list) {
        walk_map(loader, NULL, key->table, place);
    } else if (key->kind == SCHEMA_KEYSTORE || key->kind == SCHEMA_POLICY) {
        value_write_left_out(loader, key, map, place);
    } else if (key->inherits) {
        const unsigned char *defaults = (const unsigned char *)&loader->config->zone_defaults;
        memcpy(place, defaults + key->offset, key->list ? sizeof(void *) : key->width);
        if (key->list)
            memcpy((unsigned char *)object + key->count_offset, defaults + key->count_offset,
                   sizeof(size_t));
    } else if (key->fallback) {
        const struct yaml_node node = {.kind = YAML_SCALAR,
                                       .text = key->fallback,
                                       .length = strlen(key->fallback),
                                       .key = key->name};
        value_write(loader, key, &node, object, place);
    }
}

static void walk_key(struct loader *loader, const struct schema_key *key,
                     const struct yaml_node *map, void *object)
{
    const struct yaml_node *node = yaml_tree_find(map, key->name);
    void *place = (unsigned char *)object + key->offset;
    char allowed[KEYS_OCTETS];

    if (!node) {
        if (key->required)
            loader_error(loader, map ? &map->place : NULL, "'%s' is missing", key->name);
        walk_default(loader, key, map, object);
        return;
    }
    if (key->inactive)
        tell_inactive(loader, key, node);
    if (key->list) {
        walk_list(loader, key, node, object);
    } else if (key->kind == SCHEMA_VARIABLES) {
        value_write_variables(loader, key, node, object);
    } else if (key->kind == SCHEMA_MAP) {
        bool nothing = node->kind == YAML_SCALAR && node->empty;
        if (node->kind != YAML_MAP && !nothing)
            loader_error(loader, &node->place,
                         "'%s' must be a mapping: {KEY: VALUE, ...}; allowed keys: %s", key->name,
                         list_keys(key->table, allowed));
        walk_map(loader, node->kind == YAML_MAP ? node : NULL, key->table, place);
    } else {
        /* The default first: when the value is refused, it keeps other checks from stumbling. */
        if (key->kind != SCHEMA_KEYSTORE && key->kind != SCHEMA_POLICY)
            walk_default(loader, key, map, object);
        value_write(loader, key, node, object, place);
    }
}

void walk_map(struct loader *loader, const struct yaml_node *map, const struct schema_table *table,
              void *object)
{
    refuse_unknown_keys(loader, map, table);
    for (size_t i = 0; i < table->count; i++) {
        if (complaints_exhausted(loader->complaints))
            return;
        walk_key(loader, &table->keys[i], map, object);
    }
    if (table->check && !arena_failed(loader->config->memory))
        table->check(loader, map, object);
}
