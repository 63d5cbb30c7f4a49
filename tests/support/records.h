/*
 * records.h - RRsets from lines of text, for tests: what a peer signed, what an RFC prints.
 *
 * One record a line: OWNER TTL IN TYPE RDATA, names absolute, no parentheses; empty lines and
 * lines that begin with a semicolon are skipped. Anything else ends the test.
 */
#ifndef TESTS_SUPPORT_RECORDS_H
#define TESTS_SUPPORT_RECORDS_H

#include "avow/wire/rrset.h"
#include "name_of.h"

struct records_set {
    struct name owner;
    uint16_t type;
    uint16_t count;
    uint32_t ttl;
    struct buffer run;
};

/* Zeroed: none. */
struct records {
    struct records_set *sets;
    size_t count;
};

void records_add_line(struct records *records, const char *line);
void records_add_file(struct records *records, const char *path);
void records_free(struct records *records);

/* The RRset of a type at an owner; NULL when there is none. */
const struct records_set *records_find(const struct records *records, const struct name *owner,
                                       uint16_t type);

/* The same memory as the code under test sees it. */
struct rrset records_rrset(const struct records_set *set);

#endif
