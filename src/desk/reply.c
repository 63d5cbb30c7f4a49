/* reply.c - answers: their size, their form, their signature. */
#include "internal.h"

enum { UDP_PLAIN_OCTETS = 512, LINES_PER_MINUTE = 6 };

size_t reply_limit(const struct desk *desk, const struct ticket *ticket)
{
    size_t most = desk->answerer.udp_payload;

    if (!ticket->origin.udp)
        return MESSAGE_MAX_OCTETS;
    if (!ticket->edns.present)
        return UDP_PLAIN_OCTETS;
    return ticket->edns.payload < most ? ticket->edns.payload : most;
}

/* Of a connection that means its end; a datagram's client will ask again. */
static enum taken say_nothing(struct desk *desk, const struct ticket *ticket)
{
    log_limited(&desk->trouble_lines, LINES_PER_MINUTE, desk->now_ms,
                "an answer could not be signed, and is not sent");
    desk->outlets->answer(desk->context, &ticket->origin, desk->out, 0);
    return TAKEN_ANSWERED;
}

enum taken reply_octets(struct desk *desk, struct ticket *ticket, size_t length)
{
    struct writer writer = {
        .octets = desk->out, .length = length, .limit = reply_limit(desk, ticket)};

    if (length > writer.limit ||
        tsig_sign(&ticket->keyring->ring, &ticket->tsig, &writer, desk->now))
        return say_nothing(desk, ticket);
    desk->outlets->answer(desk->context, &ticket->origin, writer.octets, writer.length);
    return TAKEN_ANSWERED;
}

/* Flags that the answer repeats. In an UPDATE all but the opcode are reserved (RFC 2136 section
 * 2.2). */
static uint16_t echoed_flags(const struct header *header)
{
    uint16_t echoed = FLAG_OPCODE;

    if (header_opcode(header) != OPCODE_UPDATE)
        echoed |= FLAG_RD;
    return FLAG_QR | (header->flags & echoed);
}

static void write_reply(struct writer *writer, const struct ticket *ticket, uint16_t rcode,
                        struct edns_reply *edns, size_t question_length)
{
    struct header header = {
        .id = ticket->header.id,
        .flags = echoed_flags(&ticket->header) | (rcode & FLAG_RCODE),
        .counts = {[SECTION_QUESTION] = question_length != 0, [SECTION_ADDITIONAL] = edns != NULL}};

    /* RFC 1996 section 3.7 wants it as in the request; there it is set. */
    if (header_opcode(&ticket->header) == OPCODE_NOTIFY && rcode == RCODE_NOERROR)
        header.flags |= FLAG_AA;
    header_write(writer, &header);
    writer_add(writer, ticket->question, question_length);
    if (!edns)
        return;
    if (ticket_is_padded(ticket))
        edns_pad(edns, writer->length, tsig_size(&ticket->tsig), writer->limit);
    edns_write(writer, edns);
}

enum taken reply_code(struct desk *desk, struct ticket *ticket, uint16_t rcode, uint16_t extended)
{
    size_t limit = reply_limit(desk, ticket), room = tsig_size(&ticket->tsig);
    struct writer writer = writer_over(desk->out, limit > room ? limit - room : 0);
    struct edns_reply edns = {.payload = desk->answerer.udp_payload,
                              .extended_rcode = (uint8_t)(rcode >> 4),
                              .dnssec_ok = ticket->edns.dnssec_ok,
                              .extended_error = extended};
    struct edns_reply *opt = ticket->edns.present ? &edns : NULL;

    write_reply(&writer, ticket, rcode, opt, ticket->question_length);
    if (writer.failed) { /* names so long that the question has to go, or all but the header */
        writer_rewind(&writer, 0);
        write_reply(&writer, ticket, rcode, opt, 0);
    }
    if (writer.failed) {
        writer_rewind(&writer, 0);
        write_reply(&writer, ticket, rcode, NULL, 0);
    }
    metric_add(desk->metrics, METRIC_DESK_REFUSED,
               rcode == RCODE_REFUSED || rcode == RCODE_NOTAUTH);
    return writer.failed ? say_nothing(desk, ticket) : reply_octets(desk, ticket, writer.length);
}
