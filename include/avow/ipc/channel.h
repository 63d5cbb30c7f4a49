/*
 * channel.h - frames on a SOCK_SEQPACKET socket pair: descriptors, bounded queues.
 *
 * Two ways to use an end of a pair. A struct channel belongs to one libev loop and its thread. The
 * letter_ functions work on the bare descriptor, from any number of threads at once: one send is
 * one whole frame, and one receive takes one whole frame. For receiving use one way or the other.
 *
 * Floor: ipc.
 */
#ifndef AVOW_IPC_CHANNEL_H
#define AVOW_IPC_CHANNEL_H

#include <ev.h>

#include "avow/ipc/message.h"

/* ---- bare descriptors ----------------------------------------------------------------------- */

/* A connected pair, close-on-exec, send buffers raised as far as the system lets us. */
MUST_CHECK enum result channel_pair(int ends[2]);

/* Raise the send buffer of a socket that came from elsewhere (accept, connect). */
void channel_prepare(int descriptor);

enum letter_wait { LETTER_NOW, LETTER_WAIT };

enum letter_outcome {
    LETTER_DONE,
    LETTER_BUSY,   /* LETTER_NOW: it would have had to wait */
    LETTER_CLOSED, /* the other end is gone, or the socket failed */
    LETTER_BAD     /* receive: a frame too long to be one; send: a message too long */
};

/*
 * Send one message.
 *
 * frame   Room to write it in: the calling thread's own.
 * wait    LETTER_WAIT: sleep until there is room in the socket.
 */
MUST_CHECK enum letter_outcome letter_send(int descriptor, const struct message *message,
                                           struct frame *frame, enum letter_wait wait);

/*
 * Receive one frame. With LETTER_WAIT each frame wakes one of the threads that wait.
 *
 * frame   Written; descriptors that came along are its own: message_take them or frame_close.
 */
MUST_CHECK enum letter_outcome letter_receive(int descriptor, struct frame *frame,
                                              enum letter_wait wait);

/* ---- an end in a loop ----------------------------------------------------------------------- */

struct channel;

/* How much may wait to be sent before the sender is told FULL. */
struct channel_bounds {
    uint32_t messages;    /* 0: 4096 */
    size_t octets;        /* 0: 8 MiB */
    uint32_t descriptors; /* 0: no bound of their own */
};

struct channel_events {
    /* A frame came. Normally dispatch_frame (dispatch.h). Descriptors that are not taken are closed
     * behind it. It may close or free the channel. */
    void (*frame)(void *context, struct channel *channel, struct frame *frame);
    /* The other end is gone; nothing more comes. Normally channel_free. May be NULL. */
    void (*closed)(void *context, struct channel *channel);
    /* The queue, having been FULL once, is less than half full again. May be NULL. */
    void (*drained)(void *context, struct channel *channel);
    /* A frame came that is none: too long, or with a descriptor for which we had no place (we have
     * opened all that we may). Nothing is left of it. May be NULL. */
    void (*lost)(void *context, struct channel *channel);
};

/*
 * Watch a descriptor, which the channel takes over.
 *
 * loop     Whose thread alone may use the channel from now on. Kept.
 * events   Kept by reference, as is context.
 *
 * Returns NULL without memory; the descriptor is then closed.
 */
struct channel *channel_open(struct ev_loop *loop, int descriptor,
                             const struct channel_events *events, void *context,
                             struct channel_bounds bounds);

/* Stop, close the descriptor, drop what is queued. NULL is fine; allowed inside an event. */
void channel_free(struct channel *channel);

/*
 * Send, or queue while the socket is full, in order.
 *
 * A descriptor in the message is duplicated when it has to wait, so the caller may close its own.
 *
 * Returns RESULT_OK; RESULT_FULL when the queue is at its bound, or the message is too long: it was
 * not sent and the caller decides what that means; RESULT_SYSTEM when the other end is gone.
 */
MUST_CHECK enum result channel_send(struct channel *channel, const struct message *message);

/* Stop or begin again to receive: back-pressure on the other end. Receiving when opened. */
void channel_pause(struct channel *channel);
void channel_resume(struct channel *channel);

/* Handle what has arrived already, up to a number of frames: the last words of a peer that has
 * died. May end the channel, as any event may. */
void channel_receive(struct channel *channel);

/* Octets and messages that wait to be sent. */
size_t channel_queued_octets(const struct channel *channel);
uint32_t channel_queued_messages(const struct channel *channel);

/* The descriptor, for SO_PEERCRED and the like; it stays the channel's. */
int channel_descriptor(const struct channel *channel);

struct ev_loop *channel_loop(const struct channel *channel);

#endif
