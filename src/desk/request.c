/* request.c - a message to what it asks for: TSIG first, then form, then who does it. */
#include <string.h>

#include "internal.h"

enum { LINES_PER_MINUTE = 30 };

/* ---- reading ---------------------------------------------------------------------------------*/

static bool is_transfer(const struct request *request)
{
    return header_opcode(&request->ticket.header) == OPCODE_QUERY &&
           request->counts[SECTION_QUESTION] == 1 &&
           (request->question.type == TYPE_AXFR || request->question.type == TYPE_IXFR);
}

/* RFC 6891 section 6.1.1: one OPT, in the additional section. */
static enum result read_opt(struct reader from, struct edns *edns)
{
    struct record record;

    record_read(&from, &record);
    if (!edns->present && !from.failed && edns_read(&record, edns) == RESULT_OK)
        return RESULT_OK;
    edns->present = true;
    return RESULT_FORMAT;
}

/* Step over all records, for the OPT and for their form. What RDATA says is for others, and so are
 * owners: nobody has shown a right to more work than this yet. */
static enum result read_records(struct request *request)
{
    unsigned before =
        (unsigned)request->counts[SECTION_ANSWER] + request->counts[SECTION_AUTHORITY];
    unsigned count = before + request->counts[SECTION_ADDITIONAL];
    struct edns *edns = &request->ticket.edns;
    struct reader reader = request->body;

    for (unsigned i = 0; i < count; i++) {
        struct reader start = reader;
        uint16_t type = record_skip(&reader);
        if (reader.failed)
            return RESULT_FORMAT;
        request->has_tsig |= type == TYPE_TSIG;
        if (type == TYPE_OPT && i >= before && read_opt(start, edns))
            return RESULT_FORMAT;
    }
    return reader_finish(&reader);
}

/* The header was read. RESULT_FORMAT leaves behind what can be echoed. */
static enum result read_message(struct request *request)
{
    struct ticket *ticket = &request->ticket;

    if (request->counts[SECTION_QUESTION] == 1) {
        question_read(&request->body, &request->question);
        if (request->body.failed)
            return RESULT_FORMAT;
        ticket->question_length =
            (uint16_t)(request->body.at - request->octets - MESSAGE_HEADER_OCTETS);
        memcpy(ticket->question, request->octets + MESSAGE_HEADER_OCTETS, ticket->question_length);
    }
    return request->counts[SECTION_QUESTION] > 1 ? RESULT_FORMAT : read_records(request);
}

/* ---- TSIG ------------------------------------------------------------------------------------*/

static const struct {
    uint16_t rcode;
    enum metric metric;
    const char *why;
} outcomes[] = {
    [TSIG_ABSENT] = {.rcode = RCODE_NOERROR}, /* not counted */
    [TSIG_GOOD] = {RCODE_NOERROR, METRIC_TSIG_GOOD, NULL},
    [TSIG_MALFORMED] = {RCODE_FORMERR, METRIC_TSIG_MALFORMED, "is malformed, or not last"},
    [TSIG_BADKEY] = {RCODE_NOTAUTH, METRIC_TSIG_BADKEY, "is by a key that is not known"},
    [TSIG_BADSIG] = {RCODE_NOTAUTH, METRIC_TSIG_BADSIG, "is wrong"},
    [TSIG_BADTRUNC] = {RCODE_NOTAUTH, METRIC_TSIG_BADTRUNC, "is too short"},
    [TSIG_BADTIME] = {RCODE_NOTAUTH, METRIC_TSIG_BADTIME, "is out of time"},
};

static void tell_tsig(struct desk *desk, const struct request *request, enum tsig_outcome outcome)
{
    char address[CONFIG_ADDRESS_TEXT];

    metric_add(desk->metrics, outcomes[outcome].metric, 1);
    if (outcomes[outcome].why)
        log_limited(
            &desk->tsig_lines, LINES_PER_MINUTE, desk->now_ms, "the TSIG of a message from %s %s",
            config_address_to_text(&request->ticket.origin.peer, address), outcomes[outcome].why);
}

/* The RCODE that the TSIG comes to; NOERROR: go on. What is malformed as a whole is so here, too.
 */
static uint16_t check_tsig(struct desk *desk, struct request *request)
{
    struct ticket *ticket = &request->ticket;
    size_t plain;
    enum tsig_outcome outcome = tsig_check(&ticket->keyring->ring, request->octets, request->length,
                                           desk->now, &ticket->tsig, &plain);

    request->length = plain;
    request->body.end = request->octets + plain;
    if (outcome == TSIG_GOOD) {
        request->counts[SECTION_ADDITIONAL]--;
        request->trusted = ticket->origin.trusted = true;
    }
    if (request->has_tsig)
        tell_tsig(desk, request, outcome);
    return outcomes[outcome].rcode;
}

/* ---- what it asks for ------------------------------------------------------------------------*/

static bool is_known(const struct header *header)
{
    enum opcode opcode = header_opcode(header);

    return opcode == OPCODE_QUERY || opcode == OPCODE_NOTIFY || opcode == OPCODE_UPDATE;
}

static enum taken dispatch(struct desk *desk, struct request *request)
{
    switch ((unsigned)header_opcode(&request->ticket.header)) {
    case OPCODE_NOTIFY:
        return notify_in_take(desk, request);
    case OPCODE_UPDATE:
        return pending_take(desk, request);
    default:
        return is_transfer(request) ? streams_take(desk, request) : plain_take(desk, request);
    }
}

/* What follows the header means something else there, and is neither judged nor echoed (RFC 8906
 * section 8.1.4), as in the front. */
static enum taken refuse_opcode(struct desk *desk, struct ticket *ticket)
{
    ticket->question_length = 0;
    ticket->edns.present = false;
    return reply_code(desk, ticket, RCODE_NOTIMP, EDE_NONE);
}

/* NOTIFY and UPDATE are about exactly one zone (RFC 1996 section 3.7, RFC 2136 section 3.1.1). */
static bool wants_question(const struct request *request)
{
    enum opcode opcode = header_opcode(&request->ticket.header);

    return (opcode == OPCODE_NOTIFY || opcode == OPCODE_UPDATE) &&
           (request->counts[SECTION_QUESTION] != 1 || request->question.type != TYPE_SOA);
}

static enum taken take(struct desk *desk, struct request *request)
{
    struct ticket *ticket = &request->ticket;
    enum result form = read_message(request);
    uint16_t rcode = check_tsig(desk, request);

    if (rcode)
        return reply_code(desk, ticket, rcode, EDE_NONE);
    if (!is_known(&ticket->header))
        return refuse_opcode(desk, ticket);
    if (form || wants_question(request))
        return reply_code(desk, ticket, RCODE_FORMERR, EDE_NONE);
    if (ticket->edns.version > 0)
        return reply_code(desk, ticket, RCODE_BADVERS, EDE_NONE);
    return dispatch(desk, request);
}

enum taken desk_take(struct desk *desk, const struct origin *origin, const uint8_t *octets,
                     size_t length, bool *trusted)
{
    struct request request = {.octets = octets, .length = length};
    struct ticket *ticket = &request.ticket;

    metric_add(desk->metrics, METRIC_DESK_MESSAGES, 1);
    request.body = reader_over(octets, length);
    header_read(&request.body, &ticket->header);
    /* An answer to a response could go back and forth for ever. */
    if (request.body.failed || length > MESSAGE_MAX_OCTETS || ticket->header.flags & FLAG_QR)
        return TAKEN_SILENT;
    ticket->origin = *origin;
    ticket->keyring = desk->keyring;
    memcpy(request.counts, ticket->header.counts, sizeof request.counts);
    enum taken taken = take(desk, &request);
    if (trusted)
        *trusted = request.trusted;
    return taken;
}
