/*
 * room.h - what every room does first and last.
 *
 * A room is a process that the supervisor starts: descriptor 3 is its channel to the supervisor.
 * room_open takes its share of the configuration and its descriptors until START; the room then
 * opens what it needs the file system for; room_confine gives up everything else and says READY;
 * room_run turns the loop until STOP, or until the supervisor is gone.
 *
 *     int front_main(struct room *room)
 *     {
 *         open the store, read-only
 *         if (room_confine(room))
 *             return room_fail(room, "...");
 *         start threads, watch sockets
 *         int code = room_run(room, &events, &front);
 *         stop threads, close
 *         return code;
 *     }
 *
 * Floor: room.
 */
#ifndef AVOW_ROOM_ROOM_H
#define AVOW_ROOM_ROOM_H

#include <ev.h>

#include "avow/ipc/channel.h"
#include "avow/ipc/dispatch.h"
#include "avow/room/confine.h"
#include "avow/room/metrics.h"
#include "avow/room/pages.h"

struct config; /* avow/config/config.h */

/* What a room is born with beside standard error. The lock of the state folder is only kept: as
 * long as any room lives, no other daemon may take the folder over. */
enum { ROOM_SUPERVISOR_DESCRIPTOR = 3, ROOM_LOCK_DESCRIPTOR = 4, ROOM_MAX_PATHS = 64 };

/* A socket that the supervisor bound. */
struct room_socket {
    enum socket_kind kind;
    uint16_t worker;   /* the front's worker whose socket it is */
    uint16_t index;    /* the entry of server.listen */
    int descriptor;    /* non-blocking; listening where it is a stream */
    char address[128]; /* "127.0.0.1@5300" */
};

/* A fact about a room, for the keeper to tell. */
struct room_fact {
    enum room_state state;
    uint32_t pid;
    uint32_t restarts;
    uint64_t started; /* seconds since 1970 */
    char text[256];   /* its confinement, or what went wrong */
};

struct room_peer {
    enum room_kind room;
    uint16_t index;
    int descriptor;
};

struct room {
    enum room_kind kind;
    const struct config *config; /* this room's share; another one after a reload */
    struct ev_loop *loop;        /* the main thread's: epoll */
    uint16_t workers;            /* threads of the front, 1 to METRICS_STRIPES */

    struct room_socket *sockets;
    size_t socket_count;
    struct room_peer *peers; /* as of START; later ones by the event */
    size_t peer_count;

    struct metrics_page *metrics;                  /* this room's own, writable; never NULL */
    const struct metrics_page *all_metrics[ROOMS]; /* the keeper: everybody's; else NULL */
    /* Memory files for pages_open_keeper and pages_open_reader (avow/store/pages.h); they stay the
     * room's, -1 where it has none. */
    int published;      /* to be written by the keeper, read by front and desk */
    int readers[ROOMS]; /* front and desk: their own, to be written; the keeper: both, to be read */
    struct room_fact facts[ROOMS]; /* the keeper: kept up to date */
    struct message_taken taken;    /* the keeper: likewise */

    struct confinement confinement;
    struct room_inside *inside; /* room.c's own */
};

struct room_events {
    /* A peer was started or restarted: here is the new end, which now belongs to the room. What was
     * under way on an old one is lost, and the old one is closed from the other side. */
    void (*peer)(void *context, enum room_kind kind, uint16_t index, int descriptor);

    /* A new configuration, or SIGHUP with the same one: the keeper looks for changed zone files.
     * RESULT_OK: room->config is replaced behind the call, and the old one stays readable until
     * the next reload. Otherwise the old one stays; `text` (256 octets) says why. NULL: always OK.
     */
    enum result (*reload)(void *context, const struct config *config, char *text);

    /* STOP: finish what is under way and call room_end; a deadline of some seconds runs. NULL: the
     * loop ends at once. */
    void (*stop)(void *context);

    /* room->facts changed. May be NULL. */
    void (*facts)(void *context);

    /* How a hook that was asked for ended (room_ask_hook). May be NULL. */
    void (*hooked)(void *context, const struct message_hooked *hooked);
};

/*
 * Be a room: take everything until START.
 *
 * kind  Which; the log's lines are named after it.
 *
 * Returns NULL after saying why, in the log and to the supervisor.
 */
struct room *room_open(enum room_kind kind);

/* The end of a channel to a peer, which now belongs to the caller; -1 when that peer does not run
 * (yet): it comes by the event. What is not taken before room_run comes by the event as well.
 * `index` as in FIELDS_peer. */
int room_take_peer(struct room *room, enum room_kind kind, uint16_t index);

/* Before room_confine: let the room reach a path afterwards. Kept by copy. */
MUST_CHECK enum result room_allow(struct room *room, const char *path, bool writable);

/* As many connections of clients as are wanted, or as there are descriptors for, beside those that
 * the room needs for itself. To be called before room_confine, and again after a reload. */
uint32_t room_clients(struct room *room, uint32_t wanted);

/* As many as it can ever have, whatever a reload says. */
uint32_t room_clients_most(struct room *room);

/* Give up everything else (confine.h), then tell the supervisor READY. RESULT_SYSTEM: go no
 * further, return room_fail. */
MUST_CHECK enum result room_confine(struct room *room);

/* Say why the room cannot start, in the log and to the supervisor. Returns the exit code. */
int room_fail(struct room *room, const char *format, ...) PRINTF_LIKE(2, 3);

/* Turn the loop until room_end, or until the supervisor is gone. Returns the exit code. */
int room_run(struct room *room, const struct room_events *events, void *context);

/* End room_run. From the main thread. */
void room_end(struct room *room);

/* The keeper asks the supervisor to kill and start another room. From the main thread. */
void room_ask_restart(struct room *room, enum room_kind kind, const char *reason);

/* The keeper asks the supervisor to run the hook of a zone; the answer comes by the event. The
 * descriptor stays the caller's. From the main thread. RESULT_SYSTEM, RESULT_FULL: not asked. */
MUST_CHECK enum result room_ask_hook(struct room *room, const struct message_hook *hook);

/* The stripe of a worker; the main thread of a room without workers has 0. */
static inline struct metrics_stripe *room_stripe(struct room *room, unsigned worker)
{
    return &room->metrics->stripes[worker % METRICS_STRIPES];
}

/* Close and unmap everything; NULL is fine. */
void room_close(struct room *room);

#endif
