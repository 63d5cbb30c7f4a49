/* supervise.c - rooms started in order, started again when they die, stopped in order. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "avow/base/clock.h"
#include "avow/base/log.h"
#include "avow/room/room.h"
#include "avowd.h"

enum {
    IMPATIENCE_MS = 1000,    /* between a signal to stop and one to stop at once */
    STABLE_MS = 10000,       /* a room that ran so long begins with the short delay again */
    DEATHS_BEFORE_READY = 5, /* so many in a row and the daemon's own start has failed */
    SHARE_OCTETS = 1 << 30   /* of configuration that may wait to be read by a room */
};

static const double delay_first = 0.05, delay_most = 5.0; /* seconds */
static const double start_deadline = 60.0;

/* The signer goes last, so that what the keeper wants signed still is; nobody asks before the front
 * is gone. */
static const enum room_kind stop_order[ROOMS] = {ROOM_VEIL, ROOM_FRONT, ROOM_DESK, ROOM_KEEPER,
                                                 ROOM_SIGNER};
static const double stop_deadlines[ROOMS] = {[ROOM_VEIL] = 5.0,
                                             [ROOM_FRONT] = 5.0,
                                             [ROOM_DESK] = 5.0,
                                             [ROOM_KEEPER] = 20.0,
                                             [ROOM_SIGNER] = 5.0};

static void stop_next(struct avowd *avowd);
static void start_room(struct supervised *room);

/* ---- how it goes ---------------------------------------------------------------------------- */

static void set_state(struct supervised *room, enum room_state state, const char *text)
{
    room->state = state;
    if (text)
        (void)snprintf(room->text, sizeof room->text, "%s", text);
    brief_state(room->avowd, room);
}

static bool runs(const struct avowd *avowd, enum room_kind kind)
{
    return avowd->rooms[kind].state == ROOM_STATE_READY;
}

static void set_timer(struct supervised *room, double seconds)
{
    ev_timer_stop(room->avowd->loop, &room->timer);
    ev_timer_set(&room->timer, seconds, 0.0);
    ev_timer_start(room->avowd->loop, &room->timer);
}

/* The veil: only where TLS is served, which only a restart changes. */
static bool is_meant(const struct avowd *avowd, enum room_kind kind)
{
    return kind != ROOM_VEIL || avowd->boot.server.tls.listen_count > 0;
}

static void say_where(const struct config_address *addresses, size_t count, const char *how)
{
    char text[CONFIG_ADDRESS_TEXT];

    for (size_t i = 0; i < count; i++)
        log_info("listening on %s%s", config_address_to_text(&addresses[i], text), how);
}

/* Once keeper, desk and front are ready, and the veil where there is one, we serve; a token that is
 * slow keeps nobody waiting. */
static void announce(struct avowd *avowd)
{
    if (avowd->ready || !runs(avowd, ROOM_KEEPER) || !runs(avowd, ROOM_DESK) ||
        !runs(avowd, ROOM_FRONT) || (is_meant(avowd, ROOM_VEIL) && !runs(avowd, ROOM_VEIL)))
        return;
    avowd->ready = true;
    const struct config_server *server = &avowd->boot.server;
    say_where(server->listen, server->listen_count, "");
    say_where(server->tls.listen, server->tls.listen_count, " (TLS)");
    log_info("ready: %zu zones, %u workers", avowd->config.zone_count, (unsigned)avowd->workers);
    notify_manager("READY=1\nMAINPID=%ld\nSTATUS=Serving %zu zones", (long)getpid(),
                   avowd->config.zone_count);
}

/* ---- what rooms say ------------------------------------------------------------------------- */

static void on_ready(void *context, const struct message *message, struct frame *frame)
{
    struct supervised *room = context;
    struct avowd *avowd = room->avowd;
    (void)frame;

    if (room->state != ROOM_STATE_STARTING)
        return;
    ev_timer_stop(avowd->loop, &room->timer);
    room->in_a_row = 0;
    set_state(room, ROOM_STATE_READY, message->ready.text);
    log_info("%s runs (pid %ld); confined by %s", room_name(room->kind), (long)room->pid,
             message->ready.text);
    if (room->kind == ROOM_KEEPER && !avowd->stopping) {
        /* They read what the keeper has opened, or made, just now. */
        for (enum room_kind kind = ROOM_DESK; kind < ROOMS; kind++) {
            struct supervised *other = &avowd->rooms[kind];
            if (is_meant(avowd, kind) && other->pid == 0 && other->state == ROOM_STATE_STOPPED)
                start_room(other);
        }
    }
    announce(avowd);
}

static void on_failed(void *context, const struct message *message, struct frame *frame)
{
    struct supervised *room = context;
    (void)frame;

    room->failed = true;
    (void)snprintf(room->text, sizeof room->text, "%s", message->failed.text);
    log_error("the %s cannot start: %s", room_name(room->kind), message->failed.text);
}

static void on_reloaded(void *context, const struct message *message, struct frame *frame)
{
    struct supervised *room = context;
    (void)frame;

    if (room->awaited == 0)
        return; /* nobody has asked */
    room->awaited--;
    if (!message->reloaded.ok) {
        log_error("the %s keeps its old configuration: %s", room_name(room->kind),
                  message->reloaded.text);
        if (room->awaited == 0) /* else the next one is on its way */
            room->refused = clock_wall_seconds();
        brief_taken(room->avowd);
    }
    reload_answered(room->avowd);
}

static void on_restart(void *context, const struct message *message, struct frame *frame)
{
    struct supervised *room = context;
    struct avowd *avowd = room->avowd;
    (void)frame;

    /* Only the keeper knows who lags, and nobody may end the keeper. */
    if (room->kind != ROOM_KEEPER || message->restart.room >= ROOMS ||
        message->restart.room == ROOM_KEEPER || avowd->stopping)
        return;
    struct supervised *other = &avowd->rooms[message->restart.room];
    if (other->pid == 0)
        return;
    log_warning("the %s is restarted: %s", room_name(other->kind), message->restart.reason);
    (void)kill(other->pid, SIGKILL);
}

static void on_hook(void *context, const struct message *message, struct frame *frame)
{
    struct supervised *room = context;

    if (room->kind == ROOM_KEEPER)
        hook_ask(room->avowd, &message->hook, message_take(frame, message->hook.descriptor));
}

static const struct dispatch_table supervisor_table = {
    .link = LINK_ROOM,
    .self = LINK_UPPER,
    .handlers = {[MESSAGE_READY] = on_ready,
                 [MESSAGE_FAILED] = on_failed,
                 [MESSAGE_RELOADED] = on_reloaded,
                 [MESSAGE_RESTART] = on_restart,
                 [MESSAGE_HOOK] = on_hook}};

static void on_frame(void *context, struct channel *channel, struct frame *frame)
{
    struct supervised *room = context;
    (void)channel;
    (void)dispatch_frame(&supervisor_table, &room->dispatch, frame, room);
}

static const struct channel_events room_events = {.frame = on_frame};

/* ---- the end of a process ------------------------------------------------------------------- */

/* LMDB trusts its pages: one that is damaged may lead it out of its file. */
static const char *may_be_damage(enum room_kind kind, int signal)
{
    bool reads = kind == ROOM_KEEPER || kind == ROOM_FRONT || kind == ROOM_DESK;

    return reads && (signal == SIGABRT || signal == SIGBUS || signal == SIGSEGV)
               ? "; if that comes again, the store may be damaged: see avowctl store "
                 "check, with the daemon stopped"
               : "";
}

static void say_how(const struct supervised *room, int status)
{
    const char *name = room_name(room->kind);

    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
        log_error("the %s did what it may not (seccomp) and was killed", name);
    else if (WIFSIGNALED(status))
        log_error("the %s died of signal %d (%s)%s", name, WTERMSIG(status),
                  strsignal(WTERMSIG(status)), may_be_damage(room->kind, WTERMSIG(status)));
    else if (!room->failed)
        log_error("the %s ended with code %d", name, WEXITSTATUS(status));
}

/* The signer does so by itself after some reloads, or is made to, and that is nobody's fault. */
static bool ended_to_renew(const struct supervised *room, int status)
{
    return WIFEXITED(status) ? room->renewed && WEXITSTATUS(status) == EXIT_SUCCESS
                             : room->ended && WTERMSIG(status) == SIGKILL;
}

static bool start_has_failed(const struct supervised *room)
{
    if (room->avowd->ready || room->kind == ROOM_SIGNER)
        return false; /* without a signer, what is signed is served all the same */
    return room->failed || room->in_a_row >= DEATHS_BEFORE_READY;
}

static void start_again_later(struct supervised *room)
{
    bool stable = clock_monotonic_ms() - room->started_ms >= STABLE_MS;

    room->delay = stable || room->delay == 0 ? delay_first : room->delay * 2;
    if (room->delay > delay_most)
        room->delay = delay_most;
    room->restarts++;
    set_timer(room, room->delay);
}

static void forget_process(struct supervised *room)
{
    struct avowd *avowd = room->avowd;

    ev_child_stop(avowd->loop, &room->child);
    ev_timer_stop(avowd->loop, &room->timer);
    channel_free(room->channel);
    room->channel = NULL;
    room->pid = 0;
    if (avowd->readers_mapped[room->kind]) /* a dead reader holds no snapshot */
        memset(avowd->readers_mapped[room->kind], 0, page_octets(PAGE_READERS));
}

static void on_child(struct ev_loop *loop, ev_child *watcher, int happened)
{
    struct supervised *room = watcher->data;
    struct avowd *avowd = room->avowd;
    int status = watcher->rstatus;
    (void)loop, (void)happened;

    if (room->channel)
        channel_receive(room->channel); /* its last words */
    forget_process(room);
    if (room->kind == ROOM_KEEPER)
        hook_end(avowd);
    room->awaited = 0;
    if (avowd->stopping) {
        set_state(room, ROOM_STATE_STOPPED, NULL);
        stop_next(avowd);
        return;
    }
    if (ended_to_renew(room, status)) {
        log_info("the signer has ended to begin with the new configuration");
        set_state(room, ROOM_STATE_DOWN, NULL);
        reload_answered(avowd);
        set_timer(room, delay_first);
        return;
    }
    say_how(room, status);
    room->in_a_row++;
    set_state(room, ROOM_STATE_DOWN, NULL);
    reload_answered(avowd);
    if (start_has_failed(room)) {
        supervise_stop(avowd, EXIT_FAILURE);
        return;
    }
    start_again_later(room);
}

/* ---- the beginning of a process ------------------------------------------------------------- */

/* The system does not give us what a process needs, for now. */
static void start_lacks(struct supervised *room, const char *what, int error)
{
    char text[128];

    (void)snprintf(text, sizeof text, "no %s: %s", what, strerror(error));
    log_error("no %s for the %s: %s", what, room_name(room->kind), strerror(error));
    set_state(room, ROOM_STATE_DOWN, text);
    start_again_later(room);
}

static void start_room(struct supervised *room)
{
    struct avowd *avowd = room->avowd;
    int ends[2];

    room->failed = room->renewed = room->ended = false;
    if (room->refused) {
        room->refused = 0; /* it is told what is in use */
        brief_taken(avowd);
    }
    room->started_ms = clock_monotonic_ms();
    room->started = clock_wall_seconds();
    if (channel_pair(ends)) {
        start_lacks(room, "channel", errno);
        return;
    }
    room->pid = spawn_room(avowd, room->kind, ends[1]);
    int error = errno;
    close(ends[1]);
    if (room->pid < 0) {
        room->pid = 0;
        close(ends[0]);
        start_lacks(room, "process", error);
        return;
    }
    ev_child_set(&room->child, room->pid, 0);
    ev_child_start(avowd->loop, &room->child);
    room->dispatch = (struct dispatch_state){.peer = room_name(room->kind)};
    room->channel = channel_open(avowd->loop, ends[0], &room_events, room,
                                 (struct channel_bounds){.octets = SHARE_OCTETS});
    set_timer(room, start_deadline);
    set_state(room, ROOM_STATE_STARTING, NULL);
    if (!room->channel || brief_room(avowd, room)) {
        log_error("the %s could not be told what it needs", room_name(room->kind));
        (void)kill(room->pid, SIGKILL); /* on_child goes on from here */
    }
}

/* The time is up: to start again, to be ready, or to have stopped. */
static void on_timer(struct ev_loop *loop, ev_timer *watcher, int happened)
{
    struct supervised *room = watcher->data;
    (void)loop, (void)happened;

    if (room->pid == 0) {
        start_room(room);
        return;
    }
    log_error("the %s does not answer and is killed", room_name(room->kind));
    (void)kill(room->pid, SIGKILL);
}

/* ---- the daemon ----------------------------------------------------------------------------- */

static void stop_next(struct avowd *avowd)
{
    for (size_t i = 0; i < ROOMS; i++) {
        struct supervised *room = &avowd->rooms[stop_order[i]];
        struct message stop = {.kind = MESSAGE_STOP};
        if (room->pid == 0)
            continue;
        if (!room->channel || channel_send(room->channel, &stop))
            (void)kill(room->pid, SIGKILL);
        set_timer(room, stop_deadlines[room->kind]);
        return; /* its end brings us back */
    }
    ev_break(avowd->loop, EVBREAK_ALL);
}

void supervise_stop(struct avowd *avowd, int code)
{
    if (avowd->stopping)
        return;
    avowd->stopping = true;
    avowd->stopping_ms = clock_monotonic_ms();
    avowd->code = code;
    notify_manager("STOPPING=1\nSTATUS=Stopping");
    for (unsigned i = 0; i < ROOMS; i++)
        ev_timer_stop(avowd->loop, &avowd->rooms[i].timer);
    hook_end(avowd);
    stop_next(avowd);
}

static void on_terminate(struct ev_loop *loop, ev_signal *watcher, int happened)
{
    struct avowd *avowd = watcher->data;
    (void)loop, (void)happened;

    if (!avowd->stopping) {
        log_info("stopping");
        supervise_stop(avowd, EXIT_SUCCESS);
        return;
    }
    /* One push of a key, or one kill of a group, may reach us more than once. */
    if (clock_monotonic_ms() - avowd->stopping_ms < IMPATIENCE_MS)
        return;
    log_warning("stopping at once");
    for (unsigned i = 0; i < ROOMS; i++) {
        if (avowd->rooms[i].pid)
            (void)kill(avowd->rooms[i].pid, SIGKILL);
    }
}

static void on_hang_up(struct ev_loop *loop, ev_signal *watcher, int happened)
{
    struct avowd *avowd = watcher->data;
    (void)loop, (void)happened;

    if (!avowd->stopping)
        reload(avowd);
}

static void watch_signals(struct avowd *avowd)
{
    ev_signal_init(&avowd->terminate, on_terminate, SIGTERM);
    ev_signal_init(&avowd->interrupt, on_terminate, SIGINT);
    ev_signal_init(&avowd->reload, on_hang_up, SIGHUP);
    avowd->terminate.data = avowd->interrupt.data = avowd->reload.data = avowd;
    ev_signal_start(avowd->loop, &avowd->terminate);
    ev_signal_start(avowd->loop, &avowd->interrupt);
    ev_signal_start(avowd->loop, &avowd->reload);
    (void)signal(SIGPIPE, SIG_IGN);
}

int supervise(struct avowd *avowd)
{
    for (unsigned i = 0; i < ROOMS; i++) {
        struct supervised *room = &avowd->rooms[i];
        *room = (struct supervised){
            .avowd = avowd, .kind = (enum room_kind)i, .state = ROOM_STATE_STOPPED};
        ev_child_init(&room->child, on_child, 0, 0);
        ev_timer_init(&room->timer, on_timer, 0.0, 0.0);
        room->child.data = room->timer.data = room;
    }
    watch_signals(avowd);
    hook_init(avowd);
    start_room(&avowd->rooms[ROOM_SIGNER]);
    start_room(&avowd->rooms[ROOM_KEEPER]); /* desk and front once it is ready */
    ev_run(avowd->loop, 0);
    log_info("stopped");
    return avowd->code;
}
