/*
 * file_writer.h - the thread that writes a zone's file from the store.
 *
 * Two steps, so that the store knows of the file before it is there: PREPARE writes it whole beside
 * the old one, RENAME puts it in its place. In between the keeper commits what the new file looks
 * like; if it dies after that, what it finds at its next start is known to be its own.
 */
#ifndef KEEPER_FILE_WRITER_H
#define KEEPER_FILE_WRITER_H

#include <stdatomic.h>

#include "avow/store/zones.h"

struct file_task {
    struct name zone;
    char *path; /* owned */
    const struct store *store;
    bool forced;  /* whatever stands there now goes */
    uint64_t now; /* seconds since 1970 */
    const atomic_bool *cancelled;
};

/* How a step ended. */
struct file_end {
    enum result result; /* RESULT_REFUSED: the file was changed by somebody else, or may not be
                         * replaced */
    uint32_t version, serial;
    uint64_t records;
    uint64_t size, time; /* of the new file */
    uint64_t old_size, old_time;
    bool had_old;
    char why[320];
};

/* Write the new file beside the old one and flush it. Unless RESULT_OK nothing is left of it. */
void file_writer_prepare(const struct file_task *task, struct file_end *end);

/* It must not be written: the zone is in doubt. */
void file_writer_doubt(struct file_end *end);

/* Put it in place, unless the old one has become another meanwhile; flush the folder. */
void file_writer_rename(const struct file_task *task, struct file_end *end);

/* Remove what was prepared. */
void file_writer_discard(const struct file_task *task);

#endif
