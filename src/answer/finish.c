/* finish.c - the frame of a response: header, question, OPT, and what becomes of what went wrong.
 */
#include <string.h>

#include "making.h"

enum { PLAIN_UDP_OCTETS = 512 };

/* All but what only the end shows. */
static struct edns_reply reply_of(const struct making *making)
{
    const struct answerer *answerer = making->answerer;
    const struct edns *edns = &making->query->edns;
    const struct answer_facts *facts = making->facts;

    return (struct edns_reply){
        .payload = answerer->udp_payload,
        .dnssec_ok = edns->dnssec_ok,
        .nsid = edns->nsid ? answerer->nsid : NULL,
        .nsid_length = answerer->nsid_length,
        .cookie = facts->cookie,
        .cookie_length = facts->cookie_length,
        .keepalive = facts->keepalive && edns->keepalive && facts->transport == ANSWER_TCP,
        .keepalive_tenths = facts->keepalive_tenths,
        .extended_error = EDE_NONE,
    };
}

/* The most octets that this client may be sent. */
static size_t limit_of(const struct making *making, size_t size)
{
    const struct edns *edns = &making->query->edns;
    size_t limit = MESSAGE_MAX_OCTETS;

    if (making->facts->transport == ANSWER_UDP) {
        limit = PLAIN_UDP_OCTETS;
        if (edns->present && edns->payload > limit)
            limit = edns->payload < making->answerer->udp_payload ? edns->payload
                                                                  : making->answerer->udp_payload;
        if (limit < PLAIN_UDP_OCTETS)
            limit = PLAIN_UDP_OCTETS;
    }
    return limit < size ? limit : size;
}

void finish_begin(struct making *making, uint8_t *out, size_t size)
{
    const struct query *query = making->query;
    size_t limit = limit_of(making, size);

    memcpy(out, query->octets, query->question_end);
    making->opt_octets = 0;
    if (query->edns.present) {
        making->reply = reply_of(making);
        size_t octets = edns_size(&making->reply);
        making->opt_octets = (uint16_t)(octets < limit ? octets : limit);
    }
    making->limit = limit - making->opt_octets;
    if (making->limit < query->question_end)
        making->limit = query->question_end;
    making->builder.writer =
        (struct writer){.octets = out, .length = query->question_end, .limit = making->limit};
    making->builder.counts[SECTION_QUESTION] = query->question_end > MESSAGE_HEADER_OCTETS;
}

void finish_open(struct making *making)
{
    builder_begin(&making->builder, making->builder.writer.octets, making->query->question_end,
                  making->limit);
    making->start = builder_mark(&making->builder);
}

void finish_error(struct making *making, uint16_t rcode, uint16_t extended_error)
{
    finish_open(making);
    making->rcode = rcode;
    making->extended_error = extended_error;
    making->authoritative = making->truncated = making->glue_left_out = false;
    making->outcome->kind = rcode == RCODE_SERVFAIL  ? ANSWER_FAILURE
                            : rcode == RCODE_REFUSED ? ANSWER_REFUSED
                                                     : ANSWER_ERROR;
    /* One charge for all of a kind, whatever name was asked for. */
    making->outcome->charge = making->outcome->kind;
}

/* What the makers noted. Returns whether there is a response. */
static bool settle(struct making *making)
{
    struct outcome *outcome = making->outcome;

    outcome->corrupt = making->corrupt;
    if (making->corrupt) {
        outcome->wanted_count = 0;
        finish_error(making, RCODE_SERVFAIL, EDE_INVALID_DATA);
    } else if (outcome->verdict == ANSWER_DROP) {
        return false;
    } else if (outcome->wanted_count && making->facts->patience != ANSWER_NOW) {
        outcome->verdict = ANSWER_WANTED;
        return false;
    } else if (outcome->wanted_count) {
        finish_error(making, RCODE_SERVFAIL, EDE_RRSIGS_MISSING);
    } else if (making->truncated && making->facts->transport == ANSWER_TCP) {
        finish_error(making, RCODE_SERVFAIL, EDE_OTHER); /* 64 KiB are not enough */
    } else if (making->truncated) {
        /* The client comes again over TCP: what fits would be of no use to it. */
        builder_rewind(&making->builder, &making->start);
    }
    return true;
}

static void put_opt(struct making *making)
{
    struct builder *builder = &making->builder;
    struct outcome *outcome = making->outcome;
    struct edns_reply *reply = &making->reply;

    reply->extended_rcode = (uint8_t)(making->rcode >> 4);
    reply->extended_error = making->extended_error;
    builder->writer.limit += making->opt_octets;
    /* Room was kept for all but the extended error. */
    if (edns_size(reply) > builder->writer.limit - builder->writer.length)
        reply->extended_error = EDE_NONE;
    size_t at = builder->writer.length;
    edns_write(&builder->writer, reply);
    if (builder->writer.failed) { /* a buffer smaller than the contract says */
        writer_rewind(&builder->writer, at);
        return;
    }
    builder->counts[SECTION_ADDITIONAL]++;
    outcome->opt_at = (uint16_t)at;
    outcome->opt_length = (uint16_t)(builder->writer.length - at);
}

static void put_flags(struct making *making, uint8_t *out)
{
    uint16_t flags = making->query->header.flags & (FLAG_OPCODE | FLAG_RD | FLAG_CD);

    flags |= FLAG_QR | (making->rcode & FLAG_RCODE);
    if (making->authoritative)
        flags |= FLAG_AA;
    if (making->outcome->truncated)
        flags |= FLAG_TC;
    out[2] = (uint8_t)(flags >> 8);
    out[3] = (uint8_t)flags;
}

void finish_end(struct making *making)
{
    struct outcome *outcome = making->outcome;

    if (!settle(making))
        return;
    outcome->truncated = making->truncated || making->glue_left_out;
    if (making->query->edns.present)
        put_opt(making);
    put_flags(making, making->builder.writer.octets);
    outcome->rcode = making->rcode;
    outcome->length = builder_finish(&making->builder);
}

size_t answer_shorten(uint8_t *out, struct outcome *outcome)
{
    size_t length = outcome->question_end;

    memset(out + 6, 0, 6); /* records of all three sections */
    if (outcome->opt_at) {
        memmove(out + length, out + outcome->opt_at, outcome->opt_length);
        out[11] = 1;
        outcome->opt_at = (uint16_t)length;
        length += outcome->opt_length;
    }
    out[2] |= FLAG_TC >> 8;
    outcome->truncated = true;
    outcome->length = length;
    return length;
}
