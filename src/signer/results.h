/*
 * results.h - results of jobs on their way into letters.
 */
#ifndef SIGNER_RESULTS_H
#define SIGNER_RESULTS_H

#include "avow/ipc/messages.h"
#include "link.h"

/* One thread's; what waits in it is all for one link. */
struct results {
    struct writer writer;
    uint16_t count;
};

/* RESULT_SYSTEM without memory. */
MUST_CHECK enum result results_init(struct results *results);

/* Takes results in any state, also zeroed ones. */
void results_free(struct results *results);

/* Put one in; what is there is sent first when it does not fit beside it. */
void results_add(struct results *results, struct link *link, struct frame *frame,
                 const struct sign_result *result);

/* Send what is there; nothing: no letter. */
void results_send(struct results *results, struct link *link, struct frame *frame);

#endif
