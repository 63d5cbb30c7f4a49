/*
 * blast_key.h - what the clients of the benchmark share: their TSIG key, time, questions.
 */
#ifndef TESTS_BENCH_BLAST_KEY_H
#define TESTS_BENCH_BLAST_KEY_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "avow/base/buffer.h"
#include "avow/tsig/tsig.h"
#include "avow/wire/codec.h"

enum { BLAST_SECRET_OCTETS = 64 };

static inline void blast_stop(const char *what)
{
    fprintf(stderr, "%s%s%s\n", what, errno ? ": " : "", errno ? strerror(errno) : "");
    exit(1);
}

/* NAME:SECRET in base64, hmac-sha256; a keyring of the one key. */
static inline void blast_key(struct tsig_keyring *keyring, const char *text)
{
    struct tsig_key key = {.algorithm = TSIG_HMAC_SHA256};
    uint8_t secret[BLAST_SECRET_OCTETS];
    struct writer writer = writer_over(secret, sizeof secret);
    const char *colon = strchr(text, ':');

    errno = 0;
    if (!colon ||
        name_from_text(text, (size_t)(colon - text), &(struct name){.length = 1}, &key.name) ||
        base64_read(colon + 1, strlen(colon + 1), &writer))
        blast_stop("-k takes NAME:SECRET");
    key.secret = secret;
    key.secret_length = writer.length;
    if (tsig_keyring_open(keyring, &key, 1))
        blast_stop("the key");
}

#endif
