/* inside.h - what a room keeps for itself, for this floor. */
#ifndef AVOW_ROOM_INSIDE_H
#define AVOW_ROOM_INSIDE_H

#include "avow/base/buffer.h"
#include "avow/config/config.h"
#include "avow/room/room.h"

struct room_inside {
    int descriptor; /* to the supervisor, until the channel has it; then -1 */
    struct channel *channel;
    struct dispatch_state dispatch;
    struct buffer share; /* pieces that came so far */
    struct config *current;
    struct config *previous; /* readable until the next reload: threads may still look */
    bool started;
    bool broken;  /* the start failed; it was said why */
    bool running; /* inside room_run */
    int log_descriptor;
    const struct room_events *events;
    void *context;
    int code;
    struct confine_path paths[ROOM_MAX_PATHS];
    size_t path_count;
    uint32_t descriptors; /* that it may have; 0: not known yet */
};

/* What the supervisor may say. The handlers' context is the struct room. */
extern const struct dispatch_table room_table;

/* Send to the supervisor, before and after the loop runs. */
void room_tell(struct room *room, const struct message *message);

#endif
