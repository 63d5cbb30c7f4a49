/*
 * answer_loop.c - CPU time per answer, in process: no socket, no other thread.
 *
 * Usage: answer_loop [NAMES [SECONDS [KIND]]]. A zone of so many names (1000000), signed in form
 * only, with NSEC3; then for each kind of question (or one, by number) so many seconds (1): from
 * octets to octets, with and without the cache of finished answers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "avow/answer/cache.h"
#include "avow/base/clock.h"

#include "world.h"

enum { QUERIES = 1 << 16, HOT = 1000, CACHE_OCTETS = 64 << 20, QUERY_OCTETS = 80 };

enum asked { ASKED_HOT, ASKED_UNIFORM, ASKED_NOBODY, ASKED_NO_DATA, ASKED_KINDS };

static const char *const titles[] = {"hot names", "names at random", "no such name",
                                     "no such type"};

struct bench {
    struct world world;
    struct answerer answerer;
    struct answer_cache *cache;
    uint64_t random;
    uint32_t names;
    uint64_t nanoseconds; /* for each kind */
    uint8_t queries[QUERIES][QUERY_OCTETS];
    uint16_t lengths[QUERIES];
    uint8_t answer[4096];
    struct outcome outcome;
    struct query query;
};

/* xorshift64: which questions are asked is the same in each run. */
static uint32_t next_random(struct bench *bench)
{
    bench->random ^= bench->random << 13;
    bench->random ^= bench->random >> 7;
    bench->random ^= bench->random << 17;
    return (uint32_t)(bench->random >> 32);
}

static void make_world(struct bench *bench)
{
    struct buffer text = {.octets = NULL};
    uint64_t begun = clock_monotonic_ms();

    buffer_text(&text, "$TTL 3600\n@ SOA ns1 hostmaster 1 7200 3600 1209600 3600\n"
                       "@ NS ns1\nns1 A 192.0.2.1\n");
    for (uint32_t i = 0; i < bench->names; i++)
        buffer_format(&text, "h%07x A 10.%u.%u.%u\n", i, i >> 16 & 255, i >> 8 & 255, i & 255);
    world_open(&bench->world, (uint64_t)8 << 30);
    world_load(&bench->world, &(struct world_zone){.apex = "bench.example.",
                                                   .text = (const char *)text.octets,
                                                   .length = text.length,
                                                   .denial = WORLD_NSEC3,
                                                   .signing = WORLD_IMITATED});
    buffer_free(&text);
    world_ready(&bench->world, &bench->answerer);
    if (answer_cache_make(&bench->cache, CACHE_OCTETS))
        exit(2);
    printf("%u names loaded in %.1f s\n", bench->names,
           (double)(clock_monotonic_ms() - begun) / 1000);
}

static void make_query(struct bench *bench, enum asked asked, unsigned number)
{
    struct world_question question = {.type = asked == ASKED_NO_DATA ? TYPE_MX : TYPE_A,
                                      .class_ = CLASS_IN,
                                      .dnssec_ok = true,
                                      .payload = 1232};
    uint32_t chosen = next_random(bench) % bench->names;
    char text[64];

    if (asked == ASKED_HOT)
        chosen = chosen % HOT * (bench->names / HOT ? bench->names / HOT : 1);
    (void)snprintf(text, sizeof text, "h%07x%s.bench.example.", chosen,
                   asked == ASKED_NOBODY ? "x" : "");
    if (name_from_string(text, &question.name))
        exit(2);
    bench->lengths[number] = (uint16_t)world_query(&question, bench->queries[number], QUERY_OCTETS);
}

static void answer_one(struct bench *bench, unsigned number)
{
    static const struct answer_facts facts = {.now = WORLD_NOW};

    if (query_read(bench->queries[number], bench->lengths[number], &bench->query) != ANSWER_SEND)
        exit(2);
    answer_query(&bench->answerer, &bench->query, &facts, bench->answer, sizeof bench->answer,
                 &bench->outcome);
    if (bench->outcome.verdict != ANSWER_SEND || bench->outcome.kind == ANSWER_FAILURE)
        exit(2);
}

/* CPU time of this thread: others on the machine disturb it less. */
static uint64_t cpu_nanoseconds(void)
{
    struct timespec time;

    if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time))
        exit(2);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void measure(struct bench *bench, enum asked asked, bool cached)
{
    uint64_t octets = 0, count = 0, hits = 0, spent = 0, best = UINT64_MAX;

    bench->answerer.cache = cached ? bench->cache : NULL;
    /* Questions are made anew for each round: those of the last are not the next's. */
    while (spent < bench->nanoseconds) {
        for (unsigned i = 0; i < QUERIES; i++)
            make_query(bench, asked, i);
        uint64_t begun = cpu_nanoseconds();
        for (unsigned i = 0; i < QUERIES; i++) {
            answer_one(bench, i);
            octets += bench->outcome.length;
            hits += bench->outcome.from_cache;
        }
        uint64_t round = cpu_nanoseconds() - begun;
        best = round < best ? round : best;
        spent += round;
        count += QUERIES;
    }
    printf("%-16s %-8s %6.0f ns/answer, best round %6.0f  %5.0f octets  %3.0f %% from the cache\n",
           titles[asked], cached ? "cache" : "no cache", (double)spent / (double)count,
           (double)best / QUERIES, (double)octets / (double)count,
           100.0 * (double)hits / (double)count);
}

int main(int count, char **arguments)
{
    struct bench *bench = calloc(1, sizeof *bench);

    if (!bench)
        return 2;
    bench->names = count > 1 ? (uint32_t)atoi(arguments[1]) : 1000000;
    bench->nanoseconds = (count > 2 ? (uint64_t)atoi(arguments[2]) : 1) * 1000000000;
    bench->random = 88172645463325252;
    if (bench->names == 0)
        return 2;
    make_world(bench);
    for (enum asked asked = 0; asked < ASKED_KINDS; asked++) {
        if (count > 3 && atoi(arguments[3]) != (int)asked)
            continue;
        measure(bench, asked, false);
        measure(bench, asked, true);
    }
    answer_cache_free(bench->cache);
    world_close(&bench->world);
    free(bench);
    return 0;
}
