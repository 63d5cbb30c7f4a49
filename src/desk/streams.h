/*
 * streams.h - transfers under way: who may have how many, and their messages one by one, signed.
 */
#ifndef AVOW_SRC_DESK_STREAMS_H
#define AVOW_SRC_DESK_STREAMS_H

#include "internal.h"
#include "transfer.h"

struct stream {
    TAILQ_ENTRY(stream) all;
    struct desk *desk;
    struct ticket ticket;
    struct name zone;
    struct transfer *transfer;
    uint32_t messages; /* that were made */
    uint64_t octets;
    uint64_t begun_ms;
    bool finished;
};

/*
 * The next message, signed.
 *
 * message  Empty, over MESSAGE_MAX_OCTETS and with that limit.
 *
 * With TRANSFER_FAILED before the first message, the client is owed an answer: stream_refuse.
 */
MUST_CHECK enum transfer_step stream_next(struct stream *stream, struct writer *message);

/* Answer SERVFAIL in the place of a stream that never began. */
void stream_refuse(struct stream *stream);

/* The end, whether it is finished or not. */
void stream_end(struct stream *stream);

#endif
