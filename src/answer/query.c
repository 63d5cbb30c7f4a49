/* query.c - the octets of a message to a question, or to what is wrong with it. */
#include "avow/answer/query.h"

#include "making.h"

/* What the records behind the question come to. */
enum found_records { RECORDS_GOOD, RECORDS_MALFORMED, RECORDS_TSIG };

static enum found_records read_opt(struct reader from, bool additional, struct query *query)
{
    LEFT_UNSET struct record record;
    /* RFC 6891 section 6.1.1: one OPT, in the additional section. */
    bool again = query->edns.present;

    if (!additional || again) {
        query->edns.present = true;
        return RECORDS_MALFORMED;
    }
    record_read(&from, &record);
    if (from.failed || edns_read(&record, &query->edns)) {
        query->edns.present = true;
        return RECORDS_MALFORMED;
    }
    return RECORDS_GOOD;
}

/* All records, for an OPT and a TSIG. What else a query carries is of no interest, but must be
 * well-formed. */
static enum found_records read_records(struct reader *message, struct query *query)
{
    unsigned before =
        (unsigned)query->header.counts[SECTION_ANSWER] + query->header.counts[SECTION_AUTHORITY];
    unsigned count = before + query->header.counts[SECTION_ADDITIONAL];
    enum found_records found = RECORDS_GOOD;

    for (unsigned i = 0; i < count; i++) {
        struct reader start = *message;
        uint16_t type = record_skip(message);
        if (message->failed)
            return RECORDS_MALFORMED;
        if (type == TYPE_TSIG && i >= before)
            return RECORDS_TSIG; /* also when it is not the last: the desk says so */
        if (type == TYPE_TSIG)   /* RFC 8945 section 5.1: nowhere else */
            found = RECORDS_MALFORMED;
        if (type == TYPE_OPT && read_opt(start, i >= before, query) != RECORDS_GOOD)
            found = RECORDS_MALFORMED;
    }
    return reader_finish(message) ? RECORDS_MALFORMED : found;
}

/* Types that are no question of data (RFC 6895 section 3.1, RFC 9824 section 3.5). */
static uint16_t check_type(uint16_t type)
{
    switch (type) {
    case TYPE_OPT:
    case TYPE_TSIG:
    case TYPE_TKEY:
    case TYPE_NXNAME:
        return RCODE_FORMERR;
    case TYPE_MAILA:
    case TYPE_MAILB:
        return RCODE_NOTIMP;
    default:
        return RCODE_NOERROR;
    }
}

static uint16_t check(const struct query *query, enum found_records found)
{
    bool asks = query->question_end > MESSAGE_HEADER_OCTETS;

    if (found != RECORDS_GOOD)
        return RCODE_FORMERR;
    if (query->edns.version > 0)
        return RCODE_BADVERS; /* RFC 6891 section 6.1.3 */
    if (asks)
        return check_type(query->question.type);
    /* Without a question nothing but a cookie can be asked for (RFC 7873 section 5.4). */
    return query->edns.cookie_length ? RCODE_NOERROR : RCODE_FORMERR;
}

static enum answer_verdict read_query(struct reader *message, struct query *query)
{
    uint16_t questions = query->header.counts[SECTION_QUESTION];

    if (questions > 1) { /* RFC 9619 */
        query->rcode = RCODE_FORMERR;
        return ANSWER_SEND;
    }
    if (questions == 1) {
        question_read(message, &query->question);
        if (message->failed) {
            query->rcode = RCODE_FORMERR;
            return ANSWER_SEND;
        }
        query->question_end = (uint16_t)(message->at - message->start);
        if (query->question.type == TYPE_AXFR || query->question.type == TYPE_IXFR)
            return ANSWER_HANDOFF;
    }
    enum found_records found = read_records(message, query);
    if (found == RECORDS_TSIG)
        return ANSWER_HANDOFF;
    query->rcode = check(query, found);
    return ANSWER_SEND;
}

enum answer_verdict query_read(const uint8_t *octets, size_t length, struct query *query)
{
    struct reader message = reader_over(octets, length);

    query->octets = octets;
    query->question_end = MESSAGE_HEADER_OCTETS;
    query->rcode = RCODE_NOERROR;
    query->edns = (struct edns){.present = false};
    header_read(&message, &query->header);
    /* An answer to a response could go back and forth for ever. */
    if (message.failed || length > MESSAGE_MAX_OCTETS || query->header.flags & FLAG_QR)
        return ANSWER_DROP;
    switch (header_opcode(&query->header)) {
    case OPCODE_QUERY:
        return read_query(&message, query);
    case OPCODE_NOTIFY:
    case OPCODE_UPDATE:
        return ANSWER_HANDOFF;
    default: /* RFC 8906 section 8.1.4: echoed, and without a body */
        query->rcode = RCODE_NOTIMP;
        return ANSWER_SEND;
    }
}
