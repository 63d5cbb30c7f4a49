/* fuzz_identity.c - whatever a veil that was taken over seals: what is read is written the same. */
#include <stdlib.h>
#include <string.h>

#include "avow/ipc/identity.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SOCKET_OCTETS = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t key[IDENTITY_KEY_OCTETS] = "of veil and desk";
    uint8_t text[SOCKET_OCTETS + IDENTITY_MOST_OCTETS] = {0}, again[IDENTITY_MOST_OCTETS];
    struct identity identity;

    if (size > IDENTITY_MOST_OCTETS)
        return 0;
    if (size < SIPHASH_OCTETS) {
        if (identity_read(span_of(data, size), key, 0, &identity) == RESULT_OK)
            abort();
        return 0;
    }
    size_t length = size - SIPHASH_OCTETS;
    uint8_t *octets = malloc(size);
    if (!octets)
        return 0;
    memcpy(octets, data, length);
    memcpy(text + SOCKET_OCTETS, data, length);
    siphash(key, text, SOCKET_OCTETS + length, octets + length);
    if (identity_read(span_of(octets, size), key, 0, &identity) == RESULT_OK &&
        (identity_write(&identity, key, 0, again) != size || memcmp(octets, again, size) != 0))
        abort();
    free(octets);
    return 0;
}
