/*
 * pages.h - two small pages of shared memory between the keeper and the readers of the store.
 *
 * PUBLISHED is written by the keeper and mapped read-only by readers: which snapshot is the newest,
 * and what changed. READERS is one page per reading process, with a slot per thread: the snapshot
 * that the thread is using. The keeper keeps every snapshot that a slot names (change/pins.h);
 * this is how readers do without LMDB's lock file, in which a hostile reader could destroy the
 * snapshots of others. A hostile reader can lie in its own page only: the keeper then keeps too
 * much (and reports a laggard) or too little (and that reader alone reads garbage).
 *
 * A ticket is the transaction id of a commit (48 bits) under the number of the keeper's start (16
 * bits), so that a restart of the keeper makes every reader renew. Floor: store.
 */
#ifndef AVOW_STORE_PAGES_H
#define AVOW_STORE_PAGES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "avow/base/result.h"

enum {
    PAGES_OCTETS = 65536, /* size of each page's memory file */
    PAGES_SLOTS = 256,    /* threads of one reading process */
    PAGES_READERS = 4,    /* reading processes that a keeper can follow */
    PAGES_BUCKETS = 4096  /* of zones, for pages_last_change */
};

struct page_published {
    _Atomic uint64_t ticket;           /* newest commit; 0 before the first */
    _Atomic uint64_t zones_generation; /* moves when a zone comes, goes, or switches versions */
    _Atomic uint64_t starts;           /* of the keeper */
    uint64_t reserved[5];
    _Atomic uint64_t last_change[PAGES_BUCKETS]; /* transaction id, by hash of the zone's name */
};

struct page_slot {
    _Alignas(64) _Atomic uint64_t ticket; /* 0: the thread holds no snapshot */
};

struct page_readers {
    struct page_slot slots[PAGES_SLOTS];
};

/* A zeroed struct holds nothing. A reader has one readers page, the keeper one per process. */
struct pages {
    struct page_published *published; /* never written through by a reader: mapped read-only */
    struct page_readers *readers[PAGES_READERS];
    unsigned reader_pages;
};

/*
 * Make the memory file of one page (sealed against resizing, close-on-exec).
 *
 * writable  Receives a descriptor that can be mapped read-write.
 * readable  Receives one that cannot; NULL when none is wanted.
 *
 * For PUBLISHED give the keeper `writable` and the readers `readable`; for READERS the other way
 * round. Both pages must outlive a restart of the keeper. RESULT_SYSTEM on failure.
 */
MUST_CHECK enum result pages_make(int *writable, int *readable);

/* Map as a reader (published read-only, its own readers page read-write). Descriptors stay the
 * caller's and may be closed afterwards. RESULT_FORMAT when a file is too small. */
MUST_CHECK enum result pages_open_reader(struct pages *pages, int published, int readers);

/* Map as the keeper (published read-write, `count` readers pages read-only). */
MUST_CHECK enum result pages_open_keeper(struct pages *pages, int published, const int *readers,
                                         unsigned count);

/* Unmap. Takes any state. */
void pages_close(struct pages *pages);

/* The part of a ticket that is the transaction id. */
static inline uint64_t pages_transaction(uint64_t ticket)
{
    return ticket & (((uint64_t)1 << 48) - 1);
}

/* Which bucket the zone whose name key is given falls into. */
unsigned pages_bucket(const uint8_t *name_key, size_t length);

#endif
