/* digest.c - message digests without the price of a look-up per call. */
#include "avow/dnssec/digest.h"

#include <openssl/err.h>
#include <openssl/evp.h>

static const struct {
    const char *name;
    size_t octets;
} digests[DIGESTS] = {
    [DIGEST_NONE] = {NULL, 0},          [DIGEST_SHA1] = {"SHA1", 20},
    [DIGEST_SHA256] = {"SHA2-256", 32}, [DIGEST_SHA384] = {"SHA2-384", 48},
    [DIGEST_SHA512] = {"SHA2-512", 64},
};

enum { SCRATCH_OCTETS = 4096 }; /* most RRsets; larger ones make it grow once */

enum result digest_context_open(struct digest_context *context)
{
    *context = (struct digest_context){.work = NULL};

    context->work = EVP_MD_CTX_new();
    if (!context->work)
        goto failed;
    for (int i = DIGEST_SHA1; i < DIGESTS; i++) {
        context->methods[i] = EVP_MD_fetch(NULL, digests[i].name, NULL);
        if (!context->methods[i])
            goto failed;
    }
    if (!buffer_claim(&context->octets, SCRATCH_OCTETS))
        goto failed;
    buffer_clear(&context->octets);
    return RESULT_OK;

failed:
    ERR_clear_error();
    digest_context_close(context);
    return RESULT_SYSTEM;
}

void digest_context_close(struct digest_context *context)
{
    for (int i = 0; i < DIGESTS; i++)
        EVP_MD_free(context->methods[i]);
    EVP_MD_CTX_free(context->work);
    buffer_free(&context->octets);
    *context = (struct digest_context){.work = NULL};
}

size_t digest_octets(enum digest digest)
{
    return (unsigned)digest < DIGESTS ? digests[digest].octets : 0;
}

enum result digest_make(struct digest_context *context, enum digest digest, const void *octets,
                        size_t length, uint8_t *hash)
{
    if (digest_octets(digest) == 0)
        return RESULT_FORMAT;
    if (EVP_DigestInit_ex2(context->work, context->methods[digest], NULL) != 1 ||
        EVP_DigestUpdate(context->work, octets, length) != 1 ||
        EVP_DigestFinal_ex(context->work, hash, NULL) != 1) {
        ERR_clear_error();
        return RESULT_SYSTEM;
    }
    return RESULT_OK;
}
