/* refuse.h - answers to what the desk was handed and does not do. */
#ifndef DESK_REFUSE_H
#define DESK_REFUSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum refusal {
    REFUSAL_NONE,   /* no answer: it is an answer itself, or no message at all */
    REFUSAL_PLAIN,  /* REFUSED, NOTAUTH, NOTIMP or FORMERR, as apt */
    REFUSAL_BAD_KEY /* NOTAUTH with a TSIG that says BADKEY */
};

enum { REFUSE_MAX_OCTETS = 1232 };

/*
 * Answer a message that no grant covers.
 *
 * message  As it came from the network, unread.
 * udp      Whether the answer must fit a datagram.
 * reply    REFUSE_MAX_OCTETS of the caller's; `*reply_length` receives the length.
 *
 * Source   RFC 2136 section 3.3 and RFC 5936 section 2.2.1 (REFUSED), RFC 1996 section 3.10
 *          (NOTAUTH), RFC 8945 section 5.2.1 (BADKEY, unsigned).
 */
enum refusal refuse(const uint8_t *message, size_t length, bool udp, uint8_t *reply,
                    size_t *reply_length);

#endif
