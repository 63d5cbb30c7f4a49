/* arrivals.c - the veil's letters: each a connection that came by TLS. */
#include "arrivals.h"

#include <unistd.h>

#include "avow/ipc/identity.h"
#include "worker.h"

static void refuse(struct arrivals *arrivals, int descriptor)
{
    metric_add(arrivals->worker->metrics, METRIC_LETTERS_REFUSED, 1);
    if (descriptor >= 0)
        close(descriptor);
}

static void on_arrival(void *context, const struct message *message, struct frame *frame)
{
    struct arrivals *arrivals = context;
    const struct message_arrival *told = &message->arrival;
    struct tcp_arrival arrival = {.identity = told->identity};

    arrival.descriptor = message_take(frame, told->descriptor);
    if (arrival.descriptor < 0 || told->identity.length == 0 ||
        told->identity.length > IDENTITY_MOST_OCTETS ||
        !address_take(told->client, &arrival.client) || !address_take(told->local, &arrival.local))
        refuse(arrivals, arrival.descriptor);
    else
        tcp_arrive(&arrivals->worker->tcp, &arrival);
}

static const struct dispatch_table from_veil = {
    .link = LINK_ARRIVALS, .self = LINK_UPPER, .handlers = {[MESSAGE_ARRIVAL] = on_arrival}};

static void on_frame(void *context, struct channel *channel, struct frame *frame)
{
    struct arrivals *arrivals = context;
    (void)channel;

    metric_add(arrivals->worker->metrics, METRIC_LETTERS, 1);
    if (dispatch_frame(&from_veil, &arrivals->dispatch, frame, arrivals) != DISPATCH_HANDLED)
        metric_add(arrivals->worker->metrics, METRIC_LETTERS_REFUSED, 1);
}

static void on_closed(void *context, struct channel *channel)
{
    (void)channel;
    arrivals_close(context);
}

static const struct channel_events events = {.frame = on_frame, .closed = on_closed};

void arrivals_connect(struct arrivals *arrivals, int descriptor)
{
    const struct channel_bounds bounds = {.octets = 0};

    arrivals_close(arrivals);
    arrivals->dispatch = (struct dispatch_state){.peer = "the veil"};
    arrivals->channel = channel_open(arrivals->worker->loop, descriptor, &events, arrivals, bounds);
    if (!arrivals->channel)
        log_error("out of memory: the veil is not heard");
}

void arrivals_close(struct arrivals *arrivals)
{
    channel_free(arrivals->channel);
    arrivals->channel = NULL;
}
