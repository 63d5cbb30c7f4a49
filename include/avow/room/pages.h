/*
 * pages.h - shared memory between rooms: what the keeper published, what the readers hold.
 *
 * The supervisor makes each page once and hands it to the rooms, writable for one of them, read
 * only (a descriptor that cannot be mapped writable) for the others. Pages outlive every room but
 * the supervisor. What a page says is a hint from a room that may have been taken over: a wrong
 * value may cost time, never the store.
 *
 * Floor: room.
 */
#ifndef AVOW_ROOM_PAGES_H
#define AVOW_ROOM_PAGES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "avow/base/result.h"
#include "avow/ipc/messages.h"

/* Written by the keeper; read by front and desk, whose stores are opened without locks. */
struct published_page {
    _Alignas(64) _Atomic uint64_t transaction; /* newest commit; 0: the keeper never wrote yet */
    _Atomic uint64_t keeper_start;             /* which keeper that was: grows with each start */
};

enum { READER_SLOTS = 256 };

/* One worker's report, on a cache line of its own. Zero: no snapshot is held. */
struct reader_slot {
    _Alignas(64) _Atomic uint64_t transaction; /* of the snapshot in use */
    _Atomic uint64_t seen_ms; /* clock_monotonic_ms of the last renewal: an idle one stays fresh */
    _Atomic uint64_t keeper_start; /* of the published page, as seen with that snapshot */
};

/* Written by one reading room (front or desk), read by the keeper. */
struct readers_page {
    _Atomic uint32_t slots_in_use; /* set by the room when it starts: its workers */
    struct reader_slot slots[READER_SLOTS];
};

/* The size of a page's memory file, for every kind. */
size_t page_octets(enum page_kind kind);

/*
 * Make a page: a sealed memory file that can neither grow nor shrink.
 *
 * writable  Receives a descriptor that may be mapped for writing.
 * readable  Receives one that may not.
 */
MUST_CHECK enum result page_make(enum page_kind kind, int *writable, int *readable);

/*
 * Map a page. The descriptor stays the caller's and may be closed.
 *
 * Returns NULL when it is not a sealed memory file of the right size (someone could cut it under
 * us, which would be fatal), or cannot be mapped.
 */
void *page_map(enum page_kind kind, int descriptor, bool writable);

void page_unmap(enum page_kind kind, void *page);

#endif
