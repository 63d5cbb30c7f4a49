/*
 * framing.h - octets of a TCP stream to whole messages (RFC 1035 section 4.2.2).
 *
 * Most messages come whole in one read: then they are read in a scratch buffer that all connections
 * share, and the connection keeps no memory. What is left over is kept, and grows only as octets
 * really come: to announce a length costs us nothing. Floor: wire. Pure but for malloc.
 *
 *     framing_place, receive there, framing_add, framing_next until it has no more, framing_keep
 */
#ifndef AVOW_WIRE_FRAMING_H
#define AVOW_WIRE_FRAMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FRAMING_SCRATCH_OCTETS = 20 * 1024,
    FRAMING_COPY_OCTETS = 2048 /* a rest up to here is continued in the scratch buffer */
};

/* A zeroed one is at the beginning of a stream. */
struct framing {
    uint8_t *held; /* owned */
    uint32_t held_length;
    uint32_t held_capacity;
    const uint8_t *view; /* scratch or held, between framing_add and framing_keep */
    uint32_t view_length;
    uint32_t at; /* what of the view was taken */
};

/* Where to receive next: never no room. NULL without memory. `scratch` has FRAMING_SCRATCH_OCTETS
 * and stays untouched until framing_keep. */
uint8_t *framing_place(struct framing *framing, uint8_t *scratch, size_t *room);

/* So many octets were received there. */
void framing_add(struct framing *framing, const uint8_t *scratch, size_t received);

/* Go on with what was kept, without receiving. */
void framing_resume(struct framing *framing);

enum framing_found {
    FRAMING_MORE,  /* no whole message is left */
    FRAMING_WHOLE, /* here is one */
    FRAMING_BAD    /* too short to be a message: the stream is of no use */
};

/* The next message of the view; it lives until framing_keep. */
enum framing_found framing_next(struct framing *framing, const uint8_t **message, size_t *length);

/* Put the message that framing_next gave last back: it is the next one again. */
void framing_put_back(struct framing *framing, size_t length);

/* What was not taken, of the view or of what was kept: for whoever goes on with the stream. NULL
 * when there is nothing. */
const uint8_t *framing_rest(const struct framing *framing, size_t *length);

/* Keep octets that somebody else has received: the next ones of the stream. Not while there is a
 * view. False without memory. */
bool framing_give(struct framing *framing, const uint8_t *octets, size_t length);

/* Whether framing_next would give one, of the view or of what was kept. */
bool framing_has_message(const struct framing *framing);

/* Keep what was not taken. False without memory. */
bool framing_keep(struct framing *framing);

/* Octets of memory that are held. */
size_t framing_octets(const struct framing *framing);

void framing_free(struct framing *framing);

#endif
