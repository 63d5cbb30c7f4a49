/* patience.c - for how long a client is waited for. */
#include "avow/base/patience.h"

enum { LEAST_MS = 1000 };

uint64_t patience_ms(uint64_t full_ms, uint32_t open, uint32_t places)
{
    uint64_t least = full_ms < LEAST_MS ? full_ms : LEAST_MS;
    uint32_t half = places / 2, upper = places - half;

    if (open <= half)
        return full_ms;
    if (open >= places)
        return least;
    return full_ms - (full_ms - least) * (open - half) / upper;
}
