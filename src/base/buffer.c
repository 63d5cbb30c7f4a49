/* buffer.c - octets that grow. */
#include "avow/base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As realloc, which may leave a copy behind. */
static uint8_t *move(struct buffer *buffer, size_t capacity)
{
    uint8_t *octets = malloc(capacity);

    if (!octets || !buffer->octets)
        return octets;
    memcpy(octets, buffer->octets, buffer->length);
    explicit_bzero(buffer->octets, buffer->capacity);
    free(buffer->octets);
    return octets;
}

static bool grow(struct buffer *buffer, size_t needed)
{
    size_t capacity = buffer->capacity ? buffer->capacity : 256;

    while (capacity < needed) {
        if (capacity > SIZE_MAX / 2)
            return false;
        capacity *= 2;
    }
    uint8_t *octets = buffer->secret ? move(buffer, capacity) : realloc(buffer->octets, capacity);
    if (!octets)
        return false;
    buffer->octets = octets;
    buffer->capacity = capacity;
    return true;
}

uint8_t *buffer_claim(struct buffer *buffer, size_t length)
{
    if (buffer->failed)
        return NULL;
    if (length > SIZE_MAX - buffer->length) {
        buffer->failed = true;
        return NULL;
    }
    /* Also for no octets at all: NULL would say that it failed. */
    bool fits = buffer->octets && buffer->length + length <= buffer->capacity;
    if (!fits && !grow(buffer, buffer->length + length)) {
        buffer->failed = true;
        return NULL;
    }
    uint8_t *place = buffer->octets + buffer->length;
    buffer->length += length;
    return place;
}

void buffer_add(struct buffer *buffer, const void *octets, size_t length)
{
    if (length == 0)
        return;
    uint8_t *place = buffer_claim(buffer, length);
    if (place)
        memcpy(place, octets, length);
}

static void add_number(struct buffer *buffer, uint64_t value, size_t octets)
{
    uint8_t *place = buffer_claim(buffer, octets);
    for (size_t i = 0; place && i < octets; i++)
        place[i] = (uint8_t)(value >> (8 * (octets - 1 - i)));
}

void buffer_u8(struct buffer *buffer, uint8_t value)
{
    add_number(buffer, value, 1);
}

void buffer_u16(struct buffer *buffer, uint16_t value)
{
    add_number(buffer, value, 2);
}

void buffer_u32(struct buffer *buffer, uint32_t value)
{
    add_number(buffer, value, 4);
}

void buffer_u64(struct buffer *buffer, uint64_t value)
{
    add_number(buffer, value, 8);
}

void buffer_text(struct buffer *buffer, const char *text)
{
    buffer_add(buffer, text, strlen(text));
}

void buffer_format(struct buffer *buffer, const char *format, ...)
{
    va_list arguments, again;

    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    /* vsnprintf ends with a NUL, for which room is claimed and given back. */
    uint8_t *place = length < 0 ? NULL : buffer_claim(buffer, (size_t)length + 1);
    if (place) {
        (void)vsnprintf((char *)place, (size_t)length + 1, format, again);
        buffer->length--;
    } else {
        buffer->failed = true;
    }
    va_end(again);
}

enum result buffer_check(const struct buffer *buffer)
{
    return buffer->failed ? RESULT_SYSTEM : RESULT_OK;
}

void buffer_clear(struct buffer *buffer)
{
    buffer->length = 0;
    buffer->failed = false;
}

void buffer_free(struct buffer *buffer)
{
    if (buffer->secret && buffer->octets)
        explicit_bzero(buffer->octets, buffer->capacity);
    free(buffer->octets);
    *buffer = (struct buffer){.octets = NULL};
}
