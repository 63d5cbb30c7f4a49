/*
 * buffer.h - octets that grow.
 *
 * For set-up, loads and control, never on the path of a query. Fails once and for good like the
 * reader and the writer: after a failed allocation nothing more is added, and buffer_check tells.
 * A zeroed buffer is an empty one. Floor: base.
 */
#ifndef AVOW_BASE_BUFFER_H
#define AVOW_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "avow/base/result.h"

struct buffer {
    uint8_t *octets; /* owned; NULL while capacity is 0 */
    size_t length;
    size_t capacity;
    bool failed;
    bool secret; /* set by the owner: what held the octets is wiped before it is given back */
};

/* Make room for `length` more octets and return where they go; NULL after a failure. */
uint8_t *buffer_claim(struct buffer *buffer, size_t length);

void buffer_add(struct buffer *buffer, const void *octets, size_t length);
void buffer_u8(struct buffer *buffer, uint8_t value);
void buffer_u16(struct buffer *buffer, uint16_t value); /* network order, as are the next two */
void buffer_u32(struct buffer *buffer, uint32_t value);
void buffer_u64(struct buffer *buffer, uint64_t value);
void buffer_text(struct buffer *buffer, const char *text); /* without its NUL */
void buffer_format(struct buffer *buffer, const char *format, ...) PRINTF_LIKE(2, 3);

/* RESULT_SYSTEM when something could not be added. */
MUST_CHECK enum result buffer_check(const struct buffer *buffer);

/* Empty it and forget a failure; the memory stays for the next use. */
void buffer_clear(struct buffer *buffer);

/* Give the memory back; what is left is a zeroed buffer. */
void buffer_free(struct buffer *buffer);

#endif
