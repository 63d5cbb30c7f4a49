/* random.c - octets from the kernel. */
#include "avow/base/random.h"

#include <errno.h>
#include <stdint.h>
#include <sys/random.h>

enum result random_fill(void *octets, size_t length)
{
    uint8_t *at = octets;

    while (length > 0) {
        ssize_t got = getrandom(at, length, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return RESULT_SYSTEM;
        at += got;
        length -= (size_t)got;
    }
    return RESULT_OK;
}
