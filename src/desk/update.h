/*
 * update.h - the sections of an UPDATE message, checked and packed for the keeper.
 *
 * Prerequisites, permissions and changes are judged in the order of RFC 2136 section 3: what is
 * wrong with the changes may be said only when the prerequisites hold, which the keeper alone can
 * tell. It is then handed the prerequisites, and what is to be answered when they hold. Pure.
 */
#ifndef AVOW_SRC_DESK_UPDATE_H
#define AVOW_SRC_DESK_UPDATE_H

#include "avow/config/grants.h"
#include "avow/ipc/message.h"
#include "avow/wire/message.h"

/* What it is judged by, and room to work in. */
struct update_order {
    const struct config_zone *zone;
    const struct config_peer *peer;
    uint16_t prerequisites; /* records in the sections */
    uint16_t changes;
    uint8_t *rdata;  /* MESSAGE_MAX_OCTETS */
    uint8_t *packed; /* MESSAGE_PIECE_OCTETS: receives the sections */
};

struct update {
    uint16_t refusal; /* RCODE_NOERROR: the changes are to be made */
    /* The sections, packed. With a refusal there are no changes; and when it is without
     * prerequisites it is the answer. */
    uint16_t prerequisite_count, change_count;
    struct span prerequisites, changes;
};

/*
 * Read the sections of a message whose records were stepped over before and are well-formed but for
 * their RDATA.
 *
 * message  Standing behind the zone section, which was judged by the caller.
 *
 * Source   RFC 2136 sections 2.4, 2.5, 3.2, 3.3, 3.4.1; RFC 3007 section 3.1.
 */
void update_read(struct reader *message, const struct update_order *order, struct update *update);

#endif
