/* fuzz_share.c - a room's share of the configuration, as another process might have made it. */
#include <stdint.h>
#include <stdlib.h>

#include "avow/config/grants.h"
#include "avow/config/share.h"
#include "avow/wire/type.h"

/* Whatever the entries say, they can be judged by; and none grants what nothing may. */
static void judge(const struct config *config)
{
    static const uint8_t address[16] = {[10] = 0xff, [11] = 0xff, [12] = 192};

    for (size_t i = 0; i < config->zone_count; i++)
        for (size_t j = 0; j <= config->tsig_count; j++) {
            const struct config_zone *zone = &config->zones[i];
            const struct config_tsig *key = j < config->tsig_count ? &config->tsig[j] : NULL;
            const struct config_peer peer = {.key = key, .family = 6, .address = address};
            const struct name *owner = key ? &key->name : &zone->name;
            bool any = config_update_allowed(zone, &peer);
            if (config_transfer_allowed(zone, &peer) && !zone->allow_transfer_count)
                abort();
            if (config_grant_find(zone, &peer, owner, TYPE_A) && !any)
                abort();
            if (config_grant_find(zone, &peer, owner, TYPE_RRSIG))
                abort();
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t size)
{
    struct config config;

    enum result result = share_read(octets, size, &config);
    if (result != RESULT_OK && config.memory)
        abort(); /* what was not read must be empty */
    if (result == RESULT_OK)
        judge(&config);
    config_free(&config);
    return 0;
}
