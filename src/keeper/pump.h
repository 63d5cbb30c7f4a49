/*
 * pump.h - sending what is to be signed in the background: shared by the walk and by what is due.
 */
#ifndef KEEPER_PUMP_H
#define KEEPER_PUMP_H

#include "internal.h"

#include "avow/store/chain.h"
#include "avow/store/node.h"

/* A turn of sending. Zeroed but for `keeper`. */
struct pump {
    struct keeper *keeper;
    struct keeper_zone *zone;
    struct sign_batch batch;
    uint8_t *octets;     /* of the batch; owned */
    uint32_t expiration; /* of what is sent now */
    uint64_t segment;    /* likewise */
    bool pressing;       /* likewise: it has not long to run */
    bool blocked;        /* the zone at hand cannot go on */
    bool stuck;          /* the signer takes no letters: nobody can */
    unsigned budget;     /* records still to be looked at in this turn */
    unsigned letters;    /* sent in this turn */
};

/* Begin, with `budget` records; false when nothing can be sent now. */
MUST_CHECK bool pump_open(struct pump *pump, struct keeper *keeper, unsigned budget);
void pump_close(struct pump *pump);

/* Whether there is room for more. */
bool pump_may_send(const struct pump *pump);

/* Begin a segment: what is sent now runs out together; spread over the jitter by these octets. */
void pump_begin_segment(struct pump *pump, const uint8_t *octets, size_t length);

/* Send what needs to be signed at a node, or of the chain. */
void pump_node(struct pump *pump, const struct node_view *node, const struct name *owner);
void pump_nsec3(struct pump *pump, const struct chain_nsec3 *nsec3);

/* Send what was collected. */
void pump_flush(struct pump *pump);

#endif
