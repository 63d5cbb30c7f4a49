/*
 * dispatch.h - a frame to its handler, or refused: this peer may not send that.
 *
 * What is malformed, belongs to another link, should have gone the other way, or has no handler is
 * counted, logged at a limited rate and dropped. It is never a reason to exit: the peer may have
 * been taken over. Floor: ipc.
 */
#ifndef AVOW_IPC_DISPATCH_H
#define AVOW_IPC_DISPATCH_H

#include "avow/base/log.h"
#include "avow/ipc/message.h"

/*
 * Handle one message.
 *
 * message  Points into the frame: both end with the call.
 * frame    To message_take descriptors from; the others are closed behind the call.
 */
typedef void dispatch_handler(void *context, const struct message *message, struct frame *frame);

/* What one end of a link accepts: `{.link = LINK_WANTED, .self = LINK_UPPER,
 * .handlers = {[MESSAGE_WANT] = take_want}}`, const. */
struct dispatch_table {
    enum link_kind link;
    enum link_end self; /* this end; only messages of the other one are accepted */
    dispatch_handler *handlers[MESSAGE_KINDS];
};

/* One per peer and thread; zeroed at the start. */
struct dispatch_state {
    const char *peer; /* for the log; NULL: the link's name */
    uint64_t accepted;
    uint64_t refused;
    struct log_budget budget;
};

enum dispatch_verdict { DISPATCH_HANDLED, DISPATCH_MALFORMED, DISPATCH_REFUSED };

/* Read a frame, hand its message to the handler with `context`, close what nobody took. */
enum dispatch_verdict dispatch_frame(const struct dispatch_table *table,
                                     struct dispatch_state *state, struct frame *frame,
                                     void *context);

#endif
