/*
 * restraint.h - what the rate limit says of a worker's datagrams, one after the other.
 *
 * For each datagram: restraint_meet before it is read, restraint_before once it is, restraint_after
 * once its answer is made. Each of them may say that it is not to be answered, the earlier the
 * cheaper: whoever is far over the limit is turned away by its address alone.
 *
 * The accounts are those of all workers (limiter.h); all else here is the worker's own.
 */
#ifndef AVOW_SRC_FRONT_RESTRAINT_H
#define AVOW_SRC_FRONT_RESTRAINT_H

#include <stdbool.h>
#include <stdint.h>

#include "avow/answer/answer.h"
#include "avow/base/log.h"
#include "avow/ipc/message.h"
#include "avow/room/metrics.h"
#include "avow/store/zones.h"
#include "limiter.h"
#include "limits.h"
#include "origin.h"

enum restraint_verdict {
    RESTRAINT_SEND, /* go on: nothing is wrong, or it is let through */
    RESTRAINT_SLIP, /* an answer with TC and no records, so that a real client comes by TCP */
    RESTRAINT_DROP
};

struct restraint {
    struct limiter *limiter; /* NULL in tests without one: then there are no limits either */
    struct limits *limits; /* held; NULL: off, and nothing below may be called but the first two */
    struct metrics_stripe *metrics;
    uint64_t chance; /* state of a generator */
    uint64_t now_ms;
    struct log_budget lines;
    const _Atomic uint64_t *told_line; /* the account that a line told of last, with the next two */
    uint64_t told_tag, told_ms;
    /* Of the datagram at hand: */
    struct limiter_visit visit;
    size_t length; /* 0: what answers it cannot be shortened */
    size_t growth; /* octets that a shortened answer has more than that */
    bool judged;   /* over the limit; what is to become of it was said */
    enum restraint_verdict verdict;
};

/* Take other limits from now on; one more holder of them. */
void restraint_configure(struct restraint *restraint, struct limits *limits);

/* Let go of the limits; takes any state. */
void restraint_close(struct restraint *restraint);

/* A batch begins. `now_ms` of clock_monotonic_ms. */
static inline void restraint_begin(struct restraint *restraint, uint64_t now_ms)
{
    restraint->now_ms = now_ms;
}

/* A datagram that was not read yet. Never SLIP, for which it has to be read. */
enum restraint_verdict restraint_meet(struct restraint *restraint, const struct request *request);

/*
 * The same, read.
 *
 * known_client  It has shown that the address is its own, by a cookie: it has an account that
 *               nobody else can use up.
 * growth        Octets by which an answer without records is larger than the query. It is SLIP so
 *               much more seldom: on average no more octets go out than came in.
 */
enum restraint_verdict restraint_before(struct restraint *restraint, const struct query *query,
                                        const struct zone_table *zones, bool known_client,
                                        size_t growth);

/* The same, answered, or found to need signatures. SEND: it has been charged. `turned`: these are
 * not asked for; its client is to show its address first. */
enum restraint_verdict restraint_after(struct restraint *restraint, const struct outcome *outcome,
                                       bool turned);

/* An answer goes out later than its turn, whatever the limit says: its waiting was charged when it
 * began, and now the answer itself is. */
void restraint_late(struct restraint *restraint, const union address *client,
                    const struct query *query, const struct zone_table *zones, bool known_client,
                    const struct outcome *outcome);

/* The desk has answered a datagram whose client has not shown a key. Never SLIP: what the desk says
 * is sent as it is, or not. */
enum restraint_verdict restraint_foreign(struct restraint *restraint, const union address *client,
                                         const struct zone_table *zones, struct span answer);

#endif
