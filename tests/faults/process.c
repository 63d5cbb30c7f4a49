/* process.c - a system without processes, on order, linked into a daemon of its own for tests. */
#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "orders.h"

pid_t fork(void)
{
    struct fault_orders *orders = fault_orders();
    void *address = dlsym(RTLD_NEXT, "fork");
    pid_t (*real_fork)(void);

    if (orders && atomic_load(&orders->forks) > 0) {
        atomic_fetch_sub(&orders->forks, 1);
        atomic_fetch_add(&orders->forks_failed, 1);
        errno = EAGAIN;
        return -1;
    }
    memcpy(&real_fork, &address, sizeof real_fork);
    return real_fork();
}
