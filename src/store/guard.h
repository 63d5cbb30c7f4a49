/* guard.h - a read transaction that is known to be whole, and stays so while the slot names it. */
#ifndef AVOW_SRC_STORE_GUARD_H
#define AVOW_SRC_STORE_GUARD_H

#include <lmdb.h>

#include "avow/store/snapshot.h"

/* A transaction and what announces it. `transaction` NULL: made by the first renewal. */
struct guard {
    MDB_env *environment;
    MDB_txn *transaction;
    const struct pages *pages; /* NULL: nothing to announce */
    unsigned slot;
    uint64_t ticket; /* under which the transaction was renewed; 0 = it must be renewed */
    uint64_t id;
};

/*
 * Announce the newest ticket and bring the transaction up to it. `*renewed` tells whether it is
 * another one than before. Unless RENEWAL_READY the slot is empty.
 */
enum renewal guard_renew(struct guard *guard, bool *renewed);

/* Take the announcement back. */
void guard_rest(const struct guard *guard);

#endif
