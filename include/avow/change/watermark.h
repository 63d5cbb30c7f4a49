/*
 * watermark.h - how full the map and its disk are, and what is then refused.
 *
 * Floor: change.
 */
#ifndef AVOW_CHANGE_WATERMARK_H
#define AVOW_CHANGE_WATERMARK_H

#include <stdint.h>

#include "avow/store/snapshot.h"

enum watermark_level {
    WATERMARK_NORMAL,
    WATERMARK_NO_LOADS,  /* refuse loads */
    WATERMARK_NO_UPDATES /* refuse updates too; signatures that are due still go in */
};

#define WATERMARK_DISK_UNKNOWN UINT64_MAX

struct watermark {
    uint64_t map_octets;  /* reserved */
    uint64_t file_octets; /* ever used */
    uint64_t free_octets; /* of these, to be used again; counted only when there is little room */
    uint64_t disk_octets; /* left on the file system for us; or WATERMARK_DISK_UNKNOWN */
    enum watermark_level level;
    bool disk_is_short; /* it is the disk that makes the level what it is, not the map */
};

/* Read it through a snapshot of the writer's process. Cheap while there is room. */
MUST_CHECK enum result watermark_read(struct snapshot *snapshot, struct watermark *watermark);

/* The level that the octets make: NO_LOADS when 80 % of the map are used, or when less than 256 MiB
 * can be written yet, on the disk and over what is free; NO_UPDATES at 90 % or 64 MiB. */
void watermark_judge(struct watermark *watermark);

/* What is short, for people; of a level that is not normal. */
const char *watermark_shortage(const struct watermark *watermark);

#endif
