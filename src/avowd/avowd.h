/* avowd.h - the supervisor's own structs. It parses no stranger's octets. */
#ifndef AVOWD_AVOWD_H
#define AVOWD_AVOWD_H

#include <ev.h>
#include <sys/types.h>

#include "avow/base/buffer.h"
#include "avow/config/config.h"
#include "avow/ipc/channel.h"
#include "avow/ipc/dispatch.h"
#include "avow/room/confine.h"
#include "avow/room/pages.h"

/* A socket that was bound once and is handed to each front that starts. */
struct bound {
    enum socket_kind kind;
    uint16_t worker;
    uint16_t index;
    int descriptor;
    char address[CONFIG_ADDRESS_TEXT];
};

struct listening {
    struct bound *sockets;
    size_t count;
};

/* A page of shared memory and its two descriptors. */
struct page {
    int writable;
    int readable;
};

/* Where lines go, the rooms' too. */
struct logging {
    int descriptor; /* of a file or standard error; -1: syslog */
    int rooms_end;  /* syslog: rooms write lines here... */
    int our_end;    /* ...and this end passes them on */
    ev_io lines;
};

/* What the supervisor made in the file system; -1: not there. */
struct ground {
    int lock;    /* held as long as we live */
    int control; /* the listening socket */
    bool control_made;
    bool pid_made;
    uid_t user; /* owner of what is made; (uid_t)-1: us */
    gid_t group;
};

struct avowd;

/* One room, alive or not. */
struct supervised {
    struct avowd *avowd;
    enum room_kind kind;
    enum room_state state;
    pid_t pid; /* 0: not running */
    struct channel *channel;
    struct dispatch_state dispatch;
    ev_child child;
    ev_timer timer;      /* starting: deadline; down: when to start again; stopping: deadline */
    uint32_t restarts;   /* since the daemon began */
    uint32_t in_a_row;   /* deaths before READY, one after the other */
    uint64_t started_ms; /* monotonic */
    uint64_t started;    /* wall clock */
    double delay;        /* until the next restart, seconds */
    bool failed;         /* it said why it cannot start */
    bool renewed;        /* it was told a new configuration: it may end to begin with it */
    bool ended;          /* by us, for the same purpose */
    unsigned awaited;    /* answers to RELOAD */
    uint64_t refused;    /* when it did not take the configuration in use; 0: it has it */
    char text[256];      /* its confinement, or what went wrong */
};

enum { HOOK_TEXT = 1024 };

/* The hook that runs; one at a time. */
struct hooking {
    pid_t pid; /* 0: none */
    uint32_t request;
    struct name zone;
    bool late;  /* it was killed at its deadline */
    bool asked; /* somebody waits for the answer */
    int output; /* what it says */
    char text[HOOK_TEXT];
    size_t length;
    ev_child child;
    ev_io readable;
    ev_timer deadline;
};

struct avowd {
    const char *path; /* of the configuration, as the person named it */
    struct config config;
    struct config boot; /* the one we started with: what only a restart changes stays as in it */
    struct ev_loop *loop;
    struct supervised rooms[ROOMS];
    struct listening listening;
    struct ground ground;
    struct logging logging;
    struct page published;
    struct page readers[ROOMS]; /* front and desk */
    struct page metrics[ROOMS];
    void *readers_mapped[ROOMS]; /* to clear when their room has died */
    uint16_t workers;
    uint64_t taken;   /* when the configuration was read, in seconds since 1970 */
    uint64_t refused; /* when one was that we did not take since then; 0: none */
    bool reloading;   /* not all rooms have answered to the new one */
    bool ready;       /* has been, once */
    bool stopping;
    uint64_t stopping_ms; /* since when */
    int code;
    ev_signal terminate, interrupt, reload;
    char **environment_signer; /* ours, less what concerns us alone */
    char **environment;        /* next to nothing */
    struct hooking hook;
};

/* ---- listen.c ---- */
/* Bind a UDP and a TCP socket for each address and worker, and those for TLS. Says in one line what
 * went wrong. */
MUST_CHECK enum result listen_open(struct listening *listening, const struct config_server *server,
                                   uint16_t workers);
void listen_close(struct listening *listening);

/* ---- ground.c: state folder, its lock, the control socket, the pid file ---- */
MUST_CHECK enum result ground_open(struct ground *ground, const struct config_server *server);
void ground_close(struct ground *ground, const struct config_server *server);

/* ---- logging.c ---- */
MUST_CHECK enum result logging_open(struct avowd *avowd, const struct config_server *server);
/* Open the file again (it may have been moved away) or turn to another target; when that fails
 * the old one stays. */
MUST_CHECK enum result logging_reopen(struct avowd *avowd, const struct config_server *server);
void logging_close(struct avowd *avowd);
/* The descriptor for LOG messages. */
int logging_descriptor(const struct avowd *avowd);

/* ---- brief.c: everything that a room is told before START ---- */
MUST_CHECK enum result brief_pages_make(struct avowd *avowd);
void brief_pages_close(struct avowd *avowd);
MUST_CHECK enum result brief_room(struct avowd *avowd, struct supervised *room);
MUST_CHECK enum result brief_reload(struct avowd *avowd, struct supervised *room);
void brief_log(struct avowd *avowd, struct supervised *room);
/* Tell the keeper how a room is. */
void brief_state(struct avowd *avowd, const struct supervised *room);
/* Tell the keeper which configuration is in use. */
void brief_taken(struct avowd *avowd);

/* ---- spawn.c ---- */
/* Start a process that is this program as a room; `end` becomes its descriptor 3. -1 with errno. */
pid_t spawn_room(const struct avowd *avowd, enum room_kind kind, int end);
MUST_CHECK enum result spawn_environments(struct avowd *avowd);
void spawn_free(struct avowd *avowd);

/* ---- hook.c ---- */
void hook_init(struct avowd *avowd);
/* The keeper asks: the descriptor, when there is one, is taken over. It is answered in any case. */
void hook_ask(struct avowd *avowd, const struct message_hook *ask, int descriptor);
/* Whoever asked is gone, or we stop: the program is ended. */
void hook_end(struct avowd *avowd);

/* ---- supervise.c ---- */
/* Run everything until a signal or a failure; the exit code. */
int supervise(struct avowd *avowd);
/* Stop in order; the loop ends when all are gone. */
void supervise_stop(struct avowd *avowd, int code);

/* ---- reload.c ---- */
/* With all files that it names, and what they hold: whether certificate and key fit is checked. */
MUST_CHECK enum result reload_read(struct config *config, const char *path,
                                   struct complaints *complaints);
void reload(struct avowd *avowd);
/* When what the file says was not taken, by us or by a room that runs; 0: it is in use. */
uint64_t reload_refused(const struct avowd *avowd);
/* A room has answered, or died, while reloading. */
void reload_answered(struct avowd *avowd);

/* ---- notify.c: sd_notify(3) without the library ---- */
void notify_manager(const char *format, ...) PRINTF_LIKE(1, 2);

#endif
