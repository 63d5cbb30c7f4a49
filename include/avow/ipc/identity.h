/*
 * identity.h - who is at the other end of a connection that came by TLS, sealed.
 *
 * The veil, which made the handshake, writes it; the front carries it unread; the desk believes it.
 * What lies between the two is a room for strangers: so the seal is made with a key that veil and
 * desk alone have, and holds for one socket, by the number that the kernel gives each of them.
 *
 * Floor: ipc. Pure but for identity_socket.
 */
#ifndef AVOW_IPC_IDENTITY_H
#define AVOW_IPC_IDENTITY_H

#include "avow/base/siphash.h"
#include "avow/ipc/message.h"

enum {
    IDENTITY_KEY_OCTETS = SIPHASH_KEY_OCTETS,
    IDENTITY_PIN_OCTETS = 32,
    IDENTITY_NAMES = 8,
    /* flags, pin, names, seal */
    IDENTITY_MOST_OCTETS =
        1 + IDENTITY_PIN_OCTETS + IDENTITY_NAMES * NAME_MAX_OCTETS + SIPHASH_OCTETS
};

/* Whether an authority of clients vouches for the certificate, or why none does; for a person. */
enum identity_verdict {
    IDENTITY_VOUCHED, /* without a certificate, too */
    IDENTITY_OF_NOBODY,
    IDENTITY_TOO_EARLY,
    IDENTITY_TOO_LATE,
    IDENTITY_BAD,
    IDENTITY_VERDICTS
};

struct identity {
    bool is_dot;  /* "dot" was agreed on by ALPN, which transfers need (RFC 9103 section 8.4) */
    bool has_pin; /* the client has shown a certificate */
    uint8_t pin[IDENTITY_PIN_OCTETS]; /* SHA-256 of its SubjectPublicKeyInfo */
    enum identity_verdict verdict;
    unsigned name_count; /* none, too, when no authority vouches for the certificate */
    struct name names[IDENTITY_NAMES];
};

/* The kernel's number for a socket, the same in every process that has it. */
MUST_CHECK enum result identity_socket(int descriptor, uint64_t *socket);

/* Write it for that socket. Returns how many octets it has. */
size_t identity_write(const struct identity *identity, const uint8_t key[IDENTITY_KEY_OCTETS],
                      uint64_t socket, uint8_t octets[IDENTITY_MOST_OCTETS]);

/* RESULT_FORMAT: malformed, not sealed with the key, or of another socket. */
MUST_CHECK enum result identity_read(struct span octets, const uint8_t key[IDENTITY_KEY_OCTETS],
                                     uint64_t socket, struct identity *identity);

#endif
