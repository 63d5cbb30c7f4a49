/*
 * vault.h - memory for secrets.
 *
 * Pages of their own between pages that cannot be touched: locked, so that they never come to be in
 * swap; in no core dump; wiped when they are given back. Where memory may not be locked
 * (RLIMIT_MEMLOCK) all else still holds. Takes four pages at least: for what lasts, not for what is
 * on its way. Floor: base. Source: sodium_malloc(3) of libsodium, mlock(2).
 */
#ifndef AVOW_BASE_VAULT_H
#define AVOW_BASE_VAULT_H

#include <stdbool.h>
#include <stddef.h>

/* Zeroed memory of `octets` octets, aligned for anything, to be given to vault_drop. NULL when
 * memory ran out. */
void *vault_take(size_t octets);

/* Wipe it and give it back. NULL is fine. */
void vault_drop(void *place);

/* Whether memory may be locked here. */
bool vault_locks(void);

#endif
