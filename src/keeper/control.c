/* control.c - avowctl's verbs: accepting calls, those that wait, the table. */
#include "control.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "avow/base/clock.h"
#include "avow/base/shortage.h"

enum {
    WAIT_SECONDS = 3600,
    WAIT_MOST_SECONDS = 10 * 365 * 86400,
    PIECE = 32 * 1024,
    SHORTAGE_LINES = 1, /* a minute */
    LINGER_MS = 30000   /* that a connection may stay when nothing is to be said on it */
};

/* ---- calls ------------------------------------------------------------------------------------
 */

static void call_free(struct call *call)
{
    struct call **at = &call->control->calls;

    while (*at != call)
        at = &(*at)->next;
    *at = call->next;
    call->control->count--;
    channel_free(call->channel);
    if (call->stream_free)
        call->stream_free(call->stream);
    buffer_free(&call->complaints);
    free(call->arguments);
    free(call);
}

void call_end(struct call *call, int code, struct json *json, const char *format, ...)
{
    char text[1024];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    struct message done = {.kind = MESSAGE_DONE, .done = {.code = (uint8_t)code, .text = text}};
    if (json && buffer_check(&json->text) == RESULT_OK && json->text.length <= MESSAGE_PIECE_OCTETS)
        done.done.json = span_of(json->text.octets, json->text.length);
    else if (json)
        done.done = (struct message_done){.code = EXIT_FAILED, .text = "the answer is too long"};
    /* avowctl that has gone away needs no answer; one that takes none is hung up on. */
    if (channel_send(call->channel, &done) != RESULT_OK)
        call->lost = true;
    call->deadline_ms = clock_monotonic_ms() + LINGER_MS;
    if (json)
        buffer_free(&json->text);
    call->ended = true;
    call->wait = WAIT_NOTHING;
    call->look = NULL;
    call->more = NULL;
}

enum result call_chunk(struct call *call, const struct buffer *text, size_t *sent)
{
    while (*sent < text->length) {
        size_t left = text->length - *sent, length = left < PIECE ? left : PIECE;
        struct message chunk = {.kind = MESSAGE_CHUNK,
                                .chunk = {.text = span_of(text->octets + *sent, length)}};
        enum result result = channel_send(call->channel, &chunk);
        if (result)
            return result;
        *sent += length;
    }
    return RESULT_OK;
}

/* ---- a text and then the end ------------------------------------------------------------------
 */

struct sending {
    struct buffer text;
    size_t sent;
    int code;
    struct json json;
    bool has_json;
    char sentence[1024];
};

static void sending_free(void *stream)
{
    struct sending *sending = stream;

    buffer_free(&sending->text);
    buffer_free(&sending->json.text);
    free(sending);
}

static void send_more(struct call *call)
{
    struct sending *sending = call->stream;
    enum result result = call_chunk(call, &sending->text, &sending->sent);

    if (result == RESULT_FULL)
        return; /* called again when there is room */
    if (result) {
        call_end(call, EXIT_FAILED, NULL, "it was not taken");
        return;
    }
    struct json json = sending->json; /* call_end takes its text over */
    sending->json = (struct json){.first = true};
    call_end(call, sending->code, sending->has_json ? &json : NULL, "%s", sending->sentence);
}

void call_send(struct call *call, struct buffer *text, int code, struct json *json,
               const char *sentence)
{
    struct sending *sending = calloc(1, sizeof *sending);

    if (!sending || buffer_check(text)) {
        free(sending);
        buffer_free(text);
        if (json)
            buffer_free(&json->text);
        call_end(call, EXIT_FAILED, NULL, "no memory");
        return;
    }
    *sending = (struct sending){.text = *text, .code = code, .has_json = json != NULL};
    if (json)
        sending->json = *json;
    *text = (struct buffer){.octets = NULL};
    (void)snprintf(sending->sentence, sizeof sending->sentence, "%s", sentence);
    call->stream = sending;
    call->stream_free = sending_free;
    call->more = send_more;
    send_more(call);
}

void call_await(struct call *call, enum call_wait wait)
{
    call->wait = wait;
    call->deadline_ms = 0;
}

struct call *control_waiting(struct keeper *keeper, const struct name *zone, enum call_wait wait)
{
    struct call *call = keeper->control ? keeper->control->calls : NULL;

    while (call && (call->ended || call->wait != wait || !name_equal(&call->zone, zone)))
        call = call->next;
    return call;
}

bool call_option(struct call *call, const char *option)
{
    for (unsigned i = 2; i < call->word_count; i++) {
        if (strcmp(call->words[i], option) != 0)
            continue;
        call->word_count--;
        memmove(&call->words[i], &call->words[i + 1],
                (call->word_count - i) * sizeof call->words[0]);
        return true;
    }
    return false;
}

/* ---- calls' words -----------------------------------------------------------------------------
 */

struct keeper_zone *call_zone(struct call *call, const char *word)
{
    struct name name;

    if (name_from_string(word, &name)) {
        call_end(call, EXIT_USAGE, NULL, "%s is not a domain name", word);
        return NULL;
    }
    struct keeper_zone *zone = keeper_zone_find(call->control->keeper, &name);
    if (!zone || !zone->config) {
        call_end(call, EXIT_NO_OBJECT, NULL, "there is no zone %s", word);
        return NULL;
    }
    name_copy(&call->zone, &zone->name);
    call->has_zone = true;
    return zone;
}

/* ---- verbs that wait --------------------------------------------------------------------------
 */

static bool is_signed(const struct keeper_zone *zone)
{
    return keeper_zone_is_served(zone) &&
           (!keeper_zone_signs(zone) || zone->row.flags & ZONE_FULLY_SIGNED);
}

static bool is_loading(const struct keeper_zone *zone)
{
    return zone->phase == PHASE_QUEUED || zone->phase == PHASE_LOADING ||
           (zone->load_wanted && !zone->lacks_room);
}

static bool look_signed(struct call *call, struct keeper_zone *zone)
{
    if (zone->phase == PHASE_FAILED && !zone->row.version) {
        call_end(call, EXIT_FAILED, NULL, "%s", zone->load_problem);
        return true;
    }
    if (!is_signed(zone) || is_loading(zone))
        return false;
    call_end(call, EXIT_DONE, NULL, "serial %u, fully signed", zone->row.serial);
    return true;
}

static bool read_seconds(const char *word, uint64_t *seconds)
{
    char *end;

    if (*word < '0' || *word > '9')
        return false;
    unsigned long long value = strtoull(word, &end, 10);
    *seconds = value < WAIT_MOST_SECONDS ? value : WAIT_MOST_SECONDS;
    return *end == '\0';
}

static void verb_zone_wait(struct call *call)
{
    struct keeper_zone *zone = call_zone(call, call->words[2]);
    uint64_t seconds = WAIT_SECONDS;

    if (!zone)
        return;
    if (call->word_count != 3 &&
        (call->word_count != 5 || strcmp(call->words[3], "--timeout") != 0 ||
         !read_seconds(call->words[4], &seconds))) {
        call_end(call, EXIT_USAGE, NULL, "usage: zone wait ZONE [--timeout SECONDS]");
        return;
    }
    call->deadline_ms = clock_monotonic_ms() + seconds * 1000 + 1;
    call->look = look_signed;
    (void)look_signed(call, zone);
}

static bool look_loaded(struct call *call, struct keeper_zone *zone)
{
    if (is_loading(zone))
        return false;
    bool failed = zone->phase == PHASE_FAILED;
    char problem[ZONE_PROBLEMS_TEXT];
    size_t sent = 0;
    if (call_chunk(call, &call->complaints, &sent) != RESULT_OK)
        log_debug("a caller of the control socket is gone");
    struct json json = {.first = true};
    json_open(&json, NULL, '{');
    json_dns_name(&json, "zone", &zone->name);
    json_number(&json, "serial", zone->row.serial);
    json_bool(&json, "loaded", !failed);
    json_text(&json, "problem", zone_problem(zone, problem));
    json_close(&json, '}');
    if (failed)
        call_end(call, zone->hold.reason ? EXIT_HELD : EXIT_FAILED, &json, "%s", problem);
    else
        call_end(call, EXIT_DONE, &json, "serial %u", zone->row.serial);
    return true;
}

static void verb_zone_reload(struct call *call)
{
    bool forced = call_option(call, "--force");
    struct keeper_zone *zone = call->word_count == 3 ? call_zone(call, call->words[2]) : NULL;

    if (!zone && !call->ended)
        call_end(call, EXIT_USAGE, NULL, "usage: zone reload ZONE [--force]");
    if (!zone)
        return;
    zone->forced |= forced;
    call->look = look_loaded;
    call->deadline_ms = 0; /* however long it takes */
    zone->load_wanted = true;
    if (zone->phase == PHASE_FAILED)
        zone->phase = PHASE_IDLE;
    keeper_zone_advance(zone);
    if (call->look && zone->load_wanted && zone->phase == PHASE_IDLE)
        call_end(call, EXIT_FAILED, NULL, "%s",
                 *zone->problem ? zone->problem : "it waits for its keys");
}

/* ---- the table --------------------------------------------------------------------------------
 */

static const struct {
    const char *first, *second;
    unsigned least, most; /* words in all */
    void (*run)(struct call *call);
} verbs[] = {
    {"status", NULL, 1, 1, verb_status},
    {"zone", "list", 2, 3, verb_zone_list},
    {"zone", "status", 3, 3, verb_zone_status},
    {"zone", "reload", 3, 4, verb_zone_reload},
    {"zone", "wait", 3, 5, verb_zone_wait},
    {"zone", "export", 3, 4, verb_zone_export},
    {"zone", "begin", 3, 3, verb_zone_begin},
    {"zone", "set", 6, CALL_ARGUMENTS, verb_zone_set},
    {"zone", "unset", 4, CALL_ARGUMENTS, verb_zone_unset},
    {"zone", "diff", 3, 4, verb_zone_diff},
    {"zone", "commit", 3, 4, verb_zone_commit},
    {"zone", "abort", 3, 3, verb_zone_abort},
    {"zone", "write", 3, 4, verb_zone_write},
    {"scrub", "start", 2, 3, verb_scrub_start},
    {"scrub", "status", 2, 2, verb_scrub_status},
    {"key", "list", 2, 3, verb_key_list},
    {"ds", NULL, 2, 2, verb_ds},
    {"dnskey", NULL, 2, 2, verb_dnskey},
};

static bool read_words(struct call *call, const struct message_request *request)
{
    struct reader reader;
    const char *word;

    call->arguments = malloc(request->arguments.length + 1);
    if (!call->arguments)
        return false;
    memcpy(call->arguments, request->arguments.octets, request->arguments.length);
    reader = reader_over(call->arguments, request->arguments.length);
    while (call->word_count < CALL_ARGUMENTS && (word = arguments_next(&reader)))
        call->words[call->word_count++] = word;
    return reader_finish(&reader) == RESULT_OK && call->word_count > 0;
}

static void run(struct call *call)
{
    for (size_t i = 0; i < COUNT(verbs); i++) {
        if (strcmp(call->words[0], verbs[i].first) != 0)
            continue;
        if (verbs[i].second &&
            (call->word_count < 2 || strcmp(call->words[1], verbs[i].second) != 0))
            continue;
        if (call->word_count < verbs[i].least || call->word_count > verbs[i].most) {
            call_end(call, EXIT_USAGE, NULL, "wrong number of arguments for %s %s", verbs[i].first,
                     verbs[i].second ? verbs[i].second : "");
            return;
        }
        verbs[i].run(call);
        return;
    }
    call_end(call, EXIT_USAGE, NULL, "the daemon does not know the verb %s", call->words[0]);
}

static void take_request(void *context, const struct message *message, struct frame *frame)
{
    struct call *call = context;

    (void)frame;
    if (call->arguments)
        return; /* one request a connection */
    if (message->request.version != CONTROL_VERSION)
        call_end(call, EXIT_USAGE, NULL, "avowctl and avowd are of different versions");
    else if (!read_words(call, &message->request))
        call_end(call, EXIT_USAGE, NULL, "the words are malformed, or more than %d",
                 CALL_ARGUMENTS);
    else
        run(call);
}

/* ---- connections ------------------------------------------------------------------------------
 */

static const struct dispatch_table table = {
    .link = LINK_CONTROL, .self = LINK_UPPER, .handlers = {[MESSAGE_REQUEST] = take_request}};

static void call_frame(void *context, struct channel *channel, struct frame *frame)
{
    struct call *call = context;

    (void)channel;
    call->control->keeper->now_ms = clock_monotonic_ms();
    (void)dispatch_frame(&table, &call->letters, frame, call);
}

static void call_closed(void *context, struct channel *channel)
{
    (void)channel;
    call_free(context);
}

static void call_drained(void *context, struct channel *channel)
{
    struct call *call = context;

    (void)channel;
    if (call->more)
        call->more(call);
}

static const struct channel_events call_events = {
    .frame = call_frame, .closed = call_closed, .drained = call_drained};

/* Only root and whoever runs the daemon may call (the socket's mode says so too). */
static bool is_allowed(int descriptor)
{
    struct ucred peer;
    socklen_t length = sizeof peer;

    if (getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &length))
        return false;
    return peer.uid == 0 || peer.uid == geteuid();
}

/* Who calls waits in the queue until check_deadlines looks again; it would wake us for ever. */
static void accept_later(struct control *control, int error)
{
    struct keeper *keeper = control->keeper;

    metric_add(keeper->metrics, METRIC_CONTROL_SHORTAGES, 1);
    log_limited(&control->shortage_lines, SHORTAGE_LINES, keeper->now_ms,
                "calls of avowctl have to wait: %s", strerror(error));
    ev_io_stop(keeper->loop, &control->accept);
}

static void accept_call(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct control *control = watcher->data;
    int descriptor = accept4(watcher->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    (void)events;
    if (descriptor < 0) {
        if (is_shortage(errno))
            accept_later(control, errno);
        return;
    }
    struct call *call = calloc(1, sizeof *call);
    if (!call || control->count >= CALL_LIMIT || !is_allowed(descriptor)) {
        free(call);
        (void)close(descriptor);
        return;
    }
    channel_prepare(descriptor);
    call->control = control;
    call->deadline_ms = clock_monotonic_ms() + LINGER_MS;
    call->letters.peer = "avowctl";
    call->channel = channel_open(loop, descriptor, &call_events, call,
                                 (struct channel_bounds){.octets = 4 << 20});
    call->next = control->calls;
    control->calls = call;
    control->count++;
    if (!call->channel)
        call_free(call);
}

void control_zone_event(struct keeper_zone *zone)
{
    struct control *control = zone->keeper->control;

    for (struct call *call = control ? control->calls : NULL; call; call = call->next) {
        if (call->look && call->has_zone && name_equal(&call->zone, &zone->name))
            (void)call->look(call, zone);
    }
}

void control_zone_complaint(struct keeper_zone *zone, const char *text)
{
    struct control *control = zone->keeper->control;

    for (struct call *call = control->calls; call; call = call->next) {
        if (call->look == look_loaded && name_equal(&call->zone, &zone->name)) {
            buffer_clear(&call->complaints);
            buffer_text(&call->complaints, text);
        }
    }
}

/* A call whose time is up. */
static void end_late(struct call *call, struct keeper_zone *zone)
{
    char problem[ZONE_PROBLEMS_TEXT];

    if (!call->look) {
        call->lost = true; /* ended, or never began */
        return;
    }
    if (!call->look(call, zone))
        call_end(call, EXIT_FAILED, NULL, "%s",
                 zone_problem(zone, problem) ? problem : "not yet; the time is up");
}

static void check_deadlines(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct control *control = watcher->data;
    uint64_t now = clock_monotonic_ms();

    (void)events;
    if (control->listener >= 0)
        ev_io_start(loop, &control->accept); /* if it was stopped */
    for (struct call *call = control->calls, *next; call; call = next) {
        struct keeper_zone *zone =
            call->has_zone ? keeper_zone_find(control->keeper, &call->zone) : NULL;
        next = call->next;
        if ((call->look || call->wait) && call->has_zone && (!zone || !zone->config))
            call_end(call, EXIT_NO_OBJECT, NULL, "the zone is gone");
        else if (call->deadline_ms && now >= call->deadline_ms && !call->more)
            end_late(call, zone);
        if (call->lost)
            call_free(call);
    }
}

enum result control_open(struct keeper *keeper)
{
    struct control *control = calloc(1, sizeof *control);

    if (!control)
        return RESULT_SYSTEM;
    control->keeper = keeper;
    keeper->control = control;
    ev_timer_init(&control->tick, check_deadlines, 0.5, 0.5);
    control->tick.data = control;
    ev_timer_start(keeper->loop, &control->tick);
    control->listener = -1;
    for (size_t i = 0; i < keeper->room->socket_count; i++) {
        if (keeper->room->sockets[i].kind == SOCKET_CONTROL)
            control->listener = keeper->room->sockets[i].descriptor;
    }
    if (control->listener < 0)
        return RESULT_OK;
    ev_io_init(&control->accept, accept_call, control->listener, EV_READ);
    control->accept.data = control;
    ev_io_start(keeper->loop, &control->accept);
    return RESULT_OK;
}

void control_close(struct keeper *keeper)
{
    struct control *control = keeper->control;

    if (!control)
        return;
    while (control->calls)
        /* One that is freed has left the list: NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
        call_free(control->calls);
    if (control->listener >= 0)
        ev_io_stop(keeper->loop, &control->accept);
    ev_timer_stop(keeper->loop, &control->tick);
    free(control);
    keeper->control = NULL;
}
