/* refuse.c - answers to what the desk was handed and does not do. */
#include "refuse.h"

#include "avow/wire/edns.h"
#include "avow/wire/message.h"

enum { UDP_PLAIN_OCTETS = 512, TYPE_OF_OPT = 41, TYPE_OF_TSIG = 250, CLASS_ANY_VALUE = 255 };

/* What of the message the answer depends on. */
struct asked {
    struct header header;
    bool has_question;
    size_t question_end; /* octets up to the end of the question section */
    struct edns edns;
    bool has_tsig;
    struct name key, algorithm;
    uint64_t time_signed; /* 48 bits */
    uint16_t fudge;
    uint16_t original_id;
    bool malformed;
};

/* RFC 8945 section 4.2. */
static void read_tsig(struct asked *asked, struct record *record)
{
    struct reader *rdata = &record->rdata;

    name_copy(&asked->key, &record->owner);
    name_read(rdata, &asked->algorithm);
    asked->time_signed = (uint64_t)reader_u16(rdata) << 32;
    asked->time_signed |= reader_u32(rdata);
    asked->fudge = reader_u16(rdata);
    reader_take(rdata, reader_u16(rdata)); /* the MAC, of a key that is not known */
    asked->original_id = reader_u16(rdata);
    (void)reader_u16(rdata);
    reader_take(rdata, reader_u16(rdata));
    if (reader_finish(rdata) || record->class_ != CLASS_ANY_VALUE || record->ttl != 0)
        asked->malformed = true;
    else
        asked->has_tsig = true;
}

static void read_records(struct asked *asked, struct reader *message)
{
    const uint16_t *counts = asked->header.counts;
    unsigned total = counts[SECTION_ANSWER] + counts[SECTION_AUTHORITY];
    unsigned additional = counts[SECTION_ADDITIONAL];
    struct record record;

    for (unsigned i = 0; i < total + additional && !message->failed; i++) {
        record_read(message, &record);
        if (message->failed || i < total)
            continue;
        if (asked->has_tsig)
            asked->malformed = true; /* TSIG must be the last (RFC 8945 section 5.1) */
        if (record.type == TYPE_OF_TSIG)
            read_tsig(asked, &record);
        if (record.type == TYPE_OF_OPT && (asked->edns.present || edns_read(&record, &asked->edns)))
            asked->malformed = true;
    }
}

static void read_message(struct asked *asked, struct reader *message)
{
    struct question question;

    header_read(message, &asked->header);
    if (asked->header.counts[SECTION_QUESTION] == 1) {
        question_read(message, &question);
        asked->has_question = !message->failed;
        asked->question_end = (size_t)(message->at - message->start);
    } else {
        asked->malformed = true;
        return;
    }
    read_records(asked, message);
    if (reader_finish(message))
        asked->malformed = true;
}

static enum rcode choose_rcode(const struct asked *asked)
{
    if (asked->malformed)
        return RCODE_FORMERR;
    if (asked->has_tsig)
        return RCODE_NOTAUTH;
    switch ((unsigned)header_opcode(&asked->header)) {
    case OPCODE_QUERY: /* a transfer: nobody is allowed one */
    case OPCODE_UPDATE:
        return RCODE_REFUSED;
    case OPCODE_NOTIFY: /* we are no secondary of any zone */
        return RCODE_NOTAUTH;
    default:
        return RCODE_NOTIMP;
    }
}

/* Unsigned, since there is no key to sign it with: the MAC is empty. */
static void write_tsig(struct writer *writer, const struct asked *asked)
{
    name_write(writer, &asked->key);
    writer_u16(writer, TYPE_OF_TSIG);
    writer_u16(writer, CLASS_ANY_VALUE);
    writer_u32(writer, 0);
    size_t mark = writer_open_length(writer);
    name_write(writer, &asked->algorithm);
    writer_u16(writer, (uint16_t)(asked->time_signed >> 32));
    writer_u32(writer, (uint32_t)asked->time_signed);
    writer_u16(writer, asked->fudge);
    writer_u16(writer, 0);
    writer_u16(writer, asked->original_id);
    writer_u16(writer, RCODE_BADKEY);
    writer_u16(writer, 0);
    writer_close_length(writer, mark);
}

static void write_reply(struct writer *writer, const uint8_t *message, const struct asked *asked,
                        bool with_question)
{
    enum rcode rcode = choose_rcode(asked);
    bool tsig = rcode == RCODE_NOTAUTH && asked->has_tsig;
    struct header header = {
        .id = asked->header.id,
        .flags =
            (uint16_t)(FLAG_QR | (asked->header.flags & (FLAG_OPCODE | FLAG_RD)) | (uint16_t)rcode),
        .counts = {[SECTION_QUESTION] = with_question,
                   [SECTION_ADDITIONAL] = (uint16_t)(asked->edns.present + tsig)}};

    header_write(writer, &header);
    if (with_question)
        writer_add(writer, message + MESSAGE_HEADER_OCTETS,
                   asked->question_end - MESSAGE_HEADER_OCTETS);
    if (asked->edns.present) {
        struct edns_reply reply = {.payload = REFUSE_MAX_OCTETS,
                                   .dnssec_ok = asked->edns.dnssec_ok,
                                   .extended_error =
                                       rcode == RCODE_REFUSED ? EDE_PROHIBITED : EDE_NONE};
        edns_write(writer, &reply);
    }
    if (tsig)
        write_tsig(writer, asked);
}

static size_t reply_limit(const struct asked *asked, bool udp)
{
    if (!udp)
        return REFUSE_MAX_OCTETS;
    if (!asked->edns.present)
        return UDP_PLAIN_OCTETS;
    return asked->edns.payload < REFUSE_MAX_OCTETS ? asked->edns.payload : REFUSE_MAX_OCTETS;
}

enum refusal refuse(const uint8_t *message, size_t length, bool udp, uint8_t *reply,
                    size_t *reply_length)
{
    struct asked asked = {.has_question = false};
    struct reader reader = reader_over(message, length);

    *reply_length = 0;
    if (length < MESSAGE_HEADER_OCTETS)
        return REFUSAL_NONE;
    read_message(&asked, &reader);
    if (asked.header.flags & FLAG_QR)
        return REFUSAL_NONE;

    struct writer writer = writer_over(reply, reply_limit(&asked, udp));
    write_reply(&writer, message, &asked, asked.has_question);
    if (writer.failed) { /* names so long that the question has to go */
        writer_rewind(&writer, 0);
        write_reply(&writer, message, &asked, false);
    }
    if (writer.failed)
        return REFUSAL_NONE;
    *reply_length = writer.length;
    return asked.has_tsig && !asked.malformed ? REFUSAL_BAD_KEY : REFUSAL_PLAIN;
}
