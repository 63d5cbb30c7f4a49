/* handoff.c - datagrams and connections to the desk, unread, and its answers to the former. */
#include "handoff.h"

#include <string.h>

#include "worker.h"

/* What waits for a desk that does not keep up; beyond this nothing more is handed over. Of
 * connections few: they have left our own count of clients, and each is a descriptor of ours until
 * the desk takes it (room.c has places for so many). */
static const struct channel_bounds bounds = {
    .messages = 1024, .octets = (size_t)2 * 1024 * 1024, .descriptors = 64};
/* Of datagrams no more than half: anybody can send them, and connections are to find room. */
enum { DATAGRAMS = 512, DATAGRAM_OCTETS = 1024 * 1024 };

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

/* Whoever shows no key has no more answers of the desk than of our own. */
static bool may_go(struct worker *worker, const union address *client,
                   const struct message_reply *reply)
{
    return !worker->restraint.limits || reply->trusted ||
           restraint_foreign(&worker->restraint, client, &worker->zones, reply->message) !=
               RESTRAINT_DROP;
}

static void on_reply(void *context, const struct message *message, struct frame *frame)
{
    struct handoff *handoff = context;
    const struct message_reply *reply = &message->reply;
    struct origin origin = {.transport = ANSWER_UDP, .socket = reply->socket};
    (void)frame;

    if (reply->message.length == 0 || !take_address(reply->client, &origin.client) ||
        !take_address(reply->local, &origin.local)) {
        metric_add(handoff->worker->metrics, METRIC_LETTERS_REFUSED, 1);
        return;
    }
    if (may_go(handoff->worker, &origin.client, reply))
        udp_send(handoff->worker, &origin, reply->message.octets, reply->message.length);
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

static void on_drained(void *context, struct channel *channel)
{
    struct handoff *handoff = context;
    (void)channel;
    tcp_depart(&handoff->worker->tcp);
}

static const struct channel_events events = {
    .frame = on_frame, .closed = on_closed, .drained = on_drained};

void handoff_connect(struct handoff *handoff, int descriptor)
{
    handoff_close(handoff);
    handoff->dispatch = (struct dispatch_state){.peer = "the desk"};
    handoff->channel = channel_open(handoff->worker->loop, descriptor, &events, handoff, bounds);
    if (!handoff->channel)
        log_error("out of memory: the desk is not heard");
    else
        tcp_depart(&handoff->worker->tcp);
}

static struct span address_span(const union address *address)
{
    return span_of(address, address_length(address->any.sa_family));
}

static bool send_letter(struct handoff *handoff, const struct message *message)
{
    if (!handoff->channel || channel_send(handoff->channel, message))
        return false;
    metric_add(handoff->worker->metrics, METRIC_HANDOFFS, 1);
    return true;
}

bool handoff_datagram(struct handoff *handoff, const struct request *request)
{
    struct message message = {.kind = MESSAGE_HANDOFF,
                              .handoff = {.socket = request->socket,
                                          .client = address_span(request->client),
                                          .local = address_span(request->local),
                                          .message = span_of(request->octets, request->length)}};

    if (handoff->channel && (channel_queued_messages(handoff->channel) >= DATAGRAMS ||
                             channel_queued_octets(handoff->channel) >= DATAGRAM_OCTETS))
        return false;
    return send_letter(handoff, &message);
}

bool handoff_connection(struct handoff *handoff, const struct handoff_connection *connection)
{
    struct message message = {
        .kind = MESSAGE_CONNECTION,
        .connection = {.client = address_span(connection->client),
                       .local = address_span(connection->local),
                       .unread = span_of(connection->unread, connection->unread_length),
                       .descriptor = connection->descriptor}};

    return send_letter(handoff, &message);
}

void handoff_close(struct handoff *handoff)
{
    channel_free(handoff->channel);
    handoff->channel = NULL;
}
