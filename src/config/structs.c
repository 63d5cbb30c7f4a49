/*
 * structs.c - what rooms do with a configuration: find, wipe, give back.
 *
 * Apart from config.c, so that a room that reads its share is not linked with the YAML parser.
 */
#include <string.h>

#include "arena.h"
#include "avow/config/config.h"

void config_free(struct config *config)
{
    arena_free(config->memory);
    *config = (struct config){.memory = NULL};
}

void config_wipe_secrets(struct config *config)
{
    for (size_t i = 0; i < config->keystore_count; i++) {
        struct config_keystore *keystore = &config->keystores[i];
        if (keystore->pin)
            explicit_bzero(keystore->pin, keystore->pin_length);
        keystore->pin = NULL;
        keystore->pin_length = 0;
    }
    for (size_t i = 0; i < config->tsig_count; i++) {
        struct config_tsig *tsig = &config->tsig[i];
        if (tsig->secret)
            explicit_bzero(tsig->secret, tsig->secret_length);
        tsig->secret = NULL;
        tsig->secret_length = 0;
    }
    struct config_tls *tls = &config->server.tls;
    if (tls->key)
        explicit_bzero(tls->key, tls->key_length);
    tls->key = NULL;
    tls->key_length = 0;
    explicit_bzero(tls->seal, sizeof(tls->seal));
    struct config_cookies *cookies = &config->server.cookies;
    if (cookies->secrets)
        explicit_bzero(cookies->secrets, cookies->secret_count * sizeof(*cookies->secrets));
    cookies->secrets = NULL;
    cookies->secret_count = 0;
}

const struct config_zone *config_zone_find(const struct config *config, const struct name *name)
{
    size_t low = 0, high = config->zone_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = name_compare(name, &config->zones[middle].name);
        if (order == 0)
            return &config->zones[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}
