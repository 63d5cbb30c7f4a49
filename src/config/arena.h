/*
 * arena.h - memory that is given back, wiped, all at once: a configuration, a YAML tree.
 *
 * Private to config.
 */
#ifndef CONFIG_ARENA_H
#define CONFIG_ARENA_H

#include <stdbool.h>
#include <stddef.h>

struct arena;

/* NULL when memory ran out. */
struct arena *arena_make(void);

/* Zeroed memory for `count` things of `size` octets, aligned for any of them. NULL when memory ran
 * out, and then always. Never NULL for a count of 0. */
void *arena_take(struct arena *arena, size_t count, size_t size);

/* The same for secrets, in memory of vault.h. */
void *arena_take_secret(struct arena *arena, size_t count, size_t size);

/* A copy of `length` octets with a NUL behind it. */
char *arena_text(struct arena *arena, const char *text, size_t length);

/* The same of a secret, where secrets are. */
char *arena_secret(struct arena *arena, const char *secret, size_t length);

/* Whether memory ran out once. */
bool arena_failed(const struct arena *arena);

/* Wipe and give back everything. NULL is fine. */
void arena_free(struct arena *arena);

#endif
