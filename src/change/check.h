/* check.h - what the parts of the check of the store share. */
#ifndef AVOW_SRC_CHANGE_CHECK_H
#define AVOW_SRC_CHANGE_CHECK_H

#include "avow/change/dump.h"

struct check {
    struct snapshot *snapshot;
    struct store_check *counts;
    void (*complain)(void *context, const char *line);
    void *context;
    unsigned findings;
    uint32_t version; /* of the NSEC3 chain that is being followed */
    bool following;
    uint8_t first[NODE_HASH_OCTETS], next[NODE_HASH_OCTETS];
};

/* A line for a person, up to FINDINGS of them. */
void check_complain(struct check *check, const char *format, ...) PRINTF_LIKE(2, 3);

/* The form of a record of the journal. */
MUST_CHECK enum result check_journal_piece(const struct store_record *record,
                                           struct reader payload);

/* That each zone's line is what its row says, and that nothing lies beside it. */
void check_journal_lines(struct check *check);

#endif
