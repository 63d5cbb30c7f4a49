/*
 * disk.c - a disk that fails on order, linked into a daemon of its own for tests.
 *
 * The program's functions stand before those of the C library, also for LMDB. Where there is a file
 * PROGRAM.record, and the orders say so, it is also told what the process has written to its store
 * and flushed: see tests/power/record.h.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../power/record.h"
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

/* The orders, when they are for this process. */
static struct fault_orders *own_orders(void)
{
    struct fault_orders *orders = fault_orders();

    return orders && atomic_load(&orders->pid) == getpid() ? orders : NULL;
}

static int fails(enum call call)
{
    struct fault_orders *orders = own_orders();

    if (!orders || atomic_load(&orders->call) != (int)call)
        return 0;
    int32_t left = atomic_fetch_sub(&orders->countdown, 1);
    if (left > 1 || left <= 1 - atomic_load(&orders->length))
        return 0;
    atomic_fetch_add(&orders->hits, 1);
    errno = atomic_load(&orders->error);
    return 1;
}

/* One entry, at one blow: others append to the same file. A record with a gap would prove nothing,
 * so that one which cannot be written ends the process. */
static void record(enum record_kind kind, off_t offset, const struct iovec *pieces, int count)
{
    struct record_head head = {.kind = kind, .offset = (uint64_t)offset};
    struct iovec all[RECORD_PIECES + 1] = {{.iov_base = &head, .iov_len = sizeof head}};
    size_t length = sizeof head;

    struct fault_orders *orders = own_orders();
    if (fault_record() < 0 || !orders || !atomic_load(&orders->recording))
        return;
    for (int i = 0; i < count && count <= RECORD_PIECES; i++) {
        all[i + 1] = pieces[i];
        length += pieces[i].iov_len;
    }
    head.length = (uint32_t)(length - sizeof head);
    if (count > RECORD_PIECES || real_writev(fault_record(), all, count + 1) != (ssize_t)length)
        _exit(1);
}

/* The keeper writes in this way to the store alone; LMDB writes meta pages durably by itself. */
ssize_t pwrite(int file, const void *octets, size_t length, off_t offset)
{
    bool failed = fails(CALL_PWRITE) || (offset < META_OCTETS && fails(CALL_META));
    ssize_t done = failed ? -1 : real_pwrite(file, octets, length, offset);

    if (done > 0) {
        struct iovec piece = {.iov_base = (void *)(uintptr_t)octets, .iov_len = (size_t)done};
        record(offset < META_OCTETS ? RECORD_DURABLE : RECORD_WRITE, offset, &piece, 1);
    }
    return done;
}

ssize_t writev(int file, const struct iovec *pieces, int count)
{
    off_t offset = lseek(file, 0, SEEK_CUR);
    ssize_t done = fails(CALL_WRITEV) ? -1 : real_writev(file, pieces, count);

    if (done > 0 && offset >= 0)
        record(RECORD_WRITE, offset, pieces, count);
    return done;
}

int fdatasync(int file)
{
    int failed = fails(CALL_FDATASYNC) ? -1 : real_fdatasync(file);

    if (!failed)
        record(RECORD_FLUSH, 0, NULL, 0);
    return failed;
}
