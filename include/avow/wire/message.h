/*
 * message.h - a received message: header, question, and its records one by one.
 *
 * Nothing is allocated or copied: a struct question and a struct record point into the message.
 * Floor: wire. Pure. Source: RFC 1035 section 4.
 */
#ifndef AVOW_WIRE_MESSAGE_H
#define AVOW_WIRE_MESSAGE_H

#include "avow/wire/name.h"
#include "avow/wire/type.h"

enum { MESSAGE_HEADER_OCTETS = 12, MESSAGE_MAX_OCTETS = 65535 };

enum opcode {
    OPCODE_QUERY = 0,
    OPCODE_IQUERY = 1,
    OPCODE_STATUS = 2,
    OPCODE_NOTIFY = 4,
    OPCODE_UPDATE = 5,
    OPCODE_DSO = 6
};

enum rcode {
    RCODE_NOERROR = 0,
    RCODE_FORMERR = 1,
    RCODE_SERVFAIL = 2,
    RCODE_NXDOMAIN = 3,
    RCODE_NOTIMP = 4,
    RCODE_REFUSED = 5,
    RCODE_YXDOMAIN = 6,
    RCODE_YXRRSET = 7,
    RCODE_NXRRSET = 8,
    RCODE_NOTAUTH = 9,
    RCODE_NOTZONE = 10,
    RCODE_BADVERS = 16,
    RCODE_BADSIG = 16,
    RCODE_BADKEY = 17,
    RCODE_BADTIME = 18,
    RCODE_BADTRUNC = 22,
    RCODE_BADCOOKIE = 23
};

/* Bits of the second 16 bits of the header. */
enum {
    FLAG_QR = 0x8000,
    FLAG_AA = 0x0400,
    FLAG_TC = 0x0200,
    FLAG_RD = 0x0100,
    FLAG_RA = 0x0080,
    FLAG_Z = 0x0040,
    FLAG_AD = 0x0020,
    FLAG_CD = 0x0010,
    FLAG_OPCODE = 0x7800,
    FLAG_RCODE = 0x000f
};

enum section { SECTION_QUESTION, SECTION_ANSWER, SECTION_AUTHORITY, SECTION_ADDITIONAL, SECTIONS };

struct header {
    uint16_t id;
    uint16_t flags;
    uint16_t counts[SECTIONS];
};

struct question {
    struct name name; /* in the case in which it was asked */
    uint16_t type;
    uint16_t class_;
};

struct record {
    struct name owner;
    uint16_t type;
    uint16_t class_;
    uint32_t ttl;
    struct reader rdata; /* over the RDATA, same start as the message */
};

/* Read the header. Fails the reader when fewer than 12 octets are there. */
void header_read(struct reader *message, struct header *header);
void header_write(struct writer *writer, const struct header *header);

static inline enum opcode header_opcode(const struct header *header)
{
    return (enum opcode)((header->flags & FLAG_OPCODE) >> 11);
}

/* Read the question. A pointer in its name is an error: nothing but the header, which an answer
 * changes, comes before it. */
void question_read(struct reader *message, struct question *question);

/* One record of any of the three record sections; its RDATA is not looked into, and the TTL is as
 * it was sent (for OPT it is flags; else a TTL with the top bit set means 0, RFC 2181 section 8).
 */
void record_read(struct reader *message, struct record *record);

/*
 * Step over one record and tell its type. Of its owner only the labels that stand here are looked
 * at, and that a pointer leads back: a stranger can chain pointers so that following them all
 * through 64 KiB costs milliseconds. For whoever wants to know what a message has in it before it
 * is known whose it is; what is wanted of it is then read with record_read.
 *
 * Returns  The type; the reader has failed when this is no record.
 */
uint16_t record_skip(struct reader *message);

const char *rcode_to_text(uint16_t rcode); /* "NOERROR", ...; never NULL */

#endif
