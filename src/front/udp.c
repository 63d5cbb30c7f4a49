/* udp.c - datagrams in and out, a batch at a time. */
#include "udp.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "avow/base/clock.h"
#include "worker.h"

enum {
    BATCH =
        64, /* measured: a tenth less time for each answer than with 16 or 32; 128 saves no more */
    ROUNDS = 4, /* full batches of one socket before others have their turn */
    /* Of a query; UPDATEs that are longer come by TCP. Not a multiple of a page: the buffers would
     * all fall into the same few lines of the cache. */
    IN_OCTETS = 2048 + 64,
    /* Of the kernel's memory, in a socket: some 400 queries, 2 to 3 ms of work. */
    BEHIND_OCTETS = 320 * 1024,
    BEHIND_LINES = 1, /* a minute */
    OUT_SPACING = 64
};

/* What travels beside a datagram on a wildcard socket: the address that it came to. */
union control {
    struct cmsghdr header;
    uint8_t four[CMSG_SPACE(sizeof(struct in_pktinfo))];
    uint8_t six[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

struct udp_batch {
    struct mmsghdr in[BATCH];
    struct mmsghdr out[BATCH];
    struct iovec in_octets[BATCH];
    struct iovec out_octets[BATCH];
    union address clients[BATCH];
    union control controls[BATCH];
    union address locals[BATCH]; /* of wildcard sockets */
    uint8_t *in_memory;
    uint8_t *out_memory;
    size_t out_size;   /* of one answer's buffer */
    unsigned received; /* datagrams that are still to be answered */
};

/* ---- the address that was asked --------------------------------------------------------------*/

/* Where a datagram on a wildcard socket came to. False: the kernel did not say. */
static bool read_local(struct msghdr *header, const union address *bound, union address *local)
{
    for (struct cmsghdr *control = CMSG_FIRSTHDR(header); control;
         control = CMSG_NXTHDR(header, control)) {
        *local = *bound;
        if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(control), sizeof info);
            local->four.sin_addr = info.ipi_spec_dst;
            return true;
        }
        if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(control), sizeof info);
            local->six.sin6_addr = info.ipi6_addr;
            /* Which network it is matters only where an address does not say it. */
            local->six.sin6_scope_id =
                IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr) ? (uint32_t)info.ipi6_ifindex : 0;
            return true;
        }
    }
    return false;
}

/* Have a datagram leave from that address. */
static void write_local(struct msghdr *header, union control *control, const union address *local)
{
    memset(control, 0, sizeof *control);
    header->msg_control = control;
    if (local->any.sa_family == AF_INET) {
        struct in_pktinfo info = {.ipi_spec_dst = local->four.sin_addr};
        header->msg_controllen = CMSG_SPACE(sizeof info);
        control->header = (struct cmsghdr){
            .cmsg_len = CMSG_LEN(sizeof info), .cmsg_level = IPPROTO_IP, .cmsg_type = IP_PKTINFO};
        memcpy(CMSG_DATA(&control->header), &info, sizeof info);
        return;
    }
    struct in6_pktinfo info = {.ipi6_addr = local->six.sin6_addr,
                               .ipi6_ifindex = local->six.sin6_scope_id};
    header->msg_controllen = CMSG_SPACE(sizeof info);
    control->header = (struct cmsghdr){
        .cmsg_len = CMSG_LEN(sizeof info), .cmsg_level = IPPROTO_IPV6, .cmsg_type = IPV6_PKTINFO};
    memcpy(CMSG_DATA(&control->header), &info, sizeof info);
}

/* ---- a batch ---------------------------------------------------------------------------------*/

/* The kernel changed these; the rest of a slot stays as it was set up. */
static void reset_slots(struct udp_batch *batch, unsigned count, bool wildcard)
{
    for (unsigned i = 0; i < count; i++) {
        struct msghdr *header = &batch->in[i].msg_hdr;
        header->msg_namelen = sizeof batch->clients[i];
        header->msg_control = wildcard ? &batch->controls[i] : NULL;
        header->msg_controllen = wildcard ? sizeof batch->controls[i] : 0;
    }
}

/* 0: nothing there. */
static unsigned receive(struct udp_socket *socket)
{
    struct udp_batch *batch = socket->worker->udp.batch;
    int count;

    do
        count = recvmmsg(socket->descriptor, batch->in, BATCH, MSG_DONTWAIT, NULL);
    while (count < 0 && errno == EINTR);
    /* Other errors are those of single datagrams (ICMP), and are gone with being told. */
    batch->received = count > 0 ? (unsigned)count : 0;
    return batch->received;
}

/* No host answers from port 0, and none can be answered there. */
static bool is_usable(const struct mmsghdr *received, const union address *client,
                      sa_family_t family)
{
    return !(received->msg_hdr.msg_flags & MSG_TRUNC) && client->any.sa_family == family &&
           (family == AF_INET ? client->four.sin_port : client->six.sin6_port) != 0;
}

static void add_answer(struct udp_socket *socket, unsigned slot, unsigned place, size_t length)
{
    struct udp_batch *batch = socket->worker->udp.batch;
    struct msghdr *header = &batch->out[place].msg_hdr;

    batch->out_octets[place] = (struct iovec){
        .iov_base = batch->out_memory + slot * (batch->out_size + OUT_SPACING), .iov_len = length};
    header->msg_name = &batch->clients[slot];
    header->msg_namelen = batch->in[slot].msg_hdr.msg_namelen;
    header->msg_control = NULL;
    header->msg_controllen = 0;
    if (socket->wildcard)
        write_local(header, &batch->controls[slot], &batch->locals[slot]);
}

/* Answer one datagram; its length, 0 when nothing is to be sent now. */
static size_t answer_slot(struct udp_socket *socket, unsigned slot)
{
    struct worker *worker = socket->worker;
    struct udp_batch *batch = worker->udp.batch;
    struct mmsghdr *received = &batch->in[slot];
    const union address *local = &socket->local;
    size_t length = 0;

    if (!is_usable(received, &batch->clients[slot], socket->local.any.sa_family)) {
        metric_add(worker->metrics, METRIC_DROPPED_MALFORMED, 1);
        return 0;
    }
    if (socket->wildcard) {
        local = &batch->locals[slot];
        if (!read_local(&received->msg_hdr, &socket->local, &batch->locals[slot])) {
            metric_add(worker->metrics, METRIC_DROPPED_MALFORMED, 1);
            return 0;
        }
    }
    struct request request = {.octets = batch->in_octets[slot].iov_base,
                              .length = received->msg_len,
                              .transport = ANSWER_UDP,
                              .socket = socket->index,
                              .client = &batch->clients[slot],
                              .local = local};
    enum served served =
        worker_serve(worker, &request, batch->out_memory + slot * (batch->out_size + OUT_SPACING),
                     batch->out_size, &length);
    return served == SERVED_ANSWER ? length : 0;
}

/* Send so many answers. One that cannot be sent does not hold up those behind it; when the socket
 * is full, the rest is lost, as datagrams are: waiting would make all others late. */
static void send_batch(struct udp_socket *socket, unsigned count)
{
    struct udp_batch *batch = socket->worker->udp.batch;
    unsigned done = 0, lost = 0;

    while (done < count) {
        int sent = sendmmsg(socket->descriptor, batch->out + done, count - done, MSG_DONTWAIT);
        if (sent > 0) {
            done += (unsigned)sent;
        } else if (errno == EAGAIN || errno == ENOBUFS) {
            lost += count - done;
            break;
        } else if (errno != EINTR) {
            lost++;
            done++;
        }
    }
    if (lost)
        metric_add(socket->worker->metrics, METRIC_DROPPED_SEND, lost);
}

/* Answer what was received; between worker_begin and worker_end. */
static void answer_batch(struct udp_socket *socket)
{
    struct worker *worker = socket->worker;
    struct udp_batch *batch = worker->udp.batch;
    unsigned count = 0;
    uint64_t octets = 0;

    worker->facts.transport = ANSWER_UDP;
    worker->facts.keepalive = false;
    worker->behind = socket->behind;
    if (worker->restraint.limits)
        restraint_begin(&worker->restraint, clock_monotonic_ms());
    for (unsigned i = 0; i < batch->received; i++) {
        size_t length = answer_slot(socket, i);
        if (length) {
            add_answer(socket, i, count++, length);
            octets += length;
        }
    }
    metric_add(worker->metrics, METRIC_QUERIES_UDP, batch->received);
    metric_add(worker->metrics, METRIC_RESPONSES, count);
    metric_add(worker->metrics, METRIC_RESPONSE_OCTETS, octets);
    if (count)
        send_batch(socket, count);
    reset_slots(batch, batch->received, socket->wildcard);
    batch->received = 0;
}

/* ---- pausing ---------------------------------------------------------------------------------*/

/* What was received waits for the store, in its slots. */
static void pause_all(struct udp *udp, struct udp_socket *socket)
{
    udp->paused = socket;
    for (uint32_t i = 0; i < udp->count; i++)
        ev_io_stop(socket->worker->loop, &udp->sockets[i].readable);
}

/* Whether more comes than is answered: so much waits that whoever came last waits for long, or what
 * comes next is lost. Then those who ask for names that are there are answered at the cost of those
 * who ask for others: a flood of random names is of these, and takes several times as long. */
static bool is_behind(const struct udp_socket *socket)
{
    uint32_t memory[SK_MEMINFO_VARS];
    socklen_t length = sizeof memory;

    if (getsockopt(socket->descriptor, SOL_SOCKET, SO_MEMINFO, memory, &length) ||
        length < (SK_MEMINFO_RCVBUF + 1) * sizeof memory[0])
        return false;
    return memory[SK_MEMINFO_RMEM_ALLOC] > BEHIND_OCTETS ||
           memory[SK_MEMINFO_RMEM_ALLOC] > memory[SK_MEMINFO_RCVBUF] / 2;
}

static void look_behind(struct udp_socket *socket, bool full)
{
    struct worker *worker = socket->worker;

    socket->behind = full && is_behind(socket);
    if (socket->behind)
        log_limited(&worker->behind_lines, BEHIND_LINES, clock_monotonic_ms(),
                    "more queries come than can be answered: some for names that are not there are "
                    "left out");
}

static void drain(struct udp_socket *socket)
{
    struct worker *worker = socket->worker;
    unsigned received = 0;

    for (unsigned round = 0; round < ROUNDS; round++) {
        received = receive(socket);
        if (received == 0)
            break;
        /* Behind the receiving: what a client knows to be there, it is to see. */
        if (!worker_begin(worker)) {
            pause_all(&worker->udp, socket);
            return;
        }
        answer_batch(socket);
        if (received < BATCH)
            break;
    }
    worker_end(worker);
    look_behind(socket, received == BATCH);
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int happened)
{
    struct udp_socket *socket = watcher->data;
    struct udp_batch *batch = socket->worker->udp.batch;
    (void)loop, (void)happened;

    /* Sockets of both kinds share the slots. */
    if ((batch->in[0].msg_hdr.msg_control != NULL) != socket->wildcard)
        reset_slots(batch, BATCH, socket->wildcard);
    drain(socket);
}

void udp_resume(struct udp *udp)
{
    struct udp_socket *socket = udp->paused;

    if (!socket || !worker_begin(socket->worker))
        return;
    answer_batch(socket);
    worker_end(socket->worker);
    udp->paused = NULL;
    for (uint32_t i = 0; i < udp->count; i++)
        ev_io_start(socket->worker->loop, &udp->sockets[i].readable);
}

/* ---- one answer ------------------------------------------------------------------------------*/

void udp_send(struct worker *worker, const struct origin *origin, const uint8_t *octets,
              size_t length)
{
    union control control;
    union address client = origin->client;
    struct iovec piece = {.iov_base = (void *)octets, .iov_len = length};
    struct msghdr header = {.msg_name = &client,
                            .msg_namelen = address_length(client.any.sa_family),
                            .msg_iov = &piece,
                            .msg_iovlen = 1};
    ssize_t sent;

    if (origin->socket >= worker->udp.count)
        return;
    struct udp_socket *socket = &worker->udp.sockets[origin->socket];
    if (client.any.sa_family != socket->local.any.sa_family)
        return;
    if (socket->wildcard)
        write_local(&header, &control, &origin->local);
    do
        sent = sendmsg(socket->descriptor, &header, MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    metric_add(worker->metrics, sent < 0 ? METRIC_DROPPED_SEND : METRIC_RESPONSES, 1);
    metric_add(worker->metrics, METRIC_RESPONSE_OCTETS, sent < 0 ? 0 : length);
}

/* ---- open and close --------------------------------------------------------------------------*/

static bool is_wildcard(const union address *address)
{
    if (address->any.sa_family == AF_INET)
        return address->four.sin_addr.s_addr == htonl(INADDR_ANY);
    return IN6_IS_ADDR_UNSPECIFIED(&address->six.sin6_addr);
}

static enum result open_socket(struct udp_socket *socket, struct worker *worker, int descriptor)
{
    socklen_t length = sizeof socket->local;

    *socket =
        (struct udp_socket){.worker = worker, .descriptor = descriptor, .index = worker->udp.count};
    if (getsockname(descriptor, &socket->local.any, &length))
        return RESULT_SYSTEM;
    socket->wildcard = is_wildcard(&socket->local);
    ev_io_init(&socket->readable, on_readable, descriptor, EV_READ);
    socket->readable.data = socket;
    ev_io_start(worker->loop, &socket->readable);
    worker->udp.count++;
    return RESULT_OK;
}

static enum result make_batch(struct udp *udp)
{
    struct udp_batch *batch = udp->batch = calloc(1, sizeof *batch);

    if (!batch)
        return RESULT_SYSTEM;
    batch->in_memory = calloc(BATCH, IN_OCTETS);
    if (!batch->in_memory)
        return RESULT_SYSTEM;
    for (unsigned i = 0; i < BATCH; i++) {
        batch->in_octets[i] = (struct iovec){.iov_base = batch->in_memory + (size_t)i * IN_OCTETS,
                                             .iov_len = IN_OCTETS};
        batch->in[i].msg_hdr = (struct msghdr){
            .msg_name = &batch->clients[i], .msg_iov = &batch->in_octets[i], .msg_iovlen = 1};
        batch->out[i].msg_hdr = (struct msghdr){.msg_iov = &batch->out_octets[i], .msg_iovlen = 1};
    }
    reset_slots(batch, BATCH, false);
    return RESULT_OK;
}

static bool is_ours(const struct worker_order *order, const struct room_socket *socket)
{
    return socket->kind == SOCKET_UDP && socket->worker == order->index;
}

enum result udp_configure(struct udp *udp, uint16_t payload)
{
    struct udp_batch *batch = udp->batch;
    size_t size = ((size_t)payload + OUT_SPACING - 1) / OUT_SPACING * OUT_SPACING;

    if (size <= batch->out_size)
        return RESULT_OK;
    uint8_t *memory = calloc(BATCH, size + OUT_SPACING);
    if (!memory)
        return RESULT_SYSTEM;
    free(batch->out_memory); /* nothing is in it between two batches */
    batch->out_memory = memory;
    batch->out_size = size;
    return RESULT_OK;
}

enum result udp_open(struct udp *udp, struct worker *worker)
{
    const struct worker_order *order = &worker->order;

    *udp = (struct udp){.sockets = calloc(order->socket_count + 1, sizeof *udp->sockets)};
    if (!udp->sockets)
        return RESULT_SYSTEM;
    enum result result = make_batch(udp);
    if (!result)
        result = udp_configure(udp, worker->settings.udp_payload);
    for (size_t i = 0; i < order->socket_count && !result; i++) {
        if (is_ours(order, &order->sockets[i]))
            result = open_socket(&udp->sockets[udp->count], worker, order->sockets[i].descriptor);
    }
    return result;
}

void udp_close(struct udp *udp)
{
    for (uint32_t i = 0; i < udp->count; i++)
        ev_io_stop(udp->sockets[i].worker->loop, &udp->sockets[i].readable);
    if (udp->batch) {
        free(udp->batch->in_memory);
        free(udp->batch->out_memory);
        free(udp->batch);
    }
    free(udp->sockets);
    *udp = (struct udp){.sockets = NULL};
}
