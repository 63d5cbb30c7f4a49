/* merge.c - a reload of a zone that updates have changed since its file was loaded. */
#include "merge.h"

#include <stdlib.h>
#include <string.h>

#include "avow/store/journal.h"
#include "avow/wire/type.h"
#include "edits.h"

/* An RRset that an update has changed. */
struct changed {
    struct order_item item; /* by its name key and type */
    uint8_t key[];
};

static size_t write_key(uint8_t *octets, size_t size, const struct name *owner, uint16_t type)
{
    struct writer writer = writer_over(octets, size);

    name_key_write(&writer, owner);
    writer_u16(&writer, type);
    return writer.length;
}

static enum result note(struct order *order, const struct journal_rrset *rrset)
{
    uint8_t octets[NAME_KEY_MAX_OCTETS + 2];
    size_t length = write_key(octets, sizeof octets, &rrset->owner, rrset->type);

    if (type_is_made_by_signer(rrset->type) || rrset->type == TYPE_SOA ||
        order_find(order, octets, length))
        return RESULT_OK;
    struct changed *changed = calloc(1, sizeof *changed + length);
    if (!changed)
        return RESULT_SYSTEM;
    memcpy(changed->key, octets, length);
    changed->item.key = changed->key;
    changed->item.length = length;
    order_insert(order, &changed->item);
    return RESULT_OK;
}

static enum result note_entry(struct snapshot *view, const struct journal_entry *entry,
                              struct order *order)
{
    enum result result = RESULT_OK;

    for (uint16_t piece = 0; piece < entry->pieces && !result; piece++) {
        struct journal_rrset rrset;
        struct reader rows;
        if (journal_piece(view, entry, piece, &rows) != RECORD_THERE)
            return RESULT_CORRUPT;
        while (!result && journal_next(&rows, &rrset))
            result = note(order, &rrset);
        if (!result && reader_finish(&rows))
            result = RESULT_CORRUPT;
    }
    return result;
}

/* Follow the journal from the load to what is served. */
enum result merge_note(struct snapshot *view, const struct zone *row, struct order *order)
{
    struct journal_entry entry;
    enum result result = RESULT_OK;
    uint32_t serial = row->loaded_serial;

    for (uint32_t i = 0; serial != row->serial && !result; i++) {
        if (i == row->journal_entries ||
            journal_get(view, row->version, serial, &entry) != RECORD_THERE)
            return RESULT_REFUSED;
        if (entry.origin == JOURNAL_UPDATE)
            result = note_entry(view, &entry, order);
        serial = entry.to;
    }
    return result;
}

static enum result filter(const struct order *order, struct buffer *edits)
{
    struct reader reader = reader_over(edits->octets, edits->length);
    struct buffer kept = {.length = 0};
    struct edit edit;

    while (edits_next(&reader, &edit)) {
        uint8_t octets[NAME_KEY_MAX_OCTETS + 2];
        size_t length = write_key(octets, sizeof octets, &edit.owner, edit.type);
        if (!order_find(order, octets, length))
            edits_add(&kept, &edit);
    }
    enum result result = buffer_check(&kept);
    if (!result)
        result = reader_finish(&reader);
    buffer_free(edits);
    *edits = kept;
    return result;
}

void merge_forget(struct order *order)
{
    for (struct order_item *item = order->first[0], *next; item; item = next) {
        next = order_next(item);
        free(item);
    }
}

enum result merge_edits(struct snapshot *view, const struct zone *row, struct buffer *edits)
{
    struct order order = {.count = 0};
    enum result result = merge_note(view, row, &order);

    if (!result)
        result = filter(&order, edits);
    merge_forget(&order);
    return result;
}
