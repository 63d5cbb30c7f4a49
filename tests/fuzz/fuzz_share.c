/* fuzz_share.c - a room's share of the configuration, as another process might have made it. */
#include <stdint.h>
#include <stdlib.h>

#include "avow/config/share.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t size)
{
    struct config config;

    if (share_read(octets, size, &config) != RESULT_OK && config.memory)
        abort(); /* what was not read must be empty */
    config_free(&config);
    return 0;
}
