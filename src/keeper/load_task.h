/*
 * load_task.h - what a load is to be about: the file or what is stored, against what, signed how.
 */
#ifndef KEEPER_LOAD_TASK_H
#define KEEPER_LOAD_TASK_H

#include "internal.h"
#include "loader.h"

/* Whether a reload of the file would drop changes by update, and must not without being forced. */
bool load_must_ask(const struct keeper_zone *zone);

/* Whether the file is merged with what updates have changed. */
bool load_is_merged(const struct keeper_zone *zone);

/* Whether a load that begins now composes what is stored anew, and does not read the file. */
bool load_is_of_store(const struct keeper_zone *zone);

/*
 * Describe the load of a zone as it is due now.
 *
 * task    Written; to be freed with load_task_free whatever is returned.
 *
 * Returns RESULT_SYSTEM without memory or chance; RESULT_CORRUPT when it needs what is stored, and
 * that is in doubt.
 */
MUST_CHECK enum result load_describe(struct keeper_zone *zone, struct load_task *task);

/* Describe the comparison of a file with what is served, which changes nothing. */
MUST_CHECK enum result load_describe_comparison(struct keeper_zone *zone, const char *file,
                                                struct load_task *task);

/* Updates may have come while a load waited, before it composes anything: bring its task up to
 * date. False when it would drop what they have changed, and may not. */
bool load_refresh(const struct keeper_zone *zone, struct load_task *task);

void load_task_free(struct load_task *task);

/* A file's size and time as one number: what row.file_hash holds of a file that is about to be
 * written by ourselves. Never 0. */
uint64_t load_file_hash(uint64_t size, uint64_t time);

#endif
