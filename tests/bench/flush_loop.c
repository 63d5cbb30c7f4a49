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
#include <stdbool.h>

#include "avow/base/clock.h"
#include "flush.h"

enum { META_OCTETS = 128 };

static void run(struct flusher *flusher, bool with_meta, double seconds)
{
    flush_open(flusher);
    int meta = open(flusher->path, O_WRONLY | O_DSYNC | O_CLOEXEC);
    uint64_t begun = clock_monotonic_ns(), time = begun, count = 0;

    if (meta < 0)
        flush_stop(flusher->path);
    while ((double)(time - begun) / 1e9 < seconds) {
        flush_turn(flusher);
        if (with_meta)
            flush_put(meta, flusher->octets, META_OCTETS, 0);
        count++;
        time = clock_monotonic_ns();
    }
    close(meta);
    flush_close(flusher);
    printf("{\"flushes\": %llu, \"seconds\": %.3f, \"flushes_per_second\": %.1f}\n",
           (unsigned long long)count, (double)(time - begun) / 1e9,
           (double)count / ((double)(time - begun) / 1e9));
}

int main(int count, char **arguments)
{
    struct flusher flusher = {.pages = 8};
    bool with_meta = false;
    double seconds = 2;
    int letter;

    while ((letter = getopt(count, arguments, "f:g:w:ms:")) != -1) {
        if (letter == 'f')
            flusher.path = optarg;
        else if (letter == 'g')
            flusher.pages = (unsigned)atoi(optarg);
        else if (letter == 'w')
            flusher.writes = (unsigned)atoi(optarg);
        else if (letter == 's')
            seconds = atof(optarg);
        else if (letter == 'm')
            with_meta = true;
        else
            return 2;
    }
    if (flusher.writes == 0)
        flusher.writes = flusher.pages;
    if (!flusher.path || flusher.pages == 0 || flusher.pages > FLUSH_MOST_PAGES ||
        flusher.writes > flusher.pages) {
        fprintf(stderr, "usage: flush_loop -f FILE [-g PAGES] [-w WRITES] [-m] [-s SECONDS]\n");
        return 2;
    }
    run(&flusher, with_meta, seconds);
    return 0;
}
