/*
 * sort.h - which jobs of a letter are for which keystore.
 */
#ifndef SIGNER_SORT_H
#define SIGNER_SORT_H

#include "avow/ipc/messages.h"
#include "keys.h"

struct sort {
    struct keys *keys;
    const struct keystore *keystores;
    size_t otherwise; /* where jobs go whose keys lie in several keystores, or in none */
    /* A part of the letter is for this keystore. It lies in the letter. */
    void (*take)(void *context, size_t keystore, const struct message_sign *part);
    void *context;
};

/* Divide a letter into runs of jobs for one keystore each, in their order. Octets that are no job
 * go with the last run, to whoever reads it. */
void sort_letter(const struct sort *sort, const struct message_sign *sign);

#endif
