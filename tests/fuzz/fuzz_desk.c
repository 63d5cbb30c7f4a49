/* fuzz_desk.c - any octets as a message to the desk, as they are or with a good TSIG behind them:
 * an answer in form or none, and letters to the keeper that can be read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "avow/base/clock.h"
#include "avow/change/change.h"
#include "src/desk/streams.h"

enum { SECRET_OCTETS = 32, STORE_OCTETS = 16 << 20, FULL = 100 };

/* The first octet of an input. */
enum { BY_DATAGRAM = 1, SIGNED = 2, ANSWERED = 4, OTHER_KEY = 8 };

static const char text[] =
    "server: {listen: [127.0.0.1@5300], state: /tmp/none, control: /tmp/none.sock}\n"
    "tsig:\n"
    "  - {name: k., algorithm: hmac-sha256, secret-file: /tmp/none}\n"
    "  - {name: l., algorithm: hmac-sha1, secret-file: /tmp/none}\n"
    "zones:\n"
    "  - {name: z., file: z, policy: none, allow-update: [{key: k.}], allow-transfer: [{key: "
    "k.}]}\n";

static struct {
    struct config config;
    struct store store;
    struct desk desk;
    struct frame *frame;
    struct stream *stream;
    uint64_t update;
} room;

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* ---- outlets ---------------------------------------------------------------------------------*/

static void answer(void *context, const struct origin *origin, const uint8_t *octets, size_t length)
{
    struct reader reader = reader_over(octets, length);
    struct header header;
    struct question question;
    struct record record;
    (void)context, (void)origin;

    if (length == 0)
        return;
    header_read(&reader, &header);
    for (unsigned i = 0; i < header.counts[SECTION_QUESTION]; i++)
        question_read(&reader, &question);
    for (unsigned i = 0;
         i < (unsigned)header.counts[SECTION_ANSWER] + header.counts[SECTION_AUTHORITY] +
                 header.counts[SECTION_ADDITIONAL];
         i++)
        record_read(&reader, &record);
    must(reader_finish(&reader) == RESULT_OK && header.flags & FLAG_QR);
}

static bool letter(void *context, const struct message *message)
{
    struct message read;
    (void)context;

    must(message_write(message, room.frame) == RESULT_OK);
    must(message_read(room.frame, &read) == RESULT_OK);
    if (read.kind == MESSAGE_UPDATE)
        room.update = read.update.id;
    return true;
}

static void stream(void *context, struct stream *begun)
{
    (void)context;
    room.stream = begun;
}

static const struct desk_outlets outlets = {
    .answer = answer, .change = letter, .want = letter, .stream = stream};

/* ---- the desk --------------------------------------------------------------------------------*/

static void ignore(void *context, const struct complaint *complaint)
{
    (void)context, (void)complaint;
}

/* An empty one, whose files are gone at once. */
static void open_store(void)
{
    char folder[] = "/tmp/fuzz-desk-XXXXXX", path[64];

    must(mkdtemp(folder) != NULL);
    const struct store_options options = {.folder = folder,
                                          .access = STORE_WRITER,
                                          .make = change_make_store,
                                          .map_octets = STORE_OCTETS};
    must(store_open(&room.store, &options) == RESULT_OK);
    (void)snprintf(path, sizeof path, "%s/data.mdb", folder);
    (void)unlink(path);
    (void)snprintf(path, sizeof path, "%s/lock.mdb", folder);
    (void)unlink(path);
    (void)rmdir(folder);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static uint8_t secret[SECRET_OCTETS] = "of nobody";
    const struct config_source source = {
        .path = "/tmp/none.yaml", .text = text, .length = sizeof text - 1};
    struct complaints complaints = {.take = ignore};
    (void)argc, (void)argv;

    log_open("fuzz", LOG_LEVEL_ERROR, STDERR_FILENO);
    must(config_parse(&room.config, &source, CONFIG_TEXT, &complaints) == RESULT_OK);
    for (size_t i = 0; i < room.config.tsig_count; i++) {
        room.config.tsig[i].secret = secret;
        room.config.tsig[i].secret_length = sizeof secret;
    }
    room.config.updates.queue = FULL;
    open_store();
    room.frame = frame_make();
    must(room.frame && desk_open(&room.desk, &room.config, &outlets, NULL) == RESULT_OK);
    must(snapshot_open(&room.desk.snapshot, &room.store, NULL, 0) == RESULT_OK);
    return 0;
}

/* Append a TSIG as its owner would. */
static size_t sign(uint8_t *octets, size_t length, bool other)
{
    struct writer writer = {.octets = octets, .length = length, .limit = MESSAGE_MAX_OCTETS};
    struct tsig_session session;
    const struct tsig_keyring *ring = &room.desk.keyring->ring;

    if (tsig_request(ring, &ring->keys[other], &session, &writer, room.desk.now))
        return length;
    return writer.length;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t octets[MESSAGE_MAX_OCTETS];
    struct origin origin = {.udp = size && data[0] & BY_DATAGRAM, .peer = {.family = 4}};

    if (size < 1 || size > sizeof octets)
        return 0;
    memcpy(octets, data + 1, size - 1);
    size_t length = size - 1;
    if (data[0] & SIGNED)
        length = sign(octets, length, data[0] & OTHER_KEY);
    room.desk.now_ms += 1;
    (void)desk_take(&room.desk, &origin, octets, length, NULL);
    if (room.stream)
        stream_end(room.stream);
    room.stream = NULL;
    waiting_tick(&room.desk);
    if (data[0] & ANSWERED)
        pending_answered(&room.desk, &(struct message_updated){
                                         .id = room.update, .rcode = size & 15, .text = ""});
    else
        pending_lost(&room.desk);
    return 0;
}
