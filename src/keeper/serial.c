/* serial.c - moving a served zone's serial. */
#include "serial.h"

#include <string.h>

#include "avow/store/lookup.h"
#include "avow/wire/type.h"
#include "soa.h"

enum { STEP_MS = 60000 };

enum result serial_put(struct change *change, struct zone *row, uint32_t serial)
{
    struct node_view node;
    struct rrset_view soa;
    uint8_t octets[2 + 2 * NAME_MAX_OCTETS + 20];

    if (lookup_node(change_view(change), row->version, &row->apex, &node) != RECORD_THERE ||
        node_find(&node, TYPE_SOA, &soa) != RECORD_THERE || soa.rdata.count != 1 ||
        soa.rdata.length > sizeof octets)
        return RESULT_CORRUPT;
    if (soa.signatures.count && row->rrsets_signed)
        row->rrsets_signed--;
    row->flags &= (uint16_t)~ZONE_FULLY_SIGNED;
    memcpy(octets, soa.rdata.octets, soa.rdata.length);
    soa_set_serial(octets + 2, soa.rdata.length - 2, serial);
    struct node_rrset rrset = {.type = TYPE_SOA,
                               .ttl = soa.ttl,
                               .signature_room = soa.signature_room,
                               .rdata = {.octets = octets, .length = soa.rdata.length, .count = 1}};
    row->serial = serial;
    if (!row->highest_serial || serial_is_after(serial, row->highest_serial))
        row->highest_serial = serial;
    return change_put_rrset(change, row->version, &row->apex, &rrset) == RECORD_THERE
               ? RESULT_OK
               : RESULT_CORRUPT;
}

void serial_follow(struct keeper_zone *zone)
{
    struct keeper *keeper = zone->keeper;
    struct zone row = zone->row;
    struct change change;

    if (!zone->refreshed || !zone->config || zone->phase == PHASE_LOADING ||
        (zone->serial_moved_ms && keeper->now_ms - zone->serial_moved_ms < STEP_MS) ||
        !commit_is_possible(keeper) || commit_begin(keeper, &change))
        return;
    enum result result = serial_put(&change, &row, serial_next(row.serial, row.serial));
    row.changed_at = keeper->now;
    change_put_zone(&change, &row);
    if (result)
        change_abandon(&change);
    else
        result = commit_end(keeper, &change, false, &zone, 1);
    zone->serial_moved_ms = keeper->now_ms;
    if (result) {
        keeper_zone_trouble(zone, "its serial could not be moved: %s", result_sentence(result));
        return;
    }
    zone->row = row;
    zone->refreshed = 0;
    (void)jobs_outdate(&keeper->jobs, zone, TYPE_SOA);
    schedule_apex(zone);
}
