/* printer.c - a zone as text. */
#include "avow/zonefile/printer.h"

#include <inttypes.h>
#include <string.h>

#include "avow/wire/rdata.h"

enum { OWNER_COLUMN = 31, TTL_COLUMN = 7, TYPE_COLUMN = 10 };

void zone_printer_init(struct zone_printer *printer, enum print_form form)
{
    printer->form = form;
    printer->owner.length = 0;
    printer->text_length = 0;
}

/* The owner's text, made anew only when it is another. True when it is the one before. */
static bool take_owner(struct zone_printer *printer, const struct name *owner)
{
    const struct name *last = &printer->owner;

    if (last->length == owner->length && memcmp(last->octets, owner->octets, owner->length) == 0)
        return true;
    name_copy(&printer->owner, owner);
    printer->text_length = (uint16_t)strlen(name_to_text(owner, printer->text));
    return false;
}

static void fill(struct buffer *text, size_t from, size_t to)
{
    uint8_t *blanks = to > from ? buffer_claim(text, to - from) : NULL;

    if (blanks)
        memset(blanks, ' ', to - from);
}

/* At least one blank, and up to the column. */
static void pad(struct buffer *text, size_t used, size_t column)
{
    fill(text, used, used < column ? column : used);
    buffer_u8(text, ' ');
}

static void put_number(struct buffer *text, uint32_t number, size_t column)
{
    char digits[10];
    size_t length = 0;

    do
        digits[sizeof digits - ++length] = (char)('0' + number % 10);
    while ((number /= 10) != 0);
    fill(text, length, column);
    buffer_add(text, digits + sizeof digits - length, length);
}

static void print_columns(struct zone_printer *printer, const struct rrset *rrset, bool same,
                          struct buffer *text)
{
    char type[TYPE_MAX_TEXT], class_[TYPE_MAX_TEXT];
    const char *type_text = type_to_text(rrset->type, type);

    if (!same)
        buffer_add(text, printer->text, printer->text_length);
    pad(text, same ? 0 : printer->text_length, OWNER_COLUMN);
    put_number(text, rrset->ttl, TTL_COLUMN);
    buffer_u8(text, ' ');
    buffer_text(text, class_to_text(rrset->class_, class_));
    buffer_u8(text, ' ');
    buffer_text(text, type_text);
    pad(text, strlen(type_text), TYPE_COLUMN);
}

static void print_plain(const struct zone_printer *printer, const struct rrset *rrset,
                        struct buffer *text)
{
    char type[TYPE_MAX_TEXT], class_[TYPE_MAX_TEXT];

    buffer_add(text, printer->text, printer->text_length);
    buffer_u8(text, ' ');
    put_number(text, rrset->ttl, 0);
    buffer_u8(text, ' ');
    buffer_text(text, class_to_text(rrset->class_, class_));
    buffer_u8(text, ' ');
    buffer_text(text, type_to_text(rrset->type, type));
    buffer_u8(text, ' ');
}

void zone_print_record(struct zone_printer *printer, const struct rrset *rrset,
                       const uint8_t *rdata, size_t length, struct buffer *text)
{
    bool same = take_owner(printer, rrset->owner);

    if (printer->form == PRINT_COLUMNS)
        print_columns(printer, rrset, same, text);
    else
        print_plain(printer, rrset, text);
    rdata_to_text(rrset->type, rdata, length, text);
    buffer_u8(text, '\n');
}

void zone_print_rrset(struct zone_printer *printer, const struct rrset *rrset, struct buffer *text)
{
    struct reader run = rdata_run_reader(&rrset->rdata);

    for (struct reader rdata; rdata_next(&run, &rdata);)
        zone_print_record(printer, rrset, rdata.at, reader_left(&rdata), text);
}
