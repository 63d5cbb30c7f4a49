/*
 * edits.h - what a reload changes, RRset by RRset, as octets from the loader's thread to a stage.
 */
#ifndef KEEPER_EDITS_H
#define KEEPER_EDITS_H

#include "avow/base/buffer.h"
#include "avow/wire/rrset.h"

/* An RRset as it is to be; without records it goes. */
struct edit {
    struct name owner;
    uint16_t type;
    uint32_t ttl;
    struct rdata_run rdata; /* points into the octets that were read */
};

void edits_add(struct buffer *edits, const struct edit *edit);

/* The next one; false at the end. */
bool edits_next(struct reader *edits, struct edit *edit);

#endif
