/* transfer.c - a stream: how it begins, its script of phases, its messages. */
#include "transfer.h"

#include <stdlib.h>
#include <string.h>

#include "transferring.h"

static const enum phase single_script[] = {PHASE_SOA, PHASE_END};

static void count(struct transfer *transfer, enum metric metric)
{
    metric_add(transfer->metrics, metric, 1);
}

enum flow transfer_damaged(struct transfer *transfer)
{
    count(transfer, METRIC_STORE_CORRUPT);
    return FLOW_FAILED;
}

void transfer_put(struct transfer *transfer, uint16_t type, uint32_t ttl, struct reader *run)
{
    LEFT_UNSET struct name owner;

    if (!transfer->full)
        transfer->full = !packer_run(&transfer->packer, type, ttl, run);
    if (transfer->full && reader_left(run) > 0) {
        packer_owner_name(&transfer->packer, &owner);
        queue_add(&transfer->queue, &owner, type, ttl, run);
    }
}

enum flow transfer_renew(struct transfer *transfer)
{
    enum renewal renewal = snapshot_renew(transfer->snapshot);

    return renewal == RENEWAL_READY ? FLOW_ON : renewal == RENEWAL_LATER ? FLOW_LATER : FLOW_FAILED;
}

/* One record at a time: none of it is copied when it does not fit. */
enum flow transfer_put_delta(struct transfer *transfer, enum journal_act act)
{
    struct delta_entry entry;

    for (size_t next = transfer->at; delta_next(&transfer->delta, act, &next, &entry);
         transfer->at = next) {
        packer_owner(&transfer->packer, &entry.owner);
        if (!packer_run(&transfer->packer, entry.type, entry.ttl, &entry.run)) {
            transfer->full = true;
            return FLOW_ON;
        }
    }
    transfer->at = 0;
    return FLOW_END;
}

static enum flow put_soa(struct transfer *transfer, const struct soa *soa)
{
    struct reader run = reader_over(soa->run, soa->octets);

    packer_owner(&transfer->packer, &transfer->request.zone);
    transfer_put(transfer, TYPE_SOA, soa->ttl, &run);
    return FLOW_END;
}

static enum flow run_phase(struct transfer *transfer)
{
    switch (*transfer->script) {
    case PHASE_SOA:
        return put_soa(transfer, &transfer->soa);
    case PHASE_OLD_SOA:
        return put_soa(transfer, &transfer->old_soa);
    case PHASE_NODES:
        return whole_nodes(transfer);
    case PHASE_CHAIN:
        return whole_chain(transfer);
    case PHASE_UNDO:
    case PHASE_REMOVED:
        return transfer_put_delta(transfer, JOURNAL_REMOVED);
    case PHASE_ADDED:
        return transfer_put_delta(transfer, JOURNAL_ADDED);
    case PHASE_ENTRIES:
        return difference_entries(transfer);
    case PHASE_END:
        break;
    }
    return FLOW_FAILED;
}

/* Fill the message: FLOW_ON when it is full, FLOW_END when nothing is left. */
static enum flow fill(struct transfer *transfer)
{
    for (;;) {
        if (queue_pack(&transfer->queue, &transfer->packer, &transfer->full))
            return FLOW_FAILED;
        if (transfer->full)
            return FLOW_ON;
        if (*transfer->script == PHASE_END)
            return FLOW_END;
        enum flow flow = run_phase(transfer);
        if (flow == FLOW_END)
            transfer->script++;
        else if (flow != FLOW_ON)
            return flow;
    }
}

/* ---- messages -------------------------------------------------------------------------------- */

static uint32_t expire_of(const struct soa *soa)
{
    struct reader numbers = reader_over(soa->run + soa->octets - 8, 4);

    return reader_u32(&numbers);
}

/* What the message's OPT says; false when it has none: all but the first, unless it is padded. */
static bool opt_of(const struct transfer *transfer, struct edns_reply *reply)
{
    const struct transfer_request *request = &transfer->request;

    if (!request->edns || (transfer->begun && !request->padded))
        return false;
    *reply = request->edns_reply;
    reply->padded = request->padded;
    reply->expire = request->expire && !transfer->begun;
    reply->expire_seconds = expire_of(&transfer->soa);
    return true;
}

static void begin_message(struct transfer *transfer, struct writer *message)
{
    const struct packer_head head = {
        .id = transfer->request.id,
        .flags = FLAG_QR | FLAG_AA | (transfer->request.flags & FLAG_RD),
        .question = transfer->question,
        .question_octets = transfer->begun ? 0 : transfer->question_octets,
    };

    transfer->full = false;
    packer_begin(&transfer->packer, message, &transfer->request.zone, &head);
}

static void count_done(struct transfer *transfer)
{
    if (transfer->whole)
        count(transfer, METRIC_AXFR_DONE);
    else if (transfer->different)
        count(transfer, METRIC_IXFR_DONE);
}

static enum transfer_step step_of(struct transfer *transfer, enum flow flow)
{
    /* A message that is full without a record: one is larger than any message. What was packed
     * before a wait need not wait. */
    if (flow == FLOW_FAILED || (flow == FLOW_ON && transfer->packer.records == 0))
        return TRANSFER_FAILED;
    if (flow == FLOW_LATER && transfer->packer.records == 0)
        return TRANSFER_LATER;
    return flow == FLOW_END ? TRANSFER_LAST : TRANSFER_MESSAGE;
}

/* Over UDP there is one message. What does not fit is the SOA alone: RFC 1995 section 2. */
static enum flow fill_datagram(struct transfer *transfer, struct writer *message)
{
    enum flow flow = fill(transfer);

    if (flow == FLOW_END)
        return flow;
    transfer->different = false;
    queue_free(&transfer->queue);
    transfer->script = single_script;
    writer_rewind(message, 0);
    begin_message(transfer, message);
    return fill(transfer) == FLOW_END ? FLOW_END : FLOW_FAILED;
}

enum transfer_step transfer_next(struct transfer *transfer, struct writer *message)
{
    size_t limit = message->limit;
    struct edns_reply reply;
    bool opt = opt_of(transfer, &reply);
    size_t reserved = opt ? edns_size(&reply) : 0;

    if (limit < reserved)
        return TRANSFER_FAILED;
    message->limit = limit - reserved;
    begin_message(transfer, message);
    enum flow flow = transfer->request.udp ? fill_datagram(transfer, message) : fill(transfer);
    snapshot_rest(transfer->snapshot);
    transfer->renewed = false;
    message->limit = limit;
    enum transfer_step step = step_of(transfer, flow);
    if (step == TRANSFER_LATER || step == TRANSFER_FAILED) {
        writer_rewind(message, 0);
        return step;
    }
    if (opt && reply.padded)
        edns_pad(&reply, message->length, transfer->request.behind, limit);
    if (opt)
        edns_write(message, &reply);
    packer_finish(&transfer->packer, opt);
    transfer->begun = true;
    if (step == TRANSFER_LAST)
        count_done(transfer);
    return message->failed ? TRANSFER_FAILED : step;
}

enum transfer_step transfer_keep_up(struct transfer *transfer)
{
    if (*transfer->script != PHASE_NODES && *transfer->script != PHASE_CHAIN)
        return TRANSFER_MESSAGE;
    enum flow flow = whole_catch_up(transfer);
    snapshot_rest(transfer->snapshot);
    transfer->renewed = false;
    return flow == FLOW_ON      ? TRANSFER_MESSAGE
           : flow == FLOW_LATER ? TRANSFER_LATER
                                : TRANSFER_FAILED;
}

/* ---- beginning ------------------------------------------------------------------------------- */

enum transfer_begun transfer_zone_state(const struct zone *zone)
{
    if (zone->version == 0 || zone->retired_at)
        return TRANSFER_ABSENT;
    if (zone->flags & ZONE_EXPIRED)
        return TRANSFER_EXPIRED;
    if (zone->flags & ZONE_DOUBTFUL)
        return TRANSFER_DAMAGED;
    if ((zone->flags & ZONE_SIGNED) && !(zone->flags & ZONE_FULLY_SIGNED))
        return TRANSFER_NOT_READY;
    return TRANSFER_BEGUN;
}

static enum transfer_begun damaged(struct transfer *transfer)
{
    count(transfer, METRIC_STORE_CORRUPT);
    return TRANSFER_DAMAGED;
}

/* Keep the SOA, which is to be of the serial that the row says. */
static enum result take_soa(struct transfer *transfer, const struct node_view *apex)
{
    struct soa *soa = &transfer->soa;
    struct rrset_view rrset;

    if (node_find(apex, TYPE_SOA, &rrset) != RECORD_THERE || rrset.rdata.count != 1 ||
        rrset.rdata.length > sizeof soa->run || rrset.rdata.length < 2 + SOA_LEAST_OCTETS)
        return RESULT_CORRUPT;
    soa->ttl = rrset.ttl;
    soa->octets = (uint16_t)rrset.rdata.length;
    memcpy(soa->run, rrset.rdata.octets, rrset.rdata.length);
    struct reader numbers = reader_over(soa->run + soa->octets - SOA_NUMBERS_OCTETS, 4);
    return reader_u32(&numbers) == transfer->serial ? RESULT_OK : RESULT_CORRUPT;
}

static enum transfer_begun begin_whole(struct transfer *transfer, const struct node_view *apex)
{
    if (transfer->request.udp) {
        transfer->script = single_script;
        return TRANSFER_BEGUN;
    }
    transfer->whole = true;
    if (transfer->request.type == TYPE_IXFR)
        count(transfer, METRIC_IXFR_WHOLE);
    return whole_begin(transfer, apex) == FLOW_ON ? TRANSFER_BEGUN : TRANSFER_DAMAGED;
}

static enum transfer_begun begin_difference(struct transfer *transfer, const struct zone *zone,
                                            const struct node_view *apex)
{
    switch (difference_begin(transfer, zone)) {
    case DIFFERENCE_THERE:
        transfer->different = true;
        return TRANSFER_BEGUN;
    case DIFFERENCE_CURRENT:
        count(transfer, METRIC_IXFR_CURRENT);
        transfer->script = single_script;
        return TRANSFER_BEGUN;
    case DIFFERENCE_NONE:
        break;
    case DIFFERENCE_DAMAGED:
        count(transfer, METRIC_STORE_CORRUPT); /* of the journal: the zone is there */
        break;
    case DIFFERENCE_NO_MEMORY:
        return TRANSFER_NO_MEANS;
    }
    return begin_whole(transfer, apex);
}

/* With a snapshot in use. */
static enum transfer_begun begin_zone(struct transfer *transfer)
{
    struct zone zone;
    struct node_view apex;
    enum found_record found = zone_get(transfer->snapshot, &transfer->request.zone, &zone);

    if (found == RECORD_ABSENT)
        return TRANSFER_ABSENT;
    if (found == RECORD_CORRUPT)
        return damaged(transfer);
    enum transfer_begun state = transfer_zone_state(&zone);
    if (state != TRANSFER_BEGUN)
        return state;
    transfer->version = zone.version;
    transfer->serial = transfer->seen = zone.serial;
    if (lookup_node(transfer->snapshot, zone.version, &transfer->request.zone, &apex) !=
            RECORD_THERE ||
        take_soa(transfer, &apex))
        return damaged(transfer);
    return transfer->request.type == TYPE_IXFR ? begin_difference(transfer, &zone, &apex)
                                               : begin_whole(transfer, &apex);
}

static enum result take_request(struct transfer *transfer, const struct transfer_source *source,
                                const struct transfer_request *request)
{
    transfer->snapshot = source->snapshot;
    transfer->metrics = source->metrics;
    transfer->condensed = source->condensed ? source->condensed : TRANSFER_CONDENSED;
    transfer->request = *request;
    transfer->request.question = NULL;
    name_lower(&transfer->request.zone);
    if (request->question_octets > sizeof transfer->question ||
        (request->udp && request->type == TYPE_AXFR))
        return RESULT_FORMAT;
    transfer->question_octets = request->question_octets;
    if (request->question_octets > 0)
        memcpy(transfer->question, request->question, request->question_octets);
    return delta_open(&transfer->delta, TRANSFER_DELTA_OCTETS);
}

enum transfer_begun transfer_begin(const struct transfer_source *source,
                                   const struct transfer_request *request,
                                   struct transfer **transfer)
{
    struct transfer *fresh = calloc(1, sizeof *fresh);
    enum transfer_begun begun = TRANSFER_NO_MEANS;

    *transfer = NULL;
    metric_add(source->metrics, request->type == TYPE_IXFR ? METRIC_IXFR_ASKED : METRIC_AXFR_ASKED,
               1);
    if (!fresh)
        return begun;
    if (take_request(fresh, source, request) == RESULT_OK && transfer_renew(fresh) == FLOW_ON)
        begun = begin_zone(fresh);
    snapshot_rest(source->snapshot);
    if (begun == TRANSFER_BEGUN)
        *transfer = fresh;
    else
        transfer_free(fresh);
    return begun;
}

uint32_t transfer_serial(const struct transfer *transfer)
{
    return transfer->serial;
}

enum transfer_kind transfer_kind(const struct transfer *transfer)
{
    if (transfer->whole)
        return TRANSFER_WHOLE;
    if (transfer->different)
        return TRANSFER_DIFFERENCE;
    return transfer->request.serial == transfer->serial ? TRANSFER_UP_TO_DATE : TRANSFER_HINT;
}

void transfer_free(struct transfer *transfer)
{
    if (!transfer)
        return;
    queue_free(&transfer->queue);
    delta_close(&transfer->delta);
    free(transfer);
}
