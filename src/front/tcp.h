/*
 * tcp.h - connections: accepting, limits, reading, answering, idleness.
 */
#ifndef AVOW_SRC_FRONT_TCP_H
#define AVOW_SRC_FRONT_TCP_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

#include "avow/base/pace.h"
#include "avow/base/result.h"
#include "avow/ipc/message.h"
#include "avow/room/crowd.h"
#include "avow/wire/framing.h"
#include "origin.h"

enum {
    TCP_BACKLOG_OCTETS = 16 * 1024,  /* unsent: beyond this nothing more is read */
    TCP_BACKLOG_LIMIT = 1024 * 1024, /* unsent: beyond this the connection is closed */
    TCP_MESSAGE_OCTETS = 65535,
    TCP_PREFIX_OCTETS = 2,
    /* Less than a backlog, and one more. */
    TCP_OUTBOX_OCTETS = TCP_BACKLOG_OCTETS + TCP_PREFIX_OCTETS + TCP_MESSAGE_OCTETS
};

struct worker;
struct tcp;

/* Octets that the socket did not take. */
struct backlog {
    uint8_t *octets; /* owned */
    size_t start;    /* sent already */
    size_t end;
    size_t capacity;
};

/* Who came by TLS, for the desk: sealed, and not for us to read. */
struct tcp_identity {
    uint16_t length;
    uint8_t octets[];
};

struct connection {
    TAILQ_ENTRY(connection) age;       /* of all open ones, by since_ms */
    TAILQ_ENTRY(connection) waiting;   /* of those that have messages and wait for the store */
    TAILQ_ENTRY(connection) reading;   /* of those that have a backlog, by since_ms */
    TAILQ_ENTRY(connection) departing; /* of those that wait for the desk */
    ev_io readable;
    ev_io writable;
    struct tcp *tcp;
    int descriptor;
    uint32_t slot;
    uint64_t id; /* the slot, and a number that tells its users apart */
    /* Since when we wait for its client: for the next message, the rest of one that has begun, or
     * that it takes answers. A single octet changes nothing. */
    uint64_t since_ms;
    struct pace pace;
    struct crowd_member member;
    uint32_t under_way; /* questions that are parked */
    bool is_waiting;
    bool is_departing;
    bool has_part;  /* of a message */
    bool moving;    /* to the desk, as soon as what was asked before is answered and sent */
    bool finishing; /* nothing more is read; closed when all is answered and sent */
    struct framing in;
    struct backlog out;
    struct tcp_identity *identity; /* owned; NULL: plain TCP */
    union address client;
    union address local;
};

TAILQ_HEAD(connection_list, connection);

struct tcp_listener {
    ev_io readable;
    struct tcp *tcp;
    int descriptor; /* the room's */
};

struct tcp {
    struct worker *worker;
    struct tcp_listener *listeners;
    uint32_t listener_count;
    struct connection **slots;
    uint32_t limit; /* places; the settings may say fewer */
    uint32_t count;
    uint32_t next_slot;
    uint64_t serial;
    struct connection_list by_age;
    struct connection_list waiting;
    struct connection_list readers;
    struct connection_list departing;
    size_t unsent_octets; /* memory of all backlogs */
    struct crowd crowd;
    ev_timer tick;
    ev_timer relisten;
    int reserve; /* a descriptor to give up when there are no others */
    uint8_t *scratch;
    uint8_t *outbox;
    size_t outbox_length;
};

/* Take the worker's listeners and begin to watch them. */
MUST_CHECK enum result tcp_open(struct tcp *tcp, struct worker *worker);

/* A connection that the veil hands over: its plain side, and the addresses behind it. */
struct tcp_arrival {
    int descriptor;
    union address client;
    union address local;
    struct span identity;
};

/* Take it as if it had been accepted here, and the descriptor whatever comes of it. */
void tcp_arrive(struct tcp *tcp, const struct tcp_arrival *arrival);

/* Serve those that wait. */
void tcp_resume(struct tcp *tcp);

static inline bool tcp_has_waiting(const struct tcp *tcp)
{
    return !TAILQ_EMPTY(&tcp->waiting);
}

/* The desk takes connections again: those that wait for it leave. */
void tcp_depart(struct tcp *tcp);

/* The worker's settings changed: the limits are others. */
void tcp_configure(struct tcp *tcp);

/* An answer outside its turn: `octets` begin with TCP_PREFIX_OCTETS to be written here. Length 0
 * (the prefix not counted): there is no answer, and the connection is of no use any more. */
void tcp_answer(struct tcp *tcp, uint64_t id, uint8_t *octets, size_t length);

/* Close everything; takes any state. */
void tcp_close(struct tcp *tcp);

/* ---- connection.c ----------------------------------------------------------------------------*/

/* Begin to read an accepted connection. */
void connection_start(struct connection *connection);

/* Serve what has come; between worker_begin and worker_end. May close it. */
void connection_serve(struct connection *connection);

/* Something was answered: read again, have served what was held back, or close. */
void connection_go_on(struct connection *connection);

/* Send an answer that stands behind room for its length. False: it was closed. */
bool connection_send(struct connection *connection, uint8_t *octets, size_t length);

/* Hand it over to the desk, which reads on where we stopped. False: the desk takes no more now. */
bool connection_move(struct connection *connection);

/* Whether it waits for nothing but its client, or for the desk. */
static inline bool connection_is_idle(const struct connection *connection)
{
    return connection->under_way == 0 && !connection->is_waiting;
}

/* ---- places.c: who may be connected, and for how long ----------------------------------------*/

/* How many there may be. */
uint32_t tcp_limit(const struct tcp *tcp);

/* Make room for one more client, at the cost of somebody who does nothing: of its own address or
 * network when that has its share already, else of the network that has most of them. False: it
 * cannot stay. */
bool tcp_make_room(struct tcp *tcp, const union address *client);

/* Send one away in any case. False: none can be spared. */
bool tcp_evict(struct tcp *tcp);

/* Give it a place; its descriptor and client are set. And forget it, in any state. */
void tcp_enter(struct tcp *tcp, struct connection *connection);
void tcp_drop(struct connection *connection);

/* Its client is waited for from now on. */
void tcp_touch(struct connection *connection, uint64_t now_ms);

/* Whether it is idle may be another now. */
void tcp_look(struct connection *connection);

/* How long a client may be waited for; also what it is told (RFC 7828). */
uint64_t tcp_patience_ms(const struct tcp *tcp);

/* Give up those that were waited for so long. */
void tcp_tick(struct tcp *tcp, uint64_t now_ms);

/* Its backlog has grown by so much memory: if that is more than all may have together, others are
 * cut off. It has none any more, and its memory is freed. */
void tcp_unsent_grows(struct connection *connection, size_t octets);
void tcp_unsent_is_gone(struct connection *connection);

/* ---- tcp.c -----------------------------------------------------------------------------------*/

/* Serve it before the loop waits again, and once the store can be read. */
void tcp_wait(struct connection *connection);

#endif
