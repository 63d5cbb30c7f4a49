/*
 * printer.h - a zone as text.
 *
 * The plain form is one record per line, `owner. TTL CLASS TYPE rdata`, every name absolute, so
 * that lines can be sorted and compared and every reader of master files accepts them. The columns
 * form is for people: an owner is written once, fields stand below each other.
 *
 * All functions append to a buffer, whose failure (buffer_check) tells of missing memory; nothing
 * is ever ended by a NUL. Floor: zonefile.
 */
#ifndef AVOW_ZONEFILE_PRINTER_H
#define AVOW_ZONEFILE_PRINTER_H

#include "avow/base/buffer.h"
#include "avow/wire/rrset.h"

enum print_form { PRINT_PLAIN, PRINT_COLUMNS };

/* A printer remembers the last owner, so as not to write or convert it again. */
struct zone_printer {
    enum print_form form;
    struct name owner; /* last written; length 0 when none was */
    uint16_t text_length;
    char text[NAME_MAX_TEXT];
};

/* Begin a zone. In the columns form $ORIGIN and nothing relative follows: names stay absolute. */
void zone_printer_init(struct zone_printer *printer, enum print_form form);

/* All records of an RRset, a line each. */
void zone_print_rrset(struct zone_printer *printer, const struct rrset *rrset, struct buffer *text);

/* One record, as a line. `rrset` gives owner, type, class and TTL; its rdata is not looked at. */
void zone_print_record(struct zone_printer *printer, const struct rrset *rrset,
                       const uint8_t *rdata, size_t length, struct buffer *text);

#endif
