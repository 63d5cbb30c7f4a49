/*
 * fuzz_keeper_request.c - what avowctl may say to a keeper: words of a request, or any frame.
 *
 * A whole keeper without a signer and with two zones, made once. An input that begins with an even
 * octet is requests, each on a connection of its own: words, a line each, and an empty line between
 * two requests. With an odd one it is a frame as it is.
 */
#include <dirent.h>
#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../src/keeper/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct keeper keeper;
static struct room room;
static struct config config;
static struct frame *frame;
static struct sockaddr_un address = {.sun_family = AF_UNIX};
static char folder[64];
static unsigned threads; /* of the process, before the keeper's */

static void check(bool good)
{
    if (!good)
        abort();
}

static unsigned count_threads(void)
{
    DIR *tasks = opendir("/proc/self/task");
    unsigned count = 0;

    check(tasks != NULL);
    while (readdir(tasks))
        count++;
    (void)closedir(tasks);
    return count;
}

static void write_zone(const char *file)
{
    char path[128];

    (void)snprintf(path, sizeof path, "%s/%s", folder, file);
    FILE *out = fopen(path, "w");
    check(out && fputs("@ 60 SOA ns h 9 1 2 3 4\n@ 60 NS ns\nns 60 A 192.0.2.1\n", out) >= 0 &&
          fclose(out) == 0);
}

static void read_configuration(void)
{
    static const char text[] =
        "server: {listen: [127.0.0.1@25399], state: state, control: control, store-size: 64MiB}\n"
        "keystores: [{name: a, module: /a.so, uri: \"pkcs11:token=a\"}]\n"
        "policies: [{name: p, keystore: a}]\n"
        "zones:\n"
        "  - {name: plain.example., file: plain, policy: none, zone-file: write}\n"
        "  - {name: signed.example., file: signed, policy: p}\n";
    char path[128];
    struct complaints complaints = {.take = NULL};

    (void)snprintf(path, sizeof path, "%s/avow.yaml", folder);
    const struct config_source source = {.path = path, .text = text, .length = sizeof text - 1};
    check(config_parse(&config, &source, CONFIG_TEXT, &complaints) == RESULT_OK);
    config.server.log_level = LOG_LEVEL_ERROR;
}

static void listen_for_calls(void)
{
    static struct room_socket listener = {.kind = SOCKET_CONTROL};

    (void)snprintf(address.sun_path, sizeof address.sun_path, "%.60s/control", folder);
    listener.descriptor = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    check(bind(listener.descriptor, (struct sockaddr *)&address, sizeof address) == 0 &&
          listen(listener.descriptor, 8) == 0);
    room.sockets = &listener;
    room.socket_count = 1;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    (void)status, (void)kind, (void)where;
    return remove(path);
}

static void clean_up(void)
{
    keeper_close(&keeper);
    (void)nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void ignore_restart(struct keeper *of, enum room_kind kind, const char *reason)
{
    (void)of, (void)kind, (void)reason;
}

static void start(void)
{
    static struct metrics_page metrics;
    char path[128];
    int unused;

    threads = count_threads();
    (void)snprintf(folder, sizeof folder, "/tmp/avow-fuzz-XXXXXX");
    check(mkdtemp(folder) != NULL);
    (void)snprintf(path, sizeof path, "%s/state", folder);
    check(mkdir(path, 0700) == 0);
    write_zone("plain");
    write_zone("signed");
    read_configuration();
    room = (struct room){.kind = ROOM_KEEPER,
                         .config = &config,
                         .workers = 1,
                         .loop = ev_loop_new(EVBACKEND_EPOLL),
                         .metrics = &metrics};
    check(room.loop && pages_make(&room.published, NULL) == RESULT_OK &&
          pages_make(&unused, &room.readers[ROOM_FRONT]) == RESULT_OK &&
          pages_make(&unused, &room.readers[ROOM_DESK]) == RESULT_OK);
    listen_for_calls();
    frame = frame_make();
    keeper.restart = ignore_restart;
    check(frame && keeper_open(&keeper, &room) == RESULT_OK &&
          keeper_configure(&keeper, &config) == RESULT_OK);
    (void)atexit(clean_up);
    while (!keeper.zones->row.version)
        ev_run(room.loop, EVRUN_ONCE);
}

static void send_words(int descriptor, const uint8_t *data, size_t size)
{
    static uint8_t words[65536];

    for (size_t i = 0; i < size; i++)
        words[i] = data[i] == '\n' ? 0 : data[i];
    struct message request = {
        .kind = MESSAGE_REQUEST,
        .request = {.version = CONTROL_VERSION, .arguments = span_of(words, size)}};
    check(letter_send(descriptor, &request, frame, LETTER_NOW) == LETTER_DONE);
}

/* What a request has begun ends within its input, so that a finding is of this one. */
static void settle(void)
{
    while (count_threads() > threads) {
        ev_run(room.loop, EVRUN_NOWAIT);
        (void)poll(NULL, 0, 1);
    }
    ev_run(room.loop, EVRUN_NOWAIT);
}

/* One connection. */
static void ask(const uint8_t *data, size_t size, bool is_frame)
{
    int descriptor = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    check(connect(descriptor, (struct sockaddr *)&address, sizeof address) == 0);
    if (is_frame)
        (void)!send(descriptor, data, size, MSG_NOSIGNAL);
    else
        send_words(descriptor, data, size);
    for (unsigned i = 0; i < 4; i++)
        ev_run(room.loop, EVRUN_NOWAIT);
    while (letter_receive(descriptor, frame, LETTER_NOW) == LETTER_DONE) {
        struct message answer;
        check(message_read(frame, &answer) == RESULT_OK);
        check(answer.kind == MESSAGE_CHUNK || answer.kind == MESSAGE_DONE);
        frame_close(frame);
    }
    (void)close(descriptor);
    for (unsigned i = 0; i < 3; i++)
        ev_run(room.loop, EVRUN_NOWAIT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!frame)
        start();
    if (size < 2 || size > 65536)
        return 0;
    bool is_frame = data[0] % 2;
    data++, size--;
    while (size) {
        const uint8_t *end = is_frame ? NULL : memmem(data, size, "\n\n", 2);
        size_t length = end ? (size_t)(end - data) + 1 : size;
        ask(data, length, is_frame);
        size_t step = end ? length + 1 : length;
        data += step;
        size -= step;
    }
    settle();
    return 0;
}
