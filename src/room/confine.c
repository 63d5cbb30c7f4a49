/* confine.c - the steps by which a room gives up what it does not need, in their order. */
#include "avow/room/confine.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "avow/base/log.h"
#include "avow/base/vault.h"
#include "rights.h"

static const char *const step_words[CONFINE_STEP_COUNT] = {
#define STEP_WORD(NAME, word) [CONFINE_##NAME] = (word),
    CONFINE_STEPS(STEP_WORD)
#undef STEP_WORD
};

enum { DEFAULT_DESCRIPTORS = 1024 };

static enum step_outcome set_limits(const struct confine_order *order)
{
    rlim_t wanted = order->descriptors ? order->descriptors : DEFAULT_DESCRIPTORS;
    struct rlimit now;

    if (getrlimit(RLIMIT_NOFILE, &now))
        return STEP_FAILED;
    if (wanted > now.rlim_max && geteuid() != 0)
        wanted = now.rlim_max;
    struct rlimit limit = {.rlim_cur = wanted, .rlim_max = wanted}, none = {.rlim_max = 0};
    /* To go before others is the front's alone, whose turns are short. */
    if (order->room != ROOM_FRONT && setrlimit(RLIMIT_RTPRIO, &none))
        return STEP_FAILED;
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
        return STEP_ACTIVE;
    limit.rlim_cur = limit.rlim_max = now.rlim_max; /* not every root may raise it */
    return setrlimit(RLIMIT_NOFILE, &limit) ? STEP_FAILED : STEP_ACTIVE;
}

static enum step_outcome forbid_new_privileges(void)
{
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? STEP_FAILED : STEP_ACTIVE;
}

/* The bounding set goes while we may still change it, the rest once the user is another. */
static void drop_bounding_set(void)
{
    for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
        (void)prctl(PR_CAPBSET_DROP, capability, 0, 0,
                    0); /* refused: then there are none to drop */
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

static enum step_outcome change_user(const struct confine_order *order)
{
    if (order->user == (uid_t)-1)
        return STEP_NOT_MEANT;
    if (geteuid() == 0 && setgroups(0, NULL))
        return STEP_FAILED;
    if (setresgid(order->group, order->group, order->group) ||
        setresuid(order->user, order->user, order->user))
        return STEP_FAILED;
    /* Nobody may come back, unless it was root that was asked for. */
    if (order->user != 0 && setuid(0) == 0)
        return STEP_FAILED;
    return STEP_ACTIVE;
}

static enum step_outcome drop_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};

    return syscall(SYS_capset, &header, none) ? STEP_FAILED : STEP_ACTIVE;
}

/* Also keeps other processes of the same user from tracing us and from reading /proc/PID/mem. */
static enum step_outcome forbid_dumps(void)
{
    struct rlimit none = {.rlim_cur = 0, .rlim_max = 0};

    if (setrlimit(RLIMIT_CORE, &none) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
        return STEP_FAILED;
    return STEP_ACTIVE;
}

/* What holds secrets is taken from vault.h, long before and long after; the keeper has none. */
static enum step_outcome lock_memory(const struct confine_order *order)
{
    if (order->room == ROOM_KEEPER)
        return STEP_NOT_MEANT;
    return vault_locks() ? STEP_ACTIVE : STEP_FAILED;
}

/* Book a step; whether to go on. Some may be lacking. */
static bool book(struct confinement *confinement, enum confine_step step, enum step_outcome outcome)
{
    bool may_lack =
        step == CONFINE_LANDLOCK || step == CONFINE_SECCOMP || step == CONFINE_LOCKED_MEMORY;

    if (outcome == STEP_NOT_MEANT)
        return true;
    if (outcome == STEP_ACTIVE) {
        confinement->active |= 1U << step;
        return true;
    }
    confinement->missing |= 1U << step;
    if (may_lack) {
        log_warning("confinement: %s is not active: %s", step_words[step],
                    outcome == STEP_MISSING ? "this kernel does not have it" : strerror(errno));
        return true;
    }
    log_error("confinement: %s failed: %s", step_words[step], strerror(errno));
    return false;
}

enum result confine_identity(const struct confine_order *order, struct confinement *confinement)
{
    if (!book(confinement, CONFINE_LIMITS, set_limits(order)))
        return RESULT_SYSTEM;
    drop_bounding_set();
    if (!book(confinement, CONFINE_USER, change_user(order)) ||
        !book(confinement, CONFINE_CAPABILITIES, drop_capabilities()))
        return RESULT_SYSTEM;
    return RESULT_OK;
}

enum result confine(const struct confine_order *order, struct confinement *confinement)
{
    struct landlock landlock;

    if (confine_identity(order, confinement))
        return RESULT_SYSTEM;
    /* gmtime_r, which dates the log's lines, reads the time zone's file at its first call. */
    tzset();
    enum step_outcome prepared = landlock_prepare(&landlock, order);
    if (!book(confinement, CONFINE_NO_NEW_PRIVILEGES, forbid_new_privileges()) ||
        !book(confinement, CONFINE_NO_DUMP, forbid_dumps()) ||
        !book(confinement, CONFINE_LOCKED_MEMORY, lock_memory(order)) ||
        !book(confinement, CONFINE_LANDLOCK,
              prepared == STEP_ACTIVE ? landlock_enforce(&landlock) : prepared) ||
        !book(confinement, CONFINE_SECCOMP, seccomp_enforce(order)))
        return RESULT_SYSTEM;
    return RESULT_OK;
}

enum result confine_program(const struct confine_order *order)
{
    struct confine_order as_module = *order;
    struct confinement confinement = {.active = 0};
    struct landlock landlock;

    as_module.room = ROOM_SIGNER; /* which runs other people's code as well */
    if (confine_identity(&as_module, &confinement))
        return RESULT_SYSTEM;
    enum step_outcome prepared = landlock_prepare(&landlock, &as_module);
    if (!book(&confinement, CONFINE_NO_NEW_PRIVILEGES, forbid_new_privileges()) ||
        !book(&confinement, CONFINE_NO_DUMP, forbid_dumps()) ||
        !book(&confinement, CONFINE_LANDLOCK,
              prepared == STEP_ACTIVE ? landlock_enforce(&landlock) : prepared))
        return RESULT_SYSTEM;
    return RESULT_OK;
}

static size_t add_words(char *text, size_t size, size_t length, uint32_t steps)
{
    const char *separator = "";

    for (unsigned step = 0; step < CONFINE_STEP_COUNT; step++) {
        if (!(steps & 1U << step) || length >= size)
            continue;
        int more = snprintf(text + length, size - length, "%s%s", separator, step_words[step]);
        length += more > 0 ? (size_t)more : 0;
        separator = ", ";
    }
    return length;
}

char *confinement_text(const struct confinement *confinement, char *text, size_t size)
{
    text[0] = '\0';
    size_t length = add_words(text, size, 0, confinement->active);
    if (confinement->missing && length < size) {
        int more = snprintf(text + length, size - length, "; missing: ");
        length += more > 0 ? (size_t)more : 0;
        (void)add_words(text, size, length, confinement->missing);
    }
    return text;
}
