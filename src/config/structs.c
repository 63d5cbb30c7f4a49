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

/* Octets that may be NULL. */
static uint8_t *copy(struct config *config, const void *octets, size_t length)
{
    return octets ? (uint8_t *)arena_text(config->memory, octets, length) : NULL;
}

static char *copy_text(struct config *config, const char *text)
{
    return text ? arena_text(config->memory, text, strlen(text)) : NULL;
}

enum result config_keep_tls(struct config *config, const struct config *other)
{
    const struct config_tls *from = &other->server.tls;
    struct config_tls *tls = &config->server.tls;
    size_t octets = from->listen_count * sizeof *from->listen;

    *tls = *from;
    tls->listen = (struct config_address *)(void *)copy(config, from->listen, octets);
    tls->certificate_file = copy_text(config, from->certificate_file);
    tls->key_file = copy_text(config, from->key_file);
    tls->client_ca_file = copy_text(config, from->client_ca_file);
    tls->certificate = copy(config, from->certificate, from->certificate_length);
    if (from->key)
        tls->key =
            (uint8_t *)arena_secret(config->memory, (const char *)from->key, from->key_length);
    tls->client_ca = copy(config, from->client_ca, from->client_ca_length);
    return arena_failed(config->memory) ? RESULT_SYSTEM : RESULT_OK;
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
