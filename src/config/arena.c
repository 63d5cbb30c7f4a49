/* arena.c - memory that is given back, wiped, all at once. */
#include "arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "avow/base/vault.h"

enum { BLOCK_OCTETS = 16 * 1024, SECRET_BLOCK_OCTETS = 4 * 1024 - 128 /* a page */ };

struct block {
    struct block *next;
    size_t size; /* octets behind this header */
    size_t used;
    _Alignas(max_align_t) unsigned char octets[];
};

struct arena {
    struct block *blocks; /* the newest first, as in the other */
    struct block *secrets;
    bool failed;
};

struct arena *arena_make(void)
{
    return calloc(1, sizeof(struct arena));
}

static struct block *make_block(size_t size, bool secret)
{
    size_t whole = sizeof(struct block) + size;
    struct block *block = secret ? vault_take(whole) : calloc(1, whole);

    if (block)
        block->size = size;
    return block;
}

static struct block *add_block(struct block **blocks, size_t needed, bool secret)
{
    size_t least = secret ? SECRET_BLOCK_OCTETS : BLOCK_OCTETS;
    struct block *block = make_block(needed > least ? needed : least, secret);

    if (!block)
        return NULL;
    block->next = *blocks;
    *blocks = block;
    return block;
}

static void *take(struct arena *arena, size_t count, size_t size, bool secret)
{
    struct block **blocks = secret ? &arena->secrets : &arena->blocks;
    const size_t alignment = _Alignof(max_align_t);
    size_t needed;

    if (arena->failed || __builtin_mul_overflow(count, size, &needed) || needed > SIZE_MAX / 2) {
        arena->failed = true;
        return NULL;
    }
    needed = (needed + alignment - 1) / alignment * alignment;
    struct block *block = *blocks;
    if (!block || needed > block->size - block->used)
        block = add_block(blocks, needed, secret);
    if (!block) {
        arena->failed = true;
        return NULL;
    }
    void *place = block->octets + block->used;
    block->used += needed;
    return place;
}

void *arena_take(struct arena *arena, size_t count, size_t size)
{
    return take(arena, count, size, false);
}

void *arena_take_secret(struct arena *arena, size_t count, size_t size)
{
    return take(arena, count, size, true);
}

static char *copy(struct arena *arena, const char *text, size_t length, bool secret)
{
    char *place = take(arena, length + 1, 1, secret);

    if (place && length)
        memcpy(place, text, length);
    return place;
}

char *arena_text(struct arena *arena, const char *text, size_t length)
{
    return copy(arena, text, length, false);
}

char *arena_secret(struct arena *arena, const char *secret, size_t length)
{
    return copy(arena, secret, length, true);
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
    for (struct block *block = arena->secrets, *next; block; block = next) {
        next = block->next;
        vault_drop(block);
    }
    free(arena);
}
