/*
 * source.h - where the text of a zone comes from: a file, or memory.
 */
#ifndef ZONEFILE_SOURCE_H
#define ZONEFILE_SOURCE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "avow/base/result.h"

/* Either a descriptor, or octets when it is -1. */
struct source {
    int descriptor;
    const uint8_t *octets;
    size_t left;
};

/* Read up to `room` octets: their number, 0 at the end, -1 with errno. */
ssize_t source_read(struct source *source, uint8_t *place, size_t room);

/*
 * Open a zone file ("-" is standard input). What is not a regular file is refused, because opening
 * or reading it could wait for ever. Returns a descriptor, or -1 with errno.
 */
int source_open(const char *path);

/* Open the folder that holds `path`, to look for included files below it. -1 with errno. */
int source_open_folder(const char *path);

/*
 * Open a regular file below a folder, whatever symbolic links say: the kernel checks each step
 * (openat2, RESOLVE_BENEATH). -1 with errno, EXDEV when the path leads out of the folder.
 */
int source_open_below(int folder, const char *path);

/* The same step by step, for kernels and sandboxes without openat2; takes neither `..` nor links.
 */
int source_open_by_steps(int folder, const char *path);

#endif
