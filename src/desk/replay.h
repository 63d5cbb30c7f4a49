/*
 * replay.h - updates are carried out once, however often their message comes.
 *
 * A message with a good TSIG is good again when it is sent a second time, by its client who heard
 * no answer or by somebody who has listened, until its time is out of its fudge (RFC 8945 section
 * 10 leaves this to the server). So every message that was handed on is remembered for that long,
 * by its key and the beginning of its MAC. What must be forgotten sooner for want of room raises
 * the floor of its key: nothing that is older is accepted any more. What the desk that ran before
 * has seen is not known: nothing from before our start is accepted. A clock that is set back makes
 * messages good again that were forgotten because they were out of time: until it has caught up,
 * nothing is accepted that is as old as one of these. For that nobody is kept out for longer than
 * REPLAY_PATIENCE, though: after a wrong clock is put right, by days perhaps, time is only known to
 * have been right from then on, as after a start. (A message that was signed by a clock as wrong as
 * ours was can then be repeated once, when the time comes that it bears.)
 *
 * Pure but for malloc: the time is handed in, seconds since 1970.
 */
#ifndef AVOW_SRC_DESK_REPLAY_H
#define AVOW_SRC_DESK_REPLAY_H

#include <stdbool.h>

#include "avow/base/hash.h"
#include "avow/tsig/tsig.h"

enum {
    REPLAY_LIMIT = 262144,            /* messages that are remembered */
    REPLAY_PATIENCE = 2 * TSIG_FUDGE, /* seconds */
    /* The shortest MAC that is accepted: a longer one could be cut, and is the same message. */
    REPLAY_MAC_OCTETS = 10
};

/* What tells a message from all others. */
struct replay_mark {
    struct name key; /* lower-case */
    uint8_t mac[REPLAY_MAC_OCTETS];
    uint64_t signed_at;
    uint16_t fudge;
};

struct replay_entry;
struct replay_floor;

/* A zeroed one is closed. */
struct replay {
    struct replay_entry *entries; /* a ring, the oldest first */
    uint32_t *buckets;            /* places in it + 1, as many as there are entries */
    uint32_t capacity;            /* a power of two; grows up to the limit */
    uint32_t limit;
    uint32_t first;
    uint32_t count;
    uint64_t start;
    uint64_t latest;    /* the latest time at which something was added */
    uint64_t forgotten; /* the latest signing time of what was out of time, and forgotten */
    struct hash_key hash;
    struct replay_floor *floors; /* one per key that has one */
    size_t floor_count;
};

enum replay_verdict {
    REPLAY_NEW,
    REPLAY_UNDER_WAY, /* it is being carried out: see found->update */
    REPLAY_DONE,      /* it was answered with found->rcode */
    REPLAY_TOO_OLD    /* it may have been here: BADTIME */
};

struct replay_found {
    uint64_t update;
    uint16_t rcode;
};

/* `limit`: a power of two, REPLAY_LIMIT but for tests; `start`: when the desk began to watch.
 * RESULT_SYSTEM without memory or random octets. */
MUST_CHECK enum result replay_open(struct replay *replay, uint32_t limit, uint64_t start);
void replay_close(struct replay *replay);

/* The mark of a request that tsig_check found good, before anything was signed in its session. */
void replay_mark(const struct tsig_session *session, struct replay_mark *mark);

/* Whether it was here before. */
enum replay_verdict replay_look(const struct replay *replay, const struct replay_mark *mark,
                                uint64_t now, struct replay_found *found);

/* Remember one that is new, under way as `update`. RESULT_SYSTEM without memory: it must not be
 * carried out. */
MUST_CHECK enum result replay_add(struct replay *replay, const struct replay_mark *mark,
                                  uint64_t update, uint64_t now);

/* What was added last was not carried out after all. */
void replay_forget(struct replay *replay, const struct replay_mark *mark);

/* The wall clock was set back, to `now`. What is remembered stays so. */
void replay_clock_back(struct replay *replay, uint64_t now);

/* It was answered. */
void replay_finish(struct replay *replay, const struct replay_mark *mark, uint16_t rcode);

#endif
