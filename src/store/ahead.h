/*
 * ahead.h - a walk through the store in the order of its keys would wait for memory at each page:
 * have the page behind this one at hand when the walk comes to it.
 */
#ifndef AVOW_SRC_STORE_AHEAD_H
#define AVOW_SRC_STORE_AHEAD_H

#include "avow/store/snapshot.h"

/* Learn where the process has the store's pages; `octets` lie somewhere in one of them. Where that
 * cannot be made sure, nothing is ever fetched ahead. */
void ahead_learn(struct store *store, const uint8_t *octets);

/* The walk stands at this record now. Changes nothing that can be seen but the time it takes. */
void ahead_fetch(struct snapshot *snapshot, enum store_table table,
                 const struct store_record *record);

#endif
