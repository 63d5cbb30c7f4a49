/*
 * cache.h - finished answers of one worker, each valid for as long as its zone stays as it was.
 *
 * Of fixed size, allocated once; not shared between threads. A commit in one zone costs the answers
 * of others nothing, and nothing is ever swept. Floor: answer.
 */
#ifndef AVOW_ANSWER_CACHE_H
#define AVOW_ANSWER_CACHE_H

#include <stddef.h>

#include "avow/base/result.h"

struct answer_cache;

/* Make a cache that uses about so many octets (at least 1 MiB). Its memory is touched only as
 * it fills. RESULT_SYSTEM without memory. */
MUST_CHECK enum result answer_cache_make(struct answer_cache **cache, size_t octets);

/* Give the memory back; NULL is welcome. */
void answer_cache_free(struct answer_cache *cache);

/* Octets that were allocated for it. */
size_t answer_cache_octets(const struct answer_cache *cache);

#endif
