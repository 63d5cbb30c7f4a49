/* cores.c - how many processor cores there are for us. */
#include "avow/base/cores.h"

#include <sched.h>

unsigned cores_usable(void)
{
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof set, &set))
        return 1;
    int count = CPU_COUNT(&set);
    return count > 0 ? (unsigned)count : 1;
}
