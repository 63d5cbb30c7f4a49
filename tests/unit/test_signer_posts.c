/* test_signer_posts.c - letters and jobs on their way to the threads of a keystore, and what is
 * done when calls to one do not end; without a token. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/signer/hang.h"
#include "src/signer/sort.h"
#include "src/signer/worker.h"

#include "avow/wire/type.h"
#include "name_of.h"
#include "support.h"

/* ---- the pool ------------------------------------------------------------------------------- */

static void count_call(void *context)
{
    ++*(unsigned *)context;
}

static struct link *open_link(void)
{
    int descriptor = open("/dev/null", O_WRONLY | O_CLOEXEC);
    struct link *link = link_make(descriptor);

    ck_assert_ptr_nonnull(link);
    close(descriptor);
    return link;
}

/* Letters of a kind until no more are wanted; how many. */
static unsigned fill(struct pool *pool, struct link *link, bool urgent, uint32_t octets)
{
    uint8_t *jobs = calloc(1, octets + 1);
    struct message_sign sign = {.count = 1, .jobs = span_of(jobs, octets)};
    unsigned count = 0;
    bool full = false;

    for (; !full; count++) {
        struct letter *letter = letter_make(link, urgent, &sign);
        ck_assert_ptr_nonnull(letter);
        full = pool_put(pool, letter);
    }
    free(jobs);
    return count;
}

static void drop_letter(void *context, const struct letter *letter)
{
    (void)letter;
    count_call(context);
}

/* A line that was paused goes on when its own letters are few again, whatever the other has. */
START_TEST(each_line_is_hungry_by_itself)
{
    unsigned calls = 0, dropped = 0;
    struct pool_means means = {.hungry = count_call, .context = &calls};
    struct worker worker = {.pool = NULL};
    struct link *link = open_link();
    struct pool pool;

    ck_assert_int_eq(pool_init(&pool, &means), RESULT_OK);
    ck_assert_uint_eq(fill(&pool, link, false, 0), POOL_BULK_LETTERS);
    ck_assert_uint_eq(fill(&pool, link, true, 0), POOL_URGENT_LETTERS);
    for (unsigned i = 0; i < POOL_URGENT_LETTERS / 2; i++) {
        ck_assert_uint_eq(calls, 0);
        ck_assert(pool_is_full(&pool, LETTER_URGENT));
        struct letter *letter = pool_take(&pool, &worker);
        ck_assert(letter->urgent);
        pool_done(&pool, &worker, letter);
    }
    ck_assert_uint_eq(calls, 1);
    ck_assert(!pool_is_full(&pool, LETTER_URGENT));
    ck_assert(pool_is_full(&pool, LETTER_BULK));
    pool_excuse_waiting(&pool, drop_letter, &dropped);
    ck_assert_uint_eq(dropped, POOL_URGENT_LETTERS / 2 + POOL_BULK_LETTERS);
    ck_assert_uint_eq(calls, 2);
    ck_assert(!pool_is_full(&pool, LETTER_BULK));
    ck_assert_ptr_null(pool_take_urgent(&pool, &worker));
    link_drop(link);
}
END_TEST

/* Few letters that are large are many. */
START_TEST(octets_have_a_bound)
{
    enum { OCTETS = 1 << 17 };
    unsigned calls = 0, dropped = 0;
    struct pool_means means = {.hungry = count_call, .context = &calls};
    struct link *link = open_link();
    struct pool pool;

    ck_assert_int_eq(pool_init(&pool, &means), RESULT_OK);
    ck_assert_uint_eq(fill(&pool, link, true, OCTETS), POOL_OCTETS / OCTETS);
    pool_excuse_waiting(&pool, drop_letter, &dropped);
    ck_assert_uint_eq(dropped, POOL_OCTETS / OCTETS);
    ck_assert_uint_eq(calls, 1);
    link_drop(link);
}
END_TEST

/* ---- sorting -------------------------------------------------------------------------------- */

enum { PARTS = 16, FIRST = 0, SECOND = 1, OTHERS = 2 };

/* Numbers of keys: 1 and 2 lie in the first keystore, 11 in the second, 99 is not known. */
static const struct {
    const char *what;
    uint32_t keys[8][2]; /* of each job; 0: no (other) key */
    struct {
        size_t place;
        unsigned jobs;
    } parts[PARTS]; /* until no jobs */
    unsigned torn;  /* jobs that are said to be there, and are not */
} letters[] = {
    {"one keystore", {{1}, {2}, {1, 2}}, {{FIRST, 3}}, 0},
    {"one after the other", {{1}, {2}, {11}, {11}}, {{FIRST, 2}, {SECOND, 2}}, 0},
    {"in turns", {{11}, {1}, {11}}, {{SECOND, 1}, {FIRST, 1}, {SECOND, 1}}, 0},
    {"in both", {{1}, {1, 11}, {11, 1}, {11}}, {{FIRST, 1}, {OTHERS, 2}, {SECOND, 1}}, 0},
    {"not known", {{99}, {1}, {1, 99}}, {{OTHERS, 1}, {FIRST, 1}, {OTHERS, 1}}, 0},
    {"torn", {{1}, {11}}, {{FIRST, 1}, {SECOND, 4}}, 3},
    {"nothing but torn", {{0}}, {{OTHERS, 2}}, 2},
    {"nothing", {{0}}, {{0, 0}}, 0},
};

struct taken {
    size_t places[PARTS];
    unsigned jobs[PARTS], count;
    const uint8_t *at; /* where the next part is to begin */
};

static void take_part(void *context, size_t place, const struct message_sign *part)
{
    struct taken *taken = context;

    ck_assert_uint_lt(taken->count, PARTS);
    ck_assert_ptr_eq(part->jobs.octets, taken->at);
    taken->at += part->jobs.length;
    taken->places[taken->count] = place;
    taken->jobs[taken->count++] = part->count;
}

static void put_key(struct keys *keys, struct keystore *keystore, uint32_t number)
{
    struct key *key = keys_make();

    ck_assert_ptr_nonnull(key);
    key->number = number;
    key->keystore = keystore;
    ck_assert_int_eq(keys_put(keys, key, keys_era(keys)), RESULT_OK);
    key_drop(key);
}

static uint16_t write_jobs(struct writer *writer, size_t row)
{
    uint16_t count = 0;

    for (; count < 8 && letters[row].keys[count][0]; count++) {
        struct sign_job job = {
            .job = count,
            .owner = name_of("www.example."),
            .type = TYPE_A,
            .rdata = {.octets = (const uint8_t *)"\0\4\300\0\2\1", .length = 6, .count = 1}};
        for (; job.key_count < 2 && letters[row].keys[count][job.key_count]; job.key_count++)
            job.keys[job.key_count] = letters[row].keys[count][job.key_count];
        sign_job_write(writer, &job);
    }
    ck_assert(!writer->failed);
    return count;
}

START_TEST(sorts_letters)
{
    static const uint32_t numbers[] = {1, 2, 11};
    struct keystore keystores[2] = {{.sessions = 1}, {.sessions = 1}};
    struct keys *keys = calloc(1, sizeof *keys);
    uint8_t octets[4096];
    struct writer writer = writer_over(octets, sizeof octets);
    struct taken taken = {.at = octets};
    struct sort sort = {.keys = keys,
                        .keystores = keystores,
                        .otherwise = OTHERS,
                        .take = take_part,
                        .context = &taken};

    ck_assert_int_eq(keys_init(keys), RESULT_OK);
    for (size_t i = 0; i < COUNT(numbers); i++)
        put_key(keys, &keystores[numbers[i] > 10], numbers[i]);
    uint16_t count = write_jobs(&writer, (size_t)_i);
    struct message_sign sign = {.count = (uint16_t)(count + letters[_i].torn),
                                .jobs = span_of(octets, writer.length)};
    sort_letter(&sort, &sign);
    ck_assert_ptr_eq(taken.at, octets + writer.length);
    for (unsigned i = 0; i <= taken.count; i++) {
        ck_assert_msg(i == taken.count || taken.places[i] == letters[_i].parts[i].place, "%s: %u",
                      letters[_i].what, i);
        ck_assert_msg((i < taken.count ? taken.jobs[i] : 0) == letters[_i].parts[i].jobs, "%s: %u",
                      letters[_i].what, i);
    }
    keys_forget_all(keys);
    free(keys);
}
END_TEST

/* A clerk that was inside a module for long does not bring back what another keeper has not
 * ordered, and forgets no key but its own. */
START_TEST(eras_of_keys)
{
    struct keystore keystores[2] = {{.sessions = 1}, {.sessions = 1}};
    struct keys *keys = calloc(1, sizeof *keys);
    struct key *late = keys_make();

    ck_assert_int_eq(keys_init(keys), RESULT_OK);
    uint32_t era = keys_era(keys);
    late->number = 1;
    late->keystore = &keystores[0];
    keys_forget_all(keys);
    put_key(keys, &keystores[1], 1);
    ck_assert_int_eq(keys_put(keys, late, era), RESULT_REFUSED);
    keys_forget(keys, &keystores[0], 1);
    struct key *found = keys_find(keys, 1);
    ck_assert_ptr_nonnull(found);
    ck_assert_ptr_eq(found->keystore, &keystores[1]);
    key_drop(found);
    keys_forget(keys, &keystores[1], 1);
    ck_assert_ptr_null(keys_find(keys, 1));
    key_drop(late);
    free(keys);
}
END_TEST

/* ---- calls that do not end ------------------------------------------------------------------ */

#define SECOND_NS UINT64_C(1000000000)

/* Two keystores and what is common to them; `start` is when the process began. */
struct signer_of_two {
    struct keystore keystores[2];
    struct post posts[3];
    struct hangs hangs;
    unsigned news; /* of a post that is stalled, or is no more */
};

static void on_stalled(void *context, struct post *post)
{
    struct signer_of_two *two = context;

    ck_assert_ptr_eq(post, &two->posts[0]);
    two->news++;
}

static void open_two(struct signer_of_two *two, struct metrics_stripe *stripe, uint64_t start)
{
    struct pool_means means = {.context = two};

    *two = (struct signer_of_two){.hangs = {.posts = two->posts,
                                            .count = 3,
                                            .stripe = stripe,
                                            .stalled = on_stalled,
                                            .context = two,
                                            .calm_ms = start * 1000}};
    for (int i = 0; i < 3; i++) {
        two->posts[i].keystore = i < 2 ? &two->keystores[i] : NULL;
        ck_assert_int_eq(pool_init(&two->posts[i].pool, &means), RESULT_OK);
    }
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_mutex_init(&two->keystores[i].lock, NULL), 0);
    two->keystores[1].state = KEYSTORE_UP;
}

static bool ends_at(struct signer_of_two *two, uint64_t second)
{
    return hangs_end(&two->hangs, second * SECOND_NS);
}

static void hang_at(struct signer_of_two *two, uint64_t second)
{
    watch_begin(&two->posts[0].clerk.watch, "first", "opening the token", WATCH_OPEN_MS);
    watch_in(&two->posts[0].clerk.watch, second * SECOND_NS);
}

/* The others go on, longer each time; and each process knows of those before it. */
START_TEST(patience_doubles)
{
    struct metrics_stripe *stripe = aligned_alloc(64, sizeof *stripe);
    static const uint64_t patience[] = {30, 60, 120, 240, 480, 960, 1920, 3600, 3600};
    struct signer_of_two two;
    uint64_t now = 1000;

    memset(stripe, 0, sizeof *stripe);
    for (size_t i = 0; i < COUNT(patience); i++) {
        open_two(&two, stripe, now);
        hang_at(&two, now);
        ck_assert(!ends_at(&two, now + 59));
        ck_assert_uint_eq(two.news, 0);
        for (uint64_t second = 60; second < 60 + patience[i]; second++)
            ck_assert_msg(!ends_at(&two, now + second), "%zu: %llu", i, (unsigned long long)second);
        ck_assert_uint_eq(two.news, 1);
        ck_assert(two.posts[0].stalled);
        now += 60 + patience[i];
        ck_assert(ends_at(&two, now));
    }
    /* It comes back, and a while later all is as it was at first. */
    open_two(&two, stripe, now);
    hang_at(&two, now);
    ck_assert(!ends_at(&two, now + 61));
    watch_out(&two.posts[0].clerk.watch);
    ck_assert(!ends_at(&two, now + 62));
    ck_assert_uint_eq(two.news, 2);
    ck_assert(!two.posts[0].stalled);
    ck_assert_uint_eq(metric_get(stripe, METRIC_HANG_PATIENCE), 3600);
    ck_assert(!ends_at(&two, now + 62 + HANG_CALM_MS / 1000));
    ck_assert_uint_eq(metric_get(stripe, METRIC_HANG_PATIENCE), 0);
    ck_assert_uint_eq(metric_get(stripe, METRIC_TOKEN_HANGS), COUNT(patience) + 1);
    free(stripe);
}
END_TEST

/* When nothing would be lost, nothing is waited for, and the next wait is no longer for it. */
START_TEST(ends_when_nothing_works)
{
    struct metrics_stripe *stripe = aligned_alloc(64, sizeof *stripe);
    struct signer_of_two two;

    memset(stripe, 0, sizeof *stripe);
    open_two(&two, stripe, 1000);
    hang_at(&two, 1000);
    ck_assert(!ends_at(&two, 1061));
    two.keystores[1].state = KEYSTORE_LOST;
    ck_assert(ends_at(&two, 1062));
    ck_assert_uint_eq(metric_get(stripe, METRIC_HANG_PATIENCE), 0);
    /* What works is no token that has something hanging itself. */
    two.keystores[1].state = KEYSTORE_UP;
    watch_begin(&two.posts[1].clerk.watch, "second", "proving a key", WATCH_OPEN_MS);
    watch_in(&two.posts[1].clerk.watch, 1000 * SECOND_NS);
    ck_assert(ends_at(&two, 1062));
    free(stripe);
}
END_TEST

/* A token that is there and can be used by another process alone is no other matter. */
START_TEST(hopeless_tokens_wait_too)
{
    struct metrics_stripe *stripe = aligned_alloc(64, sizeof *stripe);
    struct signer_of_two two;

    memset(stripe, 0, sizeof *stripe);
    open_two(&two, stripe, 1000);
    atomic_store(&two.posts[0].clerk.hopeless, true);
    ck_assert(!ends_at(&two, 1000));
    ck_assert(!ends_at(&two, 1000 + HANG_FIRST_PATIENCE - 1));
    ck_assert(ends_at(&two, 1000 + HANG_FIRST_PATIENCE));
    free(stripe);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("signer/posts");
    TCase *tests = tcase_create("who waits for whom");

    tcase_add_test(tests, each_line_is_hungry_by_itself);
    tcase_add_test(tests, octets_have_a_bound);
    tcase_add_loop_test(tests, sorts_letters, 0, COUNT(letters));
    tcase_add_test(tests, eras_of_keys);
    tcase_add_test(tests, patience_doubles);
    tcase_add_test(tests, ends_when_nothing_works);
    tcase_add_test(tests, hopeless_tokens_wait_too);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
