/*
 * builder.h - a message being made: sections, compression, whole RRsets.
 *
 * Built for the path of a query: no allocation, everything in the caller's storage. Names are
 * compressed against what is already in the message (RFC 1035 section 4.1.4); names inside
 * RDATA only in the types of RFC 1035 (RFC 3597 section 4), and are entered as targets. Pointers
 * reach the first 16 KiB only. Floor: wire. Pure.
 */
#ifndef AVOW_WIRE_BUILDER_H
#define AVOW_WIRE_BUILDER_H

#include "avow/wire/message.h"
#include "avow/wire/rrset.h"

enum { BUILDER_NAMES = 64 }; /* suffixes remembered; more are written out whole */

struct builder {
    struct writer writer; /* limit: what the answer may have, less what is reserved */
    uint16_t counts[SECTIONS];
    uint16_t names[BUILDER_NAMES]; /* offsets of label sequences in the message, oldest first */
    /* Which remembered name follows the first label of each: a tree, so that a name is looked up
     * label by label from the root, and no label is compared twice. */
    uint8_t parents[BUILDER_NAMES];
    uint8_t name_count;
    uint8_t question_octets; /* of the question's name; 0: there is none */
    uint16_t last_owner;     /* offset of the RRset before's; 0: none, or out of reach */
};

/* A place to come back to. */
struct builder_mark {
    size_t length;
    uint16_t counts[SECTIONS];
    uint8_t name_count;
};

/*
 * Begin in `octets`, which already hold the header and question (copied from the query, so that
 * the question is echoed octet for octet); `question_length` octets from the start are kept, the
 * question's name at offset 12 becomes the first target. `limit` is the most the message may have;
 * the caller who keeps room for an OPT or a TSIG lowers it, raises writer.limit again at the end,
 * writes them into `writer` and counts them. A `question_length` of 12 means no question.
 */
void builder_begin(struct builder *builder, uint8_t *octets, size_t question_length, size_t limit);

struct builder_mark builder_mark(const struct builder *builder);
void builder_rewind(struct builder *builder, const struct builder_mark *mark);

/*
 * Add a whole RRset to a section (sections only ever go forward). Goes in whole or not at all:
 * false, and the builder is as before, when it does not fit (or when its run is malformed).
 *
 * rrset  Its owner as it is to appear; compressed case-insensitively against earlier names.
 */
MUST_CHECK bool builder_rrset(struct builder *builder, enum section section,
                              const struct rrset *rrset);

/* Add the RRSIGs of an RRset: a run of RRSIG RDATA with the RRset's owner, class and TTL. */
MUST_CHECK bool builder_signatures(struct builder *builder, enum section section,
                                   const struct rrset *rrset, const struct rdata_run *signatures);

/* Write the counts into the header and return the message's length. Flags are the caller's. */
size_t builder_finish(struct builder *builder);

#endif
