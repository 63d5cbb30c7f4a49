/*
 * ticket.h - all of a request that its answer depends on, for as long as it takes to be made.
 */
#ifndef AVOW_SRC_DESK_TICKET_H
#define AVOW_SRC_DESK_TICKET_H

#include "avow/wire/edns.h"
#include "keyring.h"
#include "origin.h"

enum {
    TICKET_PIN_TEXT = 4 * ((IDENTITY_PIN_OCTETS + 2) / 3) + 1, /* in base64 */
    TICKET_WHO_OCTETS = NAME_MAX_TEXT + CONFIG_ADDRESS_TEXT + TICKET_PIN_TEXT + 48
};

struct ticket {
    struct origin origin;
    struct header header;
    uint16_t question_length;              /* 0: there is none to be echoed */
    uint8_t question[NAME_MAX_OCTETS + 4]; /* as it came */
    struct edns edns;
    struct tsig_session tsig;
    struct keyring *keyring; /* whose key it is */
};

/* Whether its answer is to be padded: encrypted, and asked for (RFC 7830 section 4). */
static inline bool ticket_is_padded(const struct ticket *ticket)
{
    return ticket->origin.encrypted && ticket->edns.padding;
}

/* A copy that outlives the request; it keeps the keyring in use until ticket_drop. */
void ticket_keep(struct ticket *copy, const struct ticket *ticket);
void ticket_drop(struct ticket *copy);

/* `key ddns.example. at 192.0.2.1@4242`, and with which certificate it came by TLS, for a person.
 * Returns `text`. */
char *ticket_who(const struct ticket *ticket, char text[TICKET_WHO_OCTETS]);

#endif
