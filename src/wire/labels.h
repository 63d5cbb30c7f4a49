/*
 * labels.h - where the labels of an uncompressed name begin. Private to the wire floor.
 */
#ifndef AVOW_SRC_WIRE_LABELS_H
#define AVOW_SRC_WIRE_LABELS_H

#include "avow/wire/name.h"

/* For arrays on the path of every query that are written before they are read: zeroes, which the
 * build writes into automatic variables, took a fifth of the time of an answer. */
#define LEFT_UNSET __attribute__((uninitialized))

/* Offsets of the labels of a name, leftmost first; returns how many, the root not counted. */
static inline unsigned label_starts(const struct name *name, uint8_t starts[NAME_MAX_LABELS])
{
    unsigned count = 0;

    for (unsigned at = 0; name->octets[at] != 0; at += name->octets[at] + 1U)
        starts[count++] = (uint8_t)at;
    return count;
}

/* Octets before the last `labels` labels of a name that has at least so many. */
static inline unsigned label_skip(const struct name *name, unsigned labels)
{
    unsigned at = 0;

    for (unsigned skip = name->labels - labels; skip > 0; skip--)
        at += name->octets[at] + 1U;
    return at;
}

#endif
