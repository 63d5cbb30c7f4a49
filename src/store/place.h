/* place.h - nodes by key, for the look-ups of this floor. */
#ifndef AVOW_SRC_STORE_PLACE_H
#define AVOW_SRC_STORE_PLACE_H

#include "avow/store/node.h"
#include "avow/store/snapshot.h"

/* Open the node that the nodes table's cursor found. */
MUST_CHECK enum result place_open(struct snapshot *snapshot, const struct store_record *record,
                                  struct node_view *node);

/* The node with exactly this key; moves the nodes table's cursor there. */
MUST_CHECK enum found_record place_get(struct snapshot *snapshot, const uint8_t *key, size_t length,
                                       struct node_view *node);

#endif
