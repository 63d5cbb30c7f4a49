/* journal_support.h - entries of a zone's journal, made and read back. */
#ifndef TESTS_UNIT_JOURNAL_SUPPORT_H
#define TESTS_UNIT_JOURNAL_SUPPORT_H

#include "store_support.h"

#include "avow/change/journal.h"
#include "avow/store/key.h"

/* A row of `count` records of `length` octets, all of them `fill`. */
static inline void add_row(struct buffer *rows, enum journal_act act, uint16_t count,
                           uint16_t length, uint8_t fill)
{
    struct buffer run = {.length = 0};
    struct journal_rrset rrset = {
        .act = act, .owner = name_of("Host.example."), .type = TYPE_TXT, .ttl = 300};

    rrset.rdata = make_run(&run, count, length, fill);
    journal_add(rows, &rrset);
    buffer_free(&run);
}

/* Rows of about `octets` octets, which `seed` tells apart. */
static inline void make_rows(struct buffer *rows, size_t octets, uint8_t seed)
{
    buffer_clear(rows);
    do
        add_row(rows, JOURNAL_ADDED, 1, 60, (uint8_t)(seed + rows->length));
    while (rows->length < octets);
}

/* Every piece of an entry, one behind the other; false when something is damaged. */
static inline bool read_rows(struct snapshot *snapshot, const struct journal_entry *entry,
                             struct buffer *rows)
{
    struct reader piece;
    struct journal_rrset rrset;

    buffer_clear(rows);
    for (uint16_t i = 0; i < entry->pieces; i++) {
        if (journal_piece(snapshot, entry, i, &piece) != RECORD_THERE)
            return false;
        ck_assert_uint_gt(reader_left(&piece), 0);
        while (journal_next(&piece, &rrset))
            journal_add(rows, &rrset);
        if (reader_finish(&piece))
            return false;
    }
    return true;
}

static inline bool same_rows(const struct buffer *a, const struct buffer *b)
{
    return a->length == b->length && memcmp(a->octets, b->octets, a->length) == 0;
}

#endif
