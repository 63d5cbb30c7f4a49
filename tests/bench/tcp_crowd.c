/*
 * tcp_crowd.c - TCP clients that do a server no good, many at once, in one process.
 *
 *   tcp_crowd -p PORT -z ZONE [-a ADDRESS] [-i IDLE] [-n NEVER_READING] [-b BYTEWISE]
 *             [-x TRANSFERS [-k NAME:SECRET]] [-m NETWORKS] [-r] [-s SECONDS]
 *
 * -i  clients that connect and say nothing
 * -n  clients that ask for ZONE DNSKEY as fast as the server reads, and read nothing
 * -b  clients that announce a message of 4 KiB and send an octet of it each second
 * -x  clients that ask for ZONE AXFR, and ask again when they are answered or closed; with -k
 *     signed by that key
 * -m  /24 networks below 127.0.0.0/8 that they come from, in turn (256); where the kernel does not
 *     allow that all come from one address
 * -r  those that the server closes come again
 *
 * Prints a line of JSON when every client has connected or failed, and another at the end: after so
 * many seconds, or when standard input is closed. Per kind: clients that are open, how often they
 * connected, failed to and were closed, octets sent and received, and answers by RCODE.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "avow/base/clock.h"
#include "avow/wire/type.h"

#include "blast_key.h"

enum kind { IDLE, NEVER_READING, BYTEWISE, TRANSFERS, KINDS };

enum {
    EVENTS = 256,
    TURN_MS = 20,
    SECOND_MS = 1000,
    AGAIN_MS = 100, /* before a client that was closed comes again */
    ANNOUNCED = 4096,
    QUESTION_OCTETS = 1024,
    BATCH_OCTETS = 8192, /* of questions at once */
    SMALL_BUFFER = 4096  /* so that what waits, waits at the server */
};

static const char *const kind_names[KINDS] = {"idle", "never_reading", "bytewise", "transfers"};

static const char kind_letters[] = "inbx";

struct client {
    enum kind kind;
    int descriptor; /* -1: none */
    bool settled;   /* it has connected or failed once */
    bool connected;
    uint64_t due_ms; /* to send an octet, or to come again */
    size_t written;  /* of the octets that it sends, over and over */
    size_t held;
    uint8_t answer[4]; /* length, and the header as far as the flags are; the rest is not kept */
};

struct tally {
    uint64_t open, connected, failed, closed, sent, received, answers, rcodes[16];
};

struct crowd {
    const char *address, *zone_text, *key;
    unsigned port, networks, seconds, counts[KINDS];
    bool again;
    struct name zone;
    struct tsig_keyring keyring;
    struct client *clients;
    unsigned count, settled;
    int epoll;
    struct tally tallies[KINDS];
    uint8_t questions[BATCH_OCTETS];
    size_t questions_length;
    uint8_t transfer[QUESTION_OCTETS];
    size_t transfer_length;
};

/* ---- what is said ----------------------------------------------------------------------------*/

static size_t write_question(struct crowd *crowd, uint8_t *octets, uint16_t type)
{
    const struct header header = {.id = 1, .counts = {1, 0, 0, type != TYPE_AXFR}};
    static const uint8_t opt[] = {0, 0, TYPE_OPT, 4, 0xd0, 0, 0, 0x80, 0, 0, 0};
    struct writer writer = writer_over(octets + 2, QUESTION_OCTETS - 2);
    struct tsig_session session;

    header_write(&writer, &header);
    name_write(&writer, &crowd->zone);
    writer_u16(&writer, type);
    writer_u16(&writer, CLASS_IN);
    if (type != TYPE_AXFR)
        writer_add(&writer, opt, sizeof opt);
    else if (crowd->key && tsig_request(&crowd->keyring, &crowd->keyring.keys[0], &session, &writer,
                                        clock_wall_seconds()))
        blast_stop("the question could not be signed");
    octets[0] = (uint8_t)(writer.length >> 8);
    octets[1] = (uint8_t)writer.length;
    return writer.length + 2;
}

static void write_all(struct crowd *crowd)
{
    uint8_t one[QUESTION_OCTETS];
    size_t length = write_question(crowd, one, TYPE_DNSKEY);

    while (crowd->questions_length + length <= BATCH_OCTETS) {
        memcpy(crowd->questions + crowd->questions_length, one, length);
        crowd->questions_length += length;
    }
    crowd->transfer_length = write_question(crowd, crowd->transfer, TYPE_AXFR);
}

/* ---- coming and going ------------------------------------------------------------------------*/

/* 127.1.0.1, 127.1.1.1 and so on, and after all networks 127.1.0.2. */
static void choose_source(const struct crowd *crowd, unsigned number, int descriptor)
{
    unsigned network = number % crowd->networks, host = number / crowd->networks % 250 + 1;
    struct sockaddr_in source = {
        .sin_family = AF_INET,
        .sin_addr = {.s_addr = htonl((127U << 24) + (1U << 16) + (network << 8) + host)}};
    const int on = 1;

    (void)setsockopt(descriptor, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    (void)bind(descriptor, (struct sockaddr *)&source, sizeof source);
}

static void settle(struct crowd *crowd, struct client *client)
{
    crowd->settled += !client->settled;
    client->settled = true;
}

static void leave(struct crowd *crowd, struct client *client)
{
    struct tally *tally = &crowd->tallies[client->kind];

    close(client->descriptor);
    client->descriptor = -1;
    tally->open -= client->connected;
    if (client->connected)
        tally->closed++;
    else
        tally->failed++;
    settle(crowd, client);
    client->connected = false;
    client->due_ms = clock_monotonic_ms() + AGAIN_MS;
}

static void come(struct crowd *crowd, struct client *client)
{
    unsigned number = (unsigned)(client - crowd->clients);
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons((uint16_t)crowd->port)};
    struct epoll_event event = {.events = EPOLLOUT | EPOLLRDHUP, .data = {.ptr = client}};
    const int small = SMALL_BUFFER;

    client->descriptor = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (client->descriptor < 0 || inet_pton(AF_INET, crowd->address, &server.sin_addr) != 1)
        blast_stop("no socket, or no IPv4 address");
    client->written = client->held = 0;
    choose_source(crowd, number, client->descriptor);
    if (client->kind == NEVER_READING) {
        (void)setsockopt(client->descriptor, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
        (void)setsockopt(client->descriptor, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    }
    if (connect(client->descriptor, (struct sockaddr *)&server, sizeof server) &&
        errno != EINPROGRESS)
        leave(crowd, client);
    else if (epoll_ctl(crowd->epoll, EPOLL_CTL_ADD, client->descriptor, &event))
        blast_stop("epoll");
}

/* ---- doing no good ---------------------------------------------------------------------------*/

static void watch(struct crowd *crowd, struct client *client, uint32_t events)
{
    struct epoll_event event = {.events = events | EPOLLRDHUP, .data = {.ptr = client}};

    if (epoll_ctl(crowd->epoll, EPOLL_CTL_MOD, client->descriptor, &event))
        blast_stop("epoll");
}

/* A piece of `octets`, over and over; false: it was closed. */
static bool say(struct crowd *crowd, struct client *client, const uint8_t *octets, size_t length,
                size_t most)
{
    size_t at = client->written % length, rest = length - at;

    ssize_t sent = send(client->descriptor, octets + at, rest < most ? rest : most, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) {
        leave(crowd, client);
        return false;
    }
    if (sent > 0) {
        client->written += (size_t)sent;
        crowd->tallies[client->kind].sent += (uint64_t)sent;
    }
    return true;
}

static void say_octet(struct crowd *crowd, struct client *client, uint64_t now_ms)
{
    static const uint8_t message[ANNOUNCED] = {ANNOUNCED >> 8, ANNOUNCED & 255};

    client->due_ms = now_ms + SECOND_MS;
    (void)say(crowd, client, message, sizeof message, 1);
}

static void begin(struct crowd *crowd, struct client *client)
{
    client->connected = true;
    crowd->tallies[client->kind].connected++;
    crowd->tallies[client->kind].open++;
    settle(crowd, client);
    client->due_ms = clock_monotonic_ms();
    if (client->kind == IDLE || client->kind == BYTEWISE)
        watch(crowd, client, 0);
    if (client->kind == TRANSFERS &&
        say(crowd, client, crowd->transfer, crowd->transfer_length, crowd->transfer_length))
        watch(crowd, client, EPOLLIN);
}

/* One octet after the other is looked at: answers are short here. False: it was closed. */
static bool hear_octet(struct crowd *crowd, struct client *client, uint8_t octet)
{
    struct tally *tally = &crowd->tallies[client->kind];

    if (client->held < sizeof client->answer)
        client->answer[client->held] = octet;
    if (++client->held == 6)
        tally->rcodes[octet & 15]++;
    size_t whole = 2 + ((size_t)client->answer[0] << 8 | client->answer[1]);
    if (client->held < 2 || client->held < whole)
        return true;
    client->held = 0;
    tally->answers++;
    return say(crowd, client, crowd->transfer, crowd->transfer_length, crowd->transfer_length);
}

static void hear(struct crowd *crowd, struct client *client)
{
    uint8_t octets[4096];
    ssize_t got = recv(client->descriptor, octets, sizeof octets, 0);

    if (got <= 0) {
        if (got == 0 || errno != EAGAIN)
            leave(crowd, client);
        return;
    }
    crowd->tallies[client->kind].received += (uint64_t)got;
    for (ssize_t i = 0; i < got; i++) {
        if (!hear_octet(crowd, client, octets[i]))
            return;
    }
}

static void on_event(struct crowd *crowd, struct client *client, uint32_t events)
{
    int error = 0;
    socklen_t length = sizeof error;

    if (client->descriptor < 0)
        return;
    if (!client->connected) {
        (void)getsockopt(client->descriptor, SOL_SOCKET, SO_ERROR, &error, &length);
        if (error || events & (EPOLLERR | EPOLLHUP))
            leave(crowd, client);
        else
            begin(crowd, client);
    } else if (events & EPOLLIN) {
        hear(crowd, client);
    } else if (events & (EPOLLERR | EPOLLHUP | EPOLLRDHUP)) {
        leave(crowd, client);
    } else if (events & EPOLLOUT) {
        (void)say(crowd, client, crowd->questions, crowd->questions_length,
                  crowd->questions_length);
    }
}

static void on_turn(struct crowd *crowd)
{
    uint64_t now_ms = clock_monotonic_ms();

    for (unsigned i = 0; i < crowd->count; i++) {
        struct client *client = &crowd->clients[i];
        if (client->due_ms > now_ms)
            continue;
        if (client->descriptor < 0 && (crowd->again || client->kind == TRANSFERS))
            come(crowd, client);
        else if (client->kind == BYTEWISE && client->connected)
            say_octet(crowd, client, now_ms);
    }
}

/* ---- telling ---------------------------------------------------------------------------------*/

static void tell(const struct crowd *crowd)
{
    for (unsigned kind = 0; kind < KINDS; kind++) {
        const struct tally *tally = &crowd->tallies[kind];
        printf("%s\"%s\": {\"open\": %llu, \"connected\": %llu, \"failed\": %llu, "
               "\"closed\": %llu, \"sent\": %llu, \"received\": %llu, \"answers\": %llu, "
               "\"rcodes\": {",
               kind ? ", " : "{", kind_names[kind], (unsigned long long)tally->open,
               (unsigned long long)tally->connected, (unsigned long long)tally->failed,
               (unsigned long long)tally->closed, (unsigned long long)tally->sent,
               (unsigned long long)tally->received, (unsigned long long)tally->answers);
        for (unsigned rcode = 0, told = 0; rcode < 16; rcode++) {
            if (tally->rcodes[rcode])
                printf("%s\"%u\": %llu", told++ ? ", " : "", rcode,
                       (unsigned long long)tally->rcodes[rcode]);
        }
        printf("}}");
    }
    printf("}\n");
    (void)fflush(stdout);
}

static bool is_over(const struct crowd *crowd, uint64_t start_ms)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    char octet;

    if (crowd->seconds && clock_monotonic_ms() - start_ms >= (uint64_t)crowd->seconds * SECOND_MS)
        return true;
    return !crowd->seconds && poll(&input, 1, 0) == 1 && read(STDIN_FILENO, &octet, 1) <= 0;
}

static void run(struct crowd *crowd)
{
    struct epoll_event events[EVENTS];
    uint64_t start_ms = clock_monotonic_ms(), turn_ms = 0;
    bool told = false;

    while (!is_over(crowd, start_ms)) {
        int count = epoll_wait(crowd->epoll, events, EVENTS, TURN_MS);
        for (int i = 0; i < count; i++)
            on_event(crowd, events[i].data.ptr, events[i].events);
        if (clock_monotonic_ms() - turn_ms >= TURN_MS) {
            on_turn(crowd);
            turn_ms = clock_monotonic_ms();
        }
        if (!told && crowd->settled == crowd->count) {
            tell(crowd);
            told = true;
        }
    }
    tell(crowd);
}

static void make_clients(struct crowd *crowd)
{
    struct rlimit limit;

    for (unsigned kind = 0; kind < KINDS; kind++)
        crowd->count += crowd->counts[kind];
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    crowd->epoll = epoll_create1(EPOLL_CLOEXEC);
    crowd->clients = calloc(crowd->count, sizeof *crowd->clients);
    if (!crowd->clients || crowd->epoll < 0)
        blast_stop("no memory for so many clients");
    for (unsigned kind = 0, i = 0; kind < KINDS; kind++) {
        for (unsigned j = 0; j < crowd->counts[kind]; j++)
            crowd->clients[i++].kind = (enum kind)kind;
    }
    for (unsigned i = 0; i < crowd->count; i++)
        come(crowd, &crowd->clients[i]);
}

static bool read_options(struct crowd *crowd, int count, char **arguments)
{
    int letter;

    while ((letter = getopt(count, arguments, "a:p:z:i:n:b:x:k:m:rs:")) != -1) {
        unsigned number = optarg ? (unsigned)atoi(optarg) : 0;
        const char *which = strchr(kind_letters, letter);
        if (which)
            crowd->counts[which - kind_letters] = number;
        else if (letter == 'a')
            crowd->address = optarg;
        else if (letter == 'p')
            crowd->port = number;
        else if (letter == 'z')
            crowd->zone_text = optarg;
        else if (letter == 'k')
            crowd->key = optarg;
        else if (letter == 'm')
            crowd->networks = number;
        else if (letter == 's')
            crowd->seconds = number;
        else if (letter == 'r')
            crowd->again = true;
        else
            return false;
    }
    return true;
}

int main(int count, char **arguments)
{
    static struct crowd crowd = {.address = "127.0.0.1", .networks = 256};

    if (!read_options(&crowd, count, arguments))
        return 2;
    if (!crowd.zone_text || crowd.port == 0 || crowd.port > 65535 || crowd.networks == 0 ||
        crowd.networks > 65536 || name_from_string(crowd.zone_text, &crowd.zone))
        blast_stop("-p and -z are needed; see the head of the source");
    if (crowd.key)
        blast_key(&crowd.keyring, crowd.key);
    write_all(&crowd);
    make_clients(&crowd);
    run(&crowd);
    tsig_keyring_close(&crowd.keyring);
    free(crowd.clients);
    return 0;
}
