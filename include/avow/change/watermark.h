/*
 * watermark.h - how full the map is, and what is then refused.
 *
 * Floor: change.
 */
#ifndef AVOW_CHANGE_WATERMARK_H
#define AVOW_CHANGE_WATERMARK_H

#include <stdint.h>

#include "avow/store/snapshot.h"

enum watermark_level {
    WATERMARK_NORMAL,
    WATERMARK_NO_LOADS,  /* 80 % used: refuse loads */
    WATERMARK_NO_UPDATES /* 90 % used: refuse updates too; signatures that are due still go in */
};

struct watermark {
    uint64_t map_octets;  /* reserved */
    uint64_t file_octets; /* ever used */
    uint64_t free_octets; /* of these, to be used again; counted only above 80 % */
    uint64_t disk_octets; /* left on the file system for us; 0 when unknown */
    enum watermark_level level;
};

/* Read it through a snapshot of the writer's process. Cheap while the file is small; also says
 * NO_LOADS or NO_UPDATES when the file system is nearly full (under 256 or 64 MiB). */
MUST_CHECK enum result watermark_read(struct snapshot *snapshot, struct watermark *watermark);

#endif
