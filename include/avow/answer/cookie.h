/*
 * cookie.h - cookies of the server: made, and known again when they come back.
 *
 * Whoever sends a good one has had an answer from us, or from a server with the same secrets, at
 * the address that it writes from, within the last hour: the address is not forged. Nothing is
 * kept for that: a cookie is the time and a hash of it, of the client's half and of its address.
 *
 * Floor: answer. Pure. Source: RFC 7873; RFC 9018.
 */
#ifndef AVOW_ANSWER_COOKIE_H
#define AVOW_ANSWER_COOKIE_H

#include "avow/base/siphash.h"
#include "avow/wire/edns.h"

enum {
    COOKIE_SECRET_OCTETS = SIPHASH_KEY_OCTETS,
    COOKIE_SECRETS = 8,
    COOKIE_OCTETS = 24,        /* both halves, the client's first */
    COOKIE_ADDRESS_OCTETS = 16 /* at most */
};

/* The first makes, all are accepted. Zeroed: cookies are off. */
struct cookie_secrets {
    size_t count;
    uint8_t octets[COOKIE_SECRETS][COOKIE_SECRET_OCTETS];
};

enum cookie_kind {
    COOKIE_NONE,   /* the client sent none, or cookies are off: there is none to be sent */
    COOKIE_CLIENT, /* its own half alone */
    COOKIE_GOOD,
    COOKIE_BAD, /* not made with these secrets for this client, or at another time */
    COOKIE_KINDS
};

/* Who sent what, and when. */
struct cookie_sender {
    const struct edns *edns;
    const uint8_t *address; /* of the network, without a port */
    size_t address_length;  /* 4 or 16 */
    uint64_t now;           /* seconds since 1970 */
};

/*
 * Judge the cookie of a query.
 *
 * cookie  Receives the one that goes into the answer, unless it is COOKIE_NONE: the client's own
 *         back again while it is good for a while and of the first secret, else a new one.
 */
enum cookie_kind cookie_judge(const struct cookie_secrets *secrets,
                              const struct cookie_sender *sender, uint8_t cookie[COOKIE_OCTETS]);

#endif
