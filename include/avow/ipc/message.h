/*
 * message.h - a message as a struct and as a frame, both made from the tables of messages.h.
 *
 * A message that was read points into its frame and lives as long as that. Everything in it was
 * checked for form: lengths add up, a name is a name, a text ends in its one NUL. What the values
 * mean is for the receiver to check: the sender may be a room that was taken over.
 *
 * Floor: ipc. Pure but for descriptors.
 */
#ifndef AVOW_IPC_MESSAGE_H
#define AVOW_IPC_MESSAGE_H

#include "avow/base/buffer.h"
#include "avow/base/result.h"
#include "avow/ipc/messages.h"
#include "avow/wire/name.h"
#include "avow/wire/rrset.h"

/* Octets that belong to somebody else. */
struct span {
    const uint8_t *octets;
    uint32_t length;
};

static inline struct span span_of(const void *octets, size_t length)
{
    return (struct span){.octets = octets, .length = (uint32_t)length};
}

static inline struct reader span_reader(struct span span)
{
    return reader_over(span.octets, span.length);
}

enum message_kind {
#define MESSAGE_ENUMERATOR(link, sender, NAME, name) MESSAGE_##NAME,
    MESSAGES(MESSAGE_ENUMERATOR)
#undef MESSAGE_ENUMERATOR
        MESSAGE_KINDS
};

/* struct message_want { uint64_t id; uint32_t version; ... struct name owner; struct span hash; };
 * and so on for every row. A text that is NULL is written as "". A descriptor that is not
 * there is -1. */
#define MESSAGE_TYPE_u8             uint8_t
#define MESSAGE_TYPE_u16            uint16_t
#define MESSAGE_TYPE_u32            uint32_t
#define MESSAGE_TYPE_u64            uint64_t
#define MESSAGE_TYPE_name           struct name
#define MESSAGE_TYPE_octets         struct span
#define MESSAGE_TYPE_text           const char *
#define MESSAGE_TYPE_fd             int
#define MESSAGE_MEMBER(kind, field) MESSAGE_TYPE_##kind field;
#define MESSAGE_STRUCT(link, sender, NAME, name)                                                   \
    struct message_##name {                                                                        \
        FIELDS_##name(MESSAGE_MEMBER)                                                              \
    };
MESSAGES(MESSAGE_STRUCT)
#undef MESSAGE_STRUCT
#undef MESSAGE_MEMBER

/* `(struct message){.kind = MESSAGE_STORED, .stored = {.id = 7}}` */
struct message {
    enum message_kind kind;
    union {
#define MESSAGE_UNION(link, sender, NAME, name) struct message_##name name;
        MESSAGES(MESSAGE_UNION)
#undef MESSAGE_UNION
    };
};

/* One frame, written or received. Large: on the heap, one per thread or loop. */
struct frame {
    size_t length;
    unsigned descriptor_count;
    int descriptors[FRAME_MAX_DESCRIPTORS]; /* owned by whoever holds the frame, once received */
    uint8_t octets[FRAME_MAX_OCTETS];
};

/* A frame with nothing in it; NULL without memory. */
struct frame *frame_make(void);

/* Wipe octets that hold a message of those which carry secrets: CONFIGURE and RELOAD. */
void frame_wipe_octets(uint8_t *octets, size_t length);

/* As frame_close, and give the memory back. NULL is fine. */
void frame_free(struct frame *frame);

/* Close received descriptors that nobody took, and wipe what carried secrets. */
void frame_close(struct frame *frame);

/*
 * Write a message into a frame. Descriptors are not duplicated: they must stay open until the frame
 * was sent, and stay the caller's.
 *
 * Returns RESULT_OK; RESULT_FULL when it is longer than FRAME_MAX_OCTETS.
 */
MUST_CHECK enum result message_write(const struct message *message, struct frame *frame);

/*
 * Read a message from a frame that was received.
 *
 * message  Caller's storage; points into `frame`. Its descriptors are still the frame's:
 *          message_take takes one over.
 *
 * Returns  RESULT_OK; RESULT_FORMAT for a kind that does not exist, fields that do not fit, octets
 *          that are left over, or another number of descriptors than the table says.
 */
MUST_CHECK enum result message_read(const struct frame *frame, struct message *message);

/* Take a received descriptor out of the frame: from now on it is the caller's. -1 when it was not
 * there or has been taken. */
int message_take(struct frame *frame, int descriptor);

/* Facts from the tables. */
enum link_kind message_link(enum message_kind kind);
enum link_end message_sender(enum message_kind kind);
const char *message_name(enum message_kind kind); /* "WANT"; never NULL */
const char *link_name(enum link_kind link);       /* "WANTED"; never NULL */
const char *room_name(enum room_kind kind);       /* "keeper"; never NULL */

/* ---- packed forms inside SIGN and SIGNATURES ------------------------------------------------ */

enum { SIGN_JOB_KEYS = 8 };

/* One RRset to be signed by some keys. */
struct sign_job {
    uint64_t job; /* the keeper's; comes back */
    uint8_t key_count;
    uint32_t
        keys[SIGN_JOB_KEYS]; /* numbers as in KEY_ENSURE; each gives one RRSIG, in this order */
    uint32_t inception;      /* seconds since 1970, as in RRSIG RDATA */
    uint32_t expiration;
    struct name owner;
    uint16_t type;
    uint32_t ttl;           /* original TTL */
    struct rdata_run rdata; /* points into the octets that were read */
};

/* Append a job; fails the writer when it does not fit: rewind, send, begin anew. */
void sign_job_write(struct writer *writer, const struct sign_job *job);

/* Read the next job. Fails the reader for what is malformed: no key or more than SIGN_JOB_KEYS, an
 * RDATA run that does not hold its count. */
void sign_job_read(struct reader *reader, struct sign_job *job);

struct sign_result {
    uint64_t job;
    uint8_t outcome;             /* enum signing_outcome; another value fails the reader */
    struct rdata_run signatures; /* RRSIG RDATA, one per key; empty unless SIGNING_DONE */
    const char *text;            /* what went wrong; "" when nothing did */
};

void sign_result_write(struct writer *writer, const struct sign_result *result);
void sign_result_read(struct reader *reader, struct sign_result *result);

/* ---- packed form inside UPDATE ----------------------------------------------------------------
 */

/* A record of the prerequisite or the update section (RFC 2136 sections 2.4, 2.5): the class says
 * what is meant. Its form was checked by the desk; RDATA is uncompressed, empty where none is
 * called for. */
struct update_record {
    struct name owner;
    uint16_t type, class_;
    uint32_t ttl;
    uint32_t limit; /* records that the owner may have in all after the change; 0: no limit */
    struct span rdata;
};

void update_record_write(struct writer *writer, const struct update_record *record);
void update_record_read(struct reader *reader, struct update_record *record);

/* ---- arguments of REQUEST ------------------------------------------------------------------- */

/* Add one argument. */
void arguments_add(struct buffer *arguments, const char *argument);

/* The next argument, NUL-terminated, inside the octets read; NULL at the end. Fails the reader when
 * the last one has no NUL. */
const char *arguments_next(struct reader *arguments);

#endif
