/* test_front_urgency.c - a worker goes before others while it has little to do, where it may. */
#include "support.h"

#include <sched.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "avow/base/clock.h"
#include "src/front/urgency.h"

enum { NOBODY = 65534, BURNT_MS = 60 };

static bool is_real_time(void)
{
    return sched_getscheduler(0) == SCHED_RR;
}

/* Use the processor for so long, however often others have it in between. */
static void burn(unsigned milliseconds)
{
    uint64_t end = clock_thread_ns() + milliseconds * UINT64_C(1000000);

    while (clock_thread_ns() < end)
        ;
}

static void tell(bool good, const char *what)
{
    if (!good) {
        (void)fprintf(stderr, "urgency: not so: %s\n", what);
        _exit(1);
    }
}

/* In a process of its own, whose priority and limits end with it. */
static void in_a_child(void (*part)(void))
{
    int status;
    pid_t child = fork();

    ck_assert_int_ge(child, 0);
    if (child == 0) {
        part();
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}

/* Root may by CAP_SYS_NICE what others may by the limit, which not every root can raise. */
static bool may_be_real_time(void)
{
    const struct sched_param priority = {.sched_priority = 1}, none = {.sched_priority = 0};

    return sched_setscheduler(0, SCHED_RR, &priority) == 0 &&
           sched_setscheduler(0, SCHED_OTHER, &none) == 0;
}

static void follow_the_load(void)
{
    struct urgency urgency;

    urgency_begin(&urgency, 100.0);
    tell(urgency.allowed && is_real_time(), "it is allowed");
    burn(BURNT_MS);
    urgency_look(&urgency, 100.05);
    tell(is_real_time(), "too early to say");
    urgency_look(&urgency, 100.11);
    tell(!is_real_time(), "busy for more than half of the time");
    burn(BURNT_MS);
    urgency_look(&urgency, 100.26);
    tell(!is_real_time(), "still busy for more than a quarter");
    urgency_look(&urgency, 101.0);
    tell(is_real_time(), "quiet again");
    urgency_look(&urgency, 102.0);
    tell(is_real_time() && urgency.allowed, "and still");
}

static void do_without(void)
{
    const struct rlimit none = {0, 0};
    struct urgency urgency;

    tell(setrlimit(RLIMIT_RTPRIO, &none) == 0, "a limit can be lowered");
    if (geteuid() == 0)
        tell(setresuid(NOBODY, NOBODY, NOBODY) == 0, "root can become nobody");
    urgency_begin(&urgency, 100.0);
    tell(!urgency.allowed && !is_real_time(), "not allowed");
    burn(BURNT_MS);
    urgency_look(&urgency, 100.11);
    urgency_look(&urgency, 200.0);
    tell(!urgency.allowed && !is_real_time(), "nor later");
}

/* Whoever is real-time and never waits is killed by the kernel. */
static void spin(void)
{
    struct rlimit limit;

    urgency_limit();
    tell(getrlimit(RLIMIT_RTTIME, &limit) == 0 && limit.rlim_cur > 0 &&
             limit.rlim_cur == limit.rlim_max && limit.rlim_max <= 2000000,
         "there is a limit");
}

START_TEST(a_busy_worker_steps_back_and_returns)
{
    if (may_be_real_time())
        in_a_child(follow_the_load);
}
END_TEST

START_TEST(without_leave_nothing_changes)
{
    in_a_child(do_without);
}
END_TEST

START_TEST(real_time_is_limited)
{
    in_a_child(spin);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("front/urgency");
    TCase *tests = tcase_create("urgency");

    tcase_add_test(tests, a_busy_worker_steps_back_and_returns);
    tcase_add_test(tests, without_leave_nothing_changes);
    tcase_add_test(tests, real_time_is_limited);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
