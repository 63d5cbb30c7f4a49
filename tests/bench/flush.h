/*
 * flush.h - a durable write by itself: some pages of a file that is there already, and a flush.
 */
#ifndef TESTS_BENCH_FLUSH_H
#define TESTS_BENCH_FLUSH_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FLUSH_PAGE = 4096, FLUSH_FILE_PAGES = 16384, FLUSH_MOST_PAGES = 1024 };

struct flusher {
    const char *path;
    unsigned pages, writes; /* of a turn; so many pieces at places of their own */
    int descriptor;
    uint64_t random;
    uint8_t *octets;
};

static inline void flush_stop(const char *what)
{
    fprintf(stderr, "flush: %s: %s\n", what, strerror(errno));
    exit(1);
}

static inline void flush_put(int descriptor, const uint8_t *octets, size_t length, off_t at)
{
    if (pwrite(descriptor, octets, length, at) != (ssize_t)length)
        flush_stop("pwrite");
}

/* Make the file, 64 MiB; the caller has set path, pages and writes. */
static inline void flush_open(struct flusher *flusher)
{
    flusher->octets = malloc((size_t)FLUSH_MOST_PAGES * FLUSH_PAGE);
    flusher->descriptor = open(flusher->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    flusher->random = (uint64_t)getpid();
    if (!flusher->octets || flusher->descriptor < 0)
        flush_stop(flusher->path);
    memset(flusher->octets, 1, (size_t)FLUSH_MOST_PAGES * FLUSH_PAGE);
    for (unsigned i = 0; i < FLUSH_FILE_PAGES; i += FLUSH_MOST_PAGES)
        flush_put(flusher->descriptor, flusher->octets, (size_t)FLUSH_MOST_PAGES * FLUSH_PAGE,
                  (off_t)i * FLUSH_PAGE);
    if (fsync(flusher->descriptor))
        flush_stop("fsync");
}

static inline void flush_turn(struct flusher *flusher)
{
    unsigned left = flusher->pages;

    flusher->octets[flusher->random % FLUSH_PAGE]++;
    for (unsigned i = flusher->writes; i > 0; i--) {
        unsigned part = left / i;
        flusher->random = flusher->random * 6364136223846793005U + 1442695040888963407U;
        unsigned place = (unsigned)(flusher->random >> 33) % (FLUSH_FILE_PAGES - FLUSH_MOST_PAGES);
        flush_put(flusher->descriptor, flusher->octets, (size_t)part * FLUSH_PAGE,
                  (off_t)place * FLUSH_PAGE);
        left -= part;
    }
    if (fdatasync(flusher->descriptor))
        flush_stop("fdatasync");
}

static inline void flush_close(struct flusher *flusher)
{
    if (unlink(flusher->path))
        flush_stop("unlink");
    close(flusher->descriptor);
    free(flusher->octets);
}

#endif
