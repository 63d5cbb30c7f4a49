/* pages.c - memory files that one room writes and others read. */
#include "avow/room/pages.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "avow/room/metrics.h"

enum { SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL };

size_t page_octets(enum page_kind kind)
{
    switch (kind) {
    case PAGE_PUBLISHED:
    case PAGE_READERS:
        return PAGE_STORE_OCTETS;
    case PAGE_METRICS:
        return metrics_page_octets();
    case PAGE_KINDS:
        break;
    }
    return 0;
}

/* A second description of the same file that cannot be mapped for writing, ever. */
static int open_read_only(int descriptor)
{
    char path[64];

    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    return open(path, O_RDONLY | O_CLOEXEC);
}

enum result page_make(enum page_kind kind, int *writable, int *readable)
{
    *readable = -1;
    *writable = memfd_create("avow-page", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (*writable < 0)
        return RESULT_SYSTEM;
    if (ftruncate(*writable, (off_t)page_octets(kind)) || fcntl(*writable, F_ADD_SEALS, SEALS))
        goto failed;
    *readable = open_read_only(*writable);
    if (*readable < 0)
        goto failed;
    return RESULT_OK;

failed:
    close(*writable);
    *writable = -1;
    return RESULT_SYSTEM;
}

void *page_map(enum page_kind kind, int descriptor, bool writable)
{
    struct stat status;
    size_t octets = page_octets(kind);
    int seals = fcntl(descriptor, F_GET_SEALS);

    if (octets == 0 || seals < 0 || (seals & SEALS) != SEALS)
        return NULL;
    if (fstat(descriptor, &status) || (size_t)status.st_size != octets)
        return NULL;
    void *page = mmap(NULL, octets, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED,
                      descriptor, 0);
    return page == MAP_FAILED ? NULL : page;
}

void page_unmap(enum page_kind kind, void *page)
{
    if (page)
        (void)munmap(page, page_octets(kind)); /* fails only for what was never mapped */
}
