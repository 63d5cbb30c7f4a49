/*
 * transfer_loop.c - a whole zone as a stream: CPU time to make it, in process, and through TCP.
 *
 * Usage: transfer_loop [NAMES [SECONDS]]       a zone of so many names (100000), NSEC3, signed in
 *                                              form only, then the same unsigned
 *        transfer_loop FOLDER ZONE [SECONDS]   a zone of a store that no keeper has open
 *
 * Side by side, in one run: the stream made and thrown away, with and without TSIG; the same octets
 * copied by memcpy; the same octets from memory through a TCP connection on loopback to a thread
 * that throws them away; and the stream made and sent through it.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "avow/base/clock.h"
#include "avow/tsig/tsig.h"
#include "src/desk/transfer.h"

#include "world.h"

enum {
    SECRET_OCTETS = 32,
    LENGTH_OCTETS = 2,
    SINK_OCTETS = 1 << 20,
    SEND_OCTETS = 1 << 16 /* in one system call, of the copy; the stream's messages until so many */
};

struct bench {
    struct snapshot *snapshot;
    struct name zone;
    struct tsig_keyring keyring;
    uint64_t nanoseconds; /* for each figure */
    struct buffer stream; /* one whole stream, framed for TCP */
    int socket;
    uint64_t messages, octets; /* of one stream */
    size_t unsent;             /* octets in `batch` */
    uint8_t batch[SEND_OCTETS + LENGTH_OCTETS + MESSAGE_MAX_OCTETS];
};

static void die(const char *what)
{
    (void)fprintf(stderr, "transfer_loop: %s\n", what);
    exit(2);
}

/* CPU time of this thread: the server's side, system calls included. */
static uint64_t nanoseconds(clockid_t clock)
{
    struct timespec time;

    if (clock_gettime(clock, &time))
        die("no clock");
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void send_all(const struct bench *bench, const uint8_t *octets, size_t length)
{
    while (length > 0) {
        ssize_t sent =
            send(bench->socket, octets, length < SEND_OCTETS ? length : SEND_OCTETS, MSG_NOSIGNAL);
        if (sent <= 0)
            die("send");
        octets += sent;
        length -= (size_t)sent;
    }
}

/* ---- what is measured ------------------------------------------------------------------------ */

enum what { MADE, MADE_SIGNED, COPIED, SENT, MADE_AND_SENT, MADE_SIGNED_AND_SENT, WHATS };

static const char *const titles[] = {
    [MADE] = "made",
    [MADE_SIGNED] = "made, TSIG",
    [COPIED] = "memcpy",
    [SENT] = "TCP loopback copy",
    [MADE_AND_SENT] = "made and sent",
    [MADE_SIGNED_AND_SENT] = "made, TSIG, sent",
};

static bool has_tsig(enum what what)
{
    return what == MADE_SIGNED || what == MADE_SIGNED_AND_SENT;
}

static struct transfer *begin(struct bench *bench)
{
    static const uint8_t type_and_class[] = {0, TYPE_AXFR, 0, CLASS_IN};
    const struct transfer_source source = {.snapshot = bench->snapshot};
    struct transfer_request request = {.type = TYPE_AXFR};
    uint8_t question[NAME_MAX_OCTETS + sizeof type_and_class];
    struct writer writer = writer_over(question, sizeof question);
    struct transfer *transfer;

    name_write(&writer, &bench->zone);
    writer_add(&writer, type_and_class, sizeof type_and_class);
    name_copy(&request.zone, &bench->zone);
    request.question = question;
    request.question_octets = writer.length;
    if (transfer_begin(&source, &request, &transfer) != TRANSFER_BEGUN)
        die("the zone cannot be transferred");
    return transfer;
}

static void sign(struct bench *bench, struct tsig_session *session, struct writer *writer)
{
    writer->limit = MESSAGE_MAX_OCTETS;
    if (session->key && tsig_sign(&bench->keyring, session, writer, 1800000000))
        die("signing failed");
}

static void flush_batch(struct bench *bench, enum what what)
{
    if (what == MADE_AND_SENT || what == MADE_SIGNED_AND_SENT)
        send_all(bench, bench->batch, bench->unsent);
    bench->unsent = 0;
}

/* One stream; keeps it when `bench->stream` is still empty. */
static void make(struct bench *bench, enum what what)
{
    struct transfer *transfer = begin(bench);
    struct tsig_session session = {.fudge = TSIG_FUDGE, .time_signed = 1800000000};
    enum transfer_step step;
    bool keep = bench->stream.length == 0;

    if (has_tsig(what)) {
        session.key = bench->keyring.keys;
        name_copy(&session.key_name, &session.key->name);
        if (name_from_string("hmac-sha256.", &session.algorithm))
            die("no algorithm");
    }
    do {
        uint8_t *message = bench->batch + bench->unsent;
        struct writer writer = writer_over(message + LENGTH_OCTETS, MESSAGE_MAX_OCTETS);
        writer.limit -= tsig_size(&session);
        step = transfer_next(transfer, &writer);
        if (step != TRANSFER_MESSAGE && step != TRANSFER_LAST)
            die("the transfer failed");
        sign(bench, &session, &writer);
        message[0] = (uint8_t)(writer.length >> 8);
        message[1] = (uint8_t)writer.length;
        if (keep)
            buffer_add(&bench->stream, message, LENGTH_OCTETS + writer.length);
        bench->messages += keep;
        bench->unsent += LENGTH_OCTETS + writer.length;
        if (bench->unsent >= SEND_OCTETS || step == TRANSFER_LAST)
            flush_batch(bench, what);
    } while (step == TRANSFER_MESSAGE);
    transfer_free(transfer);
}

static void copy(struct bench *bench)
{
    for (size_t at = 0, part; at < bench->stream.length; at += part) {
        part = bench->stream.length - at;
        part = part < SEND_OCTETS ? part : SEND_OCTETS;
        memcpy(bench->batch, bench->stream.octets + at, part);
        __asm__ volatile("" : : "r"(bench->batch) : "memory");
    }
}

static void measure(struct bench *bench, enum what what)
{
    uint64_t cpu = 0, wall = 0, octets = 0, best = UINT64_MAX;

    while (wall < bench->nanoseconds) {
        uint64_t cpu_begun = nanoseconds(CLOCK_THREAD_CPUTIME_ID);
        uint64_t wall_begun = nanoseconds(CLOCK_MONOTONIC);
        if (what == COPIED)
            copy(bench);
        else if (what == SENT)
            send_all(bench, bench->stream.octets, bench->stream.length);
        else
            make(bench, what);
        uint64_t round = nanoseconds(CLOCK_THREAD_CPUTIME_ID) - cpu_begun;
        wall += nanoseconds(CLOCK_MONOTONIC) - wall_begun;
        cpu += round;
        best = round < best ? round : best;
        octets += bench->stream.length;
    }
    printf("  %-20s %7.0f MB/s of CPU, best round %7.0f; %7.0f MB/s of wall time\n", titles[what],
           (double)octets * 1000 / (double)cpu, (double)bench->stream.length * 1000 / (double)best,
           (double)octets * 1000 / (double)wall);
}

/* ---- a connection to a thread that throws away what comes ------------------------------------ */

static void *sink(void *context)
{
    int socket = *(int *)context;
    uint8_t *octets = malloc(SINK_OCTETS);

    while (octets && read(socket, octets, SINK_OCTETS) > 0)
        ;
    free(octets);
    return NULL;
}

static void connect_sink(struct bench *bench, int *other, pthread_t *thread)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    bench->socket = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || bench->socket < 0 ||
        bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 1) ||
        getsockname(listener, (struct sockaddr *)&address, &length) ||
        connect(bench->socket, (struct sockaddr *)&address, sizeof address))
        die("no connection");
    *other = accept(listener, NULL, NULL);
    close(listener);
    if (*other < 0 || pthread_create(thread, NULL, sink, other))
        die("no sink");
}

static void run(struct bench *bench, const char *title)
{
    pthread_t thread;
    int other;

    buffer_clear(&bench->stream);
    bench->messages = 0;
    make(bench, MADE);
    if (buffer_check(&bench->stream))
        die("no memory");
    printf("%s: %zu octets in %llu messages\n", title, bench->stream.length,
           (unsigned long long)bench->messages);
    connect_sink(bench, &other, &thread);
    for (enum what what = 0; what < WHATS; what++)
        measure(bench, what);
    close(bench->socket);
    pthread_join(thread, NULL);
    close(other);
}

/* ---- zones ----------------------------------------------------------------------------------- */

static void load(struct world *world, const char *apex, uint32_t names, enum world_denial denial)
{
    struct buffer text = {.octets = NULL};

    buffer_text(&text, "$TTL 3600\n@ SOA ns1 hostmaster 1 7200 3600 1209600 3600\n"
                       "@ NS ns1\nns1 A 192.0.2.1\n");
    for (uint32_t i = 0; i < names; i++)
        buffer_format(&text, "h%07x A 10.%u.%u.%u\n", i, i >> 16 & 255, i >> 8 & 255, i & 255);
    world_load(world, &(struct world_zone){.apex = apex,
                                           .text = (const char *)text.octets,
                                           .length = text.length,
                                           .denial = denial,
                                           .signing = WORLD_IMITATED});
    buffer_free(&text);
}

static void run_made(struct bench *bench, uint32_t names)
{
    static const char *const apexes[] = {"signed.example.", "unsigned.example."};
    static struct world world;

    world_open(&world, (uint64_t)8 << 30);
    load(&world, apexes[0], names, WORLD_NSEC3);
    load(&world, apexes[1], names, WORLD_UNSIGNED);
    struct answerer answerer;
    world_ready(&world, &answerer);
    snapshot_rest(&world.snapshot);
    bench->snapshot = &world.snapshot;
    for (unsigned i = 0; i < COUNT(apexes); i++) {
        if (name_from_string(apexes[i], &bench->zone))
            die("no name");
        run(bench, apexes[i]);
    }
    world_close(&world);
}

static void run_folder(struct bench *bench, const char *folder, const char *zone)
{
    const struct store_options options = {.folder = folder, .access = STORE_OFFLINE};
    struct store store;
    struct snapshot snapshot;

    if (store_open(&store, &options))
        die(store.problem);
    if (name_from_string(zone, &bench->zone))
        die("that is no name");
    if (snapshot_open(&snapshot, &store, NULL, 0))
        die("no snapshot");
    bench->snapshot = &snapshot;
    run(bench, zone);
    snapshot_close(&snapshot);
    store_close(&store);
}

int main(int count, char **arguments)
{
    static const uint8_t secret[SECRET_OCTETS] = {1};
    static struct bench bench;
    struct tsig_key key = {
        .algorithm = TSIG_HMAC_SHA256, .secret = secret, .secret_length = sizeof secret};
    bool folder = count > 2 && strchr(arguments[1], '/');
    int seconds = count > 2 + folder ? atoi(arguments[2 + folder]) : 1;

    if (name_from_string("key.example.", &key.name) || tsig_keyring_open(&bench.keyring, &key, 1))
        die("no key");
    bench.nanoseconds = (uint64_t)(seconds > 0 ? seconds : 1) * 1000000000;
    if (folder)
        run_folder(&bench, arguments[1], arguments[2]);
    else
        run_made(&bench, count > 1 ? (uint32_t)atoi(arguments[1]) : 100000);
    tsig_keyring_close(&bench.keyring);
    buffer_free(&bench.stream);
    return 0;
}
