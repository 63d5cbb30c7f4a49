/*
 * udp_echo.c - a bare UDP echo: recvmmsg, sendmmsg, nothing between; the measure of a name server.
 *
 *   udp_echo -p PORT [-a ADDRESS] [-l LENGTH] [-b BATCH]
 *
 * Every datagram is sent back with its own octets first and zeros up to LENGTH, so that its answers
 * are as long as those of the server that it is compared with. Ends at SIGTERM.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST_BATCH = 256, OCTETS = 4096, RECEIVE_BUFFER_OCTETS = 4 * 1024 * 1024 };

struct options {
    const char *address;
    unsigned port, length, batch;
};

/* Everything for one batch; too large for a stack. */
struct batch {
    struct mmsghdr headers[MOST_BATCH];
    struct iovec vectors[MOST_BATCH];
    struct sockaddr_in clients[MOST_BATCH];
    unsigned char octets[MOST_BATCH][OCTETS];
};

static void stop(const char *what)
{
    fprintf(stderr, "udp_echo: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int open_socket(const struct options *options)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)options->port)};
    int size = RECEIVE_BUFFER_OCTETS;
    int descriptor = socket(AF_INET, SOCK_DGRAM, 0);

    if (inet_pton(AF_INET, options->address, &address.sin_addr) != 1)
        stop("the address");
    if (descriptor < 0 || bind(descriptor, (struct sockaddr *)&address, sizeof address))
        stop("the socket");
    /* As the server does: beyond net.core.rmem_max only for root. */
    if (setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size))
        (void)setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    return descriptor;
}

static void prepare(struct batch *batch, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        batch->vectors[i] = (struct iovec){batch->octets[i], OCTETS};
        batch->headers[i].msg_hdr = (struct msghdr){.msg_name = &batch->clients[i],
                                                    .msg_namelen = sizeof batch->clients[i],
                                                    .msg_iov = &batch->vectors[i],
                                                    .msg_iovlen = 1};
    }
}

static void send_back(int descriptor, struct batch *batch, unsigned count,
                      const struct options *options)
{
    for (unsigned i = 0; i < count; i++) {
        unsigned length = batch->headers[i].msg_len;
        batch->vectors[i].iov_len = length > options->length ? length : options->length;
    }
    for (unsigned sent = 0; sent < count;) {
        int more = sendmmsg(descriptor, batch->headers + sent, count - sent, 0);
        sent += more > 0 ? (unsigned)more : 1; /* what the kernel does not take is lost */
    }
}

static void serve(int descriptor, struct batch *batch, const struct options *options)
{
    for (;;) {
        prepare(batch, options->batch);
        int count = recvmmsg(descriptor, batch->headers, options->batch, MSG_WAITFORONE, NULL);
        if (count > 0)
            send_back(descriptor, batch, (unsigned)count, options);
        else if (errno != EINTR && errno != ECONNREFUSED)
            stop("recvmmsg");
    }
}

int main(int count, char **arguments)
{
    struct options options = {.address = "127.0.0.1", .batch = 64};
    int letter;

    while ((letter = getopt(count, arguments, "a:p:l:b:")) != -1) {
        switch (letter) {
        case 'a':
            options.address = optarg;
            break;
        case 'p':
            options.port = (unsigned)atoi(optarg);
            break;
        case 'l':
            options.length = (unsigned)atoi(optarg);
            break;
        case 'b':
            options.batch = (unsigned)atoi(optarg);
            break;
        default:
            return 2;
        }
    }
    if (options.port == 0 || options.port > 65535 || options.length > OCTETS ||
        options.batch == 0 || options.batch > MOST_BATCH) {
        fprintf(stderr, "usage: udp_echo -p PORT [-a ADDRESS] [-l LENGTH] [-b BATCH]\n");
        return 2;
    }
    struct batch *batch = calloc(1, sizeof *batch);
    if (!batch)
        stop("memory");
    serve(open_socket(&options), batch, &options);
    return 0;
}
