/*
 * record.h - what was written to a store, flushed and acknowledged, in order.
 *
 * A file of entries, each a head and `length` octets. The daemon's disk (tests/faults/disk.c) adds
 * what it has done, a client what it has been told: an acknowledgement stands behind all that was
 * done for it.
 */
#ifndef TESTS_POWER_RECORD_H
#define TESTS_POWER_RECORD_H

#include <stdint.h>

enum record_kind {
    RECORD_WRITE = 1, /* octets at an offset: on the disk with the next flush at the latest */
    RECORD_DURABLE,   /* octets at an offset, on the disk now */
    RECORD_FLUSH,
    RECORD_ACKNOWLEDGED /* update number `offset` */
};

enum { RECORD_PIECES = 128 };

struct record_head {
    uint32_t kind, length;
    uint64_t offset;
};

#endif
