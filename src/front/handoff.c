/* handoff.c - messages to the desk, unread, and its answers. */
#include "handoff.h"

#include <string.h>

#include "worker.h"

/* What waits for a desk that does not keep up; beyond this nothing more is handed over. */
static const struct channel_bounds bounds = {.messages = 1024, .octets = (size_t)2 * 1024 * 1024};

/* An address that came back from the desk. False: it is none. */
static bool take_address(struct span octets, union address *address)
{
    memset(address, 0, sizeof *address);
    if (octets.length < sizeof address->any.sa_family || octets.length > sizeof *address)
        return false;
    memcpy(address, octets.octets, octets.length);
    sa_family_t family = address->any.sa_family;
    return (family == AF_INET || family == AF_INET6) && octets.length == address_length(family);
}

static void reply_by_udp(struct worker *worker, const struct message_reply *reply)
{
    struct origin origin = {.transport = ANSWER_UDP, .socket = reply->socket};

    if (reply->message.length == 0)
        return;
    if (!take_address(reply->client, &origin.client) ||
        !take_address(reply->local, &origin.local)) {
        metric_add(worker->metrics, METRIC_LETTERS_REFUSED, 1);
        return;
    }
    udp_send(worker, &origin, reply->message.octets, reply->message.length);
}

static void reply_by_tcp(struct worker *worker, const struct message_reply *reply)
{
    size_t length = reply->message.length;

    if (length > TCP_MESSAGE_OCTETS) {
        metric_add(worker->metrics, METRIC_LETTERS_REFUSED, 1);
        length = 0;
    }
    if (length)
        memcpy(worker->late + TCP_PREFIX_OCTETS, reply->message.octets, length);
    tcp_reply(&worker->tcp, reply->connection, worker->late, length, reply->close);
}

static void on_reply(void *context, const struct message *message, struct frame *frame)
{
    struct handoff *handoff = context;
    (void)frame;

    if (message->reply.kind == SOCKET_UDP)
        reply_by_udp(handoff->worker, &message->reply);
    else
        reply_by_tcp(handoff->worker, &message->reply);
}

static const struct dispatch_table from_desk = {
    .link = LINK_HANDOFF, .self = LINK_LOWER, .handlers = {[MESSAGE_REPLY] = on_reply}};

static void on_frame(void *context, struct channel *channel, struct frame *frame)
{
    struct handoff *handoff = context;
    (void)channel;

    metric_add(handoff->worker->metrics, METRIC_LETTERS, 1);
    if (dispatch_frame(&from_desk, &handoff->dispatch, frame, handoff) != DISPATCH_HANDLED)
        metric_add(handoff->worker->metrics, METRIC_LETTERS_REFUSED, 1);
}

static void on_closed(void *context, struct channel *channel)
{
    struct handoff *handoff = context;
    (void)channel;
    handoff_close(handoff);
}

static const struct channel_events events = {.frame = on_frame, .closed = on_closed};

void handoff_connect(struct handoff *handoff, int descriptor)
{
    handoff_close(handoff);
    handoff->dispatch = (struct dispatch_state){.peer = "the desk"};
    handoff->channel = channel_open(handoff->worker->loop, descriptor, &events, handoff, bounds);
    if (!handoff->channel)
        log_error("out of memory: the desk is not heard");
}

bool handoff_send(struct handoff *handoff, const struct request *request)
{
    sa_family_t client = request->client->any.sa_family, local = request->local->any.sa_family;
    struct message message = {
        .kind = MESSAGE_HANDOFF,
        .handoff = {.kind = request->transport == ANSWER_UDP ? SOCKET_UDP : SOCKET_TCP,
                    .socket = request->socket,
                    .connection = request->connection,
                    .client = span_of(request->client, address_length(client)),
                    .local = span_of(request->local, address_length(local)),
                    .message = span_of(request->octets, request->length)}};

    if (!handoff->channel || channel_send(handoff->channel, &message))
        return false;
    metric_add(handoff->worker->metrics, METRIC_HANDOFFS, 1);
    return true;
}

void handoff_close(struct handoff *handoff)
{
    if (!handoff->channel)
        return;
    channel_free(handoff->channel);
    handoff->channel = NULL;
    tcp_desk_gone(&handoff->worker->tcp);
}
