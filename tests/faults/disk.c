/*
 * disk.c - a disk that fails on order, linked into a daemon of its own for tests.
 *
 * The program's functions stand before those of the C library, also for LMDB.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "orders.h"

enum call { CALL_PWRITE = 1, CALL_WRITEV, CALL_FDATASYNC, CALL_META };

/* The first two pages of a store; a commit ends with writing one of them. */
enum { META_OCTETS = 2 * 4096 };

static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_writev)(int, const struct iovec *, int);
static int (*real_fdatasync)(int);

/* A function's address out of a pointer to an object, as dlsym gives it. */
static void find(void *function, const char *name)
{
    void *address = dlsym(RTLD_NEXT, name);
    memcpy(function, &address, sizeof address);
}

__attribute__((constructor)) static void begin(void)
{
    find(&real_pwrite, "pwrite");
    find(&real_writev, "writev");
    find(&real_fdatasync, "fdatasync");
}

static int fails(enum call call)
{
    struct fault_orders *orders = fault_orders();

    if (!orders || atomic_load(&orders->pid) != getpid() || atomic_load(&orders->call) != (int)call)
        return 0;
    int32_t left = atomic_fetch_sub(&orders->countdown, 1);
    if (left > 1 || left <= 1 - atomic_load(&orders->length))
        return 0;
    atomic_fetch_add(&orders->hits, 1);
    errno = atomic_load(&orders->error);
    return 1;
}

ssize_t pwrite(int file, const void *octets, size_t length, off_t offset)
{
    bool failed = fails(CALL_PWRITE) || (offset < META_OCTETS && fails(CALL_META));

    return failed ? -1 : real_pwrite(file, octets, length, offset);
}

ssize_t writev(int file, const struct iovec *pieces, int count)
{
    return fails(CALL_WRITEV) ? -1 : real_writev(file, pieces, count);
}

int fdatasync(int file)
{
    return fails(CALL_FDATASYNC) ? -1 : real_fdatasync(file);
}
