/* dispatch.c - a frame to its handler, or refused: this peer may not send that. */
#include "avow/ipc/dispatch.h"

#include "avow/base/clock.h"

enum { REFUSALS_LOGGED_PER_MINUTE = 10 };

static void refuse(const struct dispatch_table *table, struct dispatch_state *state,
                   const char *message, const char *why)
{
    state->refused++;
    log_limited(&state->budget, REFUSALS_LOGGED_PER_MINUTE, clock_monotonic_ms(),
                "a message from %s was dropped: %s %s",
                state->peer ? state->peer : link_name(table->link), message, why);
}

enum dispatch_verdict dispatch_frame(const struct dispatch_table *table,
                                     struct dispatch_state *state, struct frame *frame,
                                     void *context)
{
    struct message message;
    enum dispatch_verdict verdict = DISPATCH_HANDLED;

    if (message_read(frame, &message)) {
        refuse(table, state, message_name(message.kind), "is malformed");
        verdict = DISPATCH_MALFORMED;
    } else if (message_link(message.kind) != table->link ||
               message_sender(message.kind) == table->self || !table->handlers[message.kind]) {
        refuse(table, state, message_name(message.kind), "may not come from there");
        verdict = DISPATCH_REFUSED;
    } else {
        state->accepted++;
        table->handlers[message.kind](context, &message, frame);
    }
    frame_close(frame);
    return verdict;
}
