/*
 * cache.c - finished answers, found by question.
 *
 * An index of small buckets leads to entries in pools, one pool for each size. Each pool is written
 * round and round, so that nothing is ever freed; an index slot that leads to an entry which has
 * been overwritten meanwhile finds another question there, and that is a miss. Three slots of a
 * bucket lead to entries, the fourth remembers which question missed last: only one that misses
 * again is let in. A flood of random names therefore displaces nothing.
 *
 * An entry is good while the last change of its zone is not younger than the snapshot it was made
 * from, while its first signature has not ended, and while its name still belongs to the same
 * version of a zone; the last is looked up anew only after some zone came, went or switched.
 */
#include "avow/answer/cache.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "kept.h"
#include "making.h"

enum {
    WAYS = 3,
    POOLS = 4,
    INDEX_SHARE = 16,  /* one part of so many goes to the index */
    PIECES_SHARE = 32, /* and one of so many to pieces */
    POOL_BITS = 2,
    LEAST_OCTETS = 1 << 20
};

/* Sizes of entries and their shares of the memory, in eighths: a signed positive answer takes
 * about 350 octets, a signed denial about 1100. */
static const struct {
    uint16_t octets;
    uint16_t eighths;
} shapes[POOLS] = {{256, 1}, {448, 3}, {768, 2}, {1408, 2}};

struct slot {
    uint32_t tag;   /* of the hash; 0: free */
    uint32_t where; /* pool, then number in it */
};

struct bucket {
    struct slot ways[WAYS];
    uint32_t missed; /* tag of the question that missed last */
    uint32_t turn;   /* which way is given up next */
};

struct pool {
    uint8_t *entries;
    uint32_t count;
    uint32_t next;
};

struct answer_cache {
    struct bucket *buckets;
    size_t mask;
    struct pool pools[POOLS];
    struct pieces pieces;
    size_t octets;
    uint8_t *memory; /* all of the above */
};

/* The name and then the body follow. */
struct entry {
    uint64_t hash;
    uint64_t transaction; /* of the snapshot that it was made from */
    uint64_t generation;  /* of the zones by which its version was last found to be right */
    uint64_t charge;
    uint64_t made; /* by the wall clock: before that its signatures need not be valid */
    uint64_t expires;
    uint32_t version;
    uint16_t bucket; /* of the zone */
    uint16_t type;
    uint16_t length; /* of the body */
    uint16_t rcode;
    uint16_t counts[SECTIONS - 1];
    uint8_t kind;
    uint8_t name_length;
    bool dnssec_ok;
    bool authoritative;
    uint8_t octets[];
};

/* ---- making --------------------------------------------------------------------------------- */

static size_t power_of_two_below(size_t number)
{
    size_t power = 1;

    while (power <= number / 2)
        power *= 2;
    return power;
}

enum result answer_cache_make(struct answer_cache **made, size_t octets)
{
    struct answer_cache *cache = calloc(1, sizeof *cache);

    *made = NULL;
    if (!cache)
        return RESULT_SYSTEM;
    if (octets < LEAST_OCTETS)
        octets = LEAST_OCTETS;
    void *memory = mmap(NULL, octets, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        free(cache);
        return RESULT_SYSTEM;
    }
    size_t buckets = power_of_two_below(octets / INDEX_SHARE / sizeof(struct bucket));
    size_t pieces = power_of_two_below(octets / PIECES_SHARE / sizeof(struct piece));
    size_t at = buckets * sizeof(struct bucket), rest = octets - at - pieces * sizeof(struct piece);
    cache->memory = memory;
    cache->octets = octets;
    cache->buckets = memory;
    cache->mask = buckets - 1;
    for (unsigned i = 0; i < POOLS; i++) {
        size_t count = rest / 8 * shapes[i].eighths / shapes[i].octets;
        if (count > UINT32_MAX >> POOL_BITS)
            count = UINT32_MAX >> POOL_BITS;
        cache->pools[i] = (struct pool){.entries = cache->memory + at, .count = (uint32_t)count};
        at += count * shapes[i].octets;
    }
    cache->pieces =
        (struct pieces){.all = (struct piece *)(void *)(cache->memory + at), .mask = pieces - 1};
    *made = cache;
    return RESULT_OK;
}

void answer_cache_free(struct answer_cache *cache)
{
    if (!cache)
        return;
    munmap(cache->memory, cache->octets);
    free(cache);
}

size_t answer_cache_octets(const struct answer_cache *cache)
{
    return cache->octets;
}

const struct pieces *kept_pieces(const struct answer_cache *cache)
{
    return &cache->pieces;
}

/* ---- finding -------------------------------------------------------------------------------- */

/* The name's hash is keyed; this spreads type and DO over it (the finish of MurmurHash3). */
static uint64_t hash_question(const struct kept_question *question)
{
    uint64_t hash = question->name_hash + ((uint64_t)question->type << 1 | question->dnssec_ok);

    hash ^= hash >> 33;
    hash *= UINT64_C(0xff51afd7ed558ccd);
    hash ^= hash >> 33;
    hash *= UINT64_C(0xc4ceb9fe1a85ec53);
    return hash ^ hash >> 33;
}

static uint32_t tag_of(uint64_t hash)
{
    return (uint32_t)(hash >> 32) | 1;
}

static struct bucket *bucket_of(const struct answer_cache *cache, uint64_t hash)
{
    return &cache->buckets[hash & cache->mask];
}

static struct entry *entry_at(const struct answer_cache *cache, uint32_t where)
{
    unsigned pool = where & (POOLS - 1);

    return (struct entry *)(void *)(cache->pools[pool].entries +
                                    (size_t)(where >> POOL_BITS) * shapes[pool].octets);
}

static bool same_name(const struct entry *entry, const struct name *name)
{
    return entry->name_length == name->length &&
           memcmp(entry->octets, name->octets, name->length) == 0;
}

static bool is_of(const struct entry *entry, uint64_t hash, const struct kept_question *question)
{
    return entry->hash == hash && entry->type == question->type &&
           entry->dnssec_ok == question->dnssec_ok && same_name(entry, question->name);
}

/* The slot that leads to an answer to this question, good or not. */
static struct slot *find_slot(const struct answer_cache *cache, uint64_t hash,
                              const struct kept_question *question)
{
    struct bucket *bucket = bucket_of(cache, hash);
    uint32_t tag = tag_of(hash);

    for (unsigned i = 0; i < WAYS; i++)
        if (bucket->ways[i].tag == tag &&
            is_of(entry_at(cache, bucket->ways[i].where), hash, question))
            return &bucket->ways[i];
    return NULL;
}

/* Whether the question's name is still of the version that the answer was made from. */
static bool same_version(const struct answerer *answerer, const struct kept_question *question,
                         struct entry *entry)
{
    if (entry->generation == answerer->zones->generation)
        return true;
    const struct served_zone *zone = answer_zone_of(answerer, question->name, question->type);
    if (!zone || zone->version != entry->version)
        return false;
    entry->generation = answerer->zones->generation;
    return true;
}

static bool is_good(const struct answerer *answerer, const struct kept_question *question,
                    uint64_t now, struct entry *entry)
{
    LEFT_UNSET struct served_zone zone;

    zone.bucket = entry->bucket;
    return entry->made <= now && now <= entry->expires &&
           entry->transaction >= zone_last_change(answerer->snapshot, &zone) &&
           same_version(answerer, question, entry);
}

bool kept_find(const struct answerer *answerer, const struct kept_question *question, uint64_t now,
               struct kept_answer *answer)
{
    struct slot *slot = find_slot(answerer->cache, hash_question(question), question);

    if (!slot)
        return false;
    struct entry *entry = entry_at(answerer->cache, slot->where);
    if (!is_good(answerer, question, now, entry))
        return false;
    answer->body = entry->octets + entry->name_length;
    answer->length = entry->length;
    answer->rcode = entry->rcode;
    memcpy(answer->counts + 1, entry->counts, sizeof entry->counts);
    answer->kind = entry->kind;
    answer->authoritative = entry->authoritative;
    answer->charge = entry->charge;
    answer->expires = entry->expires;
    return true;
}

/* ---- taking in ------------------------------------------------------------------------------ */

/* The pool for entries of this size; POOLS when it is too large. */
static unsigned pool_for(size_t octets)
{
    unsigned pool = 0;

    while (pool < POOLS && shapes[pool].octets < octets)
        pool++;
    return pool;
}

static void fill(struct entry *entry, const struct answerer *answerer,
                 const struct kept_question *question, const struct served_zone *zone,
                 const struct kept_answer *answer)
{
    entry->hash = hash_question(question);
    entry->transaction = answerer->snapshot->id;
    entry->generation = answerer->zones->generation;
    entry->charge = answer->charge;
    entry->made = answer->made;
    entry->expires = answer->expires;
    entry->version = zone->version;
    entry->bucket = zone->bucket;
    entry->type = question->type;
    entry->length = answer->length;
    entry->rcode = answer->rcode;
    memcpy(entry->counts, answer->counts + 1, sizeof entry->counts);
    entry->kind = answer->kind;
    entry->name_length = question->name->length;
    entry->dnssec_ok = question->dnssec_ok;
    entry->authoritative = answer->authoritative;
    memcpy(entry->octets, question->name->octets, question->name->length);
    memcpy(entry->octets + question->name->length, answer->body, answer->length);
}

/* Where the answer's way to its entry goes; NULL when the question missed for the first time. */
static struct slot *slot_for(const struct answer_cache *cache, uint64_t hash,
                             const struct kept_question *question)
{
    struct slot *slot = find_slot(cache, hash, question);
    struct bucket *bucket = bucket_of(cache, hash);
    uint32_t tag = tag_of(hash);

    if (slot)
        return slot; /* one that was good no longer */
    if (bucket->missed != tag) {
        bucket->missed = tag;
        return NULL;
    }
    bucket->missed = 0;
    for (unsigned i = 0; i < WAYS; i++)
        if (bucket->ways[i].tag == 0)
            return &bucket->ways[i];
    return &bucket->ways[bucket->turn++ % WAYS];
}

void kept_offer(const struct answerer *answerer, const struct kept_question *question,
                const struct served_zone *zone, const struct kept_answer *answer)
{
    struct answer_cache *cache = answerer->cache;
    uint64_t hash = hash_question(question);
    size_t octets = sizeof(struct entry) + question->name->length + answer->length;
    unsigned number = pool_for(octets);

    if (number == POOLS)
        return;
    struct pool *pool = &cache->pools[number];
    struct slot *slot = pool->count ? slot_for(cache, hash, question) : NULL;
    if (!slot)
        return;
    uint32_t place = slot->where >> POOL_BITS;
    bool again = slot->tag == tag_of(hash) && (slot->where & (POOLS - 1)) == number &&
                 is_of(entry_at(cache, slot->where), hash, question);
    if (!again) {
        place = pool->next;
        pool->next = (pool->next + 1) % pool->count;
    }
    *slot = (struct slot){.tag = tag_of(hash), .where = place << POOL_BITS | number};
    fill(entry_at(cache, slot->where), answerer, question, zone, answer);
}
