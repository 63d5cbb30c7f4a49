/* record.h - the TSIG record itself (RFC 8945 section 4.2): found in a message, written to one. */
#ifndef TSIG_RECORD_H
#define TSIG_RECORD_H

#include "avow/tsig/tsig.h"

enum { TSIG_TIME_OCTETS = 6, HEADER_ADDITIONAL_AT = 10 /* where the additional count stands */ };

/* Names in the case in which they were written, not compressed. MAC and Other Data point to where
 * they were read, or are to be read. */
struct tsig_record {
    struct name owner, algorithm;
    uint64_t time_signed; /* 48 bits */
    uint16_t fudge;
    const uint8_t *mac;
    uint16_t mac_length;
    uint16_t original_id;
    uint16_t error;
    const uint8_t *other;
    uint16_t other_length;
};

struct tsig_place {
    struct header header; /* the message's */
    size_t start;         /* of the record: the message's length without it */
};

/*
 * Walk the whole message and read its TSIG.
 *
 * Returns  TSIG_GOOD when there is one, well-formed, and nothing behind it, neither a record nor
 *          octets (which no MAC would cover); TSIG_ABSENT when the message was read to its last
 *          record and has none; else TSIG_MALFORMED.
 *
 * Of the other records only the extent is read: whether names and RDATA are good is for those who
 * use them.
 */
enum tsig_outcome tsig_record_find(const uint8_t *octets, size_t length, struct tsig_place *place,
                                   struct tsig_record *record);

void tsig_record_write(struct writer *writer, const struct tsig_record *record);

/* 48 bits, high octet first. */
void tsig_time_write(struct writer *writer, uint64_t time);

#endif
