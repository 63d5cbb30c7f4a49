/* yaml.c - YAML events to a tree in which everything knows where it stood. */
#include "yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum { WHAT_OCTETS = 512, EXCERPT_OCTETS = 240 };

struct builder {
    struct yaml_document *document;
    struct complaints *complaints;
    yaml_parser_t parser;
    bool stop; /* after an error that leaves nothing sensible to read */
    bool out_of_memory;
};

/* ---- lines and complaints ---------------------------------------------------------------------*/

/* Octets of the line break at `at`, 0 when there is none: the breaks that libyaml counts. */
static size_t break_length(const unsigned char *at, size_t left)
{
    if (at[0] == '\n')
        return 1;
    if (at[0] == '\r')
        return left > 1 && at[1] == '\n' ? 2 : 1;
    if (left > 1 && at[0] == 0xc2 && at[1] == 0x85)
        return 2;
    if (left > 2 && at[0] == 0xe2 && at[1] == 0x80 && (at[2] == 0xa8 || at[2] == 0xa9))
        return 3;
    return 0;
}

static size_t find_lines(const char *text, size_t length, size_t *lines)
{
    size_t count = 0;

    if (lines)
        lines[0] = 0;
    for (size_t i = 0; i < length;) {
        size_t broken = break_length((const unsigned char *)text + i, length - i);
        i += broken ? broken : 1;
        if (broken && ++count && lines)
            lines[count] = i;
    }
    return count + 1;
}

/* The line without its end; what is too long for an excerpt is cut off. */
static bool copy_line(const struct yaml_document *document, uint32_t line, char *excerpt)
{
    if (line == 0 || line > document->line_count)
        return false;
    const char *start = document->text + document->lines[line - 1];
    size_t left = document->length - document->lines[line - 1], length = 0;
    while (length < left && length < EXCERPT_OCTETS - 1 &&
           !break_length((const unsigned char *)start + length, left - length))
        length++;
    memcpy(excerpt, start, length);
    excerpt[length] = '\0';
    /* Whatever would disturb a terminal is not repeated to it. */
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)excerpt[i] < 0x20 && excerpt[i] != '\t')
            excerpt[i] = '?';
    return true;
}

void yaml_tree_complain(const struct yaml_document *document, struct complaints *complaints,
                        enum complaint_weight weight, const struct yaml_place *place,
                        const char *what)
{
    char excerpt[EXCERPT_OCTETS];
    struct complaint complaint = {.weight = weight, .file = document->path, .what = what};

    if (place) {
        complaint.line = place->line;
        complaint.column = place->column;
        complaint.width = place->width;
        if (copy_line(document, place->line, excerpt) && place->column < EXCERPT_OCTETS)
            complaint.excerpt = excerpt;
    }
    complain(complaints, &complaint);
}

static void refuse(struct builder *builder, const struct yaml_place *place, const char *what)
{
    yaml_tree_complain(builder->document, builder->complaints, COMPLAINT_ERROR, place, what);
    if (complaints_exhausted(builder->complaints))
        builder->stop = true;
}

static struct yaml_place place_at(const yaml_mark_t *mark)
{
    return (struct yaml_place){.line = (uint32_t)mark->line + 1,
                               .column = (uint32_t)mark->column + 1};
}

static struct yaml_place place_of(const yaml_event_t *event)
{
    struct yaml_place place = place_at(&event->start_mark);

    if (event->type == YAML_SCALAR_EVENT && event->end_mark.line == event->start_mark.line &&
        event->end_mark.column > event->start_mark.column)
        place.width = (uint32_t)(event->end_mark.column - event->start_mark.column);
    return place;
}

/* ---- what libyaml itself refuses --------------------------------------------------------------*/

/* libyaml gives the octet's offset, not a mark, for what is no UTF-8 and for control characters. */
static void refuse_octet(struct builder *builder)
{
    const struct yaml_document *document = builder->document;
    size_t offset = builder->parser.problem_offset, line = document->line_count;
    char what[WHAT_OCTETS];

    while (line > 1 && document->lines[line - 1] > offset)
        line--;
    struct yaml_place place = {.line = (uint32_t)line, .column = 1};
    for (size_t i = document->lines[line - 1]; i < offset && i < document->length; i++)
        place.column += ((unsigned char)document->text[i] & 0xc0) != 0x80;
    (void)snprintf(what, sizeof(what), "the file must be UTF-8 text: %s", builder->parser.problem);
    refuse(builder, &place, what);
}

/* YAML takes some colons of IPv6 addresses for its own. */
static bool stumbles_at_colon(const struct builder *builder, const struct yaml_place *place)
{
    char line[EXCERPT_OCTETS];

    return copy_line(builder->document, place->line, line) && place->column <= strlen(line) &&
           line[place->column - 1] == ':' && !strchr(" \t", line[place->column]);
}

/* An alias is what YAML takes a naked wildcard for. */
static bool stumbles_at_wildcard(const yaml_parser_t *parser)
{
    return parser->context && strstr(parser->context, "alias");
}

static bool stands_at_tab(const struct builder *builder, const struct yaml_place *place)
{
    char line[EXCERPT_OCTETS];

    if (!copy_line(builder->document, place->line, line))
        return false;
    return line[strspn(line, " ")] == '\t';
}

static void refuse_syntax(struct builder *builder)
{
    const yaml_parser_t *parser = &builder->parser;
    struct yaml_place problem = place_at(&parser->problem_mark);
    struct yaml_place context = place_at(&parser->context_mark);
    char what[WHAT_OCTETS];

    if (stands_at_tab(builder, &problem)) {
        refuse(builder, &problem, "a tab is used for indentation; use spaces");
        return;
    }
    /* At the end of the file the interesting place is where the unfinished thing began. */
    bool at_end = problem.line >= builder->document->line_count && parser->context;
    if (stumbles_at_wildcard(parser)) {
        refuse(builder, &context, "a text that begins with *, as a wildcard does, must be quoted");
        return;
    }
    if (at_end)
        (void)snprintf(what, sizeof(what), "%s, %s here", parser->problem, parser->context);
    else if (parser->context && context.line < problem.line)
        (void)snprintf(what, sizeof(what), "%s, %s that begins in line %u", parser->problem,
                       parser->context, context.line);
    else
        (void)snprintf(what, sizeof(what), "%s%s", parser->problem,
                       stumbles_at_colon(builder, &problem)
                           ? "; a text with such colons, as an IPv6 address has, must be quoted"
                           : "");
    refuse(builder, at_end ? &context : &problem, what);
}

static bool next_event(struct builder *builder, yaml_event_t *event)
{
    if (builder->stop)
        return false;
    if (yaml_parser_parse(&builder->parser, event))
        return true;
    builder->stop = true;
    if (builder->parser.error == YAML_MEMORY_ERROR)
        builder->out_of_memory = true;
    else if (builder->parser.error == YAML_READER_ERROR)
        refuse_octet(builder);
    else
        refuse_syntax(builder);
    return false;
}

/* ---- the tree ---------------------------------------------------------------------------------*/

static void check_decoration(struct builder *builder, const yaml_event_t *event,
                             const yaml_char_t *anchor, const yaml_char_t *tag)
{
    struct yaml_place place = place_at(&event->start_mark);

    if (anchor)
        refuse(builder, &place, "anchors (&) are not allowed; write the value where it is used");
    if (tag)
        refuse(builder, &place, "tags (!) are not allowed; write the value as it is");
}

static bool is_empty(const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;

    return event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (!*text || !strcmp(text, "~") || !strcmp(text, "null"));
}

static void build_scalar(struct builder *builder, const yaml_event_t *event, struct yaml_node *node)
{
    check_decoration(builder, event, event->data.scalar.anchor, event->data.scalar.tag);
    if (memchr(event->data.scalar.value, 0, event->data.scalar.length))
        refuse(builder, &node->place, "a zero character is not allowed in a value");
    node->kind = YAML_SCALAR;
    node->empty = is_empty(event);
    node->text = arena_text(builder->document->memory, (const char *)event->data.scalar.value,
                            event->data.scalar.length);
    node->length = event->data.scalar.length;
}

static struct yaml_node *build_node(struct builder *builder, yaml_event_t *event, unsigned depth);

static void append(struct yaml_node *parent, struct yaml_node **last, struct yaml_node *child)
{
    if (*last)
        (*last)->next = child;
    else
        parent->first = child;
    *last = child;
    parent->count++;
}

static void build_list(struct builder *builder, struct yaml_node *node, unsigned depth)
{
    struct yaml_node *last = NULL;
    yaml_event_t event;

    while (next_event(builder, &event)) {
        bool end = event.type == YAML_SEQUENCE_END_EVENT;
        struct yaml_node *item = end ? NULL : build_node(builder, &event, depth + 1);
        yaml_event_delete(&event);
        if (end)
            return;
        if (item)
            append(node, &last, item);
    }
}

/* Whether this key may be added; complains when it may not. */
static bool check_key(struct builder *builder, const struct yaml_node *map,
                      const struct yaml_node *entry)
{
    char what[WHAT_OCTETS];
    const struct yaml_node *first = yaml_tree_find(map, entry->key);

    if (!strcmp(entry->key, "<<")) {
        refuse(builder, &entry->key_place, "merge keys (<<) are not allowed; write the keys out");
        return false;
    }
    if (map->count == YAML_MAX_KEYS) {
        (void)snprintf(what, sizeof(what), "a mapping has more than %d keys", YAML_MAX_KEYS);
        refuse(builder, &entry->key_place, what);
        builder->stop = true;
        return false;
    }
    if (!first)
        return true;
    (void)snprintf(what, sizeof(what), "duplicate key '%.64s' (first in line %u)", entry->key,
                   first->key_place.line);
    refuse(builder, &entry->key_place, what);
    return false;
}

static void build_map(struct builder *builder, struct yaml_node *node, unsigned depth)
{
    struct yaml_node *last = NULL;
    yaml_event_t event;

    node->kind = YAML_MAP;
    while (next_event(builder, &event)) {
        bool end = event.type == YAML_MAPPING_END_EVENT;
        struct yaml_node *key = end ? NULL : build_node(builder, &event, depth + 1);
        yaml_event_delete(&event);
        if (end || !next_event(builder, &event))
            return;
        struct yaml_node *value = build_node(builder, &event, depth + 1);
        yaml_event_delete(&event);
        if (!key || !value)
            continue;
        if (key->kind != YAML_SCALAR) {
            refuse(builder, &key->place, "a key must be a word, not a list or a mapping");
            continue;
        }
        value->key = key->text;
        value->key_place = key->place;
        if (check_key(builder, node, value))
            append(node, &last, value);
    }
}

/* NULL when the event makes no node; it was complained of then. */
static struct yaml_node *build_node(struct builder *builder, yaml_event_t *event, unsigned depth)
{
    struct yaml_place place = place_of(event);
    struct yaml_node *node = arena_take(builder->document->memory, 1, sizeof(*node));

    if (!node || depth > YAML_MAX_DEPTH) {
        builder->stop = true;
        if (node)
            refuse(builder, &place, "lists and mappings are nested too deeply");
        return NULL;
    }
    node->place = place;
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        build_scalar(builder, event, node);
        break;
    case YAML_SEQUENCE_START_EVENT:
        node->kind = YAML_LIST;
        check_decoration(builder, event, event->data.sequence_start.anchor,
                         event->data.sequence_start.tag);
        build_list(builder, node, depth);
        break;
    case YAML_MAPPING_START_EVENT:
        check_decoration(builder, event, event->data.mapping_start.anchor,
                         event->data.mapping_start.tag);
        build_map(builder, node, depth);
        break;
    default: /* an alias: the only other event that stands for a node */
        refuse(builder, &place,
               "aliases (*) are not allowed; write the value again, or put a text that "
               "begins with * in quotes");
        return NULL;
    }
    return arena_failed(builder->document->memory) ? NULL : node;
}

static void build_document(struct builder *builder)
{
    yaml_event_t event;
    unsigned documents = 0;

    while (next_event(builder, &event)) {
        yaml_event_type_t type = event.type;
        struct yaml_place place = place_of(&event);
        if (type == YAML_DOCUMENT_START_EVENT && ++documents > 1) {
            refuse(builder, &place, "a second document (---) is not allowed");
            builder->stop = true;
        } else if (type != YAML_STREAM_START_EVENT && type != YAML_STREAM_END_EVENT &&
                   type != YAML_DOCUMENT_START_EVENT && type != YAML_DOCUMENT_END_EVENT) {
            builder->document->root = build_node(builder, &event, 0);
        }
        yaml_event_delete(&event);
        if (type == YAML_STREAM_END_EVENT)
            return;
    }
}

enum result yaml_tree_parse(struct yaml_document *document, struct complaints *complaints)
{
    struct builder builder = {.document = document, .complaints = complaints};
    uint32_t errors = complaints->errors;

    document->root = NULL;
    document->lines = NULL;
    document->line_count = 0;
    document->memory = arena_make();
    if (!document->memory)
        return RESULT_SYSTEM;
    if (document->length > YAML_MAX_OCTETS) {
        yaml_tree_complain(document, complaints, COMPLAINT_ERROR, NULL,
                           "the file is larger than 64 MiB, the most that is read");
        return RESULT_FORMAT;
    }
    size_t count = find_lines(document->text, document->length, NULL);
    size_t *lines = arena_take(document->memory, count, sizeof(*lines));
    if (!lines || !yaml_parser_initialize(&builder.parser))
        return RESULT_SYSTEM;
    document->line_count = find_lines(document->text, document->length, lines);
    document->lines = lines;
    yaml_parser_set_encoding(&builder.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&builder.parser, (const unsigned char *)document->text,
                                 document->length);
    build_document(&builder);
    yaml_parser_delete(&builder.parser);
    if (builder.out_of_memory || arena_failed(document->memory))
        return RESULT_SYSTEM;
    return complaints->errors == errors ? RESULT_OK : RESULT_FORMAT;
}

void yaml_tree_free(struct yaml_document *document)
{
    arena_free(document->memory);
    document->memory = NULL;
    document->root = NULL;
}

const struct yaml_node *yaml_tree_find(const struct yaml_node *map, const char *key)
{
    if (!map || map->kind != YAML_MAP)
        return NULL;
    for (const struct yaml_node *entry = map->first; entry; entry = entry->next)
        if (!strcmp(entry->key, key))
            return entry;
    return NULL;
}
