/* keyring.c - the TSIG keys of one configuration, for as long as anything is signed with them. */
#include "keyring.h"

#include <stdlib.h>
#include <string.h>

#include "avow/config/config.h"

static size_t secrets_octets(const struct config *config)
{
    size_t octets = 0;

    for (size_t i = 0; i < config->tsig_count; i++)
        octets += config->tsig[i].secret_length;
    return octets;
}

/* The keys point into `secrets`. */
static enum result gather(const struct config *config, uint8_t *secrets, struct tsig_key *keys)
{
    for (size_t i = 0; i < config->tsig_count; i++) {
        struct config_tsig *tsig = &config->tsig[i];
        struct tsig_key *key = &keys[i];
        if (tsig_algorithm_from_text(tsig->algorithm, &key->algorithm))
            return RESULT_FORMAT;
        name_copy(&key->name, &tsig->name);
        if (tsig->secret_length)
            memcpy(secrets, tsig->secret, tsig->secret_length);
        key->secret = secrets;
        key->secret_length = tsig->secret_length;
        key->context = tsig;
        secrets += tsig->secret_length;
    }
    return RESULT_OK;
}

enum result keyring_make(const struct config *config, struct keyring **made)
{
    size_t octets = secrets_octets(config);
    struct tsig_key *keys = calloc(config->tsig_count + 1, sizeof *keys);
    struct keyring *keyring = calloc(1, sizeof *keyring);
    enum result result = RESULT_SYSTEM;

    *made = NULL;
    if (!keys || !keyring)
        goto failed;
    keyring->users = 1;
    keyring->secrets = malloc(octets + 1);
    if (!keyring->secrets)
        goto failed;
    keyring->secrets_length = octets;
    result = gather(config, keyring->secrets, keys);
    if (!result)
        result = tsig_keyring_open(&keyring->ring, keys, config->tsig_count);
    if (result)
        goto failed;
    free(keys);
    *made = keyring;
    return RESULT_OK;

failed:
    free(keys);
    keyring_leave(keyring);
    return result;
}

struct keyring *keyring_use(struct keyring *keyring)
{
    if (keyring)
        keyring->users++;
    return keyring;
}

void keyring_leave(struct keyring *keyring)
{
    if (!keyring || (keyring->users && --keyring->users))
        return;
    tsig_keyring_close(&keyring->ring);
    if (keyring->secrets)
        explicit_bzero(keyring->secrets, keyring->secrets_length);
    free(keyring->secrets);
    free(keyring);
}
