/* ticket.c - all of a request that its answer depends on. */
#include "ticket.h"

#include <stdio.h>

#include "avow/wire/codec.h"

enum { HOW_OCTETS = TICKET_PIN_TEXT + 32 };

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

/* The pin as the configuration has it; NULL without memory. */
static const char *pin_text(const struct origin *origin, struct buffer *text)
{
    base64_write(text, origin->pin, sizeof origin->pin);
    buffer_u8(text, 0);
    return buffer_check(text) ? NULL : (const char *)text->octets;
}

static void tell_how(const struct origin *origin, char how[HOW_OCTETS])
{
    struct buffer text = {.octets = NULL};
    const char *pin = origin->pinned ? pin_text(origin, &text) : NULL;

    if (!origin->encrypted)
        *how = '\0';
    else if (!origin->pinned)
        (void)snprintf(how, HOW_OCTETS, " by TLS without a certificate");
    else
        (void)snprintf(how, HOW_OCTETS, " by TLS with certificate-pin %s", pin ? pin : "(unknown)");
    buffer_free(&text);
}

char *ticket_who(const struct ticket *ticket, char text[TICKET_WHO_OCTETS])
{
    char address[CONFIG_ADDRESS_TEXT], key[NAME_MAX_TEXT], how[HOW_OCTETS];

    (void)config_address_to_text(&ticket->origin.peer, address);
    tell_how(&ticket->origin, how);
    if (ticket->tsig.key)
        (void)snprintf(text, TICKET_WHO_OCTETS, "key %s at %s%s",
                       name_to_text(&ticket->tsig.key->name, key), address, how);
    else
        (void)snprintf(text, TICKET_WHO_OCTETS, "%s%s%s", address, how,
                       !ticket->origin.encrypted ? " without a key"
                       : ticket->origin.pinned   ? ""
                                                 : " or a key");
    return text;
}
