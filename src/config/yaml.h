/*
 * yaml.h - a YAML file as a tree in which everything knows where it stood.
 *
 * A small, safe part of YAML: one document of mappings, lists and scalars; keys are scalars and
 * none comes twice; no aliases, anchors, tags, merge keys. Private to config. (The functions are
 * called yaml_tree_... since libyaml itself has a yaml_free.)
 */
#ifndef CONFIG_YAML_H
#define CONFIG_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "avow/base/complaint.h"
#include "avow/base/result.h"

enum { YAML_MAX_OCTETS = 64 * 1024 * 1024, YAML_MAX_DEPTH = 16, YAML_MAX_KEYS = 256 };

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

/* Where something stands. Columns and widths count characters. */
struct yaml_place {
    uint32_t line;   /* from 1 */
    uint32_t column; /* from 1 */
    uint32_t width;  /* 0: one */
};

struct yaml_node {
    enum yaml_kind kind;
    struct yaml_place place;
    const char *text; /* of a scalar; never holds a NUL before its end */
    size_t length;
    bool empty;      /* a scalar that stands for nothing: left out, ~ or null */
    const char *key; /* in a mapping */
    struct yaml_place key_place;
    struct yaml_node *first; /* what a list or mapping holds, in order */
    struct yaml_node *next;
    size_t count;
};

struct yaml_document {
    const char *path; /* the caller's */
    const char *text; /* the caller's, which must outlive the document */
    size_t length;
    const size_t *lines; /* where each line begins in the text */
    size_t line_count;
    const struct yaml_node *root; /* NULL: the file holds nothing */
    struct arena *memory;
};

/*
 * Parse. RESULT_OK; RESULT_FORMAT after complaints, in which case the tree must not be used;
 * RESULT_SYSTEM when memory ran out. In every case give back with yaml_free.
 */
MUST_CHECK enum result yaml_tree_parse(struct yaml_document *document,
                                       struct complaints *complaints);

void yaml_tree_free(struct yaml_document *document);

/* The value of a key; NULL when the mapping has none, or is NULL or no mapping. */
const struct yaml_node *yaml_tree_find(const struct yaml_node *map, const char *key);

/* Complain of a place in the document, with its line and a caret. */
void yaml_tree_complain(const struct yaml_document *document, struct complaints *complaints,
                        enum complaint_weight weight, const struct yaml_place *place,
                        const char *what);

#endif
