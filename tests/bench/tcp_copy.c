/*
 * tcp_copy.c - the limit of a transfer: octets from memory through TCP on loopback, no more.
 *
 *   tcp_copy -p PORT -n OCTETS -w OCTETS     serve: to each connection OCTETS, so many a write
 *
 * The other end is axfr_drain's: what it asks is not read, but for its first octet. The octets are
 * frames of messages that hold nothing but an SOA at the beginning and the end of all, so that it
 * knows where to stop. Ends at SIGTERM.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "blast_key.h"

enum { SOA_OCTETS = 20, MESSAGE_OCTETS = 16384 };

/* Header with one answer, the root's SOA; noise behind it. */
static const uint8_t head[] = {0, 1, 0x84, 0, 0,  0,  0,  2,  0,  0,  0,  0,  0,  0,  6,
                               0, 1, 0,    0, 0,  0,  0,  22, 0,  0,  1,  2,  3,  4,  5,
                               6, 7, 8,    9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20};

static void serve(int listener, const uint8_t *octets, size_t length, size_t write_octets)
{
    for (;;) {
        int on = 1, descriptor = accept(listener, NULL, NULL);
        uint8_t question[512];
        if (descriptor < 0 || setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on))
            blast_stop("accept");
        if (read(descriptor, question, sizeof question) <= 0)
            blast_stop("nothing was asked");
        for (size_t at = 0; at < length;) {
            size_t part = length - at < write_octets ? length - at : write_octets;
            ssize_t sent = send(descriptor, octets + at, part, MSG_NOSIGNAL);
            if (sent <= 0)
                blast_stop("send");
            at += (size_t)sent;
        }
        (void)close(descriptor);
    }
}

/* Every page is written: pages of zeros that nobody wrote are one and the same in memory, and to
 * send that one again and again is no copy of so many octets. */
static void fill(uint8_t *octets, size_t length)
{
    uint32_t noise = 1;

    for (size_t at = 0; at < length; at++) {
        noise = noise * 1664525 + 1013904223;
        octets[at] = (uint8_t)(noise >> 24);
    }
}

/* Frames of MESSAGE_OCTETS; the last one, of what is left, ends with the SOA's octets. */
static uint8_t *make_stream(size_t length)
{
    uint8_t *octets = malloc(length + MESSAGE_OCTETS);

    if (!octets)
        blast_stop("memory");
    fill(octets, length);
    for (size_t at = 0, part; at < length; at += part) {
        part = length - at;
        if (part > MESSAGE_OCTETS + 2 + 512)
            part = MESSAGE_OCTETS + 2;
        octets[at] = (uint8_t)((part - 2) >> 8);
        octets[at + 1] = (uint8_t)(part - 2);
        memcpy(octets + at + 2, head, sizeof head);
    }
    memcpy(octets + length - SOA_OCTETS, head + sizeof head - SOA_OCTETS, SOA_OCTETS);
    return octets;
}

int main(int count, char **arguments)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    size_t length = 0, write_octets = 65536;
    int letter, on = 1;

    while ((letter = getopt(count, arguments, "p:n:w:")) != -1) {
        if (letter == 'p')
            address.sin_port = htons((uint16_t)atoi(optarg));
        else if (letter == 'n')
            length = strtoull(optarg, NULL, 10);
        else if (letter == 'w')
            write_octets = strtoull(optarg, NULL, 10);
        else
            return 2;
    }
    if (length < 1024 || write_octets == 0)
        blast_stop("-p, -n and -w are needed; see the head of the source");
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) ||
        bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 16))
        blast_stop("the socket");
    serve(listener, make_stream(length), length, write_octets);
    return 0;
}
