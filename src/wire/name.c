/* name.c - domain names in wire form: reading, comparing, cutting and joining. */
#include "avow/wire/name.h"

#include "fold.h"
#include "labels.h"

enum pointers { POINTERS_REFUSED, POINTERS_FOLLOWED };

void name_root(struct name *name)
{
    name->length = 1;
    name->labels = 0;
    name->octets[0] = 0;
}

void name_copy(struct name *to, const struct name *from)
{
    memmove(to, from, offsetof(struct name, octets) + from->length);
}

/*
 * Append the labels that stand together at `at` to the name. Returns the octet behind them: a root
 * label, a pointer or something unknown; NULL when they leave the message or the name is too long.
 */
static const uint8_t *take_run(const uint8_t *at, const uint8_t *end, struct name *name)
{
    const uint8_t *run = at;
    size_t room = NAME_MAX_OCTETS - name->length;

    while (at < end && *at != 0 && *at <= NAME_MAX_LABEL_OCTETS) {
        if (*at >= end - at || (size_t)(at - run) >= room)
            return NULL;
        at += *at + 1;
        name->labels++;
    }
    size_t length = (size_t)(at - run);
    if (at == end || length >= room) /* the root label needs an octet too */
        return NULL;
    memcpy(name->octets + name->length, run, length);
    name->length = (uint8_t)(name->length + length);
    return at;
}

/* Where a pointer at `at` leads; NULL when it is cut off or leads anywhere but before `run`. */
static const uint8_t *follow(const struct reader *message, const uint8_t *at, const uint8_t *run)
{
    if (message->end - at < 2)
        return NULL;
    size_t offset = (size_t)(at[0] & 0x3f) << 8 | at[1];
    return offset < (size_t)(run - message->start) ? message->start + offset : NULL;
}

/* Returns where the reader must stand afterwards; NULL when this is no name. */
static const uint8_t *read_name(const struct reader *message, enum pointers pointers,
                                struct name *name)
{
    const uint8_t *at = message->at, *behind = NULL;

    for (unsigned jumps = 0; jumps <= NAME_MAX_POINTERS; jumps++) {
        const uint8_t *run = at;
        at = take_run(at, message->end, name);
        if (!at)
            return NULL;
        if (*at == 0) {
            name->octets[name->length++] = 0;
            return behind ? behind : at + 1;
        }
        if (*at < 0xc0 || pointers == POINTERS_REFUSED)
            return NULL;
        if (!behind)
            behind = at + 2;
        at = follow(message, at, run);
        if (!at)
            return NULL;
    }
    return NULL;
}

static void read_or_fail(struct reader *message, enum pointers pointers, struct name *name)
{
    name->length = 0;
    name->labels = 0;
    const uint8_t *behind = message->failed ? NULL : read_name(message, pointers, name);
    if (behind) {
        message->at = behind;
        return;
    }
    reader_fail(message);
    name_root(name);
}

void name_read(struct reader *message, struct name *name)
{
    read_or_fail(message, POINTERS_FOLLOWED, name);
}

void name_read_plain(struct reader *octets, struct name *name)
{
    read_or_fail(octets, POINTERS_REFUSED, name);
}

void name_write(struct writer *writer, const struct name *name)
{
    writer_add(writer, name->octets, name->length);
}

bool name_equal(const struct name *a, const struct name *b)
{
    return a->length == b->length && fold_equal(a->octets, b->octets, a->length);
}

/* Order of two labels as strings of lower-case octets; absence sorts before a zero octet. */
static int compare_labels(const uint8_t *a, const uint8_t *b)
{
    unsigned shorter = a[0] < b[0] ? a[0] : b[0];

    for (unsigned i = 1; i <= shorter; i++) {
        int difference = octet_lower(a[i]) - octet_lower(b[i]);
        if (difference)
            return difference;
    }
    return a[0] - b[0];
}

int name_compare(const struct name *a, const struct name *b)
{
    LEFT_UNSET uint8_t a_starts[NAME_MAX_LABELS], b_starts[NAME_MAX_LABELS];
    unsigned i = label_starts(a, a_starts), j = label_starts(b, b_starts);

    while (i > 0 && j > 0) {
        int order = compare_labels(a->octets + a_starts[--i], b->octets + b_starts[--j]);
        if (order)
            return order;
    }
    return (int)i - (int)j;
}

bool name_is_within(const struct name *name, const struct name *ancestor)
{
    if (name->labels < ancestor->labels || name->length < ancestor->length)
        return false;
    unsigned at = label_skip(name, ancestor->labels);
    return name->length - at == ancestor->length &&
           fold_equal(name->octets + at, ancestor->octets, ancestor->length);
}

unsigned name_common_labels(const struct name *a, const struct name *b)
{
    LEFT_UNSET uint8_t a_starts[NAME_MAX_LABELS], b_starts[NAME_MAX_LABELS];
    unsigned i = label_starts(a, a_starts), j = label_starts(b, b_starts), common = 0;

    while (i > 0 && j > 0) {
        const uint8_t *x = a->octets + a_starts[--i], *y = b->octets + b_starts[--j];
        if (x[0] != y[0] || !fold_equal(x + 1, y + 1, x[0]))
            break;
        common++;
    }
    return common;
}

void name_suffix(const struct name *name, unsigned labels, struct name *suffix)
{
    unsigned at = label_skip(name, labels);
    unsigned length = name->length - at;

    memmove(suffix->octets, name->octets + at, length);
    suffix->length = (uint8_t)length;
    suffix->labels = (uint8_t)labels;
}

void name_lower(struct name *name)
{
    for (unsigned i = 0; i < name->length; i++)
        name->octets[i] = octet_lower(name->octets[i]);
}

bool name_is_wildcard(const struct name *name)
{
    return name->octets[0] == 1 && name->octets[1] == '*';
}

enum result name_wildcard_of(const struct name *parent, struct name *wildcard)
{
    if (parent->length > NAME_MAX_OCTETS - 2)
        return RESULT_FULL;
    memmove(wildcard->octets + 2, parent->octets, parent->length);
    wildcard->octets[0] = 1;
    wildcard->octets[1] = '*';
    wildcard->length = (uint8_t)(parent->length + 2);
    wildcard->labels = (uint8_t)(parent->labels + 1);
    return RESULT_OK;
}

enum result name_replace_suffix(const struct name *name, const struct name *from,
                                const struct name *to, struct name *result)
{
    if (!name_is_within(name, from))
        return RESULT_FORMAT;
    unsigned kept = name->length - from->length;
    unsigned kept_labels = name->labels - from->labels, labels = kept_labels + to->labels;
    unsigned length = kept + to->length;
    if (length > NAME_MAX_OCTETS)
        return RESULT_FULL;
    /* In this order the result may be `to` or `name` itself. */
    memmove(result->octets + kept, to->octets, to->length);
    memmove(result->octets, name->octets, kept);
    result->length = (uint8_t)length;
    result->labels = (uint8_t)labels;
    return RESULT_OK;
}
