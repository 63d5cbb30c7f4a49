/* dump_fields.h - the fields of rows as a dump names them, and the lines around them. */
#ifndef AVOW_SRC_CHANGE_DUMP_FIELDS_H
#define AVOW_SRC_CHANGE_DUMP_FIELDS_H

#include "avow/change/dump.h"

/* A number of a row: its name in the dump, where it lies in the struct, how many octets it has. */
struct dump_field {
    const char *name;
    size_t offset;
    size_t size;
};

extern const struct dump_field dump_zone_fields[];
extern const size_t dump_zone_field_count;
extern const struct dump_field dump_key_fields[];
extern const size_t dump_key_field_count;

uint64_t dump_field_get(const struct dump_field *field, const void *row);

/* false when the number does not fit. */
bool dump_field_set(const struct dump_field *field, void *row, uint64_t number);

#define DUMP_TITLE "avow-store-dump"

/* The hash that a dump ends in: of each line without its end, chained. */
uint64_t dump_hash(uint64_t before, const void *line, size_t length);

#endif
