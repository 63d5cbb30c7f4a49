/*
 * fuzz_message.c - a message is read record by record, built anew, and read again: both readings
 * must be equal. Its OPT records are read and written too.
 */
#include <stdlib.h>

#include "avow/wire/builder.h"
#include "avow/wire/edns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { KEPT = 64, RUN_OCTETS = 4096 };

/* A record that was read, as an RRset of one. */
struct kept {
    struct name owner;
    struct rrset rrset;
    enum section section;
    bool is_in;
};

struct message {
    struct kept kept[KEPT];
    unsigned count;
    struct writer runs; /* their RDATA, plain, each after its length */
    uint8_t octets[KEPT * RUN_OCTETS];
};

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* Where names stand in the RDATA of types that may be compressed. */
static void shape(uint16_t type, unsigned *before, unsigned *names)
{
    *before = type == TYPE_MX ? 2 : 0;
    *names = 0;
    if (type == TYPE_SOA || type == TYPE_MINFO)
        *names = 2;
    else if (type == TYPE_NS || type == TYPE_CNAME || type == TYPE_PTR || type == TYPE_MX ||
             (type >= TYPE_MB && type <= TYPE_MR) || type == TYPE_MD || type == TYPE_MF)
        *names = 1;
}

/* Write RDATA without pointers; false when its names are malformed. */
static bool write_plain(struct writer *writer, const struct record *record)
{
    struct reader rdata = record->rdata;
    unsigned before, names;

    shape(record->type, &before, &names);
    if (names) {
        writer_add(writer, reader_take(&rdata, before), rdata.failed ? 0 : before);
        for (; names > 0; names--) {
            struct name name;
            name_read(&rdata, &name);
            name_write(writer, &name);
        }
    }
    if (rdata.failed)
        return false;
    writer_add(writer, rdata.at, reader_left(&rdata));
    return !writer->failed;
}

static void keep(struct message *message, const struct record *record, enum section section)
{
    if (message->count == KEPT)
        return;
    struct kept *kept = &message->kept[message->count];
    size_t start = message->runs.length, mark = writer_open_length(&message->runs);
    if (!write_plain(&message->runs, record)) {
        writer_rewind(&message->runs, start);
        return;
    }
    writer_close_length(&message->runs, mark);
    if (message->runs.failed) {
        writer_rewind(&message->runs, start);
        return;
    }
    name_copy(&kept->owner, &record->owner);
    kept->section = section;
    kept->rrset = (struct rrset){
        .owner = &kept->owner,
        .type = record->type,
        .class_ = record->class_,
        .ttl = record->ttl,
        .rdata = {message->octets + start, (uint32_t)(message->runs.length - start), 1},
    };
    message->count++;
}

static void try_edns(const struct record *record)
{
    uint8_t octets[512];
    struct edns edns, again;
    struct record written;

    if (edns_read(record, &edns) != RESULT_OK)
        return;
    must(edns.payload >= EDNS_SMALLEST_PAYLOAD && edns.cookie_length <= EDNS_COOKIE_MAX_OCTETS);
    struct edns_reply reply = {
        .payload = edns.payload,
        .dnssec_ok = edns.dnssec_ok,
        .cookie = edns.cookie_length ? edns.cookie : NULL,
        .cookie_length = edns.cookie_length,
        .nsid = edns.nsid ? (const uint8_t *)"x" : NULL,
        .nsid_length = 1,
        .keepalive = edns.keepalive,
        .extended_error = edns.expire ? EDE_OTHER : EDE_NONE,
        .extended_text = edns.padding ? "text" : NULL,
    };
    struct writer writer = writer_over(octets, sizeof octets);
    edns_write(&writer, &reply);
    must(!writer.failed && writer.length == edns_size(&reply));
    struct reader reader = reader_over(octets, writer.length);
    record_read(&reader, &written);
    must(reader_finish(&reader) == RESULT_OK && edns_read(&written, &again) == RESULT_OK);
    must(again.payload == edns.payload && again.dnssec_ok == edns.dnssec_ok);
    must(again.cookie_length == edns.cookie_length && again.nsid == edns.nsid);
    must(memcmp(again.cookie, edns.cookie, edns.cookie_length) == 0);
}

/* Returns the octets of header and question; 0 when even those are malformed. */
static size_t read_message(const uint8_t *data, size_t size, struct message *message)
{
    struct reader reader = reader_over(data, size);
    struct header header;
    struct question question;
    struct record record;

    header_read(&reader, &header);
    if (!reader.failed && header.counts[SECTION_QUESTION] == 1)
        question_read(&reader, &question);
    if (reader.failed)
        return 0;
    size_t questions = (size_t)(reader.at - reader.start);
    for (enum section section = SECTION_ANSWER; section < SECTIONS; section++) {
        for (unsigned left = header.counts[section]; left > 0; left--) {
            record_read(&reader, &record);
            if (reader.failed)
                return questions;
            if (record.type == TYPE_OPT)
                try_edns(&record);
            keep(message, &record, section);
        }
    }
    return questions;
}

static bool same_folded(const uint8_t *a, const uint8_t *b, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (octet_lower(a[i]) != octet_lower(b[i]))
            return false;
    }
    return true;
}

static void must_read_back(const uint8_t *octets, size_t length, size_t questions,
                           const struct message *message)
{
    struct reader reader = reader_over(octets, length);
    uint16_t counts[SECTIONS] = {questions > MESSAGE_HEADER_OCTETS};
    struct header header;

    header_read(&reader, &header);
    reader_take(&reader, questions - MESSAGE_HEADER_OCTETS);
    for (unsigned i = 0; i < message->count; i++) {
        const struct kept *kept = &message->kept[i];
        uint8_t plain[RUN_OCTETS * 2];
        struct writer writer = writer_over(plain, sizeof plain);
        struct record record;
        if (!kept->is_in)
            continue;
        counts[kept->section]++;
        record_read(&reader, &record);
        must(!reader.failed && name_equal(&record.owner, &kept->owner));
        must(record.type == kept->rrset.type && record.class_ == kept->rrset.class_);
        must(record.ttl == kept->rrset.ttl && write_plain(&writer, &record));
        must(writer.length + 2 == kept->rrset.rdata.length);
        must(same_folded(plain, kept->rrset.rdata.octets + 2, writer.length));
    }
    must(reader_finish(&reader) == RESULT_OK);
    must(memcmp(header.counts, counts, sizeof counts) == 0);
}

static void rebuild(const uint8_t *data, size_t questions, size_t limit, struct message *message)
{
    size_t room = limit < questions ? questions : limit;
    uint8_t *octets = malloc(room); /* exactly what may be used */
    struct builder builder;

    must(octets);
    memcpy(octets, data, questions);
    builder_begin(&builder, octets, questions, limit);
    for (unsigned i = 0; i < message->count; i++) {
        struct kept *kept = &message->kept[i];
        struct builder_mark before = builder_mark(&builder);
        kept->is_in = builder_rrset(&builder, kept->section, &kept->rrset);
        struct builder_mark after = builder_mark(&builder);
        must(!builder.writer.failed && builder.writer.length <= room);
        must(kept->is_in || memcmp(&before.counts, &after.counts, sizeof before.counts) == 0);
        must(kept->is_in || before.length == after.length);
        must(kept->is_in || before.name_count == after.name_count);
    }
    size_t length = builder_finish(&builder);
    must_read_back(octets, length, questions, message);
    free(octets);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct message *message = malloc(sizeof *message);

    must(message);
    message->count = 0;
    message->runs = writer_over(message->octets, sizeof message->octets);
    size_t questions = read_message(data, size, message);
    if (questions > 0) {
        rebuild(data, questions, MESSAGE_MAX_OCTETS, message);
        rebuild(data, questions, size, message);
        rebuild(data, questions, questions + (size - questions) / 2, message);
    }
    free(message);
    return 0;
}
