/* front_lab.h - a worker of the front with a store of two small zones, and clients on loopback. */
#ifndef TESTS_UNIT_FRONT_LAB_H
#define TESTS_UNIT_FRONT_LAB_H

#include "zone_lab.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "avow/base/clock.h"
#include "avow/dnssec/rrsig.h"
#include "avow/ipc/message.h"
#include "src/front/worker.h"

/* plain.example. is not signed; signed.example. is, but no signature has been made yet. In both,
 * www and ftp have an address and big a TXT RRset that is too large for a datagram. */
enum { LAB_WAIT_MS = 5000, LAB_SOCKETS = 4 };

struct lab {
    struct test_store store;
    uint32_t version; /* of signed.example. */
    struct metrics_page *metrics;
    /* UDP, UDP wildcard, TCP, UDP over IPv6 (-1 where the machine has none) */
    struct room_socket sockets[LAB_SOCKETS];
    size_t socket_count;
    struct pages pages; /* empty, unless lab_publish was called before lab_start */
    struct settings settings;
    struct limiter limiter;
    struct hash_key key;
    struct worker worker;
    int keeper; /* the other ends of its channels */
    int desk;
    struct frame *frame;
    struct message letter;
};

static struct lab lab;

/* ---- the store -------------------------------------------------------------------------------*/

/* A signature over an RRset of signed.example., as the front sees one: nobody verifies it here. */
static inline void lab_sign(const char *owner, uint16_t type)
{
    struct change change;
    struct name name = name_of(owner);
    uint64_t now = clock_wall_seconds();
    struct rrsig_fields fields = {.covered = type,
                                  .algorithm = 13,
                                  .labels = rrsig_labels(&name),
                                  .original_ttl = 300,
                                  .inception = (uint32_t)(now - 3600),
                                  .expiration = (uint32_t)(now + 86400),
                                  .signer = name_of("signed.example.")};
    uint8_t rdata[300], signature[64] = {1};
    struct writer writer = writer_over(rdata, sizeof rdata);
    struct buffer run = {.octets = NULL};

    rrsig_write(&writer, &fields, signature, sizeof signature);
    node_signatures_add(&run, rdata, (uint16_t)writer.length);
    struct rdata_run signatures = {run.octets, (uint32_t)run.length, 1};
    begin(&change, &lab.store.store);
    ck_assert_int_eq(change_put_signatures(&change, lab.version, &name, type, &signatures),
                     RECORD_THERE);
    commit(&change);
    buffer_free(&run);
}

/* ---- the worker ------------------------------------------------------------------------------*/

static inline int lab_bind(int type, const char *address)
{
    struct sockaddr_in bound = {.sin_family = AF_INET};
    int descriptor = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;

    ck_assert_int_eq(inet_pton(AF_INET, address, &bound.sin_addr), 1);
    ck_assert_int_ge(descriptor, 0);
    ck_assert_int_eq(bind(descriptor, (struct sockaddr *)&bound, sizeof bound), 0);
    if (bound.sin_addr.s_addr == 0)
        ck_assert_int_eq(setsockopt(descriptor, IPPROTO_IP, IP_PKTINFO, &on, sizeof on), 0);
    if (type == SOCK_STREAM)
        ck_assert_int_eq(listen(descriptor, 64), 0);
    return descriptor;
}

/* -1 on a machine without IPv6. */
static inline int lab_bind_six(void)
{
    struct sockaddr_in6 bound = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int descriptor = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (descriptor >= 0 && bind(descriptor, (struct sockaddr *)&bound, sizeof bound)) {
        close(descriptor);
        descriptor = -1;
    }
    return descriptor;
}

static inline struct sockaddr_in lab_address_of(unsigned socket)
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;

    ck_assert_int_eq(
        getsockname(lab.sockets[socket].descriptor, (struct sockaddr *)&address, &length), 0);
    return address;
}

static inline void lab_failed(void *context)
{
    (void)context;
    ck_abort_msg("the worker says that the store is broken");
}

/* Limits can be set between lab_open and lab_start. */
static inline void lab_open(void)
{
    memset(&lab, 0, sizeof lab);
    test_store_open(&lab.store);
    lab_zone(&lab.store.store, "plain.example.", 0);
    lab.version = lab_zone(&lab.store.store, "signed.example.", ZONE_SIGNED);
    lab.metrics = calloc(1, sizeof *lab.metrics + 64);
    lab.frame = frame_make();
    ck_assert(lab.metrics && lab.frame);
    ck_assert_int_eq(hash_key_random(&lab.key), RESULT_OK);
    ck_assert_int_eq(limiter_open(&lab.limiter, &lab.key), RESULT_OK);
    lab.sockets[0] =
        (struct room_socket){.kind = SOCKET_UDP, .descriptor = lab_bind(SOCK_DGRAM, "127.0.0.1")};
    lab.sockets[1] =
        (struct room_socket){.kind = SOCKET_UDP, .descriptor = lab_bind(SOCK_DGRAM, "0.0.0.0")};
    lab.sockets[2] =
        (struct room_socket){.kind = SOCKET_TCP, .descriptor = lab_bind(SOCK_STREAM, "127.0.0.1")};
    lab.sockets[3] = (struct room_socket){.kind = SOCKET_UDP, .descriptor = lab_bind_six()};
    lab.socket_count = lab.sockets[3].descriptor < 0 ? 3 : 4;
    lab.settings = (struct settings){.udp_payload = 1232,
                                     .tcp_clients = 50,
                                     .tcp_idle_ms = 10000,
                                     .tcp_pipeline = 64,
                                     .identity = "lab"};
    lab.keeper = lab.desk = -1;
}

static inline int lab_connect(enum room_kind peer)
{
    int ends[2];

    ck_assert_int_eq(channel_pair(ends), RESULT_OK);
    worker_connect(&lab.worker, peer, ends[0]);
    return ends[1];
}

/* As a keeper that has published what is in the store; or one that is between two states. */
static inline void lab_publish(bool published)
{
    if (!lab.pages.published) {
        lab.pages.published = calloc(1, sizeof *lab.pages.published);
        lab.pages.readers[0] = calloc(1, sizeof *lab.pages.readers[0]);
        lab.pages.reader_pages = 1;
        ck_assert(lab.pages.published && lab.pages.readers[0]);
    }
    ck_assert_int_eq(snapshot_renew(&lab.store.snapshot), RENEWAL_READY);
    atomic_store(&lab.pages.published->ticket, published ? lab.store.snapshot.id : 0);
    snapshot_rest(&lab.store.snapshot);
}

static inline void lab_start(void)
{
    struct worker_order order = {.store = &lab.store.store,
                                 .pages = lab.pages.published ? &lab.pages : NULL,
                                 .sockets = lab.sockets,
                                 .socket_count = lab.socket_count,
                                 .settings = &lab.settings,
                                 .limiter = &lab.limiter,
                                 .charge_key = &lab.key,
                                 .cache_octets = 1 << 20,
                                 .metrics = &lab.metrics->stripes[0],
                                 .failed = lab_failed};

    ck_assert_int_eq(worker_open(&lab.worker, &order), RESULT_OK);
    lab.keeper = lab_connect(ROOM_KEEPER);
    lab.desk = lab_connect(ROOM_DESK);
    ck_assert_int_eq(worker_start(&lab.worker), RESULT_OK);
}

static inline void lab_close(void)
{
    worker_stop(&lab.worker);
    worker_close(&lab.worker);
    limits_let_go(lab.settings.limits);
    limiter_close(&lab.limiter);
    for (unsigned i = 0; i < lab.socket_count; i++)
        close(lab.sockets[i].descriptor);
    if (lab.keeper >= 0)
        close(lab.keeper);
    if (lab.desk >= 0)
        close(lab.desk);
    frame_free(lab.frame);
    free(lab.metrics);
    free(lab.pages.published);
    free(lab.pages.readers[0]);
    test_store_close(&lab.store);
}

static inline uint64_t lab_metric(enum metric metric)
{
    return metric_get(&lab.metrics->stripes[0], metric);
}

/* Until it is so: the worker counts behind the answer. */
static inline void lab_await(enum metric metric, uint64_t value)
{
    uint64_t start_ms = clock_monotonic_ms();

    while (lab_metric(metric) != value && clock_monotonic_ms() - start_ms < LAB_WAIT_MS)
        usleep(1000);
    ck_assert_msg(lab_metric(metric) == value, "%s: %llu, expected %llu", metric_name(metric),
                  (unsigned long long)lab_metric(metric), (unsigned long long)value);
}

/* ---- questions and answers -------------------------------------------------------------------*/

struct lab_question {
    uint16_t id;
    const char *name;
    uint16_t type;
    uint16_t flags; /* of the header */
    bool dnssec_ok;
};

static inline size_t lab_write(uint8_t *octets, size_t size, const struct lab_question *question)
{
    struct writer writer = writer_over(octets, size);
    struct name name = name_of(question->name);
    struct header header = {question->id, question->flags, {1, 0, 0, question->dnssec_ok}};

    header_write(&writer, &header);
    name_write(&writer, &name);
    writer_u16(&writer, question->type);
    writer_u16(&writer, CLASS_IN);
    if (question->dnssec_ok) {
        const uint8_t opt[] = {0, 0, TYPE_OPT, 0x04, 0xd0, 0, 0, 0x80, 0, 0, 0};
        writer_add(&writer, opt, sizeof opt);
    }
    ck_assert(!writer.failed);
    return writer.length;
}

struct lab_answer {
    struct header header;
    unsigned rcode;
    bool truncated, has_signature;
    size_t length;
};

static inline struct lab_answer lab_read(const uint8_t *octets, size_t length)
{
    struct lab_answer answer = {.length = length};
    struct reader message = reader_over(octets, length);
    struct question question;
    struct record record;

    header_read(&message, &answer.header);
    answer.rcode = answer.header.flags & FLAG_RCODE;
    answer.truncated = answer.header.flags & FLAG_TC;
    if (answer.header.counts[SECTION_QUESTION])
        question_read(&message, &question);
    for (unsigned i = 0; i < answer.header.counts[SECTION_ANSWER]; i++) {
        record_read(&message, &record);
        answer.has_signature |= record.type == TYPE_RRSIG;
    }
    ck_assert(!message.failed);
    ck_assert(answer.header.flags & FLAG_QR);
    return answer;
}

/* Whether something comes within so many milliseconds. */
static inline bool lab_comes(int descriptor, int ms)
{
    struct pollfd wait = {.fd = descriptor, .events = POLLIN};
    return poll(&wait, 1, ms) == 1;
}

/* The next letter from the worker; its message points into lab.frame. */
static inline const struct message *lab_letter(int descriptor, enum message_kind kind)
{
    ck_assert_msg(lab_comes(descriptor, LAB_WAIT_MS), "no %s came", message_name(kind));
    ck_assert_int_eq(letter_receive(descriptor, lab.frame, LETTER_NOW), LETTER_DONE);
    ck_assert_int_eq(message_read(lab.frame, &lab.letter), RESULT_OK);
    ck_assert_str_eq(message_name(lab.letter.kind), message_name(kind));
    return &lab.letter;
}

static inline void lab_send_letter(int descriptor, const struct message *message)
{
    struct frame *frame = frame_make();

    ck_assert_ptr_nonnull(frame);
    ck_assert_int_eq(letter_send(descriptor, message, frame, LETTER_WAIT), LETTER_DONE);
    frame_free(frame);
}

/* ---- clients ---------------------------------------------------------------------------------*/

static inline int lab_udp_client_from(const char *address)
{
    struct sockaddr_in server = lab_address_of(0), own = {.sin_family = AF_INET};
    int client = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    ck_assert_int_ge(client, 0);
    ck_assert_int_eq(inet_pton(AF_INET, address, &own.sin_addr), 1);
    ck_assert_int_eq(bind(client, (struct sockaddr *)&own, sizeof own), 0);
    ck_assert_int_eq(connect(client, (struct sockaddr *)&server, sizeof server), 0);
    return client;
}

static inline int lab_udp_client(void)
{
    return lab_udp_client_from("127.0.0.1");
}

static inline void lab_udp_ask(int client, const struct lab_question *question)
{
    uint8_t octets[512];
    size_t length = lab_write(octets, sizeof octets, question);

    ck_assert_int_eq(send(client, octets, length, 0), (ssize_t)length);
}

static inline struct lab_answer lab_udp_answer(int client)
{
    uint8_t octets[4096];

    ck_assert_msg(lab_comes(client, LAB_WAIT_MS), "no answer came");
    ssize_t length = recv(client, octets, sizeof octets, 0);
    ck_assert_int_gt(length, 0);
    return lab_read(octets, (size_t)length);
}

static inline int lab_tcp_client(void)
{
    struct sockaddr_in server = lab_address_of(2);
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_ge(client, 0);
    ck_assert_int_eq(connect(client, (struct sockaddr *)&server, sizeof server), 0);
    return client;
}

static inline size_t lab_frame(uint8_t *octets, size_t size, const struct lab_question *question)
{
    size_t length = lab_write(octets + 2, size - 2, question);

    octets[0] = (uint8_t)(length >> 8);
    octets[1] = (uint8_t)length;
    return length + 2;
}

static inline void lab_tcp_ask(int client, const struct lab_question *question)
{
    uint8_t octets[512];
    size_t length = lab_frame(octets, sizeof octets, question);

    ck_assert_int_eq(send(client, octets, length, MSG_NOSIGNAL), (ssize_t)length);
}

/* Exactly so many octets; false at the end of the stream. */
static inline bool lab_tcp_take(int client, uint8_t *octets, size_t length)
{
    for (size_t got = 0; got < length;) {
        ck_assert_msg(lab_comes(client, LAB_WAIT_MS), "no answer came");
        ssize_t more = recv(client, octets + got, length - got, 0);
        if (more <= 0)
            return false;
        got += (size_t)more;
    }
    return true;
}

static inline bool lab_tcp_answer(int client, struct lab_answer *answer)
{
    uint8_t octets[65537];

    if (!lab_tcp_take(client, octets, 2))
        return false;
    size_t length = (size_t)octets[0] << 8 | octets[1];
    if (!lab_tcp_take(client, octets, length))
        return false;
    *answer = lab_read(octets, length);
    return true;
}

/* The other side closes, now or soon. */
static inline bool lab_is_closed(int client)
{
    uint8_t octet;
    return lab_comes(client, LAB_WAIT_MS) && recv(client, &octet, 1, 0) <= 0;
}

#endif
