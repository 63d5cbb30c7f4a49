/*
 * ahead.c - where the page behind this one lies.
 *
 * LMDB does not tell, so that its branch pages are read here: those of data format 1, of all
 * versions 0.9. What is read is a hint, and is only ever fetched from; in a damaged page, or with
 * another format, it is a wrong one.
 */
#include "ahead.h"

#include <lmdb.h>
#include <string.h>
#include <unistd.h>

enum {
    PAGE_OCTETS = 4096,
    LINE_OCTETS = 64,
    PAGE_FLAGS = 10, /* offsets in a page, and its octets before the first pointer */
    PAGE_LOWER = 12,
    PAGE_HEAD_OCTETS = 16,
    BRANCH_PAGE = 1,
    NODE_HEAD_OCTETS = 8,
    TREE_ROOT = 40, /* offset in the record of a table in the main one, and that record's octets */
    TREE_OCTETS = 48,
    MOST_DEPTH = 16
};

/* The pages of the store as a process has them. */
struct map {
    const uint8_t *octets;
    uint64_t pages;
};

/* As this machine has it, as LMDB does. */
static unsigned native_u16(const uint8_t *octets)
{
    uint16_t number;

    memcpy(&number, octets, sizeof number);
    return number;
}

/*
 * A page begins with its number, from which follows where page 0 lies. A flipped bit in it must not
 * send us out of the map: the page that the file has by that number has to be the very same one.
 */
void ahead_learn(struct store *store, const uint8_t *octets)
{
    const uint8_t *page = octets - (uintptr_t)octets % PAGE_OCTETS;
    uint8_t in_file[PAGE_OCTETS];
    uint64_t number;
    MDB_stat status;
    int descriptor;

    memcpy(&number, page, sizeof number);
    if (mdb_env_stat(store->environment, &status) || status.ms_psize != PAGE_OCTETS ||
        number >= store->map_octets / PAGE_OCTETS ||
        mdb_env_get_fd(store->environment, &descriptor) ||
        pread(descriptor, in_file, PAGE_OCTETS, (off_t)(number * PAGE_OCTETS)) != PAGE_OCTETS ||
        memcmp(in_file, page, PAGE_OCTETS) != 0)
        return;
    store->first_page = page - number * PAGE_OCTETS;
}

static struct map map_of(const struct store *store)
{
    MDB_envinfo information;

    if (!store->first_page || mdb_env_info(store->environment, &information))
        return (struct map){.pages = 0};
    return (struct map){.octets = store->first_page, .pages = information.me_last_pgno + 1};
}

static const uint8_t *page_at(const struct map *map, uint64_t number)
{
    return number < map->pages ? map->octets + number * PAGE_OCTETS : NULL;
}

static const uint8_t *root_of(const struct snapshot *snapshot, enum store_table table,
                              const struct map *map)
{
    const char *word = store_table_name(table);
    MDB_val name = {.mv_size = strlen(word), .mv_data = (void *)(uintptr_t)word}, tree;
    uint64_t number;

    if (mdb_get(snapshot->transaction, snapshot->store->main_table, &name, &tree) ||
        tree.mv_size != TREE_OCTETS)
        return NULL;
    memcpy(&number, (const uint8_t *)tree.mv_data + TREE_ROOT, sizeof number);
    return page_at(map, number);
}

/* How many children a page has; none unless it is a branch. */
static unsigned children_of(const uint8_t *page)
{
    unsigned lower = native_u16(page + PAGE_LOWER);

    if (!(native_u16(page + PAGE_FLAGS) & BRANCH_PAGE) || lower < PAGE_HEAD_OCTETS ||
        lower > PAGE_OCTETS)
        return 0;
    return (lower - PAGE_HEAD_OCTETS) / 2;
}

/* A child's entry in its branch: page number in three parts, length of the key, the key. */
static const uint8_t *entry_at(const uint8_t *branch, unsigned index)
{
    unsigned offset = native_u16(branch + PAGE_HEAD_OCTETS + 2 * (size_t)index);

    return offset <= PAGE_OCTETS - NODE_HEAD_OCTETS ? branch + offset : NULL;
}

static const uint8_t *child_at(const struct map *map, const uint8_t *branch, unsigned index)
{
    const uint8_t *entry = entry_at(branch, index);

    if (!entry)
        return NULL;
    return page_at(map, native_u16(entry) | (uint64_t)native_u16(entry + 2) << 16 |
                            (uint64_t)native_u16(entry + 4) << 32);
}

/* Whether a child of a branch begins behind a key. */
static bool is_behind(const uint8_t *branch, unsigned index, const struct store_record *record)
{
    const uint8_t *entry = entry_at(branch, index);
    size_t length = entry ? native_u16(entry + 6) : 0;

    if (!entry || entry + NODE_HEAD_OCTETS + length > branch + PAGE_OCTETS)
        return true;
    int order = memcmp(entry + NODE_HEAD_OCTETS, record->key,
                       length < record->key_length ? length : record->key_length);
    return order > 0 || (order == 0 && length > record->key_length);
}

/* The child in which a key is: the last that does not begin behind it. The first has no key. */
static unsigned child_with(const uint8_t *branch, unsigned children,
                           const struct store_record *record)
{
    unsigned low = 0, high = children;

    while (high - low > 1) {
        unsigned middle = low + (high - low) / 2;
        if (is_behind(branch, middle, record))
            high = middle;
        else
            low = middle;
    }
    return low;
}

/* Find the branch that the leaf with this record hangs on. */
static void descend(struct snapshot *snapshot, enum store_table table,
                    const struct store_record *record)
{
    struct snapshot_ahead *ahead = &snapshot->ahead;
    struct map map = map_of(snapshot->store);
    const uint8_t *page = root_of(snapshot, table, &map);

    ahead->branch = NULL;
    for (unsigned depth = 0; page && depth < MOST_DEPTH; depth++) {
        unsigned children = children_of(page);
        if (children == 0)
            return;
        ahead->child = child_with(page, children, record);
        const uint8_t *child = child_at(&map, page, ahead->child);
        if (child == ahead->leaf) {
            ahead->branch = page;
            return;
        }
        page = child;
    }
}

/* The walk has come to another leaf. */
static void enter_leaf(struct snapshot *snapshot, enum store_table table, const uint8_t *leaf,
                       const struct store_record *record)
{
    struct snapshot_ahead *ahead = &snapshot->ahead;
    bool goes_on = ahead->leaf && ahead->table == table && ahead->id == snapshot->id;
    bool is_expected = goes_on && leaf == ahead->next;

    ahead->leaf = leaf;
    ahead->table = table;
    ahead->id = snapshot->id;
    ahead->next = NULL;
    if (is_expected)
        ahead->child++;
    else if (goes_on) /* not for the first leaf: most walks end in it */
        descend(snapshot, table, record);
    else
        ahead->branch = NULL;
    unsigned children = ahead->branch ? children_of(ahead->branch) : 0;
    if (ahead->child + 1 >= children)
        return;
    struct map map = map_of(snapshot->store);
    ahead->next = child_at(&map, ahead->branch, ahead->child + 1);
    if (ahead->next)
        __builtin_prefetch(ahead->next);
    if (ahead->child + 2 < children)
        __builtin_prefetch(entry_at(ahead->branch, ahead->child + 2));
}

/*
 * Of the page behind this one what lies where this record lies here: it is all at hand when the
 * walk comes to it, and is fetched while there is something else to do. What is near is no use: the
 * processor fetches that by itself, and one record's time is too short for memory.
 */
void ahead_fetch(struct snapshot *snapshot, enum store_table table,
                 const struct store_record *record)
{
    uintptr_t offset = (uintptr_t)record->key % PAGE_OCTETS;
    const uint8_t *leaf = record->key - offset;

    if (snapshot->of_change)
        return; /* what is changed lies elsewhere */
    if (leaf != snapshot->ahead.leaf)
        enter_leaf(snapshot, table, leaf, record);
    if (!snapshot->ahead.next)
        return;
    size_t end = offset + record->key_length + record->value_length;
    for (size_t at = offset; at < end && at < PAGE_OCTETS; at += LINE_OCTETS)
        __builtin_prefetch(snapshot->ahead.next + at);
}
