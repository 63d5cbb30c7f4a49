/* gather.c - records of a zone file, brought together by owner in canonical order. */
#include "avow/zonefile/gather.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { CHUNK_OCTETS = 8 << 20, AHEAD = 12 };

/* Mapped rather than allocated, so that the memory of a load goes back to the system at its end. */
struct gather_chunk {
    struct gather_chunk *older;
    size_t size;
    size_t used;
    uint8_t octets[];
};

/* How a record lies in a chunk; the key and then the RDATA follow. */
struct packed {
    uint32_t ttl;
    uint32_t line;
    uint16_t type;
    uint16_t key_length;
    uint16_t rdata_length;
    uint16_t file;
};

static struct gather_chunk *chunk_make(size_t at_least)
{
    size_t size = CHUNK_OCTETS;
    if (at_least + sizeof(struct gather_chunk) > size)
        size = at_least + sizeof(struct gather_chunk);
    void *place = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (place == MAP_FAILED)
        return NULL;
    struct gather_chunk *chunk = place;
    chunk->size = size - sizeof(struct gather_chunk);
    return chunk;
}

/* Room for one record, aligned for its struct. */
static uint8_t *claim(struct gather *gather, size_t length)
{
    length = (length + 7) & ~(size_t)7;
    if (!gather->chunks || gather->chunks->size - gather->chunks->used < length) {
        struct gather_chunk *chunk = chunk_make(length);
        if (!chunk)
            return NULL;
        chunk->older = gather->chunks;
        gather->chunks = chunk;
    }
    uint8_t *place = gather->chunks->octets + gather->chunks->used;
    gather->chunks->used += length;
    return place;
}

static enum result grow_places(struct gather *gather)
{
    size_t capacity = gather->capacity ? gather->capacity * 2 : 4096;
    struct gather_place *places = reallocarray(gather->places, capacity, sizeof *places);
    if (!places)
        return RESULT_SYSTEM;
    gather->places = places;
    gather->capacity = capacity;
    return RESULT_OK;
}

void gather_open(struct gather *gather, const struct name *apex)
{
    uint8_t key[NAME_KEY_MAX_OCTETS];
    struct writer writer = writer_over(key, sizeof key);

    name_key_write(&writer, apex);
    *gather = (struct gather){.apex_key_length = writer.length, .sorted = 1};
}

static uint64_t key_prefix(const uint8_t *key, size_t length, size_t skip)
{
    uint64_t prefix = 0;
    for (size_t i = 0; i < 8; i++)
        prefix = prefix << 8 | (skip + i < length ? key[skip + i] : 0);
    return prefix;
}

static const uint8_t *packed_key(const struct packed *packed)
{
    return (const uint8_t *)(packed + 1);
}

/* By key, then type. Where one key is a prefix of another, it is the ancestor and comes first. */
static int compare_places(const struct gather_place *a, const struct gather_place *b)
{
    if (a->prefix != b->prefix)
        return a->prefix < b->prefix ? -1 : 1;
    const struct packed *x = (const struct packed *)(const void *)a->record;
    const struct packed *y = (const struct packed *)(const void *)b->record;
    size_t shorter = x->key_length < y->key_length ? x->key_length : y->key_length;
    int order = memcmp(packed_key(x), packed_key(y), shorter);
    if (order)
        return order;
    if (x->key_length != y->key_length)
        return x->key_length < y->key_length ? -1 : 1;
    return (int)x->type - (int)y->type;
}

enum result gather_add(struct gather *gather, const struct name *owner,
                       const struct gathered *record)
{
    uint8_t key[NAME_KEY_MAX_OCTETS];
    struct writer writer = writer_over(key, sizeof key);

    name_key_write(&writer, owner);
    return gather_add_key(gather, key, writer.length, record);
}

enum result gather_add_key(struct gather *gather, const uint8_t *key, size_t key_length,
                           const struct gathered *record)
{
    if (gather->count == gather->capacity && grow_places(gather))
        return RESULT_SYSTEM;
    uint8_t *place = claim(gather, sizeof(struct packed) + key_length + record->rdata_length);
    if (!place)
        return RESULT_SYSTEM;
    *(struct packed *)(void *)place = (struct packed){.ttl = record->ttl,
                                                      .line = record->line,
                                                      .type = record->type,
                                                      .key_length = (uint16_t)key_length,
                                                      .rdata_length = record->rdata_length,
                                                      .file = (uint16_t)record->file};
    memcpy(place + sizeof(struct packed), key, key_length);
    if (record->rdata_length)
        memcpy(place + sizeof(struct packed) + key_length, record->rdata, record->rdata_length);

    struct gather_place *slot = &gather->places[gather->count++];
    slot->record = place;
    slot->prefix = key_prefix(key, key_length, gather->apex_key_length);
    /* Most zone files are written in order: then nothing needs to be sorted. */
    if (gather->sorted && gather->count > 1 && compare_places(slot - 1, slot) > 0)
        gather->sorted = 0;
    return RESULT_OK;
}

/* A stable merge sort of runs that are already in order: a file that is nearly sorted costs
 * nearly nothing, and records of one owner and type stay as they came. */
static void merge(struct gather_place *to, const struct gather_place *left, size_t left_count,
                  const struct gather_place *right, size_t right_count)
{
    while (left_count && right_count) {
        if (compare_places(left, right) <= 0) {
            *to++ = *left++;
            left_count--;
        } else {
            *to++ = *right++;
            right_count--;
        }
    }
    memcpy(to, left, left_count * sizeof *to);
    memcpy(to + left_count, right, right_count * sizeof *to);
}

/* Sort `count` places; the result is in `to` when `into`, otherwise where it was. */
static void sort_places(struct gather_place *places, struct gather_place *to, size_t count,
                        int into)
{
    if (count == 1) {
        if (into)
            *to = *places;
        return;
    }
    size_t half = count / 2;
    sort_places(places, to, half, !into);
    sort_places(places + half, to + half, count - half, !into);
    struct gather_place *source = into ? places : to;
    struct gather_place *target = into ? to : places;
    if (compare_places(&source[half - 1], &source[half]) <= 0)
        memcpy(target, source, count * sizeof *target);
    else
        merge(target, source, half, source + half, count - half);
}

enum result gather_sort(struct gather *gather)
{
    gather->next = 0;
    if (gather->sorted)
        return RESULT_OK;
    struct gather_place *work = reallocarray(NULL, gather->count, sizeof *work);
    if (!work)
        return RESULT_SYSTEM;
    sort_places(gather->places, work, gather->count, 0);
    free(work);
    gather->sorted = 1;
    return RESULT_OK;
}

size_t gather_leave_out(struct gather *gather, bool (*leaves_out)(uint16_t type))
{
    size_t kept = 0, count = gather->count;

    for (size_t i = 0; i < count; i++) {
        const struct packed *packed = (const struct packed *)(const void *)gather->places[i].record;
        if (!leaves_out(packed->type))
            gather->places[kept++] = gather->places[i];
    }
    gather->count = kept;
    gather->next = 0;
    return count - kept;
}

/* Sorted records lie all over memory: have one at hand that comes soon. */
static void fetch_ahead(const struct gather *gather)
{
    if (gather->count - gather->next <= AHEAD)
        return;
    const uint8_t *soon = gather->places[gather->next + AHEAD].record;
    __builtin_prefetch(soon);
    __builtin_prefetch(soon + 64);
}

enum found gather_peek(const struct gather *gather, struct gathered *record)
{
    if (gather->next == gather->count)
        return FOUND_NOT;
    fetch_ahead(gather);
    /* Sorted records lie anywhere in memory: have those that come soon fetched. */
    if (gather->next + AHEAD < gather->count)
        __builtin_prefetch(gather->places[gather->next + AHEAD].record);
    const struct packed *packed =
        (const struct packed *)(const void *)gather->places[gather->next].record;
    *record = (struct gathered){.key = packed_key(packed),
                                .key_length = packed->key_length,
                                .type = packed->type,
                                .ttl = packed->ttl,
                                .file = packed->file,
                                .line = packed->line,
                                .rdata = packed_key(packed) + packed->key_length,
                                .rdata_length = packed->rdata_length};
    return FOUND_YES;
}

enum found gather_next(struct gather *gather, struct gathered *record)
{
    enum found found = gather_peek(gather, record);
    if (found == FOUND_YES)
        gather->next++;
    return found;
}

static bool walk_next(void *context, struct walked_record *record)
{
    struct gathered found;

    if (gather_next(context, &found) != FOUND_YES)
        return false;
    *record = (struct walked_record){.key = found.key,
                                     .key_length = found.key_length,
                                     .type = found.type,
                                     .ttl = found.ttl,
                                     .rdata = found.rdata,
                                     .rdata_length = found.rdata_length};
    return true;
}

static void walk_rewind(void *context)
{
    struct gather *gather = context;

    gather->next = 0;
}

struct record_walk gather_walk(struct gather *gather)
{
    return (struct record_walk){.next = walk_next, .rewind = walk_rewind, .context = gather};
}

/* Order of a place and a bare prefix; a place that begins with it is equal. */
static int compare_prefix(const struct gather_place *place, const uint8_t *prefix, size_t length)
{
    const struct packed *packed = (const struct packed *)(const void *)place->record;
    size_t shorter = packed->key_length < length ? packed->key_length : length;
    int order = memcmp(packed_key(packed), prefix, shorter);
    if (order)
        return order;
    return packed->key_length < length ? -1 : 0;
}

int gather_has_prefix(const struct gather *gather, const uint8_t *prefix, size_t length)
{
    size_t low = 0, high = gather->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_prefix(&gather->places[middle], prefix, length);
        if (order == 0)
            return 1;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return 0;
}

void gather_close(struct gather *gather)
{
    while (gather->chunks) {
        struct gather_chunk *older = gather->chunks->older;
        munmap(gather->chunks, gather->chunks->size + sizeof(struct gather_chunk));
        gather->chunks = older;
    }
    free(gather->places);
    *gather = (struct gather){.sorted = 1};
}
