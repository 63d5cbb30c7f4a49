/*
 * writer.h - bounded writing into a fixed buffer, fails once like the reader, takes back.
 *
 * What does not fit is not written, and nor is anything after it; the length never passes the
 * limit. No length is ever computed ahead of the writing. Floor: wire. Pure.
 */
#ifndef AVOW_WIRE_WRITER_H
#define AVOW_WIRE_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "avow/base/result.h"

/* Invariant: length <= limit. */
struct writer {
    uint8_t *octets; /* the caller's */
    size_t length;   /* octets written */
    size_t limit;    /* octets allowed */
    bool failed;
};

static inline struct writer writer_over(void *octets, size_t limit)
{
    return (struct writer){.octets = octets, .limit = limit};
}

/* Room for `length` octets that the caller fills in; NULL when it is not there. */
static inline uint8_t *writer_claim(struct writer *writer, size_t length)
{
    if (writer->failed || length > writer->limit - writer->length) {
        writer->failed = true;
        return NULL;
    }
    uint8_t *place = writer->octets + writer->length;
    writer->length += length;
    return place;
}

static inline void writer_add(struct writer *writer, const void *octets, size_t length)
{
    uint8_t *place = writer_claim(writer, length);
    if (place && length)
        memcpy(place, octets, length);
}

static inline void writer_u8(struct writer *writer, uint8_t value)
{
    uint8_t *place = writer_claim(writer, 1);
    if (place)
        place[0] = value;
}

static inline void writer_u16(struct writer *writer, uint16_t value)
{
    uint8_t *place = writer_claim(writer, 2);
    if (place) {
        place[0] = (uint8_t)(value >> 8);
        place[1] = (uint8_t)value;
    }
}

static inline void writer_u32(struct writer *writer, uint32_t value)
{
    writer_u16(writer, (uint16_t)(value >> 16));
    writer_u16(writer, (uint16_t)value);
}

static inline void writer_u64(struct writer *writer, uint64_t value)
{
    writer_u32(writer, (uint32_t)(value >> 32));
    writer_u32(writer, (uint32_t)value);
}

/* Begin something that is written after its own 16-bit length, such as RDATA. */
static inline size_t writer_open_length(struct writer *writer)
{
    size_t mark = writer->length;
    writer_u16(writer, 0);
    return mark;
}

/* Write the length of what came after `mark` into the place kept for it. */
static inline void writer_close_length(struct writer *writer, size_t mark)
{
    if (writer->failed)
        return;
    size_t length = writer->length - mark - 2;
    if (length > UINT16_MAX) {
        writer->failed = true;
        return;
    }
    writer->octets[mark] = (uint8_t)(length >> 8);
    writer->octets[mark + 1] = (uint8_t)length;
}

/* Take back everything after `mark`, a length noted before anything failed: an RRset goes in whole
 * or not at all (RFC 2181 section 9). The one place where a failure is forgiven. */
static inline void writer_rewind(struct writer *writer, size_t mark)
{
    writer->length = mark;
    writer->failed = false;
}

/* RESULT_FULL when something did not fit. */
MUST_CHECK static inline enum result writer_check(const struct writer *writer)
{
    return writer->failed ? RESULT_FULL : RESULT_OK;
}

#endif
