/* check.h - what the parts of the check of the store share. */
#ifndef AVOW_SRC_CHANGE_CHECK_H
#define AVOW_SRC_CHANGE_CHECK_H

#include "avow/change/check.h"
#include "avow/store/chain.h"
#include "avow/store/journal.h"

struct check {
    const struct check_task *task;
    struct snapshot *snapshot;
    struct store_check *counts;
    unsigned findings;
    uint32_t version; /* of the NSEC3 chain that is being followed */
    bool following;
    uint8_t first[NODE_HASH_OCTETS], next[NODE_HASH_OCTETS];
};

struct check check_of(const struct check_task *task);

/* A line for a person, up to FINDINGS of them. */
void check_complain(struct check *check, const char *format, ...) PRINTF_LIKE(2, 3);

/* The form of a record of the journal. */
MUST_CHECK enum result check_journal_piece(const struct store_record *record,
                                           struct reader payload);

/* What is wrong with an entry that journal_get found; NULL when it is whole. */
const char *check_journal_entry(struct snapshot *snapshot, const struct journal_entry *entry);

/* Whether a zone's line is what its row says, and nothing lies beside it. */
bool check_journal_is_whole(struct snapshot *snapshot, const struct zone *zone);

/* That each zone's line is what its row says, and that nothing lies beside it. */
void check_journal_lines(struct check *check);

/* Verify what signs a node's RRsets, or an NSEC3 record. */
void check_node_signatures(struct check *check, const struct node_view *node);
void check_nsec3_signatures(struct check *check, const struct chain_nsec3 *nsec3);

/* Each zone's digest, and its signatures if asked for. RESULT_SYSTEM. */
MUST_CHECK enum result check_zones(struct check *check, bool signatures);

#endif
