/*
 * notify_message.h - a NOTIFY as we send it, and what counts as an answer to it (RFC 1996).
 *
 * Pure: ids and the time are handed in.
 */
#ifndef AVOW_SRC_DESK_NOTIFY_MESSAGE_H
#define AVOW_SRC_DESK_NOTIFY_MESSAGE_H

#include "avow/tsig/tsig.h"

/* Header, question and TSIG at their longest are 671 octets. */
enum { NOTIFY_MAX_OCTETS = 1024 };

/* What is said, and with which key; NULL: unsigned. */
struct notify_terms {
    const struct name *zone;
    const struct tsig_keyring *keyring;
    const struct tsig_key *key;
    uint64_t now; /* seconds since 1970 */
};

/* What is remembered of a message to know its answer: a session of TSIG is ten times as large. */
struct notify_sent {
    uint64_t time_signed;
    uint16_t id;
    uint8_t mac_length;
    uint8_t mac[TSIG_MAX_MAC];
};

/*
 * Write the message with id sent->id, signed anew; the rest of `sent` is written.
 *
 * The new SOA, which RFC 1996 section 3.7 lets us add as a hint, is left out. A secondary must ask
 * for it anyway (section 3.11); and a message without it also stands for the changes that come
 * while it is under way, and is no heavier than its question.
 *
 * Returns RESULT_OK, RESULT_FULL below NOTIFY_MAX_OCTETS, or RESULT_SYSTEM when OpenSSL fails.
 */
MUST_CHECK enum result notify_write(const struct notify_terms *terms, struct notify_sent *sent,
                                    struct writer *writer);

enum notify_verdict {
    NOTIFY_FOREIGN,   /* no answer to this message: to be ignored */
    NOTIFY_UNTRUSTED, /* perhaps one, but anybody may have sent it: go on asking */
    NOTIFY_ANSWERED   /* whatever its RCODE: asking again would not change it */
};

struct notify_answer {
    uint16_t rcode;
    const char *text; /* why it is untrusted; a constant */
};

/* Judge what came from the peer's address and port. `answer` is written unless NOTIFY_FOREIGN. */
enum notify_verdict notify_judge(const struct notify_terms *terms, const struct notify_sent *sent,
                                 const uint8_t *octets, size_t length,
                                 struct notify_answer *answer);

#endif
