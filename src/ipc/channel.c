/* channel.c - frames on a socket pair, watched by a loop, queued within bounds. */
#include "avow/ipc/channel.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "letter.h"

enum {
    DEFAULT_MESSAGES = 4096,
    DEFAULT_OCTETS = 8 * 1024 * 1024,
    FRAMES_PER_TURN = 64 /* so that one busy peer does not keep the others waiting */
};

/* A frame that waits. Its descriptors are duplicates of its own. */
struct queued {
    struct queued *next;
    size_t length;
    unsigned descriptor_count;
    int descriptors[FRAME_MAX_DESCRIPTORS];
    uint8_t octets[];
};

struct channel {
    struct ev_loop *loop;
    ev_io readable;
    ev_io writable;
    int descriptor;
    const struct channel_events *events;
    void *context;
    struct channel_bounds bounds;
    struct queued *first;
    struct queued **last;
    uint32_t queued_messages;
    size_t queued_octets;
    uint32_t queued_descriptors;
    bool was_full; /* drained is owed */
    bool closed;   /* the other end is gone */
    bool paused;
    unsigned events_running; /* calls of ours that still need the struct */
    bool freed;              /* give it back when the last of these returns */
    struct frame *frame_out;
    struct frame *frame_in;
};

static void queued_free(struct queued *queued)
{
    for (unsigned i = 0; i < queued->descriptor_count; i++)
        close(queued->descriptors[i]);
    frame_wipe_octets(queued->octets, queued->length);
    free(queued);
}

static void drop_queue(struct channel *channel)
{
    while (channel->first) {
        struct queued *queued = channel->first;
        channel->first = queued->next;
        queued_free(queued);
    }
    channel->last = &channel->first;
    channel->queued_messages = 0;
    channel->queued_octets = 0;
    channel->queued_descriptors = 0;
}

static void give_back(struct channel *channel)
{
    frame_free(channel->frame_in);
    free(channel->frame_out); /* what it names belongs to the senders; secrets were wiped */
    free(channel);
}

static void enter(struct channel *channel)
{
    channel->events_running++;
}

/* Whether the channel is still there. */
static bool leave(struct channel *channel)
{
    channel->events_running--;
    if (!channel->freed)
        return true;
    if (channel->events_running == 0)
        give_back(channel);
    return false;
}

static void stop_watching(struct channel *channel)
{
    ev_io_stop(channel->loop, &channel->readable);
    ev_io_stop(channel->loop, &channel->writable);
}

/* From now on nothing can be sent. The event comes from the loop, never from inside a send. */
static void other_end_is_gone(struct channel *channel)
{
    drop_queue(channel);
    channel->closed = true;
    ev_io_stop(channel->loop, &channel->writable);
    ev_io_start(channel->loop, &channel->readable);
    ev_feed_event(channel->loop, &channel->readable, EV_READ);
}

static void tell_closed(struct channel *channel)
{
    channel->closed = true;
    drop_queue(channel);
    stop_watching(channel);
    if (channel->events->closed)
        channel->events->closed(channel->context, channel);
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int happened)
{
    struct channel *channel = watcher->data;
    (void)loop, (void)happened;

    enter(channel);
    for (unsigned i = 0; i < FRAMES_PER_TURN && !channel->freed && !channel->paused; i++) {
        enum letter_outcome outcome =
            letter_receive(channel->descriptor, channel->frame_in, LETTER_NOW);
        if (outcome == LETTER_BUSY)
            break;
        if (outcome == LETTER_CLOSED) {
            tell_closed(channel);
            break;
        }
        if (outcome == LETTER_DONE) {
            channel->events->frame(channel->context, channel, channel->frame_in);
            frame_close(channel->frame_in);
        }
        if (outcome == LETTER_BAD && channel->events->lost)
            channel->events->lost(channel->context, channel);
    }
    (void)leave(channel);
}

static bool is_half_empty(const struct channel *channel)
{
    return channel->queued_messages <= channel->bounds.messages / 2 &&
           channel->queued_octets <= channel->bounds.octets / 2;
}

static void tell_drained(struct channel *channel)
{
    if (!channel->was_full || !is_half_empty(channel))
        return;
    channel->was_full = false;
    if (channel->events->drained)
        channel->events->drained(channel->context, channel);
}

static void forget_first(struct channel *channel)
{
    struct queued *queued = channel->first;

    channel->first = queued->next;
    if (!channel->first)
        channel->last = &channel->first;
    channel->queued_messages--;
    channel->queued_octets -= queued->length;
    channel->queued_descriptors -= queued->descriptor_count;
    queued_free(queued);
}

static void on_writable(struct ev_loop *loop, ev_io *watcher, int happened)
{
    struct channel *channel = watcher->data;
    (void)loop, (void)happened;

    while (channel->first) {
        struct queued *queued = channel->first;
        struct letter_octets frame = {queued->octets, queued->length, queued->descriptors,
                                      queued->descriptor_count};
        enum letter_outcome outcome = letter_send_octets(channel->descriptor, &frame, LETTER_NOW);
        if (outcome == LETTER_BUSY)
            break;
        if (outcome == LETTER_CLOSED) {
            other_end_is_gone(channel);
            return;
        }
        forget_first(channel);
    }
    if (!channel->first)
        ev_io_stop(channel->loop, &channel->writable);
    enter(channel);
    tell_drained(channel);
    (void)leave(channel);
}

static bool queue_has_room(const struct channel *channel, const struct frame *frame)
{
    return channel->queued_messages < channel->bounds.messages &&
           channel->queued_octets + frame->length <= channel->bounds.octets &&
           (frame->descriptor_count == 0 ||
            channel->queued_descriptors + frame->descriptor_count <= channel->bounds.descriptors);
}

static enum result enqueue(struct channel *channel, const struct frame *frame)
{
    struct queued *queued = malloc(sizeof *queued + frame->length);
    if (!queued)
        return RESULT_FULL;
    queued->next = NULL;
    queued->length = frame->length;
    queued->descriptor_count = 0;
    memcpy(queued->octets, frame->octets, frame->length);
    for (unsigned i = 0; i < frame->descriptor_count; i++) {
        int copy = letter_duplicate(frame->descriptors[i]);
        if (copy < 0) {
            queued_free(queued);
            return RESULT_FULL;
        }
        queued->descriptors[queued->descriptor_count++] = copy;
    }
    *channel->last = queued;
    channel->last = &queued->next;
    channel->queued_messages++;
    channel->queued_octets += frame->length;
    channel->queued_descriptors += frame->descriptor_count;
    ev_io_start(channel->loop, &channel->writable);
    return RESULT_OK;
}

struct channel *channel_open(struct ev_loop *loop, int descriptor,
                             const struct channel_events *events, void *context,
                             struct channel_bounds bounds)
{
    struct channel *channel = calloc(1, sizeof *channel);
    struct frame *in = frame_make();
    struct frame *out = frame_make();

    if (!channel || !in || !out) {
        free(channel);
        frame_free(in);
        frame_free(out);
        close(descriptor);
        return NULL;
    }
    *channel = (struct channel){
        .loop = loop,
        .descriptor = descriptor,
        .events = events,
        .context = context,
        .bounds = {bounds.messages ? bounds.messages : DEFAULT_MESSAGES,
                   bounds.octets ? bounds.octets : DEFAULT_OCTETS,
                   bounds.descriptors ? bounds.descriptors : UINT32_MAX},
        .frame_in = in,
        .frame_out = out,
    };
    channel->last = &channel->first;
    ev_io_init(&channel->readable, on_readable, descriptor, EV_READ);
    ev_io_init(&channel->writable, on_writable, descriptor, EV_WRITE);
    channel->readable.data = channel;
    channel->writable.data = channel;
    ev_io_start(loop, &channel->readable);
    return channel;
}

void channel_free(struct channel *channel)
{
    if (!channel || channel->freed)
        return;
    stop_watching(channel);
    drop_queue(channel);
    close(channel->descriptor);
    channel->freed = true;
    if (channel->events_running == 0)
        give_back(channel);
}

/* Send the frame at once, or queue it. */
static enum result pass_on(struct channel *channel)
{
    if (!channel->first) {
        switch (letter_send_frame(channel->descriptor, channel->frame_out, LETTER_NOW)) {
        case LETTER_DONE:
            return RESULT_OK;
        case LETTER_CLOSED:
            other_end_is_gone(channel);
            return RESULT_SYSTEM;
        case LETTER_BAD:
            return RESULT_FULL;
        case LETTER_BUSY:
            break;
        }
    }
    if (!queue_has_room(channel, channel->frame_out)) {
        channel->was_full = true;
        return RESULT_FULL;
    }
    return enqueue(channel, channel->frame_out);
}

enum result channel_send(struct channel *channel, const struct message *message)
{
    if (channel->closed)
        return RESULT_SYSTEM;
    enum result result =
        message_write(message, channel->frame_out) ? RESULT_FULL : pass_on(channel);
    frame_wipe_octets(channel->frame_out->octets, channel->frame_out->length);
    return result;
}

void channel_pause(struct channel *channel)
{
    channel->paused = true;
    ev_io_stop(channel->loop, &channel->readable);
}

void channel_resume(struct channel *channel)
{
    if (!channel->paused || channel->freed)
        return;
    channel->paused = false;
    ev_io_start(channel->loop, &channel->readable);
}

void channel_receive(struct channel *channel)
{
    on_readable(channel->loop, &channel->readable, EV_READ);
}

size_t channel_queued_octets(const struct channel *channel)
{
    return channel->queued_octets;
}

uint32_t channel_queued_messages(const struct channel *channel)
{
    return channel->queued_messages;
}

int channel_descriptor(const struct channel *channel)
{
    return channel->descriptor;
}

struct ev_loop *channel_loop(const struct channel *channel)
{
    return channel->loop;
}
