/* rights.h - the parts of the confinement, for this floor. */
#ifndef AVOW_ROOM_RIGHTS_H
#define AVOW_ROOM_RIGHTS_H

#include <stdbool.h>

#include "avow/room/confine.h"

/* Whether a step holds, is not to be had here, or is not meant for the room. */
enum step_outcome { STEP_ACTIVE, STEP_MISSING, STEP_NOT_MEANT, STEP_FAILED };

/* Landlock: only what the order's paths allow, no TCP, no signals to others. The ruleset is made
 * while paths can still be opened, and enforced later. */
struct landlock {
    int ruleset; /* -1: this kernel has no Landlock */
};
enum step_outcome landlock_prepare(struct landlock *landlock, const struct confine_order *order);
enum step_outcome landlock_enforce(struct landlock *landlock);

/* seccomp: the room's list of system calls, for all threads there are and will be. */
enum step_outcome seccomp_enforce(const struct confine_order *order);

#endif
