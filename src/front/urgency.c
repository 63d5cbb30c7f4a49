/* urgency.c - a worker that has little to do goes before all others. */
#include "urgency.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "avow/base/clock.h"
#include "avow/base/log.h"

enum {
    SLICE_NS = 100000, /* the shortest that there is */
    PRIORITY = 1,      /* the lowest */
    SPINNING_US = 2000000
};

#define WINDOW_S 0.1
#define BUSY     0.5 /* of the time of a processor */
#define QUIET    0.25

/* As sched_setattr(2) has it: the headers of kernel and libc, which have it too, do not agree. */
struct wish {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
};

static bool ask(const struct wish *wish)
{
    return syscall(SYS_sched_setattr, 0, wish, 0) == 0;
}

static bool ask_to_be_urgent(void)
{
    return ask(
        &(struct wish){.size = sizeof(struct wish), .policy = SCHED_RR, .priority = PRIORITY});
}

/* A kernel before Linux 6.12 does not mind the slice. */
static void ask_for_short_slices(void)
{
    const struct wish wish = {.size = sizeof wish,
                              .policy = SCHED_OTHER,
                              .nice = getpriority(PRIO_PROCESS, 0),
                              .runtime = SLICE_NS};

    if (!ask(&wish))
        log_debug("no short slices of time: %s", strerror(errno));
}

void urgency_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_RTTIME, &limit))
        return;
    if (limit.rlim_max > SPINNING_US)
        limit.rlim_max = SPINNING_US;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_RTTIME, &limit))
        log_debug("no limit for what is real-time: %s", strerror(errno));
}

void urgency_begin(struct urgency *urgency, double now)
{
    *urgency = (struct urgency){.looked = now, .used_ns = clock_thread_ns()};
    urgency->allowed = urgency->urgent = ask_to_be_urgent();
    if (!urgency->allowed) {
        log_debug("not real-time (RLIMIT_RTPRIO): %s", strerror(errno));
        ask_for_short_slices();
    }
}

static void change(struct urgency *urgency, bool urgent)
{
    if (!urgent)
        ask_for_short_slices();
    urgency->urgent = urgent && ask_to_be_urgent();
    urgency->allowed = urgency->urgent == urgent; /* refused now: not asked again */
}

void urgency_look(struct urgency *urgency, double now)
{
    double since = now - urgency->looked;

    if (!urgency->allowed || since < WINDOW_S)
        return;
    uint64_t used_ns = clock_thread_ns();
    double share = (double)(used_ns - urgency->used_ns) / 1e9 / since;
    urgency->looked = now;
    urgency->used_ns = used_ns;
    if (urgency->urgent ? share > BUSY : share < QUIET)
        change(urgency, !urgency->urgent);
}
