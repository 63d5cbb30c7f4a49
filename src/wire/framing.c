/* framing.c - octets of a TCP stream to whole messages. */
#include "avow/wire/framing.h"

#include <stdlib.h>
#include <string.h>

enum { PREFIX_OCTETS = 2, SHORTEST_MESSAGE = 12, FIRST_OCTETS = 512 };

/* Octets of the first message with its length before it; 0 when not even that is known. */
static uint32_t first_size(const uint8_t *octets, uint32_t length)
{
    if (length < PREFIX_OCTETS)
        return 0;
    return PREFIX_OCTETS + ((uint32_t)octets[0] << 8 | octets[1]);
}

static bool grow(struct framing *framing, uint32_t capacity)
{
    if (framing->held_capacity >= capacity)
        return true;
    uint8_t *more = realloc(framing->held, capacity);
    if (!more)
        return false;
    framing->held = more;
    framing->held_capacity = capacity;
    return true;
}

/* A long message is received where it stays: copying its beginning again and again would let a
 * slow sender burn our time. Up to its end, and no more than twice what has come already. */
static uint8_t *place_in_held(struct framing *framing, size_t *room)
{
    uint32_t whole = first_size(framing->held, framing->held_length);
    uint32_t end = framing->held_capacity;

    if (end == framing->held_length)
        end = framing->held_length * 2;
    if (whole > framing->held_length && end > whole)
        end = whole;
    if (!grow(framing, end))
        return NULL;
    *room = end - framing->held_length;
    return framing->held + framing->held_length;
}

uint8_t *framing_place(struct framing *framing, uint8_t *scratch, size_t *room)
{
    if (framing->held_length > FRAMING_COPY_OCTETS)
        return place_in_held(framing, room);
    if (framing->held_length)
        memcpy(scratch, framing->held, framing->held_length);
    *room = FRAMING_SCRATCH_OCTETS - framing->held_length;
    return scratch + framing->held_length;
}

void framing_add(struct framing *framing, const uint8_t *scratch, size_t received)
{
    bool in_held = framing->held_length > FRAMING_COPY_OCTETS;

    framing->view = in_held ? framing->held : scratch;
    framing->view_length = framing->held_length + (uint32_t)received;
    framing->held_length = in_held ? framing->view_length : 0;
    framing->at = 0;
}

void framing_resume(struct framing *framing)
{
    framing->view = framing->held;
    framing->view_length = framing->held_length;
    framing->at = 0;
}

static enum framing_found look(const uint8_t *octets, uint32_t length)
{
    uint32_t size = first_size(octets, length);

    if (size == 0)
        return FRAMING_MORE;
    if (size < PREFIX_OCTETS + SHORTEST_MESSAGE)
        return FRAMING_BAD;
    return size <= length ? FRAMING_WHOLE : FRAMING_MORE;
}

enum framing_found framing_next(struct framing *framing, const uint8_t **message, size_t *length)
{
    if (!framing->view)
        return FRAMING_MORE;
    const uint8_t *octets = framing->view + framing->at;
    enum framing_found found = look(octets, framing->view_length - framing->at);

    if (found == FRAMING_WHOLE) {
        *message = octets + PREFIX_OCTETS;
        *length = first_size(octets, PREFIX_OCTETS) - PREFIX_OCTETS;
        framing->at += (uint32_t)*length + PREFIX_OCTETS;
    }
    return found;
}

void framing_put_back(struct framing *framing, size_t length)
{
    framing->at -= (uint32_t)length + PREFIX_OCTETS;
}

const uint8_t *framing_rest(const struct framing *framing, size_t *length)
{
    const uint8_t *rest = framing->view ? framing->view + framing->at : framing->held;

    *length = framing->view ? framing->view_length - framing->at : framing->held_length;
    return *length ? rest : NULL;
}

bool framing_give(struct framing *framing, const uint8_t *octets, size_t length)
{
    if (length == 0)
        return true;
    if (length > UINT32_MAX / 2 - framing->held_length ||
        !grow(framing, framing->held_length + (uint32_t)length))
        return false;
    memcpy(framing->held + framing->held_length, octets, length);
    framing->held_length += (uint32_t)length;
    return true;
}

bool framing_has_message(const struct framing *framing)
{
    if (framing->view)
        return look(framing->view + framing->at, framing->view_length - framing->at) !=
               FRAMING_MORE;
    return framing->held_length && look(framing->held, framing->held_length) != FRAMING_MORE;
}

/* Memory that a long message took is given back with it. */
static void drop_held(struct framing *framing)
{
    free(framing->held);
    framing->held = NULL;
    framing->held_length = framing->held_capacity = 0;
}

bool framing_keep(struct framing *framing)
{
    const uint8_t *rest = framing->view ? framing->view + framing->at : NULL;
    uint32_t length = framing->view ? framing->view_length - framing->at : framing->held_length;
    bool in_held = rest && framing->view == framing->held;

    framing->view = NULL;
    if (!rest)
        return true;
    if (length == 0) {
        drop_held(framing);
        return true;
    }
    if (!in_held && !grow(framing, length < FIRST_OCTETS ? FIRST_OCTETS : length))
        return false;
    memmove(framing->held, rest, length);
    framing->held_length = length;
    return true;
}

size_t framing_octets(const struct framing *framing)
{
    return framing->held_capacity;
}

void framing_free(struct framing *framing)
{
    drop_held(framing);
    *framing = (struct framing){.held = NULL};
}
