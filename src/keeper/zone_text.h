/*
 * zone_text.h - a stored zone as its file would say it.
 *
 * One record in a line, names absolute, the SOA first. Of a zone that is signed here everything
 * that a signer makes is left out, and the zone's own DNSKEYs; a zone that is served as it is comes
 * as it is.
 */
#ifndef KEEPER_ZONE_TEXT_H
#define KEEPER_ZONE_TEXT_H

#include "avow/store/lookup.h"
#include "avow/zonefile/printer.h"

struct zone_text {
    struct snapshot *snapshot; /* renewed whenever it is used */
    struct name zone;
    bool is_signed; /* here */
    struct zone_printer printer;
    uint64_t records; /* printed */
};

void zone_text_open(struct zone_text *text, struct snapshot *snapshot, const struct name *zone,
                    bool is_signed);

/*
 * Print a node.
 *
 * owner   Receives its name.
 * out     Appended to; its failure (buffer_check) is that of memory.
 *
 * Returns RESULT_CORRUPT for damage.
 */
MUST_CHECK enum result zone_text_node(struct zone_text *text, const struct node_view *node,
                                      struct name *owner, struct buffer *out);

#endif
