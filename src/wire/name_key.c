/* name_key.c - names as octet strings whose memcmp order is the canonical order of names. */
#include "avow/wire/name.h"

#include "fold.h"
#include "labels.h"

enum { KEY_END = 0, KEY_ESCAPE = 1, KEY_SLACK = 8 };

/* What may be written for a name of so many octets: every octet twice, and a last word whole. */
static size_t key_room(const struct name *name)
{
    return 2 * (size_t)name->length + KEY_SLACK;
}

/* Fold eight octets; not zero when one of them is 00 or 01. */
static uint64_t fold_into(uint8_t *folded, const uint8_t *octets)
{
    uint64_t word = fold_word(fold_load(octets));

    memcpy(folded, &word, sizeof word);
    return (word - fold_eight(2)) & ~word & fold_eight(0x80);
}

/*
 * A lower-case copy of the name. Returns whether some octet is 00 or 01, so that it may have to be
 * escaped; lengths of one-octet labels look the same, which costs time only.
 */
static bool fold_name(const struct name *name, uint8_t folded[NAME_MAX_OCTETS + KEY_SLACK])
{
    size_t length = name->length - 1U; /* without the root label */
    uint64_t small = 0;

    if (length < 8) {
        for (size_t i = 0; i < length; i++) {
            folded[i] = octet_lower(name->octets[i]);
            small |= folded[i] < 2;
        }
        return small != 0;
    }
    for (size_t i = 0; i + 8 < length; i += 8)
        small |= fold_into(folded + i, name->octets + i);
    /* The last word overlaps the one before. */
    small |= fold_into(folded + length - 8, name->octets + length - 8);
    return small != 0;
}

/* Whole words: what is written too much is overwritten by what follows. */
static uint8_t *put_words(uint8_t *out, const uint8_t *octets, unsigned length)
{
    for (unsigned i = 0; i < length; i += 8)
        memcpy(out + i, octets + i, 8);
    return out + length;
}

static uint8_t *put_escaped(uint8_t *out, const uint8_t *octets, unsigned length)
{
    for (unsigned i = 0; i < length; i++) {
        if (octets[i] <= KEY_ESCAPE) {
            *out++ = KEY_ESCAPE;
            *out++ = (uint8_t)(octets[i] + 1);
        } else {
            *out++ = octets[i];
        }
    }
    return out;
}

/* `out` has key_room octets. Returns the length of the key. */
static size_t make_key(const struct name *name, uint8_t *out)
{
    LEFT_UNSET uint8_t folded[NAME_MAX_OCTETS + KEY_SLACK];
    LEFT_UNSET uint8_t starts[NAME_MAX_LABELS];
    uint8_t *at = out;
    bool escapes = fold_name(name, folded);

    for (unsigned left = label_starts(name, starts); left > 0;) {
        const uint8_t *label = folded + starts[--left];
        at = escapes ? put_escaped(at, label + 1, label[0]) : put_words(at, label + 1, label[0]);
        *at++ = KEY_END;
    }
    return (size_t)(at - out);
}

void name_key_write(struct writer *writer, const struct name *name)
{
    if (!writer->failed && writer->limit - writer->length >= key_room(name)) {
        writer->length += make_key(name, writer->octets + writer->length);
        return;
    }
    uint8_t key[2 * NAME_MAX_OCTETS + KEY_SLACK];
    writer_add(writer, key, make_key(name, key));
}

/* Read one label of a key, which is followed by KEY_END. */
static enum result read_label(struct reader *key, uint8_t label[NAME_MAX_LABEL_OCTETS],
                              unsigned *length)
{
    uint8_t octet;

    for (*length = 0; (octet = reader_u8(key)) != KEY_END; (*length)++) {
        if (octet == KEY_ESCAPE) {
            octet = (uint8_t)(reader_u8(key) - 1);
            if (octet > KEY_ESCAPE)
                return RESULT_FORMAT;
        }
        if (*length == NAME_MAX_LABEL_OCTETS || octet != octet_lower(octet))
            return RESULT_FORMAT;
        label[*length] = octet;
    }
    return key->failed || *length == 0 ? RESULT_FORMAT : RESULT_OK;
}

enum result name_key_read(const uint8_t *key, size_t length, struct name *name)
{
    struct reader reader = reader_over(key, length);
    uint8_t octets[NAME_MAX_OCTETS]; /* filled from its end: the root label comes last */
    unsigned at = NAME_MAX_OCTETS - 1, labels = 0;

    octets[at] = 0;
    while (reader_left(&reader) > 0) {
        uint8_t label[NAME_MAX_LABEL_OCTETS];
        unsigned size;
        if (read_label(&reader, label, &size) || size + 1 > at)
            return RESULT_FORMAT;
        at -= size;
        memcpy(octets + at, label, size);
        octets[--at] = (uint8_t)size;
        labels++;
    }
    name->length = (uint8_t)(NAME_MAX_OCTETS - at);
    name->labels = (uint8_t)labels;
    memcpy(name->octets, octets + at, name->length);
    return RESULT_OK;
}
