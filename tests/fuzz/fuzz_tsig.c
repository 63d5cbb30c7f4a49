/*
 * fuzz_tsig.c - any octets as a request and as an answer, and any octets signed.
 *
 * What is accepted was signed with the secret, which the fuzzer finds in the seeds alone; whatever
 * the verdict, the reply can be signed, and its size is the one that was foretold. A message that
 * we sign is accepted by us, and the answer to it by whoever asked.
 */
#include <stdlib.h>
#include <string.h>

#include "avow/tsig/tsig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

enum { NOW = 1700000000, ROOM = 1024, SECRET_OCTETS = 256 };

static struct tsig_keyring keyring;
static uint8_t out[MESSAGE_MAX_OCTETS + ROOM];

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* The keys with which the seeds are signed. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const struct {
        const char *name;
        size_t length;
    } rows[TSIG_ALGORITHMS] = {
        [TSIG_HMAC_SHA1] = {"sha1-key.tsig.invalid.", 20},
        [TSIG_HMAC_SHA224] = {"sha224-key.tsig.invalid.", 65},
        [TSIG_HMAC_SHA256] = {"sha256-key.tsig.invalid.", 32},
        [TSIG_HMAC_SHA384] = {"sha384-key.tsig.invalid.", 128},
        [TSIG_HMAC_SHA512] = {"sha512-key.tsig.invalid.", 200},
    };
    uint8_t secret[SECRET_OCTETS];
    struct tsig_key keys[TSIG_ALGORITHMS] = {0};

    (void)argc, (void)argv;
    for (size_t i = 0; i < sizeof secret; i++)
        secret[i] = (uint8_t)(i + 1);
    for (size_t i = 0; i < COUNT(rows); i++) {
        keys[i].algorithm = (enum tsig_algorithm)i;
        keys[i].secret = secret;
        keys[i].secret_length = rows[i].length;
        must(name_from_string(rows[i].name, &keys[i].name) == RESULT_OK);
    }
    must(tsig_keyring_open(&keyring, keys, COUNT(keys)) == RESULT_OK);
    return 0;
}

/* A header, and what of the message may stay, in `out`. */
static struct writer begin(const uint8_t *data, size_t size, size_t limit)
{
    static const uint8_t header[MESSAGE_HEADER_OCTETS] = {1, 2};
    struct writer writer = writer_over(out, limit);

    if (size < sizeof header)
        writer_add(&writer, header, sizeof header);
    writer_add(&writer, data, size);
    must(writer_check(&writer) == RESULT_OK);
    return writer;
}

/* Sign whatever reply the verdict asks for, where there is room and where there is not. */
static void reply(const struct tsig_session *before)
{
    size_t size = tsig_size(before);
    struct tsig_session session = *before;
    struct writer writer = begin(NULL, 0, MESSAGE_HEADER_OCTETS + size);

    must(tsig_sign(&keyring, &session, &writer, NOW) == RESULT_OK);
    must(writer.length == writer.limit);
    if (size == 0)
        return;
    must(session.sent == 1 && out[11] == 1);
    writer = begin(NULL, 0, MESSAGE_HEADER_OCTETS + size - 1);
    session = *before;
    must(tsig_sign(&keyring, &session, &writer, NOW) == RESULT_FULL);
    must(writer.length == MESSAGE_HEADER_OCTETS && out[11] == 0);
}

static void read_as_request(const uint8_t *data, size_t size)
{
    struct tsig_session session;
    size_t plain;
    enum tsig_outcome outcome = tsig_check(&keyring, data, size, NOW, &session, &plain);

    must(plain <= size);
    must((outcome == TSIG_GOOD) == (plain < size));
    bool signed_ = outcome == TSIG_GOOD || outcome == TSIG_BADTIME || outcome == TSIG_BADTRUNC;
    must(signed_ == (session.key != NULL));
    must((outcome == TSIG_BADKEY || outcome == TSIG_BADSIG) == session.replies_unsigned);
    must(session.mac_length <= TSIG_MAX_MAC);
    reply(&session);
}

/* As the answer to a request by each key, whose MAC was 1, 2, 3 ... */
static void read_as_answer(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < keyring.count; i++) {
        struct tsig_session session;
        struct writer writer = begin(NULL, 0, ROOM);
        must(tsig_request(&keyring, &keyring.keys[i], &session, &writer, NOW) == RESULT_OK);
        for (unsigned j = 0; j < session.mac_length; j++)
            session.mac[j] = (uint8_t)(j + 1);
        enum tsig_outcome outcome = tsig_check_answer(&keyring, data, size, NOW, &session);
        must(outcome != TSIG_GOOD || session.error == RCODE_NOERROR);
        must(outcome != TSIG_ABSENT || session.error == RCODE_NOERROR);
    }
}

/* Whether a TSIG can be the last record of this, which need not be a message. */
static bool is_whole(const uint8_t *data, size_t size)
{
    struct tsig_session session;
    size_t plain;
    struct reader message = reader_over(data, size);
    struct header header;
    struct question question;
    struct record record;

    if (tsig_check(&keyring, data, size, NOW, &session, &plain) != TSIG_ABSENT)
        return false;
    header_read(&message, &header);
    for (unsigned i = 0; i < header.counts[SECTION_QUESTION]; i++)
        question_read(&message, &question);
    unsigned records = (unsigned)header.counts[SECTION_ANSWER] + header.counts[SECTION_AUTHORITY] +
                       header.counts[SECTION_ADDITIONAL];
    while (records-- > 0)
        record_read(&message, &record);
    return reader_finish(&message) == RESULT_OK && header.counts[SECTION_ADDITIONAL] < UINT16_MAX;
}

static void sign(const uint8_t *data, size_t size)
{
    const struct tsig_key *key = &keyring.keys[size % keyring.count];
    struct tsig_session client, server;
    size_t plain;

    if (size > MESSAGE_MAX_OCTETS - ROOM || !is_whole(data, size))
        return;
    struct writer writer = begin(data, size, size + ROOM);
    must(tsig_request(&keyring, key, &client, &writer, NOW) == RESULT_OK);
    must(writer.length == size + tsig_size(&client));
    must(tsig_check(&keyring, out, writer.length, NOW, &server, &plain) == TSIG_GOOD);
    must(plain == size && server.key == key);
    writer = begin(data, size, size + ROOM);
    must(tsig_sign(&keyring, &server, &writer, NOW) == RESULT_OK);
    must(tsig_check_answer(&keyring, out, writer.length, NOW, &client) == TSIG_GOOD);
    out[size / 2 < 2 ? 2 : size / 2] ^= 1;
    must(tsig_check_answer(&keyring, out, writer.length, NOW, &client) != TSIG_GOOD);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_as_request(data, size);
    read_as_answer(data, size);
    sign(data, size);
    return 0;
}
