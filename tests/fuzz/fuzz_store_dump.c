/* fuzz_store_dump.c - a dump from anywhere, read into an empty store. */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "avow/change/dump.h"

static struct store store;
static char folder[] = "/tmp/avow-fuzz-dump-XXXXXX";

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    (void)status, (void)kind, (void)where;
    return remove(path);
}

static void close_all(void)
{
    store_close(&store);
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void open_empty(void)
{
    const struct store_options options = {.folder = folder,
                                          .access = STORE_WRITER,
                                          .make = change_make_store,
                                          .map_octets = 16 << 20};

    if (store_open(&store, &options))
        abort();
}

/* What a dump that was whole left behind. */
static void start_over(void)
{
    char data[sizeof folder + 16];

    store_close(&store);
    snprintf(data, sizeof data, "%s/data.mdb", folder);
    if (remove(data))
        abort();
    open_empty();
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length);
int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
    char problem[STORE_PROBLEM_OCTETS];

    if (!store.environment) {
        if (!mkdtemp(folder))
            abort();
        open_empty();
        atexit(close_all);
    }
    if (length == 0)
        return 0;
    FILE *in = fmemopen((void *)(uintptr_t)octets, length, "r");
    if (!in)
        abort();
    enum result result = dump_read(&store, in, problem);
    fclose(in);
    if (result == RESULT_OK)
        start_over();
    return 0;
}
