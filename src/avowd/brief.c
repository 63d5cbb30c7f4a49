/* brief.c - everything that a room is told before START, and some of it again later. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "avow/base/log.h"
#include "avow/config/share.h"
#include "avowd.h"

/* ---- pages ---------------------------------------------------------------------------------- */

static bool reads_store(enum room_kind kind)
{
    return kind == ROOM_FRONT || kind == ROOM_DESK;
}

static enum result make_page(struct page *page, enum page_kind kind)
{
    enum result result = page_make(kind, &page->writable, &page->readable);
    if (result)
        log_error("no shared memory: %s", strerror(errno));
    return result;
}

enum result brief_pages_make(struct avowd *avowd)
{
    if (make_page(&avowd->published, PAGE_PUBLISHED))
        return RESULT_SYSTEM;
    for (unsigned i = 0; i < ROOMS; i++) {
        if (make_page(&avowd->metrics[i], PAGE_METRICS))
            return RESULT_SYSTEM;
        if (!reads_store((enum room_kind)i))
            continue;
        if (make_page(&avowd->readers[i], PAGE_READERS))
            return RESULT_SYSTEM;
        avowd->readers_mapped[i] = page_map(PAGE_READERS, avowd->readers[i].writable, true);
        if (!avowd->readers_mapped[i])
            return RESULT_SYSTEM;
    }
    return RESULT_OK;
}

static void close_page(struct page *page)
{
    if (page->writable > 0)
        close(page->writable);
    if (page->readable > 0)
        close(page->readable);
    *page = (struct page){-1, -1};
}

void brief_pages_close(struct avowd *avowd)
{
    close_page(&avowd->published);
    for (unsigned i = 0; i < ROOMS; i++) {
        close_page(&avowd->metrics[i]);
        close_page(&avowd->readers[i]);
        page_unmap(PAGE_READERS, avowd->readers_mapped[i]);
        avowd->readers_mapped[i] = NULL;
    }
}

static enum result tell_page(struct supervised *room, enum page_kind kind, enum room_kind owner,
                             const struct page *page)
{
    bool writable = kind == PAGE_PUBLISHED ? room->kind == ROOM_KEEPER : room->kind == owner;
    struct message message = {.kind = MESSAGE_PAGE,
                              .page = {.kind = (uint8_t)kind,
                                       .room = (uint8_t)owner,
                                       .writable = writable,
                                       .descriptor = writable ? page->writable : page->readable}};
    return channel_send(room->channel, &message);
}

static enum result tell_pages(struct avowd *avowd, struct supervised *room)
{
    bool keeper = room->kind == ROOM_KEEPER;

    if ((keeper || reads_store(room->kind)) &&
        tell_page(room, PAGE_PUBLISHED, ROOM_KEEPER, &avowd->published))
        return RESULT_SYSTEM;
    for (unsigned i = 0; i < ROOMS; i++) {
        enum room_kind owner = (enum room_kind)i;
        if (!keeper && owner != room->kind)
            continue;
        if (tell_page(room, PAGE_METRICS, owner, &avowd->metrics[i]))
            return RESULT_SYSTEM;
        if (reads_store(owner) && tell_page(room, PAGE_READERS, owner, &avowd->readers[i]))
            return RESULT_SYSTEM;
    }
    return RESULT_OK;
}

/* ---- configuration -------------------------------------------------------------------------- */

/* `kind`: CONFIGURE or RELOAD, which have the same fields. */
static enum result tell_share(struct supervised *room, const struct config *config,
                              enum message_kind kind)
{
    struct buffer share = {0};
    enum result result = share_write(config, (enum share_room)room->kind, &share);
    size_t sent = 0;

    while (result == RESULT_OK && (sent < share.length || sent == 0)) {
        size_t piece = share.length - sent;
        if (piece > MESSAGE_PIECE_OCTETS)
            piece = MESSAGE_PIECE_OCTETS;
        bool last = sent + piece == share.length;
        struct span octets = span_of(share.octets + sent, piece);
        struct message message = {.kind = kind};
        if (kind == MESSAGE_CONFIGURE)
            message.configure = (struct message_configure){.last = last, .share = octets};
        else
            message.reload = (struct message_reload){.last = last, .share = octets};
        result = channel_send(room->channel, &message);
        sent += piece;
        if (last)
            break;
    }
    buffer_free(&share);
    return result;
}

enum result brief_reload(struct avowd *avowd, struct supervised *room)
{
    return tell_share(room, &avowd->config, MESSAGE_RELOAD);
}

/* ---- log and sockets ------------------------------------------------------------------------ */

void brief_log(struct avowd *avowd, struct supervised *room)
{
    struct message message = {
        .kind = MESSAGE_LOG,
        .log = {.level = (uint8_t)avowd->config.server.log_level,
                .syslog = avowd->config.server.log_target == CONFIG_LOG_SYSLOG,
                .descriptor = logging_descriptor(avowd)}};

    if (room->channel && channel_send(room->channel, &message))
        log_warning("the %s could not be told where to log", room_name(room->kind));
}

static enum result tell_socket(struct supervised *room, const struct bound *bound)
{
    struct message message = {.kind = MESSAGE_SOCKET,
                              .socket = {.kind = (uint8_t)bound->kind,
                                         .worker = bound->worker,
                                         .index = bound->index,
                                         .address = bound->address,
                                         .descriptor = bound->descriptor}};
    return channel_send(room->channel, &message);
}

static enum result tell_sockets(struct avowd *avowd, struct supervised *room)
{
    if (room->kind == ROOM_KEEPER) {
        struct bound control = {.kind = SOCKET_CONTROL, .descriptor = avowd->ground.control};
        return tell_socket(room, &control);
    }
    for (size_t i = 0; i < avowd->listening.count; i++) {
        const struct bound *bound = &avowd->listening.sockets[i];
        enum room_kind owner = bound->kind == SOCKET_TLS ? ROOM_VEIL : ROOM_FRONT;
        if (room->kind == owner && tell_socket(room, bound))
            return RESULT_SYSTEM;
    }
    return RESULT_OK;
}

/* ---- peers ---------------------------------------------------------------------------------- */

static const struct {
    enum room_kind a, b;
    uint16_t channels; /* 0: one per worker of the front */
} joins[] = {
    {ROOM_FRONT, ROOM_KEEPER, 0},
    {ROOM_FRONT, ROOM_DESK, 0},
    {ROOM_KEEPER, ROOM_SIGNER, SIGNING_CHANNELS},
    {ROOM_DESK, ROOM_KEEPER, DESK_CHANNELS},
    {ROOM_FRONT, ROOM_VEIL, 0},
};

static enum result tell_peer(struct supervised *room, enum room_kind peer, uint16_t index, int end)
{
    struct message message = {.kind = MESSAGE_PEER,
                              .peer = {.room = (uint8_t)peer, .index = index, .descriptor = end}};
    return channel_send(room->channel, &message);
}

/* One channel between two rooms; both ends are theirs alone. One of them that has just died brings
 * another when it is started again. */
static enum result join(struct supervised *a, struct supervised *b, uint16_t index)
{
    int ends[2];

    if (channel_pair(ends)) {
        log_error("no channel between %s and %s: %s", room_name(a->kind), room_name(b->kind),
                  strerror(errno));
        return RESULT_SYSTEM;
    }
    if (tell_peer(a, b->kind, index, ends[0]) || tell_peer(b, a->kind, index, ends[1]))
        log_warning("%s and %s are not joined", room_name(a->kind), room_name(b->kind));
    close(ends[0]);
    close(ends[1]);
    return RESULT_OK;
}

/* Make channels between a room and its peers that run; both get their ends. */
static enum result tell_peers(struct avowd *avowd, struct supervised *room)
{
    for (size_t i = 0; i < COUNT(joins); i++) {
        if (joins[i].a != room->kind && joins[i].b != room->kind)
            continue;
        struct supervised *a = &avowd->rooms[joins[i].a];
        struct supervised *b = &avowd->rooms[joins[i].b];
        if (!a->channel || !b->channel)
            continue; /* whoever starts later brings the channel */
        uint16_t count = joins[i].channels ? joins[i].channels : avowd->workers;
        for (uint16_t index = 0; index < count; index++) {
            if (join(a, b, index))
                return RESULT_SYSTEM;
        }
    }
    return RESULT_OK;
}

/* ---- all ------------------------------------------------------------------------------------ */

void brief_state(struct avowd *avowd, const struct supervised *room)
{
    struct supervised *keeper = &avowd->rooms[ROOM_KEEPER];
    struct message message = {.kind = MESSAGE_STATE,
                              .state = {.room = (uint8_t)room->kind,
                                        .state = (uint8_t)room->state,
                                        .pid = (uint32_t)room->pid,
                                        .restarts = room->restarts,
                                        .started = room->started,
                                        .text = room->text}};

    if (keeper->channel && channel_send(keeper->channel, &message))
        log_debug("the keeper was not told how the %s is", room_name(room->kind));
}

void brief_taken(struct avowd *avowd)
{
    struct supervised *keeper = &avowd->rooms[ROOM_KEEPER];
    struct message message = {.kind = MESSAGE_TAKEN,
                              .taken = {.at = avowd->taken, .refused_at = reload_refused(avowd)}};

    if (keeper->channel && channel_send(keeper->channel, &message))
        log_debug("the keeper was not told which configuration is in use");
}

enum result brief_room(struct avowd *avowd, struct supervised *room)
{
    struct message start = {.kind = MESSAGE_START, .start = {.workers = avowd->workers}};

    if (tell_share(room, &avowd->config, MESSAGE_CONFIGURE))
        return RESULT_SYSTEM;
    brief_log(avowd, room);
    if (tell_pages(avowd, room) || tell_sockets(avowd, room) || tell_peers(avowd, room))
        return RESULT_SYSTEM;
    if (channel_send(room->channel, &start))
        return RESULT_SYSTEM;
    if (room->kind != ROOM_KEEPER)
        return RESULT_OK;
    for (unsigned i = 0; i < ROOMS; i++)
        brief_state(avowd, &avowd->rooms[i]);
    brief_taken(avowd);
    return RESULT_OK;
}
