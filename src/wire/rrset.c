/* rrset.c - runs of RDATA in canonical order, without duplicates. */
#include "avow/wire/rrset.h"

#include <string.h>

#include "avow/wire/rdata.h"

bool rdata_run_valid(const struct rdata_run *run)
{
    struct reader reader = rdata_run_reader(run), rdata;
    uint32_t count = 0;

    while (rdata_next(&reader, &rdata))
        count++;
    return reader_finish(&reader) == RESULT_OK && count == run->count;
}

/* Octets of the record at `at`, its length field included; the run is one of our own. */
static size_t record_octets(const uint8_t *at)
{
    return 2 + (size_t)(at[0] << 8 | at[1]);
}

static size_t last_record(const struct buffer *run)
{
    size_t at = 0, next = 0;

    while (next < run->length) {
        at = next;
        next += record_octets(run->octets + at);
    }
    return at;
}

static int compare_at(const struct buffer *run, size_t at, uint16_t type, const uint8_t *rdata,
                      size_t length)
{
    const uint8_t *record = run->octets + at;

    return rdata_compare(type, record + 2, record_octets(record) - 2, rdata, length);
}

/* Where the record is or would be; zero is written to `order` when it is there. Records mostly
 * come in order, so the last one is asked first. */
static size_t find_place(const struct buffer *run, uint16_t type, const uint8_t *rdata,
                         size_t length, int *order)
{
    *order = -1;
    if (run->length == 0)
        return 0;
    size_t last = last_record(run);
    *order = compare_at(run, last, type, rdata, length);
    if (*order < 0)
        return run->length;
    if (*order == 0)
        return last;
    size_t at = 0;
    while ((*order = compare_at(run, at, type, rdata, length)) < 0)
        at += record_octets(run->octets + at);
    return at;
}

enum result rdata_run_insert(struct buffer *run, uint16_t *count, uint16_t type,
                             const uint8_t *rdata, size_t length, bool *added)
{
    int order;

    *added = false;
    if (run->failed)
        return RESULT_SYSTEM;
    size_t place = find_place(run, type, rdata, length, &order);
    if (order == 0)
        return RESULT_OK;
    if (*count == UINT16_MAX || length > UINT16_MAX ||
        run->length > (size_t)UINT32_MAX - 2 - length)
        return RESULT_FULL;
    size_t behind = run->length - place;
    if (!buffer_claim(run, 2 + length))
        return RESULT_SYSTEM;
    uint8_t *at = run->octets + place;
    memmove(at + 2 + length, at, behind);
    at[0] = (uint8_t)(length >> 8);
    at[1] = (uint8_t)length;
    if (length > 0)
        memcpy(at + 2, rdata, length);
    ++*count;
    *added = true;
    return RESULT_OK;
}

void rdata_run_remove(struct buffer *run, uint16_t *count, uint16_t type, const uint8_t *rdata,
                      size_t length, bool *removed)
{
    int order;
    size_t place = find_place(run, type, rdata, length, &order);

    *removed = order == 0;
    if (!*removed)
        return;
    uint8_t *at = run->octets + place;
    size_t octets = record_octets(at);
    memmove(at, at + octets, run->length - place - octets);
    run->length -= octets;
    --*count;
}

bool rdata_run_equal(uint16_t type, const struct rdata_run *a, const struct rdata_run *b)
{
    struct reader left = rdata_run_reader(a), right = rdata_run_reader(b), x, y;

    if (a->count != b->count)
        return false;
    while (rdata_next(&left, &x)) {
        if (!rdata_next(&right, &y) ||
            rdata_compare(type, x.at, reader_left(&x), y.at, reader_left(&y)) != 0)
            return false;
    }
    return reader_finish(&left) == RESULT_OK && reader_finish(&right) == RESULT_OK;
}
