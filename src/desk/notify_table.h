/*
 * notify_table.h - zones, peers and what is to be told to whom, as one configuration has them.
 *
 * A target is a zone and a peer to be told of it. Where it stands is its state, and by that it is
 * in one list, at whose head is always what comes first: waiting times are the same for all targets
 * with the same number of tries, so that no list is ever sorted or searched.
 */
#ifndef AVOW_SRC_DESK_NOTIFY_TABLE_H
#define AVOW_SRC_DESK_NOTIFY_TABLE_H

#include "notify.h"

enum notify_state {
    NOTIFY_IDLE,   /* in no list: told, given up, or never to be told until now */
    NOTIFY_HELD,   /* in no list: to be told, but it was a moment ago; see `resting` */
    NOTIFY_FRESH,  /* in its peer's list of what is to be told */
    NOTIFY_AGAIN,  /* in its peer's list of what is to be sent again; an answer may still come */
    NOTIFY_WAITING /* for an answer, in the table's list for its number of tries */
};

TAILQ_HEAD(notify_list, notify_target);

struct notify_peer {
    TAILQ_ENTRY(notify_peer) turn; /* in table->ready, when something can be sent to it */
    struct config_address address;
    struct notify_list fresh, again;
    struct notify_list flights; /* AGAIN and WAITING: what an answer may be to */
    uint32_t flight_count;
    bool ready;
    bool lacks_notify; /* said NOTIMP, and we said so */
};

TAILQ_HEAD(notify_turns, notify_peer);

struct notify_target {
    TAILQ_ENTRY(notify_target) place; /* in the list of its state */
    TAILQ_ENTRY(notify_target) flight;
    TAILQ_ENTRY(notify_target) rest; /* in table->resting */
    const struct config_notify *config;
    struct notify_zone *zone;
    struct notify_peer *peer;
    struct notify_target *heir; /* during notify_adopt: the same in the new table */
    uint64_t due_ms;            /* WAITING: until then */
    uint64_t sent_ms;           /* the last time */
    uint32_t told;              /* the serial that the last message stands for */
    uint8_t state;
    uint8_t tries;  /* since the first for this change */
    bool resting;   /* sent within NOTIFY_REST_MS */
    bool live;      /* `sent` left: an answer to it counts */
    bool inherited; /* from the table before */
    struct notify_sent sent;
    const char *reason; /* why there is no answer, if anything is known; a constant */
};

struct notify_zone {
    const struct name *name;
    struct notify_target *targets;
    size_t count;
    uint32_t serial;
    bool known; /* the keeper has said a serial */
};

struct notify_table {
    const struct config *config;
    struct notify_zone *zones; /* as config->zones, which are sorted */
    struct notify_target *targets;
    struct notify_peer *peers; /* sorted */
    size_t target_count, peer_count;
    size_t held; /* targets in that state */
    struct notify_list waiting[NOTIFY_TRIES];
    struct notify_list resting;
    struct notify_turns ready;
};

MUST_CHECK enum result notify_table_make(const struct config *config, struct notify_table **made);
void notify_table_free(struct notify_table *table);

struct notify_zone *notify_table_zone(const struct notify_table *table, const struct name *name);
struct notify_peer *notify_table_peer(const struct notify_table *table,
                                      const struct config_address *address);

/* Put a target into a state and its list, at the end. For WAITING its tries, which it may change in
 * no other way than while it is not, say which. */
void notify_target_put(struct notify_table *table, struct notify_target *target,
                       enum notify_state state);
void notify_target_rest(struct notify_table *table, struct notify_target *target);

/* Let the targets of `heir` that are also in `table` be where these are, in the same order. */
void notify_table_inherit(struct notify_table *heir, struct notify_table *table);

#endif
