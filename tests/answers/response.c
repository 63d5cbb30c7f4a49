/* response.c - a response taken apart and put into words. */
#include "response.h"

#include <string.h>

#include "avow/wire/rdata.h"
#include "avow/zonefile/printer.h"

static const char *read_extended_error(const struct record *opt, struct response *response)
{
    struct reader options = opt->rdata;

    while (reader_left(&options) > 0) {
        uint16_t code = reader_u16(&options);
        struct reader option = reader_part(&options, reader_u16(&options));
        if (code == EDNS_OPTION_EXTENDED_ERROR)
            response->extended_error = reader_u16(&option);
    }
    return options.failed ? "the options of the OPT do not add up" : NULL;
}

static const char *take_opt(const struct record *opt, enum section section,
                            struct response *response)
{
    if (response->opt || section != SECTION_ADDITIONAL)
        return "more than one OPT, or in the wrong section";
    if (edns_read(opt, &response->edns))
        return "the OPT is malformed";
    response->opt = true;
    response->rcode |= (uint16_t)(opt->ttl >> 24 << 4);
    return read_extended_error(opt, response);
}

static const char *take_record(struct reader *message, enum section section,
                               struct response *response, struct writer *plain)
{
    struct response_record *record = &response->records[response->count];
    struct record read;

    record_read(message, &read);
    if (message->failed)
        return "a record is malformed";
    if (read.type == TYPE_OPT)
        return take_opt(&read, section, response);
    if (response->count == RESPONSE_RECORDS)
        return "too many records for this test";
    size_t before = plain->length;
    if (rdata_read(read.type, &read.rdata, plain))
        return "RDATA is malformed, or compressed where it must not be";
    *record = (struct response_record){.section = section,
                                       .type = read.type,
                                       .class_ = read.class_,
                                       .ttl = read.ttl,
                                       .length = (uint16_t)(plain->length - before),
                                       .rdata = plain->octets + before};
    name_copy(&record->owner, &read.owner);
    response->count++;
    return NULL;
}

const char *response_read(const uint8_t *octets, size_t length, struct response *response)
{
    struct reader message = reader_over(octets, length);
    struct writer plain = writer_over(response->octets, sizeof response->octets);

    response->count = 0;
    response->opt = false;
    response->extended_error = EDE_NONE;
    header_read(&message, &response->header);
    response->rcode = response->header.flags & FLAG_RCODE;
    if (response->header.counts[SECTION_QUESTION] > 1)
        return "more than one question";
    if (response->header.counts[SECTION_QUESTION])
        question_read(&message, &response->question);
    if (message.failed)
        return "header or question are malformed";
    for (enum section section = SECTION_ANSWER; section < SECTIONS; section++) {
        for (unsigned i = 0; i < response->header.counts[section]; i++) {
            const char *wrong = take_record(&message, section, response, &plain);
            if (wrong)
                return wrong;
        }
    }
    return reader_finish(&message) ? "octets are left over" : NULL;
}

/* ---- words ---------------------------------------------------------------------------------- */

static void print_head(const struct response *response, enum response_words words,
                       struct buffer *text)
{
    static const struct {
        uint16_t flag;
        const char *word;
    } flags[] = {{FLAG_AA, " aa"}, {FLAG_TC, " tc"}, {FLAG_RD, " rd"}, {FLAG_RA, " ra"},
                 {FLAG_Z, " z"},   {FLAG_AD, " ad"}, {FLAG_CD, " cd"}};

    buffer_text(text, rcode_to_text(response->rcode));
    for (size_t i = 0; i < COUNT(flags); i++)
        if (response->header.flags & flags[i].flag)
            buffer_text(text, flags[i].word);
    if (words == WORDS_ALL && response->extended_error != EDE_NONE)
        buffer_format(text, " ede=%u", response->extended_error);
    buffer_text(text, "\n");
}

static bool is_left_out(const struct response_record *record, enum response_words words)
{
    return words == WORDS_PLAIN &&
           (record->type == TYPE_RRSIG || record->type == TYPE_NSEC || record->type == TYPE_NSEC3 ||
            (record->type == TYPE_DS && record->section == SECTION_AUTHORITY));
}

/* A signature is never the same twice: only what it covers is told. */
static void print_record(struct zone_printer *printer, const struct response_record *record,
                         struct buffer *text)
{
    const struct rrset rrset = {.owner = &record->owner,
                                .type = record->type,
                                .class_ = record->class_,
                                .ttl = record->ttl};
    char name[NAME_MAX_TEXT], type[TYPE_MAX_TEXT];

    if (record->type != TYPE_RRSIG) {
        zone_print_record(printer, &rrset, record->rdata, record->length, text);
        return;
    }
    buffer_format(text, "%s %u IN RRSIG %s\n", name_to_text(&record->owner, name), record->ttl,
                  type_to_text((uint16_t)(record->rdata[0] << 8 | record->rdata[1]), type));
}

void response_print(const struct response *response, enum response_words words, struct buffer *text)
{
    static const char *const titles[] = {"", "answer\n", "authority\n", "additional\n"};
    enum section section = SECTION_QUESTION;

    print_head(response, words, text);
    for (unsigned i = 0; i < response->count; i++) {
        const struct response_record *record = &response->records[i];
        struct zone_printer printer;
        if (is_left_out(record, words))
            continue;
        if (record->section != section)
            buffer_text(text, titles[section = record->section]);
        zone_printer_init(&printer, PRINT_PLAIN);
        print_record(&printer, record, text);
    }
}
