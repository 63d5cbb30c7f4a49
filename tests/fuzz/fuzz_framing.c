/* fuzz_framing.c - a TCP stream in any pieces: the same messages come out as when it is read whole.
 */
#include <stdlib.h>
#include <string.h>

#include "avow/wire/framing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the stream says, read by its definition. */
struct plain {
    const uint8_t *octets;
    size_t size, at;
};

static enum framing_found plain_next(struct plain *plain, const uint8_t **message, size_t *length)
{
    size_t left = plain->size - plain->at;

    if (left < 2)
        return FRAMING_MORE;
    *length = (size_t)plain->octets[plain->at] << 8 | plain->octets[plain->at + 1];
    if (*length < 12)
        return FRAMING_BAD;
    if (left - 2 < *length)
        return FRAMING_MORE;
    *message = plain->octets + plain->at + 2;
    plain->at += 2 + *length;
    return FRAMING_WHOLE;
}

/* Take up to `most` messages. False: the stream is of no use any more. */
static bool take(struct framing *framing, struct plain *plain, unsigned most)
{
    const uint8_t *message, *expected;
    size_t length, expected_length;

    for (unsigned i = 0; i < most; i++) {
        struct plain before = *plain;
        enum framing_found found = framing_next(framing, &message, &length);
        if (found == FRAMING_MORE)
            return true;
        if (plain_next(plain, &expected, &expected_length) != found)
            abort();
        if (found == FRAMING_BAD) {
            *plain = before;
            return false;
        }
        if (length != expected_length || memcmp(message, expected, length) != 0)
            abort();
        framing_put_back(framing, length);
        if (framing_next(framing, &message, &length) != FRAMING_WHOLE || length != expected_length)
            abort();
    }
    return true;
}

/* Somebody else goes on with the stream, as the desk does, and finds all that is whole. */
static void hand_over(const struct framing *framing, struct plain *plain)
{
    struct framing other = {.held = NULL};
    size_t length;
    const uint8_t *rest = framing_rest(framing, &length);

    if (!framing_give(&other, rest, length) || framing_octets(&other) < length)
        abort();
    framing_resume(&other);
    (void)take(&other, plain, UINT32_MAX);
    framing_free(&other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *scratch = malloc(FRAMING_SCRATCH_OCTETS);
    struct framing framing = {.held = NULL};
    size_t at = 1, room;

    if (!scratch || size < 2) {
        free(scratch);
        return 0;
    }
    struct plain plain = {.octets = data + 1, .size = size - 1};
    uint32_t chance = data[0] | 1U; /* how the stream is cut, and how much is taken at a time */
    bool good = true;
    while (good && at < size) {
        uint8_t *place = framing_place(&framing, scratch, &room);
        chance = chance * 1103515245U + 12345U;
        size_t piece = 1 + (chance >> 16) % ((chance >> 8) % 4 ? 64 : 4096);
        if (!place || room == 0)
            abort();
        if (piece > room)
            piece = room;
        if (piece > size - at)
            piece = size - at;
        memcpy(place, data + at, piece);
        at += piece;
        framing_add(&framing, scratch, piece);
        good = take(&framing, &plain, 1 + chance % 3) && framing_keep(&framing);
        /* Reading goes on only when nothing whole is left. */
        while (good && framing_has_message(&framing)) {
            framing_resume(&framing);
            good = take(&framing, &plain, 1 + chance % 3) && framing_keep(&framing);
        }
    }
    if (good)
        hand_over(&framing, &plain);
    framing_free(&framing);
    free(scratch);
    return 0;
}
