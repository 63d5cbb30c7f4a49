/*
 * notify.h - NOTIFY to secondaries (RFC 1996): whom to tell, when, how often, and what they said.
 *
 * Pure: sockets, timers and clocks are the caller's (notify_socket.h), who sets `now` and `now_ms`
 * before each call.
 *
 * One message at most is under way for a zone and a peer. What is quiet is told at once; a zone
 * that changes all the time is told NOTIFY_REST_MS apart, and the last message always leaves after
 * the last change. What is not answered is sent again after 2, 4, 8, 16 and 32 s, with another id
 * and signed anew; for the newest serial by then, so that changes do not hurry what waits for a
 * peer that is silent. 32 s after the last it is given up until the zone changes again. A secondary
 * finds out by the SOA's refresh time in any case.
 *
 * All peers together get NOTIFY_PER_SECOND messages, peer by peer in turn, after a burst of
 * NOTIFY_BURST. To one peer NOTIFY_WINDOW messages may be unanswered, whatever the number of zones;
 * the others wait in the order in which their zones changed, and cost no more than that.
 */
#ifndef AVOW_SRC_DESK_NOTIFY_H
#define AVOW_SRC_DESK_NOTIFY_H

#include <sys/queue.h>

#include "avow/base/log.h"
#include "avow/config/config.h"
#include "avow/ipc/message.h"
#include "avow/room/metrics.h"
#include "notify_message.h"

enum {
    NOTIFY_TRIES = 6,
    NOTIFY_REST_MS = 1000,
    NOTIFY_PER_SECOND = 200,
    NOTIFY_BURST = 100,
    NOTIFY_WINDOW = 256,
    NOTIFY_EARLY = 256 /* zones heard of before the configuration that has them */
};

enum notify_delivery { NOTIFY_SENT, NOTIFY_LATER, NOTIFY_UNSENT };

struct notify_outlets {
    /* Send a datagram. NOTIFY_LATER: the socket is full. NOTIFY_UNSENT: it cannot be sent now,
     * `why` is written, a constant: that counts as a try. */
    enum notify_delivery (*send)(void *context, const struct config_address *to, struct span octets,
                                 const char **why);
    /* A letter to the keeper: SECONDARY. False: not now, and the fact is lost. */
    bool (*letter)(void *context, const struct message *message);
};

struct notify_early {
    struct name zone;
    uint32_t serial;
};

struct notify_table; /* notify_table.h */

/* Zeroed, with outlets and context: nobody is told. */
struct notify {
    const struct notify_outlets *outlets;
    void *context;
    struct metrics_stripe *metrics;
    uint64_t now;    /* seconds since 1970 */
    uint64_t now_ms; /* monotonic */

    const struct tsig_keyring *keyring;
    struct notify_table *table;
    uint64_t credit; /* messages that may leave now, in thousandths */
    uint64_t credit_ms;
    uint64_t blocked_ms; /* the socket was full: not before then */
    struct notify_early early[NOTIFY_EARLY];
    unsigned early_count; /* ever; the newest NOTIFY_EARLY are kept */

    struct log_budget silent_lines;
    struct log_budget refusal_lines;
};

/*
 * Take another configuration, in two steps, so that nothing is changed if anything fails:
 * notify_plan reads it, and notify_adopt, which cannot fail, or notify_discard ends the plan.
 *
 * The plan points into the configuration: that of the plan in use must live, and the one before
 * until notify_adopt returns. The keyring must live until the next one is adopted.
 *
 * What waits or is under way goes on where zone, address and key's name are still the same. A peer
 * that is new, or whose key is another one, is told of the zones that are known already.
 */
MUST_CHECK enum result notify_plan(const struct config *config, struct notify_table **plan);
void notify_adopt(struct notify *notify, struct notify_table *plan,
                  const struct tsig_keyring *keyring);
void notify_discard(struct notify_table *plan);

/* Forget everything; also what a zeroed one has. */
void notify_close(struct notify *notify);

/* A zone has this serial, and its secondaries can have it. Also when it is the same as before: they
 * are told again. */
void notify_changed(struct notify *notify, const struct name *zone, uint32_t serial);

/* A datagram came to the socket. */
void notify_received(struct notify *notify, const struct config_address *from,
                     const uint8_t *octets, size_t length);

/* Do what is due: after each of the others, and at the time that this returned: milliseconds of
 * `now_ms`, UINT64_MAX when there is nothing to do. */
uint64_t notify_tick(struct notify *notify);

#endif
