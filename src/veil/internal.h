/*
 * internal.h - the veil's parts: the gate lets clients in, a tunnel is one of them.
 */
#ifndef AVOW_SRC_VEIL_INTERNAL_H
#define AVOW_SRC_VEIL_INTERNAL_H

#include <ev.h>
#include <stdbool.h>
#include <sys/queue.h>

#include "avow/base/log.h"
#include "avow/ipc/channel.h"
#include "avow/ipc/identity.h"
#include "avow/room/crowd.h"
#include "avow/room/metrics.h"
#include "avow/tls/stream.h"

struct gate;

/* Octets that one side of a tunnel does not take yet. */
struct held {
    uint8_t *octets; /* owned; NULL: there are none */
    size_t start;    /* gone already */
    size_t end;
};

/* One client: TLS outside, a plain stream to the front inside. */
struct tunnel {
    TAILQ_ENTRY(tunnel) all;
    TAILQ_ENTRY(tunnel) waiting; /* of those that owe us a handshake, or take nothing */
    struct gate *gate;
    struct crowd_member member;
    struct tls_stream *stream;
    ev_io outer;       /* the client's socket */
    ev_io inner;       /* our end of the plain stream */
    uint64_t since_ms; /* since when it waits */
    bool open;         /* the handshake is done, and the front has the other end */
    bool is_waiting;
    bool named;       /* an authority vouches for the client */
    bool client_done; /* has said all */
    bool needs_write; /* TLS has something of its own to send */
    struct held in;   /* for the front */
    struct held out;  /* for the client */
    union address client;
    union address local;
};

TAILQ_HEAD(tunnel_list, tunnel);

struct gate_listener {
    ev_io readable;
    struct gate *gate;
};

/* Where an open tunnel's plain end goes. False: the front is away, or takes no more. The descriptor
 * stays the caller's. */
typedef bool gate_hand_on(void *context, const struct message *arrival);

/* How many, and how patient. */
struct gate_settings {
    uint32_t clients;
    uint32_t per_address, per_network; /* 0: a part of them */
    uint64_t idle_ms;
};

/* A zeroed gate is a closed one. */
struct gate {
    struct ev_loop *loop;
    struct metrics_stripe *metrics;
    struct tls_credentials *credentials; /* owned */
    gate_hand_on *hand_on;
    void *context;
    struct gate_settings settings;
    uint32_t limit; /* places */
    uint32_t count;
    uint8_t key[IDENTITY_KEY_OCTETS];
    struct gate_listener *listeners;
    size_t listener_count;
    struct crowd crowd;
    struct tunnel_list tunnels;
    struct tunnel_list waiting;
    ev_timer tick;
    ev_timer relisten;
    uint8_t *scratch;
    struct log_budget fault_lines;
    struct log_budget accept_lines;
};

enum { GATE_SCRATCH_OCTETS = 16 * 1024 };

/* ---- gate.c ----------------------------------------------------------------------------------*/

/* loop, metrics, credentials, hand_on, context, settings and key are set. RESULT_SYSTEM: closed. */
MUST_CHECK enum result gate_open(struct gate *gate);
void gate_close(struct gate *gate);

/* Watch a socket that listens; it stays the caller's. */
MUST_CHECK enum result gate_listen(struct gate *gate, int descriptor);

/* Other settings; with `credentials`, those for who comes from now on. */
void gate_configure(struct gate *gate, const struct gate_settings *settings,
                    struct tls_credentials *credentials);

/* End the tunnels of clients that an authority vouched for: it may not be one any more. */
void gate_end_named(struct gate *gate);

/* How many there may be now. */
uint32_t gate_limit(const struct gate *gate);

/* Let somebody in, whose socket the gate takes over. */
void gate_admit(struct gate *gate, int descriptor, const union address *client);

/* ---- tunnel.c --------------------------------------------------------------------------------*/

/* Take a client's socket over, which has entered. NULL without memory; the socket is then open. */
struct tunnel *tunnel_make(struct gate *gate, int descriptor, const union address *client);

/* Forget it, in any state. */
void tunnel_drop(struct tunnel *tunnel);

/* Whether its time is up. */
bool tunnel_is_late(const struct tunnel *tunnel, uint64_t now_ms, uint64_t patience_ms);

#endif
