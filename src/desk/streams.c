/* streams.c - transfers under way: who may have how many, and their messages one by one, signed. */
#include "streams.h"

#include <stdlib.h>
#include <string.h>

#include "avow/wire/rdata.h"

enum { SOA_NUMBERS = 20 /* octets behind the names: serial, refresh, retry, expire, minimum */ };

/* ---- what is asked ---------------------------------------------------------------------------*/

/* The client's serial, from the SOA in the authority section (RFC 1995 section 3). */
static bool read_serial(struct desk *desk, struct request *request, uint32_t *serial)
{
    struct writer plain = writer_over(desk->plain, MESSAGE_MAX_OCTETS);
    struct reader body = request->body;
    struct record record;

    for (unsigned i = 0; i <= request->counts[SECTION_ANSWER]; i++)
        record_read(&body, &record); /* the last one is the first of the authority section */
    if (request->counts[SECTION_AUTHORITY] == 0 || body.failed || record.type != TYPE_SOA ||
        record.class_ != CLASS_IN || !name_equal(&record.owner, &request->question.name) ||
        rdata_read(TYPE_SOA, &record.rdata, &plain) || plain.length < SOA_NUMBERS)
        return false;
    struct reader numbers = reader_over(plain.octets + plain.length - SOA_NUMBERS, SOA_NUMBERS);
    *serial = reader_u32(&numbers);
    return true;
}

static struct transfer_request describe(const struct desk *desk, const struct request *request,
                                        uint32_t serial)
{
    const struct ticket *ticket = &request->ticket;
    struct transfer_request asked = {.type = request->question.type,
                                     .serial = serial,
                                     .udp = ticket->origin.udp,
                                     .id = ticket->header.id,
                                     .flags = ticket->header.flags,
                                     .question = ticket->question,
                                     .question_octets = ticket->question_length,
                                     .edns = ticket->edns.present,
                                     .expire = ticket->edns.expire,
                                     .padded = ticket_is_padded(ticket),
                                     .behind = tsig_size(&ticket->tsig),
                                     .edns_reply = {.payload = desk->answerer.udp_payload,
                                                    .dnssec_ok = ticket->edns.dnssec_ok,
                                                    .extended_error = EDE_NONE}};

    name_copy(&asked.zone, &request->question.name);
    name_lower(&asked.zone);
    return asked;
}

/* ---- who may have how many -------------------------------------------------------------------*/

static bool is_busy(const struct desk *desk, const struct config_address *peer)
{
    const struct config_transfers *bounds = &desk->config->transfers;
    const struct stream *stream;
    uint32_t same = 0;

    if (desk->stream_count >= bounds->total)
        return true;
    TAILQ_FOREACH(stream, &desk->streams, all)
    same += memcmp(stream->ticket.origin.peer.octets, peer->octets, sizeof peer->octets) == 0 &&
            stream->ticket.origin.peer.family == peer->family;
    return same >= bounds->per_peer;
}

static void count_streams(struct desk *desk)
{
    metric_set(desk->metrics, METRIC_TRANSFERS_OPEN, desk->stream_count);
}

/* ---- one stream ------------------------------------------------------------------------------*/

enum transfer_step stream_next(struct stream *stream, struct writer *message)
{
    struct ticket *ticket = &stream->ticket;
    size_t whole = message->limit, room = tsig_size(&ticket->tsig);

    message->limit = whole > room ? whole - room : 0;
    enum transfer_step step = transfer_next(stream->transfer, message);
    message->limit = whole;
    if (step == TRANSFER_LATER || step == TRANSFER_FAILED)
        return step;
    if (tsig_sign(&ticket->keyring->ring, &ticket->tsig, message, stream->desk->now))
        return TRANSFER_FAILED;
    stream->messages++;
    stream->octets += message->length;
    metric_add(stream->desk->metrics, METRIC_TRANSFER_OCTETS, message->length);
    stream->finished = step == TRANSFER_LAST;
    return step;
}

void stream_refuse(struct stream *stream)
{
    (void)reply_code(stream->desk, &stream->ticket, RCODE_SERVFAIL, EDE_NOT_READY);
}

/* The keeper tells people which secondary has what. */
static void tell_keeper(const struct stream *stream)
{
    static const enum secondary_event events[] = {[TRANSFER_WHOLE] = SECONDARY_TRANSFERRED,
                                                  [TRANSFER_DIFFERENCE] = SECONDARY_FOLLOWED,
                                                  [TRANSFER_UP_TO_DATE] = SECONDARY_ASKED};
    enum transfer_kind kind = transfer_kind(stream->transfer);
    char address[CONFIG_ADDRESS_TEXT];

    if (kind == TRANSFER_HINT) /* it does not have the serial by that */
        return;
    struct message message = {.kind = MESSAGE_SECONDARY,
                              .secondary = {.zone = stream->zone,
                                            .event = events[kind],
                                            .serial = transfer_serial(stream->transfer),
                                            .time = stream->desk->now}};

    (void)config_address_to_text(&stream->ticket.origin.peer, address);
    address[strcspn(address, "@")] = '\0'; /* its port says nothing */
    message.secondary.address = address;
    (void)stream->desk->outlets->change(stream->desk->context, &message);
}

static void tell_log(const struct stream *stream)
{
    enum transfer_kind kind = transfer_kind(stream->transfer);
    char who[TICKET_WHO_OCTETS], zone[NAME_MAX_TEXT];
    /* Secondaries that only ask do so all the time. */
    bool asked = stream->finished && (kind == TRANSFER_UP_TO_DATE || kind == TRANSFER_HINT);

    if (asked && !log_wants(LOG_LEVEL_DEBUG))
        return;
    (void)ticket_who(&stream->ticket, who);
    (void)name_to_text(&stream->zone, zone);
    if (!stream->finished)
        log_info("the transfer of %s to %s was cut off after %llu octets", zone, who,
                 (unsigned long long)stream->octets);
    else if (asked)
        log_debug("the serial of %s, %lu, sent to %s", zone,
                  (unsigned long)transfer_serial(stream->transfer), who);
    else
        log_info("%s of %s, serial %lu, sent to %s: %llu octets",
                 kind == TRANSFER_WHOLE ? "all" : "what changed", zone,
                 (unsigned long)transfer_serial(stream->transfer), who,
                 (unsigned long long)stream->octets);
}

void stream_end(struct stream *stream)
{
    struct desk *desk = stream->desk;

    tell_log(stream);
    if (stream->finished)
        tell_keeper(stream);
    else
        metric_add(desk->metrics, METRIC_TRANSFERS_CUT, 1);
    if (!stream->ticket.origin.udp) {
        TAILQ_REMOVE(&desk->streams, stream, all);
        desk->stream_count--;
        count_streams(desk);
    }
    transfer_free(stream->transfer);
    ticket_drop(&stream->ticket);
    free(stream);
}

/* ---- taking ----------------------------------------------------------------------------------*/

/* One datagram, and no stream to be counted. */
static enum taken answer_datagram(struct desk *desk, struct stream *stream)
{
    struct writer message = writer_over(desk->out, reply_limit(desk, &stream->ticket));

    if (stream_next(stream, &message) == TRANSFER_LAST)
        desk->outlets->answer(desk->context, &stream->ticket.origin, message.octets,
                              message.length);
    else
        stream_refuse(stream);
    stream_end(stream);
    return TAKEN_ANSWERED;
}

static enum taken start(struct desk *desk, struct request *request, struct transfer *transfer)
{
    struct stream *stream = calloc(1, sizeof *stream);

    if (!stream) {
        transfer_free(transfer);
        return reply_code(desk, &request->ticket, RCODE_SERVFAIL, EDE_NOT_READY);
    }
    stream->desk = desk;
    stream->begun_ms = desk->now_ms;
    stream->transfer = transfer;
    ticket_keep(&stream->ticket, &request->ticket);
    name_copy(&stream->zone, &request->question.name);
    name_lower(&stream->zone);
    if (request->ticket.origin.udp)
        return answer_datagram(desk, stream);
    TAILQ_INSERT_TAIL(&desk->streams, stream, all);
    desk->stream_count++;
    count_streams(desk);
    desk->outlets->stream(desk->context, stream);
    return TAKEN_WAITS;
}

static enum taken begin(struct desk *desk, struct request *request, uint32_t serial)
{
    struct transfer_source source = {.snapshot = &desk->snapshot, .metrics = desk->metrics};
    struct transfer_request asked = describe(desk, request, serial);
    struct transfer *transfer;

    switch (transfer_begin(&source, &asked, &transfer)) {
    case TRANSFER_BEGUN:
        return start(desk, request, transfer);
    case TRANSFER_ABSENT:
        return reply_code(desk, &request->ticket, RCODE_NOTAUTH, EDE_NOT_AUTHORITATIVE);
    case TRANSFER_NO_MEANS:
        if (desk_read(desk)) /* notes a store that will never be read again */
            snapshot_rest(&desk->snapshot);
        return reply_code(desk, &request->ticket, RCODE_SERVFAIL, EDE_NOT_READY);
    case TRANSFER_NOT_READY:
        return reply_code(desk, &request->ticket, RCODE_SERVFAIL, EDE_NOT_READY);
    case TRANSFER_EXPIRED:
    case TRANSFER_DAMAGED:
        break;
    }
    return reply_code(desk, &request->ticket, RCODE_SERVFAIL, EDE_INVALID_DATA);
}

enum taken streams_take(struct desk *desk, struct request *request)
{
    struct ticket *ticket = &request->ticket;
    bool is_whole = request->question.type == TYPE_AXFR;
    uint32_t serial = 0;

    if (!authorise(desk, request, config_transfer_allowed))
        return TAKEN_ANSWERED;
    /* RFC 5936 section 4.2: there is no AXFR by datagram. */
    if (is_whole ? ticket->origin.udp : !read_serial(desk, request, &serial))
        return reply_code(desk, ticket, RCODE_FORMERR, EDE_NONE);
    if (!ticket->origin.udp && is_busy(desk, &ticket->origin.peer)) {
        metric_add(desk->metrics, METRIC_TRANSFERS_BUSY, 1);
        authorise_tell(desk, ticket, &request->question.name, "beyond the limit of transfers");
        return reply_code(desk, ticket, RCODE_SERVFAIL, EDE_NOT_READY);
    }
    return begin(desk, request, serial);
}
