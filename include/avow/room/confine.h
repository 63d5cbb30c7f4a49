/*
 * confine.h - what a room gives up before it meets its first stranger.
 *
 * The rights of all rooms stand in one table in confine.c. A step that this kernel does not have is
 * said aloud and left out; it is never silent. Landlock and seccomp hold for threads that are
 * started afterwards, so confine before the first one.
 *
 * Floor: room. Source: landlock(7), seccomp(2), capabilities(7).
 */
#ifndef AVOW_ROOM_CONFINE_H
#define AVOW_ROOM_CONFINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "avow/base/result.h"
#include "avow/ipc/messages.h"

#define CONFINE_STEPS(S)                                                                           \
    S(USER, "user")                 /* the configured user, no supplementary groups */             \
    S(CAPABILITIES, "capabilities") /* none left, none to be had */                                \
    S(NO_NEW_PRIVILEGES, "no-new-privileges")                                                      \
    S(NO_DUMP, "no-core-dumps")       /* not dumpable, not traceable, RLIMIT_CORE 0 */             \
    S(LIMITS, "limits")               /* descriptors */                                            \
    S(LOCKED_MEMORY, "locked-memory") /* for secrets: never in swap; not where there are none */   \
    S(LANDLOCK, "landlock")                                                                        \
    S(SECCOMP, "seccomp")

enum confine_step {
#define CONFINE_ENUMERATOR(NAME, word) CONFINE_##NAME,
    CONFINE_STEPS(CONFINE_ENUMERATOR)
#undef CONFINE_ENUMERATOR
        CONFINE_STEP_COUNT
};

/* A folder or file and everything beneath it. */
struct confine_path {
    const char *path;
    enum { CONFINE_READ, CONFINE_WRITE } access; /* write includes read, make and remove */
};

struct confine_order {
    enum room_kind room;
    uid_t user; /* to become; (uid_t)-1: stay as we are */
    gid_t group;
    uint32_t descriptors;             /* that may be open at once; 0: 1024 */
    const struct confine_path *paths; /* beneath these the room may go on */
    size_t path_count;
    const char *forbidden; /* the signer: everything but this folder, the store's; else NULL */
    bool network;          /* the signer: its module may connect to a token elsewhere */
};

/* What came of it: bits 1 << enum confine_step. What is in neither does not concern the room. */
struct confinement {
    uint32_t active;
    uint32_t missing; /* wanted, but this system cannot */
};

/*
 * The first half: limits, user, capabilities. What is opened afterwards is opened as that user.
 *
 * Returns RESULT_SYSTEM when one of them failed (it was logged): the room must not go on.
 */
MUST_CHECK enum result confine_identity(const struct confine_order *order,
                                        struct confinement *confinement);

/*
 * All of it: the first half (again, when it was done before; the order's user is then -1), then
 * everything that the room's row does not grant. Cannot be undone. Adds to `confinement`, which is
 * zeroed at first.
 *
 * Returns RESULT_OK, also when steps are missing; RESULT_SYSTEM when a step that every Linux has
 * (user, capabilities, limits, no new privileges) failed: the room must not go on.
 */
MUST_CHECK enum result confine(const struct confine_order *order, struct confinement *confinement);

/*
 * For a program that is about to be executed, between fork and exec of a process with one thread:
 * limits, user, capabilities, no new privileges, no core dumps, and where the kernel has Landlock
 * nothing of order->forbidden. `order->room` is of no account. Steps that fail are logged.
 *
 * Returns RESULT_SYSTEM: it must not be executed.
 */
MUST_CHECK enum result confine_program(const struct confine_order *order);

/* "user, capabilities, ... ; missing: landlock". Returns `text`. */
char *confinement_text(const struct confinement *confinement, char *text, size_t size);

#endif
