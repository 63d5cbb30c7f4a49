/*
 * guard.c - a read transaction without LMDB's lock file.
 *
 * The reader announces in its slot the ticket it is about to use, and checks that this still is the
 * published one: from then on the keeper, which looks at the slots after it publishes, keeps that
 * snapshot and every later one. LMDB itself picks the newest meta page. Its two meta pages are
 * written in turn, so a page can be torn only when it is the one of the commit behind the
 * published one, or when two commits pass while it is being copied; both show in the numbers.
 */
#include "guard.h"

#include <time.h>

enum {
    WAIT_NANOSECONDS = 50 * 1000,
    WAITS_UNTIL_TRUSTED = 40, /* 2 ms: a meta page of 120 octets was copied long ago */
    WAITS_UNTIL_LATER = 400   /* 20 ms */
};

static void wait_a_little(void)
{
    struct timespec pause = {.tv_nsec = WAIT_NANOSECONDS};

    nanosleep(&pause, NULL);
}

static bool renew_transaction(struct guard *guard)
{
    int error;

    if (!guard->transaction) {
        error = mdb_txn_begin(guard->environment, NULL, MDB_RDONLY, &guard->transaction);
        if (error)
            guard->transaction = NULL;
    } else {
        mdb_txn_reset(guard->transaction);
        error = mdb_txn_renew(guard->transaction);
    }
    guard->ticket = 0;
    if (error)
        return false;
    guard->id = mdb_txn_id(guard->transaction);
    return true;
}

static _Atomic uint64_t *slot_of(const struct guard *guard)
{
    return &guard->pages->readers[0]->slots[guard->slot].ticket;
}

/* The published ticket, announced; 0 when none is published, or it moved meanwhile. */
static uint64_t announce(const struct guard *guard)
{
    uint64_t ticket = atomic_load(&guard->pages->published->ticket);

    atomic_store(slot_of(guard), ticket);
    return atomic_load(&guard->pages->published->ticket) == ticket ? ticket : 0;
}

/*
 * One try. A commit becomes visible in the file before it is flushed and published; a reader that
 * was idle can meet it then. It waits, and when that lasts (a slow disk, or the keeper died in just
 * that moment) it trusts a meta page that it has seen unchanged all the while.
 */
static enum renewal try_once(struct guard *guard, unsigned waits, uint64_t *ahead)
{
    uint64_t ticket = announce(guard);

    if (ticket == 0)
        return RENEWAL_LATER;
    if (!renew_transaction(guard))
        return RENEWAL_BROKEN;
    if (atomic_load(&guard->pages->published->ticket) != ticket)
        return RENEWAL_LATER;
    uint64_t expected = pages_transaction(ticket);
    bool trusted = guard->id == expected + 1 && guard->id == *ahead && waits >= WAITS_UNTIL_TRUSTED;
    if (guard->id == expected || trusted) {
        guard->ticket = ticket;
        return RENEWAL_READY;
    }
    *ahead = guard->id;
    return RENEWAL_LATER;
}

enum renewal guard_renew(struct guard *guard, bool *renewed)
{
    uint64_t ahead = 0;

    *renewed = true;
    if (!guard->pages)
        return renew_transaction(guard) ? RENEWAL_READY : RENEWAL_BROKEN;

    /* Nothing was published since: the transaction is as good as it was. */
    if (guard->transaction && guard->ticket && announce(guard) == guard->ticket) {
        *renewed = false;
        return RENEWAL_READY;
    }
    for (unsigned waits = 0; waits < WAITS_UNTIL_LATER; waits++) {
        enum renewal renewal = try_once(guard, waits, &ahead);
        if (renewal == RENEWAL_LATER) {
            wait_a_little();
            continue;
        }
        if (renewal == RENEWAL_BROKEN)
            guard_rest(guard);
        return renewal;
    }
    guard_rest(guard);
    return RENEWAL_LATER;
}

void guard_rest(const struct guard *guard)
{
    if (guard->pages)
        atomic_store(slot_of(guard), 0);
}
