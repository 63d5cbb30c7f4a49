/* pins.c - old snapshots kept for readers, no longer than they are used. */
#include "avow/change/pins.h"

#include <lmdb.h>
#include <stdlib.h>

/* A read transaction: as long as it lives, LMDB uses no page again that its snapshot or a later
 * one needs. */
struct pin {
    MDB_txn *transaction;
    uint64_t ticket;
};

struct pin_watch {
    uint64_t ticket; /* the old one that the slot had when it was last looked at */
    uint64_t since_ms;
};

static MDB_txn *begin_pin(const struct store *store)
{
    MDB_txn *transaction;
    int dead;
    int error = mdb_txn_begin(store->environment, NULL, MDB_RDONLY, &transaction);

    if (error == MDB_READERS_FULL && mdb_reader_check(store->environment, &dead) == 0)
        error = mdb_txn_begin(store->environment, NULL, MDB_RDONLY, &transaction);
    return error ? NULL : transaction;
}

/* Pin the newest commit under the current start's number. */
static enum result add_pin(struct pins *pins, uint64_t start)
{
    if (pins->count == pins->capacity) {
        size_t capacity = pins->capacity ? 2 * pins->capacity : 16;
        struct pin *list = reallocarray(pins->list, capacity, sizeof *list);
        if (!list)
            return RESULT_SYSTEM;
        pins->list = list;
        pins->capacity = capacity;
    }
    MDB_txn *transaction = begin_pin(pins->store);
    if (!transaction)
        return RESULT_SYSTEM;
    uint64_t ticket = (start & UINT16_MAX) << 48 | pages_transaction(mdb_txn_id(transaction));
    pins->list[pins->count++] = (struct pin){.transaction = transaction, .ticket = ticket};
    pins->ticket = ticket;
    return RESULT_OK;
}

enum result pins_open(struct pins *pins, const struct store *store, struct pages *pages)
{
    *pins = (struct pins){.store = store, .pages = pages};
    pins->watch = calloc((size_t)PAGES_READERS * PAGES_SLOTS, sizeof *pins->watch);
    if (!pins->watch)
        return RESULT_SYSTEM;
    uint64_t start = atomic_fetch_add(&pages->published->starts, 1) + 1;
    enum result result = add_pin(pins, start);
    if (result)
        pins_close(pins);
    return result;
}

/* First what a reader must know of the commit, then the commit; the generation comes behind it
 * (store/snapshot.c: same generation before and after means versions that are whole). */
static void publish(struct pins *pins, bool zones_changed, const uint16_t *touched, size_t count)
{
    struct page_published *published = pins->pages->published;

    for (size_t i = 0; i < count; i++)
        atomic_store(&published->last_change[touched[i] % PAGES_BUCKETS],
                     pages_transaction(pins->ticket));
    atomic_store(&published->ticket, pins->ticket);
    if (zones_changed)
        atomic_fetch_add(&published->zones_generation, 1);
}

void pins_reveal(struct pins *pins)
{
    /* What the last keeper published of zones may be behind what it committed. */
    for (unsigned i = 0; i < PAGES_BUCKETS; i++)
        atomic_store(&pins->pages->published->last_change[i], pages_transaction(pins->ticket));
    pins->revealed = true;
    publish(pins, true, NULL, 0);
}

static uint64_t slot_ticket(const struct pins *pins, unsigned page, unsigned slot)
{
    return atomic_load(&pins->pages->readers[page]->slots[slot].ticket);
}

bool pins_settled(const struct pins *pins)
{
    for (unsigned page = 0; page < pins->pages->reader_pages; page++)
        for (unsigned slot = 0; slot < PAGES_SLOTS; slot++) {
            uint64_t ticket = slot_ticket(pins, page, slot);
            if (ticket && ticket != pins->ticket)
                return false;
        }
    return true;
}

static bool in_use(const struct pins *pins, uint64_t ticket)
{
    for (unsigned page = 0; page < pins->pages->reader_pages; page++)
        for (unsigned slot = 0; slot < PAGES_SLOTS; slot++)
            if (slot_ticket(pins, page, slot) == ticket)
                return true;
    return false;
}

/*
 * A slot can only come to name the newest ticket: a reader that names an older one finds, on
 * looking again, that another was published meanwhile, and does not use it. So what no slot names
 * now, and is not the newest, nobody will use.
 */
void pins_sweep(struct pins *pins)
{
    size_t kept = 0;

    for (size_t i = 0; i < pins->count; i++) {
        if (pins->list[i].ticket == pins->ticket || in_use(pins, pins->list[i].ticket))
            pins->list[kept++] = pins->list[i];
        else
            mdb_txn_abort(pins->list[i].transaction);
    }
    pins->count = kept;
}

enum result pins_publish(struct pins *pins, bool zones_changed, const uint16_t *touched,
                         size_t count)
{
    enum result result = add_pin(pins, pins->ticket >> 48);

    if (result)
        return result;
    if (pins->revealed)
        publish(pins, zones_changed, touched, count);
    pins_sweep(pins);
    return RESULT_OK;
}

/* How long the slot has been at one old ticket; 0 when it is not behind. */
static uint64_t behind(struct pins *pins, unsigned page, unsigned slot, uint64_t now_ms)
{
    struct pin_watch *watch = &pins->watch[page * PAGES_SLOTS + slot];
    uint64_t ticket = slot_ticket(pins, page, slot);

    if (ticket == 0 || ticket == pins->ticket)
        ticket = 0;
    if (ticket != watch->ticket)
        *watch = (struct pin_watch){.ticket = ticket, .since_ms = now_ms};
    return ticket ? now_ms - watch->since_ms : 0;
}

bool pins_laggard(struct pins *pins, uint64_t now_ms, struct laggard *laggard)
{
    bool found = false;

    for (unsigned page = 0; page < pins->pages->reader_pages; page++)
        for (unsigned slot = 0; slot < PAGES_SLOTS; slot++) {
            uint64_t ms = behind(pins, page, slot, now_ms);
            uint64_t ticket = pins->watch[page * PAGES_SLOTS + slot].ticket;
            if (!ticket || (found && ms <= laggard->behind_ms))
                continue;
            found = true;
            *laggard = (struct laggard){.page = page,
                                        .slot = slot,
                                        .behind_ms = ms,
                                        .transaction = pages_transaction(ticket)};
        }
    return found;
}

void pins_close(struct pins *pins)
{
    for (size_t i = 0; i < pins->count; i++)
        mdb_txn_abort(pins->list[i].transaction);
    free(pins->list);
    free(pins->watch);
    *pins = (struct pins){.store = NULL};
}
