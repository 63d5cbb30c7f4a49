/* acts.h - what somebody who has taken over a room may try, and what he finds there. */
#ifndef HOSTILE_ACTS_H
#define HOSTILE_ACTS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "avow/ipc/messages.h"

/* Rooms as bits. */
enum { NOBODY = 0, FRONT = 1 << ROOM_FRONT, DESK = 1 << ROOM_DESK, VEIL = 1 << ROOM_VEIL };

/* What the attacker finds open, and what lies about. Made before each act. */
struct spoils {
    char folder[64];
    char store[96]; /* a file that may be read, not written */
    char key[96];   /* files that may not even be read */
    char pin[96];
    char lock[96];
    char token[96];
    int store_fd; /* open for reading */
    int folder_fd;
    int tcp; /* a socket that somebody left open */
    int udp;
    int channel;                 /* to another room */
    int far_end;                 /* of that channel */
    struct sockaddr_in listener; /* where a connection would be accepted */
    int listener_fd;
    pid_t victim; /* a child of the same user, waiting */
    volatile long *victim_memory;
};

typedef int act(struct spoils *spoils); /* 0: it worked; -1: it did not */

struct attempt {
    const char *what;
    act *act;
    bool may_fail;      /* unconfined: not every kernel or container lets us */
    unsigned needed_by; /* these rooms do it for a living */
};

extern const struct attempt attempts[];
extern const size_t attempt_count;

struct need {
    const char *what;
    act *act;
    unsigned rooms; /* whose need it is */
};

extern const struct need needs[];
extern const size_t need_count;

/* A number in memory that every process here has at the same address. */
extern volatile long hostile_secret;

#endif
