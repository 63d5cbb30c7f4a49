/*
 * fold.h - comparing and lowering octets without regard to the case of ASCII letters.
 *
 * Length octets of labels are below 'A', so whole names may be folded without looking at their
 * labels. Private to the wire floor.
 */
#ifndef AVOW_SRC_WIRE_FOLD_H
#define AVOW_SRC_WIRE_FOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* `value` in each of eight octets. */
static inline uint64_t fold_eight(uint8_t value)
{
    return value * UINT64_C(0x0101010101010101);
}

/* Eight octets in lower case at once: bit 7 of each octet tells where to set bit 5. The sums are
 * of seven bits each, so no octet carries into its neighbour. */
static inline uint64_t fold_word(uint64_t word)
{
    uint64_t low = word & fold_eight(0x7f);
    uint64_t from_a = low + fold_eight(0x80 - 'A');
    uint64_t past_z = low + fold_eight(0x7f - 'Z');
    uint64_t upper = (from_a ^ past_z) & ~word & fold_eight(0x80);
    return word | upper >> 2;
}

static inline uint64_t fold_load(const uint8_t *octets)
{
    uint64_t word;
    memcpy(&word, octets, sizeof word);
    return word;
}

/* Fewer than eight octets in a word of their own: another word for every other octets of this
 * length, in an order that depends on the length. */
static inline uint64_t fold_load_part(const uint8_t *octets, size_t length)
{
    if (length >= 4) {
        uint32_t first, last; /* they may overlap */
        memcpy(&first, octets, sizeof first);
        memcpy(&last, octets + length - sizeof last, sizeof last);
        return first | (uint64_t)last << 32;
    }
    if (length == 0)
        return 0;
    return octets[0] | (uint64_t)octets[length / 2] << 8 | (uint64_t)octets[length - 1] << 16;
}

static inline bool fold_equal_word(const uint8_t *a, const uint8_t *b)
{
    uint64_t x = fold_load(a), y = fold_load(b);
    return x == y || fold_word(x) == fold_word(y);
}

static inline bool fold_equal(const uint8_t *a, const uint8_t *b, size_t length)
{
    if (length < 8)
        return fold_word(fold_load_part(a, length)) == fold_word(fold_load_part(b, length));
    for (size_t i = 0; i + 8 < length; i += 8) {
        if (!fold_equal_word(a + i, b + i))
            return false;
    }
    /* The last word overlaps the one before. */
    return fold_equal_word(a + length - 8, b + length - 8);
}

#endif
