/* desk_lab.h - a desk without its room: a store, a configuration, keys, and what left by outlets.
 */
#ifndef TESTS_UNIT_DESK_LAB_H
#define TESTS_UNIT_DESK_LAB_H

#include "zone_lab.h"

#include <arpa/inet.h>

#include "avow/base/clock.h"
#include "config_support.h"
#include "src/desk/streams.h"

enum { DESK_SECRET_OCTETS = 32, DESK_KEYS = 2, DESK_MARKS = 8 };

/* plain.example. is loaded and changed by key ddns. or, insecurely, from 192.0.2.7; transferred by
 * key xfer. signed.example. is loaded, and nothing of it is signed; empty.example. is not loaded.
 */
#define DESK_CONFIG                                                                                \
    "server: {listen: [127.0.0.1@5300], state: /tmp/none, control: /tmp/none.sock}\n"              \
    "keystores: []\n"                                                                              \
    "tsig:\n"                                                                                      \
    "  - {name: ddns., algorithm: hmac-sha256, secret-file: /tmp/none}\n"                          \
    "  - {name: xfer., algorithm: hmac-sha512, secret-file: /tmp/none}\n"                          \
    "zones:\n"                                                                                     \
    "  - name: plain.example.\n"                                                                   \
    "    file: plain\n"                                                                            \
    "    policy: none\n"                                                                           \
    "    allow-transfer: [{key: xfer.}]\n"                                                         \
    "    allow-update:\n"                                                                          \
    "      - {key: ddns., names: [{subdomain: dyn.plain.example.}], types: [A, TXT, CNAME],\n"     \
    "         records-per-name: 3}\n"                                                              \
    "      - {key: ddns., names: [{name: any.plain.example.}]}\n"                                  \
    "      - {key: ddns., names: [{name: keys.plain.example.}], types: [DNSKEY, CDS]}\n"           \
    "      - {address: 192.0.2.7, insecure: true, names: [{name: any.plain.example.}]}\n"          \
    "  - {name: signed.example., file: signed, policy: none, allow-transfer: [{key: xfer.}]}\n"    \
    "  - {name: empty.example., file: empty, policy: none, allow-transfer: [{key: xfer.}],\n"      \
    "     allow-update: [{key: ddns.}]}\n"

struct desk_lab {
    struct test_store store;
    struct config config;
    struct heard heard;
    uint8_t secrets[DESK_KEYS][DESK_SECRET_OCTETS];
    struct metrics_page *metrics;
    struct keyring *keys; /* the client's */
    struct desk desk;
    struct origin origin;
    bool keeper_away;
    /* What left: the last answer and how many there were, the last letter, the last stream. */
    uint8_t answer[MESSAGE_MAX_OCTETS];
    size_t answer_length;
    struct origin answered;
    unsigned answers, letters;
    struct frame *frame;
    struct message letter;
    struct stream *stream;
};

static struct desk_lab lab;

/* ---- outlets ---------------------------------------------------------------------------------*/

static inline void lab_answer(void *context, const struct origin *origin, const uint8_t *octets,
                              size_t length)
{
    (void)context;
    memcpy(lab.answer, octets, length);
    lab.answer_length = length;
    lab.answered = *origin;
    lab.answers++;
}

static inline bool lab_letter(void *context, const struct message *message)
{
    (void)context;
    if (lab.keeper_away)
        return false;
    ck_assert_int_eq(message_write(message, lab.frame), RESULT_OK);
    ck_assert_int_eq(message_read(lab.frame, &lab.letter), RESULT_OK);
    lab.letters++;
    return true;
}

static inline void lab_stream(void *context, struct stream *stream)
{
    (void)context;
    lab.stream = stream;
}

static const struct desk_outlets lab_outlets = {
    .answer = lab_answer, .change = lab_letter, .want = lab_letter, .stream = lab_stream};

/* ---- the desk --------------------------------------------------------------------------------*/

static inline void lab_come_from(bool udp, const char *address, uint16_t port)
{
    struct sockaddr_in client = {.sin_family = AF_INET, .sin_port = htons(port)};

    ck_assert_int_eq(inet_pton(AF_INET, address, &client.sin_addr), 1);
    lab.origin = (struct origin){.udp = udp, .session = 7};
    struct span span = span_of(&client, sizeof client);
    ck_assert(origin_take(&lab.origin, span, span));
}

static inline void lab_open(void)
{
    memset(&lab, 0, sizeof lab);
    test_store_open(&lab.store);
    lab_zone(&lab.store.store, "plain.example.", 0);
    lab_zone(&lab.store.store, "signed.example.", ZONE_SIGNED);
    ck_assert_msg(parse_text(&lab.config, DESK_CONFIG, &lab.heard) == RESULT_OK, "%s",
                  lab.heard.text);
    for (size_t i = 0; i < DESK_KEYS; i++) {
        memset(lab.secrets[i], (int)i + 1, DESK_SECRET_OCTETS);
        lab.config.tsig[i].secret = lab.secrets[i];
        lab.config.tsig[i].secret_length = DESK_SECRET_OCTETS;
    }
    lab.frame = frame_make();
    lab.metrics = calloc(1, sizeof *lab.metrics + 64);
    ck_assert(lab.frame && lab.metrics);
    ck_assert_int_eq(desk_open(&lab.desk, &lab.config, &lab_outlets, NULL), RESULT_OK);
    ck_assert_int_eq(snapshot_open(&lab.desk.snapshot, &lab.store.store, NULL, 0), RESULT_OK);
    ck_assert_int_eq(keyring_make(&lab.config, &lab.keys), RESULT_OK);
    lab.desk.metrics = &lab.metrics->stripes[0];
    lab_come_from(true, "192.0.2.1", 4242);
}

static inline void lab_close(void)
{
    if (lab.stream)
        stream_end(lab.stream);
    desk_close(&lab.desk);
    keyring_leave(lab.keys);
    for (size_t i = 0; i < DESK_KEYS; i++)
        lab.config.tsig[i].secret = NULL;
    config_free(&lab.config);
    frame_free(lab.frame);
    free(lab.metrics);
    test_store_close(&lab.store);
}

static inline uint64_t lab_metric(enum metric metric)
{
    return metric_get(lab.desk.metrics, metric);
}

/* ---- requests --------------------------------------------------------------------------------*/

struct lab_request {
    uint8_t octets[4096];
    struct writer writer;
    struct tsig_session session; /* of who asks */
};

static inline void lab_count(struct lab_request *request, enum section section, unsigned more)
{
    uint8_t *count = request->octets + 4 + 2 * (unsigned)section;
    unsigned value = (unsigned)(count[0] << 8 | count[1]) + more;

    count[0] = (uint8_t)(value >> 8);
    count[1] = (uint8_t)value;
}

static inline void lab_begin(struct lab_request *request, enum opcode opcode, const char *name,
                             uint16_t type, uint16_t class_)
{
    struct header header = {.id = 0x1234, .flags = (uint16_t)((unsigned)opcode << 11)};
    struct name question = name_of(name);

    *request = (struct lab_request){.writer = writer_over(request->octets, sizeof request->octets)};
    header.counts[SECTION_QUESTION] = 1;
    header_write(&request->writer, &header);
    name_write(&request->writer, &question);
    writer_u16(&request->writer, type);
    writer_u16(&request->writer, class_);
}

struct lab_record {
    const char *owner;
    uint16_t type, class_;
    uint32_t ttl;
    uint16_t length;
    const char *rdata;
};

static inline void lab_add(struct lab_request *request, enum section section,
                           const struct lab_record *record)
{
    struct name owner = name_of(record->owner);

    name_write(&request->writer, &owner);
    writer_u16(&request->writer, record->type);
    writer_u16(&request->writer, record->class_);
    writer_u32(&request->writer, record->ttl);
    writer_u16(&request->writer, record->length);
    writer_add(&request->writer, record->rdata, record->length);
    lab_count(request, section, 1);
}

static inline void lab_opt(struct lab_request *request)
{
    const uint8_t opt[] = {0, 0, TYPE_OPT, 0x04, 0xd0, 0, 0, 0, 0, 0, 0};

    writer_add(&request->writer, opt, sizeof opt);
    lab_count(request, SECTION_ADDITIONAL, 1);
}

/* With the TSIG of a key, as of so many seconds from now. */
static inline void lab_sign_at(struct lab_request *request, const char *key, int64_t seconds)
{
    struct name name = name_of(key);
    const struct tsig_key *found = tsig_keyring_find(&lab.keys->ring, &name);

    ck_assert_ptr_nonnull(found);
    ck_assert_int_eq(tsig_request(&lab.keys->ring, found, &request->session, &request->writer,
                                  lab.desk.now + (uint64_t)seconds),
                     RESULT_OK);
}

static inline void lab_sign(struct lab_request *request, const char *key)
{
    lab_sign_at(request, key, 0);
}

static inline enum taken lab_take(struct lab_request *request)
{
    uint8_t *octets = exact_copy(request->octets, request->writer.length);
    enum taken taken = desk_take(&lab.desk, &lab.origin, octets, request->writer.length, NULL);

    ck_assert(!request->writer.failed);
    free(octets);
    return taken;
}

/* ---- answers ---------------------------------------------------------------------------------*/

struct lab_found {
    struct header header;
    unsigned rcode;
    bool has_tsig;
    uint16_t tsig_error;
    size_t mac_length;
    uint16_t extended_error; /* EDE_NONE: none */
};

static inline void lab_read_tsig(struct record *record, struct lab_found *found)
{
    struct reader *rdata = &record->rdata;
    struct name algorithm;

    found->has_tsig = true;
    name_read(rdata, &algorithm);
    reader_take(rdata, 8);
    found->mac_length = reader_u16(rdata);
    reader_take(rdata, found->mac_length + 2);
    found->tsig_error = reader_u16(rdata);
    ck_assert(!rdata->failed);
}

static inline struct lab_found lab_read(void)
{
    struct lab_found found = {.extended_error = EDE_NONE};
    struct reader message = reader_over(lab.answer, lab.answer_length);
    struct question question;
    struct record record;

    header_read(&message, &found.header);
    found.rcode = found.header.flags & FLAG_RCODE;
    if (found.header.counts[SECTION_QUESTION])
        question_read(&message, &question);
    unsigned records = (unsigned)found.header.counts[SECTION_ANSWER] +
                       found.header.counts[SECTION_AUTHORITY] +
                       found.header.counts[SECTION_ADDITIONAL];
    for (unsigned i = 0; i < records; i++) {
        record_read(&message, &record);
        if (record.type == TYPE_TSIG)
            lab_read_tsig(&record, &found);
        if (record.type == TYPE_OPT && reader_u16(&record.rdata) == EDNS_OPTION_EXTENDED_ERROR) {
            (void)reader_u16(&record.rdata);
            found.extended_error = reader_u16(&record.rdata);
        }
    }
    ck_assert_int_eq(reader_finish(&message), RESULT_OK);
    ck_assert(found.header.flags & FLAG_QR);
    return found;
}

/* What who asked makes of the answer's TSIG. */
static inline enum tsig_outcome lab_check(struct lab_request *request)
{
    return tsig_check_answer(&lab.keys->ring, lab.answer, lab.answer_length, lab.desk.now,
                             &request->session);
}

#endif
