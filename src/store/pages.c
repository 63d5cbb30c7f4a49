/* pages.c - the two pages of shared memory between the keeper and the readers. */
#include "avow/store/pages.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(sizeof(struct page_published) <= PAGES_OCTETS, "PUBLISHED does not fit");
_Static_assert(sizeof(struct page_readers) <= PAGES_OCTETS, "READERS does not fit");
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "tickets need lock-free 64-bit atomics");

/* The same file through a description that cannot write. */
static int reopen_read_only(int descriptor)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    return open(path, O_RDONLY | O_CLOEXEC);
}

enum result pages_make(int *writable, int *readable)
{
    int descriptor = memfd_create("avow-pages", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (descriptor < 0)
        return RESULT_SYSTEM;
    if (ftruncate(descriptor, PAGES_OCTETS) ||
        fcntl(descriptor, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
        goto failed;
    if (readable) {
        *readable = reopen_read_only(descriptor);
        if (*readable < 0)
            goto failed;
    }
    *writable = descriptor;
    return RESULT_OK;

failed:
    close(descriptor);
    return RESULT_SYSTEM;
}

static enum result map_page(int descriptor, int protection, void **page)
{
    struct stat status;

    if (fstat(descriptor, &status))
        return RESULT_SYSTEM;
    if (status.st_size < PAGES_OCTETS)
        return RESULT_FORMAT; /* reading behind its end would be SIGBUS */
    void *mapped = mmap(NULL, PAGES_OCTETS, protection, MAP_SHARED, descriptor, 0);
    if (mapped == MAP_FAILED)
        return RESULT_SYSTEM;
    *page = mapped;
    return RESULT_OK;
}

static enum result map_readers(struct pages *pages, int descriptor, int protection)
{
    void *page;
    enum result result = map_page(descriptor, protection, &page);

    if (result == RESULT_OK)
        pages->readers[pages->reader_pages++] = page;
    return result;
}

enum result pages_open_reader(struct pages *pages, int published, int readers)
{
    void *page;

    *pages = (struct pages){.published = NULL};
    enum result result = map_page(published, PROT_READ, &page);
    if (result)
        return result;
    pages->published = page;
    result = map_readers(pages, readers, PROT_READ | PROT_WRITE);
    if (result)
        pages_close(pages);
    return result;
}

enum result pages_open_keeper(struct pages *pages, int published, const int *readers,
                              unsigned count)
{
    void *page;

    *pages = (struct pages){.published = NULL};
    if (count > PAGES_READERS)
        return RESULT_FORMAT;
    enum result result = map_page(published, PROT_READ | PROT_WRITE, &page);
    if (result)
        return result;
    pages->published = page;
    for (unsigned i = 0; i < count && result == RESULT_OK; i++)
        result = map_readers(pages, readers[i], PROT_READ);
    if (result)
        pages_close(pages);
    return result;
}

void pages_close(struct pages *pages)
{
    if (pages->published)
        munmap(pages->published, PAGES_OCTETS);
    for (unsigned i = 0; i < pages->reader_pages; i++)
        munmap(pages->readers[i], PAGES_OCTETS);
    *pages = (struct pages){.published = NULL};
}

/* FNV-1a: every process must find the same bucket, and nothing is lost when two zones share one. */
unsigned pages_bucket(const uint8_t *name_key, size_t length)
{
    uint64_t hash = 0xcbf29ce484222325U;

    for (size_t i = 0; i < length; i++)
        hash = (hash ^ name_key[i]) * 0x100000001b3U;
    return (unsigned)((hash ^ hash >> 32) % PAGES_BUCKETS);
}
