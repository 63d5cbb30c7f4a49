/* message.c - messages to frames and back, every function made from the tables of messages.h. */
#include "avow/ipc/message.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A message's number in its frame is its place within its link. */
enum {
/* Added to each other they count: NOLINTNEXTLINE(bugprone-macro-parentheses) */
#define ADD_ONE(link, sender, NAME, name) +1
#define LINK_LENGTH(link)                 LENGTH_##link = 0 MESSAGES_##link(ADD_ONE),
    LINKS(LINK_LENGTH)
#undef LINK_LENGTH
#undef ADD_ONE
        FIRST_CONTROL = 0,
    FIRST_ROOM = FIRST_CONTROL + LENGTH_CONTROL,
    FIRST_WANTED = FIRST_ROOM + LENGTH_ROOM,
    FIRST_SIGNING = FIRST_WANTED + LENGTH_WANTED,
    FIRST_HANDOFF = FIRST_SIGNING + LENGTH_SIGNING,
    FIRST_ARRIVALS = FIRST_HANDOFF + LENGTH_HANDOFF,
    FIRST_CHANGES = FIRST_ARRIVALS + LENGTH_ARRIVALS
};
_Static_assert(FIRST_CHANGES + LENGTH_CHANGES == MESSAGE_KINDS, "a link is missing above");

static const struct {
    const char *name;
    uint8_t first;
    uint8_t length;
} links[LINK_COUNT] = {
#define LINK_ROW(link) [LINK_##link] = {#link, FIRST_##link, LENGTH_##link},
    LINKS(LINK_ROW)
#undef LINK_ROW
};

static const struct {
    const char *name;
    enum link_kind link;
    enum link_end sender;
} kinds[MESSAGE_KINDS] = {
#define KIND_ROW(link, sender, NAME, name) [MESSAGE_##NAME] = {#NAME, LINK_##link, LINK_##sender},
    MESSAGES(KIND_ROW)
#undef KIND_ROW
};

/* ---- frames --------------------------------------------------------------------------------- */

struct frame *frame_make(void)
{
    struct frame *frame = malloc(sizeof *frame);
    if (frame) {
        frame->length = 0;
        frame->descriptor_count = 0;
    }
    return frame;
}

void frame_wipe_octets(uint8_t *octets, size_t length)
{
    static const enum message_kind secret[] = {MESSAGE_CONFIGURE, MESSAGE_RELOAD};

    for (unsigned i = 0; i < COUNT(secret) && length >= 2; i++)
        if (octets[0] == kinds[secret[i]].link &&
            octets[1] == secret[i] - links[kinds[secret[i]].link].first) {
            explicit_bzero(octets, length);
            return;
        }
}

void frame_close(struct frame *frame)
{
    frame_wipe_octets(frame->octets, frame->length);
    for (unsigned i = 0; i < frame->descriptor_count; i++) {
        if (frame->descriptors[i] >= 0)
            close(frame->descriptors[i]);
    }
    frame->descriptor_count = 0;
}

void frame_free(struct frame *frame)
{
    if (frame)
        frame_close(frame);
    free(frame);
}

int message_take(struct frame *frame, int descriptor)
{
    for (unsigned i = 0; i < frame->descriptor_count; i++) {
        if (descriptor >= 0 && frame->descriptors[i] == descriptor) {
            frame->descriptors[i] = -1;
            return descriptor;
        }
    }
    return -1;
}

/* ---- fields out ----------------------------------------------------------------------------- */

static void put_u8(struct writer *writer, struct frame *frame, uint8_t value)
{
    (void)frame;
    writer_u8(writer, value);
}

static void put_u16(struct writer *writer, struct frame *frame, uint16_t value)
{
    (void)frame;
    writer_u16(writer, value);
}

static void put_u32(struct writer *writer, struct frame *frame, uint32_t value)
{
    (void)frame;
    writer_u32(writer, value);
}

static void put_u64(struct writer *writer, struct frame *frame, uint64_t value)
{
    (void)frame;
    writer_u64(writer, value);
}

static void put_octets(struct writer *writer, struct frame *frame, struct span value)
{
    (void)frame;
    writer_u32(writer, value.length);
    writer_add(writer, value.octets, value.length);
}

static void put_text(struct writer *writer, struct frame *frame, const char *value)
{
    const char *text = value ? value : "";
    put_octets(writer, frame, span_of(text, strlen(text) + 1));
}

/* A zeroed name, where a message has no use for one, is written as the root. */
static void put_name(struct writer *writer, struct frame *frame, struct name value)
{
    (void)frame;
    if (value.length == 0)
        name_root(&value);
    name_write(writer, &value);
}

static void put_fd(struct writer *writer, struct frame *frame, int value)
{
    writer_u8(writer, value >= 0);
    if (value < 0)
        return;
    if (frame->descriptor_count == FRAME_MAX_DESCRIPTORS) {
        writer->failed = true;
        return;
    }
    frame->descriptors[frame->descriptor_count++] = value;
}

/* ---- fields in ------------------------------------------------------------------------------ */

/* Where reading stands: the octets, and the descriptors that came beside them. */
struct letter {
    struct reader octets;
    const struct frame *frame;
    unsigned descriptors_taken;
};

static void get_u8(struct letter *letter, uint8_t *value)
{
    *value = reader_u8(&letter->octets);
}

static void get_u16(struct letter *letter, uint16_t *value)
{
    *value = reader_u16(&letter->octets);
}

static void get_u32(struct letter *letter, uint32_t *value)
{
    *value = reader_u32(&letter->octets);
}

static void get_u64(struct letter *letter, uint64_t *value)
{
    *value = reader_u64(&letter->octets);
}

static void get_octets(struct letter *letter, struct span *value)
{
    uint32_t length = reader_u32(&letter->octets);
    const uint8_t *octets = reader_take(&letter->octets, length);
    *value = octets ? (struct span){octets, length} : (struct span){(const uint8_t *)"", 0};
}

static void get_text(struct letter *letter, const char **value)
{
    struct span span;

    get_octets(letter, &span);
    if (span.length == 0 ||
        memchr(span.octets, '\0', span.length) != span.octets + span.length - 1) {
        reader_fail(&letter->octets);
        *value = "";
        return;
    }
    *value = (const char *)span.octets;
}

static void get_name(struct letter *letter, struct name *value)
{
    name_read_plain(&letter->octets, value);
}

static void get_fd(struct letter *letter, int *value)
{
    uint8_t there = reader_u8(&letter->octets);

    *value = -1;
    if (there > 1)
        reader_fail(&letter->octets);
    if (there != 1)
        return;
    if (letter->descriptors_taken == letter->frame->descriptor_count)
        reader_fail(&letter->octets);
    else
        *value = letter->frame->descriptors[letter->descriptors_taken++];
}

/* ---- messages ------------------------------------------------------------------------------- */

#define PUT(kind, field) put_##kind(writer, frame, message->field);
#define GET(kind, field) get_##kind(letter, &message->field);
#define MESSAGE_FUNCTIONS(link, sender, NAME, name)                                                \
    static void put_message_##name(struct writer *writer, struct frame *frame,                     \
                                   const struct message_##name *message)                           \
    {                                                                                              \
        (void)writer, (void)frame, (void)message;                                                  \
        FIELDS_##name(PUT)                                                                         \
    }                                                                                              \
    static void get_message_##name(struct letter *letter, struct message_##name *message)          \
    {                                                                                              \
        (void)letter, (void)message;                                                               \
        FIELDS_##name(GET)                                                                         \
    }
MESSAGES(MESSAGE_FUNCTIONS)

enum result message_write(const struct message *message, struct frame *frame)
{
    struct writer writer = writer_over(frame->octets, sizeof frame->octets);

    frame->descriptor_count = 0;
    writer_u8(&writer, (uint8_t)kinds[message->kind].link);
    writer_u8(&writer, (uint8_t)(message->kind - links[kinds[message->kind].link].first));
    switch (message->kind) {
#define PUT_CASE(link, sender, NAME, name)                                                         \
    case MESSAGE_##NAME:                                                                           \
        put_message_##name(&writer, frame, &message->name);                                        \
        break;
        MESSAGES(PUT_CASE)
#undef PUT_CASE
    case MESSAGE_KINDS:
        break;
    }
    frame->length = writer.length;
    return writer_check(&writer);
}

/* The kind that the first two octets name; MESSAGE_KINDS, and the reader failed, when none. */
static enum message_kind read_kind(struct reader *octets)
{
    uint8_t link = reader_u8(octets);
    uint8_t place = reader_u8(octets);

    if (octets->failed || link >= LINK_COUNT || place >= links[link].length) {
        reader_fail(octets);
        return MESSAGE_KINDS;
    }
    return (enum message_kind)(links[link].first + place);
}

enum result message_read(const struct frame *frame, struct message *message)
{
    struct letter letter = {.octets = reader_over(frame->octets, frame->length), .frame = frame};

    message->kind = read_kind(&letter.octets);
    switch (message->kind) {
#define GET_CASE(link, sender, NAME, name)                                                         \
    case MESSAGE_##NAME:                                                                           \
        get_message_##name(&letter, &message->name);                                               \
        break;
        MESSAGES(GET_CASE)
#undef GET_CASE
    case MESSAGE_KINDS:
        break;
    }
    if (letter.descriptors_taken != frame->descriptor_count)
        return RESULT_FORMAT;
    return reader_finish(&letter.octets);
}

enum link_kind message_link(enum message_kind kind)
{
    return kinds[kind].link;
}

enum link_end message_sender(enum message_kind kind)
{
    return kinds[kind].sender;
}

const char *message_name(enum message_kind kind)
{
    return (unsigned)kind < MESSAGE_KINDS ? kinds[kind].name : "?";
}

const char *link_name(enum link_kind link)
{
    return (unsigned)link < LINK_COUNT ? links[link].name : "?";
}

const char *room_name(enum room_kind kind)
{
    static const char *const names[ROOMS] = {[ROOM_SIGNER] = "signer",
                                             [ROOM_KEEPER] = "keeper",
                                             [ROOM_DESK] = "desk",
                                             [ROOM_FRONT] = "front",
                                             [ROOM_VEIL] = "veil"};
    return (unsigned)kind < ROOMS ? names[kind] : "?";
}
