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

/* What the daemon said. Zeroed: nothing yet. */
struct answer {
    int code;
    json_t *json;   /* may be NULL */
    char *text;     /* owned; may be NULL */
    bool unwritten; /* a chunk could not be printed */
    bool keeps;     /* chunks are lines of a difference, for the JSON */
    struct buffer kept;
};

static void answer_free(struct answer *answer)
{
    json_decref(answer->json);
    free(answer->text);
    buffer_free(&answer->kept);
    *answer = (struct answer){.code = EXIT_FAILED};
}

static bool send_request(int descriptor, struct frame *frame, const struct buffer *arguments)
{
    struct message request = {
        .kind = MESSAGE_REQUEST,
        .request = {.version = CONTROL_VERSION,
                    .arguments = span_of(arguments->octets, arguments->length)}};

    return buffer_check(arguments) == RESULT_OK &&
           letter_send(descriptor, &request, frame, LETTER_WAIT) == LETTER_DONE;
}

static void take_done(struct answer *answer, const struct message_done *done)
{
    answer->code = done->code;
    answer->text = strdup(done->text);
    if (done->json.length)
        answer->json = json_loadb((const char *)done->json.octets, done->json.length, 0, NULL);
}

/* Whether the pieces of text that come are the answer; what a load complains of is not. */
static bool is_answered_in_text(const struct verb *verb)
{
    static const char *const words[] = {"export", "diff", "commit"};

    for (size_t i = 0; i < COUNT(words); i++) {
        if (verb->second && strcmp(verb->second, words[i]) == 0)
            return true;
    }
    return false;
}

/* Print a piece, or keep it: lines of a difference are part of an answer in JSON. */
static void take_chunk(struct answer *answer, FILE *out, const struct span *text)
{
    if (answer->keeps)
        buffer_add(&answer->kept, text->octets, text->length);
    else
        answer->unwritten |= fwrite(text->octets, 1, text->length, out) != text->length;
}

static void take_answer(int descriptor, struct frame *frame, const struct verb *verb,
                        struct answer *answer)
{
    FILE *out = is_answered_in_text(verb) ? stdout : stderr;

    for (;;) {
        struct message message;
        if (letter_receive(descriptor, frame, LETTER_WAIT) != LETTER_DONE ||
            message_read(frame, &message)) {
            (void)fprintf(stderr, "avowctl: the daemon broke off\n");
            answer->code = EXIT_NO_DAEMON;
            return;
        }
        if (message.kind == MESSAGE_CHUNK)
            take_chunk(answer, out, &message.chunk.text);
        if (message.kind == MESSAGE_DONE) {
            take_done(answer, &message.done);
            return;
        }
    }
}

/* One call: connect, ask, listen. */
static void ask(const char *path, const struct buffer *arguments, const struct verb *verb,
                struct answer *answer)
{
    struct frame *frame = frame_make();
    int descriptor = frame ? connect_to(path) : -1;

    if (descriptor < 0) {
        answer->code = errno == EACCES ? EXIT_FORBIDDEN : EXIT_NO_DAEMON;
        (void)fprintf(stderr, "avowctl: no daemon answers on %s: %s\n", path, strerror(errno));
    } else if (!send_request(descriptor, frame, arguments)) {
        answer->code = EXIT_FORBIDDEN;
        (void)fprintf(stderr, "avowctl: the daemon does not take the call\n");
    } else {
        take_answer(descriptor, frame, verb, answer);
    }
    if (descriptor >= 0)
        (void)close(descriptor);
    frame_free(frame);
}

/* A list that is too long for one answer names where it goes on: ask on until it is whole. */
static void ask_on(const char *path, const struct options *options, const struct verb *verb,
                   struct answer *whole)
{
    const char *next;

    while (whole->code == EXIT_DONE && verb->render == render_zone_list && options->count == 2 &&
           (next = json_string_value(json_object_get(whole->json, "next")))) {
        struct buffer arguments = {.octets = NULL};
        struct answer part = {.code = EXIT_FAILED};
        for (unsigned i = 0; i < options->count; i++)
            arguments_add(&arguments, options->words[i]);
        arguments_add(&arguments, next);
        ask(path, &arguments, verb, &part);
        buffer_free(&arguments);
        (void)json_object_del(whole->json, "next");
        whole->code = part.code;
        if (json_array_extend(json_object_get(whole->json, "zones"),
                              json_object_get(part.json, "zones")))
            whole->code = EXIT_FAILED;
        if (json_object_get(part.json, "next"))
            (void)json_object_set(whole->json, "next", json_object_get(part.json, "next"));
        answer_free(&part);
    }
}

/* Lines as an array of strings. */
static json_t *lines_of(const struct buffer *text)
{
    json_t *lines = json_array();
    const char *at = (const char *)text->octets, *end = at + text->length;

    while (at && at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t length = stop ? (size_t)(stop - at) : (size_t)(end - at);
        (void)json_array_append_new(lines, json_stringn(at, length));
        at += length + 1;
    }
    return lines;
}

static void print_answer(const struct options *options, const struct verb *verb,
                         struct answer *answer)
{
    const char *text = answer->text ? answer->text : "";

    if (options->json && answer->text) {
        if (!answer->json)
            answer->json = json_pack("{s:i}", "code", answer->code);
        if (answer->keeps)
            (void)json_object_set_new(answer->json, "changes", lines_of(&answer->kept));
        if (*text)
            (void)json_object_set_new(answer->json, "text", json_string(text));
        (void)json_dumpf(answer->json, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
        (void)putchar('\n');
    } else if (answer->json && answer->code == EXIT_DONE) {
        verb->render(answer->json, stdout);
    }
    bool failed = answer->code != EXIT_DONE && answer->code != EXIT_WOULD_CHANGE;
    bool silent = answer->code == EXIT_DONE &&
                  (options->json || verb->render != render_nothing || !isatty(STDOUT_FILENO));
    if (*text && !silent)
        (void)fprintf(stderr, "%s%s\n", failed ? "avowctl: " : "", text);
}

static bool is_compared(const struct verb *verb)
{
    return is_answered_in_text(verb) && strcmp(verb->second, "export") != 0;
}

/* The words as the daemon gets them: it has a folder of its own, so paths are made whole. */
static void add_words(struct buffer *arguments, const struct options *options,
                      const struct verb *verb)
{
    for (unsigned i = 0; i < options->count; i++) {
        const char *word = options->words[i];
        bool is_file = i == 3 && verb->second && strcmp(verb->second, "diff") == 0;
        char *path = is_file ? realpath(word, NULL) : NULL;
        if (is_file && !path)
            (void)fprintf(stderr, "avowctl: %s: %s\n", word, strerror(errno));
        arguments_add(arguments, path ? path : word);
        free(path);
    }
}

int call_daemon(const struct options *options, const struct verb *verb)
{
    struct buffer arguments = {.octets = NULL};
    char *path = socket_path(options);
    struct answer answer = {.code = EXIT_FAILED, .keeps = options->json && is_compared(verb)};

    if (!path)
        return EXIT_FAILED;
    add_words(&arguments, options, verb);
    ask(path, &arguments, verb, &answer);
    ask_on(path, options, verb, &answer);
    print_answer(options, verb, &answer);
    int code = answer.code;
    if ((answer.unwritten || fflush(stdout)) && code == EXIT_DONE)
        code = EXIT_FAILED;
    answer_free(&answer);
    buffer_free(&arguments);
    free(path);
    return code;
}
