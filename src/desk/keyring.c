/* keyring.c - the TSIG keys of one configuration, for as long as anything is signed with them. */
#include "keyring.h"

#include <stdlib.h>

#include "avow/config/config.h"

static enum result gather(const struct config *config, struct tsig_key *keys)
{
    for (size_t i = 0; i < config->tsig_count; i++) {
        struct config_tsig *tsig = &config->tsig[i];
        struct tsig_key *key = &keys[i];
        if (tsig_algorithm_from_text(tsig->algorithm, &key->algorithm))
            return RESULT_FORMAT;
        name_copy(&key->name, &tsig->name);
        key->secret = tsig->secret; /* of which the ring takes copies */
        key->secret_length = tsig->secret_length;
        key->context = tsig;
    }
    return RESULT_OK;
}

enum result keyring_make(const struct config *config, struct keyring **made)
{
    struct tsig_key *keys = calloc(config->tsig_count + 1, sizeof *keys);
    struct keyring *keyring = calloc(1, sizeof *keyring);
    enum result result = RESULT_SYSTEM;

    *made = NULL;
    if (keys && keyring) {
        keyring->users = 1;
        result = gather(config, keys);
        if (!result)
            result = tsig_keyring_open(&keyring->ring, keys, config->tsig_count);
    }
    free(keys);
    if (result)
        keyring_leave(keyring);
    else
        *made = keyring;
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
    free(keyring);
}
