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
