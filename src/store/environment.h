/* environment.h - the folder, our lock and the LMDB environment in it. */
#ifndef AVOW_SRC_STORE_ENVIRONMENT_H
#define AVOW_SRC_STORE_ENVIRONMENT_H

#include "avow/store/store.h"

/* Keep one sentence about what went wrong, and pass the result on. */
enum result store_problem(struct store *store, enum result result, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* Lock the folder as the access asks, and open LMDB in it. */
MUST_CHECK enum result environment_open(struct store *store, const struct store_options *options);
void environment_close(struct store *store);

#endif
