/* call.c - asking the daemon over its control socket. */
#include "avowctl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "avow/ipc/channel.h"

void print_complaint(void *context, const struct complaint *complaint)
{
    char text[8192];

    (void)context;
    if (complaint->weight == COMPLAINT_NOTE)
        return;
    (void)complaint_text(complaint, text, sizeof text);
    (void)fprintf(stderr, "%s\n", text);
}

enum result load_configuration(const struct options *options, struct config *config)
{
    struct complaints complaints = {.take = print_complaint};
    return config_load(config, options->configuration, CONFIG_TEXT, &complaints);
}

/* The path of the socket; owned by the caller. NULL after saying why. */
static char *socket_path(const struct options *options)
{
    struct config config;

    if (options->socket)
        return strdup(options->socket);
    if (load_configuration(options, &config))
        return NULL;
    char *path = strdup(config.server.control);
    config_free(&config);
    return path;
}

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int descriptor = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    if (descriptor < 0 || strlen(path) >= sizeof address.sun_path) {
        if (descriptor >= 0)
            (void)close(descriptor);
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    if (connect(descriptor, (struct sockaddr *)&address, sizeof address) == 0)
        return descriptor;
    int error = errno;
    (void)close(descriptor);
    errno = error;
    return -1;
}

static bool send_request(int descriptor, struct frame *frame, const struct options *options)
{
    struct buffer arguments = {.octets = NULL};

    for (unsigned i = 0; i < options->count; i++)
        arguments_add(&arguments, options->words[i]);
    struct message request = {
        .kind = MESSAGE_REQUEST,
        .request = {.version = CONTROL_VERSION,
                    .arguments = span_of(arguments.octets, arguments.length)}};
    bool sent = buffer_check(&arguments) == RESULT_OK &&
                letter_send(descriptor, &request, frame, LETTER_WAIT) == LETTER_DONE;
    buffer_free(&arguments);
    return sent;
}

/* Print the end of a call. */
static int print_done(const struct options *options, const struct verb *verb,
                      const struct message_done *done)
{
    json_t *json = done->json.length
                       ? json_loadb((const char *)done->json.octets, done->json.length, 0, NULL)
                       : NULL;

    if (options->json) {
        if (!json)
            json = json_pack("{s:i}", "code", (int)done->code);
        if (json && *done->text)
            (void)json_object_set_new(json, "text", json_string(done->text));
        (void)json_dumpf(json, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
        (void)putchar('\n');
    } else if (json && verb->render && done->code == EXIT_DONE) {
        verb->render(json, stdout);
    }
    if (done->code != EXIT_DONE && *done->text)
        (void)fprintf(stderr, "avowctl: %s\n", done->text);
    else if (*done->text && !options->json && verb->render == render_nothing &&
             isatty(STDOUT_FILENO))
        (void)fprintf(stderr, "%s\n", done->text);
    json_decref(json);
    return done->code;
}

static int print_answer(int descriptor, struct frame *frame, const struct options *options,
                        const struct verb *verb)
{
    bool failed = false;

    for (;;) {
        struct message message;
        if (letter_receive(descriptor, frame, LETTER_WAIT) != LETTER_DONE ||
            message_read(frame, &message)) {
            (void)fprintf(stderr, "avowctl: the daemon broke off\n");
            return EXIT_NO_DAEMON;
        }
        if (message.kind == MESSAGE_CHUNK) {
            /* What a load complains of is not the answer: it goes where complaints go. */
            FILE *out = verb->second && strcmp(verb->second, "export") == 0 ? stdout : stderr;
            failed |= fwrite(message.chunk.text.octets, 1, message.chunk.text.length, out) !=
                      message.chunk.text.length;
        }
        if (message.kind == MESSAGE_DONE) {
            int code = print_done(options, verb, &message.done);
            return (failed || fflush(stdout)) && code == EXIT_DONE ? EXIT_FAILED : code;
        }
    }
}

int call_daemon(const struct options *options, const struct verb *verb)
{
    char *path = socket_path(options);
    struct frame *frame = frame_make();
    int code = EXIT_FAILED;

    if (path && frame) {
        int descriptor = connect_to(path);
        if (descriptor < 0) {
            code = errno == EACCES ? EXIT_FORBIDDEN : EXIT_NO_DAEMON;
            (void)fprintf(stderr, "avowctl: no daemon answers on %s: %s\n", path, strerror(errno));
        } else if (!send_request(descriptor, frame, options)) {
            code = EXIT_FORBIDDEN;
            (void)fprintf(stderr, "avowctl: the daemon does not take the call\n");
        } else {
            code = print_answer(descriptor, frame, options, verb);
        }
        if (descriptor >= 0)
            (void)close(descriptor);
    }
    free(path);
    frame_free(frame);
    return code;
}
