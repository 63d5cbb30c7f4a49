/* arena.c - memory that is given back, wiped, all at once. */
#include "arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_OCTETS = 16 * 1024 };

struct block {
    struct block *next;
    size_t size; /* octets behind this header */
    size_t used;
    _Alignas(max_align_t) unsigned char octets[];
};

struct arena {
    struct block *blocks; /* the newest first */
    bool failed;
};

struct arena *arena_make(void)
{
    return calloc(1, sizeof(struct arena));
}

static struct block *add_block(struct arena *arena, size_t needed)
{
    size_t size = needed > BLOCK_OCTETS ? needed : BLOCK_OCTETS;
    struct block *block = calloc(1, sizeof(*block) + size);

    if (!block)
        return NULL;
    block->size = size;
    block->next = arena->blocks;
    arena->blocks = block;
    return block;
}

void *arena_take(struct arena *arena, size_t count, size_t size)
{
    const size_t alignment = _Alignof(max_align_t);
    size_t needed;

    if (arena->failed || __builtin_mul_overflow(count, size, &needed) || needed > SIZE_MAX / 2) {
        arena->failed = true;
        return NULL;
    }
    needed = (needed + alignment - 1) / alignment * alignment;
    struct block *block = arena->blocks;
    if (!block || needed > block->size - block->used)
        block = add_block(arena, needed);
    if (!block) {
        arena->failed = true;
        return NULL;
    }
    void *place = block->octets + block->used;
    block->used += needed;
    return place;
}

char *arena_text(struct arena *arena, const char *text, size_t length)
{
    char *copy = arena_take(arena, length + 1, 1);

    if (copy && length)
        memcpy(copy, text, length);
    return copy;
}

bool arena_failed(const struct arena *arena)
{
    return arena->failed;
}

void arena_free(struct arena *arena)
{
    if (!arena)
        return;
    for (struct block *block = arena->blocks, *next; block; block = next) {
        next = block->next;
        explicit_bzero(block->octets, block->used);
        free(block);
    }
    free(arena);
}
