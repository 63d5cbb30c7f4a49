/* ttl.c - spans of time as people write them. */
#include "avow/zonefile/parser.h"

static uint64_t unit_seconds(char unit)
{
    switch (unit | 0x20) {
    case 's':
        return 1;
    case 'm':
        return 60;
    case 'h':
        return 3600;
    case 'd':
        return 86400;
    case 'w':
        return 604800;
    default:
        return 0;
    }
}

enum result ttl_from_text(const char *text, size_t length, uint32_t *ttl)
{
    uint64_t sum = 0, number = 0;
    size_t digits = 0;

    for (size_t i = 0; i < length; i++) {
        if (text[i] >= '0' && text[i] <= '9') {
            number = number * 10 + (uint64_t)(text[i] - '0');
            digits++;
        } else {
            uint64_t unit = unit_seconds(text[i]);
            if (unit == 0 || digits == 0)
                return RESULT_FORMAT;
            sum += number * unit; /* at most 2^32 * 604800: far from overflowing */
            number = 0;
            digits = 0;
        }
        if (number > UINT32_MAX || sum > UINT32_MAX)
            return RESULT_FULL;
    }
    if (length == 0)
        return RESULT_FORMAT;
    sum += number; /* digits without a unit are seconds */
    if (sum > UINT32_MAX)
        return RESULT_FULL;
    *ttl = (uint32_t)sum;
    return RESULT_OK;
}
