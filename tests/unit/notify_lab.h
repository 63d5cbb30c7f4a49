/* notify_lab.h - secondaries that are told, a clock that the test turns, and what left. */
#ifndef TESTS_UNIT_NOTIFY_LAB_H
#define TESTS_UNIT_NOTIFY_LAB_H

#include <stdlib.h>
#include <string.h>

#include "config_support.h"
#include "names.h"
#include "src/desk/notify.h"
#include "support.h"

enum {
    LAB_SENT = 4096,
    LAB_LETTERS = 4096,
    LAB_SECRET = 32,
    LAB_NOW = 1700000000,
    LAB_START_MS = 5000000
};

struct lab_datagram {
    struct config_address to;
    uint64_t at; /* milliseconds since the lab was opened */
    uint8_t octets[NOTIFY_MAX_OCTETS];
    size_t length;
};

struct lab_letter {
    struct name zone;
    char address[CONFIG_ADDRESS_TEXT];
    uint8_t event;
    uint32_t serial;
    char text[128];
    uint64_t at;
};

/* What a configuration has in use; the one before must outlive its reload. */
struct lab_setting {
    struct config config;
    struct tsig_keyring keyring;
    uint8_t secrets[4][LAB_SECRET];
};

struct notify_lab {
    struct notify notify;
    struct metrics_page *metrics;
    struct lab_setting *setting;
    struct heard heard;
    struct lab_datagram *sent;
    size_t sent_count;
    struct lab_letter *letters;
    size_t letter_count;
    uint64_t next; /* as notify_tick said */
    enum notify_delivery delivery;
};

static struct notify_lab lab;

static inline uint64_t lab_ms(void)
{
    return lab.notify.now_ms - LAB_START_MS;
}

static inline enum notify_delivery lab_send(void *context, const struct config_address *to,
                                            struct span octets, const char **why)
{
    (void)context;
    if (lab.delivery == NOTIFY_UNSENT)
        *why = "no way";
    if (lab.delivery != NOTIFY_SENT)
        return lab.delivery;
    ck_assert_uint_lt(lab.sent_count, LAB_SENT);
    struct lab_datagram *datagram = &lab.sent[lab.sent_count++];
    datagram->to = *to;
    datagram->at = lab_ms();
    datagram->length = octets.length;
    ck_assert_uint_le(octets.length, sizeof datagram->octets);
    memcpy(datagram->octets, octets.octets, octets.length);
    return NOTIFY_SENT;
}

static inline bool lab_letter(void *context, const struct message *message)
{
    (void)context;
    ck_assert_int_eq(message->kind, MESSAGE_SECONDARY);
    ck_assert_uint_lt(lab.letter_count, LAB_LETTERS);
    struct lab_letter *letter = &lab.letters[lab.letter_count++];
    name_copy(&letter->zone, &message->secondary.zone);
    (void)snprintf(letter->address, sizeof letter->address, "%s", message->secondary.address);
    (void)snprintf(letter->text, sizeof letter->text, "%s", message->secondary.text);
    letter->event = message->secondary.event;
    letter->serial = message->secondary.serial;
    letter->at = lab_ms();
    ck_assert_uint_eq(message->secondary.time, lab.notify.now);
    return true;
}

static const struct notify_outlets lab_outlets = {.send = lab_send, .letter = lab_letter};

/* ---- configuration ---------------------------------------------------------------------------*/

#define LAB_HEAD                                                                                   \
    "server: {listen: [127.0.0.1@5300], state: /tmp/none, control: /tmp/none.sock}\n"              \
    "keystores: []\n"                                                                              \
    "tsig:\n"                                                                                      \
    "  - {name: one., algorithm: hmac-sha256, secret-file: /tmp/none}\n"                           \
    "  - {name: two., algorithm: hmac-sha512, secret-file: /tmp/none}\n"                           \
    "zones:\n"
#define LAB_ZONE(name, notify) "  - {name: " name ", file: x, policy: none, notify: [" notify "]}\n"

static inline void lab_keys(struct lab_setting *setting, uint8_t salt)
{
    struct config *config = &setting->config;
    struct tsig_key keys[4] = {0};

    ck_assert_uint_le(config->tsig_count, COUNT(keys));
    for (size_t i = 0; i < config->tsig_count; i++) {
        memset(setting->secrets[i], (int)i + salt, LAB_SECRET);
        keys[i].name = config->tsig[i].name;
        ck_assert_int_eq(tsig_algorithm_from_text(config->tsig[i].algorithm, &keys[i].algorithm),
                         RESULT_OK);
        keys[i].secret = setting->secrets[i];
        keys[i].secret_length = LAB_SECRET;
    }
    ck_assert_int_eq(tsig_keyring_open(&setting->keyring, keys, config->tsig_count), RESULT_OK);
}

static inline struct lab_setting *lab_setting(const char *text, uint8_t salt)
{
    struct lab_setting *setting = calloc(1, sizeof *setting);

    ck_assert_ptr_nonnull(setting);
    ck_assert_msg(parse_text(&setting->config, text, &lab.heard) == RESULT_OK, "%s",
                  lab.heard.text);
    lab_keys(setting, salt);
    return setting;
}

static inline void lab_setting_free(struct lab_setting *setting)
{
    if (!setting)
        return;
    tsig_keyring_close(&setting->keyring);
    config_free(&setting->config);
    free(setting);
}

/* Another configuration; the salt makes the secrets. What was before is gone afterwards. */
static inline void lab_configure_salted(const char *text, uint8_t salt)
{
    struct lab_setting *before = lab.setting;
    struct notify_table *plan;

    lab.setting = lab_setting(text, salt);
    ck_assert_int_eq(notify_plan(&lab.setting->config, &plan), RESULT_OK);
    if (before)
        tsig_keyring_close(&before->keyring); /* the desk's old keys are gone by then */
    notify_adopt(&lab.notify, plan, &lab.setting->keyring);
    lab_setting_free(before);
    lab.next = notify_tick(&lab.notify);
}

static inline void lab_configure(const char *text)
{
    lab_configure_salted(text, 1);
}

static inline void lab_open(const char *text)
{
    memset(&lab, 0, sizeof lab);
    lab.metrics = aligned_alloc(64, sizeof *lab.metrics);
    lab.sent = calloc(LAB_SENT, sizeof *lab.sent);
    lab.letters = calloc(LAB_LETTERS, sizeof *lab.letters);
    ck_assert(lab.metrics && lab.sent && lab.letters);
    memset(lab.metrics, 0, sizeof *lab.metrics);
    lab.notify.outlets = &lab_outlets;
    lab.notify.metrics = &lab.metrics->stripes[0];
    lab.notify.now = LAB_NOW;
    lab.notify.now_ms = LAB_START_MS;
    if (text)
        lab_configure(text);
}

static inline void lab_close(void)
{
    notify_close(&lab.notify);
    lab_setting_free(lab.setting);
    free(lab.metrics);
    free(lab.sent);
    free(lab.letters);
}

/* ---- time ------------------------------------------------------------------------------------*/

/* Let time pass until this many milliseconds after the start, with a tick whenever one is due. */
static inline void lab_until(uint64_t ms)
{
    uint64_t end = LAB_START_MS + ms;

    while (lab.next <= end) {
        if (lab.next > lab.notify.now_ms)
            lab.notify.now_ms = lab.next;
        lab.notify.now = LAB_NOW + (lab.notify.now_ms - LAB_START_MS) / 1000;
        uint64_t next = notify_tick(&lab.notify);
        ck_assert_msg(next > lab.notify.now_ms, "a tick that is due again at once");
        lab.next = next;
    }
    lab.notify.now_ms = end;
    lab.notify.now = LAB_NOW + ms / 1000;
}

static inline void lab_changed(const char *zone, uint32_t serial)
{
    struct name name = name_of(zone);

    notify_changed(&lab.notify, &name, serial);
    lab.next = notify_tick(&lab.notify);
}

static inline uint64_t lab_metric(enum metric metric)
{
    return metric_get(lab.notify.metrics, metric);
}

/* ---- the secondary ---------------------------------------------------------------------------*/

static inline struct question lab_question(const struct lab_datagram *datagram)
{
    struct reader message = reader_over(datagram->octets, datagram->length);
    struct header header;
    struct question question;

    header_read(&message, &header);
    question_read(&message, &question);
    ck_assert(!message.failed);
    return question;
}

/* What a test makes of an answer before it is signed. */
struct lab_reply {
    uint16_t flags;                     /* 0: QR, NOTIFY, AA, NOERROR */
    const struct tsig_keyring *keyring; /* NULL: as the request's key is in the setting */
    bool unsigned_;
};

static inline size_t lab_answer_make(const struct lab_datagram *asked, struct lab_reply reply,
                                     uint8_t octets[NOTIFY_MAX_OCTETS])
{
    const struct tsig_keyring *keyring = reply.keyring ? reply.keyring : &lab.setting->keyring;
    struct tsig_session session;
    size_t without_tsig;

    enum tsig_outcome outcome =
        tsig_check(keyring, asked->octets, asked->length, lab.notify.now, &session, &without_tsig);
    size_t plain = MESSAGE_HEADER_OCTETS + lab_question(asked).name.length + 4;
    memcpy(octets, asked->octets, plain);
    struct writer writer = writer_over(octets, NOTIFY_MAX_OCTETS);
    writer.length = plain;
    uint16_t flags = reply.flags ? reply.flags : FLAG_QR | OPCODE_NOTIFY << 11 | FLAG_AA;
    octets[2] = (uint8_t)(flags >> 8);
    octets[3] = (uint8_t)flags;
    octets[11] = 0;
    if (outcome != TSIG_ABSENT && !reply.unsigned_)
        ck_assert_int_eq(tsig_sign(keyring, &session, &writer, lab.notify.now), RESULT_OK);
    return writer.length;
}

static inline void lab_receive(const struct config_address *from, const uint8_t *octets,
                               size_t length)
{
    uint8_t *copy = exact_copy(octets, length);

    notify_received(&lab.notify, from, copy, length);
    free(copy);
    lab.next = notify_tick(&lab.notify);
}

static inline void lab_answer_flags(size_t index, uint16_t flags)
{
    uint8_t octets[NOTIFY_MAX_OCTETS];

    ck_assert_uint_lt(index, lab.sent_count);
    size_t length = lab_answer_make(&lab.sent[index], (struct lab_reply){.flags = flags}, octets);
    lab_receive(&lab.sent[index].to, octets, length);
}

/* NOERROR to the datagram with this number. */
static inline void lab_answer(size_t index)
{
    lab_answer_flags(index, 0);
}

static inline uint16_t lab_id(size_t index)
{
    return (uint16_t)(lab.sent[index].octets[0] << 8 | lab.sent[index].octets[1]);
}

#endif
