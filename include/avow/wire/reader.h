/*
 * reader.h - bounded reading that fails once and for good.
 *
 * The first read that does not fit fails the reader; from then on every read yields zero, so a
 * caller reads a whole record and asks once, at the end. Used for everything that comes from
 * outside: messages, RDATA, records of the store, letters between rooms.
 *
 * Floor: wire. Pure: no allocation, no clock, no log, no shared state.
 */
#ifndef AVOW_WIRE_READER_H
#define AVOW_WIRE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "avow/base/result.h"

/* Octets that a stranger wrote. */
struct reader {
    const uint8_t *start; /* first octet: compression pointers count from here; never NULL */
    const uint8_t *at;    /* next octet to read */
    const uint8_t *end;   /* one past the last octet */
    bool failed;
};

static inline struct reader reader_over(const void *octets, size_t length)
{
    const uint8_t *start = octets ? octets : (const uint8_t *)"";
    return (struct reader){.start = start, .at = start, .end = start + (octets ? length : 0)};
}

static inline size_t reader_left(const struct reader *reader)
{
    return reader->failed ? 0 : (size_t)(reader->end - reader->at);
}

static inline void reader_fail(struct reader *reader)
{
    reader->failed = true;
}

/* The next `length` octets, which the reader steps over; NULL when they are not there. */
static inline const uint8_t *reader_take(struct reader *reader, size_t length)
{
    if (reader->failed || length > (size_t)(reader->end - reader->at)) {
        reader->failed = true;
        return NULL;
    }
    const uint8_t *octets = reader->at;
    reader->at += length;
    return octets;
}

static inline uint8_t reader_u8(struct reader *reader)
{
    const uint8_t *octets = reader_take(reader, 1);
    return octets ? octets[0] : 0;
}

static inline uint16_t reader_u16(struct reader *reader)
{
    const uint8_t *octets = reader_take(reader, 2);
    return octets ? (uint16_t)(octets[0] << 8 | octets[1]) : 0;
}

static inline uint32_t reader_u32(struct reader *reader)
{
    const uint8_t *octets = reader_take(reader, 4);
    return octets ? (uint32_t)octets[0] << 24 | (uint32_t)octets[1] << 16 |
                        (uint32_t)octets[2] << 8 | octets[3]
                  : 0;
}

static inline uint64_t reader_u64(struct reader *reader)
{
    uint64_t high = reader_u32(reader);
    return high << 32 | reader_u32(reader);
}

/*
 * A reader over the next `length` octets, which this reader steps over. It keeps the same start, so
 * that compression pointers still work. RDATA is always read through one.
 */
static inline struct reader reader_part(struct reader *reader, size_t length)
{
    const uint8_t *octets = reader_take(reader, length);
    if (!octets)
        return (struct reader){
            .start = reader->start, .at = reader->at, .end = reader->at, .failed = true};
    return (struct reader){.start = reader->start, .at = octets, .end = octets + length};
}

/* RESULT_OK when everything was read, nothing is left over and nothing failed. */
MUST_CHECK static inline enum result reader_finish(const struct reader *reader)
{
    return !reader->failed && reader->at == reader->end ? RESULT_OK : RESULT_FORMAT;
}

#endif
