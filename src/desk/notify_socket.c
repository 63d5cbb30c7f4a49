/* notify_socket.c - NOTIFY to secondaries: the sockets and the timer of notify.h. */
#include "notify_socket.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "avow/base/clock.h"
#include "origin.h"

enum {
    FOUR,
    SIX,
    FAMILIES,
    ANSWER_OCTETS = 4096, /* what is longer is no answer to a NOTIFY */
    DATAGRAMS_PER_TURN = 64
};

struct notifier {
    struct notify notify;
    struct ev_loop *loop;
    notifier_letter *letter;
    void *context;
    int sockets[FAMILIES];
    ev_io readable[FAMILIES];
    ev_timer timer;
};

/* ---- addresses -------------------------------------------------------------------------------*/

static union address address_of(const struct config_address *from)
{
    union address address = {0};

    if (from->family == 4) {
        address.four.sin_family = AF_INET;
        address.four.sin_port = htons(from->port);
        memcpy(&address.four.sin_addr, from->octets, sizeof address.four.sin_addr);
    } else {
        address.six.sin6_family = AF_INET6;
        address.six.sin6_port = htons(from->port);
        memcpy(&address.six.sin6_addr, from->octets, sizeof address.six.sin6_addr);
    }
    return address;
}

static bool is_loopback(const struct config_address *address)
{
    static const uint8_t six[16] = {[15] = 1};

    return address->family == 4 ? address->octets[0] == 127
                                : memcmp(address->octets, six, sizeof six) == 0;
}

/* The address that peers know us by, port 0; the wildcard when nothing listens on the family. */
static struct config_address source_of(const struct config_server *server, uint8_t family)
{
    struct config_address source = {.family = family};
    const struct config_address *best = NULL;

    for (size_t i = 0; i < server->listen_count; i++) {
        const struct config_address *listen = &server->listen[i];
        if (listen->family == family && (!best || (is_loopback(best) && !is_loopback(listen))))
            best = listen;
    }
    if (best)
        memcpy(source.octets, best->octets, sizeof source.octets);
    return source;
}

/* ---- datagrams -------------------------------------------------------------------------------*/

static enum notify_delivery send_datagram(void *context, const struct config_address *to,
                                          struct span octets, const char **why)
{
    struct notifier *notifier = context;
    union address address = address_of(to);
    int descriptor = notifier->sockets[to->family == 4 ? FOUR : SIX];

    if (descriptor < 0) {
        *why = to->family == 4 ? "there is no IPv4 here" : "there is no IPv6 here";
        return NOTIFY_UNSENT;
    }
    ssize_t sent = sendto(descriptor, octets.octets, octets.length, MSG_NOSIGNAL, &address.any,
                          address_length(address.any.sa_family));
    if (sent >= 0)
        return NOTIFY_SENT;
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR || errno == ENOBUFS)
        return NOTIFY_LATER;
    *why = strerrordesc_np(errno);
    if (!*why)
        *why = "the system does not send it";
    return NOTIFY_UNSENT;
}

static bool send_letter(void *context, const struct message *message)
{
    struct notifier *notifier = context;
    return notifier->letter(notifier->context, message);
}

static const struct notify_outlets outlets = {.send = send_datagram, .letter = send_letter};

static void tell_time(struct notifier *notifier)
{
    notifier->notify.now = clock_wall_seconds();
    notifier->notify.now_ms = clock_monotonic_ms();
}

/* Do what is due and wait for what will be. */
static void go_on(struct notifier *notifier)
{
    uint64_t next = notify_tick(&notifier->notify);
    uint64_t now = notifier->notify.now_ms;

    ev_timer_stop(notifier->loop, &notifier->timer);
    if (next == UINT64_MAX)
        return;
    double wait = next > now ? (double)(next - now) / 1000.0 : 0.001;
    ev_now_update(notifier->loop); /* a turn that took long would shorten the wait */
    ev_timer_set(&notifier->timer, wait, 0.0);
    ev_timer_start(notifier->loop, &notifier->timer);
}

/* False: there is no more. */
static bool receive(struct notifier *notifier, int descriptor)
{
    uint8_t octets[ANSWER_OCTETS];
    union address from = {0};
    socklen_t length = sizeof from;
    ssize_t received = recvfrom(descriptor, octets, sizeof octets, MSG_TRUNC, &from.any, &length);

    if (received < 0)
        return errno == EINTR;
    if (received > ANSWER_OCTETS || length != address_length(from.any.sa_family))
        return true;
    struct config_address peer = address_peer(&from);
    notify_received(&notifier->notify, &peer, octets, (size_t)received);
    return true;
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int happened)
{
    struct notifier *notifier = watcher->data;
    (void)loop, (void)happened;

    tell_time(notifier);
    for (unsigned i = 0; i < DATAGRAMS_PER_TURN && receive(notifier, watcher->fd); i++)
        ;
    go_on(notifier);
}

static void on_timer(struct ev_loop *loop, ev_timer *watcher, int happened)
{
    struct notifier *notifier = watcher->data;
    (void)loop, (void)happened;

    tell_time(notifier);
    go_on(notifier);
}

/* ---- start and end ---------------------------------------------------------------------------*/

/* A socket without which the family cannot be used; -1. */
static int open_socket(const struct config_address *source)
{
    union address address = address_of(source);
    struct config_address any = {.family = source->family};
    char text[CONFIG_ADDRESS_TEXT];
    int on = 1;
    int descriptor =
        socket(address.any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP);

    if (descriptor < 0 ||
        (source->family == 6 && setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on)))
        goto failed;
    if (bind(descriptor, &address.any, address_length(address.any.sa_family)) == 0)
        return descriptor;
    log_warning("NOTIFY cannot be sent from %s (%s): peers may not know who it is from",
                config_address_to_text(source, text), strerror(errno));
    address = address_of(&any);
    if (bind(descriptor, &address.any, address_length(address.any.sa_family)) == 0)
        return descriptor;

failed:
    log_info("no NOTIFY by IPv%u: %s", (unsigned)source->family, strerror(errno));
    if (descriptor >= 0)
        close(descriptor);
    return -1;
}

static void open_family(struct notifier *notifier, const struct config_server *server, int family)
{
    struct config_address source = source_of(server, family == FOUR ? 4 : 6);
    ev_io *readable = &notifier->readable[family];

    notifier->sockets[family] = open_socket(&source);
    ev_io_init(readable, on_readable, notifier->sockets[family], EV_READ);
    readable->data = notifier;
    if (notifier->sockets[family] >= 0)
        ev_io_start(notifier->loop, readable);
}

struct notifier *notifier_open(struct ev_loop *loop, const struct config_server *server,
                               struct metrics_stripe *metrics, notifier_letter *letter,
                               void *context)
{
    struct notifier *notifier = calloc(1, sizeof *notifier);

    if (!notifier)
        return NULL;
    notifier->loop = loop;
    notifier->letter = letter;
    notifier->context = context;
    notifier->notify.outlets = &outlets;
    notifier->notify.context = notifier;
    notifier->notify.metrics = metrics;
    ev_timer_init(&notifier->timer, on_timer, 0.0, 0.0);
    notifier->timer.data = notifier;
    for (int family = FOUR; family < FAMILIES; family++)
        open_family(notifier, server, family);
    return notifier;
}

void notifier_free(struct notifier *notifier)
{
    if (!notifier)
        return;
    ev_timer_stop(notifier->loop, &notifier->timer);
    for (int family = FOUR; family < FAMILIES; family++) {
        if (notifier->sockets[family] < 0)
            continue;
        ev_io_stop(notifier->loop, &notifier->readable[family]);
        close(notifier->sockets[family]);
    }
    notify_close(&notifier->notify);
    free(notifier);
}

void notifier_adopt(struct notifier *notifier, struct notify_table *plan,
                    const struct tsig_keyring *keyring)
{
    tell_time(notifier);
    notify_adopt(&notifier->notify, plan, keyring);
    go_on(notifier);
}

void notifier_changed(struct notifier *notifier, const struct name *zone, uint32_t serial)
{
    tell_time(notifier);
    notify_changed(&notifier->notify, zone, serial);
    go_on(notifier);
}
