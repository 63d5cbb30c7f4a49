/*
 * digest.h - message digests without the price of a look-up per call.
 *
 * OpenSSL 3 finds an algorithm by name in a locked table each time it is asked for one implicitly.
 * A struct digest_context has found them all beforehand; it belongs to one thread. Floor: dnssec.
 */
#ifndef AVOW_DNSSEC_DIGEST_H
#define AVOW_DNSSEC_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#include "avow/base/buffer.h"
#include "avow/base/result.h"

enum digest { DIGEST_NONE, DIGEST_SHA1, DIGEST_SHA256, DIGEST_SHA384, DIGEST_SHA512, DIGESTS };

enum { DIGEST_MAX_OCTETS = 64 };

struct evp_md_st;
struct evp_md_ctx_st;

/* Zeroed: closed. One per thread; not shared. */
struct digest_context {
    struct evp_md_st *methods[DIGESTS];
    struct evp_md_ctx_st *work;
    struct buffer octets; /* scratch for what is hashed; grows to the largest RRset met */
};

/* RESULT_SYSTEM when OpenSSL lacks memory or a digest. Takes memory now, so that use does not. */
MUST_CHECK enum result digest_context_open(struct digest_context *context);

/* Takes a context in any state. */
void digest_context_close(struct digest_context *context);

/* Octets of a digest: 20, 32, 48, 64; 0 for DIGEST_NONE. */
size_t digest_octets(enum digest digest);

/* Hash `length` octets into `hash`, which has room for digest_octets(digest).
 * RESULT_SYSTEM when OpenSSL fails; RESULT_FORMAT for DIGEST_NONE. */
MUST_CHECK enum result digest_make(struct digest_context *context, enum digest digest,
                                   const void *octets, size_t length, uint8_t *hash);

#endif
