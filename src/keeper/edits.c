/* edits.c - what a reload changes, RRset by RRset. */
#include "edits.h"

void edits_add(struct buffer *edits, const struct edit *edit)
{
    buffer_add(edits, edit->owner.octets, edit->owner.length);
    buffer_u16(edits, edit->type);
    buffer_u32(edits, edit->ttl);
    buffer_u16(edits, edit->rdata.count);
    buffer_u32(edits, edit->rdata.length);
    buffer_add(edits, edit->rdata.octets, edit->rdata.length);
}

bool edits_next(struct reader *edits, struct edit *edit)
{
    if (reader_left(edits) == 0)
        return false;
    name_read_plain(edits, &edit->owner);
    edit->type = reader_u16(edits);
    edit->ttl = reader_u32(edits);
    edit->rdata.count = reader_u16(edits);
    edit->rdata.length = reader_u32(edits);
    edit->rdata.octets = reader_take(edits, edit->rdata.length);
    return !edits->failed;
}
