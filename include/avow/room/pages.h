/*
 * pages.h - shared memory between rooms: counters, and the pages of the store.
 *
 * The supervisor makes each page once and hands it to the rooms, writable for one of them, read
 * only (a descriptor that cannot be mapped writable) for the others. Pages outlive every room but
 * the supervisor. What stands in PUBLISHED and READERS is the store's affair (avow/store/pages.h):
 * here they are memory files of the size that it asks for. What a page says is a hint from a room
 * that may have been taken over: a wrong value may cost time, never the store.
 *
 * Floor: room.
 */
#ifndef AVOW_ROOM_PAGES_H
#define AVOW_ROOM_PAGES_H

#include <stdbool.h>
#include <stddef.h>

#include "avow/base/result.h"
#include "avow/ipc/messages.h"

/* Of PUBLISHED and READERS: as large as the store's PAGES_OCTETS, which says so when it maps one.
 */
enum { PAGE_STORE_OCTETS = 65536 };

/* The size of a page's memory file. */
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
