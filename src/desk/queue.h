/*
 * queue.h - records that did not fit into the message at hand and go into the next ones.
 *
 * What is sent from the store must be there when it is sent: the store is let go of between two
 * messages. So a name's records that are left over are copied. Never more than one name's, or one
 * piece's of the journal.
 */
#ifndef DESK_QUEUE_H
#define DESK_QUEUE_H

#include "avow/base/buffer.h"

#include "packer.h"

/* A zeroed queue is an empty one. */
struct queue {
    struct buffer rows; /* owner, type, TTL, length, run of RDATA */
    size_t at;          /* the row that is next ... */
    size_t sent;        /* ... and what of its run has been sent */
};

/* Append the records before which `run` stands. A failure stays in the queue: see queue_pack. */
void queue_add(struct queue *queue, const struct name *owner, uint16_t type, uint32_t ttl,
               const struct reader *run);

static inline bool queue_is_empty(const struct queue *queue)
{
    return queue->rows.length == 0 && !queue->rows.failed;
}

/* Pack from the front; `*full` becomes true when not all of it fits. Empties itself at the end.
 * RESULT_SYSTEM when something could not be appended. */
MUST_CHECK enum result queue_pack(struct queue *queue, struct packer *packer, bool *full);

/* Takes any state. */
void queue_free(struct queue *queue);

#endif
