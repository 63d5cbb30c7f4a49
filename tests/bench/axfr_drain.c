/*
 * axfr_drain.c - a whole zone by TCP, read to its end and thrown away.
 *
 *   axfr_drain -p PORT -z ZONE [-a ADDRESS] [-k NAME:SECRET] [-n TIMES] [-r OCTETS_A_SECOND]
 *
 * Looks at nothing but the frames and the RCODE of each message. The end is the message whose last
 * octets, without a TSIG, are those of the first record's RDATA: the SOA once more. Prints one line
 * of JSON: transfers, messages, octets (frames included) and seconds.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "avow/base/clock.h"

#include "blast_key.h"

enum { SOA_OCTETS = 20 /* serial and timers, at the end of the record */, CHUNK = 1 << 20 };

struct options {
    const char *address, *zone, *key;
    unsigned port, times;
    double rate;
};

struct drain {
    struct options options;
    struct tsig_keyring keyring;
    struct tsig_session session;
    struct name zone;
    int descriptor;
    uint64_t begun, messages, octets;
    uint8_t soa[SOA_OCTETS];
    size_t held; /* octets in `chunk` that were not looked at */
    uint8_t chunk[CHUNK];
};

static void connect_to(struct drain *drain)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)drain->options.port)};
    int on = 1;

    if (inet_pton(AF_INET, drain->options.address, &address.sin_addr) != 1)
        blast_stop("-a takes an IPv4 address");
    drain->descriptor = socket(AF_INET, SOCK_STREAM, 0);
    if (drain->descriptor < 0 ||
        connect(drain->descriptor, (struct sockaddr *)&address, sizeof address) ||
        setsockopt(drain->descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on))
        blast_stop("cannot connect");
}

static void ask(struct drain *drain)
{
    const struct header header = {.id = 1, .counts = {1, 0, 0, 0}};
    uint8_t octets[1024];
    struct writer writer = writer_over(octets + 2, sizeof octets - 2);

    header_write(&writer, &header);
    name_write(&writer, &drain->zone);
    writer_u16(&writer, TYPE_AXFR);
    writer_u16(&writer, CLASS_IN);
    if (drain->options.key && tsig_request(&drain->keyring, &drain->keyring.keys[0],
                                           &drain->session, &writer, clock_wall_seconds()))
        blast_stop("the question could not be made");
    octets[0] = (uint8_t)(writer.length >> 8);
    octets[1] = (uint8_t)writer.length;
    if (write(drain->descriptor, octets, writer.length + 2) != (ssize_t)writer.length + 2)
        blast_stop("cannot send");
}

/* Whether the SOA's octets are the last ones, or stand before a TSIG. */
static bool ends_with_soa(const struct drain *drain, const uint8_t *message, size_t length)
{
    size_t tail = SOA_OCTETS;

    if (drain->options.key && message[11])
        tail += tsig_size(&drain->session);
    if (tail > length)
        tail = length;
    return memmem(message + length - tail, tail, drain->soa, SOA_OCTETS) != NULL;
}

static void learn_soa(struct drain *drain, const uint8_t *message, size_t length)
{
    struct reader reader = reader_over(message, length);
    struct header header;
    struct question question;
    struct record record;

    header_read(&reader, &header);
    if (header.counts[SECTION_QUESTION])
        question_read(&reader, &question);
    record_read(&reader, &record);
    if (reader.failed || record.type != TYPE_SOA || reader_left(&record.rdata) < SOA_OCTETS)
        blast_stop("the transfer does not begin with the SOA");
    memcpy(drain->soa, record.rdata.end - SOA_OCTETS, SOA_OCTETS);
}

/* The first message tells the SOA; whether this one ends with it. */
static bool take(struct drain *drain, const uint8_t *message, size_t length)
{
    bool first = drain->messages == 0;

    errno = 0;
    if (length < MESSAGE_HEADER_OCTETS || message[3] & 15)
        blast_stop("the transfer was refused");
    drain->messages++;
    drain->octets += length + 2;
    if (first)
        learn_soa(drain, message, length);
    bool alone = message[6] == 0 && message[7] == 1; /* is the first one, not the last */
    return !(first && alone) && ends_with_soa(drain, message, length);
}

/* Whole messages out of what was read; whether the end was among them. */
static bool take_all(struct drain *drain)
{
    size_t at = 0;
    bool end = false;

    while (!end && drain->held - at >= 2) {
        size_t length = (size_t)drain->chunk[at] << 8 | drain->chunk[at + 1];
        if (drain->held - at - 2 < length)
            break;
        end = take(drain, drain->chunk + at + 2, length);
        at += 2 + length;
    }
    drain->held -= at;
    memmove(drain->chunk, drain->chunk + at, drain->held);
    return end;
}

/* Reads slower than it could, for those who want a patient server. */
static void keep_pace(const struct drain *drain, uint64_t octets)
{
    double due = (double)octets / drain->options.rate;
    double since = (double)(clock_monotonic_ns() - drain->begun) / 1e9;

    if (due > since)
        (void)usleep((useconds_t)((due - since) * 1e6));
}

static void drain_once(struct drain *drain)
{
    uint64_t octets = 0;
    bool end = false;

    drain->messages = 0;
    drain->held = 0;
    connect_to(drain);
    ask(drain);
    while (!end) {
        ssize_t got = recv(drain->descriptor, drain->chunk + drain->held, CHUNK - drain->held, 0);
        if (got <= 0)
            blast_stop("the stream ended early");
        drain->held += (size_t)got;
        octets += (uint64_t)got;
        end = take_all(drain);
        if (drain->options.rate > 0)
            keep_pace(drain, octets);
    }
    (void)close(drain->descriptor);
}

int main(int count, char **arguments)
{
    static struct drain drain;
    struct options *options = &drain.options;
    uint64_t messages = 0;
    int letter;

    *options = (struct options){.address = "127.0.0.1", .times = 1};
    while ((letter = getopt(count, arguments, "a:p:z:k:n:r:")) != -1) {
        if (letter == 'a')
            options->address = optarg;
        else if (letter == 'p')
            options->port = (unsigned)atoi(optarg);
        else if (letter == 'z')
            options->zone = optarg;
        else if (letter == 'k')
            options->key = optarg;
        else if (letter == 'n')
            options->times = (unsigned)atoi(optarg);
        else if (letter == 'r')
            options->rate = atof(optarg);
        else
            return 2;
    }
    if (!options->zone || options->port == 0 || options->port > 65535 ||
        name_from_string(options->zone, &drain.zone))
        blast_stop("-p and -z are needed; see the head of the source");
    if (options->key)
        blast_key(&drain.keyring, options->key);
    drain.begun = clock_monotonic_ns();
    for (unsigned i = 0; i < options->times; i++) {
        drain_once(&drain);
        messages += drain.messages;
    }
    printf("{\"transfers\": %u, \"messages\": %llu, \"octets\": %llu, \"seconds\": %.4f}\n",
           options->times, (unsigned long long)messages, (unsigned long long)drain.octets,
           (double)(clock_monotonic_ns() - drain.begun) / 1e9);
    tsig_keyring_close(&drain.keyring);
    return 0;
}
