/* record.c - the TSIG record: where it is in a message, what it says, how it is written. */
#include "record.h"

/* RDATA, class and TTL. The algorithm's name may be compressed, which is tolerated in reading. */
static enum tsig_outcome read_fields(struct record *from, struct tsig_record *record)
{
    struct reader *rdata = &from->rdata;

    name_copy(&record->owner, &from->owner);
    name_read(rdata, &record->algorithm);
    record->time_signed = (uint64_t)reader_u16(rdata) << 32;
    record->time_signed |= reader_u32(rdata);
    record->fudge = reader_u16(rdata);
    record->mac_length = reader_u16(rdata);
    record->mac = reader_take(rdata, record->mac_length);
    record->original_id = reader_u16(rdata);
    record->error = reader_u16(rdata);
    record->other_length = reader_u16(rdata);
    record->other = reader_take(rdata, record->other_length);
    if (reader_finish(rdata) || from->class_ != CLASS_ANY || from->ttl != 0)
        return TSIG_MALFORMED;
    return TSIG_GOOD;
}

/* Questions, and records where a TSIG has no place. False when there is one, or what is no record.
 * Each takes 5 octets or more, which bounds the walk by the length, whatever the counts say. */
static bool walk_to_additional(struct reader *message, const struct header *header)
{
    struct question question;

    for (unsigned i = 0; i < header->counts[SECTION_QUESTION] && !message->failed; i++)
        question_read(message, &question);
    unsigned records = (unsigned)header->counts[SECTION_ANSWER] + header->counts[SECTION_AUTHORITY];
    for (; records > 0 && !message->failed; records--) {
        if (record_skip(message) == TYPE_TSIG)
            return false;
    }
    return !message->failed;
}

/* The TSIG that begins where the reader stands, and at whose end the message must end. */
static enum tsig_outcome read_last(struct reader message, struct tsig_record *record)
{
    struct record last;

    record_read(&message, &last);
    return reader_finish(&message) ? TSIG_MALFORMED : read_fields(&last, record);
}

enum tsig_outcome tsig_record_find(const uint8_t *octets, size_t length, struct tsig_place *place,
                                   struct tsig_record *record)
{
    struct reader message = reader_over(octets, length);

    header_read(&message, &place->header);
    if (!walk_to_additional(&message, &place->header))
        return TSIG_MALFORMED;
    for (unsigned left = place->header.counts[SECTION_ADDITIONAL]; left > 0; left--) {
        struct reader before = message;
        uint16_t type = record_skip(&message);
        if (message.failed)
            return TSIG_MALFORMED;
        place->start = (size_t)(before.at - before.start);
        if (type == TYPE_TSIG)
            return left == 1 ? read_last(before, record) : TSIG_MALFORMED;
    }
    return TSIG_ABSENT;
}

void tsig_time_write(struct writer *writer, uint64_t time)
{
    writer_u16(writer, (uint16_t)(time >> 32));
    writer_u32(writer, (uint32_t)time);
}

void tsig_record_write(struct writer *writer, const struct tsig_record *record)
{
    name_write(writer, &record->owner);
    writer_u16(writer, TYPE_TSIG);
    writer_u16(writer, CLASS_ANY);
    writer_u32(writer, 0);
    size_t mark = writer_open_length(writer);
    name_write(writer, &record->algorithm);
    tsig_time_write(writer, record->time_signed);
    writer_u16(writer, record->fudge);
    writer_u16(writer, record->mac_length);
    writer_add(writer, record->mac, record->mac_length);
    writer_u16(writer, record->original_id);
    writer_u16(writer, record->error);
    writer_u16(writer, record->other_length);
    writer_add(writer, record->other, record->other_length);
    writer_close_length(writer, mark);
}
