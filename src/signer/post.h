/*
 * post.h - all that works for one keystore.
 *
 * Nobody at one post waits for the token of another. Beside the keystores' posts there is one for
 * what lies in several keystores, or in none that is known: there alone a thread that has done its
 * part at one token waits for the other. A signer with a single keystore has a single post.
 */
#ifndef SIGNER_POST_H
#define SIGNER_POST_H

#include "clerk.h"
#include "pool.h"

enum { POST_TEXT_OCTETS = 1100 };

struct post {
    struct keystore *keystore; /* NULL: of several, or none */
    struct pool pool;
    struct clerk clerk;

    /* What the watch found last (hang.c). */
    bool stuck;        /* a call does not end, or the token cannot be used any more */
    bool stalled;      /* so that nothing can be signed */
    const char *token; /* while stuck: the name of the keystore, and what is wrong */
    char text[POST_TEXT_OCTETS];
};

#endif
