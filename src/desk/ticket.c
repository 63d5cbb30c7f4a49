/* ticket.c - all of a request that its answer depends on. */
#include "ticket.h"

#include <stdio.h>

void ticket_keep(struct ticket *copy, const struct ticket *ticket)
{
    *copy = *ticket;
    copy->origin.identity = NULL; /* who it is has been judged */
    (void)keyring_use(copy->keyring);
}

void ticket_drop(struct ticket *copy)
{
    keyring_leave(copy->keyring);
    copy->keyring = NULL;
}

char *ticket_who(const struct ticket *ticket, char text[TICKET_WHO_OCTETS])
{
    char address[CONFIG_ADDRESS_TEXT], key[NAME_MAX_TEXT];

    const char *how = ticket->origin.encrypted ? " by TLS" : "";

    (void)config_address_to_text(&ticket->origin.peer, address);
    if (ticket->tsig.key)
        (void)snprintf(text, TICKET_WHO_OCTETS, "key %s at %s%s",
                       name_to_text(&ticket->tsig.key->name, key), address, how);
    else
        (void)snprintf(text, TICKET_WHO_OCTETS, "%s%s without a key", address, how);
    return text;
}
