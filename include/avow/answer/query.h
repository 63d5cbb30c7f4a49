/*
 * query.h - the octets of a message that a stranger sent, to a question or a verdict.
 *
 * Floor: answer. Pure. Source: RFC 1035 section 4; RFC 6891; RFC 8906; RFC 9619.
 */
#ifndef AVOW_ANSWER_QUERY_H
#define AVOW_ANSWER_QUERY_H

#include "avow/wire/edns.h"
#include "avow/wire/message.h"

/* What is to become of a message. */
enum answer_verdict {
    ANSWER_SEND,    /* there is an answer, or one can be made */
    ANSWER_DROP,    /* nothing is to be sent: a response, or too short to be anything */
    ANSWER_HANDOFF, /* for the desk, unread: UPDATE, NOTIFY, AXFR, IXFR, anything with TSIG */
    ANSWER_WANTED   /* of answer_query only: signatures are missing, see struct outcome */
};

/* A query that was read. Keep it out of loops' initialisers: it is large and query_read fills it.
 */
struct query {
    const uint8_t *octets; /* the message; the caller's */
    uint16_t question_end; /* octets up to the end of the question; 12 when there is none to echo */
    uint16_t rcode;        /* what is wrong with it already, else RCODE_NOERROR */
    struct header header;
    struct edns edns;         /* zeroed without OPT */
    struct question question; /* not filled when question_end is 12 */
};

/*
 * Read a message.
 *
 * octets  `length` octets, at most 65535; the query points to them.
 * query   Caller's storage; need not be initialised. Unspecified after ANSWER_DROP; after
 *         ANSWER_HANDOFF only the header can be relied on.
 *
 * Returns ANSWER_SEND, also when query->rcode says what is wrong: FORMERR, NOTIMP or BADVERS are
 *         answers too; ANSWER_DROP; ANSWER_HANDOFF.
 */
enum answer_verdict query_read(const uint8_t *octets, size_t length, struct query *query);

#endif
