/*
 * flush_loop.c - what a durable write costs by itself: some pages of a file, and a flush.
 *
 *   flush_loop -f FILE [-g PAGES] [-w WRITES] [-m] [-s SECONDS]
 *
 * Each turn writes PAGES (8) pages of 4096 octets, in WRITES (all) pieces at places of their own,
 * of a file of 64 MiB that is there already, and flushes it with fdatasync. With -m it also
 * writes one page more through a descriptor with O_DSYNC, as LMDB ends a commit. The file is made
 * and removed. Prints one line of JSON.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "avow/base/clock.h"

enum { PAGE = 4096, FILE_PAGES = 16384, MOST_PAGES = 1024, META_OCTETS = 128 };

struct options {
    const char *file;
    unsigned pages, writes;
    double seconds;
    bool meta;
};

static void stop(const char *what)
{
    fprintf(stderr, "flush_loop: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void put(int descriptor, const uint8_t *octets, size_t length, off_t at)
{
    if (pwrite(descriptor, octets, length, at) != (ssize_t)length)
        stop("pwrite");
}

static int make_file(const char *path, const uint8_t *octets)
{
    int descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (descriptor < 0)
        stop(path);
    for (unsigned i = 0; i < FILE_PAGES; i += MOST_PAGES)
        put(descriptor, octets, (size_t)MOST_PAGES * PAGE, (off_t)i * PAGE);
    if (fsync(descriptor))
        stop("fsync");
    return descriptor;
}

static void turn(const struct options *options, int descriptor, const uint8_t *octets,
                 uint64_t *random)
{
    unsigned left = options->pages;

    for (unsigned i = options->writes; i > 0; i--) {
        unsigned part = left / i;
        *random = *random * 6364136223846793005u + 1442695040888963407u;
        unsigned place = (unsigned)(*random >> 33) % (FILE_PAGES - MOST_PAGES);
        put(descriptor, octets, (size_t)part * PAGE, (off_t)place * PAGE);
        left -= part;
    }
    if (fdatasync(descriptor))
        stop("fdatasync");
}

static void run(const struct options *options, uint8_t *octets)
{
    int descriptor = make_file(options->file, octets);
    int meta = open(options->file, O_WRONLY | O_DSYNC | O_CLOEXEC);
    uint64_t begun = clock_monotonic_ns(), time = begun, random = begun, count = 0;

    if (meta < 0)
        stop(options->file);
    while ((double)(time - begun) / 1e9 < options->seconds) {
        octets[count % PAGE]++;
        turn(options, descriptor, octets, &random);
        if (options->meta)
            put(meta, octets, META_OCTETS, 0);
        count++;
        time = clock_monotonic_ns();
    }
    if (unlink(options->file))
        stop("unlink");
    printf("{\"flushes\": %llu, \"seconds\": %.3f, \"flushes_per_second\": %.1f}\n",
           (unsigned long long)count, (double)(time - begun) / 1e9,
           (double)count / ((double)(time - begun) / 1e9));
}

int main(int count, char **arguments)
{
    struct options options = {.pages = 8, .seconds = 2};
    uint8_t *octets = malloc((size_t)MOST_PAGES * PAGE);
    int letter;

    while ((letter = getopt(count, arguments, "f:g:w:ms:")) != -1) {
        if (letter == 'f')
            options.file = optarg;
        else if (letter == 'g')
            options.pages = (unsigned)atoi(optarg);
        else if (letter == 'w')
            options.writes = (unsigned)atoi(optarg);
        else if (letter == 's')
            options.seconds = atof(optarg);
        else if (letter == 'm')
            options.meta = true;
        else
            return 2;
    }
    if (options.writes == 0)
        options.writes = options.pages;
    if (!octets || !options.file || options.pages == 0 || options.pages > MOST_PAGES ||
        options.writes > options.pages) {
        fprintf(stderr, "usage: flush_loop -f FILE [-g PAGES] [-w WRITES] [-m] [-s SECONDS]\n");
        return 2;
    }
    memset(octets, 1, (size_t)MOST_PAGES * PAGE);
    run(&options, octets);
    free(octets);
    return 0;
}
