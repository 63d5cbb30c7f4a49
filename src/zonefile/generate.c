/* generate.c - the arithmetic of $GENERATE: its range, and `$` in its templates. */
#include "avow/zonefile/generate.h"

#include <inttypes.h>
#include <stdbool.h>

enum { WIDEST = 255, LARGEST = INT32_MAX };

/* A reader of short texts: what does not fit fails it for good. */
struct scan {
    const char *at;
    const char *end;
    bool failed;
};

static bool scan_char(struct scan *scan, char wanted)
{
    if (scan->failed || scan->at == scan->end || *scan->at != wanted)
        return false;
    scan->at++;
    return true;
}

static uint32_t scan_number(struct scan *scan)
{
    uint64_t number = 0;
    const char *start = scan->at;

    while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9' && number <= LARGEST)
        number = number * 10 + (uint64_t)(*scan->at++ - '0');
    if (scan->at == start || number > LARGEST)
        scan->failed = true;
    return (uint32_t)number;
}

enum result generate_range_read(const char *text, size_t length, struct generate_range *range)
{
    struct scan scan = {.at = text, .end = text + length};

    range->start = scan_number(&scan);
    if (!scan_char(&scan, '-'))
        return RESULT_FORMAT;
    range->stop = scan_number(&scan);
    range->step = scan_char(&scan, '/') ? scan_number(&scan) : 1;
    if (scan.failed || scan.at != scan.end || range->step == 0 || range->start > range->stop)
        return RESULT_FORMAT;
    return RESULT_OK;
}

uint64_t generate_range_count(const struct generate_range *range)
{
    return (uint64_t)(range->stop - range->start) / range->step + 1;
}

/* What stands in `${...}`; a bare `$` is the zeroed one with base d. */
struct modifier {
    int64_t offset;
    uint32_t width;
    char base;
};

static bool is_base(char c)
{
    return c == 'd' || c == 'o' || c == 'x' || c == 'X' || c == 'n' || c == 'N';
}

static void scan_modifier(struct scan *scan, struct modifier *modifier)
{
    bool minus = scan_char(scan, '-');

    if (!minus)
        (void)scan_char(scan, '+');
    modifier->offset = scan_number(scan);
    if (minus)
        modifier->offset = -modifier->offset;
    if (scan_char(scan, ','))
        modifier->width = scan_number(scan);
    if (scan_char(scan, ',')) {
        if (scan->at == scan->end || !is_base(*scan->at))
            scan->failed = true;
        else
            modifier->base = *scan->at++;
    }
    if (!scan_char(scan, '}') || modifier->width > WIDEST)
        scan->failed = true;
}

/* Lowest nibble first, dots between them; the width counts dots too, as in BIND. */
static void put_nibbles(struct buffer *out, uint64_t value, uint32_t width, char base)
{
    const char *digits = base == 'n' ? "0123456789abcdef" : "0123456789ABCDEF";

    do {
        buffer_u8(out, (uint8_t)digits[value & 15]);
        value >>= 4;
        if (width > 0)
            width--;
        if (width > 0 || value != 0) {
            buffer_u8(out, '.');
            if (width > 0)
                width--;
        }
    } while (value != 0 || width > 0);
}

static void put_value(struct buffer *out, int64_t value, const struct modifier *modifier)
{
    int width = (int)modifier->width;

    switch (modifier->base) {
    case 'o':
        buffer_format(out, "%0*" PRIo64, width, (uint64_t)value);
        break;
    case 'x':
        buffer_format(out, "%0*" PRIx64, width, (uint64_t)value);
        break;
    case 'X':
        buffer_format(out, "%0*" PRIX64, width, (uint64_t)value);
        break;
    case 'n':
    case 'N':
        put_nibbles(out, (uint64_t)value, modifier->width, modifier->base);
        break;
    default:
        buffer_format(out, "%0*" PRId64, width, value);
        break;
    }
}

/* A dollar sign, standing behind it. False when what follows is malformed. */
static bool expand_dollar(struct scan *scan, uint32_t value, struct buffer *out)
{
    struct modifier modifier = {.base = 'd'};

    if (scan_char(scan, '$')) {
        buffer_u8(out, '$');
        return true;
    }
    if (scan_char(scan, '{'))
        scan_modifier(scan, &modifier);
    int64_t sum = (int64_t)value + modifier.offset;
    if (scan->failed || (sum < 0 && modifier.base != 'd'))
        return false;
    put_value(out, sum, &modifier);
    return true;
}

enum result generate_expand(const char *text, size_t length, uint32_t value, struct buffer *out,
                            const char **what)
{
    struct scan scan = {.at = text, .end = text + length};

    while (scan.at < scan.end) {
        char c = *scan.at++;
        if (c == '$') {
            if (!expand_dollar(&scan, value, out)) {
                *what = "a modifier is ${offset,width,base} with base d, o, x, X, n or N, width at "
                        "most 255 and a sum that is not below zero";
                return RESULT_FORMAT;
            }
            continue;
        }
        buffer_u8(out, (uint8_t)c);
        if (c == '\\' && scan.at < scan.end)
            buffer_u8(out, (uint8_t)*scan.at++);
    }
    return buffer_check(out);
}
