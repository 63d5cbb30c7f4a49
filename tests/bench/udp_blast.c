/*
 * udp_blast.c - DNS queries over UDP as fast as they are answered, with a bounded number under way.
 *
 *   udp_blast -p PORT [-a ADDRESS] -f FILE | -r ORIGIN  [-s SECONDS] [-w WINDOW] [-l LIMIT] [-D]
 *             [-n SOURCES] [-S]
 *
 * -f  questions, a line each: NAME TYPE; asked in random order
 * -r  random names below ORIGIN, type A: as good as never asked before, and as good as never there
 * -w  queries that may be under way (256); 0: as fast as they can be sent, answered or not
 * -l  at most so many queries a second; without it as many as are answered
 * -D  without DO; with it left out all queries have EDNS and DO
 * -n  from so many addresses of 127.64.0.0/10, one after the other
 * -S  count the answers with NOERROR and an RRSIG in the answer section, which takes time
 *
 * Prints one line of JSON: seconds, queries sent, answers by RCODE, how many had answer records,
 * were truncated, how long they were, how many queries were lost, and how long answers took, as
 * seen from here: from before the batch is sent until after the one it comes in with is read.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "avow/wire/message.h"
#include "avow/wire/name.h"
#include "avow/wire/type.h"
#include "avow/wire/writer.h"

enum {
    BATCH = 64,
    QUERY_OCTETS = 320,
    ANSWER_OCTETS = 4096,
    RANDOM_LABEL = 10,
    SILENCE_MS = 50,      /* nothing came for so long: what is under way is lost */
    LATENCY_US = 1 << 17, /* the longest that is told apart */
    IDS = 1 << 16,
    SOCKET_OCTETS = 4 * 1024 * 1024,
    SOURCES_MOST = 1 << 22 /* addresses of a /10 */
};

static const uint32_t first_source = 127U << 24 | 64U << 16;

struct options {
    const char *address, *file, *origin;
    unsigned port, window, sources;
    double seconds, limit;
    bool plain, count_signed;
};

/* Questions as whole queries, one behind the other. */
struct questions {
    uint8_t *octets;
    size_t length, capacity;
    uint32_t *starts; /* count + 1 of them */
    size_t count, room;
};

struct tally {
    uint64_t sent, received, lost, octets, with_answer, with_signature, truncated, rcodes[16];
    double seconds;
    uint32_t latency[LATENCY_US]; /* answers by microseconds */
};

struct blast {
    struct options options;
    struct questions questions;
    struct tally tally;
    uint64_t chance;
    uint64_t under_way;
    int descriptor;
    double sent_at[IDS]; /* by id; 0: none is waited for */
    struct mmsghdr out[BATCH], in[BATCH];
    struct iovec out_vectors[BATCH], in_vectors[BATCH];
    struct sockaddr_in server;
    union {
        struct cmsghdr header;
        uint8_t octets[CMSG_SPACE(sizeof(struct in_pktinfo))];
    } controls[BATCH]; /* where a query comes from */
    uint32_t next_source;
    uint8_t queries[BATCH][QUERY_OCTETS], answers[BATCH][ANSWER_OCTETS];
};

static void stop(const char *what)
{
    fprintf(stderr, "udp_blast: %s%s%s\n", what, errno ? ": " : "", errno ? strerror(errno) : "");
    exit(1);
}

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* xorshift64*: which question is next, and letters of random names. */
static uint64_t chance(struct blast *blast)
{
    uint64_t x = blast->chance;

    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    blast->chance = x;
    return x * 0x2545f4914f6cdd1dULL;
}

/* ---- questions ------------------------------------------------------------------------------- */

static size_t write_query(uint8_t *octets, const struct name *name, uint16_t type, bool plain)
{
    struct writer writer = writer_over(octets, QUERY_OCTETS);

    writer_u16(&writer, 0); /* the id is set when it is sent */
    writer_u16(&writer, 0);
    writer_u16(&writer, 1);
    writer_u32(&writer, 0);
    writer_u16(&writer, plain ? 0 : 1);
    writer_add(&writer, name->octets, name->length);
    writer_u16(&writer, type);
    writer_u16(&writer, CLASS_IN);
    if (!plain) {
        writer_u8(&writer, 0);
        writer_u16(&writer, 41); /* OPT */
        writer_u16(&writer, 1232);
        writer_u32(&writer, 0x8000); /* DO */
        writer_u16(&writer, 0);
    }
    return writer.length;
}

static void add_question(struct questions *questions, const uint8_t *octets, size_t length)
{
    if (questions->length + length > questions->capacity) {
        questions->capacity = 2 * questions->capacity + QUERY_OCTETS;
        questions->octets = realloc(questions->octets, questions->capacity);
    }
    if (questions->count + 2 > questions->room) {
        questions->room = 2 * questions->room + 2;
        questions->starts = reallocarray(questions->starts, questions->room, sizeof(uint32_t));
    }
    if (!questions->octets || !questions->starts)
        stop("memory");
    memcpy(questions->octets + questions->length, octets, length);
    questions->starts[questions->count++] = (uint32_t)questions->length;
    questions->length += length;
    questions->starts[questions->count] = (uint32_t)questions->length;
}

static void read_questions(struct blast *blast)
{
    FILE *file = fopen(blast->options.file, "r");
    char text[1100], mnemonic[32];
    struct name name;
    uint16_t type;

    if (!file)
        stop(blast->options.file);
    while (fscanf(file, "%1099s %31s", text, mnemonic) == 2) {
        uint8_t octets[QUERY_OCTETS];
        if (name_from_string(text, &name) || type_from_text(mnemonic, strlen(mnemonic), &type))
            stop("a line is no question");
        add_question(&blast->questions, octets,
                     write_query(octets, &name, type, blast->options.plain));
    }
    fclose(file);
    errno = 0;
    if (blast->questions.count == 0)
        stop("there are no questions");
}

/* One question, with a first label that is filled anew each time. */
static void make_random_question(struct blast *blast)
{
    char text[1100];
    struct name name;
    uint8_t octets[QUERY_OCTETS];

    (void)snprintf(text, sizeof text, "%.*s.%s", RANDOM_LABEL, "xxxxxxxxxxxxxxxx",
                   blast->options.origin);
    if (name_from_string(text, &name))
        stop("-r takes a domain name");
    add_question(&blast->questions, octets,
                 write_query(octets, &name, TYPE_A, blast->options.plain));
}

static size_t next_query(struct blast *blast, uint8_t *query)
{
    const struct questions *questions = &blast->questions;
    uint64_t random = chance(blast);
    size_t i = (size_t)((random >> 32) * questions->count >> 32);
    size_t length = questions->starts[i + 1] - questions->starts[i];

    memcpy(query, questions->octets + questions->starts[i], length);
    query[0] = (uint8_t)(random >> 8);
    query[1] = (uint8_t)random;
    if (blast->options.origin) {
        random = chance(blast);
        for (unsigned letter = 0; letter < RANDOM_LABEL; letter++, random >>= 5)
            query[13 + letter] = (uint8_t) "abcdefghijklmnopqrstuvwxyz234567"[random & 31];
    }
    return length;
}

/* ---- traffic --------------------------------------------------------------------------------- */

/* Have a query leave from the next address. */
static void choose_source(struct blast *blast, unsigned slot)
{
    struct msghdr *header = &blast->out[slot].msg_hdr;
    struct cmsghdr *control = &blast->controls[slot].header;
    struct in_pktinfo info = {.ipi_spec_dst = {htonl(first_source + blast->next_source)}};

    blast->next_source = (blast->next_source + 1) % blast->options.sources;
    *control = (struct cmsghdr){
        .cmsg_len = CMSG_LEN(sizeof info), .cmsg_level = IPPROTO_IP, .cmsg_type = IP_PKTINFO};
    memcpy(CMSG_DATA(control), &info, sizeof info);
    header->msg_control = control;
    header->msg_controllen = sizeof blast->controls[slot].octets;
    header->msg_name = &blast->server;
    header->msg_namelen = sizeof blast->server;
}

static void open_socket(struct blast *blast)
{
    const struct options *options = &blast->options;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)options->port)};
    int size = SOCKET_OCTETS;

    if (inet_pton(AF_INET, options->address, &address.sin_addr) != 1)
        stop("-a takes an IPv4 address");
    blast->server = address;
    blast->descriptor = socket(AF_INET, SOCK_DGRAM, 0);
    if (blast->descriptor < 0 ||
        (options->sources == 0 &&
         connect(blast->descriptor, (struct sockaddr *)&address, sizeof address)))
        stop("the socket");
    if (setsockopt(blast->descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size))
        (void)setsockopt(blast->descriptor, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    for (unsigned i = 0; i < BATCH; i++) {
        blast->out_vectors[i].iov_base = blast->queries[i];
        blast->in_vectors[i] = (struct iovec){blast->answers[i], ANSWER_OCTETS};
        blast->out[i].msg_hdr = (struct msghdr){.msg_iov = &blast->out_vectors[i], .msg_iovlen = 1};
        blast->in[i].msg_hdr = (struct msghdr){.msg_iov = &blast->in_vectors[i], .msg_iovlen = 1};
    }
}

static void send_batch(struct blast *blast, unsigned count)
{
    double time = now();

    for (unsigned i = 0; i < count; i++) {
        blast->out_vectors[i].iov_len = next_query(blast, blast->queries[i]);
        blast->sent_at[blast->queries[i][0] << 8 | blast->queries[i][1]] = time;
        if (blast->options.sources)
            choose_source(blast, i);
    }
    int sent = sendmmsg(blast->descriptor, blast->out, count, 0);
    if (sent < 0 && errno != EAGAIN && errno != ENOBUFS && errno != ECONNREFUSED)
        stop("sendmmsg");
    if (sent > 0) {
        blast->tally.sent += (unsigned)sent;
        blast->under_way += (unsigned)sent;
    }
}

static void count_latency(struct blast *blast, const uint8_t *octets, double time)
{
    double *sent = &blast->sent_at[octets[0] << 8 | octets[1]];
    double microseconds = *sent > 0 ? (time - *sent) * 1e6 : 0;

    if (*sent > 0)
        blast->tally
            .latency[microseconds < LATENCY_US - 1 ? (unsigned)microseconds : LATENCY_US - 1]++;
    *sent = 0;
}

static bool is_signed(const uint8_t *octets, size_t length)
{
    struct reader message = reader_over(octets, length);
    struct header header;
    struct question question;
    struct record record;

    header_read(&message, &header);
    if (message.failed || header.flags & FLAG_RCODE || header.counts[SECTION_QUESTION] != 1)
        return false;
    question_read(&message, &question);
    for (unsigned i = 0; i < header.counts[SECTION_ANSWER] && !message.failed; i++) {
        record_read(&message, &record);
        if (!message.failed && record.type == TYPE_RRSIG)
            return true;
    }
    return false;
}

static void count_answer(struct blast *blast, const uint8_t *octets, size_t length, double time)
{
    struct tally *tally = &blast->tally;

    if (length < 12)
        return;
    count_latency(blast, octets, time);
    tally->received++;
    tally->octets += length;
    tally->rcodes[octets[3] & 15]++;
    tally->truncated += (octets[2] & 2) != 0;
    tally->with_answer += octets[6] || octets[7];
    if (blast->options.count_signed)
        tally->with_signature += is_signed(octets, length);
}

/* Whether anything came. */
static bool receive(struct blast *blast)
{
    int count = recvmmsg(blast->descriptor, blast->in, BATCH, MSG_DONTWAIT, NULL);

    if (count < 0 && errno != EAGAIN && errno != ECONNREFUSED && errno != EINTR)
        stop("recvmmsg");
    double time = now();
    for (int i = 0; i < count; i++)
        count_answer(blast, blast->answers[i], blast->in[i].msg_len, time);
    if (count > 0) /* an answer may come after it was given up */
        blast->under_way -= blast->under_way < (unsigned)count ? blast->under_way : (unsigned)count;
    return count > 0;
}

static void wait_for_answer(struct blast *blast, int milliseconds)
{
    struct pollfd waiting = {.fd = blast->descriptor, .events = POLLIN};

    if (poll(&waiting, 1, milliseconds) == 0 && milliseconds == SILENCE_MS) {
        blast->tally.lost += blast->under_way;
        blast->under_way = 0;
    }
}

/* How many may be sent now. */
static unsigned allowed(const struct blast *blast, double since)
{
    const struct options *options = &blast->options;
    uint64_t room = options->window == 0                 ? BATCH
                    : options->window > blast->under_way ? options->window - blast->under_way
                                                         : 0;

    if (options->limit > 0) {
        double due = since * options->limit - (double)blast->tally.sent;
        if (due < (double)room)
            room = due > 0 ? (uint64_t)due : 0;
    }
    return room > BATCH ? BATCH : (unsigned)room;
}

/* Whether the last answers are waited for: a few are a part of few. */
static bool last_are_due(const struct blast *blast)
{
    return blast->options.limit > 0 && blast->under_way;
}

static void run(struct blast *blast)
{
    double start = now(), end = start + blast->options.seconds, time = start;

    while (time < end) {
        unsigned count = allowed(blast, time - start);
        /* Half a batch at least, so that sending costs as little as it can; but never wait for
         * room that only an answer makes. */
        bool worth = count >= BATCH / 2 || count == blast->options.window ||
                     (count && blast->options.limit > 0);
        if (worth)
            send_batch(blast, count);
        if (!receive(blast) && !worth)
            wait_for_answer(blast, blast->options.limit > 0 ? 1 : SILENCE_MS);
        time = now();
    }
    blast->tally.seconds = time - start;
    while (last_are_due(blast) && now() < end + SILENCE_MS / 1000.0) {
        if (!receive(blast))
            wait_for_answer(blast, 1);
    }
}

/* Milliseconds within which so large a share of the answers came. */
static double latency_at(const struct tally *tally, double share)
{
    uint64_t total = 0, seen = 0;
    unsigned i = 0;

    for (unsigned j = 0; j < LATENCY_US; j++)
        total += tally->latency[j];
    while (i < LATENCY_US - 1 && (double)(seen += tally->latency[i]) < share * (double)total)
        i++;
    return (i + 1) / 1000.0;
}

static void print_tally(const struct tally *tally)
{
    printf("{\"seconds\": %.3f, \"sent\": %llu, \"answers\": %llu, \"answers_per_second\": %.0f, "
           "\"lost\": %llu, \"mean_octets\": %.1f, \"with_answer_records\": %llu, "
           "\"with_signature\": %llu, "
           "\"truncated\": %llu, \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"p999_ms\": %.3f, "
           "\"largest_ms\": %.3f, \"rcodes\": {",
           tally->seconds, (unsigned long long)tally->sent, (unsigned long long)tally->received,
           (double)tally->received / tally->seconds, (unsigned long long)tally->lost,
           tally->received ? (double)tally->octets / (double)tally->received : 0.0,
           (unsigned long long)tally->with_answer, (unsigned long long)tally->with_signature,
           (unsigned long long)tally->truncated, latency_at(tally, 0.5), latency_at(tally, 0.99),
           latency_at(tally, 0.999), latency_at(tally, 1));
    const char *separator = "";
    for (unsigned i = 0; i < 16; i++) {
        if (tally->rcodes[i] == 0)
            continue;
        printf("%s\"%u\": %llu", separator, i, (unsigned long long)tally->rcodes[i]);
        separator = ", ";
    }
    printf("}}\n");
}

static void read_options(struct options *options, int count, char **arguments)
{
    int letter;

    while ((letter = getopt(count, arguments, "a:p:f:r:s:w:l:n:DS")) != -1) {
        if (letter == 'a')
            options->address = optarg;
        else if (letter == 'p')
            options->port = (unsigned)atoi(optarg);
        else if (letter == 'f')
            options->file = optarg;
        else if (letter == 'r')
            options->origin = optarg;
        else if (letter == 's')
            options->seconds = atof(optarg);
        else if (letter == 'w')
            options->window = (unsigned)atoi(optarg);
        else if (letter == 'n')
            options->sources = (unsigned)atoi(optarg);
        else if (letter == 'l')
            options->limit = atof(optarg);
        else if (letter == 'D')
            options->plain = true;
        else if (letter == 'S')
            options->count_signed = true;
        else
            exit(2);
    }
}

int main(int count, char **arguments)
{
    struct blast *blast = calloc(1, sizeof *blast);
    struct timespec time;

    if (!blast)
        stop("memory");
    blast->options = (struct options){.address = "127.0.0.1", .window = 256, .seconds = 3};
    read_options(&blast->options, count, arguments);
    if (!blast->options.file == !blast->options.origin || blast->options.port == 0 ||
        blast->options.port > 65535 || blast->options.sources > SOURCES_MOST ||
        blast->options.seconds <= 0)
        stop("-p PORT and one of -f FILE and -r ORIGIN are needed; see the head of the source");
    clock_gettime(CLOCK_REALTIME, &time);
    blast->chance = ((uint64_t)time.tv_nsec << 32 ^ (uint64_t)time.tv_sec) | 1;
    if (blast->options.file)
        read_questions(blast);
    else
        make_random_question(blast);
    open_socket(blast);
    run(blast);
    print_tally(&blast->tally);
    return 0;
}
