/*
 * hang.h - what is done about calls that do not end.
 *
 * A thread inside a PKCS#11 module cannot be got out of it: only the end of the process ends its
 * call. That is how it is done at once when no other keystore works. When one does, the process
 * goes on, and what the keeper asks of the hanging token is answered with its failure, so that it
 * asks again later. The call may yet come back. If it does not, the process is given up all the
 * same after a while, since some modules hang for good when once their connection broke; a while
 * that doubles with each time, over the processes, so that a token that stays away does not cost
 * those that work a new start again and again.
 */
#ifndef SIGNER_HANG_H
#define SIGNER_HANG_H

#include "post.h"

/* Seconds; and for how long nothing must hang for the first to count again. */
enum { HANG_FIRST_PATIENCE = 30, HANG_LONGEST_PATIENCE = 3600, HANG_CALM_MS = 600000 };

struct hangs {
    struct post *posts;
    size_t count;
    struct metrics_stripe *stripe; /* the caller's; its notes outlive the process */
    /* The post can sign nothing, or it can again: post->stalled. */
    void (*stalled)(void *context, struct post *post);
    /* The letter's jobs are not done for now, and why not. */
    void (*excuse)(void *context, const struct letter *letter, const char *why);
    void *context;

    uint64_t since_ms; /* when something began to hang while others work; 0: nothing does */
    uint64_t calm_ms;  /* when something hung last, or the start */
};

/* Look at all posts, now and then, from the main thread. True: the process is to be given up; it
 * has been logged why. */
bool hangs_end(struct hangs *hangs, uint64_t now_ns);

/* How long a token that hangs is waited for, after an earlier wait of `before`; seconds, 0: none.
 */
uint64_t hang_next_patience(uint64_t before);

#endif
