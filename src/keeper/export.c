/* export.c - the zone in presentation form, signed or as its file would say it, streamed as the
 * caller takes it. */
#include "control.h"

#include <stdlib.h>
#include <string.h>

#include "avow/dnssec/nsec3.h"
#include "avow/store/chain.h"
#include "avow/store/lookup.h"
#include "avow/wire/type.h"
#include "zone_text.h"

enum { PIECE_OCTETS = 256 * 1024 };

/* Where an export stands. It holds no snapshot between pieces; if the zone moves to another
 * version or serial meanwhile, it says so instead of giving a mixture. */
struct export
{
    uint32_t version;
    uint32_t serial;
    bool started, chain;
    bool bare; /* only what the file would say */
    struct name name;
    uint8_t hash[NODE_HASH_OCTETS];
    struct zone_text writer;
    struct buffer text;
    size_t sent; /* of text */
    bool ended;  /* text is the last piece */
};

static void export_free(void *stream)
{
    struct export *export = stream;
    buffer_free(&export->text);
    free(export);
}

static void print_set(struct export *export, const struct name *owner,
                      const struct rrset_view *view)
{
    struct rrset rrset = {.owner = owner,
                          .type = view->type,
                          .class_ = CLASS_IN,
                          .ttl = view->ttl,
                          .rdata = view->rdata};

    zone_print_rrset(&export->writer.printer, &rrset, &export->text);
    rrset.type = TYPE_RRSIG;
    rrset.rdata = view->signatures;
    zone_print_rrset(&export->writer.printer, &rrset, &export->text);
}

static enum result print_node(struct export *export, const struct node_view *node)
{
    struct rrset_view view;

    if (export->bare)
        return zone_text_node(&export->writer, node, &export->name, &export->text);
    enum result result = node_name(node, &export->name);

    for (struct reader rows = node->rows; !result && node_next(&rows, &view);) {
        result = node_fetch(node, &view);
        if (!result)
            print_set(export, &export->name, &view);
    }
    return result;
}

/* One node or NSEC3 more. RECORD_ABSENT: that was all. */
static enum found_record export_step(struct keeper *keeper, const struct keeper_zone *zone,
                                     struct export *export)
{
    struct node_view node;
    struct chain_nsec3 nsec3;
    struct name owner;

    if (!export->chain) {
        enum found_record found =
            lookup_walk(&keeper->view, export->version, export->started ? WALK_BEHIND : WALK_FROM,
                        export->started ? &export->name : &zone->name, &node);
        if (found != RECORD_ABSENT) {
            export->started = true;
            return found == RECORD_THERE && !print_node(export, &node) ? RECORD_THERE
                                                                       : RECORD_CORRUPT;
        }
        if (export->bare)
            return found;
        export->chain = true;
        export->started = false;
    }
    enum found_record found = chain_nsec3_walk(&keeper->view, export->version,
                                               export->started ? export->hash : NULL, &nsec3);
    if (found != RECORD_THERE)
        return found;
    export->started = true;
    memcpy(export->hash, nsec3.hash, NODE_HASH_OCTETS);
    if (nsec3_owner(nsec3.hash, &zone->name, &owner))
        return RECORD_CORRUPT;
    print_set(export, &owner, &nsec3.rrset);
    return RECORD_THERE;
}

static enum found_record export_piece(struct keeper *keeper, const struct keeper_zone *zone,
                                      struct export *export)
{
    enum found_record found = RECORD_THERE;

    buffer_clear(&export->text);
    if (snapshot_renew(&keeper->view) != RENEWAL_READY)
        return RECORD_CORRUPT;
    while (found == RECORD_THERE && export->text.length < PIECE_OCTETS)
        found = export_step(keeper, zone, export);
    snapshot_rest(&keeper->view);
    return buffer_check(&export->text) ? RECORD_CORRUPT : found;
}

/* Make the next piece. False when the call has ended instead. */
static bool next_piece(struct call *call, struct keeper_zone *zone, struct export *export)
{
    if (!zone || zone->row.version != export->version || zone->row.serial != export->serial) {
        call_end(call, EXIT_FAILED, NULL, "the zone has changed meanwhile; export it again");
        return false;
    }
    if (export->ended) {
        call_end(call, EXIT_DONE, NULL, "serial %u", export->serial);
        return false;
    }
    enum found_record found = export_piece(call->control->keeper, zone, export);
    export->sent = 0;
    export->ended = found == RECORD_ABSENT;
    if (found == RECORD_CORRUPT)
        call_end(call, EXIT_FAILED, NULL, "a record of the store is damaged");
    return found != RECORD_CORRUPT;
}

static void export_more(struct call *call)
{
    struct keeper_zone *zone = keeper_zone_find(call->control->keeper, &call->zone);
    struct export *export = call->stream;

    for (;;) {
        enum result result = call_chunk(call, &export->text, &export->sent);
        if (result == RESULT_FULL)
            return; /* called again when there is room */
        if (result) {
            call_end(call, EXIT_FAILED, NULL, "the export was not taken");
            return;
        }
        if (!next_piece(call, zone, export))
            return;
    }
}

void verb_zone_export(struct call *call)
{
    bool bare = call_option(call, "--unsigned");
    struct keeper_zone *zone = call->word_count == 3 ? call_zone(call, call->words[2]) : NULL;

    if (!zone && !call->ended)
        call_end(call, EXIT_USAGE, NULL, "usage: zone export ZONE [--unsigned]");
    if (!zone)
        return;
    if (!zone->row.version) {
        call_end_unloaded(call, zone);
        return;
    }
    struct export *export = calloc(1, sizeof *export);
    if (!export) {
        call_end(call, EXIT_FAILED, NULL, "no memory");
        return;
    }
    export->version = zone->row.version;
    export->serial = zone->row.serial;
    export->bare = bare;
    zone_text_open(&export->writer, &call->control->keeper->view, &zone->name,
                   zone->row.flags & ZONE_SIGNED);
    call->stream = export;
    call->stream_free = export_free;
    call->more = export_more;
    export_more(call);
}
