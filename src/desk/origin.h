/*
 * origin.h - where a request came from, and thus where its answer goes.
 */
#ifndef AVOW_SRC_DESK_ORIGIN_H
#define AVOW_SRC_DESK_ORIGIN_H

#include <stdbool.h>
#include <stdint.h>

#include "avow/config/config.h"
#include "avow/ipc/identity.h"
#include "avow/room/address.h"

struct origin {
    bool udp;
    bool trusted;     /* UDP: it had a good TSIG */
    uint16_t worker;  /* UDP: of the front, who has the socket */
    uint32_t socket;  /* UDP: the worker's own number for it */
    uint64_t session; /* TCP */
    union address client;
    union address local;        /* UDP: what was asked; the answer leaves from there */
    struct config_address peer; /* the client, as the configuration has addresses */
    bool encrypted;             /* it came by TLS */
    bool pinned;                /* a certificate was shown: */
    uint8_t pin[IDENTITY_PIN_OCTETS];
    struct identity *identity; /* who that is; the session's, NULL in what outlives it */
};

/* An address as the configuration has them. */
struct config_address address_peer(const union address *address);

/* Addresses as a letter has them. False: they are none, and the origin is void. */
bool origin_take(struct origin *origin, struct span client, struct span local);

/* Who came by TLS, out of a letter; empty: nobody did. `descriptor` is the connection, `key` that
 * of the seals. What is written to origin->identity is the caller's. False: it is not from the
 * veil, or of another connection; or there is no memory. */
bool origin_identify(struct origin *origin, struct span identity, int descriptor,
                     const uint8_t key[IDENTITY_KEY_OCTETS]);

#endif
