/* transfer_lab.h - records in a bag, and a stream of a transfer read back into one. */
#ifndef TESTS_UNIT_TRANSFER_LAB_H
#define TESTS_UNIT_TRANSFER_LAB_H

#include "store_support.h"

#include <stdio.h>

#include "avow/change/journal.h"
#include "avow/store/key.h"
#include "avow/wire/codec.h"
#include "avow/wire/rdata.h"
#include "src/desk/transfer.h"

/* ---- a bag of records ------------------------------------------------------------------------ */

/* A record as octets: owner in lower case, type, TTL, RDATA. */
struct bag_record {
    uint8_t *octets;
    size_t length;
};

struct bag {
    struct bag_record *records;
    size_t count, room;
};

static inline void bag_free(struct bag *bag)
{
    for (size_t i = 0; i < bag->count; i++)
        free(bag->records[i].octets);
    free(bag->records);
    *bag = (struct bag){.count = 0};
}

static inline void bag_take(struct bag *bag, const void *octets, size_t length)
{
    if (bag->count == bag->room) {
        bag->room = bag->room ? bag->room * 2 : 64;
        bag->records = realloc(bag->records, bag->room * sizeof *bag->records);
        ck_assert_ptr_nonnull(bag->records);
    }
    bag->records[bag->count++] = (struct bag_record){exact_copy(octets, length), length};
}

static inline void bag_add(struct bag *bag, const struct name *owner, uint16_t type, uint32_t ttl,
                           const void *rdata, size_t length)
{
    struct buffer octets = {.length = 0};
    struct name lowered;

    name_copy(&lowered, owner);
    name_lower(&lowered);
    buffer_add(&octets, lowered.octets, lowered.length);
    buffer_u16(&octets, type);
    buffer_u32(&octets, ttl);
    buffer_add(&octets, rdata, length);
    ck_assert_int_eq(buffer_check(&octets), RESULT_OK);
    bag_take(bag, octets.octets, octets.length);
    buffer_free(&octets);
}

static inline void bag_add_run(struct bag *bag, const struct name *owner, uint16_t type,
                               uint32_t ttl, const struct rdata_run *run)
{
    struct reader rdata;

    for (struct reader all = rdata_run_reader(run); rdata_next(&all, &rdata);)
        bag_add(bag, owner, type, ttl, rdata.at, reader_left(&rdata));
}

static inline int bag_compare(const void *a, const void *b)
{
    const struct bag_record *x = a, *y = b;

    return store_key_compare(x->octets, x->length, y->octets, y->length);
}

static inline void bag_sort(struct bag *bag)
{
    if (bag->count > 0)
        qsort(bag->records, bag->count, sizeof *bag->records, bag_compare);
}

static inline void bag_copy(struct bag *to, const struct bag *from)
{
    *to = (struct bag){.count = 0};
    for (size_t i = 0; i < from->count; i++)
        bag_take(to, from->records[i].octets, from->records[i].length);
}

/* One record less; false when it is not there. */
static inline bool bag_remove(struct bag *bag, const struct bag_record *record)
{
    for (size_t i = 0; i < bag->count; i++) {
        if (bag_compare(&bag->records[i], record) != 0)
            continue;
        free(bag->records[i].octets);
        bag->records[i] = bag->records[--bag->count];
        return true;
    }
    return false;
}

/* What is in `a` and not in `b` goes to `out`. Both sorted. */
static inline void bag_minus(const struct bag *a, const struct bag *b, struct bag *out)
{
    for (size_t i = 0, j = 0; i < a->count; i++) {
        while (j < b->count && bag_compare(&b->records[j], &a->records[i]) < 0)
            j++;
        if (j < b->count && bag_compare(&b->records[j], &a->records[i]) == 0)
            j++;
        else
            bag_take(out, a->records[i].octets, a->records[i].length);
    }
}

static inline const uint8_t *bag_type_at(const struct bag_record *record)
{
    const uint8_t *at = record->octets;

    while (*at != 0)
        at += *at + 1;
    return at + 1;
}

static inline uint16_t bag_type(const struct bag_record *record)
{
    const uint8_t *at = bag_type_at(record);

    return (uint16_t)(at[0] << 8 | at[1]);
}

/* The serial of an SOA. */
static inline uint32_t bag_serial(const struct bag_record *record)
{
    struct reader reader = reader_over(record->octets + record->length - 20, 4);

    return reader_u32(&reader);
}

static inline void bag_say(const struct bag_record *record, const char *what)
{
    struct reader reader = reader_over(record->octets, record->length);
    struct buffer text = {.length = 0};
    char owner[NAME_MAX_TEXT], type_text[TYPE_MAX_TEXT];
    struct name name;

    name_read_plain(&reader, &name);
    uint16_t type = reader_u16(&reader);
    uint32_t ttl = reader_u32(&reader);
    rdata_to_text(type, reader.at, reader_left(&reader), &text);
    fprintf(stderr, "%s %s %u %s %.*s\n", what, name_to_text(&name, owner), ttl,
            type_to_text(type, type_text), (int)text.length, (const char *)text.octets);
    buffer_free(&text);
}

/* Sorts both. */
static inline bool bag_equal(struct bag *is, struct bag *should_be)
{
    struct bag much = {.count = 0}, missing = {.count = 0};

    bag_sort(is);
    bag_sort(should_be);
    bag_minus(is, should_be, &much);
    bag_minus(should_be, is, &missing);
    for (size_t i = 0; i < much.count; i++)
        bag_say(&much.records[i], "too much:");
    for (size_t i = 0; i < missing.count; i++)
        bag_say(&missing.records[i], "missing: ");
    bool equal = much.count == 0 && missing.count == 0;
    bag_free(&much);
    bag_free(&missing);
    return equal;
}

/* ---- a stream -------------------------------------------------------------------------------- */

enum { LAB_ID = 0x4d2, LAB_LARGEST = 65535 };

/* What came, and how. */
struct stream {
    struct bag records; /* in the order in which they came */
    unsigned messages;
    size_t octets, largest;
    enum transfer_step last;
    struct edns edns;
    bool opt;
    size_t opt_length; /* of its RDATA */
    uint8_t opt_octets[64];
};

static inline void read_opt(struct stream *stream, struct reader *message)
{
    struct record record;

    record_read(message, &record);
    ck_assert_uint_eq(record.type, TYPE_OPT);
    stream->opt_length = reader_left(&record.rdata);
    ck_assert_uint_le(stream->opt_length, sizeof stream->opt_octets);
    memcpy(stream->opt_octets, record.rdata.at, stream->opt_length);
    ck_assert_int_eq(edns_read(&record, &stream->edns), RESULT_OK);
    stream->opt = true;
}

static inline void read_answer(struct stream *stream, struct reader *message)
{
    static uint8_t plain[LAB_LARGEST];
    struct record record;
    struct writer rdata = writer_over(plain, sizeof plain);

    record_read(message, &record);
    ck_assert(!message->failed);
    ck_assert_uint_eq(record.class_, CLASS_IN);
    const uint8_t *raw = record.rdata.at;
    size_t length = reader_left(&record.rdata);
    if (rdata_read(record.type, &record.rdata, &rdata) == RESULT_OK) {
        raw = plain;
        length = rdata.length;
    }
    bag_add(&stream->records, &record.owner, record.type, record.ttl, raw, length);
}

/* One message; its question is `question`, octet for octet, when it is the first. */
static inline void stream_read(struct stream *stream, const uint8_t *octets, size_t length,
                               const struct transfer_request *request)
{
    uint8_t *copy = exact_copy(octets, length);
    struct reader message = reader_over(copy, length);
    struct header header;

    header_read(&message, &header);
    ck_assert_uint_eq(header.id, LAB_ID);
    ck_assert_uint_eq(header.flags, FLAG_QR | FLAG_AA | (request->flags & FLAG_RD));
    ck_assert_uint_eq(header.counts[SECTION_QUESTION], stream->messages == 0);
    ck_assert_uint_eq(header.counts[SECTION_AUTHORITY], 0);
    ck_assert_uint_eq(header.counts[SECTION_ADDITIONAL], request->edns && stream->messages == 0);
    ck_assert_uint_gt(header.counts[SECTION_ANSWER], 0);
    if (stream->messages == 0) {
        const uint8_t *question = reader_take(&message, request->question_octets);
        ck_assert_mem_eq(question, request->question, request->question_octets);
    }
    for (unsigned i = 0; i < header.counts[SECTION_ANSWER]; i++)
        read_answer(stream, &message);
    if (header.counts[SECTION_ADDITIONAL])
        read_opt(stream, &message);
    ck_assert_int_eq(reader_finish(&message), RESULT_OK);
    stream->messages++;
    stream->octets += length;
    if (length > stream->largest)
        stream->largest = length;
    free(copy);
}

static inline void stream_free(struct stream *stream)
{
    bag_free(&stream->records);
    *stream = (struct stream){.messages = 0};
}

/* The question for a zone, and the request that has it. */
struct asking {
    struct transfer_request request;
    uint8_t question[NAME_MAX_OCTETS + 4];
};

static inline void ask_for(struct asking *asking, const struct name *zone, uint16_t type,
                           uint32_t serial)
{
    struct writer writer = writer_over(asking->question, sizeof asking->question);

    name_write(&writer, zone);
    writer_u16(&writer, type);
    writer_u16(&writer, CLASS_IN);
    asking->request = (struct transfer_request){.type = type,
                                                .serial = serial,
                                                .id = LAB_ID,
                                                .flags = FLAG_RD | FLAG_CD,
                                                .question = asking->question,
                                                .question_octets = writer.length};
    name_copy(&asking->request.zone, zone);
}

/* The whole stream; `between` is called before each message but the first. */
static inline void stream_all(struct stream *stream, struct transfer *transfer,
                              const struct transfer_request *request, size_t limit,
                              void (*between)(void *context), void *context)
{
    static uint8_t octets[LAB_LARGEST];

    *stream = (struct stream){.messages = 0};
    do {
        struct writer message = writer_over(octets, limit);
        if (between && stream->messages > 0)
            between(context);
        stream->last = transfer_next(transfer, &message);
        ck_assert(message.length <= limit);
        if (stream->last == TRANSFER_MESSAGE || stream->last == TRANSFER_LAST)
            stream_read(stream, octets, message.length, request);
        else
            ck_assert_uint_eq(message.length, 0);
    } while (stream->last == TRANSFER_MESSAGE || stream->last == TRANSFER_LATER);
}

/* ---- what a stream means --------------------------------------------------------------------- */

/* The zone that an AXFR stream is: its last SOA taken off, which must be the first. */
static inline void stream_zone(const struct stream *stream, struct bag *zone)
{
    const struct bag *records = &stream->records;

    ck_assert_uint_ge(records->count, 2);
    ck_assert_uint_eq(bag_type(&records->records[0]), TYPE_SOA);
    ck_assert_int_eq(bag_compare(&records->records[0], &records->records[records->count - 1]), 0);
    *zone = (struct bag){.count = 0};
    for (size_t i = 0; i + 1 < records->count; i++)
        bag_take(zone, records->records[i].octets, records->records[i].length);
}

/* Whether it is in the form of differences (RFC 1995 section 4). */
static inline bool stream_is_difference(const struct stream *stream)
{
    const struct bag *records = &stream->records;

    return records->count > 2 && bag_type(&records->records[1]) == TYPE_SOA;
}

/* Apply the differences to a zone, as a secondary does. Returns how many there were. */
static inline unsigned stream_apply(const struct stream *stream, struct bag *zone)
{
    const struct bag_record *records = stream->records.records;
    size_t last = stream->records.count - 1, i = 1;
    unsigned differences = 0;

    ck_assert_int_eq(bag_compare(&records[0], &records[last]), 0);
    while (i < last) {
        ck_assert_uint_eq(bag_type(&records[i]), TYPE_SOA);
        do
            ck_assert_msg(bag_remove(zone, &records[i]), "what is not there is removed");
        while (bag_type(&records[++i]) != TYPE_SOA);
        ck_assert_uint_lt(i, last);
        do {
            ck_assert_msg(!bag_remove(zone, &records[i]), "what is there is added");
            bag_take(zone, records[i].octets, records[i].length);
        } while (bag_type(&records[++i]) != TYPE_SOA);
        differences++;
    }
    ck_assert_uint_eq(i, last);
    return differences;
}

#endif
