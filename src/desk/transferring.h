/*
 * transferring.h - a stream from inside: what transfer.c, whole.c and difference.c share.
 *
 * A stream is a script of phases. Each phase puts records (transfer_put) until it is through or
 * the message is full; what is put beyond that waits in the queue, which goes first in the next
 * message.
 */
#ifndef DESK_TRANSFERRING_H
#define DESK_TRANSFERRING_H

#include "avow/store/chain.h"
#include "avow/store/journal.h"
#include "avow/store/lookup.h"

#include "delta.h"
#include "packer.h"
#include "queue.h"
#include "transfer.h"

enum phase {
    PHASE_END,
    PHASE_SOA,     /* the SOA of the serial that is sent */
    PHASE_NODES,   /* the zone's names, from behind the apex */
    PHASE_CHAIN,   /* its NSEC3 records */
    PHASE_UNDO,    /* what was removed since, before the walk came to it */
    PHASE_OLD_SOA, /* the SOA that the peer has */
    PHASE_REMOVED, /* a condensed difference */
    PHASE_ADDED,
    PHASE_ENTRIES /* differences as they are in the journal */
};

enum {
    SOA_MAX_OCTETS = 2 * NAME_MAX_OCTETS + 20,
    SOA_NUMBERS_OCTETS = 20, /* serial, refresh, retry, expire, minimum: at the end */
    SOA_LEAST_OCTETS = 2 + SOA_NUMBERS_OCTETS,
    /* Memory of what is taken back, or condensed, for one stream. */
    TRANSFER_DELTA_OCTETS = 16 << 20
};

/* An SOA as it was when the stream began: a run of one RDATA. */
struct soa {
    uint32_t ttl;
    uint16_t octets; /* of the run */
    uint8_t run[2 + SOA_MAX_OCTETS];
};

/* How a phase, or a part of one, ended. */
enum flow {
    FLOW_ON,    /* go on */
    FLOW_END,   /* the phase is through */
    FLOW_LATER, /* not in this turn */
    FLOW_FAILED
};

struct transfer {
    struct snapshot *snapshot;
    struct metrics_stripe *metrics;
    uint64_t condensed;              /* see struct transfer_source */
    struct transfer_request request; /* question: in `question` */
    const enum phase *script;        /* the phase that is next or under way */
    struct packer packer;
    struct queue queue;
    struct delta delta;
    bool full;                /* the message at hand: what is put goes into the queue */
    bool renewed;             /* the snapshot is in use, and what changed is in the delta */
    bool begun;               /* the first message is out */
    bool whole, different;    /* what it is that is sent: the zone, or differences */
    uint32_t version, serial; /* of the zone, and of what is sent */
    struct soa soa, old_soa;
    /* whole.c */
    uint32_t seen; /* the serial up to which the delta knows what changed */
    bool in_chain; /* `hash` is where the walk of the chain stands */
    uint8_t hash[NODE_HASH_OCTETS];
    struct name name;    /* where the walk of the names stands */
    uint16_t key_octets; /* its key */
    uint8_t key[NAME_KEY_MAX_OCTETS];
    size_t at; /* in the delta */
    /* difference.c */
    uint32_t from;  /* the serial that the entry leads from */
    uint16_t piece; /* of the entry, next */
    size_t question_octets;
    uint8_t question[NAME_MAX_OCTETS + 4];
};

/* ---- transfer.c */

/* Put the records before which `run` stands, of the packer's owner: into the message, or the queue
 * once that is full. */
void transfer_put(struct transfer *transfer, uint16_t type, uint32_t ttl, struct reader *run);

/* Make sure of a snapshot. */
MUST_CHECK enum flow transfer_renew(struct transfer *transfer);

/* A record of the store is damaged. */
enum flow transfer_damaged(struct transfer *transfer);

/* Put what is in the delta of one kind. */
enum flow transfer_put_delta(struct transfer *transfer, enum journal_act act);

/* Whether a row allows the zone to be sent. */
enum transfer_begun transfer_zone_state(const struct zone *zone);

/* ---- whole.c */

/* Send the whole zone: SOA and apex go into the queue now, from the snapshot in use. */
MUST_CHECK enum flow whole_begin(struct transfer *transfer, const struct node_view *apex);
/* Have a snapshot, renewed once per message, and know what has changed up to it. */
MUST_CHECK enum flow whole_catch_up(struct transfer *transfer);

enum flow whole_nodes(struct transfer *transfer);
enum flow whole_chain(struct transfer *transfer);

/* About how many octets the whole zone takes. */
uint64_t whole_octets(const struct zone *zone);

/* ---- difference.c */

enum difference {
    DIFFERENCE_THERE, /* transfer->script is set */
    DIFFERENCE_CURRENT /* the peer has what is served */,
    DIFFERENCE_NONE, /* the journal does not lead there, or the zone is smaller */
    DIFFERENCE_DAMAGED,
    DIFFERENCE_NO_MEMORY
};

MUST_CHECK enum difference difference_begin(struct transfer *transfer, const struct zone *zone);
enum flow difference_entries(struct transfer *transfer);

#endif
