/*
 * stream.h - the server's end of one TLS connection over a socket that does not block.
 *
 * Floor: tls. Source: RFC 8446, RFC 7858, RFC 9103 section 8.
 */
#ifndef AVOW_TLS_STREAM_H
#define AVOW_TLS_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "avow/tls/credentials.h"

enum tls_step {
    TLS_DONE,
    TLS_WANTS_READ,  /* once the socket is readable, the same again */
    TLS_WANTS_WRITE, /* once it is writable, the same again */
    TLS_ENDED,       /* the client has said all (close_notify) */
    TLS_FAILED       /* broken: of no use any more */
};

/* Why a handshake failed, for counters. */
enum tls_fault { TLS_FAULT_OTHER, TLS_FAULT_VERSION, TLS_FAULT_PROTOCOL };

enum { TLS_PIN_OCTETS = 32, TLS_NAMES = 8, TLS_NAME_OCTETS = 256 };

/* Whether an authority of clients vouches for a certificate, or why none does: there is none that
 * we know; the time of a certificate on the way there has not come, or is over; anything else. */
enum tls_verdict {
    TLS_VOUCHED,
    TLS_VOUCHED_BY_NOBODY,
    TLS_VOUCHED_TOO_EARLY,
    TLS_VOUCHED_TOO_LATE,
    TLS_VOUCHED_BADLY
};

/* The client's certificate, whose key it has proved to hold. */
struct tls_peer {
    bool given;
    uint8_t pin[TLS_PIN_OCTETS]; /* SHA-256 of its SubjectPublicKeyInfo (RFC 7858 section 4.2) */
    enum tls_verdict verdict;
    unsigned name_count;                    /* 0, too, when no authority vouches for it */
    char names[TLS_NAMES][TLS_NAME_OCTETS]; /* its DNS names, the first ones */
};

struct tls_stream;

/* `descriptor` stays the caller's. NULL without memory. */
struct tls_stream *tls_stream_make(const struct tls_credentials *credentials, int descriptor);
void tls_stream_free(struct tls_stream *stream);

/* The handshake, until DONE. FAILED: tls_stream_fault says why, before anything else is done. */
enum tls_step tls_stream_shake(struct tls_stream *stream);
enum tls_fault tls_stream_fault(const struct tls_stream *stream, const char **words);

/* Some of what the client sent: 1 to `size` octets with DONE. */
enum tls_step tls_stream_read(struct tls_stream *stream, uint8_t *octets, size_t size,
                              size_t *length);

/* Send some of these octets, at least one with DONE. When it is to be done again, the octets are
 * the same; they may have moved, and become more. */
enum tls_step tls_stream_write(struct tls_stream *stream, const uint8_t *octets, size_t size,
                               size_t *length);

/* Say that all is said. */
enum tls_step tls_stream_end(struct tls_stream *stream);

/* After the handshake: whether the client asked for "dot" by ALPN, and who it is. */
bool tls_stream_is_dot(const struct tls_stream *stream);
void tls_stream_peer(const struct tls_stream *stream, struct tls_peer *peer);

#endif
