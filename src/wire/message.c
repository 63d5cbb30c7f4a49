/* message.c - the header, the question and the records of a received message. */
#include "avow/wire/message.h"

void header_read(struct reader *message, struct header *header)
{
    struct reader part = reader_part(message, MESSAGE_HEADER_OCTETS);

    header->id = reader_u16(&part);
    header->flags = reader_u16(&part);
    for (unsigned i = 0; i < SECTIONS; i++)
        header->counts[i] = reader_u16(&part);
}

void header_write(struct writer *writer, const struct header *header)
{
    writer_u16(writer, header->id);
    writer_u16(writer, header->flags);
    for (unsigned i = 0; i < SECTIONS; i++)
        writer_u16(writer, header->counts[i]);
}

void question_read(struct reader *message, struct question *question)
{
    name_read_plain(message, &question->name);
    question->type = reader_u16(message);
    question->class_ = reader_u16(message);
}

void record_read(struct reader *message, struct record *record)
{
    name_read(message, &record->owner);
    record->type = reader_u16(message);
    record->class_ = reader_u16(message);
    record->ttl = reader_u32(message);
    record->rdata = reader_part(message, reader_u16(message));
}

/* An owner, in time that is bounded by the octets that it takes here. */
static void skip_owner(struct reader *message)
{
    size_t run = (size_t)(message->at - message->start);
    uint8_t octet = reader_u8(message);

    while (octet > 0 && octet <= NAME_MAX_LABEL_OCTETS) {
        reader_take(message, octet);
        octet = reader_u8(message);
    }
    if (octet == 0)
        return;
    size_t target = (size_t)(octet & 0x3f) << 8 | reader_u8(message);
    if (octet < 0xc0 || target >= run)
        reader_fail(message);
}

uint16_t record_skip(struct reader *message)
{
    skip_owner(message);
    uint16_t type = reader_u16(message);
    reader_take(message, 2 + 4); /* class and TTL */
    reader_take(message, reader_u16(message));
    return type;
}

const char *rcode_to_text(uint16_t rcode)
{
    static const char *const texts[] = {
        [RCODE_NOERROR] = "NOERROR",     [RCODE_FORMERR] = "FORMERR", [RCODE_SERVFAIL] = "SERVFAIL",
        [RCODE_NXDOMAIN] = "NXDOMAIN",   [RCODE_NOTIMP] = "NOTIMP",   [RCODE_REFUSED] = "REFUSED",
        [RCODE_YXDOMAIN] = "YXDOMAIN",   [RCODE_YXRRSET] = "YXRRSET", [RCODE_NXRRSET] = "NXRRSET",
        [RCODE_NOTAUTH] = "NOTAUTH",     [RCODE_NOTZONE] = "NOTZONE", [RCODE_BADVERS] = "BADVERS",
        [RCODE_BADKEY] = "BADKEY",       [RCODE_BADTIME] = "BADTIME", [RCODE_BADTRUNC] = "BADTRUNC",
        [RCODE_BADCOOKIE] = "BADCOOKIE",
    };
    const char *text = rcode < COUNT(texts) ? texts[rcode] : NULL;
    return text ? text : "an unassigned RCODE";
}
