/*
 * codec.h - base16, base32hex (RFC 4648, no padding) and base64.
 *
 * Written in upper case, read in either; base64 is padded both ways.
 *
 * Floor: wire. Pure.
 */
#ifndef AVOW_WIRE_CODEC_H
#define AVOW_WIRE_CODEC_H

#include "avow/base/buffer.h"
#include "avow/base/result.h"
#include "avow/wire/writer.h"

void base16_write(struct buffer *text, const uint8_t *octets, size_t length);
void base32hex_write(struct buffer *text, const uint8_t *octets, size_t length);
void base64_write(struct buffer *text, const uint8_t *octets, size_t length);

/* 20 octets to the 32 lower-case characters of an NSEC3 owner label, without a NUL. */
void base32hex_hash(char label[32], const uint8_t hash[20]);

/* Decode the whole text. RESULT_FORMAT for a wrong character or length, or bits left over;
 * RESULT_FULL when it does not fit. */
MUST_CHECK enum result base16_read(const char *text, size_t length, struct writer *octets);
MUST_CHECK enum result base32hex_read(const char *text, size_t length, struct writer *octets);
MUST_CHECK enum result base64_read(const char *text, size_t length, struct writer *octets);

#endif
