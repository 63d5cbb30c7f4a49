/* test_keeper_jobs.c - signatures under way: one for all who want the same, ended once. */
#include <stdlib.h>
#include <string.h>

#include "../../src/keeper/jobs.h"
#include "avow/wire/type.h"
#include "support.h"

static struct jobs jobs;
static struct name owner;
static struct keeper_zone *const zone = (struct keeper_zone *)&jobs; /* only compared */
static struct keeper_zone *const other = (struct keeper_zone *)&owner;

static void open_jobs(void)
{
    ck_assert_int_eq(jobs_open(&jobs), RESULT_OK);
    ck_assert_int_eq(name_from_string("WWW.example.", &owner), RESULT_OK);
}

static void close_jobs(void)
{
    jobs_close(&jobs);
}

static struct job_subject of_type(uint16_t type)
{
    return (struct job_subject){.version = 7, .kind = WANT_RRSET, .type = type, .owner = &owner};
}

static struct job *make(uint16_t type)
{
    struct job_subject subject = of_type(type);
    return jobs_make(&jobs, zone, &subject);
}

static enum result done(struct job *job)
{
    static const uint8_t octets[] = {0, 3, 1, 2, 3};
    const struct rdata_run run = {octets, sizeof octets, 1};
    enum result result = jobs_keep(job, &run);
    if (!result)
        jobs_done(&jobs, job);
    return result;
}

START_TEST(finds_what_is_under_way)
{
    static const uint8_t hash[20] = {1, 2, 3};
    struct job *job = make(TYPE_A);
    struct name lower = owner;
    name_lower(&lower);
    struct job_subject subject = of_type(TYPE_A);

    subject.owner = &lower; /* letter case does not matter */
    ck_assert_ptr_eq(jobs_find(&jobs, &subject), job);
    subject.type = TYPE_AAAA;
    ck_assert_ptr_null(jobs_find(&jobs, &subject));
    subject.type = TYPE_A;
    subject.version = 8;
    ck_assert_ptr_null(jobs_find(&jobs, &subject));

    struct job_subject chain = {.version = 7, .kind = WANT_NSEC3, .type = TYPE_NSEC3, .hash = hash};
    ck_assert_ptr_null(jobs_find(&jobs, &chain));
    struct job *nsec3 = jobs_make(&jobs, zone, &chain);
    ck_assert_ptr_eq(jobs_find(&jobs, &chain), nsec3);
    jobs_end(&jobs, nsec3);
    ck_assert_ptr_null(jobs_find(&jobs, &chain));
    ck_assert_uint_eq(jobs.in_use, 1);
}
END_TEST

START_TEST(numbers_are_not_used_again)
{
    struct job *job = make(TYPE_A);
    uint64_t number = job->number;

    ck_assert_ptr_eq(jobs_by_number(&jobs, number), job);
    jobs_end(&jobs, job);
    ck_assert_ptr_null(jobs_by_number(&jobs, number));
    struct job *next = make(TYPE_MX); /* takes the same place */
    ck_assert_ptr_eq(next, job);
    ck_assert_ptr_null(jobs_by_number(&jobs, number));
    ck_assert_ptr_eq(jobs_by_number(&jobs, next->number), next);
    ck_assert_ptr_null(jobs_by_number(&jobs, UINT64_MAX));
}
END_TEST

START_TEST(no_more_than_the_limit)
{
    for (unsigned i = 0; i < JOBS_LIMIT; i++) {
        struct job_subject subject = of_type(TYPE_A);
        subject.version = i + 1;
        ck_assert_ptr_nonnull(jobs_make(&jobs, zone, &subject));
    }
    ck_assert_ptr_null(make(TYPE_MX));
    for (unsigned i = 0; i < JOBS_LIMIT; i++) {
        struct job_subject subject = of_type(TYPE_A);
        subject.version = i + 1;
        struct job *job = jobs_find(&jobs, &subject);
        ck_assert_ptr_nonnull(job);
        if (i % 2)
            jobs_end(&jobs, job);
    }
    ck_assert_uint_eq(jobs.in_use, JOBS_LIMIT / 2);
    ck_assert_ptr_nonnull(make(TYPE_MX));
}
END_TEST

START_TEST(keeps_signatures_once)
{
    const struct rdata_run nothing = {(const uint8_t *)"", 0, 0};
    struct job *job = make(TYPE_A), *second = make(TYPE_MX);

    ck_assert_int_eq(jobs_keep(job, &nothing), RESULT_FORMAT);
    ck_assert_uint_eq(jobs.done_count, 0);
    ck_assert_int_eq(done(job), RESULT_OK);
    ck_assert_int_eq(done(job), RESULT_REFUSED);
    ck_assert_int_eq(done(second), RESULT_OK);
    ck_assert_uint_eq(jobs.done_count, 2);
    ck_assert_ptr_eq(jobs.done, second);
    ck_assert_ptr_eq(jobs.done->next_done, job);
    ck_assert_uint_eq(job->run.count, 1);
    ck_assert_mem_eq(job->run.octets, "\0\3\1\2\3", 5);
}
END_TEST

START_TEST(waiters_are_kept_and_given_back)
{
    struct job *job = make(TYPE_A);

    for (unsigned i = 0; i < JOB_WAITERS; i++)
        ck_assert_int_eq(jobs_wait(&jobs, job, 1, 2, i), RESULT_OK);
    ck_assert_int_eq(jobs_wait(&jobs, job, 1, 2, 99), RESULT_FULL);
    unsigned count = 0;
    uint64_t seen = 0;
    for (struct job_waiter *waiter = job->waiters; waiter; waiter = waiter->next) {
        ck_assert_uint_eq(waiter->front, 1);
        ck_assert_uint_eq(waiter->generation, 2);
        seen |= (uint64_t)1 << waiter->id;
        count++;
    }
    ck_assert_uint_eq(count, JOB_WAITERS);
    ck_assert_uint_eq(seen, UINT64_MAX);
    jobs_free_waiters(&jobs, job);
    ck_assert_ptr_null(job->waiters);
    ck_assert_int_eq(jobs_wait(&jobs, job, 0, 0, 5), RESULT_OK);
    jobs_end(&jobs, job); /* with a waiter */
    ck_assert_ptr_null(make(TYPE_A)->waiters);
}
END_TEST

START_TEST(what_is_outdated_is_not_found_but_ends)
{
    struct job *soa = make(TYPE_SOA), *address = make(TYPE_A);
    struct job_subject subject = of_type(TYPE_SOA), strange = of_type(TYPE_TXT);
    struct job *stranger = jobs_make(&jobs, other, &strange);
    uint64_t number = soa->number;

    ck_assert_uint_eq(jobs_outdate(&jobs, zone, TYPE_SOA), 1);
    ck_assert(soa->stale);
    ck_assert_ptr_null(jobs_find(&jobs, &subject));
    ck_assert_ptr_eq(jobs_by_number(&jobs, number), soa); /* its answer may still come */
    struct job *again = make(TYPE_SOA);
    ck_assert_ptr_ne(again, soa);
    ck_assert_ptr_eq(jobs_find(&jobs, &subject), again);
    jobs_end(&jobs, soa);
    ck_assert_ptr_eq(jobs_find(&jobs, &subject), again);
    ck_assert_uint_eq(jobs_outdate(&jobs, zone, 0), 2);
    ck_assert(again->stale && address->stale && !stranger->stale);
    ck_assert_uint_eq(jobs_outdate(&jobs, zone, 0), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("keeper/jobs");
    TCase *tests = tcase_create("jobs");

    tcase_add_checked_fixture(tests, open_jobs, close_jobs);
    tcase_add_test(tests, finds_what_is_under_way);
    tcase_add_test(tests, numbers_are_not_used_again);
    tcase_add_test(tests, no_more_than_the_limit);
    tcase_add_test(tests, keeps_signatures_once);
    tcase_add_test(tests, waiters_are_kept_and_given_back);
    tcase_add_test(tests, what_is_outdated_is_not_found_but_ends);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
