/* keyring.c - keys in order of their names, each with an HMAC context that has its secret. */
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "algorithm.h"

static int by_name(const void *a, const void *b)
{
    const struct tsig_key *left = a, *right = b;

    return name_compare(&left->name, &right->name);
}

/* Every name once, every algorithm one of ours, no secret empty: an empty one is everybody's. */
static enum result judge_keys(const struct tsig_key *keys, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (tsig_mac_octets(keys[i].algorithm) == 0 || !keys[i].secret ||
            keys[i].secret_length == 0)
            return RESULT_REFUSED;
        if (i > 0 && name_equal(&keys[i - 1].name, &keys[i].name))
            return RESULT_REFUSED;
    }
    return RESULT_OK;
}

/* OpenSSL keeps a copy of the secret, with which EVP_MAC_init without a key begins anew. */
static EVP_MAC_CTX *make_context(EVP_MAC *method, const struct tsig_key *key)
{
    char digest[16];
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    EVP_MAC_CTX *context = EVP_MAC_CTX_new(method);

    (void)strncpy(digest, tsig_algorithm_digest(key->algorithm), sizeof digest - 1);
    digest[sizeof digest - 1] = '\0';
    if (context && EVP_MAC_init(context, key->secret, key->secret_length, parameters) != 1) {
        EVP_MAC_CTX_free(context);
        context = NULL;
    }
    return context;
}

static enum result make_contexts(struct tsig_keyring *keyring)
{
    keyring->method = EVP_MAC_fetch(NULL, "HMAC", NULL);
    if (!keyring->method)
        return RESULT_SYSTEM;
    for (size_t i = 0; i < keyring->count; i++) {
        keyring->contexts[i] = make_context(keyring->method, &keyring->keys[i]);
        if (!keyring->contexts[i])
            return RESULT_SYSTEM;
        keyring->keys[i].secret = NULL;
        keyring->keys[i].secret_length = 0;
    }
    return RESULT_OK;
}

enum result tsig_keyring_open(struct tsig_keyring *keyring, const struct tsig_key *keys,
                              size_t count)
{
    enum result result;

    *keyring = (struct tsig_keyring){.method = NULL};
    keyring->keys = calloc(count ? count : 1, sizeof *keyring->keys);
    /* Pointers: NOLINTNEXTLINE(bugprone-sizeof-expression) */
    keyring->contexts = calloc(count ? count : 1, sizeof *keyring->contexts);
    if (!keyring->keys || !keyring->contexts) {
        result = RESULT_SYSTEM;
        goto failed;
    }
    if (count > 0)
        memcpy(keyring->keys, keys, count * sizeof *keys);
    keyring->count = count;
    qsort(keyring->keys, count, sizeof *keyring->keys, by_name);

    result = judge_keys(keyring->keys, count);
    if (result)
        goto failed;
    result = make_contexts(keyring);
    if (result)
        goto failed;
    return RESULT_OK;

failed:
    ERR_clear_error();
    tsig_keyring_close(keyring);
    return result;
}

void tsig_keyring_close(struct tsig_keyring *keyring)
{
    /* OpenSSL wipes the secret that a context has. */
    for (size_t i = 0; keyring->contexts && i < keyring->count; i++)
        EVP_MAC_CTX_free(keyring->contexts[i]);
    EVP_MAC_free(keyring->method);
    if (keyring->keys)
        OPENSSL_cleanse(keyring->keys, keyring->count * sizeof *keyring->keys);
    free(keyring->keys);
    free(keyring->contexts);
    *keyring = (struct tsig_keyring){.method = NULL};
}

const struct tsig_key *tsig_keyring_find(const struct tsig_keyring *keyring,
                                         const struct name *name)
{
    size_t low = 0, high = keyring->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = name_compare(name, &keyring->keys[middle].name);
        if (order == 0)
            return &keyring->keys[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}
