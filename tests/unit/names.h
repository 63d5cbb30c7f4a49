/* names.h - names for tests: from text, and at random but the same in every run. */
#ifndef TESTS_UNIT_NAMES_H
#define TESTS_UNIT_NAMES_H

#include <check.h>

#include "avow/wire/name.h"

static inline struct name name_of(const char *text)
{
    struct name name;
    ck_assert_msg(name_from_string(text, &name) == RESULT_OK, "not a name: %s", text);
    return name;
}

/* splitmix64 */
static inline uint64_t next_number(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* Short labels of few different octets, so that names are often equal, near or below each other;
 * now and then long ones. */
static inline void random_name(uint64_t *state, struct name *name)
{
    static const uint8_t octets[] = {0, 1, 2, '*', '.', '@', 'A', 'a', 'B', 'b', 'Z', '[', 0xc1};
    unsigned labels = (unsigned)(next_number(state) % 5);
    unsigned longest = next_number(state) % 8 ? 2 : NAME_MAX_LABEL_OCTETS;

    name->length = 0;
    name->labels = 0;
    while (labels-- > 0) {
        unsigned size = 1 + (unsigned)(next_number(state) % longest);
        if (name->length + size + 2 > NAME_MAX_OCTETS)
            break;
        name->octets[name->length++] = (uint8_t)size;
        while (size-- > 0)
            name->octets[name->length++] = octets[next_number(state) % sizeof octets];
        name->labels++;
    }
    name->octets[name->length++] = 0;
}

/* `labels` labels of `size` octets each, then one of `last` octets unless that is 0. */
static inline size_t labels_put(uint8_t *octets, unsigned labels, unsigned size, unsigned last)
{
    size_t at = 0;

    for (unsigned i = 0; i < labels; i++) {
        octets[at++] = (uint8_t)size;
        memset(octets + at, 'a' + (int)(i % 26), size);
        at += size;
    }
    if (last) {
        octets[at++] = (uint8_t)last;
        memset(octets + at, 'z', last);
        at += last;
    }
    octets[at++] = 0;
    return at;
}

#endif
