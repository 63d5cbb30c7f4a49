/*
 * random.h - secrets and ids from the kernel.
 *
 * Floor: base.
 */
#ifndef AVOW_BASE_RANDOM_H
#define AVOW_BASE_RANDOM_H

#include <stddef.h>

#include "avow/base/result.h"

/* Fill `octets` with `length` octets from getrandom(2). RESULT_SYSTEM when the kernel refuses. */
MUST_CHECK enum result random_fill(void *octets, size_t length);

#endif
