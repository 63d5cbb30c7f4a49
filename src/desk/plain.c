/* plain.c - queries that the front would answer but for their TSIG, or their connection. */
#include <string.h>

#include "internal.h"

static const enum metric rcode_metrics[] = {
    [RCODE_NOERROR] = METRIC_RCODE_NOERROR,   [RCODE_FORMERR] = METRIC_RCODE_FORMERR,
    [RCODE_SERVFAIL] = METRIC_RCODE_SERVFAIL, [RCODE_NXDOMAIN] = METRIC_RCODE_NXDOMAIN,
    [RCODE_NOTIMP] = METRIC_RCODE_NOTIMP,     [RCODE_REFUSED] = METRIC_RCODE_REFUSED,
};

static void count_answer(struct desk *desk)
{
    uint16_t rcode = desk->outcome.rcode;

    metric_add(desk->metrics,
               rcode < COUNT(rcode_metrics) ? rcode_metrics[rcode] : METRIC_RCODE_OTHER, 1);
    metric_add(desk->metrics, METRIC_TRUNCATED, desk->outcome.truncated);
    metric_add(desk->metrics, METRIC_STORE_CORRUPT, desk->outcome.corrupt);
}

/* As for the front, and room for the TSIG is kept. */
static void make_answer(struct desk *desk, const struct ticket *ticket,
                        enum answer_patience patience)
{
    size_t limit = reply_limit(desk, ticket), room = tsig_size(&ticket->tsig);
    struct answer_facts facts = {
        .now = desk->now,
        .transport = ticket->origin.udp ? ANSWER_UDP : ANSWER_TCP,
        .patience = patience,
        .keepalive = !ticket->origin.udp,
        .encrypted = ticket->origin.encrypted,
        .behind = (uint16_t)room,
        .keepalive_tenths = (uint16_t)(desk->idle_ms / 100), /* at most an hour */
    };

    answer_query(&desk->answerer, &desk->query, &facts, desk->out, limit > room ? limit - room : 0,
                 &desk->outcome);
}

enum taken plain_answer(struct desk *desk, struct ticket *ticket, const uint8_t *octets,
                        size_t length, enum answer_patience patience)
{
    if (query_read(octets, length, &desk->query) != ANSWER_SEND)
        return reply_code(desk, ticket, RCODE_FORMERR, EDE_NONE);
    make_answer(desk, ticket, patience);
    if (desk->outcome.verdict == ANSWER_WANTED)
        return TAKEN_WAITS;
    count_answer(desk);
    /* A question so long that it, the OPT and the TSIG do not fit together. */
    size_t room = tsig_size(&ticket->tsig), made = desk->outcome.length;
    if (made + room > reply_limit(desk, ticket))
        made = answer_shorten(desk->out, &desk->outcome);
    if (made + room > reply_limit(desk, ticket))
        return reply_code(desk, ticket, RCODE_SERVFAIL, EDE_NONE);
    return reply_octets(desk, ticket, made);
}

/* The message without its TSIG, as answer knows messages. */
static void strip(struct desk *desk, struct request *request)
{
    memcpy(desk->plain, request->octets, request->length);
    desk->plain[10] = (uint8_t)(request->counts[SECTION_ADDITIONAL] >> 8);
    desk->plain[11] = (uint8_t)request->counts[SECTION_ADDITIONAL];
    request->octets = desk->plain;
}

enum taken plain_take(struct desk *desk, struct request *request)
{
    struct ticket *ticket = &request->ticket;

    strip(desk, request);
    if (!desk_read(desk)) {
        if (waiting_park(desk, request, false))
            return TAKEN_WAITS;
        return reply_code(desk, ticket, RCODE_SERVFAIL, EDE_NOT_READY);
    }
    enum taken taken =
        plain_answer(desk, ticket, request->octets, request->length, ANSWER_MAY_WAIT);
    if (taken == TAKEN_WAITS && !waiting_park(desk, request, true))
        taken = plain_answer(desk, ticket, request->octets, request->length, ANSWER_NOW);
    snapshot_rest(&desk->snapshot);
    return taken;
}
