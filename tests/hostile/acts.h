/* acts.h - what somebody who has taken over a room may try, and what he finds there. */
#ifndef HOSTILE_ACTS_H
#define HOSTILE_ACTS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "avow/ipc/messages.h"

/* What the attacker finds open, and what lies about. Made before each act. */
struct spoils {
    char folder[64];
    char store[96]; /* a file that may be read, not written */
    int store_fd;   /* open for reading */
    int folder_fd;
    int tcp; /* a socket that somebody left open */
    int udp;
    int channel;                 /* to another room */
    struct sockaddr_in listener; /* where a connection would be accepted */
    int listener_fd;
    pid_t victim; /* a child of the same user, waiting */
    volatile long *victim_memory;
};

typedef int act(struct spoils *spoils); /* 0: it worked; -1: it did not */

struct attempt {
    const char *what;
    act *act;
    bool may_fail; /* unconfined: not every kernel or container lets us */
};

extern const struct attempt attempts[];
extern const size_t attempt_count;

/* A room: what it needs, and the one attempt that is its business. */
struct need {
    const char *what;
    act *act;
};

struct inmate {
    enum room_kind room;
    const struct need *needs;
    size_t need_count;
    const char *allowed; /* NULL: none */
};

extern const struct inmate inmate;

/* What all of them need: run.c. */
act need_threads, need_accept, need_hand_over, need_loop, need_log, need_chance;

/* A number in memory that every process here has at the same address. */
extern volatile long hostile_secret;

#endif
