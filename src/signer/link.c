/* link.c - the way back to the keeper, for threads that answer by themselves. */
#include "link.h"

#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "avow/base/log.h"

struct link *link_make(int descriptor)
{
    struct link *link = malloc(sizeof *link);

    if (!link)
        return NULL;
    *link = (struct link){.descriptor = fcntl(descriptor, F_DUPFD_CLOEXEC, 0), .holders = 1};
    if (link->descriptor < 0) {
        free(link);
        return NULL;
    }
    return link;
}

struct link *link_hold(struct link *link)
{
    atomic_fetch_add_explicit(&link->holders, 1, memory_order_relaxed);
    return link;
}

void link_drop(struct link *link)
{
    if (!link || atomic_fetch_sub_explicit(&link->holders, 1, memory_order_acq_rel) != 1)
        return;
    close(link->descriptor);
    free(link);
}

/* The kernel is short of memory: that passes. */
static void wait_a_moment(void)
{
    struct timespec moment = {.tv_nsec = 1000000};
    (void)nanosleep(&moment, NULL);
}

void link_send(struct link *link, const struct message *message, struct frame *frame)
{
    while (!atomic_load_explicit(&link->closed, memory_order_relaxed)) {
        switch (letter_send(link->descriptor, message, frame, LETTER_WAIT)) {
        case LETTER_BUSY:
            wait_a_moment();
            continue;
        case LETTER_BAD:
            log_error("a %s for the keeper is too long to be sent", message_name(message->kind));
            return;
        case LETTER_CLOSED:
            atomic_store_explicit(&link->closed, true, memory_order_relaxed);
            return;
        case LETTER_DONE:
            return;
        }
    }
}
