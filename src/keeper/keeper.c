/* keeper.c - the room of the only writer. */
#include "avow/keeper/keeper.h"

#include <stdlib.h>
#include <unistd.h>

#include "internal.h"

static void take_peer(void *context, enum room_kind kind, uint16_t index, int descriptor)
{
    struct keeper *keeper = context;

    if (kind == ROOM_FRONT && index + 1U < keeper->front_count)
        keeper_connect_front(keeper, index, descriptor);
    else if (kind == ROOM_SIGNER && index < SIGNING_CHANNELS)
        sign_connect(keeper, index, descriptor);
    else if (kind == ROOM_DESK && index == DESK_CHANGES)
        desk_link_connect(keeper, descriptor);
    else if (kind == ROOM_DESK && index == DESK_WANTED)
        keeper_connect_front(keeper, keeper->front_count - 1, descriptor);
    else
        (void)close(descriptor);
}

/* Always taken over: the zones lead into it from now on. */
static enum result reload(void *context, const struct config *config, char *text)
{
    text[0] = '\0'; /* nothing can be wrong with what the zones need of it */
    if (keeper_configure(context, config))
        log_error("not all zones could be prepared; it is tried again");
    return RESULT_OK;
}

static void stop(void *context)
{
    struct keeper *keeper = context;

    commit_signatures(keeper);
    write_back_all(keeper);
    room_end(keeper->room);
}

static void hooked(void *context, const struct message_hooked *message)
{
    loader_hooked(context, message);
}

static const struct room_events events = {
    .peer = take_peer, .reload = reload, .stop = stop, .hooked = hooked};

static void connect_peers(struct keeper *keeper)
{
    static const struct {
        enum room_kind kind;
        uint16_t channels; /* 0: one per worker of the front */
    } peers[] = {{ROOM_FRONT, 0}, {ROOM_SIGNER, SIGNING_CHANNELS}, {ROOM_DESK, DESK_CHANNELS}};

    for (size_t i = 0; i < COUNT(peers); i++) {
        uint16_t count = peers[i].channels ? peers[i].channels : keeper->room->workers;
        for (uint16_t index = 0; index < count; index++) {
            int descriptor = room_take_peer(keeper->room, peers[i].kind, index);
            if (descriptor >= 0)
                take_peer(keeper, peers[i].kind, index, descriptor);
        }
    }
}

/* Its own restart is an end: the supervisor starts another keeper. */
static void ask_restart(struct keeper *keeper, enum room_kind kind, const char *reason)
{
    if (kind == ROOM_KEEPER) {
        log_error("%s: another keeper opens the store", reason);
        room_end(keeper->room);
        return;
    }
    room_ask_restart(keeper->room, kind, reason);
}

static int run(struct keeper *keeper, struct room *room)
{
    if (keeper_open(keeper, room))
        return room_fail(room, "%s",
                         *keeper->store.problem ? keeper->store.problem
                                                : "no memory, or the store's shared pages fail");
    if (room_confine(room))
        return room_fail(room, "the room could not be confined");
    connect_peers(keeper);
    /* What is there is answered for before anything may be written. */
    if (keeper_configure(keeper, room->config))
        return room_fail(room, "no memory");
    return room_run(room, &events, keeper);
}

int keeper_main(struct room *room)
{
    struct keeper *keeper = calloc(1, sizeof *keeper);

    if (!keeper)
        return room_fail(room, "no memory");
    keeper->restart = ask_restart;
    int code = run(keeper, room);
    keeper_close(keeper);
    free(keeper);
    return code;
}
