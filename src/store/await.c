/* await.c - opening a store that the keeper may still be making. */
#include <time.h>

#include "avow/base/clock.h"
#include "avow/base/log.h"
#include "avow/store/store.h"

enum {
    PAUSE_MS = 5,       /* between two tries */
    SAID_MS = 2000,     /* after so long it is said that we wait */
    PATIENCE_MS = 30000 /* after so long we give up, and are started anew */
};

/* A format of another version does not become ours by waiting. */
static bool may_come(enum result result)
{
    return result != RESULT_OK && result != RESULT_REFUSED;
}

/* At the very first start the keeper is making the store, and a keeper that is being restarted has
 * not published it yet. */
enum result store_await(struct store *store, const struct store_options *options)
{
    const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
    uint64_t start_ms = clock_monotonic_ms();
    bool said = false;
    enum result result;

    while (may_come(result = store_open(store, options))) {
        uint64_t passed = clock_monotonic_ms() - start_ms;
        if (passed >= PATIENCE_MS)
            return result;
        if (passed >= SAID_MS && !said) {
            log_info("waiting for the store: %s", store->problem);
            said = true;
        }
        (void)nanosleep(&pause, NULL);
    }
    return result;
}
