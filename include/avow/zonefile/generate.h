/*
 * generate.h - the arithmetic of $GENERATE: its range, and `$` in its templates.
 *
 * Compatible with BIND: `start-stop[/step]`; in a template `$` is the value, `$$` and `\$` are a
 * dollar sign, `${offset,width,base}` is value + offset, zero-padded to width characters in base d,
 * o, x, X, or in reversed nibbles n, N. Floor: zonefile. Pure but for the buffer.
 */
#ifndef AVOW_ZONEFILE_GENERATE_H
#define AVOW_ZONEFILE_GENERATE_H

#include "avow/base/buffer.h"
#include "avow/base/result.h"

struct generate_range {
    uint32_t start; /* at most 2^31 - 1, as the next two */
    uint32_t stop;  /* not below start */
    uint32_t step;  /* not 0 */
};

/* Read a range. RESULT_FORMAT when it is not one. */
MUST_CHECK enum result generate_range_read(const char *text, size_t length,
                                           struct generate_range *range);

/* How many values it has. */
uint64_t generate_range_count(const struct generate_range *range);

/*
 * Append a template with its dollars replaced. Backslashes and what they escape stay as they are.
 * RESULT_FORMAT with a sentence in `what` for a bad `${...}`, and for a value below zero in
 * another base than d; RESULT_SYSTEM without memory.
 */
MUST_CHECK enum result generate_expand(const char *text, size_t length, uint32_t value,
                                       struct buffer *out, const char **what);

#endif
