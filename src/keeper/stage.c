/* stage.c - what is to be changed in a zone, in memory. */
#include "stage.h"

#include <stdlib.h>
#include <string.h>

#include "avow/store/lookup.h"
#include "avow/wire/type.h"
#include "internal.h"

void stage_fail(struct stage *stage, enum result result)
{
    if (!stage->failed)
        stage->failed = result;
}

/* ---- names ------------------------------------------------------------------------------------
 */

static struct staged_rrset *insert_rrset(struct stage *stage, struct staged_name *name,
                                         uint16_t type)
{
    size_t at = name->count;

    if (name->count == name->capacity) {
        size_t capacity = name->capacity ? name->capacity * 2 : 4;
        struct staged_rrset *rrsets = reallocarray(name->rrsets, capacity, sizeof *rrsets);
        if (!rrsets) {
            stage_fail(stage, RESULT_SYSTEM);
            return NULL;
        }
        name->rrsets = rrsets;
        name->capacity = capacity;
    }
    while (at > 0 && name->rrsets[at - 1].type > type)
        at--;
    memmove(&name->rrsets[at + 1], &name->rrsets[at], (name->count - at) * sizeof *name->rrsets);
    name->count++;
    name->rrsets[at] = (struct staged_rrset){.type = type};
    stage->octets += sizeof *name->rrsets;
    return &name->rrsets[at];
}

static enum result copy_rrset(struct stage *stage, struct staged_name *name,
                              const struct node_view *node, struct rrset_view *view)
{
    if (view->apart && node_fetch(node, view))
        return RESULT_CORRUPT;
    struct staged_rrset *rrset = insert_rrset(stage, name, view->type);
    if (!rrset)
        return RESULT_SYSTEM;
    rrset->count = view->rdata.count;
    rrset->ttl = rrset->stored_ttl = view->ttl;
    rrset->stored = view->rdata;
    /* The octets may move while more are added: the offset stands for them until all are there. */
    rrset->stored.octets = NULL;
    buffer_add(&name->before, view->rdata.octets, view->rdata.length);
    return buffer_check(&name->before);
}

static enum result copy_node(struct stage *stage, struct staged_name *name,
                             const struct node_view *node)
{
    struct rrset_view view;

    name->stored = name->there = true;
    name->stored_flags = name->flags = node->flags;
    name->stored_above = name->above = node->above;
    if (node->hash)
        memcpy(name->hash, node->hash, NODE_HASH_OCTETS);
    if (node->wildcard_hash)
        memcpy(name->wildcard_hash, node->wildcard_hash, NODE_HASH_OCTETS);
    for (struct reader rows = node->rows; node_next(&rows, &view);) {
        enum result result = copy_rrset(stage, name, node, &view);
        if (result)
            return result;
    }
    const uint8_t *at = name->before.octets;
    for (size_t i = 0; i < name->count; i++) {
        name->rrsets[i].stored.octets = at;
        at += name->rrsets[i].stored.length;
    }
    stage->octets += name->before.length;
    return RESULT_OK;
}

static void free_name(struct staged_name *name)
{
    for (size_t i = 0; i < name->count; i++) {
        buffer_free(&name->rrsets[i].run);
        buffer_free(&name->rrsets[i].signatures);
    }
    free(name->rrsets);
    buffer_free(&name->before);
    free(name);
}

static struct staged_name *make_name(const struct name *owner, const struct writer *key)
{
    struct staged_name *name = calloc(1, sizeof *name + key->length);

    if (!name)
        return NULL;
    memcpy(name->key, key->octets, key->length);
    name->item.key = name->key;
    name->item.length = key->length;
    name_copy(&name->name, owner);
    name_lower(&name->name);
    return name;
}

static struct staged_name *read_name(struct stage *stage, const struct name *owner,
                                     const struct writer *key)
{
    struct node_view node;
    enum found_record found = lookup_node(stage->view, stage->zone->row.version, owner, &node);
    struct staged_name *name = found == RECORD_CORRUPT ? NULL : make_name(owner, key);
    enum result result = name                      ? RESULT_OK
                         : found == RECORD_CORRUPT ? RESULT_CORRUPT
                                                   : RESULT_SYSTEM;

    if (!result && found == RECORD_THERE)
        result = copy_node(stage, name, &node);
    if (result) {
        stage_fail(stage, result);
        if (name)
            free_name(name);
        return NULL;
    }
    stage->octets += sizeof *name + key->length;
    order_insert(&stage->names, &name->item);
    return name;
}

struct staged_name *stage_find_key(const struct stage *stage, const uint8_t *key, size_t length)
{
    return (struct staged_name *)(void *)order_find(&stage->names, key, length);
}

struct staged_name *stage_find(const struct stage *stage, const struct name *name)
{
    uint8_t octets[NAME_KEY_MAX_OCTETS];
    struct writer key = writer_over(octets, sizeof octets);

    name_key_write(&key, name);
    return stage_find_key(stage, octets, key.length);
}

struct staged_name *stage_first(const struct stage *stage)
{
    return (struct staged_name *)(void *)stage->names.first[0];
}

struct staged_name *staged_next(const struct staged_name *name)
{
    return (struct staged_name *)(void *)order_next(&name->item);
}

struct staged_name *stage_name(struct stage *stage, const struct name *name)
{
    uint8_t octets[NAME_KEY_MAX_OCTETS];
    struct writer key = writer_over(octets, sizeof octets);

    if (stage->failed)
        return NULL;
    name_key_write(&key, name);
    struct staged_name *staged = stage_find_key(stage, octets, key.length);
    return staged ? staged : read_name(stage, name, &key);
}

/* ---- RRsets as they will be -------------------------------------------------------------------
 */

struct staged_rrset *staged_any(const struct staged_name *name, uint16_t type)
{
    for (size_t i = 0; i < name->count; i++) {
        if (name->rrsets[i].type == type)
            return &name->rrsets[i];
    }
    return NULL;
}

bool staged_is_apex(const struct stage *stage, const struct staged_name *name)
{
    return name->name.labels == stage->zone->name.labels;
}

struct staged_rrset *staged_find(const struct staged_name *name, uint16_t type)
{
    struct staged_rrset *rrset = staged_any(name, type);
    return rrset && rrset->count ? rrset : NULL;
}

struct rdata_run staged_rdata(const struct staged_rrset *rrset)
{
    if (!rrset->touched)
        return rrset->stored;
    return (struct rdata_run){
        .octets = rrset->run.octets, .length = (uint32_t)rrset->run.length, .count = rrset->count};
}

bool staged_differs(const struct staged_rrset *rrset)
{
    if (!rrset->touched)
        return false;
    if (rrset->count == 0 && rrset->stored.count == 0)
        return false;
    return rrset->count != rrset->stored.count || rrset->ttl != rrset->stored_ttl ||
           rrset->run.length != rrset->stored.length ||
           memcmp(rrset->run.octets, rrset->stored.octets, rrset->stored.length) != 0;
}

bool staged_has_data(const struct staged_name *name)
{
    for (size_t i = 0; i < name->count; i++) {
        if (name->rrsets[i].count && name->rrsets[i].type != TYPE_NSEC)
            return true;
    }
    return false;
}

bool staged_had_data(const struct staged_name *name)
{
    for (size_t i = 0; i < name->count; i++) {
        if (name->rrsets[i].stored.count && name->rrsets[i].type != TYPE_NSEC)
            return true;
    }
    return false;
}

bool staged_had(const struct staged_name *name, uint16_t type)
{
    const struct staged_rrset *rrset = staged_any(name, type);
    return rrset && rrset->stored.count;
}

uint32_t staged_records(const struct staged_name *name)
{
    uint32_t records = 0;

    for (size_t i = 0; i < name->count; i++) {
        if (!type_is_made_by_signer(name->rrsets[i].type))
            records += name->rrsets[i].count;
    }
    return records;
}

bool stage_is_empty(const struct stage *stage)
{
    for (const struct staged_name *name = stage_first(stage); name; name = staged_next(name)) {
        for (size_t i = 0; i < name->count; i++) {
            if (staged_differs(&name->rrsets[i]))
                return false;
        }
    }
    return true;
}

/* ---- changing, and taking back ----------------------------------------------------------------
 */

/* Once since the last mark: what lies in between is never gone back to. */
static bool note_undo(struct stage *stage, struct staged_name *name, struct staged_rrset *rrset)
{
    if (rrset->noted == stage->mark)
        return true;
    if (stage->undo_count == stage->undo_capacity) {
        size_t capacity = stage->undo_capacity ? stage->undo_capacity * 2 : 16;
        struct staged_undo *undo = reallocarray(stage->undo, capacity, sizeof *undo);
        if (!undo) {
            stage_fail(stage, RESULT_SYSTEM);
            return false;
        }
        stage->undo = undo;
        stage->undo_capacity = capacity;
    }
    struct staged_undo *undo = &stage->undo[stage->undo_count];
    *undo = (struct staged_undo){.name = name,
                                 .type = rrset->type,
                                 .count = rrset->count,
                                 .ttl = rrset->ttl,
                                 .touched = rrset->touched};
    buffer_add(&undo->run, rrset->run.octets, rrset->touched ? rrset->run.length : 0);
    if (buffer_check(&undo->run)) {
        stage_fail(stage, RESULT_SYSTEM);
        return false;
    }
    stage->undo_count++;
    rrset->noted = stage->mark;
    return true;
}

/* The RRset, with its run at hand to be changed. */
static struct staged_rrset *touch(struct stage *stage, struct staged_name *name, uint16_t type)
{
    struct staged_rrset *rrset = staged_any(name, type);

    if (!rrset)
        rrset = insert_rrset(stage, name, type);
    if (!rrset || !note_undo(stage, name, rrset))
        return NULL;
    if (!rrset->touched) {
        buffer_add(&rrset->run, rrset->stored.octets, rrset->stored.length);
        if (buffer_check(&rrset->run)) {
            stage_fail(stage, RESULT_SYSTEM);
            return NULL;
        }
        rrset->touched = true;
    }
    return rrset;
}

void staged_add(struct stage *stage, struct staged_name *name, uint16_t type, uint32_t ttl,
                struct span rdata)
{
    struct staged_rrset *rrset = touch(stage, name, type);
    bool added;

    if (!rrset)
        return;
    size_t before = rrset->run.length;
    enum result result =
        rdata_run_insert(&rrset->run, &rrset->count, type, rdata.octets, rdata.length, &added);
    rrset->ttl = ttl;
    stage->octets += rrset->run.length - before;
    if (result)
        stage_fail(stage, result);
}

void staged_remove(struct stage *stage, struct staged_name *name, uint16_t type, struct span rdata)
{
    struct staged_rrset *rrset = staged_find(name, type) ? touch(stage, name, type) : NULL;
    bool removed;

    if (rrset)
        rdata_run_remove(&rrset->run, &rrset->count, type, rdata.octets, rdata.length, &removed);
}

void staged_replace(struct stage *stage, struct staged_name *name, uint16_t type, uint32_t ttl,
                    const struct rdata_run *run)
{
    struct staged_rrset *rrset = touch(stage, name, type);

    if (!rrset)
        return;
    buffer_clear(&rrset->run);
    buffer_add(&rrset->run, run->octets, run->length);
    rrset->count = run->count;
    rrset->ttl = ttl;
    stage->octets += run->length;
    if (buffer_check(&rrset->run))
        stage_fail(stage, RESULT_SYSTEM);
}

void stage_mark(struct stage *stage)
{
    for (size_t i = 0; i < stage->undo_count; i++)
        buffer_free(&stage->undo[i].run);
    stage->undo_count = 0;
    stage->mark++;
}

void stage_take_back(struct stage *stage)
{
    while (stage->undo_count > 0) {
        struct staged_undo *undo = &stage->undo[--stage->undo_count];
        struct staged_rrset *rrset = staged_any(undo->name, undo->type);
        rrset->count = undo->count;
        rrset->ttl = undo->ttl;
        rrset->touched = undo->touched;
        buffer_free(&rrset->run);
        rrset->run = undo->run;
        undo->run = (struct buffer){.octets = NULL};
    }
    stage_mark(stage);
}

/* Whether an RRset is as it was when its undo was noted. */
static bool is_as_before(const struct staged_undo *undo)
{
    const struct staged_rrset *rrset = staged_any(undo->name, undo->type);
    struct rdata_run before = {.octets = undo->run.octets, .length = (uint32_t)undo->run.length};
    struct rdata_run now = staged_rdata(rrset);

    if (!undo->touched)
        before = rrset->stored;
    return rrset->count == undo->count && (!rrset->count || rrset->ttl == undo->ttl) &&
           now.length == before.length &&
           (before.length == 0 || memcmp(now.octets, before.octets, before.length) == 0);
}

bool stage_has_changed(const struct stage *stage)
{
    for (size_t i = 0; i < stage->undo_count; i++) {
        if (!is_as_before(&stage->undo[i]))
            return true;
    }
    return false;
}

static void free_link(struct staged_link *link)
{
    free(link->types);
    buffer_free(&link->run);
    buffer_free(&link->signatures);
    free(link);
}

/* ---- beginning and end ------------------------------------------------------------------------
 */

void stage_open(struct stage *stage, struct keeper_zone *zone)
{
    *stage = (struct stage){
        .zone = zone, .view = &zone->keeper->view, .denial_ttl = zone->row.denial_ttl, .mark = 1};
}

void stage_close(struct stage *stage)
{
    for (struct staged_name *name = stage_first(stage), *next; name; name = next) {
        next = staged_next(name);
        free_name(name);
    }
    for (struct order_item *item = stage->links.first[0], *next; item; item = next) {
        next = order_next(item);
        free_link((struct staged_link *)(void *)item);
    }
    stage_mark(stage);
    free(stage->undo);
    *stage = (struct stage){.zone = NULL};
}
