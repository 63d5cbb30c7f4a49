/* zonefile_read.h - zone text to plain lines and to complaints, for the tests of the zonefile
 * floor. */
#ifndef TESTS_UNIT_ZONEFILE_READ_H
#define TESTS_UNIT_ZONEFILE_READ_H

#include <stdio.h>
#include <string.h>

#include "avow/zonefile/parser.h"
#include "avow/zonefile/printer.h"
#include "support.h"

/* What came of reading a zone. */
struct reading {
    struct buffer lines;      /* records, printed plainly */
    struct buffer complaints; /* as `line:column: weight: what`, a line each */
    struct complaints sink;
    struct zone_printer printer;
    struct zonefile_totals totals;
    enum result result;
};

static inline void reading_take(void *context, const struct complaint *complaint)
{
    static const char *const words[] = {"error", "warning", "note"};
    struct reading *reading = context;

    buffer_format(&reading->complaints, "%u:%u: %s: %s\n", complaint->line, complaint->column,
                  words[complaint->weight], complaint->what);
}

static inline enum result reading_record(void *context, const struct zonefile_record *record)
{
    struct reading *reading = context;
    struct rrset rrset = {
        .owner = record->owner, .type = record->type, .class_ = record->class_, .ttl = record->ttl};

    zone_print_record(&reading->printer, &rrset, record->rdata, record->length, &reading->lines);
    return RESULT_OK;
}

static inline struct name reading_name(const char *text)
{
    struct name name;

    ck_assert_int_eq(name_from_string(text, &name), RESULT_OK);
    return name;
}

/* Fill in what options lack, read, and end both texts with a NUL. */
static inline void reading_run(struct reading *reading, struct zonefile_options options)
{
    *reading = (struct reading){.sink = {.take = reading_take, .context = reading}};
    zone_printer_init(&reading->printer, PRINT_PLAIN);
    options.complaints = &reading->sink;
    if (!options.record) {
        options.record = reading_record;
        options.context = reading;
    }
    reading->result = zonefile_parse(&options, &reading->totals);
    buffer_u8(&reading->lines, '\0');
    buffer_u8(&reading->complaints, '\0');
    ck_assert_int_eq(buffer_check(&reading->lines), RESULT_OK);
    ck_assert_int_eq(buffer_check(&reading->complaints), RESULT_OK);
}

static inline void reading_free(struct reading *reading)
{
    buffer_free(&reading->lines);
    buffer_free(&reading->complaints);
}

static inline const char *reading_lines(const struct reading *reading)
{
    return (const char *)reading->lines.octets;
}

static inline const char *reading_complaints(const struct reading *reading)
{
    return (const char *)reading->complaints.octets;
}

#endif
