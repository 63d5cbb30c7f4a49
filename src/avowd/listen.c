/* listen.c - sockets that are bound before any room runs: one per address, worker and transport;
 * for TLS one per address. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "avow/base/log.h"
#include "avow/room/address.h"
#include "avowd.h"

enum {
    RECEIVE_BUFFER_OCTETS = 4 * 1024 * 1024, /* a burst while all workers are busy */
    BACKLOG = 1024,
    /* Neither set the don't-fragment bit nor believe what ICMP says about path sizes: such
     * messages can be forged to make us send fragments (RFC 9715 section 3.1). */
    PMTUDISC_OMIT = 5
};

static socklen_t fill_address(union address *address, const struct config_address *from)
{
    memset(address, 0, sizeof *address);
    if (from->family == 4) {
        address->four.sin_family = AF_INET;
        address->four.sin_port = htons(from->port);
        memcpy(&address->four.sin_addr, from->octets, sizeof address->four.sin_addr);
        return sizeof address->four;
    }
    address->six.sin6_family = AF_INET6;
    address->six.sin6_port = htons(from->port);
    memcpy(&address->six.sin6_addr, from->octets, sizeof address->six.sin6_addr);
    return sizeof address->six;
}

static bool is_wildcard(const struct config_address *address)
{
    static const uint8_t zero[16];
    return memcmp(address->octets, zero, address->family == 4 ? 4 : 16) == 0;
}

static int set(int descriptor, int level, int option, int value)
{
    return setsockopt(descriptor, level, option, &value, sizeof value);
}

static int set_udp(int descriptor, const struct config_address *address)
{
    bool four = address->family == 4;

    /* As large as it may be: beyond net.core.rmem_max only with CAP_NET_ADMIN. */
    if (set(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER_OCTETS))
        (void)set(descriptor, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER_OCTETS);
    if (four ? set(descriptor, IPPROTO_IP, IP_MTU_DISCOVER, PMTUDISC_OMIT)
             : set(descriptor, IPPROTO_IPV6, IPV6_MTU_DISCOVER, PMTUDISC_OMIT))
        return -1;
    if (!is_wildcard(address))
        return 0;
    /* The answer must leave from the address that was asked. */
    return four ? set(descriptor, IPPROTO_IP, IP_PKTINFO, 1)
                : set(descriptor, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
}

/* A bound socket; -1 and errno when something fails. */
static int open_bound(const struct config_address *address, enum socket_kind kind, bool shared)
{
    union address socket_address;
    socklen_t length = fill_address(&socket_address, address);
    bool udp = kind == SOCKET_UDP;
    int descriptor = socket(socket_address.any.sa_family,
                            (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (descriptor < 0)
        return -1;
    if ((address->family == 6 && set(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, 1)) ||
        (!udp && set(descriptor, SOL_SOCKET, SO_REUSEADDR, 1)) ||
        (shared && set(descriptor, SOL_SOCKET, SO_REUSEPORT, 1)) ||
        (udp && set_udp(descriptor, address)) || bind(descriptor, &socket_address.any, length) ||
        (shared && !udp && listen(descriptor, BACKLOG))) {
        int why = errno;
        close(descriptor);
        errno = why;
        return -1;
    }
    return descriptor;
}

static void say_why(const struct config_address *address, enum socket_kind kind)
{
    char text[CONFIG_ADDRESS_TEXT];
    const char *transport = kind == SOCKET_UDP ? "UDP" : "TCP";

    config_address_to_text(address, text);
    switch (errno) {
    case EADDRINUSE:
        log_error("cannot listen on %s (%s): the port is in use", text, transport);
        break;
    case EADDRNOTAVAIL:
        log_error("cannot listen on %s (%s): this machine does not have the address", text,
                  transport);
        break;
    case EACCES:
        log_error("cannot listen on %s (%s): a port below 1024 needs root or CAP_NET_BIND_SERVICE",
                  text, transport);
        break;
    default:
        log_error("cannot listen on %s (%s): %s", text, transport, strerror(errno));
    }
}

/* SO_REUSEPORT would let us share a port with another daemon of the same user. A socket without it
 * finds out. */
static bool is_free(const struct config_address *address, enum socket_kind kind)
{
    int probe = open_bound(address, kind, false);

    if (probe < 0)
        return false;
    close(probe);
    return true;
}

static enum result open_one(struct listening *listening, const struct config_address *address,
                            struct bound bound)
{
    bound.descriptor = open_bound(address, bound.kind, true);
    if (bound.descriptor < 0) {
        say_why(address, bound.kind);
        return RESULT_SYSTEM;
    }
    config_address_to_text(address, bound.address);
    listening->sockets[listening->count++] = bound;
    return RESULT_OK;
}

/* One for each of so many workers. */
static enum result open_kind(struct listening *listening, const struct config_address *address,
                             enum socket_kind kind, uint16_t index, uint16_t workers)
{
    if (!is_free(address, kind)) {
        say_why(address, kind);
        return RESULT_SYSTEM;
    }
    for (uint16_t worker = 0; worker < workers; worker++) {
        struct bound bound = {.kind = kind, .worker = worker, .index = index};
        if (open_one(listening, address, bound))
            return RESULT_SYSTEM;
    }
    return RESULT_OK;
}

static enum result open_all(struct listening *listening, const struct config_server *server,
                            uint16_t workers)
{
    for (size_t i = 0; i < server->listen_count; i++) {
        const struct config_address *address = &server->listen[i];
        if (open_kind(listening, address, SOCKET_UDP, (uint16_t)i, workers) ||
            open_kind(listening, address, SOCKET_TCP, (uint16_t)i, workers))
            return RESULT_SYSTEM;
    }
    for (size_t i = 0; i < server->tls.listen_count; i++) {
        if (open_kind(listening, &server->tls.listen[i], SOCKET_TLS, (uint16_t)i, 1))
            return RESULT_SYSTEM;
    }
    return RESULT_OK;
}

enum result listen_open(struct listening *listening, const struct config_server *server,
                        uint16_t workers)
{
    *listening = (struct listening){
        .sockets = calloc(server->listen_count * workers * 2 + server->tls.listen_count,
                          sizeof *listening->sockets)};
    if (!listening->sockets) {
        log_error("out of memory");
        return RESULT_SYSTEM;
    }
    enum result result = open_all(listening, server, workers);
    if (result)
        listen_close(listening);
    return result;
}

void listen_close(struct listening *listening)
{
    for (size_t i = 0; i < listening->count; i++)
        close(listening->sockets[i].descriptor);
    free(listening->sockets);
    *listening = (struct listening){.sockets = NULL};
}
